-- When people work, who stands in for whom, and whose open tasks have to be looked at again.

CREATE TABLE calendars (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    name TEXT NOT NULL,
    is_default BIGINT NOT NULL,
    definition TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE department_calendars (
    tenant_id BYTEA NOT NULL,
    department_id BYTEA NOT NULL,
    calendar_id BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, department_id)
) /* clustered */;

-- is_over: 0 it is to come or holds, 1 it has ended and everything was given back.
CREATE TABLE absences (
    tenant_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    owner_id BYTEA NOT NULL,
    from_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    is_over BIGINT NOT NULL,
    definition TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX absences_owner ON absences (tenant_id, owner_id, until_at);

CREATE TABLE sweeps (
    tenant_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    due_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, user_id, due_at)
) /* clustered */;
CREATE INDEX sweeps_due ON sweeps (due_at);
