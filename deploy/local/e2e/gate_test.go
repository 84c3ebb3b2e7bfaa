package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
)

// gate stands between the MES and the shop's models. Shut, it holds requests
// back, so that a test can look at an order in the middle of its pricing; it can
// also refuse some.
type gate struct {
	server *httptest.Server

	mu      sync.Mutex
	open    chan struct{}
	waiting chan struct{}
	refuse  int // so many more requests
}

func newGate(shop string) (*gate, error) {
	target, err := url.Parse(shop)
	if err != nil {
		return nil, err
	}
	g := &gate{open: make(chan struct{})}
	close(g.open)
	proxy := httputil.NewSingleHostReverseProxy(target)
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open, waiting := g.state()
		if waiting != nil {
			select {
			case waiting <- struct{}{}:
			default:
			}
		}
		if g.refused() {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		select {
		case <-open:
			proxy.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}))
	return g, nil
}

func (g *gate) URL() string { return g.server.URL }
func (g *gate) Close()      { g.release(); g.server.Close() }

func (g *gate) state() (open, waiting chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open, g.waiting
}

// fail answers the next n requests with 503.
func (g *gate) fail(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuse = n
}

func (g *gate) refused() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refuse == 0 {
		return false
	}
	g.refuse--
	return true
}

// shut holds every request from now on. The channel tells when one is held.
func (g *gate) shut() (held <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open, g.waiting = make(chan struct{}), make(chan struct{}, 1)
	return g.waiting
}

// release lets everything pass; it does no harm twice.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting != nil {
		close(g.open)
		g.waiting = nil
	}
}
