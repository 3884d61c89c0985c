-- +goose Up

-- Who gave a version, when, and what proved that it is the right one.
ALTER TABLE workshop_version ADD COLUMN peer TEXT NOT NULL DEFAULT '';
ALTER TABLE workshop_version ADD COLUMN verified_by TEXT NOT NULL DEFAULT '';
ALTER TABLE workshop_version ADD COLUMN fetched_at INTEGER NOT NULL DEFAULT 0;

-- The private key that signs the list of what is served here. One row: id 1.
CREATE TABLE workshop_peer_key (
    id         INTEGER PRIMARY KEY,
    seed       BLOB NOT NULL,
    created_at INTEGER NOT NULL
);

-- How each backup server of others does.
CREATE TABLE workshop_peer (
    url           TEXT PRIMARY KEY,
    state         TEXT NOT NULL DEFAULT '',
    software      TEXT NOT NULL DEFAULT '',
    versions      INTEGER NOT NULL DEFAULT 0,
    seen_at       INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER NOT NULL DEFAULT 0,
    last_error    TEXT NOT NULL DEFAULT '',
    refusal       TEXT NOT NULL DEFAULT '',
    refused_at    INTEGER NOT NULL DEFAULT 0,
    fetched       INTEGER NOT NULL DEFAULT 0,
    fetched_bytes INTEGER NOT NULL DEFAULT 0,
    refused       INTEGER NOT NULL DEFAULT 0,
    retry_at      INTEGER NOT NULL DEFAULT 0,
    updated_at    INTEGER NOT NULL
);

-- +goose Down
DROP TABLE workshop_peer;
DROP TABLE workshop_peer_key;
ALTER TABLE workshop_version DROP COLUMN fetched_at;
ALTER TABLE workshop_version DROP COLUMN verified_by;
ALTER TABLE workshop_version DROP COLUMN peer;
