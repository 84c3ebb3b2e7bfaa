package stack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// build turns a server's Go module into a program in the cache folder, under a
// key made of all that the program depends on.
type build struct {
	server
	folder  string // of the module
	target  string // the program
	console *console
	starter *starter
}

func newBuild(ctx context.Context, cfg Config, s server, starter *starter) (build, error) {
	b := build{server: s, folder: cfg.path(s.folder, ""), console: newConsole(cfg.Progress), starter: starter}
	toolchain, err := b.goTool(ctx, nil, "env", "GOVERSION", "GOOS", "GOARCH", "CGO_ENABLED")
	if err != nil {
		return b, err
	}
	key, err := contentKey(b.folder, toolchain, s.pkg, s.ldflags)
	if err != nil {
		return b, fmt.Errorf("read its module: %w", err)
	}
	b.target = filepath.Join(cfg.CacheDir, s.name+"-"+key)
	return b, nil
}

// contentKey hashes the module's files, go.mod and go.sum among them, and the
// circumstances of the build.
func contentKey(folder string, circumstances ...string) (string, error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q\n", circumstances)
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		fmt.Fprintf(hash, "%q %x\n", name, sha256.Sum256(content))
		return err
	})
	return hex.EncodeToString(hash.Sum(nil))[:16], err
}

func (b build) done() bool {
	_, err := os.Stat(b.target)
	return err == nil
}

// run builds the program unless another process has done so meanwhile. place
// says which build this is, such as "1 of 2".
func (b build) run(ctx context.Context, place string) error {
	if err := os.MkdirAll(filepath.Dir(b.target), 0o755); err != nil {
		return err
	}
	lock, err := b.lock(ctx)
	if err != nil {
		return fmt.Errorf("wait for another build of it: %w", err)
	}
	defer lock.Close()
	if b.done() {
		return nil
	}
	version, err := b.goTool(ctx, nil, "list", "-m", "-f", "{{.Version}}", b.module)
	if err != nil {
		return err
	}
	progress := &buildProgress{what: fmt.Sprintf("%s %s (%s)", b.title, strings.TrimSpace(version), place), since: time.Now()}
	fmt.Fprintf(b.console, "building %s from its Go module: this can take minutes, once\n", progress.what)
	stop := b.console.track(15*time.Second, progress.String)
	err = b.compile(ctx, progress)
	stop()
	if err != nil {
		return err
	}
	fmt.Fprintf(b.console, "built %s in %s\n", progress.what, progress.elapsed())
	return nil
}

func (b build) lock(ctx context.Context) (io.Closer, error) {
	told := false
	return lockFile(ctx, b.target+".lock", func() {
		if !told {
			fmt.Fprintf(b.console, "waiting for another process that builds %s\n", b.title)
		}
		told = true
	})
}

func (b build) compile(ctx context.Context, progress *buildProgress) error {
	stale, err := b.goTool(ctx, progress.line, "list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", b.pkg)
	if err != nil {
		return err
	}
	progress.compiling(len(strings.Fields(stale))) // the rest comes from Go's own cache
	unfinished := fmt.Sprintf("%s.unfinished", b.target)
	if _, err := b.goTool(ctx, progress.line, "build", "-v", "-buildvcs=false", "-ldflags", b.ldflags, "-o", unfinished, b.pkg); err != nil {
		return errors.Join(err, os.RemoveAll(unfinished))
	}
	return os.Rename(unfinished, b.target)
}

// buildProgress counts what the go command reports.
type buildProgress struct {
	what  string
	since time.Time

	mu                          sync.Mutex
	downloaded, compiled, total int
}

func (p *buildProgress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case strings.HasPrefix(text, "go: downloading "):
		p.downloaded++
	case p.total > 0 && !strings.Contains(text, " "):
		p.compiled++
	}
}

func (p *buildProgress) compiling(total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = total
}

func (p *buildProgress) elapsed() time.Duration { return time.Since(p.since).Round(time.Second) }

func (p *buildProgress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total == 0 {
		return fmt.Sprintf("building %s: %d modules downloaded, %s", p.what, p.downloaded, p.elapsed())
	}
	if p.compiled >= p.total-1 { // the program itself may be in Go's cache but for its last step
		return fmt.Sprintf("building %s: linking, %s", p.what, p.elapsed())
	}
	return fmt.Sprintf("building %s: %d of %d packages compiled, %s", p.what, p.compiled, p.total, p.elapsed())
}
