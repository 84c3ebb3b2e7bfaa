package workflow_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

// Whatever people, carriers and outages do to an order, in whatever order and
// however often: it is never lost, never moved twice, never moved wrongly.
func TestNothingHarmsAnOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt)
		many := rapid.SampledFrom([]int{5, 20, 40, 60}).Draw(rt, "many") // left to itself, rapid prefers few
		deeds := rapid.SliceOfN(someDeed(false), many/2, many).Draw(rt, "deeds")
		deeds = append(deeds, rapid.SliceOfN(someDeed(true), 0, 10).Draw(rt, "deeds with cancellations")...)
		for at, i := time.Duration(0), 0; i < len(deeds); i++ {
			at += deeds[i].After
			if d := deeds[i]; d.During >= 0 {
				w.during[d.During] = append(w.during[d.During], d)
			} else {
				w.RegisterDelayedCallback(func() { w.do(d) }, at)
			}
		}
		w.run(someInput().Draw(rt, "input"))
		w.judge(rt)
	})
}

// A deed is one thing that somebody does.
type deed struct {
	After  time.Duration // since the deed before; of no matter during an activity
	During int           // the ordinal of the activity that it is done during; -1: between them
	As     string        // "update", "signal", "fitting" (what the gate waits for, by a person), "temporal" (its own cancel)
	Name   string        // of the update or signal
	Input  any
	With   bool // a signal that comes with what is done next, in one workflow task; not during an activity
	Again  bool // it is done twice
}

func person() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{
		"customer-1", "manager-1", "operator-1", "operator-2", "operator-1", "operator-2", "", "op\n1", strings.Repeat("x", 101),
	})
}

func someStage() *rapid.Generator[lifecycle.Stage] {
	return rapid.SampledFrom(append(lifecycle.StageNames(), "", "MELTED"))
}

func someMove() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		m := lifecycle.Move{Stage: someStage().Draw(t, "stage"), By: person().Draw(t, "by")}
		if m.Stage == lifecycle.Shipped || rapid.IntRange(0, 9).Draw(t, "sent") == 0 {
			m.Carrier = rapid.SampledFrom([]string{"dhl", "dhl", ""}).Draw(t, "carrier")
			m.Tracking = rapid.SampledFrom([]string{"JD0146", "JD0146", "JD0147", ""}).Draw(t, "tracking")
		}
		if m.Stage == lifecycle.Closed {
			m.Reason = rapid.SampledFrom([]string{"", "picked up", strings.Repeat("x", 501)}).Draw(t, "reason")
		}
		return m
	})
}

func someUpload() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		return lifecycle.Upload{
			Model:    rapid.SampledFrom([]*lifecycle.Model{nil, goodModel, betterModel, {Digest: "ring.stl"}}).Draw(t, "model"),
			Material: rapid.SampledFrom([]string{"", "silver-925", "gold-585", "\x00"}).Draw(t, "material"),
		}
	})
}

func someRejection() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		return lifecycle.Rejection{
			By:     person().Draw(t, "by"),
			Reason: rapid.SampledFrom([]string{"it would break", "it would break", "too thin", ""}).Draw(t, "reason"),
			Field:  rapid.SampledFrom([]string{"", "model", "material", "price"}).Draw(t, "field"),
		}
	})
}

func someHandOver() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		return lifecycle.HandOver{By: person().Draw(t, "by"), From: person().Draw(t, "from"), To: person().Draw(t, "to")}
	})
}

func someCancellation() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		return lifecycle.Cancellation{By: person().Draw(t, "by"), Reason: "changed my mind"}
	})
}

func someClose() *rapid.Generator[any] {
	return rapid.SampledFrom([]any{
		nil, lifecycle.Close{By: "carrier", Reason: "delivered"}, lifecycle.Close{By: "manual", Person: "manager-1"},
		lifecycle.Close{By: "carier"}, lifecycle.Close{Reason: "a\x00b"}, lifecycle.Close{Reason: strings.Repeat("x", 501)},
	})
}

func someEvent() *rapid.Generator[any] {
	return rapid.SampledFrom([]any{
		said("pre_transit"), said("in_transit"), said("return_to_sender"), said("failure"), said("delivered"), said("lost"), said(""),
	})
}

func junk() *rapid.Generator[any] {
	return rapid.SampledFrom([]any{nil, 7, "CLOSED", true, []int{1}, map[string]any{"stage": 7, "by": nil}, map[string]string{"stage": "SHIPPED"}, map[string]any{}})
}

// someDeed is anything at all; those that end an order are rare, or it would
// never come far.
func someDeed(cancels bool) *rapid.Generator[deed] {
	kinds := map[string]*rapid.Generator[any]{
		lifecycle.VerbAdvance: someMove(), lifecycle.VerbUpload: someUpload(), lifecycle.VerbReject: someRejection(),
		lifecycle.VerbHandOver: someHandOver(), lifecycle.VerbCancel: someCancellation(),
		workflow.SignalClose: someClose(), workflow.SignalCarrier: someEvent(),
	}
	likely := []string{
		"fitting", "fitting", "fitting", "fitting", "fitting", "fitting", "fitting", "contrary", "contrary", "update advance", "update advance", "signal advance", "signal advance",
		"update upload", "update reject", "update reject", "update hand_over", "update hand_over", "signal carrier", "signal close",
		"signal cancel", "signal reject", "update close", "junk",
	}
	if cancels {
		likely = append(likely, "update cancel", "temporal")
	}
	return rapid.Custom(func(t *rapid.T) deed {
		d := deed{
			After: rapid.Custom(func(t *rapid.T) time.Duration {
				return time.Duration(rapid.IntRange(1, 40*60).Draw(t, "minutes")) * time.Minute
			}).Draw(t, "after"),
			During: rapid.IntRange(-60, 20).Draw(t, "during"),
			Again:  rapid.IntRange(0, 9).Draw(t, "again") == 0,
			With:   rapid.IntRange(0, 3).Draw(t, "with") == 0,
		}
		kind := rapid.SampledFrom(likely).Draw(t, "kind")
		d.As, d.Name, _ = strings.Cut(kind, " ")
		switch d.As {
		case "fitting", "contrary":
			d.Name = rapid.SampledFrom([]string{"operator-1", "operator-2"}).Draw(t, "by")
		case "junk":
			d.As = rapid.SampledFrom([]string{"update", "signal"}).Draw(t, "as")
			d.Name = rapid.SampledFrom([]string{"advance", "upload", "reject", "hand_over", "cancel", "close", "carrier", "melt"}).Draw(t, "name")
			d.Input = junk().Draw(t, "input")
			if d.As == "signal" && d.Name == "close" && d.Input == nil { // no junk: it closes
				d.Input = 7
			}
		case "update", "signal":
			d.Input = kinds[d.Name].Draw(t, "input")
		}
		return d
	})
}

func someInput() *rapid.Generator[workflow.Input] {
	return rapid.Custom(func(t *rapid.T) workflow.Input {
		return workflow.Input{
			Attended: rapid.IntRange(0, 3).Draw(t, "attended") > 0,
			Material: rapid.SampledFrom([]string{"silver-925", "silver-925", ""}).Draw(t, "material"),
			Model:    rapid.SampledFrom([]*lifecycle.Model{goodModel, goodModel, nil}).Draw(t, "model"),
		}
	})
}
