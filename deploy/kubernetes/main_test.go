// Package kubernetes checks what deploys ordertrace to Kubernetes: the chart is
// rendered by the real Helm and held to the schemas of Kubernetes and KEDA, and to
// what the programs take; a rollout to a new version of the code is done on a real
// Temporal.
package kubernetes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const root = "../.."

// bin holds our programs, as bin/ does after `make build`.
var bin string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "ordertrace-kubernetes")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	bin = filepath.Join(dir, "bin")
	build := exec.Command("go", "build", "-o", bin+"/", "./workers/shop", "./workers/crm", "./workers/mes", "./starter")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("%w:\n%s", err, out)
	}
	return m.Run(), nil
}
