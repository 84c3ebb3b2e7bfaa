package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"

	"ordertrace/deploy/local/stack"
	"ordertrace/deploy/simulate/carrier"
	"ordertrace/lifecycle"
	"ordertrace/systems/mesh/meshtest"
	"ordertrace/workflow"
)

// People and strangers write names, e-mails, telephone numbers, addresses, file
// names and tokens wherever they can, on orders that go every way. None of it is
// in Jaeger, in Temporal or in a log: not in what these answer, and not in their
// files.
func TestNothingOfPeopleIsInTracesHistoriesOrLogs(t *testing.T) {
	h := newHaunted(t)
	closed := h.delivered()
	orders := []string{closed, h.sentBack(), h.cancelledByCustomer(), h.cancelledByManager(), h.closedByManager(), h.signalled(), h.byStarter()}
	terminated, strangers := h.startedBadly(), h.waiting()
	h.ask(200, "operator-7", "GET", h.mes+"/free-orders?limit="+h.query(aName, "limit"), "")
	h.tickets(closed)
	h.knocking(strangers)
	h.outages(strangers)
	h.ask(200, "customer-1", "POST", h.shop+"/orders/"+strangers+"/cancel", `{}`)
	_ = h.ended(t, strangers)
	orders = append(orders, strangers)
	for _, id := range orders {
		h.settled(t, id)
	}
	t.Logf("%d canaries", len(h.cage.all))
	require.Greater(t, len(h.cage.all), 1000, "all routes were asked")

	dumps := h.dumps(append(orders, terminated))
	for place, dump := range dumps {
		t.Run(place, func(t *testing.T) {
			require.Contains(t, string(dump.content), dump.holds, "the dump is one")
			for _, leak := range h.cage.seen(dump.content) {
				if leak.plain != "" && (place == "Temporal's histories" || place == "Temporal's files") {
					continue
				}
				t.Errorf("%s: …%s…", leak.where, leak.excerpt)
			}
		})
	}
	t.Run("where it belongs, it is", func(t *testing.T) { h.kept(t, closed) })
	t.Run("what is not protected is still there", func(t *testing.T) { // else it is to be taken off the list
		seen := h.cage.seen(dumps["Temporal's histories"].content)
		seen = slices.DeleteFunc(seen, func(s sighting) bool { return s.plain == "" })
		require.Len(t, seen, h.cage.inPlain())
	})
}

// A canary is what somebody wrote somewhere.
type canary struct {
	where string
	plain string // why Temporal holds it as it is; empty: it does not
}

// cage knows all canaries, by their words.
type cage struct {
	mu  sync.Mutex
	all map[string]canary
}

// What people write: the word is what it is known by.
const (
	aName     = "Jane Doe %s"
	anEmail   = "jane.%s@mail.example"
	anAddress = "%s Street 5, 10115 Berlin"
	aFile     = "ring of %s.stl"
	aToken    = "eyJhbGciOiJIUzI1NiJ9.%s.c2ln"
	aPhone    = "+49 170 %s"
	aWord     = "%s"
)

func (c *cage) put(kind, where string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	word := fmt.Sprintf("canary%d", 1000+len(c.all))
	if kind == aPhone {
		word = fmt.Sprint(55501000 + len(c.all))
	}
	c.all[word] = canary{where: where + " (" + fmt.Sprintf(kind, "…") + ")"}
	return fmt.Sprintf(kind, word)
}

// plain is a canary that Temporal holds in plain, and why.
func (c *cage) plain(kind, where, why string) string {
	text := c.put(kind, where)
	c.mu.Lock()
	defer c.mu.Unlock()
	word := canaryWord.FindString(text)
	it := c.all[word]
	it.plain = why
	c.all[word] = it
	return text
}

// inPlain counts those that Temporal holds in plain.
func (c *cage) inPlain() (n int) {
	for _, it := range c.all {
		if it.plain != "" {
			n++
		}
	}
	return n
}

var (
	canaryWord  = regexp.MustCompile(`(?i)canary\d*`)
	phoneNumber = regexp.MustCompile(`170(?:[ +-]|%20)?(555\d{5})`)
	disguised   = regexp.MustCompile(strings.Join(disguises("canary", "Canary", "CANARY"), "|"))
)

// disguises are words in hexadecimal digits, and in base64 wherever they stand in
// the text.
func disguises(words ...string) (out []string) {
	for _, word := range words {
		out = append(out, hex.EncodeToString([]byte(word)))
		for shift, skip := range []int{0, 2, 3} {
			shifted := append(make([]byte, shift), word...)
			out = append(out, regexp.QuoteMeta(base64.StdEncoding.EncodeToString(shifted)[skip:len(shifted)*8/6]))
		}
	}
	return out
}

type sighting struct {
	canary
	excerpt string
}

