-- To whom investigators say that they passed on what was released to them.
CREATE TABLE shared_on (
  digest text PRIMARY KEY,
  release text NOT NULL REFERENCES downloads (release),
  jws text NOT NULL,
  salt text NOT NULL,
  received_ms bigint NOT NULL,
  leaf bigint,
  log_index bigint
);
CREATE INDEX shared_on_release ON shared_on (release);

COMMENT ON TABLE shared_on IS 'Investigators'' signed word on whom they passed a recording on to, when and why. Read by: members; that investigator, who has it; the operator. Kept: for good.';
COMMENT ON COLUMN shared_on.digest IS 'SHA-256 of the signed object.';
COMMENT ON COLUMN shared_on.release IS 'Digest of the relay''s signed word that it gave the items.';
COMMENT ON COLUMN shared_on.jws IS 'The object as it was signed.';
COMMENT ON COLUMN shared_on.salt IS 'Random value that hides the object in the public log; its parties have it too.';
COMMENT ON COLUMN shared_on.received_ms IS 'When it arrived.';
COMMENT ON COLUMN shared_on.leaf IS 'Number in the queue of the public log.';
COMMENT ON COLUMN shared_on.log_index IS 'Number of its entry in the public log; none until it is published.';
