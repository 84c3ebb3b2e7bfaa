package proxy

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
)

// witness stands between the proxy and a server behind it, and keeps the headers
// of every request that came through.
type witness struct {
	*httptest.Server
	mu   sync.Mutex
	seen []http.Header
}

func watch(server http.Handler) *witness {
	w := &witness{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.seen = append(w.seen, r.Header.Clone())
		w.mu.Unlock()
		server.ServeHTTP(rw, r)
	}))
	return w
}

// forward watches what goes to a server elsewhere, and changes nothing.
func forward(to string) *witness {
	target, err := url.Parse(to)
	if err != nil {
		panic(err) // of this package's own making
	}
	return watch(&httputil.ReverseProxy{
		Transport: wire,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host
		},
	})
}

func (w *witness) requests() []http.Header {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}