// seen are the canaries in a text, each once.
func (c *cage) seen(text []byte) (out []sighting) {
	told := map[string]bool{}
	see := func(word string, known bool, at []int) {
		if told[word] {
			return
		}
		told[word] = true
		it := c.all[word]
		if !known {
			it.where = "somewhere, as " + word
		}
		out = append(out, sighting{it, fmt.Sprintf("%q", text[max(0, at[0]-120):min(len(text), at[1]+80)])})
	}
	for _, at := range canaryWord.FindAllIndex(text, -1) {
		word := strings.ToLower(string(text[at[0]:at[1]]))
		_, known := c.all[word]
		see(word, known, at)
	}
	for _, at := range phoneNumber.FindAllSubmatchIndex(text, -1) {
		if word := string(text[at[2]:at[3]]); c.all[word] != (canary{}) {
			see(word, true, at)
		}
	}
	for _, at := range disguised.FindAllIndex(text, -1) {
		see(string(text[at[0]:at[1]]), false, at)
	}
	return out
}

// haunted is a stack of its own, before whose systems a stranger adds a canary to
// everything that a request can carry.
type haunted struct {
	*rig
	t              *testing.T
	cage           *cage
	shop, crm, mes string
}

func newHaunted(t *testing.T) haunted {
	h := haunted{rig: another(t, "LOG_LEVEL=debug"), t: t, cage: &cage{all: map[string]canary{}}}
	h.shop, h.crm, h.mes = h.haunt(h.ShopURL()), h.haunt(h.CRMURL()), h.haunt(h.MESURL())
	return h
}

func (h haunted) haunt(system string) string {
	target, err := url.Parse(system)
	require.NoError(h.t, err)
	header := func(kind, name string) [2]string { return [2]string{name, h.cage.put(kind, "header "+name)} }
	headers := [][2]string{
		header(aName, "User-Agent"), header(aToken, "Cookie"), header(anAddress, "X-Forwarded-For"), header(aWord, "X-Forwarded-Host"),
		header(anEmail, "From"), header(aName, "X-Real-IP"), header(aPhone, "X-Phone"), header(aName, "Via"), header(aFile, "Accept-Language"),
		header(aName, "X-Request-Id"), header(aName, "X-B3-TraceId"), header(aName, "Uber-Trace-Id"), header(aFile, "If-None-Match"),
		{"Referer", "https://shop.example/?q=" + h.query(anEmail, "header Referer")},
		{"Forwarded", "for=" + h.cage.put(aWord, "header Forwarded")},
		{"Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		{"Tracestate", "vendor=" + h.cage.put(aWord, "header tracestate")},
		{"Baggage", "user=" + h.query(anEmail, "header baggage") + "," + h.cage.put(aWord, "a key of the header baggage") + "=1"},
		{"Content-Disposition", `form-data; name="file"; filename="` + h.cage.put(aFile, "header Content-Disposition") + `"`},
		{"Prefer", "wait=1, " + h.cage.put(aWord, "header Prefer")},
	}
	contentType := `; name="` + h.cage.put(aFile, "a parameter of Content-Type") + `"`
	host := h.cage.put(aWord, "header Host") + ".example"
	query := h.cage.put(aWord, "a name in the query") + "=" + h.query(anAddress, "the query")
	proxy := &httputil.ReverseProxy{Transport: http.DefaultTransport, Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		for _, header := range headers {
			p.Out.Header.Set(header[0], header[1])
		}
		p.Out.Header.Set("Content-Type", p.Out.Header.Get("Content-Type")+contentType)
		if p.Out.Header.Get("Idempotency-Key") == "" {
			p.Out.Header.Set("Idempotency-Key", h.key())
		}
		p.Out.Host = host
		p.Out.URL.RawQuery = strings.Trim(p.Out.URL.RawQuery+"&"+query, "&")
	}}
	server := httptest.NewServer(proxy)
	h.t.Cleanup(server.Close)
	return server.URL
}

// key is an Idempotency-Key: longer than those that are refused.
func (h haunted) key() string {
	return h.cage.put("jane.%s@mail.example, once", "header Idempotency-Key")
}

func (h haunted) query(kind, where string) string { return url.QueryEscape(h.cage.put(kind, where)) }

// quoted is a canary as a string of JSON.
func (h haunted) quoted(kind, where string) string {
	b, err := json.Marshal(h.cage.put(kind, where))
	require.NoError(h.t, err)
	return string(b)
}

