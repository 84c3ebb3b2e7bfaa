package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
)

// Problem is an error on the wire: RFC 9457 with what a caller and a support
// ticket need. The source of trace_id and span_id is the request's own span.
type Problem struct {
	Title  string           `json:"title"`
	Status int              `json:"status"`
	Detail string           `json:"detail"`
	Code   string           `json:"code"`
	Remedy lifecycle.Remedy `json:"remedy"`
	Field  string           `json:"field,omitempty"`
	Trace  string           `json:"trace_id,omitempty"`
	Span   string           `json:"span_id,omitempty"`
}

const problemType = "application/problem+json"

// Status maps an error to its HTTP status. What is not a lifecycle.Error is the
// system's own trouble, which may pass: 503.
func Status(err error) int {
	var e *lifecycle.Error
	if !errors.As(err, &e) {
		return http.StatusServiceUnavailable
	}
	switch {
	case e.Code == lifecycle.CodeUnauthorized:
		return http.StatusUnauthorized
	case e.Code == lifecycle.CodeForbidden:
		return http.StatusForbidden
	case e.Code == lifecycle.CodeNotFound:
		return http.StatusNotFound
	case e.Code == lifecycle.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case e.Code == lifecycle.CodeMalformed:
		return http.StatusBadRequest
	case e.Remedy == lifecycle.LookUp:
		return http.StatusConflict
	case e.Remedy == lifecycle.FixInput:
		return http.StatusUnprocessableEntity
	default:
		return http.StatusServiceUnavailable
	}
}

// WriteProblem answers a request with an error. The words of an error that is
// not a lifecycle.Error stay in the system's log.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := Problem{
		Status: Status(err),
		Code:   lifecycle.CodeUnavailable,
		Remedy: lifecycle.Retry,
		Detail: "the system has a problem of its own; the same call may succeed later",
	}
	var e *lifecycle.Error
	if errors.As(err, &e) {
		p.Code, p.Remedy, p.Field, p.Detail = e.Code, e.Remedy, e.Field, e.Detail
	}
	p.Title = http.StatusText(p.Status)
	if sc := trace.SpanContextFromContext(r.Context()); sc.IsValid() {
		p.Trace, p.Span = sc.TraceID().String(), sc.SpanID().String()
	}
	writeAs(w, problemType, p.Status, p)
}

// WriteJSON answers a request.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	writeAs(w, "application/json", status, v)
}

func writeAs(w http.ResponseWriter, contentType string, status int, v any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the reader is gone: nobody is left to tell
}

const maxJSON = 1 << 20

// ReadJSON reads a request's body of at most 1 MiB. It fails with a FixInput
// error on anything but one JSON value of the wanted shape.
func ReadJSON(w http.ResponseWriter, r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxJSON))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		err = atEnd(d)
	}
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooLarge):
		return &lifecycle.Error{
			Remedy: lifecycle.FixInput, Code: lifecycle.CodeTooLarge, Field: "body",
			Detail: fmt.Sprintf("the body must be at most %d bytes", tooLarge.Limit),
		}
	default:
		return &lifecycle.Error{
			Remedy: lifecycle.FixInput, Code: lifecycle.CodeMalformed, Field: "body",
			Detail: fmt.Sprintf("the body must be one JSON object: %v", err),
		}
	}
}

func atEnd(d *json.Decoder) error {
	switch _, err := d.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	default:
		return errors.New("more than one JSON value")
	}
}

// problemOf reads the error that a system answered with. A system that does not
// speak problem+json is understood by its status. That we may not enter is no
// fault of the order: it passes once somebody mends our key.
func problemOf(resp *http.Response) error {
	e := &lifecycle.Error{Detail: "answered " + resp.Status}
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusProxyAuthRequired,
		code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		e.Remedy, e.Code = lifecycle.Retry, lifecycle.CodeUnavailable
	case code == http.StatusNotFound, code == http.StatusGone:
		e.Remedy, e.Code = lifecycle.LookUp, lifecycle.CodeNotFound
	case code == http.StatusConflict, code == http.StatusPreconditionFailed:
		e.Remedy, e.Code = lifecycle.LookUp, lifecycle.CodeConflict
	default:
		e.Remedy, e.Code = lifecycle.FixInput, lifecycle.CodeInvalidRequest
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != problemType {
		return e
	}
	var p Problem
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxJSON)).Decode(&p); err != nil {
		return e
	}
	e.Field = p.Field
	if p.Detail != "" {
		e.Detail = p.Detail
	}
	if p.Code != "" {
		e.Code = p.Code
	}
	switch p.Remedy {
	case lifecycle.Retry, lifecycle.FixInput, lifecycle.LookUp:
		if code := resp.StatusCode; code != http.StatusUnauthorized && code != http.StatusForbidden {
			e.Remedy = p.Remedy
		}
	}
	return e
}
