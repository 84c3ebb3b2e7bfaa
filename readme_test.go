// Package ordertrace holds no code: it is the root of the map in README.md.
package ordertrace

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README's map and its table of variables are those of the code.
func TestReadmeIsTrue(t *testing.T) {
	b, err := os.ReadFile("README.md")
	require.NoError(t, err)
	readme := string(b)

	t.Run("every folder of the map is there", func(t *testing.T) {
		places, _, _ := strings.Cut(readme[strings.Index(readme, "## Finding your way around"):], "\n## How")
		for _, cell := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(places, -1) {
			parent := ""
			for _, folder := range regexp.MustCompile("`([^`]+)/`").FindAllStringSubmatch(cell[1], -1) {
				if dir, _ := filepath.Split(folder[1]); dir != "" {
					parent = dir
				}
				require.DirExists(t, filepath.Join(parent, filepath.Base(folder[1])))
			}
		}
	})
	t.Run("every folder is on the map", func(t *testing.T) {
		folders, err := filepath.Glob("*/")
		require.NoError(t, err)
		for _, folder := range folders {
			if folder == "bin/" || folder == "tools/" { // what make makes, and the linters' versions
				continue
			}
			if !strings.Contains(readme, "`"+folder) {
				t.Errorf("%s is not on the map", folder)
			}
		}
	})
	t.Run("every variable is in the table", func(t *testing.T) {
		for _, pattern := range []string{"workers/*.go", "workers/*/*.go", "starter/*.go", "deploy/local/*.go"} {
			files, err := filepath.Glob(pattern)
			require.NoError(t, err)
			for _, file := range files {
				code, err := os.ReadFile(file)
				require.NoError(t, err)
				for _, tag := range regexp.MustCompile(`env:"([^"]+)"`).FindAllStringSubmatch(string(code), -1) {
					name := strings.Replace(tag[1], "${SYSTEM}", "SYSTEM", 1)
					if !strings.Contains(readme, "`"+name+"`") {
						t.Errorf("%s of %s is not in the table", name, file)
					}
				}
			}
		}
	})
}
