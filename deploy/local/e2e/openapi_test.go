package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/simulate/carrier"
	"ordertrace/lifecycle"
	"ordertrace/systems/conformance"
)

// Whatever docs/openapi says of the people's routes is so, and each answer that
// it describes is given.
func TestPeoplesRoutesAreAsDescribed(t *testing.T) {
	r := shared
	d, err := conformance.Load(t.Context(), filepath.Join(root, "docs/openapi/people.yaml"))
	require.NoError(t, err)
	p := described{rig: r, t: t, shop: observed(t, d, r.ShopURL()), crm: observed(t, d, r.CRMURL()), mes: observed(t, d, r.MESURL())}

	o := p.start()
	p.refused(o)
	p.playedToTheEnd(o)
	p.cancelledAtEither(p.start(), p.start())
	p.unknown()
	p.malformed(o)
	p.tickets(o)
	require.Empty(t, d.Unseen())
}

func observed(t *testing.T, d *conformance.Description, system string) string {
	t.Helper()
	target, err := url.Parse(system)
	require.NoError(t, err)
	server := httptest.NewServer(d.Before(target, func(err error) { t.Error(err) }))
	t.Cleanup(server.Close)
	return server.URL
}

// described asks everything of systems that are held to their description.
type described struct {
	*rig
	t              *testing.T
	shop, crm, mes string
}

// do makes a request and requires its status.
func (p described) do(want int, method, url, body string, header ...string) string {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, url, strings.NewReader(body))
	require.NoError(p.t, err)
	req.Header.Set("Content-Type", "application/json")
	if token := p.Token(namedBy(req)); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	require.Equal(p.t, want, resp.StatusCode, "%s %s %s: %s", method, req.URL.Path, body, answer)
	require.Regexp(p.t, "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$", resp.Header.Get("Traceresponse"), req.URL.Path)
	return string(answer)
}

func (p described) post(want int, system, order, verb, body string) {
	p.t.Helper()
	p.do(want, "POST", system+"/orders/"+order+"/"+verb, body)
}

// moves are what people ask of orders, by system, verb and a body that is well.
func (p described) moves() [][3]string {
	const by, digest = `{}`, "sha256-0000000000000000000000000000000000000000000000000000000000000000"
	return [][3]string{
		{p.shop, "upload", `{"model":{"digest":"` + digest + `"}}`},
		{p.shop, "submit", by}, {p.shop, "cancel", by},
		{p.crm, "approve", by}, {p.crm, "reject", `{"reason":"too thin"}`}, {p.crm, "close", by}, {p.crm, "cancel", by},
		{p.mes, "take", by}, {p.mes, "hand-over", `{"from":"x-1","to":"x-2"}`}, {p.mes, "finish", by}, {p.mes, "pack", by},
		{p.mes, "ship", `{"carrier":"UPS","tracking_number":"1Z999"}`},
	}
}

func (p described) start() string {
	p.t.Helper()
	key := "described-" + newID("at-this-time") + time.Now().String()
	var started struct {
		ID string `json:"order_id"`
	}
	body := `{"material":"silver-925"}`
	require.NoError(p.t, json.Unmarshal([]byte(p.do(201, "POST", p.shop+"/orders", body, "Idempotency-Key", key)), &started))
	p.do(200, "POST", p.shop+"/orders", body, "Idempotency-Key", key)
	p.do(400, "POST", p.shop+"/orders", `[`)
	p.do(422, "POST", p.shop+"/orders", `{"source":"nowhere"}`)
	require.NoError(p.t, p.everyone().Await(p.t.Context(), started.ID, lifecycle.FileUploaded))
	return started.ID
}

// refused asks for what does not fit an order without its model.
func (p described) refused(order string) {
	for _, m := range p.moves() {
		if m[1] != "upload" && m[1] != "cancel" {
			p.post(409, m[0], order, m[1], m[2])
		}
	}
	p.do(404, "GET", p.crm+"/orders/"+order+"/parcel", "")
}

func (p described) upload(want int, order string, file []byte) {
	p.t.Helper()
	p.do(want, "PUT", p.shop+"/orders/"+order+"/model", string(file), "Content-Type", "model/stl")
}

