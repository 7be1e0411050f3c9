-- Leaves on their way into the log. A row is written by the transaction whose deed it records.
CREATE TABLE log_queue (
  ticket bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  type text NOT NULL,
  data text NOT NULL,
  leaf_index bigint UNIQUE,
  hour integer
);
CREATE INDEX log_queue_pending ON log_queue (ticket) WHERE leaf_index IS NULL;

-- The log itself: appended, never changed.
CREATE TABLE log_leaves (
  leaf_index bigint PRIMARY KEY,
  bytes bytea NOT NULL,
  leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
  hour integer NOT NULL
);

-- Hash tiles: the widest known form of each; a partial tile of an earlier tree is its beginning.
CREATE TABLE log_tiles (
  level smallint NOT NULL,
  tile_index bigint NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (level, tile_index)
);

-- One checkpoint per size, for ever: the primary key is what forbids a fork.
CREATE TABLE log_checkpoints (
  size bigint PRIMARY KEY,
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  raw bytea NOT NULL,
  published_ms bigint
);
