package conformance

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	routeWord = regexp.MustCompile(`"(GET|PUT|POST|DELETE) (/[^"]*)"`)
	verbWord  = regexp.MustCompile(`(?m)^\t\task\(mux, .*, "([a-z-]+)", `) // of the desk's
)

// No system has a route that is not described.
func TestEveryRouteIsDescribed(t *testing.T) {
	oursAlone(t)
	people, err := Load(t.Context(), "../../docs/openapi/people.yaml")
	require.NoError(t, err)
	described := func(method, path string) bool {
		for _, d := range []*Description{contract(t), people} {
			if item := d.doc.Paths.Value(path); item != nil && item.GetOperation(method) != nil {
				return true
			}
		}
		return false
	}
	files, err := filepath.Glob("../*/*.go")
	require.NoError(t, err)
	found := 0
	for _, file := range files {
		if matched, _ := filepath.Match("*_test.go", filepath.Base(file)); matched {
			continue
		}
		code, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, route := range routeWord.FindAllStringSubmatch(string(code), -1) {
			if route[2] == "/orders/{order}/" { // the desk's, which says the rest elsewhere
				for _, verb := range verbWord.FindAllStringSubmatch(string(code), -1) {
					found++
					require.True(t, described(route[1], route[2]+verb[1]), "%s: %s%s", file, route[2], verb[1])
				}
				continue
			}
			found++
			require.True(t, described(route[1], route[2]), "%s: %s %s", file, route[1], route[2])
		}
	}
	require.Greater(t, found, 30)
}
