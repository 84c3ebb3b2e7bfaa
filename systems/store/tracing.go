package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/XSAM/otelsql"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
	"modernc.org/sqlite"
)

// tracing makes one span of each statement and commit that some request caused.
// Statements are recorded with their placeholders, never with their arguments;
// what the process does for itself (migrations, health checks) is no trace.
func tracing(system string, provider trace.TracerProvider) []otelsql.Option {
	return []otelsql.Option{
		otelsql.WithTracerProvider(provider),
		otelsql.WithAttributes(attribute.String("db.system.name", system)),
		otelsql.WithSpanNameFormatter(spanName),
		otelsql.WithSpanErrorAttributesGetter(errorAttributes),
		otelsql.WithSpanOptions(otelsql.SpanOptions{
			DisableErrSkip:       true,
			OmitConnResetSession: true,
			OmitConnPrepare:      true,
			OmitRows:             true,
			OmitConnectorConnect: true,
			SpanFilter:           worthASpan,
		}),
	}
}

func worthASpan(ctx context.Context, method otelsql.Method, _ string, _ []driver.NamedValue) bool {
	switch method {
	case otelsql.MethodConnBeginTx, otelsql.MethodTxRollback:
		return false
	default:
		return trace.SpanContextFromContext(ctx).IsValid()
	}
}

// errorAttributes tell an error by the database's own code. Its words may hold
// what was to be written.
func errorAttributes(err error) []attribute.KeyValue {
	var postgres *pgconn.PgError
	var lite *sqlite.Error
	var code string
	switch {
	case errors.Is(err, driver.ErrSkip): // none: the driver has another way
		return nil
	case errors.Is(err, context.Canceled):
		return []attribute.KeyValue{semconv.ErrorTypeKey.String("cancelled")}
	case errors.Is(err, context.DeadlineExceeded):
		return []attribute.KeyValue{semconv.ErrorTypeKey.String("timeout")}
	case errors.As(err, &postgres):
		code = postgres.Code
	case errors.As(err, &lite):
		code = strconv.Itoa(lite.Code())
	default:
		return []attribute.KeyValue{semconv.ErrorTypeKey.String(fmt.Sprintf("%T", err))}
	}
	return []attribute.KeyValue{semconv.ErrorTypeKey.String(code), semconv.DBResponseStatusCode(code)}
}

// spanName is "INSERT orders" or the like: few names, with nothing of the data.
func spanName(_ context.Context, method otelsql.Method, query string) string {
	if method == otelsql.MethodTxCommit {
		return "COMMIT"
	}
	words := strings.Fields(query)
	if len(words) == 0 {
		return string(method)
	}
	verb := strings.ToUpper(words[0])
	for i, w := range words[:len(words)-1] {
		switch strings.ToUpper(w) {
		case "INTO", "FROM", "UPDATE":
			return verb + " " + strings.Trim(words[i+1], "(),;")
		}
	}
	return verb
}
