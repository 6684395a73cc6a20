-- Which ended instance is asked once more by which new ones.

CREATE TABLE copies (
    tenant_id BYTEA NOT NULL,
    copied_from BYTEA NOT NULL,
    instance_id BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, copied_from, instance_id)
);
