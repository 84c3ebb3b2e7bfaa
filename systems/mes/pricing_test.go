package mes_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/mes"
	"ordertrace/systems/mesh"
	"ordertrace/systems/mesh/meshtest"
	"ordertrace/systems/store/storetest"
)

func TestAModelIsMeasuredPricedAndQuoted(t *testing.T) {
	d := newDoor(t)
	storetest.Each(t, func(t *testing.T, dsn string) {
		r := start(t, d, mes.Config{DSN: dsn})
		answer, err := r.ask(t.Context(), "o", 0)
		require.NoError(t, err)
		require.True(t, answer.Done)

		var (
			got      mesh.Report
			material string
			price    lifecycle.Money
			version  string
			digest   string
		)
		require.NoError(t, r.DB().QueryRow(`SELECT material, triangles, volume_mm3, surface_mm2, box_x_mm, box_y_mm, box_z_mm,
			price, currency, rates_version, rates_digest FROM quotes WHERE order_id = 'o' AND model = $1`, d.model.Digest).
			Scan(&material, &got.Triangles, &got.VolumeMM3, &got.SurfaceMM2, &got.Max[0], &got.Max[1], &got.Max[2],
				&price.Amount, &price.Currency, &version, &digest))
		require.Equal(t, lifecycle.Facts{Price: &price}, answer.Facts)
		require.Equal(t, d.model.Triangles, got.Triangles)
		require.InEpsilon(t, 2*math.Pi*math.Pi*10*1.5*1.5, got.VolumeMM3, 0.002, "2π²Rr²")
		require.InEpsilon(t, 4*math.Pi*math.Pi*10*1.5, got.SurfaceMM2, 0.002, "4π²Rr")
		want, err := defaultRates(t).Price(got, material)
		require.NoError(t, err)
		require.Equal(t, want, price)
		require.Equal(t, defaultRates(t).Version, version)
		require.Regexp(t, "^sha256-[0-9a-f]{64}$", digest)
	})
}

func TestALongPricingIsAskedAboutInTurns(t *testing.T) {
	d := newDoor(t)
	r := start(t, d, mes.Config{})
	d.hold()
	r.started(t, "o")
	answer, err := r.ask(t.Context(), "o", time.Second)
	require.NoError(t, err)
	require.False(t, answer.Done)
	require.InDelta(t, 0.5, answer.Progress, 0.1)

	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			answer, err := r.ask(context.Background(), "o", 0)
			if err != nil || !answer.Done || answer.Facts.Price == nil {
				t.Errorf("%+v, %v", answer, err)
			}
		})
	}
	d.release()
	asking.Wait()
	require.EqualValues(t, 1, d.asked.Load(), "all joined one pricing")
}

func TestAPricingOutlivesTheCallThatStartedIt(t *testing.T) {
	d := newDoor(t)
	r := start(t, d, mes.Config{})
	d.hold()
	ctx, hangUp := context.WithCancel(t.Context())
	called := make(chan error)
	go func() {
		_, err := r.ask(ctx, "o", 0)
		called <- err
	}()
	require.Eventually(t, func() bool { return d.asked.Load() == 1 }, time.Minute, time.Millisecond)
	hangUp()
	require.ErrorIs(t, <-called, context.Canceled)
	d.release()
	require.Eventually(t, func() bool {
		o, err := r.Order(t.Context(), "o")
		return err == nil && o.Facts.Price != nil
	}, time.Minute, 5*time.Millisecond, "recorded, although nobody waits")
	require.EqualValues(t, 1, d.asked.Load())
}

func TestAPricingThatIsGivenUpStops(t *testing.T) {
	for name, stop := range map[string]func(context.Context, running) error{
		"given up": func(ctx context.Context, r running) error {
			return r.Client.GiveUp(ctx, "o", lifecycle.PriceCalculated, priceKey("o"))
		},
		"drained": func(_ context.Context, r running) error {
			r.Drain()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			r := start(t, d, mes.Config{})
			d.hold()
			waiting := make(chan error)
			go func() {
				_, err := r.ask(context.Background(), "o", 0)
				waiting <- err
			}()
			require.Eventually(t, func() bool { return d.asked.Load() == 1 }, time.Minute, time.Millisecond)
			require.NoError(t, stop(t.Context(), r))
			requireError(t, <-waiting, lifecycle.Retry, lifecycle.CodeUnavailable)
			require.Eventually(t, func() bool { return d.left.Load() >= 1 }, time.Minute, time.Millisecond, "the shop was told")
			_, err := r.Order(t.Context(), "o")
			requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
		})
	}
}

