-- +goose Up
ALTER TABLE quotes ADD COLUMN withdrawn_at TIMESTAMP;     -- UTC, as are the others; empty while the quote stands
ALTER TABLE work_orders ADD COLUMN released_at TIMESTAMP; -- the operator was freed; started_at says since when there was one
ALTER TABLE work_orders ADD COLUMN scrapped_at TIMESTAMP; -- a finished piece was given up

-- +goose Down
ALTER TABLE work_orders DROP COLUMN scrapped_at;
ALTER TABLE work_orders DROP COLUMN released_at;
ALTER TABLE quotes DROP COLUMN withdrawn_at;
