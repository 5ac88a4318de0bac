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
-- Columns that came later; a library from before gets them when it is opened.
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS priority INTEGER DEFAULT 0;
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS depends_on VARCHAR;
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS webhook_url VARCHAR;
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS requested_by VARCHAR;
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS cancel_asked BOOLEAN DEFAULT FALSE;

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

-- How long each task kept its worker, for estimates of the time left.
CREATE TABLE IF NOT EXISTS durations (
    stage         VARCHAR NOT NULL,
    model         VARCHAR NOT NULL,
    workers       INTEGER NOT NULL,
    usual_seconds DOUBLE NOT NULL,
    wall_seconds  DOUBLE NOT NULL,
    at_utc        TIMESTAMP NOT NULL
);
ALTER TABLE durations ADD COLUMN IF NOT EXISTS step VARCHAR;
ALTER TABLE durations ADD COLUMN IF NOT EXISTS job_id VARCHAR;

-- A submit that was answered: the same key with the same body gets the same answer again.
CREATE TABLE IF NOT EXISTS answers (
    caller      VARCHAR NOT NULL,
    request_key VARCHAR NOT NULL,
    body_hash   VARCHAR NOT NULL,
    job_ids     VARCHAR NOT NULL,
    at_utc      TIMESTAMP NOT NULL,
    PRIMARY KEY (caller, request_key)
);

-- The outbox: what has to be told to whom, written in the transaction that ends the job.
CREATE TABLE IF NOT EXISTS deliveries (
    delivery_id VARCHAR PRIMARY KEY,
    job_id      VARCHAR,
    kind        VARCHAR NOT NULL,
    target      VARCHAR NOT NULL,
    body        VARCHAR NOT NULL,
    state       VARCHAR NOT NULL DEFAULT 'pending',
    tries       INTEGER NOT NULL DEFAULT 0,
    next_at     TIMESTAMP NOT NULL,
    last_status INTEGER,
    last_reason VARCHAR,
    created_at  TIMESTAMP NOT NULL,
    ended_at    TIMESTAMP
);

CREATE TABLE IF NOT EXISTS keys (
    key_id     VARCHAR PRIMARY KEY,
    name       VARCHAR NOT NULL,
    hash       VARCHAR NOT NULL,
    scope      VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL,
    revoked_at TIMESTAMP
);

-- Who did what.
CREATE TABLE IF NOT EXISTS audit (
    at_utc TIMESTAMP NOT NULL,
    who    VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    what   VARCHAR NOT NULL
);

-- When each schedule was last started, or first seen, so that a run that was missed happens once.
CREATE TABLE IF NOT EXISTS schedule_runs (
    schedule VARCHAR PRIMARY KEY,
    at_utc   TIMESTAMP NOT NULL
);

-- What people changed in what was heard and found of an episode, in order; `base` is the key of the artefact
-- whose words or claims an edit counts.
CREATE TABLE IF NOT EXISTS edits (
    episode_id VARCHAR NOT NULL,
    edit_id    VARCHAR NOT NULL,
    number     BIGINT NOT NULL,
    base       VARCHAR NOT NULL,
    who        VARCHAR NOT NULL,
    at_utc     TIMESTAMP NOT NULL,
    body       VARCHAR NOT NULL,
    undone     BOOLEAN NOT NULL,
    PRIMARY KEY (episode_id, edit_id)
);

-- How far people are with an episode; `revision` grows with every change of its edits or its state.
CREATE TABLE IF NOT EXISTS reviews (
    episode_id VARCHAR PRIMARY KEY,
    state      VARCHAR NOT NULL,
    who        VARCHAR NOT NULL,
    at_utc     TIMESTAMP NOT NULL,
    revision   BIGINT NOT NULL
);

-- The index of what is said: `number` is that of a transcript as it was taken in, `words` are its words, each once,
-- and `made_of` tells of what it was made.
CREATE TABLE IF NOT EXISTS spoken_of (
    episode_id VARCHAR PRIMARY KEY,
    number     BIGINT NOT NULL,
    made_of    VARCHAR NOT NULL,
    words      VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS spoken (
    number  BIGINT NOT NULL,
    start   DOUBLE NOT NULL,
    speaker VARCHAR,
    text    VARCHAR NOT NULL,
    folded  VARCHAR NOT NULL
);
