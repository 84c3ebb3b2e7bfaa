package tracing

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// allowList exports of each span what allowed.go lets through, and nothing else.
// What it makes of a span depends on the span alone, so that one told twice stays
// the same.
type allowList struct {
	sdktrace.SpanExporter
	left     losses
	resource atomic.Pointer[seenResource] // the last one: a provider has but one
}

type seenResource struct{ whole, told *resource.Resource }

// ExportSpans implements sdktrace.SpanExporter.
func (a *allowList) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	out := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, s := range spans {
		out[i] = a.reduce(s)
	}
	return a.SpanExporter.ExportSpans(ctx, out)
}

// Shutdown implements sdktrace.SpanExporter.
func (a *allowList) Shutdown(ctx context.Context) error {
	a.left.sum(ctx)
	return a.SpanExporter.Shutdown(ctx)
}

// reduced is a span without what must not be told.
type reduced struct {
	sdktrace.ReadOnlySpan
	name       string
	context    trace.SpanContext
	attributes []attribute.KeyValue
	events     []sdktrace.Event
	links      []sdktrace.Link
	status     sdktrace.Status
	scope      instrumentation.Scope
	resource   *resource.Resource
}

// reduce returns the span itself where nothing has to be taken out.
func (a *allowList) reduce(s sdktrace.ReadOnlySpan) sdktrace.ReadOnlySpan {
	r := reduced{ReadOnlySpan: s}
	var same [8]bool
	r.attributes, same[0] = a.attributes("attribute", s.Attributes(), spanKeys, s.SpanKind())
	r.name, same[1] = a.name(s)
	r.context, same[2] = a.stateless(s.SpanContext())
	r.events, same[3] = a.events(s.Events())
	r.links, same[4] = a.links(s.Links())
	r.status, same[5] = a.status(s.Status(), r.attributes)
	r.scope, same[6] = a.scope(s.InstrumentationScope())
	r.resource, same[7] = a.described(s.Resource())
	if !slices.Contains(same[:], false) {
		return s
	}
	out := r // on the heap only now
	return &out
}

// attributes returns the very slice where all of it may stay.
func (a *allowList) attributes(place string, given []attribute.KeyValue, rules map[attribute.Key]rule, kind trace.SpanKind) ([]attribute.KeyValue, bool) {
	var kept []attribute.KeyValue
	same := true
	for i, kv := range given {
		r, known := rules[kv.Key]
		fits := known && r.fits(kv.Value) && (!r.clientOnly || kind == trace.SpanKindClient)
		switch {
		case !fits:
			if same {
				kept, same = append(make([]attribute.KeyValue, 0, len(given)-1), given[:i]...), false
			}
			a.left.add(place, string(kv.Key), r.reason(kv.Key, known))
		case !same:
			kept = append(kept, kv)
		}
	}
	if same {
		return given, true
	}
	return kept, false
}

// reason is why a key's value is left out, for the developer who misses it.
func (r rule) reason(key attribute.Key, known bool) string {
	why, withheld := withheld[key]
	switch {
	case withheld:
		return why
	case !known:
		return notListed
	case r.clientOnly:
		return oddValue + ", or is what a caller says of itself"
	default:
		return oddValue
	}
}

const (
	notListed = "it is not on the list in allowed.go"
	oddValue  = "its value does not look as it should"
)

func (a *allowList) name(s sdktrace.ReadOnlySpan) (string, bool) {
	name, scope := s.Name(), s.InstrumentationScope().Name
	rule, known := nameRules[scope]
	if known && rule(name) {
		return name, true
	}
	why := notListed
	if known {
		why = oddValue
	}
	a.left.add("name", scope, why)
	return s.SpanKind().String(), false
}

// stateless is a span's context without its tracestate, in which a stranger may
// write what he likes.
func (a *allowList) stateless(sc trace.SpanContext) (trace.SpanContext, bool) {
	if sc.TraceState().Len() == 0 {
		return sc, true
	}
	a.left.add("tracestate", "", "a stranger's free text")
	return sc.WithTraceState(trace.TraceState{}), false
}

func (a *allowList) events(given []sdktrace.Event) ([]sdktrace.Event, bool) {
	var kept []sdktrace.Event
	same := true
	for _, e := range given {
		rules, known := events[e.Name]
		if !known {
			a.left.add("event", "", notListed)
			same = false
			continue
		}
		var all bool
		e.Attributes, all = a.attributes("event", e.Attributes, rules, trace.SpanKindUnspecified)
		kept, same = append(kept, e), same && all
	}
	if same {
		return given, true
	}
	return kept, false
}

