-- +goose Up

-- One row per recording, whether it is streamed or came as a file. No foreign
-- key to the account: a recording outlives who sent it. NULL stands for what
-- is not known yet; times are 0 then.
CREATE TABLE demos_session (
    id             TEXT    PRIMARY KEY,     -- decimal, up to 39 digits
    account_id     INTEGER NOT NULL,        -- 0 = nobody's
    steam_id       INTEGER NOT NULL,        -- of the uploader, 0 = unknown
    source         TEXT    NOT NULL,        -- stream, watch, push, upload, demostf, matchzy, import
    demo_name      TEXT    NOT NULL,
    active         INTEGER NOT NULL,
    open           INTEGER NOT NULL,
    ingested       INTEGER NOT NULL DEFAULT 0,
    pruned         INTEGER NOT NULL DEFAULT 0,
    verified       INTEGER NOT NULL DEFAULT 0, -- Steam knows the game server
    start_at       INTEGER NOT NULL,
    end_at         INTEGER NOT NULL DEFAULT 0,
    fake_ip        TEXT    NOT NULL,
    map            TEXT    NOT NULL,
    size           INTEGER,                 -- of the blob
    late           BLOB,
    score          REAL,
    suspicion      TEXT    NOT NULL DEFAULT '',
    sha256         BLOB,
    -- The stream.
    received       INTEGER NOT NULL DEFAULT 0, -- bytes that are on the disk
    last_byte_at   INTEGER NOT NULL DEFAULT 0,
    clean_close    INTEGER NOT NULL DEFAULT 0, -- the last connection ended with a Close
    grace_until    INTEGER NOT NULL DEFAULT 0, -- when it is closed unless its player comes back; 0 = not
    statistics     TEXT    NOT NULL DEFAULT '', -- of the bytes so far
    owner          TEXT    NOT NULL DEFAULT '', -- the process that takes the stream
    lease_until    INTEGER NOT NULL DEFAULT 0,
    -- The header.
    format         TEXT    NOT NULL DEFAULT '',
    server         TEXT    NOT NULL DEFAULT '',
    player         TEXT    NOT NULL DEFAULT '',
    game_dir       TEXT    NOT NULL DEFAULT '',
    seconds        REAL    NOT NULL DEFAULT 0,
    ticks          INTEGER NOT NULL DEFAULT 0,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX demos_session_active ON demos_session (account_id) WHERE active AND account_id <> 0;
CREATE INDEX demos_session_account ON demos_session (account_id, start_at);
CREATE INDEX demos_session_start ON demos_session (start_at);
CREATE INDEX demos_session_created ON demos_session (created_at);
CREATE INDEX demos_session_sha256 ON demos_session (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX demos_session_grace ON demos_session (grace_until) WHERE active;

CREATE TABLE demos_report (
    session_id TEXT    NOT NULL REFERENCES demos_session (id) ON DELETE CASCADE,
    target     INTEGER NOT NULL,            -- SteamID
    reason     TEXT    NOT NULL CHECK (reason IN ('bot', 'cheater')),
    account_id INTEGER NOT NULL,
    checked    INTEGER NOT NULL DEFAULT 0,  -- Steam knows the target
    handled_at INTEGER NOT NULL DEFAULT 0,
    handled_by INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (session_id, target)
) STRICT;
CREATE INDEX demos_report_created ON demos_report (created_at);
CREATE INDEX demos_report_target ON demos_report (target);

CREATE TABLE demos_analysis (
    session_id TEXT    NOT NULL REFERENCES demos_session (id) ON DELETE CASCADE,
    target     INTEGER NOT NULL,
    algorithm  TEXT    NOT NULL,
    detections INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (session_id, target, algorithm)
) STRICT;
CREATE INDEX demos_analysis_target ON demos_analysis (target);

CREATE TABLE demos_detection (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT    NOT NULL REFERENCES demos_session (id) ON DELETE CASCADE,
    tick       INTEGER NOT NULL,
    target     INTEGER NOT NULL,
    algorithm  TEXT    NOT NULL,
    data       TEXT    NOT NULL             -- JSON
) STRICT;
CREATE INDEX demos_detection_session ON demos_detection (session_id, tick);

CREATE TABLE demos_review (
    session_id TEXT    NOT NULL REFERENCES demos_session (id) ON DELETE CASCADE,
    target     INTEGER NOT NULL,
    reviewer   INTEGER NOT NULL,            -- account
    verdict    TEXT    NOT NULL CHECK (verdict IN ('none', 'benign', 'inconclusive', 'confirmed', 'error')),
    note       TEXT    NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    PRIMARY KEY (session_id, target, reviewer)
) STRICT;

-- Who works on which recording, until when.
CREATE TABLE demos_lease (
    session_id TEXT    PRIMARY KEY REFERENCES demos_session (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    until      INTEGER NOT NULL
) STRICT;

CREATE TABLE demos_broadcast (
    message    TEXT    PRIMARY KEY,
    importance TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Addresses under which a recording is shown to who has no account.
CREATE TABLE demos_evidence (
    hash       BLOB    PRIMARY KEY,         -- SHA-256 of the token
    session_id TEXT    NOT NULL REFERENCES demos_session (id) ON DELETE CASCADE,
    tick       INTEGER NOT NULL,
    note       TEXT    NOT NULL DEFAULT '',
    created_by INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL             -- 0 = never
) STRICT;
CREATE INDEX demos_evidence_session ON demos_evidence (session_id);

-- Files that come in pieces.
CREATE TABLE demos_upload (
    id         TEXT    PRIMARY KEY,
    account_id INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    size       INTEGER NOT NULL,            -- in all
    received   INTEGER NOT NULL,            -- on the disk
    sha256     BLOB,                        -- what the sender says it is
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX demos_upload_updated ON demos_upload (updated_at);

-- Rules of retention that are set on the page; one row.
CREATE TABLE demos_retention (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    max_bytes       INTEGER NOT NULL,
    max_age         INTEGER NOT NULL,       -- microseconds; 0 = any
    keep_flagged    INTEGER NOT NULL,
    max_prune_ratio REAL    NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE demos_retention;
DROP TABLE demos_upload;
DROP TABLE demos_evidence;
DROP TABLE demos_broadcast;
DROP TABLE demos_lease;
DROP TABLE demos_review;
DROP TABLE demos_detection;
DROP TABLE demos_analysis;
DROP TABLE demos_report;
DROP TABLE demos_session;
