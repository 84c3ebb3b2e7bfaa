package activities_test

import (
	"log/slog"
	"net/http"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // refusals are what these tests are about
	goleak.VerifyTestMain(tidy{m})
}

// tidy closes the connections that api.Client keeps for its next call.
type tidy struct{ *testing.M }

func (t tidy) Run() int {
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return t.M.Run()
}
