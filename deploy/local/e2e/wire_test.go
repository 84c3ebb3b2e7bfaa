package e2e

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// wire is a TCP connection's way to a server, which can be stalled: bytes then go
// in, and come out only when it flows again.
type wire struct {
	net.Listener
	mu     sync.Mutex
	target string
	open   chan struct{} // closed while it flows
	lines  sync.WaitGroup
}

func newWire(t *testing.T) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{Listener: l, open: make(chan struct{})}
	close(w.open)
	w.lines.Go(w.serve)
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		w.flow()
		w.lines.Wait()
	})
	return w
}

func (w *wire) address() string { return w.Addr().String() }

// connect says where the wire leads, such as http://127.0.0.1:4317.
func (w *wire) connect(endpoint string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.target = strings.TrimPrefix(endpoint, "http://")
}

func (w *wire) state() (target string, open <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.target, w.open
}

func (w *wire) stall() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = make(chan struct{})
}

func (w *wire) flow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.open:
	default:
		close(w.open)
	}
}

func (w *wire) serve() {
	for {
		near, err := w.Accept()
		if err != nil {
			return
		}
		target, _ := w.state()
		far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
		if err != nil { // it is between two lives: the caller sees the line cut
			_ = near.Close()
			continue
		}
		for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
			w.lines.Go(func() {
				defer way[0].Close()
				defer way[1].Close()
				_, _ = io.Copy(gated{way[1], w}, way[0])
			})
		}
	}
}

// gated writes while the wire flows.
type gated struct {
	net.Conn
	wire *wire
}

func (g gated) Write(p []byte) (int, error) {
	_, open := g.wire.state()
	<-open
	return g.Conn.Write(p)
}
