package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"ordertrace/lifecycle"
)

// Client calls one system.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// As returns the client of a caller whose token this is.
func (c *Client) As(token string) *Client {
	as := *c
	as.token = token
	return &as
}

// NewClient returns a client of the system at a base URL. Every call is a span,
// and carries the trace context. Options name a tracer provider other than the
// global one.
func NewClient(base string, options ...otelhttp.Option) *Client {
	name := func(_ string, r *http.Request) string { return r.Method + " " + routeOf(r.URL.Path) }
	return &Client{
		base: strings.TrimRight(base, "/"),
		http: &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport,
			append(options, otelhttp.WithSpanNameFormatter(name))...)},
	}
}

// Record asks the system to record a stage under an idempotency key, and waits
// at most for the time given, if any, before it answers how far it is.
// It fails with a *lifecycle.Error for what the system answered, and with an
// error of another type, to be retried, when it could not be reached.
func (c *Client) Record(ctx context.Context, order string, stage lifecycle.Stage, key string, in StageRequest, wait time.Duration) (StageAnswer, error) {
	header := http.Header{"Idempotency-Key": {key}}
	if wait > 0 {
		header.Set("Prefer", "wait="+strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	var out StageAnswer
	status, err := c.do(ctx, http.MethodPut, c.stagePath(order, stage), header, in, &out)
	out.Done = err == nil && status != http.StatusAccepted
	return out, err
}

// GiveUp tells the system that nobody waits for a long stage any more.
func (c *Client) GiveUp(ctx context.Context, order string, stage lifecycle.Stage, key string) error {
	_, err := c.do(ctx, http.MethodDelete, c.stagePath(order, stage), http.Header{"Idempotency-Key": {key}}, nil, nil)
	return err
}

// Undo has the system take a stage back, in all its visits. A stage or an order
// that it does not know is no error. It fails with a LookUp error with the code
// conflict for what cannot be taken back.
func (c *Client) Undo(ctx context.Context, order string, stage lifecycle.Stage) error {
	_, err := c.do(ctx, http.MethodPost, c.stagePath(order, stage)+"/undo", nil, nil, nil)
	return err
}

// ExpectParcel has the CRM watch for the carrier's messages on a parcel, and
// returns those that came before.
func (c *Client) ExpectParcel(ctx context.Context, parcel lifecycle.Parcel) ([]lifecycle.CarrierEvent, error) {
	var out ParcelAnswer
	_, err := c.do(ctx, http.MethodPut, "/orders/"+url.PathEscape(parcel.Order)+"/parcel", nil,
		ParcelRequest{Carrier: parcel.Carrier, Tracking: parcel.Tracking}, &out)
	return out.Events, err
}

// Settle tells the system how the order ended.
func (c *Client) Settle(ctx context.Context, order string, in OutcomeRequest) error {
	_, err := c.do(ctx, http.MethodPut, "/orders/"+url.PathEscape(order)+"/outcome", nil, in, nil)
	return err
}

// Order reads what the system knows of an order. It fails with a LookUp error
// with the code not_found where it knows nothing.
func (c *Client) Order(ctx context.Context, order string) (Order, error) {
	var out Order
	_, err := c.do(ctx, http.MethodGet, "/orders/"+url.PathEscape(order), nil, nil, &out)
	return out, err
}

// Upload sends a 3D model to the shop, which checks and keeps it. size is the
// number of bytes, or -1. The same file sent again is the same model.
func (c *Client) Upload(ctx context.Context, file io.Reader, size int64) (lifecycle.Model, error) {
	var out lifecycle.Model
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/models", file)
	if err != nil {
		return out, fmt.Errorf("shop address: %w", err)
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", "model/stl")
	_, err = c.send(req, &out)
	return out, err
}

// Model opens a 3D model at the shop, and tells its size in bytes. The caller
// closes it.
func (c *Client) Model(ctx context.Context, digest string) (io.ReadCloser, int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/models/"+url.PathEscape(digest), nil)
	if err != nil {
		return nil, 0, fmt.Errorf("shop address: %w", err)
	}
	resp, err := c.roundTrip(req)
	if err != nil {
		return nil, 0, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, 0, problemOf(resp)
	}
	return resp.Body, resp.ContentLength, nil
}

func (c *Client) roundTrip(req *http.Request) (*http.Response, error) {
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.http.Do(req)
}

func (c *Client) stagePath(order string, stage lifecycle.Stage) string {
	return "/orders/" + url.PathEscape(order) + "/stages/" + string(stage)
}

func (c *Client) do(ctx context.Context, method, path string, header http.Header, in, out any) (int, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return 0, fmt.Errorf("request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return 0, fmt.Errorf("system address: %w", err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.send(req, out)
}

func (c *Client) send(req *http.Request, out any) (int, error) {
	resp, err := c.roundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return resp.StatusCode, problemOf(resp)
	}
	if out != nil && resp.StatusCode != http.StatusNoContent {
		if err := json.NewDecoder(io.LimitReader(resp.Body, maxJSON)).Decode(out); err != nil {
			return resp.StatusCode, fmt.Errorf("answer of %s %s: %w", req.Method, routeOf(req.URL.Path), err)
		}
	}
	return resp.StatusCode, nil
}
