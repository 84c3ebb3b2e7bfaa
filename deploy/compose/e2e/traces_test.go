//go:build compose

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"ordertrace/tracing/jaeger"
)

// jaeger reads traces as the starter does, past the proxy.
func (c *composed) jaeger(ctx context.Context) (*jaeger.Client, error) {
	at, err := c.address(ctx, "jaeger")
	if err != nil {
		return nil, err
	}
	return jaeger.NewClient("http://"+at+":16686/jaeger", url.UserPassword("starter", c.secrets["STARTER_JAEGER_PASSWORD"])), nil
}

// spans are those of a trace, by its ID in hexadecimal digits.
func (c *composed) spans(ctx context.Context, id string) ([]jaeger.Span, error) {
	client, err := c.jaeger(ctx)
	if err != nil {
		return nil, err
	}
	parsed, err := trace.TraceIDFromHex(id)
	if err != nil {
		return nil, err
	}
	return client.Trace(ctx, parsed)
}

// whole says what a trace lacks.
func (c *composed) whole(ctx context.Context, id string) error {
	spans, err := c.spans(ctx, id)
	if err != nil {
		return err
	}
	if report := jaeger.Examine(spans); !report.Whole() {
		return errors.New(report.String())
	}
	return nil
}

// What Jaeger's Monitor tab is made of: the collector counts spans, Prometheus keeps
// that, and Jaeger asks it.
func TestSpanMetrics(t *testing.T) {
	c := ready(t)
	b := c.browse(t)
	b.signIn("viewer@example.org", c.passwordOf(t, "viewer@example.org"))
	for _, service := range []string{"order", "shop", "crm", "mes", "shop-api", "crm-api", "mes-api"} {
		eventually(t, patience, func() error { return c.counted(t.Context(), service) })
	}
	eventually(t, patience, func() error {
		end := time.Now().UnixMilli()
		for _, metric := range []string{"calls", "latencies"} {
			query := url.Values{"service": {"shop"}, "endTs": {fmt.Sprint(end)}, "lookback": {"3600000"}, "step": {"60000"},
				"ratePer": {"600000"}, "quantile": {"0.95"}, "spanKind": {"internal", "server", "client", "consumer", "producer"}}
			status, body := b.get("/jaeger/api/metrics/" + metric + "?" + query.Encode())
			var answer struct {
				Metrics []struct {
					MetricPoints []json.RawMessage `json:"metricPoints"`
				} `json:"metrics"`
			}
			if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK {
				return fmt.Errorf("%s: %d %s", metric, status, body)
			}
			if len(answer.Metrics) == 0 || len(answer.Metrics[0].MetricPoints) == 0 {
				return fmt.Errorf("no %s of shop: %s", metric, body)
			}
		}
		return nil
	})
}

// counted says whether Prometheus has calls of a service.
func (c *composed) counted(ctx context.Context, service string) error {
	var answer struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	if err := c.prometheus(ctx, fmt.Sprintf(`traces_span_metrics_calls_total{service_name=%q} > 0`, service), &answer); err != nil {
		return err
	}
	if len(answer.Data.Result) == 0 {
		return fmt.Errorf("no calls of %s", service)
	}
	return nil
}

func (c *composed) prometheus(ctx context.Context, query string, answer any) error {
	at, err := c.address(ctx, "prometheus")
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+":9090/api/v1/query?query="+url.QueryEscape(query), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("prometheus: %s: %s", res.Status, body)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(body, answer)
}

// Prometheus reaches everything that it is told to watch.
func TestEverythingIsWatched(t *testing.T) {
	c := ready(t)
	eventually(t, patience, func() error {
		var answer struct {
			Data struct {
				Result []struct {
					Metric map[string]string
					Value  [2]any
				}
			}
		}
		if err := c.prometheus(t.Context(), "up", &answer); err != nil {
			return err
		}
		jobs := map[string]any{}
		for _, r := range answer.Data.Result {
			jobs[r.Metric["job"]] = r.Value[1]
		}
		for _, job := range []string{"spans", "collector", "temporal", "prometheus"} {
			if jobs[job] != "1" {
				return fmt.Errorf("%s is not watched: %v", job, jobs)
			}
		}
		return nil
	})
}
