package workers

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
	"ordertrace/systems/access"
	"ordertrace/systems/api"
	"ordertrace/systems/conformance"
	"ordertrace/systems/crm"
	"ordertrace/systems/mes"
	"ordertrace/systems/shop"
)

const (
	customer = lifecycle.Customer
	partner  = lifecycle.Partner
	manager  = lifecycle.Manager
	operator = lifecycle.Operator
	service  = lifecycle.Service
)

// mayCall is who may use which route of which system. What is not here is for our
// own services alone.
var mayCall = map[lifecycle.System]map[string][]lifecycle.Role{
	lifecycle.Shop: {
		"POST /orders":                {customer, partner},
		"PUT /orders/{order}/model":   {customer, partner},
		"GET /orders/{order}/status":  {customer, partner},
		"POST /orders/{order}/upload": {customer, partner},
		"POST /orders/{order}/submit": {customer, partner},
		"POST /orders/{order}/cancel": {customer, partner},
	},
	lifecycle.CRM: {
		"GET /approvals":               {manager},
		"POST /orders/{order}/approve": {manager},
		"POST /orders/{order}/reject":  {manager},
		"POST /orders/{order}/close":   {manager},
		"POST /orders/{order}/cancel":  {manager},
		"GET /parcels":                 {manager},
		"GET /orders/{order}/parcel":   {manager},
		"POST /tickets":                {manager},
		"GET /tickets":                 {manager},
		"GET /tickets/{id}":            {manager},
	},
	lifecycle.MES: {
		"GET /free-orders":               {operator},
		"POST /orders/{order}/take":      {operator},
		"POST /orders/{order}/hand-over": {operator, manager},
		"POST /orders/{order}/finish":    {operator},
		"POST /orders/{order}/pack":      {operator},
		"POST /orders/{order}/ship":      {operator},
	},
}

// toAnyone are routes that ask nobody for a token: the carrier's messages are
// signed.
var toAnyone = map[lifecycle.System][]string{
	lifecycle.Shop: {"GET /healthz"},
	lifecycle.CRM:  {"GET /healthz", "POST /webhooks/carrier"},
	lifecycle.MES:  {"GET /healthz"},
}

// Every role at every route that is described, at each of the three systems.
func TestWhoMayCallWhat(t *testing.T) {
	for kind, known := range map[string]tokens{"static tokens": staticTokens(t), "an OpenID provider's": signedIn(t)} {
		t.Run(kind, func(t *testing.T) { whoMayCallWhat(t, known) })
	}
}

func whoMayCallWhat(t *testing.T, known tokens) {
	routes := describedRoutes(t)
	for system := range mayCall {
		h := protected(t, system, known.callers)
		for _, route := range routes {
			t.Run(fmt.Sprintf("%s %s", system, route), func(t *testing.T) {
				allowed, listed := mayCall[system][route]
				if !listed {
					allowed = []lifecycle.Role{service}
				}
				anyone := slices.Contains(toAnyone[system], route)
				for _, role := range callerRoles {
					refused := call(t, h, route, known.of[role]) == http.StatusForbidden
					require.Equal(t, !anyone && !slices.Contains(allowed, role), refused, "a %s", role)
				}
				for _, token := range []string{"", "a stranger's", known.stranger} {
					// The webhook refuses what is not signed with the same status.
					require.True(t, call(t, h, route, token) == http.StatusUnauthorized || anyone, "with the token %q", token)
				}
			})
		}
	}
}

func describedRoutes(t *testing.T) (routes []string) {
	for _, name := range []string{"contract.yaml", "people.yaml"} {
		d, err := conformance.Load(t.Context(), filepath.Join("..", "docs", "openapi", name))
		require.NoError(t, err)
		for _, e := range d.Unseen() {
			routes = append(routes, e.Method+" "+e.Path)
		}
	}
	slices.Sort(routes)
	return slices.Compact(routes)
}

// tokens are one of each role, those who know them, and one that is good
// elsewhere.
type tokens struct {
	callers  api.Callers
	of       map[lifecycle.Role]string
	stranger string
}

var callerRoles = []lifecycle.Role{customer, partner, manager, operator, service}

func staticTokens(t *testing.T) tokens {
	t.Helper()
	known := tokens{of: map[lifecycle.Role]string{}}
	var lines []string
	for _, role := range callerRoles {
		known.of[role] = "the token of a " + string(role)
		lines = append(lines, access.Line(known.of[role], string(role)+"-1", string(role)))
	}
	file := filepath.Join(t.TempDir(), "callers")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600))
	known.stranger = lines[0][:64]
	var err error
	known.callers, err = access.Open(access.Config{TokensFile: file})
	require.NoError(t, err)
	return known
}

// protected is a system as its worker serves it.
func protected(t *testing.T, name lifecycle.System, callers api.Callers) http.Handler {
	t.Helper()
	var s Service
	var err error
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "system.db")
	switch name {
	case lifecycle.Shop:
		s, err = shop.New(t.Context(), shop.Config{DSN: dsn, Blobs: "file://" + t.TempDir()})
	case lifecycle.CRM:
		s, err = crm.New(t.Context(), crm.Config{DSN: dsn})
	case lifecycle.MES:
		s, err = mes.New(t.Context(), mes.Config{DSN: dsn, Shop: api.NewClient("http://127.0.0.1:1")})
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return serverOf(Kind{System: name}, s, api.People{Callers: callers, Orders: noOrders{}}).Handler
}

// noOrders is a workflow that knows no order.
type noOrders struct{ api.Orders }

var errNoOrder = &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: "there is no order"}

func (noOrders) Start(context.Context, string, api.NewOrder) (bool, error) { return false, errNoOrder }
func (noOrders) Ask(context.Context, string, string, lifecycle.Request) (lifecycle.Status, error) {
	return lifecycle.Status{}, errNoOrder
}
func (noOrders) Status(context.Context, string) (lifecycle.Status, error) {
	return lifecycle.Status{}, errNoOrder
}
func (noOrders) Waiting(context.Context, lifecycle.Stage, int) ([]lifecycle.Status, error) {
	return nil, nil
}
func (noOrders) Anchor(context.Context, string) (trace.SpanContext, error) {
	return trace.SpanContext{}, errNoOrder
}
func (noOrders) OfTrace(context.Context, trace.TraceID) (string, error) { return "", errNoOrder }

func call(t *testing.T, h http.Handler, route, token string) int {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	path = strings.NewReplacer("{order}", "ord-1", "{stage}", "CLOSED", "{id}", "tic-1", "{digest}", "sha256-0").Replace(path)
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(`{}`))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	return answer.Code
}
