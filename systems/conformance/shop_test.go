package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

func TestTheShopKeepsAModelUnderItsDigest(t *testing.T) {
	only(t, lifecycle.Shop, func(t *testing.T, s system) {
		file := newRing(t)
		sum := sha256.Sum256(file)
		for range 2 {
			model, err := s.Upload(t.Context(), bytes.NewReader(file), int64(len(file)))
			require.NoError(t, err)
			require.Equal(t, "sha256-"+hex.EncodeToString(sum[:]), model.Digest)
			require.EqualValues(t, len(file), model.SizeBytes)
			require.Positive(t, model.Triangles)
		}
		stream, size, err := s.Model(t.Context(), "sha256-"+hex.EncodeToString(sum[:]))
		require.NoError(t, err)
		defer stream.Close()
		got, err := io.ReadAll(stream)
		require.NoError(t, err)
		require.EqualValues(t, len(file), size)
		require.True(t, bytes.Equal(file, got))
	})
}

func TestTheShopRefusesWhatIsNoModel(t *testing.T) {
	only(t, lifecycle.Shop, func(t *testing.T, s system) {
		sound := newRing(t)
		for name, file := range map[string][]byte{"nothing": {}, "a picture": []byte("\x89PNG\r\n\x1a\n"), "cut short": sound[:len(sound)-60]} {
			_, err := s.Upload(t.Context(), bytes.NewReader(file), int64(len(file)))
			e := requireError(t, err, lifecycle.FixInput, lifecycle.CodeInvalidModel)
			require.Equal(t, "model", e.Field, name)
		}
		_, _, err := s.Model(t.Context(), "sha256-"+strings.Repeat("0", 64))
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
	})
}

func TestTheShopAsksForAModelThatItHas(t *testing.T) {
	only(t, lifecycle.Shop, func(t *testing.T, s system) {
		order := s.opened(t)
		status, body := s.send(t, http.MethodPut, "/orders/"+order+"/stages/FILE_UPLOADED", api.Key(order, lifecycle.FileUploaded, 1), `{"facts":{}}`)
		require.Equal(t, http.StatusUnprocessableEntity, status)
		requireProblem(t, body, lifecycle.CodeMissingModel, "model")

		unknown := s
		unknown.facts.Model = &lifecycle.Model{Digest: "sha256-" + strings.Repeat("0", 64)}
		_, err := unknown.visit(t, order, lifecycle.FileUploaded, 2)
		require.Equal(t, "model", requireError(t, err, lifecycle.FixInput, lifecycle.CodeInvalidModel).Field)

		answer, err := s.visit(t, order, lifecycle.FileUploaded, 3)
		require.NoError(t, err)
		require.Equal(t, s.facts.Model, answer.Facts.Model)
	})
}