// ask makes a request as somebody, or with a token of a stranger's, and requires
// its status; 0 takes whatever comes.
func (h haunted) ask(want int, who, method, url, body string, header ...string) string {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, url, strings.NewReader(body))
	require.NoError(h.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", who)
	if token := h.Token(who); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(h.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	if want != 0 {
		require.Equal(h.t, want, resp.StatusCode, "%s %s %s: %s", method, url, body, answer)
	}
	return string(answer)
}

// waiting is an order that waits for its model.
func (h haunted) waiting() string {
	h.t.Helper()
	var started struct {
		ID string `json:"order_id"`
	}
	require.NoError(h.t, json.Unmarshal([]byte(h.ask(201, "customer-1", "POST", h.shop+"/orders", `{"material":"silver-925"}`)), &started))
	h.at(started.ID, lifecycle.FileUploaded)
	return started.ID
}

func (h haunted) at(order string, stage lifecycle.Stage) {
	h.t.Helper()
	require.NoError(h.t, h.everyone().Await(h.t.Context(), order, stage))
}

// step does what an order waits for.
func (h haunted) step(order string, stage lifecycle.Stage, who, verb, body string) {
	h.t.Helper()
	h.at(order, stage)
	system := map[string]string{"customer": h.shop, "manager": h.crm, "operator": h.mes}[strings.Split(who, "-")[0]]
	h.ask(200, who, "POST", system+"/orders/"+order+"/"+verb, body)
}

// upload gives an order a model in a file that names people.
func (h haunted) upload(want int, order string, write func(io.Writer) error) {
	h.t.Helper()
	var file bytes.Buffer
	require.NoError(h.t, write(&file))
	h.at(order, lifecycle.FileUploaded)
	h.ask(want, "customer-1", "PUT", h.shop+"/orders/"+order+"/model", file.String(), "Content-Type", "model/stl")
}

func (h haunted) binary(m meshtest.Mesh) func(io.Writer) error {
	return func(w io.Writer) error {
		return meshtest.WriteBinary(w, h.cage.put(aName, "header of a binary STL"), m)
	}
}

func (h haunted) ascii(m meshtest.Mesh) func(io.Writer) error {
	return func(w io.Writer) error { return meshtest.WriteASCII(w, h.cage.put(aName, "solid of an ASCII STL"), m) }
}

func (h haunted) reason(where string) string {
	return fmt.Sprintf(`{"reason":%s}`, h.quoted(anAddress, where))
}

// delivered is an order that is sent back once, handed over twice, and closed by
// its carrier, who also sends what cannot be understood.
func (h haunted) delivered() string {
	o := h.waiting()
	h.upload(422, o, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "solid %s\nfacet %s\n", h.cage.put(aName, "a broken STL"), h.cage.put(aName, "a broken STL's facet"))
		return err
	})
	h.upload(200, o, h.binary(meshtest.Ring()))
	h.step(o, lifecycle.Submitted, "customer-1", "submit", `{}`)
	h.step(o, lifecycle.ManufacturingApproved, "manager-3", "reject", h.reason("a rejection's reason"))
	h.upload(200, o, h.ascii(meshtest.Ring()))
	h.step(o, lifecycle.Submitted, "customer-1", "submit", `{}`)
	h.step(o, lifecycle.ManufacturingApproved, "manager-3", "approve", `{}`)
	h.step(o, lifecycle.ManufacturingStarted, "operator-7", "take", `{}`)
	to := h.quoted(aName, "hand-over's to")
	h.step(o, lifecycle.ManufacturingCompleted, "operator-7", "hand-over", `{"from":"operator-7","to":`+to+`}`)
	h.ask(409, "operator-9", "POST", h.mes+"/orders/"+o+"/finish", `{}`)
	h.ask(0, "manager-3", "POST", h.crm+"/orders/"+o+"/close", h.reason("a close that is too early"))
	h.step(o, lifecycle.ManufacturingCompleted, "operator-9", "hand-over", `{"from":`+to+`,"to":"operator-9"}`)
	h.step(o, lifecycle.ManufacturingCompleted, "operator-9", "finish", `{}`)
	h.step(o, lifecycle.Packaging, "operator-9", "pack", `{}`)
	by, number := h.cage.put(aWord, "a parcel's carrier"), h.cage.put(aPhone, "a parcel's number")
	h.step(o, lifecycle.Shipped, "operator-9", "ship", fmt.Sprintf(`{"carrier":%q,"tracking_number":%q}`, by, number))
	h.at(o, lifecycle.Closed)
	h.carrierSpeaks(by, number)
	require.NoError(h.t, h.ended(h.t, o))
	h.ask(0, "manager-3", "POST", h.crm+"/orders/"+o+"/close", h.reason("a close that is too late"))
	return o
}

