-- Serial numbers of instances, the counters they are taken from, and forms that somebody has not finished.

ALTER TABLE instances ADD COLUMN serial TEXT;

CREATE TABLE serials (
    tenant_id BYTEA NOT NULL,
    template_id BYTEA NOT NULL,
    period TEXT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, template_id, period)
) /* clustered */;

CREATE TABLE form_drafts (
    tenant_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    template_id BYTEA NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, user_id, id)
);
