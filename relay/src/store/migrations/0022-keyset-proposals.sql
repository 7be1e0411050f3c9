-- The one keyset of a household that an owner signed and that waits for a button, or for another owner.
CREATE TABLE keyset_proposals (
  root text PRIMARY KEY REFERENCES households,
  digest text NOT NULL,
  jws text NOT NULL,
  proposed_ms bigint NOT NULL
);
