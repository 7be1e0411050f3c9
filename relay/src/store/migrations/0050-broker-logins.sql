-- Logins of doorbells at a broker that is not the relay's own: when each ends. The password is in the broker alone, as a hash.
CREATE TABLE broker_logins (
  device text PRIMARY KEY CHECK (length(device) = 22),
  expires_ms bigint NOT NULL
);
CREATE INDEX broker_logins_expiry ON broker_logins (expires_ms);

COMMENT ON TABLE broker_logins IS 'Until when a doorbell may log in at the message broker, where the broker is not the relay''s own. Read by: the operator. Kept: until that moment, twelve hours at most.';
COMMENT ON COLUMN broker_logins.device IS 'Random name of the doorbell.';
COMMENT ON COLUMN broker_logins.expires_ms IS 'When the login ends; 0: as soon as the broker hears of it.';
