package jaeger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/tracing/jaeger"
)

func TestExamine(t *testing.T) {
	span := func(id, parent string) jaeger.Span { return jaeger.Span{ID: id, Parent: parent} }
	whole := []jaeger.Span{span("a", ""), span("b", "a"), span("c", "b")}
	tests := map[string]struct {
		traces [][]jaeger.Span
		want   jaeger.Report
	}{
		"no trace":         {nil, jaeger.Report{}},
		"one, whole":       {[][]jaeger.Span{whole}, jaeger.Report{Traces: 1, Roots: 1, Spans: 3}},
		"two traces":       {[][]jaeger.Span{whole, {span("x", "")}}, jaeger.Report{Traces: 2, Roots: 2, Spans: 4}},
		"a missing parent": {[][]jaeger.Span{{span("a", ""), span("c", "b")}}, jaeger.Report{Traces: 1, Roots: 1, Orphans: 1, Spans: 2}},
		"no root":          {[][]jaeger.Span{{span("b", "a")}}, jaeger.Report{Traces: 1, Orphans: 1, Spans: 1}},
		"a copy":           {[][]jaeger.Span{{span("a", ""), span("b", "a"), span("b", "a")}}, jaeger.Report{Traces: 1, Roots: 1, Copies: 1, Spans: 3}},
		"two roots":        {[][]jaeger.Span{{span("a", ""), span("b", "")}}, jaeger.Report{Traces: 1, Roots: 2, Spans: 2}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := jaeger.Examine(tc.traces...)
			require.Equal(t, tc.want, got)
			require.Equal(t, name == "one, whole", got.Whole())
		})
	}
}
