-- A household is the thumbprint of its root key. No name, no address; the cell is a geohash of five characters.
CREATE TABLE households (
  root text PRIMARY KEY,
  root_jwk jsonb NOT NULL,
  cell text NOT NULL,
  created_ms bigint NOT NULL
);

-- Codes of the operator that admitted a household, so that each works once.
CREATE TABLE invitations_used (
  code_sha256 text PRIMARY KEY,
  root text NOT NULL
);

-- One row per accepted version. A version counts from its log index on; by root alone only from effective_ms on.
CREATE TABLE keysets (
  digest text PRIMARY KEY,
  root text NOT NULL REFERENCES households,
  version integer NOT NULL,
  authority text NOT NULL CHECK (authority IN ('root-first', 'members', 'root-pending')),
  effective_ms bigint NOT NULL,
  voided boolean NOT NULL DEFAULT false,
  jws text NOT NULL,
  -- The button press that accompanied it, and the certificate of the device pressed.
  ack_jws text,
  ack_certificate text,
  leaf bigint,
  log_index bigint,
  UNIQUE (root, version)
);
CREATE INDEX keysets_index ON keysets (root, log_index);

CREATE TABLE keyset_members (
  keyset text NOT NULL REFERENCES keysets,
  thumbprint text NOT NULL,
  role text NOT NULL CHECK (role IN ('owner', 'viewer')),
  PRIMARY KEY (keyset, thumbprint)
);
CREATE INDEX keyset_members_thumbprint ON keyset_members (thumbprint);

-- The newest certificate of a Pi is the one in force.
CREATE TABLE devices (
  certificate text PRIMARY KEY,
  root text NOT NULL REFERENCES households,
  device text NOT NULL,
  thumbprint text NOT NULL,
  epoch bigint NOT NULL,
  jws text NOT NULL,
  salt text NOT NULL,
  accepted_ms bigint NOT NULL,
  leaf bigint,
  log_index bigint,
  revoked_ms bigint,
  UNIQUE (thumbprint, epoch)
);
CREATE INDEX devices_thumbprint ON devices (thumbprint, epoch DESC);
CREATE INDEX devices_device ON devices (device);

-- A second owner's word, for a consent or a keyset.
CREATE TABLE approvals (
  digest text PRIMARY KEY,
  root text NOT NULL,
  subject text NOT NULL,
  keyset text NOT NULL,
  signer text NOT NULL,
  jws text NOT NULL,
  salt text NOT NULL,
  leaf bigint,
  log_index bigint,
  UNIQUE (subject, signer)
);
