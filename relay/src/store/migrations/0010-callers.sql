-- Proofs that were used, until their nonce dies.
CREATE TABLE dpop_proofs (
  thumbprint text NOT NULL,
  jti text NOT NULL,
  digest text NOT NULL,
  expires_ms bigint NOT NULL,
  PRIMARY KEY (thumbprint, jti)
);
CREATE INDEX dpop_proofs_expiry ON dpop_proofs (expires_ms);

-- Pairing mailboxes: three slots, each written once, gone after a quarter of an hour.
CREATE TABLE pairings (
  id text NOT NULL,
  slot text NOT NULL CHECK (slot IN ('hello', 'answer', 'done')),
  body bytea NOT NULL,
  expires_ms bigint NOT NULL,
  PRIMARY KEY (id, slot)
);
CREATE INDEX pairings_expiry ON pairings (expires_ms);
