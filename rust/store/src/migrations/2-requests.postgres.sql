-- SQLite has a file a month instead. `month` is year × 100 + month; partitions are made when they are needed.
CREATE TABLE tollway_requests (
  month BIGINT NOT NULL,
  accepted_us BIGINT NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  status BIGINT NOT NULL,
  record BYTEA NOT NULL,
  PRIMARY KEY (accepted_us, id, month)
) PARTITION BY LIST (month);
CREATE INDEX tollway_requests_id ON tollway_requests (id);
CREATE INDEX tollway_requests_failed ON tollway_requests (accepted_us, id) WHERE status >= 400;

CREATE TABLE tollway_payloads (
  month BIGINT NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  request BYTEA,
  response BYTEA,
  PRIMARY KEY (id, month)
) PARTITION BY LIST (month);
