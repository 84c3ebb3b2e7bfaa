-- +goose Up
-- Carriers and people write the same name and number differently: both are kept
-- as they are compared, in letters and digits alone.
CREATE TABLE parcels (
    carrier         TEXT      NOT NULL,            -- in lower case
    tracking_number TEXT      NOT NULL,            -- in upper case; two carriers may use the same
    order_id        TEXT      UNIQUE REFERENCES orders (order_id), -- empty until an order was shipped as it
    status          TEXT      NOT NULL DEFAULT '', -- empty until the carrier said one
    status_at       TIMESTAMP,                     -- UTC, as are the others
    trouble         BIGINT    NOT NULL DEFAULT 0,  -- 1: somebody has to look after it
    updated_at      TIMESTAMP NOT NULL,
    PRIMARY KEY (carrier, tracking_number)
);
CREATE INDEX parcels_in_trouble ON parcels (trouble, updated_at DESC);

CREATE TABLE carrier_events (
    event_id        TEXT      NOT NULL PRIMARY KEY, -- the carrier's own
    carrier         TEXT      NOT NULL,
    tracking_number TEXT      NOT NULL,
    status          TEXT      NOT NULL,
    happened_at     TIMESTAMP NOT NULL,            -- by the carrier's clock
    received_at     TIMESTAMP NOT NULL,
    told_at         TIMESTAMP,                     -- empty until the order heard of it
    early           BIGINT    NOT NULL DEFAULT 0,  -- 1: it was there before the order asked for its parcel, and was told in that answer
    FOREIGN KEY (carrier, tracking_number) REFERENCES parcels (carrier, tracking_number)
);
CREATE INDEX carrier_events_of_parcel ON carrier_events (carrier, tracking_number, happened_at);

-- +goose Down
DROP TABLE carrier_events;
DROP TABLE parcels;
