-- What relays that share this database must agree on.
CREATE TABLE job_runs (
  job text PRIMARY KEY,
  instance text NOT NULL,
  claimed_ms bigint NOT NULL
);
COMMENT ON TABLE job_runs IS 'Which of the relays that share this database did each regular task last. Read by: the operator. Kept: until the task runs again.';
COMMENT ON COLUMN job_runs.job IS 'Name of the task.';
COMMENT ON COLUMN job_runs.instance IS 'Name of the relay, as its configuration says.';
COMMENT ON COLUMN job_runs.claimed_ms IS 'When it began.';

CREATE TABLE relay_keys (
  purpose text PRIMARY KEY,
  fingerprint text NOT NULL
);
COMMENT ON TABLE relay_keys IS 'Fingerprints of this relay''s own keys, so that no relay with other keys serves this database. Read by: the operator. Kept: for good.';
COMMENT ON COLUMN relay_keys.purpose IS 'What the key is for.';
COMMENT ON COLUMN relay_keys.fingerprint IS 'SHA-256 of the key.';

-- By this database's own clock, since the relays have several.
CREATE TABLE log_sealed_batch (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  taken_at timestamptz NOT NULL
);
INSERT INTO log_sealed_batch (taken_at) VALUES ('-infinity');
COMMENT ON TABLE log_sealed_batch IS 'When entries of households were last put into the public log together. Read by: the operator. Kept: until the next time.';
COMMENT ON COLUMN log_sealed_batch.only_row IS 'Keeps this table to one row.';
COMMENT ON COLUMN log_sealed_batch.taken_at IS 'When that was.';
