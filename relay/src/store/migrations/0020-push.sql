-- Where a member's phone is written to, one browser each. `keys` is an age file to the household's doorbells: without them
-- nobody can write to the phone, this relay neither.
CREATE TABLE push_subscriptions (
  member text PRIMARY KEY,
  root text NOT NULL REFERENCES households,
  endpoint text NOT NULL,
  keys bytea NOT NULL,
  -- Minute of the UTC day of the one empty push; the moment of the next, and of the last.
  minute_utc integer NOT NULL,
  next_daily_ms bigint NOT NULL,
  last_daily_ms bigint
);
CREATE INDEX push_subscriptions_root ON push_subscriptions (root);
CREATE INDEX push_subscriptions_due ON push_subscriptions (next_daily_ms);
