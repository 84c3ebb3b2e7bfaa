package stack

import "ordertrace/deploy/secrets"

// TemporalAddress is host:port of Temporal's gRPC frontend.
func (s *Stack) TemporalAddress() string { return address(s.cfg.Ports.Temporal) }

// UIURL is the base URL of Temporal's web UI.
func (s *Stack) UIURL() string { return url(s.cfg.Ports.UI) }

// JaegerURL is the base URL of Jaeger's UI and query API.
func (s *Stack) JaegerURL() string { return url(s.cfg.Ports.Jaeger) }

// OTLPEndpoint is where spans go, OTLP over gRPC, as OTEL_EXPORTER_OTLP_ENDPOINT wants it.
func (s *Stack) OTLPEndpoint() string { return url(s.cfg.Ports.OTLP) }

// ShopURL is the base URL of the shop's API.
func (s *Stack) ShopURL() string { return url(s.cfg.Ports.Shop) }

// CRMURL is the base URL of the CRM's API.
func (s *Stack) CRMURL() string { return url(s.cfg.Ports.CRM) }

// MESURL is the base URL of the MES's API.
func (s *Stack) MESURL() string { return url(s.cfg.Ports.MES) }

// StateDir is the absolute path of the state folder.
func (s *Stack) StateDir() string { return s.cfg.StateDir }

// Env is what the starter, or any other client, needs to talk to this stack, as
// "NAME=value".
func (s *Stack) Env() []string {
	return append(append(s.senderEnv(), s.readerEnv()...),
		"API_TOKEN="+s.Token("starter"),
		"SHOP_URL="+s.ShopURL(),
		"CRM_URL="+s.CRMURL(),
		"MES_URL="+s.MESURL(),
	)
}

// senderEnv is what whoever sends spans needs: our services, and the starter.
func (s *Stack) senderEnv() []string {
	return append(s.cfg.clientEnv(), "OTEL_EXPORTER_OTLP_HEADERS="+secrets.OTLPHeaders(s.Sender()))
}

// readerEnv is what whoever reads traces needs.
func (s *Stack) readerEnv() []string {
	return []string{"JAEGER_USER=" + traceViewer, "JAEGER_PASSWORD=" + passwordOf(s.TraceViewer())}
}

// clientEnv is where the two servers are, and what orders in Temporal are read with.
func (c Config) clientEnv() []string {
	return append(c.payloadEnv(),
		"TEMPORAL_ADDRESS="+address(c.Ports.Temporal),
		"TEMPORAL_NAMESPACE="+Namespace,
		"TEMPORAL_UI_URL="+url(c.Ports.UI),
		"OTEL_EXPORTER_OTLP_ENDPOINT="+url(c.Ports.OTLP),
		"JAEGER_UI_URL="+url(c.Ports.Jaeger),
	)
}

func url(port int) string { return "http://" + address(port) }
