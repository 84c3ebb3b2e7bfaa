package stack

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNothingOutlivesARunnerThatIsKilled(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	runner := exec.Command(self)
	runner.Env = append(os.Environ(), roleVariable+"=runner", "TEST_STATE="+t.TempDir())
	runner.Stderr = os.Stderr
	output, err := runner.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, runner.Start())
	var server, worker int
	_, err = fmt.Fscan(output, &server, &worker)
	require.NoError(t, err)
	require.True(t, running(server) && running(worker))

	require.NoError(t, runner.Process.Kill())
	require.Error(t, runner.Wait())

	for _, pid := range []int{server, worker} {
		require.Eventually(t, func() bool { return !running(pid) }, 5*time.Second, 10*time.Millisecond)
	}
}
