-- Web apps as the operator published them: the digest over an app's list of files, at each change.
CREATE TABLE apps (
  publication bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  digest text NOT NULL,
  leaf bigint,
  log_index bigint
);
