-- +goose Up
ALTER TABLE orders ADD COLUMN undoing_since TIMESTAMP; -- UTC; from then on no stage is recorded
ALTER TABLE stages ADD COLUMN undone_at TIMESTAMP;     -- UTC; empty while the stage stands

-- +goose Down
ALTER TABLE stages DROP COLUMN undone_at;
ALTER TABLE orders DROP COLUMN undoing_since;
