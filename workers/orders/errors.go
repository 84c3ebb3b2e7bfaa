package orders

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"ordertrace/lifecycle"
)

// Typed gives an error of Temporal's on an order the type that says what to do:
// *lifecycle.Error. A refusal comes back as the order meant it; what is not known
// comes back as it is.
func Typed(err error, order string) error {
	var app *temporal.ApplicationError
	var refusal lifecycle.Error
	var missing *serviceerror.NotFound
	switch {
	case err == nil:
		return nil
	case errors.As(err, &app) && app.HasDetails() && app.Details(&refusal) == nil && refusal.Code != "":
		return &refusal
	case errors.As(err, &missing):
		return notFound("there is no order %q", order)
	case mayPass(err):
		return &lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable,
			Detail: "nobody answers for the order: the same request may succeed in a moment"}
	default:
		return err
	}
}

// mayPass tells whether nobody answered, which a little patience may mend.
func mayPass(err error) bool {
	var (
		notReady    *serviceerror.WorkflowNotReady
		late        *serviceerror.DeadlineExceeded
		unavailable *serviceerror.Unavailable
		failed      *serviceerror.QueryFailed
		updating    *client.WorkflowUpdateServiceTimeoutOrCanceledError
	)
	return errors.As(err, &notReady) || errors.As(err, &late) || errors.As(err, &unavailable) || errors.As(err, &failed) ||
		errors.As(err, &updating) || errors.Is(err, context.DeadlineExceeded)
}

func isStarted(err error) bool {
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	return errors.As(err, &started)
}

func isNotFound(err error) bool {
	var e *lifecycle.Error
	return errors.As(err, &e) && e.Code == lifecycle.CodeNotFound
}

func notFound(format string, args ...any) error {
	return &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: fmt.Sprintf(format, args...)}
}
