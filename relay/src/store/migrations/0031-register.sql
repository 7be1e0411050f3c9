-- What the operator says in public of money, favours and the law: every version stays.
CREATE TABLE register_entries (
  digest text PRIMARY KEY,
  book text NOT NULL,
  id text NOT NULL,
  version int NOT NULL,
  entry jsonb NOT NULL,
  -- The request whose text is not shown once this entry is in the log.
  removes text REFERENCES requests,
  leaf bigint,
  log_index bigint,
  UNIQUE (book, id, version)
);
CREATE INDEX register_removes ON register_entries (removes) WHERE removes IS NOT NULL;