// carrierSpeaks of a parcel, first so that nobody understands it, at last that it
// is delivered.
func (h haunted) carrierSpeaks(by, number string) {
	say := func(want int, status lifecycle.ParcelStatus, change func(event, tracker map[string]any)) {
		h.t.Helper()
		event := h.gossip(carrier.NewEvent(by, number, status))
		change(event, event["result"].(map[string]any))
		body, err := json.Marshal(event)
		require.NoError(h.t, err)
		h.tell(want, string(body))
	}
	nothing := func(map[string]any, map[string]any) {}
	say(200, lifecycle.ParcelInTransit, nothing)
	say(200, lifecycle.ParcelStatus(h.cage.put(aName, "a parcel's status")), nothing)
	say(200, lifecycle.ParcelOutForDelivery, func(event, _ map[string]any) { event["id"] = h.cage.put(anEmail, "an event's ID") })
	say(200, "teleported", func(event, _ map[string]any) {
		event["id"] = h.cage.put(aName, "the ID of an event with a status that is unknown")
	})
	say(200, lifecycle.ParcelInTransit, func(event, _ map[string]any) { event["description"] = h.cage.put(aName, "an event's description") })
	say(400, lifecycle.ParcelInTransit, func(event, _ map[string]any) { event["created_at"] = h.cage.put(aName, "an event's created_at") })
	say(400, lifecycle.ParcelInTransit, func(event, _ map[string]any) { event["result"] = h.cage.put(aName, "an event's result") })
	say(400, lifecycle.ParcelInTransit, func(_, tracker map[string]any) { tracker["updated_at"] = h.cage.put(aName, "a tracker's updated_at") })
	say(400, lifecycle.ParcelInTransit, func(_, tracker map[string]any) {
		tracker["carrier"] = []string{h.cage.put(aName, "a carrier that is a list")}
	})
	say(202, lifecycle.ParcelInTransit, func(_, tracker map[string]any) {
		tracker["tracking_code"] = h.cage.put(anEmail, "the number of a parcel that is unknown")
	})
	h.tell(400, `{"id":`+h.quoted(aName, "an event that is cut off"))
	h.ask(401, "", "POST", h.crm+"/webhooks/carrier", h.quoted(aName, "an event that is not signed"),
		"X-Hmac-Signature", "hmac-sha256-hex="+h.cage.put(aToken, "an event's signature"))
	say(200, lifecycle.ParcelDelivered, nothing)
	say(200, lifecycle.ParcelInTransit, nothing) // after the end
}

func (h haunted) tell(want int, body string) {
	h.t.Helper()
	h.ask(want, "", "POST", h.crm+"/webhooks/carrier", body, "X-Hmac-Signature", carrier.Sign(h.carrier(h.t).Secret, []byte(body)))
}

// gossip is a message with all that a carrier knows of people and places
// (docs.easypost.com: Event and Tracker objects).
func (h haunted) gossip(e carrier.Event) (event map[string]any) {
	body, err := e.Body()
	require.NoError(h.t, err)
	require.NoError(h.t, json.Unmarshal(body, &event))
	say := func(kind, field string) string { return h.cage.put(kind, "a carrier's "+field) }
	place := map[string]any{"object": "TrackingLocation", "city": say(anAddress, "city"), "state": say(aWord, "state"), "country": say(aWord, "country"), "zip": say(aWord, "zip")}
	event["user_id"], event["previous_attributes"] = say(aToken, "user_id"), map[string]any{"signed_by": say(aName, "previous_attributes")}
	event["pending_urls"] = []string{"https://" + say(aWord, "pending_urls") + ".example"}
	tracker := event["result"].(map[string]any)
	tracker["id"], tracker["signed_by"], tracker["status_detail"] = say(aWord, "tracker's id"), say(aName, "signed_by"), say(aWord, "status_detail")
	tracker["public_url"], tracker["shipment_id"] = "https://track.example/"+say(aWord, "public_url"), say(aWord, "shipment_id")
	tracker["carrier_detail"] = map[string]any{
		"service": say(aName, "service"), "origin_location": say(anAddress, "origin_location"), "origin_tracking_location": place,
		"destination_location": say(anAddress, "destination_location"), "alternate_identifier": say(aPhone, "alternate_identifier"),
	}
	tracker["tracking_details"] = []any{map[string]any{
		"object": "TrackingDetail", "message": say(aName, "message"), "description": say(anEmail, "description"), "source": say(aWord, "source"),
		"tracking_location": place,
	}}
	return event
}

// sentBack is an order that nobody can make: its material does not exist, then
// its model is refused. A partner gives it up.
func (h haunted) sentBack() string {
	var started struct {
		ID string `json:"order_id"`
	}
	body := fmt.Sprintf(`{"source":"b2b","material":%s}`, h.quoted(aName, "the material of a new order"))
	require.NoError(h.t, json.Unmarshal([]byte(h.ask(201, "partner-1", "POST", h.shop+"/orders", body)), &started))
	o := started.ID
	ask := func(verb, body string) {
		h.t.Helper()
		h.ask(200, "partner-1", "POST", h.shop+"/orders/"+o+"/"+verb, body)
	}
	var file bytes.Buffer
	require.NoError(h.t, h.ascii(meshtest.Cube(900))(&file))
	h.waits(h.t, o, lifecycle.FileUploaded)
	h.ask(200, "partner-1", "PUT", h.shop+"/orders/"+o+"/model", file.String())
	submitted := func(problem string) {
		h.t.Helper()
		h.waits(h.t, o, lifecycle.Submitted)
		ask("submit", `{}`)
		require.Contains(h.t, h.waits(h.t, o, lifecycle.FileUploaded).Problem, problem)
	}
	submitted("there is no material")
	ask("upload", `{"material":`+h.quoted(anEmail, "a better material")+`}`)
	submitted("there is no material")
	ask("upload", `{"material":"silver-925"}`)
	submitted("cannot be priced")
	ask("cancel", h.reason("a partner's reason to cancel"))
	require.Error(h.t, h.ended(h.t, o))
	return o
}

