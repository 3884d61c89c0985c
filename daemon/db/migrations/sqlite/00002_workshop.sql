-- +goose Up

-- One row per Workshop item that Steam described or that somebody asked to keep.
CREATE TABLE workshop_item (
    id              INTEGER PRIMARY KEY,
    title           TEXT NOT NULL DEFAULT '',
    app             INTEGER NOT NULL DEFAULT 0,
    current_version INTEGER NOT NULL DEFAULT 0,
    size            INTEGER NOT NULL DEFAULT 0,
    url             TEXT NOT NULL DEFAULT '',
    manifest        TEXT NOT NULL DEFAULT '',
    filename        TEXT NOT NULL DEFAULT '',
    creator         TEXT NOT NULL DEFAULT '',
    preview         TEXT NOT NULL DEFAULT '',
    banned          INTEGER NOT NULL DEFAULT 0,
    result          INTEGER NOT NULL DEFAULT 0,
    checked_at      INTEGER NOT NULL DEFAULT 0,
    requested_at    INTEGER NOT NULL DEFAULT 0,
    requests        INTEGER NOT NULL DEFAULT 0,
    updated_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX workshop_item_updated ON workshop_item (updated_at);

-- One row per stored version. A row in state 'removed' is a tombstone: it
-- tells other processes that the version is gone, and is swept after a day.
CREATE TABLE workshop_version (
    item          INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    state         TEXT NOT NULL,
    reason        TEXT NOT NULL DEFAULT '',
    blob_key      TEXT NOT NULL DEFAULT '',
    path          TEXT NOT NULL DEFAULT '',
    size          INTEGER NOT NULL,
    mtime_ns      INTEGER NOT NULL DEFAULT 0,
    inode         INTEGER NOT NULL DEFAULT 0,
    ctime_ns      INTEGER NOT NULL DEFAULT 0,
    sha256        BLOB,
    source        TEXT NOT NULL DEFAULT '',
    origin        TEXT NOT NULL DEFAULT '',
    pinned        INTEGER NOT NULL DEFAULT 0,
    stored_at     INTEGER NOT NULL,
    verified_at   INTEGER NOT NULL DEFAULT 0,
    requested_at  INTEGER NOT NULL DEFAULT 0,
    requests      INTEGER NOT NULL DEFAULT 0,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (item, version)
) STRICT;
CREATE INDEX workshop_version_updated ON workshop_version (updated_at);

-- One row per unit of work: bringing one version here. version 0 means
-- "whatever is current". owner holds the row until lease_until.
CREATE TABLE workshop_job (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    item            INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    state           TEXT NOT NULL,
    boost           INTEGER NOT NULL DEFAULT 0,
    resting         INTEGER NOT NULL DEFAULT 0,
    source          TEXT NOT NULL DEFAULT '',
    attempts        INTEGER NOT NULL DEFAULT 0,
    first_failed_at INTEGER NOT NULL DEFAULT 0,
    retry_at        INTEGER NOT NULL DEFAULT 0,
    error           TEXT NOT NULL DEFAULT '',
    bytes           INTEGER NOT NULL DEFAULT 0,
    total           INTEGER NOT NULL DEFAULT 0,
    owner           TEXT NOT NULL DEFAULT '',
    lease_until     INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (item, version)
) STRICT;
CREATE INDEX workshop_job_updated ON workshop_job (updated_at);

-- Steam Web API calls per UTC day (days since 1970-01-01), so that a restart
-- does not forget what the day's budget already lost.
CREATE TABLE workshop_steam_call (
    day   INTEGER PRIMARY KEY,
    calls INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE workshop_steam_call;
DROP TABLE workshop_job;
DROP TABLE workshop_version;
DROP TABLE workshop_item;
