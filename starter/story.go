package main

import (
	"net/http"

	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"

	"ordertrace/tracing"
	"ordertrace/tracing/jaeger"
)

// story picks what an order's trace tells whoever looks after the order: stages,
// waits, notes, what people and others asked for, and all that failed. What goes
// on inside a stage or a request is left out; what hangs below that takes its
// place.
func story(spans []jaeger.Span) []jaeger.Span {
	known := make(map[string]jaeger.Span, len(spans))
	for _, s := range spans {
		known[s.ID] = s
	}
	var out []jaeger.Span
	for _, s := range spans {
		if !tells(s, known) {
			continue
		}
		for seen := 0; seen < len(spans); seen++ { // a trace may be a ring, if somebody errs
			above, ok := known[s.Parent]
			if !ok || tells(above, known) {
				break
			}
			s.Parent = above.Parent
		}
		out = append(out, s)
	}
	return out
}

// tells tells whether a span is a part of the story. Each request, signal and
// update is told once: by the request if there was one, else by who sent it, else
// by the order.
func tells(s jaeger.Span, known map[string]jaeger.Span) bool {
	parent, hasParent := known[s.Parent]
	switch {
	case s.Failed() || !hasParent:
		return true
	case s.Tags[string(tracing.KeyWorkflowID)] == "":
		return false
	case isRequest(s):
		method := s.Tags[string(semconv.HTTPRequestMethodKey)]
		return method != http.MethodGet && method != http.MethodHead // those move nothing
	case s.Tags["span.kind"] == "client":
		return !isRequest(parent)
	default:
		return !sentByKnown(s, known)
	}
}

// isRequest tells whether somebody asked for something over HTTP.
func isRequest(s jaeger.Span) bool {
	return s.Tags["span.kind"] == "server" && s.Tags[string(semconv.HTTPRequestMethodKey)] != ""
}

// sentByKnown tells whether a span is of something whose sender has one too.
func sentByKnown(s jaeger.Span, known map[string]jaeger.Span) bool {
	for _, l := range s.Links {
		if _, ok := known[l.Span]; ok && l.Trace == s.Trace {
			return true
		}
	}
	return false
}
