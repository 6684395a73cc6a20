-- Which instances were begun as sub-processes, by the instance that all of them come from.

CREATE TABLE children (
    tenant_id BYTEA NOT NULL,
    root_id BYTEA NOT NULL,
    instance_id BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, root_id, instance_id)
);
