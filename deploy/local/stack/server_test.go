package stack

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyARealReleaseOnThePathIsUsed(t *testing.T) {
	cases := map[string]struct {
		server server
		prints string
		used   bool
	}{
		"the Temporal CLI":                        {temporalServer, "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)", true},
		"another program that is called temporal": {temporalServer, "temporal 0.3, a time library", false},
		"a release of Jaeger v2":                  {jaegerServer, `{"gitCommit":"0b5d1f9c","gitVersion":"v2.13.0","buildDate":"2025-12-01T00:00:00Z"}`, true},
		"a Jaeger without its UI":                 {jaegerServer, `{"gitCommit":"","gitVersion":"v2.13.0","buildDate":""}`, false},
		"Jaeger v1":                               {jaegerServer, `{"gitCommit":"0b5d1f9c","gitVersion":"v1.60.0","buildDate":""}`, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			program := filepath.Join(folder, c.server.name)
			script := "#!/bin/sh\ncat <<'END'\n" + c.prints + "\nEND\n"
			require.NoError(t, os.WriteFile(program, []byte(script), 0o755))
			t.Setenv("PATH", folder+string(filepath.ListSeparator)+os.Getenv("PATH"))

			found := c.server.search(t.Context())
			if c.used {
				require.Equal(t, program, found)
			} else {
				require.Empty(t, found)
			}
		})
	}
}
