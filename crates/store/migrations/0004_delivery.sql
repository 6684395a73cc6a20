-- What became of each try to deliver a row of the outbox.

CREATE TABLE delivery_attempts (
    tenant_id BYTEA NOT NULL,
    delivery_id BYTEA NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    duration_us BIGINT NOT NULL,
    status BIGINT,
    response TEXT NOT NULL,
    error TEXT,
    PRIMARY KEY (tenant_id, delivery_id, number)
);

-- How many attempts had been made when somebody asked for another round of them.
ALTER TABLE outbox ADD COLUMN attempts_before BIGINT NOT NULL DEFAULT 0;
