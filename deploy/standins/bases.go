package standins

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// putDebian makes a Debian from the machine's own source of packages, and has it look
// there for more.
func putDebian(_ context.Context, k *kitchen) error {
	k.add("bookworm", func(ctx context.Context, folder string) error {
		mirror, sources, err := k.debianSources(ctx)
		if err != nil {
			return err
		}
		root, err := os.MkdirTemp(k.folder, "debian-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(root)
		args := []string{"--variant=minbase", "bookworm", root}
		if mirror != "" {
			args = append(args, mirror)
		}
		if _, err := k.run(ctx, "debootstrap", args...); err != nil {
			return err
		}
		if sources != "" {
			if err := os.WriteFile(filepath.Join(root, "etc/apt/sources.list"), []byte(sources), 0o644); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(filepath.Join(root, "var/cache/apt/archives")); err != nil {
			return err
		}
		_, err = k.run(ctx, "tar", "--create", "--file", filepath.Join(folder, "rootfs.tar"), "--directory", root, ".")
		return err
	})
	return nil
}

// debianSources are the machine's sources of Debian's packages: the one to begin with,
// and all of them as sources.list has them. Empty: debootstrap knows one.
func (k *kitchen) debianSources(ctx context.Context) (mirror, list string, err error) {
	out, err := k.run(ctx, "apt-get", "indextargets",
		"--format", "$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)", "Created-By: Packages")
	if err != nil {
		return "", "", err
	}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		field := strings.Split(line, "|")
		if len(field) != 4 || field[0] != "Debian" || !strings.HasPrefix(field[1], "bookworm") {
			continue
		}
		if field[1] == "bookworm" && field[2] == "main" {
			mirror = field[3]
		}
		list += fmt.Sprintf("deb %s %s %s\n", field[3], field[1], field[2])
	}
	return mirror, list, nil
}

// ours are the programs of deploy/Dockerfile.
var ours = []string{"./workers/shop", "./workers/crm", "./workers/mes", "./starter", "./deploy/simulate", "./deploy/compose/setup"}

// putGo brings the machine's Go, the modules that go.mod names as a proxy in files,
// and the objects of all packages of theirs that our programs need.
func putGo(ctx context.Context, k *kitchen) error {
	names, err := k.goOutput(ctx, "", []string{"CGO_ENABLED=0"}, append([]string{"list", "-deps",
		"-f", "{{with .Module}}{{if not .Main}}{{$.ImportPath}}{{end}}{{end}}"}, ours...)...)
	if err != nil {
		return err
	}
	packages := strings.Fields(names)
	version, err := k.goOutput(ctx, "", nil, "env", "GOVERSION", "GOROOT")
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(k.cfg.Root, "go.sum"))
	if err != nil {
		return err
	}
	k.add(fmt.Sprint(version, string(sums), packages), func(ctx context.Context, folder string) error {
		root := strings.Fields(version)[1]
		if _, err := k.run(ctx, "tar", "--create", "--file", filepath.Join(folder, "go.tar"),
			"--directory", filepath.Dir(root), "--transform", "s,^"+filepath.Base(root)+",go,", "--exclude=*/go/test", "--exclude=*/testdata", filepath.Base(root)); err != nil {
			return err
		}
		if err := k.layModules(ctx, filepath.Join(folder, "modules.tar")); err != nil {
			return err
		}
		return k.layObjects(ctx, packages, filepath.Join(folder, "objects.tar"))
	})
	return nil
}

// layModules has the go command itself pick what it needs, out of the machine's cache.
func (k *kitchen) layModules(ctx context.Context, target string) error {
	cache, err := k.goOutput(ctx, "", nil, "env", "GOMODCACHE")
	if err != nil {
		return err
	}
	if err := k.goCommand(ctx, nil, "mod", "download"); err != nil { // what this machine does not have yet
		return err
	}
	picked, err := os.MkdirTemp(k.folder, "modules-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(picked)
	proxy := "file://" + filepath.Join(strings.TrimSpace(cache), "cache/download")
	env := []string{"GOMODCACHE=" + picked, "GOPROXY=" + proxy, "GOFLAGS=-modcacherw"}
	if err := k.goCommand(ctx, env, "mod", "download"); err != nil {
		return err
	}
	_, err = k.run(ctx, "tar", "--create", "--file", target, "--directory", filepath.Join(picked, "cache/download"), ".")
	return err
}

// layObjects compiles the packages as deploy/Dockerfile does, into a cache that stays.
func (k *kitchen) layObjects(ctx context.Context, packages []string, target string) error {
	cache := filepath.Join(k.folder, "go-build")
	env := []string{"CGO_ENABLED=0", "GOCACHE=" + cache}
	if err := k.goCommand(ctx, env, append([]string{"build", "-trimpath"}, packages...)...); err != nil {
		return err
	}
	_, err := k.run(ctx, "tar", "--create", "--file", target, "--directory", cache, ".")
	return err
}
