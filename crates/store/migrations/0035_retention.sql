-- What is outdated is found by its time, in all workspaces at once.

CREATE INDEX idempotency_age ON idempotency (created_at);
CREATE INDEX sessions_over ON sessions (expires_at);
CREATE INDEX tokens_over ON tokens (expires_at);
CREATE INDEX tokens_revoked ON tokens (revoked_at);
