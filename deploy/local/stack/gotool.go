package stack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// goTool runs the go command in the module's folder and returns what it prints.
// Each line of its error output goes to report (nil: to nobody).
func (b build) goTool(ctx context.Context, report func(line string), args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.folder
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) } // it clears its temporary files away
	cmd.WaitDelay = 5 * time.Second
	var output strings.Builder
	cmd.Stdout = &output
	messages, err := cmd.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := b.starter.start(cmd); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			err = fmt.Errorf("%w: install Go (https://go.dev/dl)", err)
		}
		return "", err
	}
	var last tail
	for lines := bufio.NewScanner(messages); lines.Scan(); {
		last.add(lines.Text())
		if report != nil {
			report(lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("go %s: %w; its last words:\n%s", strings.Join(args, " "), err, last)
	}
	return output.String(), nil
}
