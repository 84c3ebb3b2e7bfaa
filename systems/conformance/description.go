// Package conformance holds a system to the contract of package api, from
// outside: its tests speak HTTP to any URL, and whatever is said on the way is
// held to the OpenAPI descriptions in docs/openapi.
//
//	go test ./systems/conformance                      our own three
//	go test ./systems/conformance -system mes -url http://… -shop-url http://…
package conformance

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// A Description is an OpenAPI document that traffic is held to.
type Description struct {
	doc *openapi3.T

	mu   sync.Mutex
	seen map[Exchange]bool
}

// An Exchange is a request by its route, and the status that it was answered
// with: a number as in "200".
type Exchange struct{ Method, Path, Status string }

func (e Exchange) String() string { return e.Method + " " + e.Path + " " + e.Status }

// Load reads a document, and the files that it refers to. It fails if it is not
// OpenAPI.
func Load(ctx context.Context, file string) (*Description, error) {
	loader := openapi3.NewLoader()
	loader.Context, loader.IsExternalRefsAllowed = ctx, true
	doc, err := loader.LoadFromFile(file)
	if err == nil {
		err = doc.Validate(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &Description{doc: doc, seen: map[Exchange]bool{}}, nil
}

// Before stands before a system, and reports what is said otherwise than
// described: an answer that is not, and a success for a request that is not. It
// keeps bodies in memory.
func (d *Description) Before(system *url.URL, report func(error)) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(system)
			asked := &exchange{request: r.In}
			asked.body, asked.err = io.ReadAll(r.In.Body)
			r.Out.Body = io.NopCloser(bytes.NewReader(asked.body))
			r.Out = r.Out.WithContext(context.WithValue(r.Out.Context(), exchangeKey{}, asked))
		},
		ModifyResponse: func(resp *http.Response) error {
			asked := resp.Request.Context().Value(exchangeKey{}).(*exchange)
			body, err := io.ReadAll(resp.Body)
			if err = errors.Join(asked.err, err); err == nil {
				resp.Body = io.NopCloser(bytes.NewReader(body))
				err = d.check(asked, resp, body)
			}
			if err != nil {
				report(fmt.Errorf("%s %s: %s: %w", asked.request.Method, asked.request.URL.Path, resp.Status, err))
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				report(fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err))
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
}

// exchange is a request on its way.
type exchange struct {
	request *http.Request
	body    []byte
	err     error
}

type exchangeKey struct{}

func (d *Description) check(asked *exchange, resp *http.Response, body []byte) error {
	in, err := d.find(asked.request)
	if err != nil {
		return err
	}
	d.mark(in.Route, resp.StatusCode)
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: in.Options,
	}
	if err := openapi3filter.ValidateResponse(asked.request.Context(), answer); err != nil {
		return fmt.Errorf("the answer is not as described: %w", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil
	}
	in.Request = asked.request.Clone(asked.request.Context())
	in.Request.Body = io.NopCloser(bytes.NewReader(asked.body))
	if err := openapi3filter.ValidateRequest(asked.request.Context(), in); err != nil {
		return fmt.Errorf("it succeeded, but the request is not as described: %w", err)
	}
	return nil
}

// find finds the operation that a request is: of those that match, the one with
// the most words of its own.
func (d *Description) find(r *http.Request) (*openapi3filter.RequestValidationInput, error) {
	parts := strings.Split(r.URL.EscapedPath(), "/")
	var paths []string
	for _, path := range d.doc.Paths.InMatchingOrder() {
		if item := d.doc.Paths.Value(path); matches(path, parts) && item.GetOperation(r.Method) != nil {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return nil, errors.New("the description has no such operation")
	}
	path := slices.MinFunc(paths, func(a, b string) int { return cmp.Compare(strings.Count(a, "{"), strings.Count(b, "{")) })
	item := d.doc.Paths.Value(path)
	values := map[string]string{}
	for i, name := range strings.Split(path, "/") {
		if strings.HasPrefix(name, "{") {
			value, err := url.PathUnescape(parts[i])
			if err != nil {
				return nil, err
			}
			values[strings.Trim(name, "{}")] = value
		}
	}
	return &openapi3filter.RequestValidationInput{
		Request: r, PathParams: values,
		Route: &routers.Route{Spec: d.doc, Path: path, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method)},
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, RejectWhenRequestBodyNotSpecified: true, SkipSettingDefaults: true, MultiError: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, // who may call is the access tests'
		},
	}, nil
}

func matches(path string, parts []string) bool {
	return slices.EqualFunc(strings.Split(path, "/"), parts, func(want, got string) bool {
		return want == got || strings.HasPrefix(want, "{") && got != ""
	})
}

func (d *Description) mark(route *routers.Route, status int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[Exchange{route.Method, route.Path, fmt.Sprint(status)}] = true
}

// Unseen lists what is described and did not happen: the answers "default" aside,
// which are for trouble.
func (d *Description) Unseen() []Exchange {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Exchange
	for path, item := range d.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				if e := (Exchange{method, path, status}); status != "default" && !d.seen[e] {
					out = append(out, e)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b Exchange) int { return strings.Compare(a.String(), b.String()) })
	return out
}

func init() {
	openapi3filter.RegisterBodyDecoder("model/stl", openapi3filter.FileBodyDecoder)
}
