package standins

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"ordertrace/deploy/local/stack"
)

var (
	compose = stack.Program{
		Name: "docker-compose", Title: "Docker Compose", Folder: "deploy/standins/compose",
		Package: "github.com/docker/compose/v2/cmd", Module: "github.com/docker/compose/v2",
	}
	temporalServer = stack.Program{
		Name: "temporal-server", Title: "Temporal's server", Folder: temporalModule,
		Package: "go.temporal.io/server/cmd/server", Module: "go.temporal.io/server",
	}
	temporalSQLTool = stack.Program{
		Name: "temporal-sql-tool", Title: "Temporal's SQL tool", Folder: temporalModule,
		Package: "go.temporal.io/server/cmd/tools/sql", Module: "go.temporal.io/server",
	}
	temporalCLI = stack.Program{
		Name: "temporal-cli", Title: "Temporal's CLI", Folder: "deploy/standins/temporalcli",
		Package: "github.com/temporalio/cli/cmd/temporal", Module: "github.com/temporalio/cli",
	}
	temporalUI = stack.Program{
		Name: "temporal-ui", Title: "Temporal's UI", Folder: uiModule,
		Package: "github.com/temporalio/ui-server/v2/cmd/server", Module: "github.com/temporalio/ui-server/v2",
	}
)

const (
	temporalModule = "deploy/standins/temporal"
	uiModule       = "deploy/local/temporalui"
)

// Compose is the path of a docker-compose of version 2.
func (e *Engine) Compose(ctx context.Context) (string, error) {
	return compose.Path(ctx, e.cfg.stack())
}

func (k *kitchen) addProgram(ctx context.Context, p stack.Program, as string) error {
	path, err := p.Path(ctx, k.cfg.stack())
	if err == nil {
		k.addFile(path, as)
	}
	return err
}

func putTemporalServer(ctx context.Context, k *kitchen) error {
	return k.addProgram(ctx, temporalServer, "temporal-server")
}

func putTemporalTools(ctx context.Context, k *kitchen) error {
	module, err := k.moduleFolder(ctx, temporalModule, temporalSQLTool.Module)
	if err != nil {
		return err
	}
	k.add("schema "+module, func(_ context.Context, folder string) error {
		return os.CopyFS(filepath.Join(folder, "schema"), os.DirFS(filepath.Join(module, "schema")))
	})
	return errors.Join(k.addProgram(ctx, temporalSQLTool, "temporal-sql-tool"), k.addProgram(ctx, temporalCLI, "temporal"))
}

func putTemporalUI(ctx context.Context, k *kitchen) error {
	module, err := k.moduleFolder(ctx, uiModule, temporalUI.Module)
	if err != nil {
		return err
	}
	k.addFile(filepath.Join(module, "config/docker.yaml"), "docker.yaml")
	return k.addProgram(ctx, temporalUI, "ui-server")
}

func putJaeger(ctx context.Context, k *kitchen) error {
	cfg := k.cfg.stack()
	cfg.IgnorePath = true // a release on the PATH need not be built for Debian
	path, err := stack.Jaeger(ctx, cfg)
	if err == nil {
		k.addFile(path, "jaeger")
	}
	return err
}

func putCollector(ctx context.Context, k *kitchen) error {
	cfg := k.cfg.stack()
	cfg.IgnorePath = true
	path, err := stack.Collector(ctx, cfg)
	if err != nil {
		return err
	}
	k.addFile(path, "otelcol-contrib")
	k.add("libraries", func(ctx context.Context, folder string) error {
		return k.layLibraries(ctx, path, filepath.Join(folder, "libraries"))
	})
	return nil
}

// layLibraries copies what the program loads: nothing, if it is linked statically.
func (k *kitchen) layLibraries(ctx context.Context, program, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	file, err := elf.Open(program)
	if err != nil {
		return err
	}
	defer file.Close()
	if !slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return nil
	}
	out, err := k.run(ctx, "ldd", program)
	if err != nil {
		return err
	}
	for _, word := range strings.Fields(out) {
		if filepath.IsAbs(word) {
			if err := copyFile(word, filepath.Join(folder, word)); err != nil {
				return err
			}
		}
	}
	return nil
}

// putIdentity builds a program of this module, whose content is known only then.
func putIdentity(ctx context.Context, k *kitchen) error {
	target := filepath.Join(k.folder, "identity-standin")
	if err := k.goCommand(ctx, []string{"CGO_ENABLED=0"}, "build", "-trimpath", "-o", target, "./deploy/standins/identity"); err != nil {
		return err
	}
	content, err := os.ReadFile(target)
	if err != nil {
		return err
	}
	k.add(fmt.Sprintf("%x", sha256.Sum256(content)), func(_ context.Context, folder string) error {
		return copyFile(target, filepath.Join(folder, "identity-standin"))
	})
	return nil
}

// moduleFolder is where Go keeps a module that the one in folder needs.
func (k *kitchen) moduleFolder(ctx context.Context, folder, module string) (string, error) {
	out, err := k.goOutput(ctx, folder, []string{"GOWORK=off"}, "list", "-m", "-f", "{{.Dir}}", module)
	return strings.TrimSpace(out), err
}

// goCommand runs the go command in the repository's root.
func (k *kitchen) goCommand(ctx context.Context, env []string, args ...string) error {
	_, err := k.goOutput(ctx, "", env, args...)
	return err
}

// goOutput runs the go command in a folder of the repository.
func (k *kitchen) goOutput(ctx context.Context, folder string, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = filepath.Join(k.cfg.Root, folder), append(os.Environ(), env...)
	out, err := cmd.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		err = fmt.Errorf("%w\n%s", err, tail(string(failed.Stderr), 20))
	}
	if err != nil {
		return "", fmt.Errorf("go %s: %w", args[0], err)
	}
	return string(out), nil
}

// copyFile keeps the mode.
func copyFile(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, info.Mode().Perm()|0o444)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
