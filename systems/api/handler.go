package api

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"ordertrace/lifecycle"
)

// A System is one of the three, behind the contract.
type System interface {
	// Record records a stage once under a key, and returns what it adds to the
	// facts; the same key again returns the same. A stage that takes longer
	// than wait returns its progress with Done false; wait 0 waits to the end.
	// Fails with a FixInput error for facts that it cannot accept, LookUp for
	// an order that is unknown, ended, or at another stage.
	Record(ctx context.Context, order string, stage lifecycle.Stage, key string, in StageRequest, wait time.Duration) (StageAnswer, error)
	// GiveUp stops a long stage that was not recorded yet; anything else is no
	// error and does nothing.
	GiveUp(ctx context.Context, order string, stage lifecycle.Stage, key string) error
	// Undo takes a stage of a cancelled order back, in all its visits, and lets
	// the order record no stage any more. One that is taken back already, or
	// was never recorded, or whose order is unknown or has ended cancelled, is
	// no error. Fails with LookUp and conflict for an order that ended
	// otherwise, and for a stage that stands for good or that a later one of
	// the system's still builds on.
	Undo(ctx context.Context, order string, stage lifecycle.Stage) error
	// Settle records how an order ended. The same outcome again does nothing;
	// another one fails with LookUp.
	Settle(ctx context.Context, order string, in OutcomeRequest) error
	// Order reads an order. Fails with LookUp and not_found.
	Order(ctx context.Context, order string) (Order, error)
	// Orders lists the newest orders, at most limit.
	Orders(ctx context.Context, limit int) ([]Order, error)
	// Ping fails when the system cannot do its work.
	Ping(ctx context.Context) error
}

// Register adds the contract's routes to a mux.
func Register(mux *http.ServeMux, system lifecycle.System, s System) {
	mux.HandleFunc("PUT /orders/{order}/stages/{stage}", func(w http.ResponseWriter, r *http.Request) { recordStage(w, r, system, s) })
	mux.HandleFunc("DELETE /orders/{order}/stages/{stage}", func(w http.ResponseWriter, r *http.Request) {
		err := s.GiveUp(r.Context(), r.PathValue("order"), lifecycle.Stage(r.PathValue("stage")), r.Header.Get("Idempotency-Key"))
		answer(w, r, http.StatusNoContent, nil, err)
	})
	mux.HandleFunc("POST /orders/{order}/stages/{stage}/undo", func(w http.ResponseWriter, r *http.Request) {
		stage, err := ownStage(r, system)
		if err == nil {
			err = s.Undo(r.Context(), r.PathValue("order"), stage)
		}
		answer(w, r, http.StatusNoContent, nil, err)
	})
	mux.HandleFunc("PUT /orders/{order}/outcome", func(w http.ResponseWriter, r *http.Request) {
		var in OutcomeRequest
		err := ReadJSON(w, r, &in)
		if err == nil {
			err = s.Settle(r.Context(), r.PathValue("order"), in)
		}
		answer(w, r, http.StatusNoContent, nil, err)
	})
	mux.HandleFunc("GET /orders/{order}", func(w http.ResponseWriter, r *http.Request) {
		order, err := s.Order(r.Context(), r.PathValue("order"))
		answer(w, r, http.StatusOK, order, err)
	})
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		orders, err := s.Orders(r.Context(), limitOf(r))
		answer(w, r, http.StatusOK, orders, err)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		err := s.Ping(r.Context())
		answer(w, r, http.StatusOK, map[string]string{"status": "ok"}, err)
	})
}

// Traced wraps a system's mux so that every request but health checks is a span
// named after its route. Options name a tracer provider other than the global
// one, so that a system is a service of its own beside the worker in its process.
func Traced(mux *http.ServeMux, operation string, options ...otelhttp.Option) http.Handler {
	return otelhttp.NewHandler(mux, operation, append(options,
		otelhttp.WithSpanNameFormatter(spanName),
		otelhttp.WithFilter(func(r *http.Request) bool { return r.URL.Path != "/healthz" }),
	)...)
}

// spanName names a request by its route. A method that is none is what a stranger
// wrote.
func spanName(_ string, r *http.Request) string {
	method := "HTTP"
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		method = r.Method
	}
	return method + " " + routeOf(r.URL.Path)
}

func recordStage(w http.ResponseWriter, r *http.Request, system lifecycle.System, s System) {
	var in StageRequest
	key := r.Header.Get("Idempotency-Key")
	stage, err := ownStage(r, system)
	switch {
	case err != nil:
	case key == "":
		err = &lifecycle.Error{
			Remedy: lifecycle.FixInput, Code: lifecycle.CodeInvalidRequest, Field: "Idempotency-Key",
			Detail: "the header is missing: it names the fact, so that a repeated call does nothing",
		}
	default:
		err = ReadJSON(w, r, &in)
	}
	if err != nil {
		WriteProblem(w, r, err)
		return
	}
	out, err := s.Record(r.Context(), r.PathValue("order"), stage, key, in, preferredWait(r))
	status := http.StatusOK
	if !out.Done {
		status = http.StatusAccepted
	}
	answer(w, r, status, out, err)
}

// ownStage reads the path's stage, which must be one of the system's.
func ownStage(r *http.Request, system lifecycle.System) (lifecycle.Stage, error) {
	step, err := lifecycle.Find(lifecycle.Stage(r.PathValue("stage")))
	if err == nil && step.System != system {
		err = &lifecycle.Error{
			Remedy: lifecycle.FixInput, Code: lifecycle.CodeUnknownStage, Field: "stage",
			Detail: string(step.Stage) + " is recorded by " + string(step.System) + ", not by " + string(system),
		}
	}
	return step.Stage, err
}

func answer(w http.ResponseWriter, r *http.Request, status int, v any, err error) {
	switch {
	case err != nil:
		if Status(err) == http.StatusServiceUnavailable && r.Context().Err() == nil { // a caller that left is no fault
			slog.ErrorContext(r.Context(), "request", "route", r.Pattern, "error", err)
		}
		WriteProblem(w, r, err)
	case status == http.StatusNoContent:
		w.WriteHeader(status)
	default:
		WriteJSON(w, status, v)
	}
}

// maxWait is the longest that a call is held.
const maxWait = time.Hour

// preferredWait reads "Prefer: wait=SECONDS" (RFC 7240); 0 where there is none.
func preferredWait(r *http.Request) time.Duration {
	for p := range strings.SplitSeq(strings.Join(r.Header.Values("Prefer"), ","), ",") {
		p, _, _ = strings.Cut(p, ";") // parameters: none are known
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		if seconds, err := strconv.ParseInt(strings.Trim(value, " \t\""), 10, 64); err == nil && seconds > 0 {
			return time.Duration(min(seconds, int64(maxWait/time.Second))) * time.Second
		}
	}
	return 0
}

const (
	defaultLimit = 50
	maxLimit     = 1000
)

func limitOf(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || n < 1 {
		return defaultLimit
	}
	return min(n, maxLimit)
}
