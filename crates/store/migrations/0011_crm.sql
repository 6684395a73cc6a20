-- What the CRM surface knows beside instances and templates.

-- A workflow is one of our templates; body holds its rules as the CRM sent them.
CREATE TABLE crm_workflows (
    tenant_id BYTEA NOT NULL,
    template_id BYTEA NOT NULL,
    number BIGINT NOT NULL,
    entity_type TEXT NOT NULL,
    trigger_timing TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_by BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_by BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, template_id)
);
CREATE UNIQUE INDEX crm_workflows_number ON crm_workflows (tenant_id, number);
CREATE INDEX crm_workflows_trigger ON crm_workflows (tenant_id, entity_type, trigger_timing, number);

-- An object of the CRM as we were told of it. staged: what it becomes when the record in instance_id is approved.
CREATE TABLE crm_entities (
    tenant_id BYTEA NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id BIGINT NOT NULL,
    data TEXT NOT NULL,
    staged TEXT,
    labels TEXT NOT NULL,
    main_field TEXT NOT NULL,
    instance_id BYTEA,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, entity_type, entity_id)
);

-- Which instance is about which object. Never changed.
CREATE TABLE crm_records (
    tenant_id BYTEA NOT NULL,
    instance_id BYTEA NOT NULL,
    number BIGINT NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id BIGINT NOT NULL,
    template_id BYTEA NOT NULL,
    trigger_timing TEXT NOT NULL,
    submitter_id BYTEA NOT NULL,
    submitter_uid BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, instance_id)
);
CREATE UNIQUE INDEX crm_records_number ON crm_records (tenant_id, number);
CREATE INDEX crm_records_submitter ON crm_records (tenant_id, submitter_id, submitted_at, number);
CREATE INDEX crm_records_entity ON crm_records (tenant_id, entity_type, entity_id, template_id);