func (a *allowList) links(given []sdktrace.Link) ([]sdktrace.Link, bool) {
	var kept []sdktrace.Link
	same := true
	for _, l := range given {
		var all, stateless bool
		l.Attributes, all = a.attributes("link", l.Attributes, nil, trace.SpanKindUnspecified)
		l.SpanContext, stateless = a.stateless(l.SpanContext)
		kept, same = append(kept, l), same && all && stateless
	}
	if same {
		return given, true
	}
	return kept, false
}

// status keeps a description that says no more than the span's error type.
func (a *allowList) status(given sdktrace.Status, kept []attribute.KeyValue) (sdktrace.Status, bool) {
	if given.Description == "" {
		return given, true
	}
	for _, kv := range kept {
		if kv.Key == KeyErrorType && kv.Value.AsString() == given.Description {
			return given, true
		}
	}
	a.left.add("status", "", "it is not the span's error.type")
	return sdktrace.Status{Code: given.Code}, false
}

// schemas is where OpenTelemetry's own schemas are.
const schemas = "https://opentelemetry.io/schemas/"

func knownSchema(url string) string {
	if version, ok := strings.CutPrefix(url, schemas); ok && label(version) {
		return url
	}
	return ""
}

func (a *allowList) scope(given instrumentation.Scope) (instrumentation.Scope, bool) {
	kept := given
	if _, known := nameRules[given.Name]; !known && !label(given.Name) {
		kept.Name = ""
	}
	if !label(given.Version) {
		kept.Version = ""
	}
	kept.SchemaURL = knownSchema(given.SchemaURL)
	if given.Attributes.Len() > 0 {
		a.attributes("scope", given.Attributes.ToSlice(), nil, trace.SpanKindUnspecified)
		kept.Attributes = attribute.Set{}
	}
	return kept, kept == given
}

func (a *allowList) described(whole *resource.Resource) (*resource.Resource, bool) {
	if last := a.resource.Load(); last != nil && last.whole == whole {
		return last.told, last.told == whole
	}
	told := whole
	kept, same := a.attributes("resource", whole.Attributes(), resourceKeys, trace.SpanKindUnspecified)
	if schema := knownSchema(whole.SchemaURL()); !same || schema != whole.SchemaURL() {
		told = resource.NewWithAttributes(schema, kept...)
	}
	a.resource.Store(&seenResource{whole, told})
	return told, told == whole
}

// Name implements sdktrace.ReadOnlySpan.
func (r *reduced) Name() string { return r.name }

// SpanContext implements sdktrace.ReadOnlySpan.
func (r *reduced) SpanContext() trace.SpanContext { return r.context }

// Parent implements sdktrace.ReadOnlySpan.
func (r *reduced) Parent() trace.SpanContext {
	return r.ReadOnlySpan.Parent().WithTraceState(trace.TraceState{})
}

// Attributes implements sdktrace.ReadOnlySpan.
func (r *reduced) Attributes() []attribute.KeyValue { return r.attributes }

// Events implements sdktrace.ReadOnlySpan.
func (r *reduced) Events() []sdktrace.Event { return r.events }

// Links implements sdktrace.ReadOnlySpan.
func (r *reduced) Links() []sdktrace.Link { return r.links }

// Status implements sdktrace.ReadOnlySpan.
func (r *reduced) Status() sdktrace.Status { return r.status }

// InstrumentationScope implements sdktrace.ReadOnlySpan.
func (r *reduced) InstrumentationScope() instrumentation.Scope { return r.scope }

// InstrumentationLibrary implements sdktrace.ReadOnlySpan.
func (r *reduced) InstrumentationLibrary() instrumentation.Library { //nolint:staticcheck // the interface has it
	return r.scope
}

// Resource implements sdktrace.ReadOnlySpan.
func (r *reduced) Resource() *resource.Resource { return r.resource }

// losses counts what was left out of spans, by the place and the key, never by
// the value. The first of each is logged for the developer who misses it.
type losses struct {
	mu    sync.Mutex
	count map[loss]int
}

type loss struct{ place, key string }

const maxLosses = 1000 // keys that somebody makes up must not fill the memory

func (l *losses) add(place, key, why string) {
	it := loss{place, key}
	l.mu.Lock()
	n := l.count[it]
	if n == 0 && len(l.count) >= maxLosses {
		l.mu.Unlock()
		return
	}
	if l.count == nil {
		l.count = map[loss]int{}
	}
	l.count[it] = n + 1
	l.mu.Unlock()
	if n == 0 {
		slog.Debug("left out of spans", "place", place, "key", it.shown(), "why", why)
	}
}

// sum logs how much was left out.
func (l *losses) sum(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for it, n := range l.count {
		slog.DebugContext(ctx, "left out of spans in all", "place", it.place, "key", it.shown(), "times", n)
	}
	l.count = nil
}

// shown is the key for a log, which must not tell either what a span must not.
func (l loss) shown() string {
	if !identifier(l.key) {
		return ""
	}
	return l.key
}
