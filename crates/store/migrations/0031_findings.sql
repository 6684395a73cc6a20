-- What was found about published templates when they were last looked at.

CREATE TABLE template_findings (
    tenant_id BYTEA NOT NULL,
    template_id BYTEA NOT NULL,
    version BIGINT NOT NULL,
    directory_version BIGINT NOT NULL,
    problems TEXT NOT NULL,
    checked_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, template_id)
);
