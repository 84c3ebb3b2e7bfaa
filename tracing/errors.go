package tracing

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
)

// errPanicked is how an attempt ended that did not come back.
var errPanicked = errors.New("panic")

// conclude ends an attempt's span. It must not be deferred itself: a span's End
// writes the words of a panic into the span if it can get hold of them.
func conclude(span trace.Span, err error) {
	if err != nil && !errors.Is(err, activity.ErrResultPending) {
		span.SetAttributes(KeyErrorType.String(errorType(err)))
		if !temporal.IsCanceledError(err) {
			span.SetStatus(codes.Error, errorType(err))
		}
	}
	span.End()
}

// typeCancelled is the type of an error that is none of the order's.
const typeCancelled = "cancelled"

// errorType is an error reduced to what cannot hold anyone's data.
func errorType(err error) string {
	var app *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	var service serviceerror.ServiceError
	switch {
	case temporal.IsCanceledError(err):
		return typeCancelled
	case errors.As(err, &app) && app.Type() != "":
		return app.Type()
	case errors.As(err, &timeout):
		return "timeout " + timeout.TimeoutType().String()
	case errors.As(err, &service):
		return service.Status().Code().String()
	case errors.Is(err, errPanicked):
		return "panic"
	default:
		return "error"
	}
}

// discreet is a span that takes an error's type, and never its words.
type discreet struct{ trace.Span }

func startDiscreet(ctx context.Context, t trace.Tracer, name string, options ...trace.SpanStartOption) trace.Span {
	_, span := t.Start(ctx, name, options...)
	return discreet{span}
}

// RecordError implements trace.Span.
func (d discreet) RecordError(err error, _ ...trace.EventOption) {
	if err != nil {
		d.SetAttributes(KeyErrorType.String(errorType(err)))
	}
}

// SetStatus implements trace.Span.
func (d discreet) SetStatus(code codes.Code, _ string) { d.Span.SetStatus(code, "") }
