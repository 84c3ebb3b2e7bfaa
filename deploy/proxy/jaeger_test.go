package proxy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/crypto/bcrypt"

	"ordertrace/deploy/local/stack"
	"ordertrace/deploy/secrets"
)

// jaeger is a real Jaeger below /jaeger, with one trace. It lets one user read
// and another one send.
type jaeger struct {
	url      string
	password string // of both
	trace    string // its id
}

const (
	jaegerUser = "trace-viewer"
	sender     = "ordertrace"
)

func (r *rig) startJaeger(ctx context.Context, ports stack.Ports) error {
	program, err := stack.Jaeger(ctx, stack.Config{Root: root, IgnorePath: true, Progress: os.Stderr})
	if err != nil {
		return err
	}
	more, err := stack.FreePorts()
	if err != nil {
		return err
	}
	assets, err := filepath.Abs(filepath.Join(root, "deploy/local/tracepage"))
	if err != nil {
		return err
	}
	j := &jaeger{url: fmt.Sprintf("http://127.0.0.1:%d", ports.Jaeger), password: rand.Text()}
	hash, err := bcrypt.GenerateFromPassword([]byte(j.password), bcrypt.MinCost)
	if err != nil {
		return err
	}
	readers, senders := filepath.Join(r.dir, "readers"), filepath.Join(r.dir, "senders")
	if err := errors.Join(
		os.WriteFile(readers, fmt.Appendf(nil, "%s:%s\n", jaegerUser, hash), 0o600),
		os.WriteFile(senders, fmt.Appendf(nil, "%s:%s\n", sender, hash), 0o600),
	); err != nil {
		return err
	}
	args := []string{"--config", filepath.Join(root, "deploy/jaeger/config.yaml"), "--set=extensions.jaeger_query.base_path=/jaeger"}
	env := []string{
		"JAEGER_HOST=127.0.0.1",
		"JAEGER_LOG_LEVEL=warn",
		"JAEGER_OTLP_PORT=" + strconv.Itoa(ports.OTLP),
		"JAEGER_PORT=" + strconv.Itoa(ports.Jaeger),
		"JAEGER_GRPC_PORT=" + strconv.Itoa(more.Jaeger),
		"JAEGER_HEALTH_PORT=" + strconv.Itoa(more.UI),
		"JAEGER_READERS=" + readers,
		"JAEGER_SENDERS=" + senders,
		"JAEGER_STORAGE_DIR=" + filepath.Join(r.dir, "jaeger"),
		"JAEGER_UI_ASSETS=" + assets,
		"JAEGER_UI_CONFIG=" + filepath.Join(root, "deploy/jaeger/ui.json"),
	}
	well := answers(fmt.Sprintf("http://127.0.0.1:%d/status", more.UI), http.StatusOK)
	if err := r.run("jaeger", program, args, env, well); err != nil {
		return err
	}
	r.jaeger = j
	return j.send(ctx, ports.OTLP)
}

// send stores a trace of one span.
func (j *jaeger) send(ctx context.Context, port int) error {
	exporter, err := otlptracegrpc.New(ctx,
		otlptracegrpc.WithEndpoint(fmt.Sprintf("127.0.0.1:%d", port)), otlptracegrpc.WithInsecure(),
		otlptracegrpc.WithHeaders(map[string]string{"authorization": secrets.BasicAuth(url.UserPassword(sender, j.password))}))
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	_, span := provider.Tracer("proxy").Start(ctx, "an order")
	span.End()
	j.trace = span.SpanContext().TraceID().String()
	return provider.Shutdown(ctx)
}
