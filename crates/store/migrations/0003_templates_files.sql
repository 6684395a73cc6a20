-- What a workspace's administrators make: templates, uploaded files, webhooks and settings.

CREATE TABLE templates (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    state TEXT NOT NULL,
    current_version BIGINT NOT NULL,
    draft TEXT NOT NULL,
    draft_source_kind TEXT NOT NULL,
    draft_source TEXT,
    draft_revision BIGINT NOT NULL,
    created_by BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_by BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- A deleted template gives its code free.
CREATE UNIQUE INDEX templates_code ON templates (tenant_id, code) WHERE state <> 'deleted';

CREATE TABLE template_versions (
    tenant_id BYTEA NOT NULL,
    template_id BYTEA NOT NULL,
    version BIGINT NOT NULL,
    definition TEXT NOT NULL,
    source_kind TEXT NOT NULL,
    source TEXT,
    digest BYTEA NOT NULL,
    published_by BYTEA NOT NULL,
    published_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, template_id, version)
);

CREATE TABLE files (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    location TEXT NOT NULL,
    created_by BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX files_sha256 ON files (tenant_id, sha256);

CREATE TABLE webhooks (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    secret BYTEA NOT NULL,
    active BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_by BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE settings (
    tenant_id BYTEA NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
) /* clustered */;