func TestAnOrderThatEndsIsPricedNoMore(t *testing.T) {
	d := newDoor(t)
	r := start(t, d, mes.Config{})
	_, err := r.ask(t.Context(), "o", 0)
	require.NoError(t, err)
	d.hold()
	second := api.Key("o", lifecycle.PriceCalculated, 2)
	answer, err := r.Client.Record(t.Context(), "o", lifecycle.PriceCalculated, second, api.StageRequest{Facts: r.facts()}, time.Second)
	require.NoError(t, err)
	require.False(t, answer.Done)
	require.NoError(t, r.Client.Settle(t.Context(), "o", api.OutcomeRequest{Outcome: lifecycle.OutcomeCancelled}))
	require.Eventually(t, func() bool { return d.left.Load() == 2 }, time.Minute, time.Millisecond)
	_, err = r.Client.Record(t.Context(), "o", lifecycle.PriceCalculated, second, api.StageRequest{Facts: r.facts()}, 0)
	requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict)
}

func TestAPricingThatNobodyAsksAboutStops(t *testing.T) {
	d := newDoor(t)
	r := start(t, d, mes.Config{Lease: 20 * time.Millisecond})
	d.hold()
	answer, err := r.ask(t.Context(), "o", time.Second)
	require.NoError(t, err, "a call that waits longer than the lease keeps it")
	require.False(t, answer.Done)
	require.Eventually(t, func() bool { return d.left.Load() == 1 }, time.Minute, time.Millisecond)
	d.release()
	answer, err = r.ask(t.Context(), "o", 0)
	require.NoError(t, err)
	require.True(t, answer.Done, "the next call starts anew")
	require.EqualValues(t, 2, d.asked.Load())
}

func TestAPricingIsStartedAnewByTheNextMES(t *testing.T) {
	d := newDoor(t)
	storetest.Each(t, func(t *testing.T, dsn string) {
		first := start(t, d, mes.Config{DSN: dsn})
		d.hold()
		first.started(t, "o")
		require.NoError(t, first.Close())
		d.release()
		second := start(t, d, mes.Config{DSN: dsn})
		answer, err := second.ask(t.Context(), "o", 0)
		require.NoError(t, err)
		require.True(t, answer.Done)
	})
}

func TestAShopThatFailsIsNoFaultOfTheModel(t *testing.T) {
	for name, fail := range map[string]func(d *door, on bool){
		"away":                func(d *door, on bool) { d.shut.Store(on) },
		"breaks off half-way": func(d *door, on bool) { d.breakOff.Store(on) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			r := start(t, d, mes.Config{})
			fail(d, true)
			_, err := r.ask(t.Context(), "o", 0)
			e := requireError(t, err, lifecycle.Retry, lifecycle.CodeUnavailable)
			require.NotContains(t, e.Detail, d.url, "the words are for the log")
			fail(d, false)
			answer, err := r.ask(t.Context(), "o", 0)
			require.NoError(t, err)
			require.True(t, answer.Done, "a pricing that failed is forgotten")
		})
	}
}

