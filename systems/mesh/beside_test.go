package mesh_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/systems/mesh"
)

// BenchmarkBeside runs Check beside admesh and Measure beside sha256sum on the
// large file, each as a process of its own and in turn, and reports the ratios
// of the medians of a few rounds. Below 1 we are the faster or the smaller.
func BenchmarkBeside(b *testing.B) {
	for _, tool := range []string{"admesh", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			b.Skipf("needs %s, from the Debian packages admesh and coreutils", tool)
		}
	}
	path, err := largeFile()
	require.NoError(b, err)
	self, err := os.Executable()
	require.NoError(b, err)
	commands := map[string][]string{
		"check":     {self, childFlag, "check", path},
		"admesh":    {"admesh", path},
		"measure":   {self, childFlag, "measure", path},
		"sha256sum": {"sha256sum", path},
	}
	const rounds = 5
	for b.Loop() {
		wall, peak := map[string][]float64{}, map[string][]float64{}
		for range rounds {
			for name, command := range commands {
				c := run(b, self, command)
				wall[name] = append(wall[name], c.Wall.Seconds())
				peak[name] = append(peak[name], float64(c.PeakKB)/1024)
			}
		}
		for name := range commands {
			b.ReportMetric(median(wall[name]), name+"-s")
			b.ReportMetric(median(peak[name]), name+"-MB")
		}
		b.ReportMetric(median(wall["check"])/median(wall["admesh"]), "check-time/admesh")
		b.ReportMetric(median(peak["check"])/median(peak["admesh"]), "check-rss/admesh")
		b.ReportMetric(median(wall["measure"])/median(wall["sha256sum"]), "measure-time/sha256sum")
	}
}

// cost is what a process took.
type cost struct {
	Wall   time.Duration
	PeakKB int64
}

// run has a fresh process start the command: a process's peak of memory is never
// below that of the one that started it, and ours may have grown large.
func run(b *testing.B, self string, command []string) cost {
	out, err := exec.CommandContext(b.Context(), self, append([]string{childFlag, "run"}, command...)...).Output()
	require.NoError(b, err, command)
	var c cost
	require.NoError(b, json.Unmarshal(out, &c))
	return c
}

func median(values []float64) float64 { return slices.Sorted(slices.Values(values))[len(values)/2] }

// childFlag makes the test binary do one thing and end: see child.
const childFlag = "-mesh-child"

func child(args []string) int {
	var err error
	switch args[0] {
	case "check":
		_, err = readFile(args[1], mesh.Check)
	case "measure":
		_, err = readFile(args[1], mesh.Measure)
	case "run":
		cmd := exec.Command(args[1], args[2:]...)
		cmd.Stderr = os.Stderr
		start := time.Now()
		if err = cmd.Run(); err == nil {
			c := cost{Wall: time.Since(start), PeakKB: cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss}
			err = json.NewEncoder(os.Stdout).Encode(c)
		}
	default:
		err = fmt.Errorf("unknown: %s", args[0])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
