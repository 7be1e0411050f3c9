-- Clips that a member wants kept for as long as the policy allows, instead of the usual time.
CREATE TABLE kept_clips (
  root text NOT NULL,
  clip text NOT NULL,
  kept_ms bigint NOT NULL,
  PRIMARY KEY (root, clip)
);