func (p described) playedToTheEnd(order string) {
	t, tracking := p.t, trackingOf(order)
	model, err := os.ReadFile(filepath.Join(root, ring))
	require.NoError(t, err)
	p.upload(422, order, []byte("no model"))
	p.upload(200, order, model)
	step := func(stage lifecycle.Stage, system, verb, body string) {
		t.Helper()
		require.NoError(t, p.everyone().Await(t.Context(), order, stage))
		p.post(200, system, order, verb, body)
	}
	step(lifecycle.Submitted, p.shop, "submit", `{"by":"customer-1"}`)
	require.NoError(t, p.everyone().Await(t.Context(), order, lifecycle.ManufacturingApproved))
	p.listed(p.crm+"/approvals", order)
	step(lifecycle.ManufacturingApproved, p.crm, "reject", `{"by":"manager-3","reason":"too dear","field":"material"}`)
	step(lifecycle.FileUploaded, p.shop, "upload", `{"material":"gold-585-rose"}`)
	step(lifecycle.Submitted, p.shop, "submit", `{"by":"customer-1","stage":"SUBMITTED"}`)
	step(lifecycle.ManufacturingApproved, p.crm, "approve", `{"by":"manager-3"}`)
	require.NoError(t, p.everyone().Await(t.Context(), order, lifecycle.ManufacturingStarted))
	p.listed(p.mes+"/free-orders", order)
	step(lifecycle.ManufacturingStarted, p.mes, "take", `{"by":"operator-7"}`)
	step(lifecycle.ManufacturingCompleted, p.mes, "hand-over", `{"by":"operator-7","from":"operator-7","to":"operator-9"}`)
	step(lifecycle.ManufacturingCompleted, p.mes, "finish", `{"by":"operator-9"}`)
	step(lifecycle.Packaging, p.mes, "pack", `{"by":"operator-9"}`)
	step(lifecycle.Shipped, p.mes, "ship", fmt.Sprintf(`{"by":"operator-9","carrier":"UPS","tracking_number":%q}`, tracking))
	require.NoError(t, p.everyone().Await(t.Context(), order, lifecycle.Closed))
	p.post(409, p.shop, order, "cancel", `{"by":"customer-1"}`)
	p.post(409, p.crm, order, "cancel", `{"by":"manager-3"}`)
	p.carrierSpeaks(tracking)
	p.do(200, "GET", p.crm+"/orders/"+order+"/parcel", "")
	p.do(200, "GET", p.crm+"/parcels?trouble=false&limit=1000", "")
	p.post(200, p.crm, order, "close", `{"by":"manager-3","reason":"fetched by the customer"}`)
	require.NoError(t, p.ended(t, order))
	p.post(409, p.shop, order, "upload", p.moves()[0][2])
	p.upload(409, order, model)
	p.do(200, "GET", p.shop+"/orders/"+order+"/status", "")
}

// listed waits until a list has the order: its index may be late.
func (p described) listed(url, order string) {
	p.t.Helper()
	eventually(p.t, patience, 100*time.Millisecond, func() (bool, string) {
		answer := p.do(200, "GET", url+"?limit=1000", "")
		return strings.Contains(answer, order), answer
	})
}

func (p described) carrierSpeaks(tracking string) {
	secret := p.carrier(p.t).Secret
	say := func(want int, e carrier.Event, signedWith string) {
		p.t.Helper()
		body, err := e.Body()
		require.NoError(p.t, err)
		p.do(want, "POST", p.crm+"/webhooks/carrier", string(body), "X-Hmac-Signature", carrier.Sign(signedWith, body))
	}
	say(200, carrier.NewEvent("UPS", tracking, lifecycle.ParcelInTransit), secret)
	say(202, carrier.NewEvent("UPS", tracking+"-unknown", lifecycle.ParcelInTransit), secret)
	say(401, carrier.NewEvent("UPS", tracking, lifecycle.ParcelDelivered), "another")
	old := carrier.NewEvent("UPS", tracking, lifecycle.ParcelInTransit)
	old.At = old.At.AddDate(0, -1, 0)
	say(422, old, secret)
	p.do(400, "POST", p.crm+"/webhooks/carrier", `[]`, "X-Hmac-Signature", carrier.Sign(secret, []byte(`[]`)))
}

func (p described) cancelledAtEither(a, b string) {
	p.post(200, p.shop, a, "cancel", `{"by":"customer-1","reason":"second thoughts"}`)
	p.post(200, p.crm, b, "cancel", `{"by":"manager-3"}`)
	p.do(200, "GET", p.shop+"/orders/"+a+"/status", "")
	require.Error(p.t, p.ended(p.t, b))
}

func (p described) unknown() {
	for _, m := range p.moves() {
		p.post(404, m[0], "nobody-s", m[1], m[2])
	}
	p.upload(404, "nobody-s", nil)
	p.do(404, "GET", p.shop+"/orders/nobody-s/status", "")
}

func (p described) malformed(order string) {
	for _, m := range p.moves() {
		p.post(400, m[0], order, m[1], `[]`)
		wrong := `{"reason":"` + strings.Repeat("x", 600) + `"}`
		if m[1] == "upload" || m[1] == "hand-over" {
			wrong = `{}` // they take no reason
		}
		p.post(422, m[0], order, m[1], wrong)
	}
}

func (p described) tickets(order string) {
	body := fmt.Sprintf(`{"order_id":%q,"subject":"it does not fit","by":"manager-3"}`, order)
	var opened struct {
		ID    string `json:"ticket_id"`
		Trace string `json:"trace_id"`
	}
	require.NoError(p.t, json.Unmarshal([]byte(p.do(201, "POST", p.crm+"/tickets", body, "Idempotency-Key", "ticket of "+order)), &opened))
	p.do(200, "POST", p.crm+"/tickets", body, "Idempotency-Key", "ticket of "+order)
	p.do(400, "POST", p.crm+"/tickets", `[]`)
	p.do(404, "POST", p.crm+"/tickets", strings.Replace(body, order, "nobody-s", 1))
	p.do(422, "POST", p.crm+"/tickets", `{}`)
	p.do(200, "GET", p.crm+"/tickets/"+opened.ID, "")
	p.do(404, "GET", p.crm+"/tickets/tic-none", "")
	p.do(200, "GET", p.crm+"/tickets?trace_id="+opened.Trace, "")
	p.do(422, "GET", p.crm+"/tickets?trace_id=none", "")
}
