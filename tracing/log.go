package tracing

import (
	"context"
	"errors"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/temporal"
)

// LogHandler adds trace_id and span_id to every record that is logged within a
// span.
func LogHandler(next slog.Handler) slog.Handler { return logHandler{next} }

type logHandler struct{ slog.Handler }

func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }

// Discreet keeps out of logs, as ReplaceAttr of slog.HandlerOptions, what the
// Temporal SDK tells of people: an activity's error may quote them, and is reduced
// to its type; signals that nobody waited for, which a stranger may have named, are
// counted.
func Discreet(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindAny {
		return a
	}
	switch v := a.Value.Any().(type) {
	case error:
		if app := (*temporal.ApplicationError)(nil); errors.As(v, &app) {
			a.Value = slog.StringValue(errorType(v))
		}
	case []string:
		if a.Key == "SignalNames" {
			a.Value = slog.IntValue(len(v))
		}
	}
	return a
}
