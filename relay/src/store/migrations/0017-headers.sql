-- Headers that a phone wrapped anew for a later keyset: of each clip the newest set. The device's own stay in items.
CREATE TABLE item_headers (
  root text NOT NULL,
  clip text NOT NULL,
  index integer NOT NULL,
  keyset text NOT NULL REFERENCES keysets,
  header bytea NOT NULL,
  PRIMARY KEY (root, clip, index),
  FOREIGN KEY (root, clip, index) REFERENCES items ON DELETE CASCADE
);
