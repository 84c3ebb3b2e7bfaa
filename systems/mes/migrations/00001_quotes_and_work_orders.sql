-- +goose Up
CREATE TABLE quotes (
    idempotency_key TEXT             NOT NULL PRIMARY KEY, -- of the stage that it answers
    order_id        TEXT             NOT NULL REFERENCES orders (order_id),
    model           TEXT             NOT NULL,             -- digest
    material        TEXT             NOT NULL,
    triangles       BIGINT           NOT NULL,
    volume_mm3      DOUBLE PRECISION NOT NULL,
    surface_mm2     DOUBLE PRECISION NOT NULL,
    box_x_mm        DOUBLE PRECISION NOT NULL,
    box_y_mm        DOUBLE PRECISION NOT NULL,
    box_z_mm        DOUBLE PRECISION NOT NULL,
    price           BIGINT           NOT NULL,             -- in minor units
    currency        TEXT             NOT NULL,             -- ISO 4217
    rates_version   TEXT             NOT NULL,             -- the rate table's own word
    rates_digest    TEXT             NOT NULL,             -- and what it really was
    priced_at       TIMESTAMP        NOT NULL              -- UTC
);
CREATE INDEX quotes_of_order ON quotes (order_id);

CREATE TABLE work_orders (
    order_id        TEXT      NOT NULL PRIMARY KEY REFERENCES orders (order_id),
    operator        TEXT      NOT NULL,
    started_at      TIMESTAMP NOT NULL, -- UTC, as are the others
    completed_at    TIMESTAMP,
    packed_at       TIMESTAMP,
    shipped_at      TIMESTAMP,
    carrier         TEXT      NOT NULL DEFAULT '', -- empty while nobody named one
    tracking_number TEXT      NOT NULL DEFAULT ''
);

-- +goose Down
DROP TABLE work_orders;
DROP TABLE quotes;
