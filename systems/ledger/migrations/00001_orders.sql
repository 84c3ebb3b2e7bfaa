-- +goose Up
CREATE TABLE orders (
    order_id   TEXT      NOT NULL PRIMARY KEY,
    stage      TEXT      NOT NULL,            -- the last one recorded here
    outcome    TEXT      NOT NULL DEFAULT '', -- empty while the order is open
    ended_by   TEXT      NOT NULL DEFAULT '',
    reason     TEXT      NOT NULL DEFAULT '',
    facts      TEXT      NOT NULL,            -- JSON
    created_at TIMESTAMP NOT NULL,            -- UTC
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX orders_newest_first ON orders (created_at DESC, order_id DESC);

CREATE TABLE stages (
    idempotency_key TEXT      NOT NULL PRIMARY KEY,
    order_id        TEXT      NOT NULL REFERENCES orders (order_id),
    stage           TEXT      NOT NULL,
    visit           BIGINT    NOT NULL,            -- how often the order came to the stage, from 1
    moved_by        TEXT      NOT NULL DEFAULT '',
    reason          TEXT      NOT NULL DEFAULT '',
    answer          TEXT      NOT NULL,            -- JSON, given again to a repeated call
    recorded_at     TIMESTAMP NOT NULL,
    position        BIGINT    NOT NULL,            -- in the order of recording
    UNIQUE (order_id, stage, visit),
    UNIQUE (order_id, position)
);

-- +goose Down
DROP TABLE stages;
DROP TABLE orders;
