package collector

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ordertrace/deploy/secrets"
)

func TestWhoMaySend(t *testing.T) {
	receiver := startReceiver(t)
	c := newCollector(t, receiver.address)
	c.start(t)
	ours, _ := ownServices.Password()
	vendors, _ := vendorMES.Password()
	for name, tc := range map[string]struct {
		authorization string
		may           bool
	}{
		"nobody":                      {"", false},
		"our services":                {secrets.BasicAuth(ownServices), true},
		"the vendor's MES":            {secrets.BasicAuth(vendorMES), true},
		"a wrong password":            {secrets.BasicAuth(url.UserPassword("ordertrace", "wrong")), false},
		"no password":                 {secrets.BasicAuth(url.User("ordertrace")), false},
		"the password of another one": {secrets.BasicAuth(url.UserPassword("vendor-mes", ours)), false},
		"an unknown user":             {secrets.BasicAuth(url.UserPassword("mallory", vendors)), false},
		"a bearer token":              {"Bearer " + ours, false},
		"not base64":                  {"Basic " + ours + "!", false},
	} {
		t.Run(name, func(t *testing.T) {
			sender := c.sender(t, nil)
			sender.authorization = tc.authorization
			r := asked(temporalScope, span("SHIPPED", tracepb.Span_SPAN_KIND_INTERNAL))
			err := sender.send(t.Context(), r)
			if tc.may {
				require.NoError(t, err)
				receiver.of(t, traceOf(r))
				return
			}
			require.Equal(t, codes.Unauthenticated, status.Code(err), err)
		})
	}
}
