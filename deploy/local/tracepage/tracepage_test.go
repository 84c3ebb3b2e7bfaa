// Package tracepage_test opens the trace page in a real Chromium, as a real
// Jaeger serves it, on spans that came by OTLP.
package tracepage_test

import (
	"embed"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/local/browsertest"
)

// The page is part of the test's input: a change of it runs the test again.
//
//go:embed index.html static
var page embed.FS

func TestPageNeverMakesMarkupOfText(t *testing.T) {
	require.NoError(t, fs.WalkDir(page, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(page, path)
		for _, risky := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"} {
			require.NotContains(t, string(text), risky, path)
		}
		return err
	}))
}

// scene is a Jaeger that holds what was sent, and a browser that looks at it.
type scene struct {
	*services
	jaeger  *jaeger
	browser *browsertest.Browser
	now     time.Time
}

func begin(t *testing.T) *scene { return beginBelow(t, "") }

func beginBelow(t *testing.T, basePath string) *scene {
	t.Helper()
	j := startJaeger(t, basePath)
	s := &scene{services: newServices(t, j), jaeger: j, browser: browsertest.New(t, j.url), now: time.Now()}
	s.browser.SignIn(viewer, viewerPassword)
	return s
}

// look is a subtest in the browser; it fails if the page complains or leaves its origin.
func (s *scene) look(t *testing.T, name string, at func(t *testing.T, b *browsertest.Browser)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		b := s.browser.For(t)
		at(t, b)
		b.Quiet()
	})
}