func (h haunted) cancelledByCustomer() string {
	o := h.waiting()
	h.upload(200, o, h.binary(meshtest.Ring()))
	h.step(o, lifecycle.Submitted, "customer-1", "cancel", h.reason("a customer's reason to cancel"))
	require.Error(h.t, h.ended(h.t, o))
	h.ask(409, "customer-1", "POST", h.shop+"/orders/"+o+"/upload", fmt.Sprintf(`{"material":%s}`, h.quoted(aName, "a material that is too late")))
	return o
}

func (h haunted) cancelledByManager() string {
	o := h.mustStartTo(h.t, lifecycle.Packaging).ID
	h.ask(200, "manager-3", "POST", h.crm+"/orders/"+o+"/cancel", h.reason("a manager's reason to cancel"))
	require.Error(h.t, h.ended(h.t, o))
	return o
}

func (h haunted) closedByManager() string {
	o := h.shipped(h.t).ID
	h.step(o, lifecycle.Closed, "manager-3", "close", h.reason("a reason to close"))
	require.NoError(h.t, h.ended(h.t, o))
	return o
}

// inPlain is why Temporal holds some of it.
const inPlain = "README.md, Security: names of signals, and what somebody sends to Temporal in plain, are not protected"

// signalled is an order to which operators send, in the Temporal UI and by other
// programs, what it does not know or cannot read. The UI cancels it.
func (h haunted) signalled() string {
	t, ctx, o := h.t, h.t.Context(), h.waiting()
	word := func(kind, where string) any { return h.cage.put(kind, where) }
	for _, signal := range []string{workflow.SignalClose, workflow.SignalMove, workflow.SignalCarrier} {
		for _, input := range []any{
			word(aName, "a signal that is text"), []any{word(anEmail, "a signal that is a list")},
			map[string]any{"by": word(aName, "a signal's by"), "stage": word(aName, "a signal's stage"), "reason": word(anAddress, "a signal's reason")},
			map[string]any{"by": []any{word(aName, "a signal's by that is a list")}, "at": word(aPhone, "a signal's at")},
			map[string]any{"status": word(aName, "a signal's status"), "id": word(aToken, "a signal's id")},
		} {
			require.NoError(t, h.temporal.SignalWorkflow(ctx, o, "", signal, input))
		}
		h.postToTemporalUI(t, "/workflows/"+o+"/signal/"+signal, map[string]any{
			"input": payloads(t, map[string]any{"by": h.cage.plain(aName, "a signal of the Temporal UI", inPlain)}),
		})
	}
	require.NoError(t, h.temporal.SignalWorkflow(ctx, o, "", h.cage.plain(aName, "a signal's name", inPlain), word(aName, "an unknown signal")))
	h.postToTemporalUI(t, "/workflows/"+o+"/signal/"+url.PathEscape(h.cage.plain(aWord, "a signal's name in the Temporal UI", inPlain)), map[string]any{})
	for _, name := range []string{lifecycle.VerbAdvance, h.cage.put(aWord, "an update's name")} {
		update, err := h.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: o, UpdateName: name, UpdateID: h.cage.put(anEmail, "the ID of an update that is refused"),
			Args: []any{word(aName, "an update's input")}, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = update.Get(ctx, nil)
		}
		require.Error(t, err)
	}
	_, err := h.temporal.QueryWorkflow(ctx, o, "", h.cage.put(aWord, "a query's name"), word(aName, "a query's input"))
	require.Error(t, err)
	h.postToTemporalUI(t, "/workflows/"+o+"/cancel", map[string]any{"reason": h.cage.plain(aName, "a cancellation in the Temporal UI", inPlain)})
	require.Error(t, h.ended(t, o))
	return o
}

// startedBadly is an order that somebody starts with what is none.
func (h haunted) startedBadly() string {
	o := newID("badly")
	_, err := h.temporal.ExecuteWorkflow(h.t.Context(), client.StartWorkflowOptions{
		ID: o, TaskQueue: workflow.TaskQueue, Memo: map[string]any{"customer": h.cage.put(aName, "a memo")},
		StaticSummary: h.cage.put(aName, "a summary"), StaticDetails: h.cage.put(anAddress, "details"),
	}, workflow.Name, workflow.Input{Attended: true, Customer: h.cage.put(aName, "a customer"), Source: h.cage.put(aName, "a source"), Material: h.cage.put(aPhone, "a material")})
	require.NoError(h.t, err)
	h.waits(h.t, o, lifecycle.FileUploaded)
	require.NoError(h.t, h.temporal.TerminateWorkflow(h.t.Context(), o, "", h.cage.plain(aName, "a termination's reason", inPlain)))
	return o
}

