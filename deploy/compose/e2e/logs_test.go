//go:build compose

package e2e

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Logs are JSON, a line each: ours, and the servers' once they have read their
// configuration. PostgreSQL has its own in files, and the Temporal UI greets first.
func TestLogsAreJSON(t *testing.T) {
	c := ready(t)
	const date = `\d{4}/\d{2}/\d{2} [\d:]{8} `
	for service, otherwise := range map[string]string{
		"temporal":              `^` + date + `(Loading configuration|Processing config file)`,
		"temporal-ui":           `^` + date + `(Loading config|WARNING: CSP IS DISABLED)|^High performance|^https://echo|^⇨ http server started|^[ _/\\v.\dO-]*$`,
		"temporal-ui-operators": `^` + date + `(Loading config|WARNING: CSP IS DISABLED)|^High performance|^https://echo|^⇨ http server started|^[ _/\\v.\dO-]*$`,
		"collector":             `^$`,
		"jaeger":                `^badger |^` + date + `application version`,
		"prometheus":            `^$`,
		"dex":                   `^$`,
		"proxy":                 `^$`,
		"shop":                  `^$`,
		"crm":                   `^$`,
		"mes":                   `^$`,
	} {
		t.Run(service, func(t *testing.T) {
			allowed := regexp.MustCompile(otherwise)
			for line := range strings.Lines(c.mustCompose(t, "logs", "--no-log-prefix", "--no-color", service)) {
				if line = strings.TrimRight(line, "\n"); !allowed.MatchString(line) {
					require.True(t, json.Valid([]byte(line)), line)
				}
			}
		})
	}
	t.Run("postgres", func(t *testing.T) {
		log := c.mustCompose(t, "exec", "-T", "postgres", "sh", "-c", `cat "$PGDATA"/log/*.json`)
		require.NotEmpty(t, log)
		for line := range strings.Lines(log) {
			require.True(t, json.Valid([]byte(line)), line)
		}
	})
}
