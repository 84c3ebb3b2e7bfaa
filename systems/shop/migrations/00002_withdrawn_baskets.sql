-- +goose Up
ALTER TABLE baskets ADD COLUMN withdrawn_at TIMESTAMP; -- UTC; empty while the order stands

-- +goose Down
ALTER TABLE baskets DROP COLUMN withdrawn_at;
