package workers

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"ordertrace/lifecycle"
	"ordertrace/systems/access"
	"ordertrace/systems/api"
	"ordertrace/tracing"
	"ordertrace/workers/encryption"
	"ordertrace/workflow"
)

func payloadKeys(cfg Config) (encryption.Keys, error) {
	keys, err := cfg.Payloads.Load()
	if err == nil && !keys.Encrypt() {
		slog.Warn("what orders carry is plain in Temporal: PAYLOAD_KEYS_FILE names no keys")
	}
	return keys, err
}

// converting is a client's options with what it converts payloads with.
func converting(o tracing.Options, c encryption.Converters) tracing.Options {
	o.Data, o.Failure = c.Data, c.Failure
	return o
}

// serveCodec decodes payloads for operators in the Temporal UI. It runs beside the
// workflow, without which the UI could not show how an order stands.
func serveCodec(ctx context.Context, kind Kind, cfg Config, keys encryption.Keys, failed chan<- error, stack *closers) error {
	known := access.Config{TokensFile: cmp.Or(cfg.CodecTokensFile, cfg.TokensFile), Issuer: cfg.Issuer, Audience: cfg.Audience}
	if kind.System != workflow.TaskQueue || !keys.Encrypt() || known == (access.Config{}) {
		return nil
	}
	callers, err := access.Open(known)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.CodecAddr)
	if err != nil {
		return fmt.Errorf("listen for the Temporal UI: %w; set CODEC_ADDR to another address", err)
	}
	codec := encryption.Server{Codec: keys.Codec(), UI: cfg.TemporalUI, Allowed: operators(callers)}
	server := &http.Server{Handler: codec.Handler(), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout}
	go func() { failed <- server.Serve(listener) }()
	stack.add("codec", func() error { return shutdown(server, cfg.DrainTimeout) })
	slog.Info("payloads are decoded for operators", "codec", "http://"+listener.Addr().String())
	return nil
}

// operators knows an operator by a bearer token, or by the same as the password
// of HTTP's basic authentication: a browser can show it of its own accord.
func operators(callers api.Callers) func(*http.Request) bool {
	return func(r *http.Request) bool {
		token, shown := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !shown {
			_, token, shown = r.BasicAuth()
		}
		if !shown || token == "" {
			return false
		}
		c, err := callers.Caller(r.Context(), token)
		return err == nil && c.Is(lifecycle.Operator)
	}
}
