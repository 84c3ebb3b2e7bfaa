package collector

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"ordertrace/deploy/secrets"
)

func TestCallsAndDurationsAreCountedBehindTheWall(t *testing.T) {
	c := newCollector(t, startReceiver(t).address)
	c.start(t)
	slow, odd := span("PRICE_CALCULATED", tracepb.Span_SPAN_KIND_INTERNAL), span("the ring of Jane", tracepb.Span_SPAN_KIND_INTERNAL)
	slow.EndTimeUnixNano = slow.StartTimeUnixNano + uint64(25*time.Minute)
	failing := failing(span("PRICE_CALCULATED", tracepb.Span_SPAN_KIND_INTERNAL), "")
	require.NoError(t, c.sender(t, vendorMES).send(t.Context(), asked(temporalScope, slow, failing, odd)))

	var metrics string
	series := func(name, operation, code string, more ...string) string {
		for line := range strings.Lines(metrics) {
			wanted := append(more, name+"{", `service_name="mes"`, `span_kind="SPAN_KIND_INTERNAL"`, `span_name="`+operation+`"`, `status_code="`+code+`"`)
			if containsAll(line, wanted) {
				return line[strings.LastIndex(line, " ")+1 : len(line)-1]
			}
		}
		return ""
	}
	require.Eventually(t, func() bool { // a new count begins with 0, so that rates see it rise
		metrics = get(t, c.metrics, "")
		return series("traces_span_metrics_calls_total", "PRICE_CALCULATED", "STATUS_CODE_UNSET") == "1"
	}, time.Minute, 50*time.Millisecond)
	require.Equal(t, "1", series("traces_span_metrics_calls_total", "PRICE_CALCULATED", "STATUS_CODE_ERROR"))
	require.Equal(t, "1", series("traces_span_metrics_calls_total", "internal", "STATUS_CODE_UNSET"))
	require.Equal(t, "0", series("traces_span_metrics_duration_milliseconds_bucket", "PRICE_CALCULATED", "STATUS_CODE_UNSET", `le="300000"`))
	require.Equal(t, "1", series("traces_span_metrics_duration_milliseconds_bucket", "PRICE_CALCULATED", "STATUS_CODE_UNSET", `le="1.8e+06"`))
	require.NotContains(t, metrics, "Jane")
	require.Contains(t, get(t, c.own, ""), "otelcol_receiver_accepted_spans")
}

func containsAll(line string, wanted []string) bool {
	for _, w := range wanted {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// get is what a GET is answered with, empty unless it is 200.
func get(t testing.TB, url, authorization string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if response.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// startPrometheus starts a real one that reads the collector's counts every second.
func startPrometheus(t testing.TB, c *collector) (url string) {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("no prometheus here: deploy/local/packages installs it")
	}
	target, err := neturl.Parse(c.metrics)
	require.NoError(t, err)
	dir, port := t.TempDir(), ports(t)[0]
	config := write(t, filepath.Join(dir, "prometheus.yml"),
		"global: {scrape_interval: 1s}\nscrape_configs: [{job_name: spans, static_configs: [{targets: [%q]}]}]\n", target.Host)
	p := &process{
		path: program, log: filepath.Join(dir, "log"), well: "http://" + address(port) + "/-/ready",
		args: []string{"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + address(port)},
	}
	p.start(t)
	return "http://" + address(port)
}

// The way of a span to Jaeger's Monitor tab: collector, Prometheus, Jaeger.
func TestTheMonitorTabHasCallsErrorsAndDurations(t *testing.T) {
	server := newJaeger(t, "monitor.yaml")
	c := newCollector(t, server.otlp)
	c.start(t)
	server.env = append(server.env, "PROMETHEUS_URL="+startPrometheus(t, c))
	server.start(t)
	services := c.sender(t, ownServices)
	tell := func() {
		slow := span("PRICE_CALCULATED", tracepb.Span_SPAN_KIND_SERVER)
		slow.EndTimeUnixNano = slow.StartTimeUnixNano + uint64(20*time.Second)
		wrong := failing(span("CLOSED", tracepb.Span_SPAN_KIND_SERVER), "")
		require.NoError(t, services.send(t.Context(), asked(temporalScope, slow, wrong)))
	}
	for name, tc := range map[string]struct {
		path string
		fits func(byOperation map[string]float64) bool
	}{
		"calls":  {"calls?", func(v map[string]float64) bool { return v["PRICE_CALCULATED"] > 0 && v["CLOSED"] > 0 }},
		"errors": {"errors?", func(v map[string]float64) bool { return v["CLOSED"] == 1 && v["PRICE_CALCULATED"] == 0 }},
		"durations": {"latencies?quantile=0.95&", func(v map[string]float64) bool {
			return v["PRICE_CALCULATED"] > 10_000 && v["PRICE_CALCULATED"] <= 60_000 && v["CLOSED"] < 5
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var last string
			require.Eventually(t, func() bool {
				tell() // a rate needs one count after another
				last = get(t, fmt.Sprintf("%s/api/metrics/%sservice=mes&groupByOperation=true&spanKind=server&lookback=60000&step=1000&ratePer=60000&endTs=%d",
					server.url, tc.path, time.Now().UnixMilli()), secrets.BasicAuth(traceViewer))
				return tc.fits(latest(t, last))
			}, time.Minute, 500*time.Millisecond, "%s", &last)
		})
	}
}

// latest are the newest values of an answer of Jaeger's metrics API, by operation.
func latest(t *testing.T, answer string) map[string]float64 {
	t.Helper()
	var family struct {
		Metrics []struct {
			Labels       []struct{ Name, Value string }
			MetricPoints []struct {
				GaugeValue struct{ DoubleValue json.RawMessage }
			}
		}
	}
	if answer != "" {
		require.NoError(t, json.Unmarshal([]byte(answer), &family))
	}
	values := map[string]float64{}
	for _, metric := range family.Metrics {
		for _, label := range metric.Labels {
			if label.Name != "operation" || len(metric.MetricPoints) == 0 {
				continue
			}
			raw := strings.Trim(string(metric.MetricPoints[len(metric.MetricPoints)-1].GaugeValue.DoubleValue), `"`)
			if value, err := strconv.ParseFloat(raw, 64); err == nil {
				values[label.Value] = value
			}
		}
	}
	return values
}
