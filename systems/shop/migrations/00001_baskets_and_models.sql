-- +goose Up
CREATE TABLE models (
    digest      TEXT             NOT NULL PRIMARY KEY, -- "sha256-<hex>", also the key in the blob store
    size_bytes  BIGINT           NOT NULL,
    triangles   BIGINT           NOT NULL,
    volume_mm3  DOUBLE PRECISION NOT NULL,
    surface_mm2 DOUBLE PRECISION NOT NULL,
    uploaded_at TIMESTAMP        NOT NULL              -- UTC
);

CREATE TABLE baskets (
    order_id     TEXT      NOT NULL PRIMARY KEY REFERENCES orders (order_id),
    source       TEXT      NOT NULL,
    material     TEXT      NOT NULL,
    model        TEXT      REFERENCES models (digest),
    submitted_at TIMESTAMP -- UTC; empty while the customer may still change the basket
);

-- +goose Down
DROP TABLE baskets;
DROP TABLE models;
