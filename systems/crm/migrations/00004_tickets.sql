-- +goose Up
CREATE TABLE tickets (
    ticket_id       TEXT      NOT NULL PRIMARY KEY,
    idempotency_key TEXT      UNIQUE,              -- of the request that opened it, if it had one
    order_id        TEXT      NOT NULL DEFAULT '', -- empty while no order is known; perhaps one that the CRM has not met yet
    trace_id        TEXT      NOT NULL DEFAULT '', -- empty while none is known
    span_id         TEXT      NOT NULL DEFAULT '',
    subject         TEXT      NOT NULL,            -- may hold personal data
    opened_by       TEXT      NOT NULL,
    opened_at       TIMESTAMP NOT NULL,            -- UTC, as is the other
    found_at        TIMESTAMP                      -- when the order was seen to have the trace; empty until then
);
CREATE INDEX tickets_of_order ON tickets (order_id);
CREATE INDEX tickets_of_trace ON tickets (trace_id);

-- +goose Down
DROP TABLE tickets;
