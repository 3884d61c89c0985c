-- +goose Up

-- Game servers whose mods are watched: those named by the API, and what is
-- kept of those in the configuration. revision changes with every change, so
-- that processes notice those of others and never write over them. told is
-- what the webhook was last told to be out of date: a JSON object of items and
-- versions.
CREATE TABLE workshop_radar_server (
    name          TEXT PRIMARY KEY,
    configured    INTEGER NOT NULL,
    collections   TEXT NOT NULL DEFAULT '[]',
    webhook       TEXT NOT NULL DEFAULT '',
    secret        TEXT NOT NULL DEFAULT '',
    told          TEXT NOT NULL DEFAULT '{}',
    restarted_at  INTEGER NOT NULL DEFAULT 0,
    delivered_at  INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER NOT NULL DEFAULT 0,
    error         TEXT NOT NULL DEFAULT '',
    revision      INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

-- The mods of each server: which version it reported (0: none), which its
-- folder held last (0: none), which it is taken to run otherwise (0: nobody
-- knows), since when it is out of date (Unix seconds) and when that was noticed.
CREATE TABLE workshop_radar_mod (
    server      TEXT NOT NULL,
    item        INTEGER NOT NULL,
    listed      INTEGER NOT NULL,
    reported    INTEGER NOT NULL DEFAULT 0,
    found       INTEGER NOT NULL DEFAULT 0,
    assumed     INTEGER NOT NULL DEFAULT 0,
    seen_at     INTEGER NOT NULL,
    since       INTEGER NOT NULL DEFAULT 0,
    noticed_at  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (server, item)
) STRICT;

-- What Steam last said that the collections hold: a JSON list of items.
CREATE TABLE workshop_radar_collection (
    collection  INTEGER PRIMARY KEY,
    items       TEXT NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

-- Messages on their way to webhooks. claimed_until belongs to the process that
-- is sending.
CREATE TABLE workshop_radar_delivery (
    id            TEXT PRIMARY KEY,
    server        TEXT NOT NULL,
    event         TEXT NOT NULL,
    mods          TEXT NOT NULL,
    attempts      INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    retry_at      INTEGER NOT NULL,
    claimed_until INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX workshop_radar_delivery_server ON workshop_radar_delivery (server);

-- +goose Down
DROP TABLE workshop_radar_delivery;
DROP TABLE workshop_radar_collection;
DROP TABLE workshop_radar_mod;
DROP TABLE workshop_radar_server;
