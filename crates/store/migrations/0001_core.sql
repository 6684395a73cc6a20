-- Instances and everything that is written together with them.
-- Columns are TEXT, BIGINT (also microseconds since 1970 and flags) or BYTEA (also ids, 16 bytes).

CREATE TABLE instances (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    version BIGINT NOT NULL,
    head BYTEA NOT NULL,
    template_id BYTEA NOT NULL,
    template_version BIGINT NOT NULL,
    initiator_id BYTEA NOT NULL,
    status BIGINT NOT NULL,
    title TEXT NOT NULL,
    business_key TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT,
    state TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) /* updated often */;
CREATE INDEX instances_created ON instances (tenant_id, created_at);
CREATE INDEX instances_initiator ON instances (tenant_id, initiator_id, created_at);
CREATE INDEX instances_template ON instances (tenant_id, template_id, created_at);
CREATE INDEX instances_business_key ON instances (tenant_id, business_key, created_at)
    WHERE business_key IS NOT NULL;

CREATE TABLE history (
    tenant_id BYTEA NOT NULL,
    instance_id BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor_id BYTEA NOT NULL,
    command TEXT NOT NULL,
    body TEXT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, instance_id, seq)
);

-- kind: 0 slot, 1 cc. box: 0 todo, 1 done, 2 cc, 3 closed.
CREATE TABLE tasks (
    tenant_id BYTEA NOT NULL,
    instance_id BYTEA NOT NULL,
    kind BIGINT NOT NULL,
    n BIGINT NOT NULL,
    person_id BYTEA NOT NULL,
    box BIGINT NOT NULL,
    at BIGINT NOT NULL,
    template_id BYTEA NOT NULL,
    node_id TEXT NOT NULL,
    is_read BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, instance_id, kind, n)
) /* clustered */;
CREATE INDEX tasks_box ON tasks (tenant_id, person_id, box, at, instance_id, kind, n);

CREATE TABLE timers (
    tenant_id BYTEA NOT NULL,
    instance_id BYTEA NOT NULL,
    name TEXT NOT NULL,
    fire_at BIGINT NOT NULL,
    payload TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, instance_id, name)
) /* clustered */;
CREATE INDEX timers_due ON timers (fire_at);

-- state: 0 waiting, 1 delivered, 2 dead. attempts counts; the attempts themselves are in a table of their own.
CREATE TABLE outbox (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    instance_id BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    payload TEXT NOT NULL,
    state BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX outbox_due ON outbox (state, next_at);
CREATE INDEX outbox_order ON outbox (tenant_id, instance_id, target, seq, id);

CREATE TABLE idempotency (
    tenant_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    instance_id BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, user_id, key)
) /* clustered */;

CREATE TABLE aliases (
    tenant_id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    external TEXT NOT NULL,
    internal BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, kind, external)
) /* clustered */;
CREATE UNIQUE INDEX aliases_internal ON aliases (tenant_id, kind, internal);

CREATE TABLE counters (
    tenant_id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, kind)
) /* clustered */;
