-- Who was asked last at a node at which people take turns.

CREATE TABLE turns (
    tenant_id BYTEA NOT NULL,
    template_id BYTEA NOT NULL,
    node_id TEXT NOT NULL,
    person_id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, template_id, node_id)
);
