-- Workspaces, their people, and every way of proving who one is.

CREATE TABLE tenants (
    id BYTEA NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    directory_version BIGINT NOT NULL,
    config_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX tenants_code ON tenants (code);

CREATE TABLE users (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    login TEXT NOT NULL,
    name TEXT NOT NULL,
    active BIGINT NOT NULL,
    admin BIGINT NOT NULL,
    email TEXT,
    mobile TEXT,
    locale TEXT,
    departments TEXT NOT NULL,
    supervisor BYTEA,
    approval_limit TEXT,
    password_hash TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX users_login ON users (tenant_id, login);

CREATE TABLE departments (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    name TEXT NOT NULL,
    parent BYTEA,
    heads TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) /* clustered */;

CREATE TABLE roles (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    name TEXT NOT NULL,
    members TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) /* clustered */;

CREATE TABLE user_groups (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    name TEXT NOT NULL,
    members TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) /* clustered */;

CREATE TABLE sessions (
    tenant_id BYTEA NOT NULL,
    token_hash BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, token_hash)
) /* clustered */;
CREATE INDEX sessions_user ON sessions (tenant_id, user_id);
CREATE INDEX sessions_expiry ON sessions (tenant_id, expires_at);

CREATE TABLE login_failures (
    tenant_id BYTEA NOT NULL,
    key TEXT NOT NULL,
    failures BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key)
) /* clustered */;

CREATE TABLE apps (
    tenant_id BYTEA NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    secret BYTEA NOT NULL,
    scopes TEXT NOT NULL,
    user_id BYTEA,
    active BIGINT NOT NULL,
    created_by BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE tokens (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    token_hash BYTEA NOT NULL,
    name TEXT NOT NULL,
    user_id BYTEA,
    app_id TEXT,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX tokens_hash ON tokens (tenant_id, token_hash);
