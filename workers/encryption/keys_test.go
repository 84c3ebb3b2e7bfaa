package encryption

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

func TestKeysAreRead(t *testing.T) {
	a, b := NewKey("a"), NewKey("b")
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "keys")
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		return name
	}
	for name, tc := range map[string]struct {
		config Config
		first  string
		known  int
	}{
		"none":                       {Config{}, "", 0},
		"a file":                     {Config{KeysFile: file(a + "\n")}, "a", 1},
		"no line break at its end":   {Config{KeysFile: file(a)}, "a", 1},
		"several, the first first":   {Config{KeysFile: file(b + "\n" + a + "\n")}, "b", 2},
		"comments, blanks and tabs":  {Config{KeysFile: file("# old and new\r\n\n\t" + strings.Replace(a, " ", "\t", 1) + " \r\n" + b + "\r\n")}, "a", 2},
		"the environment":            {Config{Keys: a}, "a", 1},
		"several in the environment": {Config{Keys: b + ", " + a + ","}, "b", 2},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := tc.config.Load()
			require.NoError(t, err)
			require.Equal(t, tc.first, keys.first)
			require.Len(t, keys.known, tc.known)
			require.Equal(t, tc.known > 0, keys.Encrypt())
		})
	}
}

func TestWrongKeysAreRefusedAndNotShown(t *testing.T) {
	const secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
	good := NewKey("good")
	empty := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(empty, []byte("# moved away\n"), 0o600))
	for name, tc := range map[string]struct {
		config Config
		says   string
	}{
		"no file":            {Config{KeysFile: "/nowhere/keys"}, "/nowhere/keys: no such file"},
		"an empty file":      {Config{KeysFile: empty}, "there is no key in it"},
		"both":               {Config{KeysFile: empty, Keys: good}, "not both"},
		"no ID":              {Config{Keys: secret}, "line 1: want an ID and a key"},
		"more than that":     {Config{Keys: good + " " + secret}, "line 1: want an ID and a key"},
		"too short":          {Config{Keys: good + ",x " + secret}, "line 2: the key x is not 32 bytes in base64"},
		"not base64":         {Config{Keys: "x secret!secret"}, "line 1: the key x is not 32 bytes in base64"},
		"the same ID twice":  {Config{Keys: good + "," + NewKey("good")}, "line 2: there is a key good already"},
		"an ID of odd marks": {Config{Keys: NewKey("a/b")}, "line 1: an ID has letters"},
		"a long ID":          {Config{Keys: NewKey(strings.Repeat("x", 65))}, "at most 64"},
		"swapped":            {Config{Keys: strings.Fields(good)[1] + " good"}, "line 1: an ID has letters"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.config.Load()
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), strings.Fields(good)[1])
			require.NotContains(t, err.Error(), secret)
		})
	}
}

func TestConfigurationIsReadFromTheEnvironment(t *testing.T) {
	t.Setenv("PAYLOAD_KEYS_FILE", "a")
	t.Setenv("PAYLOAD_KEYS", "b")
	var c Config
	parser, err := kong.New(&c)
	require.NoError(t, err)
	_, err = parser.Parse(nil)
	require.NoError(t, err)
	require.Equal(t, Config{KeysFile: "a", Keys: "b"}, c)
}
