package conformance

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/store/storetest"
)

// Whatever the description says that a system may answer, our own do answer.
func TestEveryAnswerThatIsDescribedIsGiven(t *testing.T) {
	oursAlone(t)
	d, err := Load(t.Context(), contractFile)
	require.NoError(t, err)
	const empty, huge = `{"facts":{}}`, 2 << 20
	type call struct {
		to                      lifecycle.System
		method, path, key, body string
		want                    int
	}
	var calls []call
	for _, system := range lifecycle.Systems() {
		first, second := lifecycle.Owned(system)[0], lifecycle.Owned(system)[1]
		stage := func(s lifecycle.Stage) string { return "/orders/known/stages/" + string(s) }
		calls = append(calls,
			call{system, "GET", "/healthz", "", "", 200},
			call{system, "GET", "/orders", "", "", 200},
			call{system, "GET", "/orders/known", "", "", 200},
			call{system, "GET", "/orders/unknown", "", "", 404},
			call{system, "PUT", stage(first), api.Key("known", first, 1), empty, 200},
			call{system, "PUT", stage(first), api.Key("known", first, 2), `[]`, 400},
			call{system, "PUT", "/orders/unknown/stages/" + string(second), api.Key("unknown", second, 1), empty, 404},
			call{system, "PUT", stage(first), api.Key("known", first, 2), `{"by":"` + strings.Repeat("x", huge) + `"}`, 413},
			call{system, "PUT", stage(first), "", empty, 422},
			call{system, "DELETE", stage(first), api.Key("known", first, 9), "", 204},
			call{system, "POST", stage("POLISHED") + "/undo", "", "", 422},
			call{system, "POST", "/orders/unknown/stages/" + string(first) + "/undo", "", "", 204},
			call{system, "PUT", "/orders/known/outcome", "", `[]`, 400},
			call{system, "PUT", "/orders/unknown/outcome", "", `{"outcome":"failed"}`, 404},
			call{system, "PUT", "/orders/known/outcome", "", `{"reason":"` + strings.Repeat("x", huge) + `"}`, 413},
			call{system, "PUT", "/orders/known/outcome", "", `{"outcome":"lost"}`, 422},
			call{system, "PUT", "/orders/known/outcome", "", `{"outcome":"failed"}`, 204},
			call{system, "PUT", "/orders/known/outcome", "", `{"outcome":"closed"}`, 409},
			call{system, "PUT", stage(second), api.Key("known", second, 1), empty, 409},
			call{system, "POST", stage(first) + "/undo", "", "", 409},
		)
	}
	ring := string(newRing(t))
	calls = append(calls,
		call{lifecycle.Shop, "POST", "/models", "", ring, 201},
		call{lifecycle.Shop, "POST", "/models", "", ring, 200},
		call{lifecycle.Shop, "POST", "/models", "", "no model", 422},
		call{lifecycle.Shop, "POST", "/models", "", strings.Repeat("x", huge), 413},
		call{lifecycle.Shop, "GET", "/models/sha256-" + strings.Repeat("0", 64), "", "", 404},
		call{lifecycle.CRM, "PUT", "/orders/known/parcel", "", `{"carrier":"UPS","tracking_number":"1Z999"}`, 200},
		call{lifecycle.CRM, "PUT", "/orders/known/parcel", "", `{"carrier":"UPS","tracking_number":"1Z000"}`, 409},
		call{lifecycle.CRM, "PUT", "/orders/unknown/parcel", "", `{"carrier":"UPS","tracking_number":"1Z001"}`, 404},
		call{lifecycle.CRM, "PUT", "/orders/known/parcel", "", `[]`, 400},
		call{lifecycle.CRM, "PUT", "/orders/known/parcel", "", `{"carrier":"` + strings.Repeat("x", huge) + `"}`, 413},
		call{lifecycle.CRM, "PUT", "/orders/known/parcel", "", `{"carrier":"UPS"}`, 422},
	)
	for _, name := range lifecycle.Systems() {
		s := own(t, name, storetest.SQLite(t))
		s.observe(t, d, s.url)
		_, err := s.visit(t, "known", s.stages[0], 1)
		require.NoError(t, err)
		switch name {
		case lifecycle.Shop:
			file, _, err := s.Model(t.Context(), s.facts.Model.Digest)
			require.NoError(t, err)
			require.NoError(t, file.Close())
		case lifecycle.MES:
			release := s.hold()
			require.False(t, s.ask(t, "held", time.Second).Done)
			release()
		}
		for _, c := range calls {
			if c.to == name {
				status, body := s.send(t, c.method, c.path, c.key, c.body)
				require.Equal(t, c.want, status, "%s: %s %s: %s", name, c.method, c.path, body)
			}
		}
	}
	require.Empty(t, d.Unseen())
}

// What is said otherwise than described is reported.
func TestADescriptionTellsWhoDoesNotKeepToIt(t *testing.T) {
	oursAlone(t)
	problem := `{"title":"Not Found","status":404,"detail":"no such order","code":"not_found","remedy":"look_up"}`
	tests := map[string]struct {
		method, path, key string // of the request; PUT has a body
		status            int
		kind, answer      string
		want              string // "": nothing to report
	}{
		"as described":               {"GET", "/orders/o", "", 404, "application/problem+json", problem, ""},
		"wrong, and refused":         {"PUT", "/orders/o/stages/POLISHED", "", 404, "application/problem+json", problem, ""},
		"another type":               {"GET", "/orders/o", "", 404, "text/plain", "not found", "Content-Type"},
		"a member too few":           {"GET", "/orders/o", "", 404, "application/problem+json", strings.Replace(problem, "remedy", "cure", 1), "remedy"},
		"a remedy of its own":        {"GET", "/orders/o", "", 404, "application/problem+json", strings.Replace(problem, "look_up", "pray", 1), "remedy"},
		"a status of its own":        {"POST", "/models", "", 302, "text/plain", "", "302"},
		"an order without its stage": {"GET", "/orders/o", "", 200, "application/json", `{"order_id":"o","facts":{},"created_at":"2026-11-23T15:00:00Z","updated_at":"2026-11-23T15:00:00Z"}`, "stage"},
		"no list":                    {"GET", "/orders", "", 200, "application/json", `null`, "array"},
		"a time in words":            {"GET", "/orders/o", "", 200, "application/json", `{"order_id":"o","stage":"CLOSED","facts":{},"created_at":"today","updated_at":"2026-11-23T15:00:00Z"}`, "created_at"},
		"a call of its own":          {"GET", "/secrets", "", 200, "application/json", `{}`, "no such operation"},
		"a key that is missed":       {"PUT", "/orders/o/stages/CLOSED", "", 200, "application/json", `{"facts":{}}`, "Idempotency-Key"},
		"a stage that is none":       {"PUT", "/orders/o/stages/POLISHED", "o/POLISHED/1", 200, "application/json", `{"facts":{}}`, "stage"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", test.kind)
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.answer)
			}))
			defer server.Close()
			target, err := url.Parse(server.URL)
			require.NoError(t, err)
			reported := make(chan error, 1)
			before := httptest.NewServer(contract(t).Before(target, func(err error) { reported <- err }))
			defer before.Close()
			status, _ := system{url: before.URL}.send(t, test.method, test.path, test.key, `{"facts":{}}`)
			require.Equal(t, test.status, status, "it is passed on as it is")
			close(reported)
			err = <-reported
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want, fmt.Sprint(err))
		})
	}
}
