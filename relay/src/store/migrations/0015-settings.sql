-- Household settings: one age file to all members. The relay cannot read it; the digest of the file is its version.
CREATE TABLE settings (
  root text PRIMARY KEY REFERENCES households,
  file bytea NOT NULL,
  digest text NOT NULL
);
