-- One set of rules can stand in the log more than once: announced, then in force; or again after others.
CREATE TABLE policy_entries (
  entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest text NOT NULL REFERENCES policies (digest),
  leaf bigint NOT NULL UNIQUE,
  log_index bigint,
  -- Of the leaf, once it stands.
  hour integer
);

INSERT INTO policy_entries (digest, leaf, log_index, hour)
  SELECT p.digest, p.leaf, p.log_index, (SELECT l.hour FROM log_leaves l WHERE l.leaf_index = p.log_index)
  FROM policies p WHERE p.leaf IS NOT NULL ORDER BY p.leaf;

ALTER TABLE policies DROP COLUMN leaf, DROP COLUMN log_index;

COMMENT ON TABLE policies IS 'Every set of rules that was announced or came into force here. Read by: everyone. Kept: for good.';
COMMENT ON TABLE policy_entries IS 'When each set of rules was announced and when it came into force. Read by: everyone. Kept: for good.';
COMMENT ON COLUMN policy_entries.entry IS 'Order of the entries.';
COMMENT ON COLUMN policy_entries.digest IS 'SHA-256 of the rules.';
COMMENT ON COLUMN policy_entries.leaf IS 'Number in the queue of the public log.';
COMMENT ON COLUMN policy_entries.log_index IS 'Number of its entry in the public log; none until it is published.';
COMMENT ON COLUMN policy_entries.hour IS 'Hour of its entry in the log.';
