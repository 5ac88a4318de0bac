-- Primary keys only: DuckDB's secondary indexes and foreign keys are fragile under updates, and these
-- tables are small. Times are UTC without a zone. All DDL is here, run once when a library is opened.

CREATE TABLE IF NOT EXISTS jobs (
    job_id        VARCHAR PRIMARY KEY,
    job_type      VARCHAR NOT NULL,
    episode_id    VARCHAR,
    status        VARCHAR NOT NULL,
    progress      DOUBLE NOT NULL DEFAULT 0,
    current_stage VARCHAR,
    message       VARCHAR NOT NULL DEFAULT '',
    params        VARCHAR NOT NULL,
    dedupe_key    VARCHAR NOT NULL,
    result        VARCHAR,
    failure       VARCHAR,
    created_at    TIMESTAMP NOT NULL,
    started_at    TIMESTAMP,
    finished_at   TIMESTAMP
);

CREATE TABLE IF NOT EXISTS events (
    job_id VARCHAR NOT NULL,
    at_utc TIMESTAMP NOT NULL,
    kind   VARCHAR NOT NULL,
    body   VARCHAR NOT NULL
);

CREATE TABLE IF NOT EXISTS episodes (
    episode_id VARCHAR PRIMARY KEY,
    sha256     VARCHAR NOT NULL,
    title      VARCHAR NOT NULL,
    stage      VARCHAR NOT NULL,
    duration   DOUBLE NOT NULL,
    recording  VARCHAR NOT NULL,
    artefacts  VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

-- How long each stage took, from nothing to done, for estimates of the time left.
CREATE TABLE IF NOT EXISTS durations (
    stage         VARCHAR NOT NULL,
    model         VARCHAR NOT NULL,
    workers       INTEGER NOT NULL,
    usual_seconds DOUBLE NOT NULL,
    wall_seconds  DOUBLE NOT NULL,
    at_utc        TIMESTAMP NOT NULL
);
