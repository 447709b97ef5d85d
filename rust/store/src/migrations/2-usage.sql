CREATE TABLE tollway_cursors (
  journal {text} NOT NULL,
  lane BIGINT NOT NULL,
  segment BIGINT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (journal, lane)
);

-- Numbers for names, and for the combinations of seven names that occur: a roll-up's row holds one of the latter.
CREATE TABLE tollway_names (id BIGINT PRIMARY KEY, value {text} NOT NULL UNIQUE);
INSERT INTO tollway_names (id, value) VALUES (0, '');

CREATE TABLE tollway_series (
  id BIGINT PRIMARY KEY,
  team BIGINT NOT NULL,
  project BIGINT NOT NULL,
  environment BIGINT NOT NULL,
  key_id BIGINT NOT NULL,
  route BIGINT NOT NULL,
  model BIGINT NOT NULL,
  provider BIGINT NOT NULL,
  UNIQUE (team, project, environment, key_id, route, model, provider)
);

-- start: hours since 1970.
CREATE TABLE tollway_usage_hour (
  start BIGINT NOT NULL,
  series BIGINT NOT NULL,
  requests BIGINT NOT NULL,
  errors BIGINT NOT NULL,
  input BIGINT NOT NULL,
  cache_read BIGINT NOT NULL,
  cache_write BIGINT NOT NULL,
  output BIGINT NOT NULL,
  reasoning BIGINT NOT NULL,
  cost_nano BIGINT NOT NULL,
  priced BIGINT NOT NULL,
  unpriced BIGINT NOT NULL,
  duration_us_sum BIGINT NOT NULL,
  first_token_us_sum BIGINT NOT NULL,
  first_token_count BIGINT NOT NULL,
  PRIMARY KEY (start, series)
){clustered};

-- start: days since 1970.
CREATE TABLE tollway_usage_day (
  start BIGINT NOT NULL,
  series BIGINT NOT NULL,
  requests BIGINT NOT NULL,
  errors BIGINT NOT NULL,
  input BIGINT NOT NULL,
  cache_read BIGINT NOT NULL,
  cache_write BIGINT NOT NULL,
  output BIGINT NOT NULL,
  reasoning BIGINT NOT NULL,
  cost_nano BIGINT NOT NULL,
  priced BIGINT NOT NULL,
  unpriced BIGINT NOT NULL,
  duration_us_sum BIGINT NOT NULL,
  first_token_us_sum BIGINT NOT NULL,
  first_token_count BIGINT NOT NULL,
  PRIMARY KEY (start, series)
){clustered};

-- kind: 0 user, 1 agent, 2 tag.
CREATE TABLE tollway_label_hour (
  kind BIGINT NOT NULL,
  start BIGINT NOT NULL,
  value {text} NOT NULL,
  requests BIGINT NOT NULL,
  errors BIGINT NOT NULL,
  input BIGINT NOT NULL,
  cache_read BIGINT NOT NULL,
  cache_write BIGINT NOT NULL,
  output BIGINT NOT NULL,
  reasoning BIGINT NOT NULL,
  cost_nano BIGINT NOT NULL,
  priced BIGINT NOT NULL,
  unpriced BIGINT NOT NULL,
  duration_us_sum BIGINT NOT NULL,
  first_token_us_sum BIGINT NOT NULL,
  first_token_count BIGINT NOT NULL,
  PRIMARY KEY (kind, start, value)
){clustered};

-- kind: 0 user, 1 agent, 2 tag.
CREATE TABLE tollway_label_day (
  kind BIGINT NOT NULL,
  start BIGINT NOT NULL,
  value {text} NOT NULL,
  requests BIGINT NOT NULL,
  errors BIGINT NOT NULL,
  input BIGINT NOT NULL,
  cache_read BIGINT NOT NULL,
  cache_write BIGINT NOT NULL,
  output BIGINT NOT NULL,
  reasoning BIGINT NOT NULL,
  cost_nano BIGINT NOT NULL,
  priced BIGINT NOT NULL,
  unpriced BIGINT NOT NULL,
  duration_us_sum BIGINT NOT NULL,
  first_token_us_sum BIGINT NOT NULL,
  first_token_count BIGINT NOT NULL,
  PRIMARY KEY (kind, start, value)
){clustered};
