-- What happened in a household, in the order in which its members are told. Rows of one household are written under one
-- lock, so that positions appear in the order of their numbers.
CREATE TABLE household_facts (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  root text NOT NULL REFERENCES households,
  at_ms bigint NOT NULL,
  fact jsonb NOT NULL
);
CREATE INDEX household_facts_root ON household_facts (root, position);
CREATE INDEX household_facts_age ON household_facts (at_ms);
-- Up to here facts may be gone: a phone that asks from an earlier position missed something.
ALTER TABLE households ADD COLUMN facts_forgotten bigint NOT NULL DEFAULT 0;

-- The newest that each device said of itself.
CREATE TABLE device_states (
  device text PRIMARY KEY,
  available text CHECK (available IN ('online', 'offline', 'stopped')),
  available_ms bigint,
  heard_ms bigint,
  health jsonb,
  health_ms bigint
);
