CREATE TABLE tollway_state (name {text} PRIMARY KEY, number BIGINT NOT NULL, hash BYTEA);
INSERT INTO tollway_state (name, number) VALUES ('changes', 0), ('audit', 0);

CREATE TABLE tollway_keys (
  id {text} PRIMARY KEY,
  hash BYTEA NOT NULL,
  previous_hash BYTEA,
  previous_until_us BIGINT,
  settings TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  updated_us BIGINT NOT NULL,
  revoked_us BIGINT,
  rotated_us BIGINT,
  version BIGINT NOT NULL
);

CREATE TABLE tollway_scopes (
  kind {text} NOT NULL,
  name {text} NOT NULL,
  settings TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  updated_us BIGINT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (kind, name)
);

CREATE TABLE tollway_audit (
  seq BIGINT PRIMARY KEY,
  at_us BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  before_json TEXT,
  after_json TEXT,
  previous BYTEA NOT NULL,
  hash BYTEA NOT NULL
);
