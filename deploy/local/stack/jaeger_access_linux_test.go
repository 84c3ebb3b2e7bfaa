package stack

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// There is no other door than those that the tests try, and none beyond this machine.
func TestJaegerListensNowhereElse(t *testing.T) {
	j := startGuarded(t)
	require.ElementsMatch(t, []string{address(j.cfg.Ports.Jaeger), address(j.cfg.Ports.OTLP), j.grpc, j.health}, listening(t, j.Pid("jaeger")))
}

// listening are the TCP addresses that a process listens on (proc_pid_net(5)).
func listening(t *testing.T, pid int) (addresses []string) {
	t.Helper()
	handles, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	require.NoError(t, err)
	its := map[string]bool{}
	for _, handle := range handles {
		if target, err := os.Readlink(handle); err == nil { // it may be closed by now
			its[target] = true
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		file, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		require.NoError(t, err)
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			const local, state, listen, inode = 1, 3, "0A", 9
			fields := strings.Fields(lines.Text())
			if fields[state] != listen || !its["socket:["+fields[inode]+"]"] {
				continue
			}
			var a, b, c, d byte // the last first: IPv4, as a number of a little-endian machine
			var port int
			if _, err := fmt.Sscanf(fields[local], "%02X%02X%02X%02X:%04X", &d, &c, &b, &a, &port); err != nil || table == "tcp6" {
				addresses = append(addresses, fields[local])
				continue
			}
			addresses = append(addresses, fmt.Sprintf("%d.%d.%d.%d:%d", a, b, c, d, port))
		}
	}
	return addresses
}
