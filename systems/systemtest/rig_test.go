// Package systemtest tests what our three systems have in common beyond the
// contract of package api (see package conformance): what they keep, their spans,
// and their end. On SQLite and on PostgreSQL.
package systemtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
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

func TestMain(m *testing.M) { storetest.Main(m) }

// system is what all three have.
type system interface {
	api.System
	Handler() http.Handler
	Close() error
}

// rig is one running system.
type rig struct {
	system
	*api.Client
	name   lifecycle.System
	url    string
	stages []lifecycle.Stage
	facts  lifecycle.Facts // enough for every stage
	reopen func(t *testing.T) rig
}

// each runs a test against each system on each database.
func each(t *testing.T, test func(t *testing.T, r rig)) {
	for _, name := range lifecycle.Systems() {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, dsn string) { test(t, newRig(t, name, dsn)) })
		})
	}
}

func newRig(t *testing.T, name lifecycle.System, dsn string) rig {
	t.Helper()
	r := rig{
		name: name, stages: lifecycle.Owned(name),
		facts: lifecycle.Facts{
			Source: "b2c", Material: "silver-925", Model: &lifecycle.Model{Digest: "sha256-none"},
			Price: &lifecycle.Money{Amount: 1999, Currency: "EUR"}, Carrier: "UPS", Tracking: "1Z999",
		},
	}
	var err error
	switch name {
	case lifecycle.CRM:
		r.system, err = crm.New(t.Context(), crm.Config{DSN: dsn})
	case lifecycle.Shop:
		r.system, err = shop.New(t.Context(), shop.Config{DSN: dsn, Blobs: "file://" + t.TempDir()})
	case lifecycle.MES:
		r.system, err = mes.New(t.Context(), mes.Config{DSN: dsn, Shop: shopOf(t, &r.facts)})
	}
	require.NoError(t, err)
	r.url = serve(t, r.system)
	r.Client = api.NewClient(r.url)
	if name == lifecycle.Shop {
		upload(t, r.Client, &r.facts)
	}
	r.reopen = func(t *testing.T) rig {
		require.NoError(t, r.Close())
		return newRig(t, name, dsn)
	}
	return r
}

// shopOf starts a shop beside the system under test, with a model for facts.
func shopOf(t *testing.T, facts *lifecycle.Facts) *api.Client {
	s, err := shop.New(t.Context(), shop.Config{DSN: storetest.SQLite(t), Blobs: "file://" + t.TempDir()})
	require.NoError(t, err)
	client := api.NewClient(serve(t, s))
	upload(t, client, facts)
	return client
}

func upload(t *testing.T, shop *api.Client, facts *lifecycle.Facts) {
	var file bytes.Buffer
	require.NoError(t, meshtest.WriteBinary(&file, "ring", meshtest.Torus(10, 1.5, 48, 24)))
	model, err := shop.Upload(t.Context(), &file, -1)
	require.NoError(t, err)
	facts.Model = &model
}

// serve runs a system until the test ends.
func serve(t *testing.T, s system) string {
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, s.Close())
	})
	return server.URL
}

var orders atomic.Int64

func newOrder() string { return fmt.Sprintf("order-%d", orders.Add(1)) }

// record records a stage on its first visit.
func (r rig) record(t *testing.T, order string, stage lifecycle.Stage) {
	t.Helper()
	answer, err := r.Client.Record(t.Context(), order, stage, api.Key(order, stage, 1), api.StageRequest{By: "tester", Facts: r.facts}, 0)
	require.NoError(t, err)
	require.True(t, answer.Done)
}

// opened returns an order that came to the system's first stage.
func (r rig) opened(t *testing.T) string {
	t.Helper()
	order := newOrder()
	r.record(t, order, r.stages[0])
	return order
}

// put makes a call by hand, and returns its status and body.
func (r rig) put(t *testing.T, path, key, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, r.url+path, strings.NewReader(body))
	require.NoError(t, err)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	return send(t, req)
}

func (r rig) get(t *testing.T, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+path, nil)
	require.NoError(t, err)
	return send(t, req)
}

func send(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(answer)
}

// requireError checks an error by what it tells a caller to do.
func requireError(t *testing.T, err error, remedy lifecycle.Remedy, code string) *lifecycle.Error {
	t.Helper()
	var e *lifecycle.Error
	require.ErrorAsf(t, err, &e, "want a lifecycle.Error, not %v", err)
	require.Equal(t, remedy, e.Remedy, e)
	require.Equal(t, code, e.Code, e)
	require.NotEmpty(t, e.Detail)
	return e
}
