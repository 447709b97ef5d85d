-- What callers do not wait for. due_us: when something is to be done for it; while a process does that, until when it has the right to.
CREATE TABLE tollway_jobs (
  id {text} PRIMARY KEY,
  key_id {text} NOT NULL,
  state {text} NOT NULL,
  created_us BIGINT NOT NULL,
  started_us BIGINT,
  ended_us BIGINT,
  expires_us BIGINT,
  due_us BIGINT,
  owner {text},
  attempt BIGINT NOT NULL,
  posts BIGINT NOT NULL,
  status BIGINT,
  bytes BIGINT NOT NULL,
  callback TEXT,
  trouble TEXT,
  head TEXT NOT NULL,
  answer_head TEXT,
  request BYTEA,
  answer BYTEA
);
CREATE INDEX tollway_jobs_due ON tollway_jobs (due_us);
CREATE INDEX tollway_jobs_state ON tollway_jobs (state, bytes);
CREATE INDEX tollway_jobs_key ON tollway_jobs (key_id, id);
CREATE INDEX tollway_jobs_expires ON tollway_jobs (expires_us);
