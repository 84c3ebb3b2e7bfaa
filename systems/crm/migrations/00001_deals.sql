-- +goose Up
CREATE TABLE deals (
    order_id     TEXT      NOT NULL PRIMARY KEY REFERENCES orders (order_id),
    price        BIGINT    NOT NULL, -- in minor units
    currency     TEXT      NOT NULL, -- ISO 4217
    approved_by  TEXT      NOT NULL,
    approved_at  TIMESTAMP NOT NULL, -- UTC
    closed_by    TEXT,
    close_reason TEXT,
    closed_at    TIMESTAMP           -- UTC
);

-- +goose Down
DROP TABLE deals;
