package shop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ordertrace/lifecycle"
	"ordertrace/systems/store"
)

// fillBasket opens the order's basket.
func fillBasket(ctx context.Context, tx *sql.Tx, order string, facts lifecycle.Facts) (lifecycle.Facts, error) {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO baskets (order_id, source, material) VALUES ($1, $2, $3)
		ON CONFLICT (order_id) DO UPDATE SET source = $2, material = $3`,
		order, facts.Source, facts.Material)
	if err != nil {
		return lifecycle.Facts{}, fmt.Errorf("fill basket: %w", err)
	}
	return lifecycle.Facts{Source: facts.Source, Material: facts.Material}, nil
}

// putModel puts a model that was uploaded before into the basket, which it
// thaws: the order may have come back for a better model or another material.
func putModel(ctx context.Context, tx *sql.Tx, order string, facts lifecycle.Facts) (lifecycle.Facts, error) {
	if facts.Model == nil || facts.Model.Digest == "" {
		return lifecycle.Facts{}, badModel(lifecycle.CodeMissingModel, "the order has no model: upload one, and give its digest")
	}
	model, err := readModel(ctx, tx, facts.Model.Digest)
	if errors.Is(err, sql.ErrNoRows) {
		return lifecycle.Facts{}, badModel(lifecycle.CodeInvalidModel, "the shop has no model with this digest: upload it first")
	}
	if err != nil {
		return lifecycle.Facts{}, err
	}
	_, err = tx.ExecContext(ctx,
		`UPDATE baskets SET model = $2, material = CASE WHEN $3 = '' THEN material ELSE $3 END, submitted_at = NULL WHERE order_id = $1`,
		order, model.Digest, facts.Material)
	if err != nil {
		return lifecycle.Facts{}, fmt.Errorf("put model into basket: %w", err)
	}
	return lifecycle.Facts{Model: &model}, nil
}

// freeze submits the basket as it is. The caller must mean the same model.
func freeze(ctx context.Context, tx *sql.Tx, order string, facts lifecycle.Facts) (lifecycle.Facts, error) {
	var digest string
	err := tx.QueryRowContext(ctx, `UPDATE baskets SET submitted_at = $2 WHERE order_id = $1 RETURNING model`,
		order, store.Now()).Scan(&digest)
	if err != nil {
		return lifecycle.Facts{}, fmt.Errorf("submit basket: %w", err)
	}
	if facts.Model != nil && facts.Model.Digest != digest {
		return lifecycle.Facts{}, &lifecycle.Error{
			Remedy: lifecycle.LookUp, Code: lifecycle.CodeConflict,
			Detail: "the basket holds another model, " + digest,
		}
	}
	return lifecycle.Facts{}, nil
}

// takeBack undoes what a stage did to the basket. What the order was made of
// stands in the ledger.
func takeBack(ctx context.Context, tx *sql.Tx, order string, stage lifecycle.Stage) error {
	var err error
	switch stage {
	case lifecycle.Initiated:
		_, err = tx.ExecContext(ctx, `UPDATE baskets SET withdrawn_at = $2 WHERE order_id = $1`, order, store.Now())
	case lifecycle.FileUploaded:
		_, err = tx.ExecContext(ctx, `UPDATE baskets SET model = NULL WHERE order_id = $1`, order)
	case lifecycle.Submitted:
		_, err = tx.ExecContext(ctx, `UPDATE baskets SET submitted_at = NULL WHERE order_id = $1`, order)
	}
	if err != nil {
		return fmt.Errorf("take basket back from %s: %w", stage, err)
	}
	return nil
}

func readModel(ctx context.Context, db interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}, digest string) (lifecycle.Model, error) {
	if !isDigest(digest) {
		return lifecycle.Model{}, sql.ErrNoRows
	}
	m := lifecycle.Model{Digest: digest}
	err := db.QueryRowContext(ctx, `SELECT size_bytes, triangles FROM models WHERE digest = $1`, digest).Scan(&m.SizeBytes, &m.Triangles)
	if err != nil {
		return lifecycle.Model{}, fmt.Errorf("read model: %w", err)
	}
	return m, nil
}

func badModel(code, detail string) error {
	return &lifecycle.Error{Remedy: lifecycle.FixInput, Code: code, Field: "model", Detail: detail}
}