func TestOrdersThatCannotBePriced(t *testing.T) {
	d := newDoor(t)
	huge := d.upload(t, meshtest.Box(200, 10, 10))
	tiny := d.upload(t, meshtest.Cube(1))
	for name, test := range map[string]struct {
		limits      mesh.Limits
		change      func(*lifecycle.Facts)
		code, field string
	}{
		"no model":             {change: func(f *lifecycle.Facts) { f.Model = nil }, code: lifecycle.CodeMissingModel, field: "model"},
		"no digest":            {change: func(f *lifecycle.Facts) { f.Model.Digest = "" }, code: lifecycle.CodeMissingModel, field: "model"},
		"no such model":        {change: func(f *lifecycle.Facts) { f.Model.Digest = "sha256-none" }, code: lifecycle.CodeMissingModel, field: "model"},
		"no material":          {change: func(f *lifecycle.Facts) { f.Material = "" }, code: lifecycle.CodeUnknownRate, field: "material"},
		"no such material":     {change: func(f *lifecycle.Facts) { f.Material = "tin" }, code: lifecycle.CodeUnknownRate, field: "material"},
		"too large a box":      {change: func(f *lifecycle.Facts) { f.Model = &huge }, code: lifecycle.CodeUnpriceable, field: "model"},
		"too small a piece":    {change: func(f *lifecycle.Facts) { f.Model = &tiny }, code: lifecycle.CodeUnpriceable, field: "model"},
		"a mesh it won't have": {limits: mesh.Limits{MaxTriangles: 10}, change: func(*lifecycle.Facts) {}, code: lifecycle.CodeInvalidModel, field: "model"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, d, mes.Config{Limits: test.limits})
			facts := r.facts()
			test.change(&facts)
			for range 2 {
				_, err := r.Client.Record(t.Context(), "o", lifecycle.PriceCalculated, priceKey("o"), api.StageRequest{Facts: facts}, 0)
				e := requireError(t, err, lifecycle.FixInput, test.code)
				require.Equal(t, test.field, e.Field)
			}
			_, err := r.Order(t.Context(), "o")
			requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
		})
	}
}

func TestPricingsBeyondTheLimitWaitAndCanBeGivenUp(t *testing.T) {
	d := newDoor(t)
	r := start(t, d, mes.Config{Pricings: 1})
	d.hold()
	r.started(t, "first")
	for _, order := range []string{"second", "third"} {
		answer, err := r.ask(t.Context(), order, time.Second)
		require.NoError(t, err)
		require.Equal(t, api.StageAnswer{}, answer)
	}
	require.EqualValues(t, 1, d.asked.Load(), "the others have not begun")
	require.NoError(t, r.Client.GiveUp(t.Context(), "second", lifecycle.PriceCalculated, priceKey("second")))
	d.release()
	for _, order := range []string{"first", "third"} {
		answer, err := r.ask(t.Context(), order, 0)
		require.NoError(t, err)
		require.True(t, answer.Done)
	}
	require.EqualValues(t, 2, d.asked.Load())
}

func TestAPricingStandsInTheTraceOfTheFirstCall(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	before := otel.GetTextMapPropagator()
	otel.SetTextMapPropagator(propagation.TraceContext{})
	t.Cleanup(func() { otel.SetTextMapPropagator(before) })

	d := newDoor(t)
	r := start(t, d, mes.Config{TracerProvider: tracers})
	ctx, attempt := tracers.Tracer("test").Start(t.Context(), "attempt")
	answer, err := r.ask(ctx, "o", 0)
	require.NoError(t, err)
	require.True(t, answer.Done)
	attempt.End()
	named := func(name string) sdktrace.ReadOnlySpan {
		for _, s := range spans.Ended() {
			if s.Name() == name {
				return s
			}
		}
		return nil
	}
	require.Eventually(t, func() bool { return named("PUT /orders/{order}/stages/{stage}") != nil }, time.Minute, time.Millisecond)
	require.Equal(t, named("PUT /orders/{order}/stages/{stage}").SpanContext().SpanID(), named("price model").Parent().SpanID())
	require.Equal(t, named("price model").SpanContext().SpanID(), named("check model").Parent().SpanID())
	require.Equal(t, named("price model").SpanContext().SpanID(), named("INSERT quotes").Parent().SpanID())
	require.Contains(t, named("price model").Attributes(), attribute.String("order.id", "o"))
	require.Contains(t, named("check model").Attributes(), attribute.Int64("model.polygon_count", d.model.Triangles))
	for _, s := range spans.Ended() {
		require.Equal(t, attempt.SpanContext().TraceID(), s.SpanContext().TraceID(), s.Name())
	}
}
