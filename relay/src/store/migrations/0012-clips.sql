-- Sealed items: the header here, nonce and chunks in the item store under store_key.
CREATE TABLE items (
  root text NOT NULL,
  clip text NOT NULL,
  index integer NOT NULL,
  certificate text NOT NULL REFERENCES devices,
  header bytea NOT NULL,
  nonce bytea NOT NULL,
  body_sha256 text NOT NULL,
  payload_sha256 text NOT NULL,
  payload_bytes bigint NOT NULL,
  store_key text NOT NULL UNIQUE,
  received_ms bigint NOT NULL,
  PRIMARY KEY (root, clip, index)
);
CREATE INDEX items_received ON items (received_ms);

-- The newest revision of every clip and every consented one.
CREATE TABLE manifests (
  digest text PRIMARY KEY,
  cursor bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  root text NOT NULL,
  clip text NOT NULL,
  certificate text NOT NULL REFERENCES devices,
  epoch bigint NOT NULL,
  sequence bigint NOT NULL,
  revision integer NOT NULL,
  open boolean NOT NULL,
  end_ms bigint NOT NULL,
  item_count integer NOT NULL,
  jws text NOT NULL,
  descriptors jsonb NOT NULL,
  received_ms bigint NOT NULL,
  consented boolean NOT NULL DEFAULT false,
  UNIQUE (root, clip, revision)
);
CREATE INDEX manifests_clip ON manifests (root, clip, revision DESC);
CREATE INDEX manifests_cursor ON manifests (root, cursor);
CREATE INDEX manifests_chain ON manifests (certificate, epoch, sequence);

-- Names of deleted clips, so that a late upload does not bring one back; and payloads still to be removed.
CREATE TABLE deleted_clips (
  root text NOT NULL,
  clip text NOT NULL,
  deleted_ms bigint NOT NULL,
  PRIMARY KEY (root, clip)
);
CREATE TABLE payload_deletions (
  store_key text PRIMARY KEY
);
-- Payloads in the item store that no row names, by when they were first noticed.
CREATE TABLE orphan_payloads (
  store_key text PRIMARY KEY,
  noticed_ms bigint NOT NULL
);

CREATE TABLE day_records (
  digest text PRIMARY KEY,
  root text NOT NULL,
  certificate text NOT NULL REFERENCES devices,
  jws text NOT NULL,
  salt text NOT NULL,
  received_ms bigint NOT NULL,
  leaf bigint,
  log_index bigint
);
