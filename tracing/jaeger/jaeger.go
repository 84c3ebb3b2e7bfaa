// Package jaeger reads traces back from Jaeger's query API.
package jaeger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
)

var (
	// ErrNotFound says that Jaeger has no such trace, or not yet.
	ErrNotFound = errors.New("no such trace")
	// ErrUnauthorized says that Jaeger does not let the client's user read.
	ErrUnauthorized = errors.New("jaeger wants a user and a password that may read traces")
)

// A Span is one span as Jaeger keeps it.
type Span struct {
	Trace    string
	ID       string
	Parent   string // empty for a root
	Links    []Link // to spans of other traces
	Service  string
	Name     string
	Start    time.Time
	Duration time.Duration
	Tags     map[string]string
	Warnings []string
}

// A Link points to a span that is not the parent.
type Link struct{ Trace, Span string }

// End is when the span ended.
func (s Span) End() time.Time { return s.Start.Add(s.Duration) }

// Failed tells whether the span ended with an error.
func (s Span) Failed() bool {
	return s.Tags["error"] == "true" || s.Tags["otel.status_code"] == "ERROR"
}

// Client reads from one Jaeger.
type Client struct {
	base string
	user *url.Userinfo
	http *http.Client
}

// NewClient returns a client for the Jaeger at a base URL, which signs in as a
// user; nil: as nobody.
func NewClient(base string, user *url.Userinfo) *Client {
	return &Client{base: strings.TrimRight(base, "/"), user: user, http: &http.Client{Timeout: 30 * time.Second}}
}

// User is who reads traces, by JAEGER_USER and JAEGER_PASSWORD; nil if nobody is
// named. A password is no flag: everyone on the machine can read those.
func User() *url.Userinfo {
	if name := os.Getenv("JAEGER_USER"); name != "" {
		return url.UserPassword(name, os.Getenv("JAEGER_PASSWORD"))
	}
	return nil
}

// TraceURL is where people see a trace.
func (c *Client) TraceURL(id trace.TraceID) string { return TraceURL(c.base, id) }

// TraceURL is where people see a trace, in the Jaeger at a base URL.
func TraceURL(base string, id trace.TraceID) string {
	return strings.TrimRight(base, "/") + "/trace/" + id.String()
}

// Trace reads the spans of a trace, by their start. Fails with
// ErrNotFound or ErrUnauthorized.
func (c *Client) Trace(ctx context.Context, id trace.TraceID) ([]Span, error) {
	traces, err := c.get(ctx, "/api/traces/"+id.String())
	if err != nil {
		return nil, err
	}
	if len(traces) == 0 {
		return nil, fmt.Errorf("trace %s: %w", id, ErrNotFound)
	}
	return traces[0], nil
}

// Find reads every trace, of at most 1000, with a span of a service that has a
// tag, started within the last year.
func (c *Client) Find(ctx context.Context, service, tag, value string) ([][]Span, error) {
	tags, err := json.Marshal(map[string]string{tag: value})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	q := url.Values{
		"service": {service}, "tags": {string(tags)}, "limit": {"1000"},
		"start": {fmt.Sprint(now.AddDate(-1, 0, 0).UnixMicro())},
		"end":   {fmt.Sprint(now.Add(time.Hour).UnixMicro())},
	}
	return c.get(ctx, "/api/traces?"+q.Encode())
}

// JSON is a trace as Jaeger's API answers it, which its UI opens as a file. Fails
// with ErrNotFound or ErrUnauthorized.
func (c *Client) JSON(ctx context.Context, id trace.TraceID) ([]byte, error) {
	body, err := c.fetch(ctx, "/api/traces/"+id.String())
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("jaeger's answer: %w", err)
	}
	return text, nil
}

func (c *Client) get(ctx context.Context, path string) ([][]Span, error) {
	body, err := c.fetch(ctx, path)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var a answer
	if err := json.NewDecoder(body).Decode(&a); err != nil {
		return nil, fmt.Errorf("jaeger's answer: %w", err)
	}
	out := make([][]Span, len(a.Data))
	for i, t := range a.Data {
		out[i] = t.spans()
	}
	return out, nil
}

// fetch returns the body of an answer that is one.
func (c *Client) fetch(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("jaeger address: %w", err)
	}
	if c.user != nil {
		password, _ := c.user.Password()
		req.SetBasicAuth(c.user.Username(), password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("jaeger: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	_ = resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusNotFound:
		return nil, fmt.Errorf("jaeger: %w", ErrNotFound)
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, ErrUnauthorized
	default:
		return nil, fmt.Errorf("jaeger answered %s", resp.Status)
	}
}

// answer is the JSON of Jaeger's /api/traces.
type answer struct {
	Data []wireTrace `json:"data"`
}

type wireTrace struct {
	Spans     []wireSpan `json:"spans"`
	Processes map[string]struct {
		ServiceName string `json:"serviceName"`
	} `json:"processes"`
}

type wireSpan struct {
	TraceID       string `json:"traceID"`
	SpanID        string `json:"spanID"`
	OperationName string `json:"operationName"`
	References    []struct {
		RefType string `json:"refType"`
		TraceID string `json:"traceID"`
		SpanID  string `json:"spanID"`
	} `json:"references"`
	StartTime int64 `json:"startTime"` // µs since 1970
	Duration  int64 `json:"duration"`  // µs
	Tags      []struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	} `json:"tags"`
	ProcessID string   `json:"processID"`
	Warnings  []string `json:"warnings"`
}

func (t wireTrace) spans() []Span {
	out := make([]Span, len(t.Spans))
	for i, w := range t.Spans {
		s := Span{
			Trace: w.TraceID, ID: w.SpanID, Service: t.Processes[w.ProcessID].ServiceName, Name: w.OperationName,
			Start: time.UnixMicro(w.StartTime).UTC(), Duration: time.Duration(w.Duration) * time.Microsecond,
			Tags: make(map[string]string, len(w.Tags)), Warnings: w.Warnings,
		}
		for _, tag := range w.Tags {
			s.Tags[tag.Key] = fmt.Sprint(tag.Value)
		}
		for _, ref := range w.References {
			if ref.RefType == "CHILD_OF" && ref.TraceID == w.TraceID && s.Parent == "" {
				s.Parent = ref.SpanID
			} else {
				s.Links = append(s.Links, Link{Trace: ref.TraceID, Span: ref.SpanID})
			}
		}
		out[i] = s
	}
	slices.SortStableFunc(out, func(a, b Span) int { return a.Start.Compare(b.Start) })
	return out
}
