package mes_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/mes"
	"ordertrace/systems/mesh/meshtest"
	"ordertrace/systems/shop"
	"ordertrace/systems/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// door stands before a real shop: it counts the models that the shop sends, and
// may hold them up half-way, break them off, or keep shut.
type door struct {
	url   string
	shop  *api.Client
	model lifecycle.Model

	asked, left atomic.Int64 // models asked for, and answered or broken off
	held        atomic.Pointer[chan struct{}]
	shut        atomic.Bool
	breakOff    atomic.Bool
}

func newDoor(t *testing.T) *door {
	t.Helper()
	s, err := shop.New(t.Context(), shop.Config{DSN: storetest.SQLite(t), Blobs: "file://" + t.TempDir()})
	require.NoError(t, err)
	d := &door{}
	server := httptest.NewServer(d.before(s.Handler()))
	t.Cleanup(func() {
		d.release()
		server.Close()
		require.NoError(t, s.Close())
	})
	d.url, d.shop = server.URL, api.NewClient(server.URL)
	d.model = d.upload(t, meshtest.Torus(10, 1.5, 200, 100))
	return d
}

func (d *door) upload(t *testing.T, m meshtest.Mesh) lifecycle.Model {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, meshtest.WriteBinary(&file, "test", m))
	model, err := d.shop.Upload(t.Context(), &file, int64(file.Len()))
	require.NoError(t, err)
	return model
}

func (d *door) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.shut.Load() {
			panic(http.ErrAbortHandler)
		}
		if r.Method == http.MethodGet {
			d.asked.Add(1)
			defer d.left.Add(1)
			w = &halfway{ResponseWriter: w, door: d, request: r.Context()}
		}
		next.ServeHTTP(w, r)
	})
}

// hold makes the shop stop after half a model until release.
func (d *door) hold() {
	c := make(chan struct{})
	d.held.Store(&c)
}

func (d *door) release() {
	if c := d.held.Swap(nil); c != nil {
		close(*c)
	}
}

type halfway struct {
	http.ResponseWriter
	door    *door
	request context.Context
	sent    int64
}

func (h *halfway) Write(p []byte) (int, error) {
	half := h.door.model.SizeBytes / 2
	if h.sent < half && h.sent+int64(len(p)) >= half {
		n, err := h.ResponseWriter.Write(p[:half-h.sent])
		h.sent += int64(n)
		h.ResponseWriter.(http.Flusher).Flush()
		if h.door.breakOff.Load() {
			panic(http.ErrAbortHandler)
		}
		if held := h.door.held.Load(); held != nil {
			select {
			case <-*held:
			case <-h.request.Done():
			}
		}
		if err != nil {
			return n, err
		}
		m, err := h.ResponseWriter.Write(p[n:])
		h.sent += int64(m)
		return n + m, err
	}
	n, err := h.ResponseWriter.Write(p)
	h.sent += int64(n)
	return n, err
}

// running is a MES that serves until the test ends.
type running struct {
	*mes.System
	*api.Client
	door *door
}

func start(t *testing.T, d *door, c mes.Config) running {
	t.Helper()
	if c.DSN == "" {
		c.DSN = storetest.SQLite(t)
	}
	c.Shop = api.NewClient(d.url)
	s, err := mes.New(t.Context(), c)
	require.NoError(t, err)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		s.Drain()
		server.Close()
		require.NoError(t, s.Close())
	})
	return running{System: s, Client: api.NewClient(server.URL), door: d}
}

func (r running) facts() lifecycle.Facts {
	return lifecycle.Facts{Material: "silver-925", Model: &lifecycle.Model{Digest: r.door.model.Digest}}
}

// ask asks for a price.
func (r running) ask(ctx context.Context, order string, wait time.Duration) (api.StageAnswer, error) {
	return r.Client.Record(ctx, order, lifecycle.PriceCalculated, priceKey(order), api.StageRequest{Facts: r.facts()}, wait)
}

func priceKey(order string) string { return api.Key(order, lifecycle.PriceCalculated, 1) }

// started asks for a price until the model is half read.
func (r running) started(t *testing.T, order string) {
	t.Helper()
	require.Eventually(t, func() bool {
		answer, err := r.ask(t.Context(), order, time.Second)
		require.NoError(t, err)
		require.False(t, answer.Done)
		return answer.Progress > 0.4
	}, time.Minute, time.Millisecond)
}

func requireError(t require.TestingT, err error, remedy lifecycle.Remedy, code string) *lifecycle.Error {
	var e *lifecycle.Error
	require.ErrorAsf(t, err, &e, "want a lifecycle.Error, not %v", err)
	require.Equal(t, []string{string(remedy), code}, []string{string(e.Remedy), e.Code}, e.Detail)
	return e
}
