package jaeger

import "fmt"

// Report is what is right and wrong with the traces of one order.
type Report struct {
	Traces  int // the order must have one
	Roots   int // and it must have one
	Orphans int // spans whose parent is missing
	Copies  int // spans whose ID another span has too
	Spans   int
}

// Whole tells whether the order has exactly one trace, with one root, no orphan
// and no copy.
func (r Report) Whole() bool { return r.Traces == 1 && r.Roots == 1 && r.Orphans == 0 && r.Copies == 0 }

func (r Report) String() string {
	return fmt.Sprintf("%d traces, %d roots, %d orphans, %d copies among %d spans", r.Traces, r.Roots, r.Orphans, r.Copies, r.Spans)
}

// Examine reports on the traces of one order.
func Examine(traces ...[]Span) Report {
	r := Report{Traces: len(traces)}
	for _, spans := range traces {
		r.Spans += len(spans)
		seen := make(map[string]bool, len(spans))
		for _, s := range spans {
			if seen[s.ID] {
				r.Copies++
			}
			seen[s.ID] = true
		}
		for _, s := range spans {
			switch {
			case s.Parent == "":
				r.Roots++
			case !seen[s.Parent]:
				r.Orphans++
			}
		}
	}
	return r
}
