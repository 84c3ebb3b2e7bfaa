-- +goose Up
ALTER TABLE deals ADD COLUMN withdrawn_at TIMESTAMP; -- UTC; empty while the approval stands

-- +goose Down
ALTER TABLE deals DROP COLUMN withdrawn_at;
