-- What agencies report of their accepted requests: one report each.
CREATE TABLE outcomes (
  request text PRIMARY KEY REFERENCES requests,
  agency text NOT NULL,
  outcome text NOT NULL,
  jws text NOT NULL,
  certificate_jws text NOT NULL,
  received_ms bigint NOT NULL,
  leaf bigint,
  log_index bigint
);
CREATE INDEX outcomes_agency ON outcomes (agency, received_ms);
