package shop

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/mesh"
	"ordertrace/systems/store"
)

const contentType = "model/stl"

func (s *System) uploadModel(w http.ResponseWriter, r *http.Request) {
	model, created, err := s.takeModel(r.Context(), w, r)
	if err != nil {
		if api.Status(err) == http.StatusServiceUnavailable {
			slog.ErrorContext(r.Context(), "upload", "error", err)
		}
		api.WriteProblem(w, r, err)
		return
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		w.Header().Set("Location", "/models/"+model.Digest)
	}
	api.WriteJSON(w, status, model)
}

// takeModel reads a model once: into the spool, through the check, and through
// the digest, which is known at the end. Only a sound file that the shop does
// not have yet goes on to the blob store.
func (s *System) takeModel(ctx context.Context, w http.ResponseWriter, r *http.Request) (lifecycle.Model, bool, error) {
	if r.ContentLength > s.config.MaxModelBytes {
		return lifecycle.Model{}, false, s.tooLarge()
	}
	spool, err := newSpool(s.config.Spool)
	if err != nil {
		return lifecycle.Model{}, false, err
	}
	defer spool.Close()
	digest := sha256.New()
	body := io.TeeReader(http.MaxBytesReader(w, r.Body, s.config.MaxModelBytes), io.MultiWriter(spool, digest))
	report, err := mesh.Check(body, r.ContentLength, s.config.Limits)
	if err != nil {
		return lifecycle.Model{}, false, s.refusal(err)
	}
	size, err := spool.Seek(0, io.SeekEnd)
	if err != nil {
		return lifecycle.Model{}, false, fmt.Errorf("spool: %w", err)
	}
	model := lifecycle.Model{
		Digest: "sha256-" + hex.EncodeToString(digest.Sum(nil)), SizeBytes: size, Triangles: report.Triangles,
	}
	if err := s.putBlob(ctx, model, spool); err != nil {
		return lifecycle.Model{}, false, fmt.Errorf("blob store: %w", err)
	}
	created, err := s.putRow(ctx, model, report)
	return model, created, err
}

// refusal tells the sender of a file from whom the trouble comes.
func (s *System) refusal(err error) error {
	var (
		large  *http.MaxBytesError
		broken *mesh.Error
	)
	switch {
	case errors.As(err, &large):
		return s.tooLarge()
	case errors.As(err, &broken):
		return badModel(lifecycle.CodeInvalidModel, broken.Error())
	default:
		return fmt.Errorf("read upload: %w", err)
	}
}

func (s *System) tooLarge() error {
	return badModel(lifecycle.CodeTooLarge, fmt.Sprintf("the file is larger than %d bytes; export it with fewer triangles", s.config.MaxModelBytes))
}

// newSpool opens a file without a name, where the operating system has such.
func newSpool(folder string) (*spool, error) {
	f, err := os.CreateTemp(folder, "model-*.stl")
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	_ = os.Remove(f.Name()) // where it cannot be, Close does it
	return &spool{f}, nil
}

type spool struct{ *os.File }

func (s *spool) Close() error {
	err := s.File.Close()
	_ = os.Remove(s.Name()) // most often it is gone already
	return err
}

// putBlob keeps the file under its digest, unless it is there. A file of another
// size is what a power cut left of it.
func (s *System) putBlob(ctx context.Context, model lifecycle.Model, file io.ReadSeeker) error {
	attrs, err := s.blobs.Attributes(ctx, model.Digest)
	if err == nil && attrs.Size == model.SizeBytes {
		return nil
	}
	if err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return s.blobs.Upload(ctx, model.Digest, file, &blob.WriterOptions{ContentType: contentType})
}

func (s *System) putRow(ctx context.Context, model lifecycle.Model, report mesh.Report) (created bool, err error) {
	result, err := s.DB().ExecContext(ctx,
		`INSERT INTO models (digest, size_bytes, triangles, volume_mm3, surface_mm2, uploaded_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (digest) DO NOTHING`,
		model.Digest, model.SizeBytes, model.Triangles, report.VolumeMM3, report.SurfaceMM2, store.Now())
	if err != nil {
		return false, fmt.Errorf("record model: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

func (s *System) downloadModel(w http.ResponseWriter, r *http.Request) {
	file, err := s.openModel(r.Context(), r.PathValue("digest"))
	if err != nil {
		if api.Status(err) == http.StatusServiceUnavailable {
			slog.ErrorContext(r.Context(), "download", "error", err)
		}
		api.WriteProblem(w, r, err)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("ETag", `"`+r.PathValue("digest")+`"`)
	http.ServeContent(w, r, "", time.Time{}, file)
}

func (s *System) openModel(ctx context.Context, digest string) (*blob.Reader, error) {
	_, err := readModel(ctx, s.DB(), digest)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noModel()
	}
	if err != nil {
		return nil, err
	}
	file, err := s.blobs.NewReader(ctx, digest, nil)
	if err != nil {
		return nil, fmt.Errorf("blob store: %w", err)
	}
	return file, nil
}

func noModel() error {
	return &lifecycle.Error{
		Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: "the shop has no model with this digest",
	}
}

func isDigest(s string) bool {
	sum, ok := strings.CutPrefix(s, "sha256-")
	raw, err := hex.DecodeString(sum)
	return ok && err == nil && len(raw) == sha256.Size && sum == strings.ToLower(sum)
}