// byStarter is an order that somebody starts and moves at a terminal.
func (h haunted) byStarter() string {
	t := h.t
	model := filepath.Join(t.TempDir(), h.cage.put(aFile, "a file's name"))
	content, err := os.ReadFile(filepath.Join(root, ring))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(model, content, 0o600))
	name := func(where string) string { return h.cage.put(aName, "starter "+where) }

	o := h.start(t, "--model", model, "--attended", "--material", name("order --material"))
	h.until(t, o.ID, "SUBMITTED")
	_, err = h.starter(t, "order", "--model", model, "--source", name("order --source"))
	require.Error(t, err)
	_, err = h.starter(t, "advance", o.ID, name("advance to no stage"), "--by", name("advance --by"))
	require.Error(t, err)
	_, err = h.starter(t, "reject", o.ID, "--by", name("reject --by"), "--reason", name("reject --reason"))
	require.Error(t, err)
	_, err = h.starter(t, "upload", o.ID, "--model", model+name("upload of no file"))
	require.Error(t, err)
	h.mustStarter(t, "ticket", "open", "--order", o.ID, "--subject", name("ticket --subject"))
	h.mustStarter(t, "cancel", o.ID, "--by", name("cancel --by"), "--reason", name("cancel --reason"))
	require.Error(t, h.ended(t, o.ID))
	return o.ID
}

// tickets are about an order, or about nothing.
func (h haunted) tickets(order string) {
	word := func(field string) string { return h.quoted(aName, "a ticket's "+field) }
	var opened struct {
		ID string `json:"ticket_id"`
	}
	subject := h.quoted("Jane Doe, jane.%[1]s@mail.example, %[1]s Street 5", "a ticket's subject")
	body := fmt.Sprintf(`{"order_id":%q,"subject":%s}`, order, subject)
	key := h.key()
	require.NoError(h.t, json.Unmarshal([]byte(h.ask(201, "manager-3", "POST", h.crm+"/tickets", body, "Idempotency-Key", key)), &opened))
	h.ask(422, "manager-3", "POST", h.crm+"/tickets", strings.Replace(body, subject, word("other subject"), 1), "Idempotency-Key", key)
	h.ask(0, "manager-3", "POST", h.crm+"/tickets", fmt.Sprintf(`{"trace_id":"%032x","subject":%s}`, 1, word("subject, of a trace that is unknown")))
	for _, bad := range []string{
		`{"order_id":` + word("order_id") + `,"subject":"it does not fit"}`, `{"order_id":"x","subject":` + word("subject, of no order") + `}`,
		`{"trace_id":` + word("trace_id") + `,"subject":"it does not fit"}`, `{"span_id":` + word("span_id") + `,"order_id":"x","subject":"it does not fit"}`,
		`{"order_id":"x","subject":"it does not fit","by":` + word("by") + `}`,
	} {
		answer := h.ask(0, "manager-3", "POST", h.crm+"/tickets", bad)
		require.Contains(h.t, answer, `"remedy"`, bad)
	}
	h.ask(200, "manager-3", "GET", h.crm+"/tickets/"+opened.ID, "")
	for _, query := range []string{"order_id", "trace_id", "limit"} {
		h.ask(0, "manager-3", "GET", h.crm+"/tickets?"+query+"="+h.query(aName, "the tickets' "+query), "")
	}
	h.ask(200, "manager-3", "GET", h.crm+"/parcels?trouble="+h.query(aName, "the parcels' query"), "")
	h.ask(200, "manager-3", "GET", h.crm+"/approvals?limit="+h.query(aPhone, "the approvals' limit"), "")
}

