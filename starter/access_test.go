package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ordertrace/tracing/jaeger"
)

func TestAccessComesFromAFileBehindTheEnvironment(t *testing.T) {
	tests := map[string]struct {
		files map[string]string // in the folder where the starter runs
		env   map[string]string
		want  *url.Userinfo
		says  string
	}{
		"no file":                 {},
		"the file of make up":     {files: map[string]string{accessFile: "JAEGER_PASSWORD=\"p=d\"\nJAEGER_USER=\"eve\"\n"}, want: url.UserPassword("eve", "p=d")},
		"the environment first":   {files: map[string]string{accessFile: "JAEGER_USER=eve\nJAEGER_PASSWORD=file\n"}, env: map[string]string{"JAEGER_PASSWORD": "environment"}, want: url.UserPassword("eve", "environment")},
		"the environment alone":   {env: map[string]string{"JAEGER_USER": "adam", "JAEGER_PASSWORD": "his"}, want: url.UserPassword("adam", "his")},
		"another file":            {files: map[string]string{accessFile: "JAEGER_USER=eve\n", "other.env": "JAEGER_USER=adam\n"}, env: map[string]string{accessVariable: "other.env"}, want: url.UserPassword("adam", "")},
		"another that is not":     {files: map[string]string{accessFile: "JAEGER_USER=eve\n"}, env: map[string]string{accessVariable: "other.env"}, says: "starter: open other.env: no such file or directory\nhint: `make up` writes the file for whoever runs it; ORDERTRACE_ACCESS names another\n"},
		"a broken file":           {files: map[string]string{accessFile: "JAEGER_PASSWORD=\"secret\n"}, says: "starter: .local/access.env has lines that are not NAME=value\nhint: `make up` writes the file anew\n"},
		"a folder where it is":    {files: map[string]string{accessFile + "/x": ""}, says: "starter: read .local/access.env: is a directory\nhint: `make up` writes the file for whoever runs it; ORDERTRACE_ACCESS names another\n"},
		"a file without the user": {files: map[string]string{accessFile: "SHOP_URL=http://127.0.0.1:1\n"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for _, variable := range []string{"JAEGER_USER", "JAEGER_PASSWORD", "SHOP_URL", accessVariable} {
				t.Setenv(variable, "") // so that it is put back
				require.NoError(t, os.Unsetenv(variable))
			}
			for variable, value := range tc.env {
				t.Setenv(variable, value)
			}
			for file, content := range tc.files {
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
				require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
			}

			err := loadAccess()

			if tc.says != "" {
				var told bytes.Buffer
				tell(&told, err)
				require.Equal(t, tc.says, told.String())
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, jaeger.User())
		})
	}
}

func TestWhoIsNotLetInIsToldHow(t *testing.T) {
	tests := map[string]struct {
		err  error
		says string
	}{
		"a reader": {aboutTrace(jaeger.ErrUnauthorized, "ord-1"), "starter: order ord-1: jaeger wants a user and a password that may read traces\n" +
			"hint: JAEGER_USER and JAEGER_PASSWORD say who reads; `make up` writes that to .local/access.env, and ORDERTRACE_ACCESS names another file\n"},
		"a sender": {aboutSpans(fmt.Errorf("traces export: %w", status.Error(codes.Unauthenticated, "no basic auth provided"))),
			"starter: this command's spans are lost: traces export: rpc error: code = Unauthenticated desc = no basic auth provided\n" +
				"hint: OTEL_EXPORTER_OTLP_HEADERS says who sends; `make up` writes that to .local/access.env, and ORDERTRACE_ACCESS names another file\n"},
		"a sender without a collector": {aboutSpans(errors.New("connection refused")), "starter: this command's spans are lost: connection refused\n"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var told bytes.Buffer
			tell(&told, tc.err)
			require.Equal(t, tc.says, told.String())
		})
	}
}
