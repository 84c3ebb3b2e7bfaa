package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/crm"
	"ordertrace/systems/mes"
	"ordertrace/systems/mesh/meshtest"
	"ordertrace/systems/shop"
	"ordertrace/systems/store/storetest"
)

var (
	outsideURL    = flag.String("url", "", "base URL of the system to test; empty: our own three, on both databases")
	outsideSystem = flag.String("system", "", "what the system behind -url is: shop, crm or mes")
	token         = flag.String("token", "", "what the systems behind -url and -shop-url are shown: a bearer token of the role service")
	outsideShop   = flag.String("shop-url", "", "base URL of the shop from which a MES behind -url reads models")
	material      = flag.String("material", "silver-925", "a material that the MES can price")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *token != "" {
		http.DefaultTransport = bearer{http.DefaultTransport.(*http.Transport)}
	}
	storetest.Main(m)
}

// bearer shows the token with every request.
type bearer struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+*token)
	return b.Transport.RoundTrip(r)
}

const contractFile = "../../docs/openapi/contract.yaml"

// system is one that is tested.
type system struct {
	*api.Client
	name   lifecycle.System
	url    string
	stages []lifecycle.Stage
	facts  lifecycle.Facts         // enough for every stage
	hold   func() (release func()) // makes our own MES wait for models; nil of an outside one
}

// each runs a test against each system: our own on each database, or the one
// that the flags name.
func each(t *testing.T, test func(t *testing.T, s system)) {
	t.Helper()
	if *outsideURL != "" {
		test(t, outside(t))
		return
	}
	for _, name := range lifecycle.Systems() {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, dsn string) { test(t, own(t, name, dsn)) })
		})
	}
}

// only runs a test of what one system alone has to offer.
func only(t *testing.T, name lifecycle.System, test func(t *testing.T, s system)) {
	t.Helper()
	switch {
	case *outsideURL == "":
		storetest.Each(t, func(t *testing.T, dsn string) { test(t, own(t, name, dsn)) })
	case *outsideSystem == string(name):
		test(t, outside(t))
	default:
		t.Skip("a promise of the " + string(name))
	}
}

// oursAlone skips a test that is none of an outside system.
func oursAlone(t *testing.T) {
	t.Helper()
	if *outsideURL != "" {
		t.Skip("it needs nothing of an outside system")
	}
}

func newSystem(name lifecycle.System) system {
	return system{
		name: name, stages: lifecycle.Owned(name),
		facts: lifecycle.Facts{
			Source: "b2c", Material: *material, Model: &lifecycle.Model{Digest: "sha256-" + strings.Repeat("0", 64)},
			Price: &lifecycle.Money{Amount: 1999, Currency: "EUR"}, Carrier: "UPS", Tracking: "1Z999",
		},
	}
}

// outside is the system that the flags name.
func outside(t *testing.T) system {
	t.Helper()
	s := newSystem(lifecycle.System(*outsideSystem))
	require.NotEmpty(t, s.stages, "-system must be shop, crm or mes")
	s.observe(t, contract(t), *outsideURL)
	switch s.name {
	case lifecycle.Shop:
		s.facts.Model = upload(t, s.Client)
	case lifecycle.MES:
		require.NotEmpty(t, *outsideShop, "a MES reads models from a shop: name it with -shop-url")
		s.facts.Model = upload(t, api.NewClient(*outsideShop))
	}
	return s
}

// own is one of our three. What it says is the same on both databases, and held
// to the description on one.
func own(t *testing.T, name lifecycle.System, dsn string) system {
	t.Helper()
	s := newSystem(name)
	var of running
	var err error
	switch name {
	case lifecycle.CRM:
		of, err = crm.New(t.Context(), crm.Config{DSN: dsn})
	case lifecycle.Shop:
		of = newShop(t, dsn)
	case lifecycle.MES:
		var models gate
		beside := newShop(t, storetest.SQLite(t))
		shop := api.NewClient(serve(t, hosted{models.before(beside.Handler()), beside.Close}))
		s.hold, s.facts.Model = models.hold, upload(t, shop)
		of, err = mes.New(t.Context(), mes.Config{DSN: dsn, Shop: shop})
	}
	require.NoError(t, err)
	if url := serve(t, of); strings.HasPrefix(dsn, "sqlite:") {
		s.observe(t, contract(t), url)
	} else {
		s.reach(url)
	}
	if name == lifecycle.Shop {
		s.facts.Model = upload(t, s.Client)
	}
	return s
}

func newShop(t *testing.T, dsn string) *shop.System {
	t.Helper()
	s, err := shop.New(t.Context(), shop.Config{DSN: dsn, Blobs: "file://" + t.TempDir(), MaxModelBytes: 1 << 20})
	require.NoError(t, err)
	return s
}

var loaded = sync.OnceValues(func() (*Description, error) { return Load(context.Background(), contractFile) })

func contract(t *testing.T) *Description {
	t.Helper()
	d, err := loaded()
	require.NoError(t, err)
	return d
}

// observe puts a description before the system behind a URL.
func (s *system) observe(t *testing.T, d *Description, base string) {
	t.Helper()
	target, err := url.Parse(base)
	require.NoError(t, err)
	server := httptest.NewServer(d.Before(target, func(err error) { t.Error(err) }))
	t.Cleanup(server.Close)
	s.reach(server.URL)
}

func (s *system) reach(url string) { s.url, s.Client = url, api.NewClient(url) }

// running is what serves until the test ends.
type running interface {
	Handler() http.Handler
	Close() error
}

type hosted struct {
	handler http.Handler
	close   func() error
}

func (h hosted) Handler() http.Handler { return h.handler }
func (h hosted) Close() error          { return h.close() }

func serve(t *testing.T, s running) string {
	t.Helper()
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, s.Close())
	})
	return server.URL
}

// upload has a shop keep a ring that it did not have yet.
func upload(t *testing.T, shop *api.Client) *lifecycle.Model {
	t.Helper()
	model, err := shop.Upload(t.Context(), bytes.NewReader(newRing(t)), -1)
	require.NoError(t, err)
	return &model
}

// newRing is a sound model: the header of a binary STL may say anything.
func newRing(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, meshtest.WriteBinary(&file, "ring "+rand.Text(), meshtest.Torus(10, 1.5, 48, 24)))
	return file.Bytes()
}

// gate is before a shop. While it is held, no model comes through.
type gate struct {
	mu   sync.Mutex
	open chan struct{} // nil: nothing is held
}

func (g *gate) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		open := g.open
		g.mu.Unlock()
		if r.Method == http.MethodGet && open != nil {
			select {
			case <-open:
			case <-r.Context().Done():
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (g *gate) hold() (release func()) {
	open := make(chan struct{})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = open
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.open = nil
		close(open)
	})
}

var (
	thisRun = strings.ToLower(rand.Text()[:8])
	orders  atomic.Int64
)

// newOrder is a number that no system has seen.
func newOrder() string { return fmt.Sprintf("conformance-%s-%d", thisRun, orders.Add(1)) }
