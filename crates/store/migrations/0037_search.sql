-- Instances are found by their serial number.

CREATE INDEX instances_serial ON instances (tenant_id, serial, created_at) WHERE serial IS NOT NULL;
