-- Objects whose changes are approved. The first shape of the CRM surface's tables, which was never released, goes: its
-- objects and records are ours now, and its workflows are triggers.
DROP TABLE crm_records;
DROP TABLE crm_entities;
DROP TABLE crm_workflows;

-- Sorts of objects that a workspace has added or changed; the usual ones need no row. body: the sort as JSON.
CREATE TABLE entity_types (
    tenant_id BYTEA NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    revision BIGINT NOT NULL,
    updated_by BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key)
);

-- When approvals of objects start, and with which template. body: the trigger as JSON.
CREATE TABLE entity_triggers (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    entity_type TEXT NOT NULL,
    template_id BYTEA NOT NULL,
    enabled BIGINT NOT NULL,
    body TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_by BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_by BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX entity_triggers_type ON entity_triggers (tenant_id, entity_type, enabled, created_at, id);

-- Objects as we were told of them. number: the id where it is a plain whole number. row_id: the order they came in.
CREATE TABLE entities (
    tenant_id BYTEA NOT NULL,
    entity_type TEXT NOT NULL,
    id TEXT NOT NULL,
    number BIGINT,
    row_id BYTEA NOT NULL,
    data TEXT NOT NULL,
    labels TEXT NOT NULL,
    title TEXT NOT NULL,
    deleted BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_by BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, entity_type, id)
);
CREATE INDEX entities_rows ON entities (tenant_id, entity_type, row_id);
CREATE INDEX entities_numbers ON entities (tenant_id, entity_type, number);

-- Which instance is about which object. is_open: it runs, or waits for somebody to settle a conflict.
CREATE TABLE entity_runs (
    tenant_id BYTEA NOT NULL,
    instance_id BYTEA NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    trigger_id BYTEA NOT NULL,
    template_id BYTEA NOT NULL,
    is_open BIGINT NOT NULL,
    in_conflict BIGINT NOT NULL,
    body TEXT NOT NULL,
    submitter_id BYTEA NOT NULL,
    submitted_at BIGINT NOT NULL,
    settled_at BIGINT,
    PRIMARY KEY (tenant_id, instance_id)
);
CREATE UNIQUE INDEX entity_runs_open ON entity_runs (tenant_id, entity_type, entity_id, trigger_id) WHERE is_open = 1;
CREATE INDEX entity_runs_entity ON entity_runs (tenant_id, entity_type, entity_id, instance_id);
CREATE INDEX entity_runs_conflict ON entity_runs (tenant_id, instance_id) WHERE in_conflict = 1;
CREATE INDEX entity_runs_submitter ON entity_runs (tenant_id, submitter_id, submitted_at, instance_id);

-- Every change of an object, and which instance it came from. Never changed.
CREATE TABLE entity_history (
    tenant_id BYTEA NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor_id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    instance_id BYTEA,
    changes TEXT NOT NULL,
    PRIMARY KEY (tenant_id, entity_type, entity_id, revision)
);

-- A workflow of the CRM surface is a trigger with a number; body holds its rules as the CRM sent them.
CREATE TABLE crm_workflows (
    tenant_id BYTEA NOT NULL,
    template_id BYTEA NOT NULL,
    number BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_by BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_by BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, template_id)
);
CREATE UNIQUE INDEX crm_workflows_number ON crm_workflows (tenant_id, number);