// knocking asks each route as a stranger and as who may, with what it cannot read.
// order is one that stays as it is.
func (h haunted) knocking(order string) {
	routes := map[string][]string{
		h.shop: {"POST /orders", "GET /orders/{order}/status", "PUT /orders/{order}/model", "POST /orders/{order}/upload", "POST /orders/{order}/submit",
			"POST /orders/{order}/cancel", "POST /models", "GET /models/{any}"},
		h.crm: {"GET /approvals", "POST /orders/{order}/approve", "POST /orders/{order}/reject", "POST /orders/{order}/close", "POST /orders/{order}/cancel",
			"POST /tickets", "GET /tickets", "GET /tickets/{any}", "GET /parcels", "GET /orders/{order}/parcel", "PUT /orders/{any}/parcel", "POST /webhooks/carrier"},
		h.mes: {"GET /free-orders", "POST /orders/{order}/take", "POST /orders/{order}/hand-over", "POST /orders/{order}/finish", "POST /orders/{order}/pack",
			"POST /orders/{order}/ship"},
		h.haunt(h.CodecURL()): {"GET /", "POST /decode", "POST /encode"},
	}
	everywhere := []string{
		"GET /orders", "GET /orders/{any}", "PUT /orders/{any}/stages/{any}", "PUT /orders/{any}/stages/PRICE_CALCULATED", "DELETE /orders/{any}/stages/{any}",
		"POST /orders/{any}/stages/{any}/undo", "PUT /orders/{any}/outcome", "GET /healthz", "GET /{any}", "POST /orders/{order}/{any}", "PROPFIND /{any}", "CANARY /orders",
	}
	for system, own := range routes {
		for _, route := range slices.Concat(own, everywhere) {
			method, path, _ := strings.Cut(route, " ")
			if method == "CANARY" {
				method = strings.ToUpper(h.cage.put(aWord, "a method"))
			}
			h.knock(system, method, path, order)
		}
	}
}

func (h haunted) knock(system, method, path, order string) {
	at := func(order string) string {
		path := strings.ReplaceAll(path, "{order}", order)
		for strings.Contains(path, "{any}") {
			path = strings.Replace(path, "{any}", url.PathEscape(h.cage.put(aName, "the path of "+method+" "+path)), 1)
		}
		return system + path
	}
	where := method + " " + path
	unreadable := []string{
		`{` + h.quoted(aName, "a field of "+where) + `:1}`, `{"by":` + h.quoted(aName, "by of "+where) + `}`, h.quoted(aPhone, where),
		`{"reason":{"x":` + h.quoted(anEmail, "reason of "+where) + `}}`, `{"reason":"` + h.cage.put(anAddress, "what is cut off of "+where),
		`{"material":[` + h.quoted(aFile, "material of "+where) + `]}`, `{"source":` + h.quoted(aWord, "source of "+where) + `}`,
		`{"by":` + h.quoted(aName, "by of "+where) + `,"carrier":` + h.quoted(aName, "carrier of "+where) + `}`,
		`{"outcome":` + h.quoted(aName, "outcome of "+where) + `,"facts":` + h.quoted(aName, "facts of "+where) + `}`,
	}
	for _, who := range []string{"customer-1", "manager-3", "operator-7", "starter"} {
		for _, body := range unreadable {
			h.ask(0, who, method, at(order), body)
		}
		if !strings.Contains(path, "{order}") {
			continue
		}
		h.ask(0, who, method, at(url.PathEscape(h.cage.put(anEmail, "the order in the path of "+where))), `{}`)
	}
	h.ask(0, "Bearer "+h.cage.put(aToken, "the token at "+where), method, at(order), unreadable[0])
	basic := base64.StdEncoding.EncodeToString([]byte(h.cage.put(aName, "the user at "+where) + ":" + h.cage.put(aToken, "the password at "+where)))
	h.ask(0, "Basic "+basic, method, at(order), unreadable[1])
}

// outages are what is asked while a database is locked, and while Temporal does not
// answer.
func (h haunted) outages(order string) {
	h.t.Run("while the CRM cannot write", func(t *testing.T) {
		release := h.lockDatabase(t, "crm")
		defer release()
		body := fmt.Sprintf(`{"order_id":%q,"subject":%s}`, order, h.quoted(aName, "the subject of a ticket that cannot be kept"))
		h.ask(503, "manager-3", "POST", h.crm+"/tickets", body)
		message, err := json.Marshal(h.gossip(carrier.NewEvent("UPS", "1Z-"+h.cage.put(aWord, "the parcel of an event that cannot be kept"), lifecycle.ParcelInTransit)))
		require.NoError(t, err)
		h.tell(503, string(message))
	})
	h.t.Run("while Temporal does not answer", func(t *testing.T) {
		resume := h.suspend(t, "temporal")
		defer resume()
		h.ask(503, "manager-3", "POST", h.crm+"/orders/"+order+"/reject", h.reason("a rejection that nobody hears"))
		h.ask(503, "customer-1", "POST", h.shop+"/orders", fmt.Sprintf(`{"material":%s}`, h.quoted(aName, "the material of an order that nobody starts")))
	})
}

// A dump is all that some place holds.
type dump struct {
	content []byte
	holds   string // and must
}

