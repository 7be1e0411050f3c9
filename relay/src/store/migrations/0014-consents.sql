CREATE TABLE consents (
  digest text PRIMARY KEY,
  cursor bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  root text NOT NULL,
  jti text NOT NULL,
  request text NOT NULL REFERENCES requests,
  requester text NOT NULL,
  clip text NOT NULL,
  manifest text NOT NULL,
  keyset text NOT NULL,
  -- Thumbprint of the member that signed it.
  signer text NOT NULL,
  jws text NOT NULL,
  salt text NOT NULL,
  -- The release headers of the named items, 168 bytes each, index order.
  headers bytea NOT NULL,
  disclosure bytea,
  received_ms bigint NOT NULL,
  nbf_s bigint NOT NULL,
  exp_s bigint NOT NULL,
  max_downloads integer NOT NULL,
  downloads_taken integer NOT NULL DEFAULT 0,
  -- True where the quorum is 2: then another owner's published approval is needed.
  needs_approval boolean NOT NULL,
  leaf bigint,
  log_index bigint,
  ended_ms bigint,
  UNIQUE (root, jti)
);
CREATE INDEX consents_root ON consents (root, cursor);
CREATE INDEX consents_requester ON consents (requester);
CREATE INDEX consents_clip ON consents (root, clip);

CREATE TABLE revocations (
  digest text PRIMARY KEY,
  root text NOT NULL,
  subject text NOT NULL,
  jws text NOT NULL,
  salt text NOT NULL,
  received_ms bigint NOT NULL,
  leaf bigint,
  log_index bigint
);
CREATE INDEX revocations_subject ON revocations (subject);

-- One row per counted download.
CREATE TABLE downloads (
  requester text NOT NULL,
  download text NOT NULL,
  consent text NOT NULL REFERENCES consents,
  number integer NOT NULL,
  release text NOT NULL UNIQUE,
  release_jws text NOT NULL,
  proof_jws text NOT NULL,
  salt text NOT NULL,
  taken_ms bigint NOT NULL,
  until_ms bigint NOT NULL,
  -- Log proofs of its bundle, by index, fixed when it is first asked for: the same bytes every time.
  proofs jsonb,
  leaf bigint,
  log_index bigint,
  PRIMARY KEY (requester, download),
  UNIQUE (consent, number)
);
CREATE INDEX downloads_consent ON downloads (consent);

CREATE TABLE receipts (
  digest text PRIMARY KEY,
  release text NOT NULL,
  jws text NOT NULL,
  salt text NOT NULL,
  received_ms bigint NOT NULL,
  leaf bigint,
  log_index bigint
);
CREATE INDEX receipts_release ON receipts (release);
