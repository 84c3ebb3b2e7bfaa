package stack

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCrashedProcessIsStartedAgain(t *testing.T) {
	s, told := openStack(t)
	start(t, s, s.workers, testCommand(s.cfg, "mes", s.cfg.Ports.MES, "service"))
	before := s.Pid("mes")

	require.NoError(t, s.Kill("mes", syscall.SIGKILL))
	require.NoError(t, s.WaitHealthy(t.Context(), "mes"))

	require.NotEqual(t, before, s.Pid("mes"))
	require.Equal(t, 1, s.Restarted("mes"))
	require.Contains(t, told(), "mes ended by itself: signal: killed: starting it again")
}

func TestProcessKilledAgainAndAgainKeepsComingBack(t *testing.T) {
	s, _ := openStack(t)
	start(t, s, s.workers, testCommand(s.cfg, "mes", s.cfg.Ports.MES, "service"))
	for range 8 { // more often than the supervisor takes without a pause
		require.NoError(t, s.Kill("mes", syscall.SIGKILL))
		require.NoError(t, s.WaitHealthy(t.Context(), "mes"))
	}
	require.Equal(t, 8, s.Restarted("mes"))
}

func TestWorkersStopBeforeServers(t *testing.T) {
	s, told := openStack(t)
	start(t, s, s.servers, testCommand(s.cfg, "temporal", s.cfg.Ports.Temporal, "service"))
	start(t, s, s.workers, testCommand(s.cfg, "shop", s.cfg.Ports.Shop, "service"))
	pids := []int{s.Pid("temporal"), s.Pid("shop")}

	require.NoError(t, s.Stop(t.Context()))

	ended, err := os.ReadFile(journal(s.cfg))
	require.NoError(t, err)
	require.Equal(t, "shop\ntemporal\n", string(ended))
	for _, pid := range pids {
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
	}
	require.NotContains(t, told(), "starting it again")
}

func TestProcessThatIgnoresSIGTERMIsKilled(t *testing.T) {
	t.Run("when its time to drain is over", func(t *testing.T) {
		s, _ := openStack(t)
		deaf := testCommand(s.cfg, "shop", s.cfg.Ports.Shop, "deaf")
		deaf.drain = 100 * time.Millisecond
		start(t, s, s.workers, deaf)
		pid := s.Pid("shop")

		require.NoError(t, s.Stop(t.Context()))
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
	})
	t.Run("at once, when Stop may not wait", func(t *testing.T) {
		s, _ := openStack(t)
		deaf := testCommand(s.cfg, "shop", s.cfg.Ports.Shop, "deaf")
		deaf.drain = time.Hour
		start(t, s, s.workers, deaf)
		pid := s.Pid("shop")

		hurried, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, s.Stop(hurried))
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
	})
}

func TestFailedStartQuotesTheLog(t *testing.T) {
	s, _ := openStack(t)
	c := testCommand(s.cfg, "crm", s.cfg.Ports.CRM, "broken")
	require.NoError(t, os.WriteFile(c.log, []byte("from an earlier run\n"), 0o644))

	err := s.startAll(t.Context(), s.workers, []command{c})

	require.ErrorContains(t, err, "start crm: crm ended by itself: exit status 3; the end of "+c.log+
		":\n  first line\n  cannot open the database")
	require.NotContains(t, err.Error(), "earlier run")
}

func TestStartThatTakesTooLongSaysWhatIsMissing(t *testing.T) {
	s, _ := openStack(t)
	c := testCommand(s.cfg, "crm", s.cfg.Ports.CRM, "service")
	c.healthy = answers(url(s.cfg.Ports.MES), nil) // nothing listens there
	s.cfg.StartTimeout = 200 * time.Millisecond

	err := s.startAll(t.Context(), s.workers, []command{c})

	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorContains(t, err, "it wrote nothing to "+c.log)
}

func TestTwoStacksDoNotShareAStateFolder(t *testing.T) {
	s, _ := openStack(t)
	ports, err := FreePorts()
	require.NoError(t, err)
	second := s.cfg
	second.Ports = ports

	_, err = open(second)
	require.ErrorContains(t, err, "another stack is running on "+s.cfg.StateDir)

	require.NoError(t, s.Stop(t.Context()))
	again, err := open(second)
	require.NoError(t, err)
	require.NoError(t, again.Stop(t.Context()))
}
