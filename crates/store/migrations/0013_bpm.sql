-- Completions that other engines report to us, and who handles them.

CREATE TABLE callback_handlers (
    tenant_id BYTEA NOT NULL,
    class TEXT NOT NULL,
    action TEXT NOT NULL,
    active BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_by BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, class)
);

-- One row for each process that was reported, so that a report that comes again has no second effect.
CREATE TABLE completions (
    tenant_id BYTEA NOT NULL,
    flow_instance_id TEXT NOT NULL,
    class TEXT NOT NULL,
    report TEXT NOT NULL,
    effect BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, flow_instance_id)
);
