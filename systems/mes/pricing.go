package mes

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/mesh"
	"ordertrace/systems/store"
)

// pricing is one request for a price.
type pricing struct {
	order, key string
	in         api.StageRequest
}

// price answers a price that is recorded, or has it worked out.
func (s *System) price(ctx context.Context, p pricing, wait time.Duration) (api.StageAnswer, error) {
	answer, err := s.Answered(ctx, p.order, lifecycle.PriceCalculated, p.key, p.in)
	if err != nil || answer.Done {
		return answer, err
	}
	if p.in.Facts.Model == nil || p.in.Facts.Model.Digest == "" {
		return api.StageAnswer{}, badModel(lifecycle.CodeMissingModel, "the order has no model to price")
	}
	if _, err := s.rates.material(p.in.Facts.Material); err != nil {
		return api.StageAnswer{}, err
	}
	return s.pricings.ask(ctx, jobKey{p.order, p.key}, wait, func(ctx context.Context, progress *progress) (api.StageAnswer, error) {
		ctx, span := s.tracer.Start(ctx, "price model", trace.WithAttributes(attribute.String("order.id", p.order)))
		defer span.End()
		// Another job may have recorded it between the look above and this one.
		answer, err := s.Answered(ctx, p.order, lifecycle.PriceCalculated, p.key, p.in)
		if err == nil && !answer.Done {
			answer, err = s.quote(ctx, p, progress)
		}
		return answer, onSpan(span, err)
	})
}

// quote reads and measures the model, prices it, and records the price.
func (s *System) quote(ctx context.Context, p pricing, progress *progress) (api.StageAnswer, error) {
	digest, material := p.in.Facts.Model.Digest, p.in.Facts.Material
	report, err := s.measure(ctx, digest, progress)
	if err != nil {
		return api.StageAnswer{}, err
	}
	price, err := s.rates.Price(report, material)
	if err != nil {
		return api.StageAnswer{}, err
	}
	return s.Ledger.Record(ctx, p.order, lifecycle.PriceCalculated, p.key, p.in,
		func(ctx context.Context, tx *sql.Tx, _ lifecycle.Facts) (lifecycle.Facts, error) {
			size := report.Size()
			_, err := tx.ExecContext(ctx,
				`INSERT INTO quotes (idempotency_key, order_id, model, material, triangles, volume_mm3, surface_mm2,
				box_x_mm, box_y_mm, box_z_mm, price, currency, rates_version, rates_digest, priced_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
				p.key, p.order, digest, material, report.Triangles, report.VolumeMM3, report.SurfaceMM2,
				size[0], size[1], size[2], price.Amount, price.Currency, s.rates.Version, s.rates.digest, store.Now())
			if err != nil {
				return lifecycle.Facts{}, fmt.Errorf("record quote: %w", err)
			}
			return lifecycle.Facts{Price: &price}, nil
		})
}

// measure reads the model from the shop once. The MES trusts nobody: it checks
// the mesh again, and that the bytes are those of the digest.
func (s *System) measure(ctx context.Context, digest string, progress *progress) (mesh.Report, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	body, size, err := s.config.Shop.Model(ctx, digest)
	if err != nil {
		return mesh.Report{}, fetchError(err)
	}
	defer body.Close()
	progress.size.Store(size)

	_, span := s.tracer.Start(ctx, "check model")
	defer span.End()
	sum := sha256.New()
	source := &source{from: body, count: &progress.read, stalled: func() { stop(errStalled) }}
	report, err := mesh.Check(io.TeeReader(source, sum), size, s.config.Limits)
	span.SetAttributes(attribute.Int64("model.size_bytes", progress.read.Load()), attribute.Int64("model.polygon_count", report.Triangles))
	var broken *mesh.Error
	switch {
	case source.err != nil:
		err = fmt.Errorf("read model from the shop: %w", errors.Join(source.err, context.Cause(ctx)))
	case errors.As(err, &broken):
		err = badModel(lifecycle.CodeInvalidModel, broken.Error())
	case err != nil:
		err = fmt.Errorf("check model: %w", err)
	case "sha256-"+hex.EncodeToString(sum.Sum(nil)) != digest:
		err = fmt.Errorf("the shop sent other bytes than those of %s", digest)
	}
	return report, onSpan(span, err)
}

// fetchError tells what it means when the shop does not send a model.
func fetchError(err error) error {
	var e *lifecycle.Error
	if errors.As(err, &e) && e.Code == lifecycle.CodeNotFound {
		return badModel(lifecycle.CodeMissingModel, "the shop does not have the order's model: upload it again")
	}
	// Whatever else it is, better input would not help. %v hides the shop's
	// own remedy, which is meant for its own caller.
	return fmt.Errorf("fetch model from the shop: %v", err)
}

const stallTimeout = time.Minute

var errStalled = fmt.Errorf("the shop sent nothing for %v", stallTimeout)

// source reads a model, and remembers a failure of its own so that it is not
// taken for a fault of the file.
type source struct {
	from    io.Reader
	count   interface{ Add(int64) int64 }
	stalled func()
	err     error
}

func (s *source) Read(p []byte) (int, error) {
	stall := time.AfterFunc(stallTimeout, s.stalled)
	n, err := s.from.Read(p)
	stall.Stop()
	s.count.Add(int64(n))
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func badModel(code, detail string) error {
	return &lifecycle.Error{Remedy: lifecycle.FixInput, Code: code, Field: "model", Detail: detail}
}

// onSpan marks a span as failed, with the error's code where it has one.
func onSpan(span trace.Span, err error) error {
	if err == nil {
		return nil
	}
	var e *lifecycle.Error
	code := lifecycle.CodeUnavailable
	if errors.As(err, &e) {
		code = e.Code
	}
	span.SetAttributes(attribute.String("error.type", code))
	span.SetStatus(codes.Error, code) // its words may hold what a span must not
	return err
}