// dumps are all that is not the systems' own, as it is answered and as it lies on
// the disk. Each holds the first of the orders.
func (h haunted) dumps(orders []string) map[string]dump {
	out := map[string]dump{"Jaeger": {h.allSpans(), orders[0]}}
	var histories, descriptions [][]byte
	for _, id := range orders {
		knows := h.temporalKnows(h.t, id)
		for i, m := range knows {
			b, err := proto.Marshal(m)
			require.NoError(h.t, err)
			if i == 0 {
				histories = append(histories, b)
			} else {
				descriptions = append(descriptions, b)
			}
		}
	}
	out["Temporal's histories"] = dump{bytes.Join(histories, nil), string(lifecycle.PriceCalculated)}
	out["Temporal's descriptions"] = dump{bytes.Join(descriptions, nil), orders[0]}
	all, err := h.temporal.ListWorkflow(h.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: stack.Namespace, PageSize: 1000})
	require.NoError(h.t, err)
	require.Empty(h.t, all.NextPageToken)
	listed, err := proto.Marshal(all)
	require.NoError(h.t, err)
	out["Temporal's list"] = dump{listed, orders[0]}

	out["Jaeger's files"] = dump{h.files("jaeger"), orders[0]}
	out["Temporal's files"] = dump{h.files("temporal.db*"), orders[0]}
	for log, holds := range map[string]string{"shop": `"level":"DEBUG"`, "crm": `"level":"DEBUG"`, "mes": orders[1], "temporal": "logging-call-at", "jaeger": "jaeger"} {
		content, err := os.ReadFile(h.LogFile(log))
		require.NoError(h.t, err)
		out["the log of "+log] = dump{content, holds}
	}
	return out
}

// allSpans are those of every service, as Jaeger's own API tells them.
func (h haunted) allSpans() []byte {
	get := func(path string) []byte {
		req, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.JaegerURL()+path, nil)
		require.NoError(h.t, err)
		password, _ := h.TraceViewer().Password()
		req.SetBasicAuth(h.TraceViewer().Username(), password)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(h.t, err)
		defer resp.Body.Close()
		content, err := io.ReadAll(resp.Body)
		require.NoError(h.t, err)
		require.Equal(h.t, http.StatusOK, resp.StatusCode, "%s", content)
		return content
	}
	var services struct{ Data []string }
	require.NoError(h.t, json.Unmarshal(get("/api/services"), &services))
	require.Subset(h.t, services.Data, []string{"order", "shop", "crm", "mes", "shop-api", "crm-api", "mes-api", "starter"})
	const most = 100_000
	var all bytes.Buffer
	for _, service := range services.Data {
		q := url.Values{"service": {service}, "limit": {fmt.Sprint(most)},
			"start": {fmt.Sprint(time.Now().Add(-time.Hour).UnixMicro())}, "end": {fmt.Sprint(time.Now().Add(time.Hour).UnixMicro())}}
		content := get("/api/traces?" + q.Encode())
		var traces struct{ Data []json.RawMessage }
		require.NoError(h.t, json.Unmarshal(content, &traces))
		require.NotEmpty(h.t, traces.Data, service)
		require.Less(h.t, len(traces.Data), most, service)
		all.Write(content)
		all.Write(get("/api/services/" + service + "/operations"))
	}
	return all.Bytes()
}

// files are those of the stack's state that fit a pattern, or lie below it.
func (h haunted) files(pattern string) []byte {
	found, err := filepath.Glob(filepath.Join(h.StateDir(), pattern))
	require.NoError(h.t, err)
	var all bytes.Buffer
	for _, name := range found {
		require.NoError(h.t, filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // compacted meanwhile
				return nil
			}
			if err != nil || entry.IsDir() {
				return err
			}
			return written(&all, path)
		}))
	}
	return all.Bytes()
}

// written copies what was written to a file. Badger's are much longer, and empty
// behind that.
func written(to *bytes.Buffer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for chunk := make([]byte, 4<<20); ; {
		n, err := io.ReadFull(file, chunk)
		if len(bytes.Trim(chunk[:n], "\x00")) == 0 {
			return nil
		}
		to.Write(chunk[:n])
		if err != nil {
			return nil // the end
		}
	}
}

// kept requires that canaries are found where they belong: in the systems' own
// databases, and by whoever has the key of what orders carry.
func (h haunted) kept(t *testing.T, closed string) {
	seen := func(content []byte, where string) {
		t.Helper()
		require.True(t, slices.ContainsFunc(h.cage.seen(content), func(s sighting) bool { return strings.HasPrefix(s.where, where) }), where)
	}
	seen(h.files("crm.db*"), "a ticket's subject")
	seen(h.files("crm.db*"), "a parcel's number")
	seen(h.files("shop.db*"), "a customer's reason to cancel")
	seen(h.files("blobs"), "header of a binary STL")

	keys, err := h.PayloadKeys()
	require.NoError(t, err)
	history := h.temporalKnows(t, closed)[0]
	require.NoError(t, decodeAll(t.Context(), keys, history))
	decrypted, err := proto.Marshal(history)
	require.NoError(t, err)
	seen(decrypted, "a rejection's reason")
	seen(decrypted, "hand-over's to")
	shown := base64.StdEncoding.EncodeToString([]byte("a name: Canary"))
	require.Len(t, h.cage.seen([]byte(shown)), 1, "base64 hides none")
}
