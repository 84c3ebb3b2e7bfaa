package standins

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever docker-compose.yml and our own Dockerfiles begin from has a stand-in, and
// each stand-in has its line in upstream.md.
func TestEveryImageHasAStandIn(t *testing.T) {
	ours := regexp.MustCompile(`^(ordertrace|build$)`)
	var found []string
	for file, image := range map[string]string{
		"../../docker-compose.yml": `(?m)^\s*image: (\S+)`,
		"../compose/setup.yml":     `(?m)^\s*image: (\S+)`,
		"../Dockerfile":            `(?m)^(?:FROM|COPY --from=)\s*(\S+)`,
		"../proxy/Dockerfile":      `(?m)^(?:FROM|COPY --from=)\s*(\S+)`,
	} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, name := range regexp.MustCompile(image).FindAllSubmatch(text, -1) {
			if !ours.Match(name[1]) {
				require.Contains(t, Names(), string(name[1]), file)
				found = append(found, string(name[1]))
			}
		}
	}
	table, err := os.ReadFile("upstream.md")
	require.NoError(t, err)
	for _, name := range Names() {
		require.Contains(t, string(table), "| `"+name+"` |")
		require.True(t, slices.Contains(found, name), "%s is used by nobody", name)
	}
}
