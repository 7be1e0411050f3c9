-- Every policy that was ever in force here, by digest.
CREATE TABLE policies (
  digest text PRIMARY KEY,
  policy jsonb NOT NULL,
  leaf bigint,
  log_index bigint
);

-- Every change of an agency, as its leaf says; the newest published one counts.
CREATE TABLE agency_changes (
  change bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uri text NOT NULL,
  data jsonb NOT NULL,
  leaf bigint,
  log_index bigint
);
CREATE INDEX agency_changes_uri ON agency_changes (uri, change DESC);

CREATE TABLE requests (
  digest text PRIMARY KEY,
  agency text NOT NULL,
  requester text NOT NULL,
  jti text NOT NULL,
  case_hash text NOT NULL,
  jws text NOT NULL,
  certificate_jws text NOT NULL,
  received_ms bigint NOT NULL,
  exp_s bigint NOT NULL,
  leaf bigint,
  log_index bigint,
  UNIQUE (agency, jti)
);
CREATE INDEX requests_requester ON requests (requester);
CREATE INDEX requests_agency ON requests (agency, received_ms);
CREATE INDEX requests_case ON requests (agency, case_hash);

CREATE TABLE request_cells (
  cell text NOT NULL,
  request text NOT NULL REFERENCES requests,
  PRIMARY KEY (cell, request)
);

-- Requests refused after their signature verified: each is logged once.
CREATE TABLE refusals (
  request text PRIMARY KEY,
  agency text NOT NULL,
  code text NOT NULL,
  leaf bigint,
  log_index bigint
);
