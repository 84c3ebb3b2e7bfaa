package store

import (
	"context"
	"database/sql/driver"
	"strings"

	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// tracing makes one span of each statement and commit that some request caused.
// Statements are recorded with their placeholders, never with their arguments;
// what the process does for itself (migrations, health checks) is no trace.
func tracing(system string, provider trace.TracerProvider) []otelsql.Option {
	return []otelsql.Option{
		otelsql.WithTracerProvider(provider),
		otelsql.WithAttributes(attribute.String("db.system.name", system)),
		otelsql.WithSpanNameFormatter(spanName),
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
