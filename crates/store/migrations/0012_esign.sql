-- Signing flows: documents, the people who take part, and where each wants which seal. The instance that decides about a
-- flow has the flow's id.

CREATE TABLE sign_flows (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    name TEXT NOT NULL,
    flow_type BIGINT NOT NULL,
    owner_id BYTEA NOT NULL,
    places TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    initiated_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX sign_flows_owner ON sign_flows (tenant_id, owner_id, id);

CREATE TABLE sign_documents (
    tenant_id BYTEA NOT NULL,
    flow_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    file_id BYTEA NOT NULL,
    name TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, flow_id, id)
);

CREATE TABLE sign_participants (
    tenant_id BYTEA NOT NULL,
    flow_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, flow_id, user_id)
);
CREATE UNIQUE INDEX sign_participants_id ON sign_participants (tenant_id, id);

-- One per participant: saving again replaces what it says and keeps its id.
CREATE TABLE approve_records (
    tenant_id BYTEA NOT NULL,
    flow_id BYTEA NOT NULL,
    participant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    positions TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    saved_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, flow_id, participant_id)
);

CREATE TABLE seals (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    name TEXT NOT NULL,
    type BIGINT NOT NULL,
    kind TEXT NOT NULL,
    width_mm BIGINT NOT NULL,
    height_mm BIGINT NOT NULL,
    holder_id BYTEA,
    granted TEXT NOT NULL,
    picture_id BYTEA,
    active BIGINT NOT NULL,
    created_by BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- What has to be sealed because its flow was approved: once for each flow. state: 0 waiting.
CREATE TABLE seal_jobs (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    flow_id BYTEA NOT NULL,
    instance_id BYTEA NOT NULL,
    state BIGINT NOT NULL,
    documents TEXT NOT NULL,
    positions TEXT NOT NULL,
    warnings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX seal_jobs_flow ON seal_jobs (tenant_id, flow_id);

-- Approvals of which no job was made yet, over all workspaces.
CREATE INDEX outbox_seals ON outbox (created_at, id) WHERE state = 0 AND kind = 'seal';
