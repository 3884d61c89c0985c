-- +goose Up

-- What the catalogue knows of an item beyond the library: one row per item
-- that was ever listed. Whether it is listed follows from the library.
CREATE TABLE workshop_catalog_mod (
    item             INTEGER PRIMARY KEY,
    description      TEXT NOT NULL DEFAULT '',
    created_at       INTEGER NOT NULL DEFAULT 0,
    source           TEXT NOT NULL DEFAULT 'steam',
    downloads        INTEGER NOT NULL DEFAULT 0,
    delivered_at     INTEGER NOT NULL DEFAULT 0,
    added_at         INTEGER NOT NULL DEFAULT 0,
    complete         INTEGER NOT NULL DEFAULT 0,
    complete_version INTEGER NOT NULL DEFAULT 0,
    attempts         INTEGER NOT NULL DEFAULT 0,
    retry_at         INTEGER NOT NULL DEFAULT 0,
    updated_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX workshop_catalog_mod_updated ON workshop_catalog_mod (updated_at);

-- A placeholder is a game of which nothing but the id is known.
CREATE TABLE workshop_catalog_game (
    id                INTEGER PRIMARY KEY,
    name              TEXT NOT NULL DEFAULT '',
    type              TEXT NOT NULL DEFAULT '',
    logo              TEXT NOT NULL DEFAULT '',
    short_description TEXT NOT NULL DEFAULT '',
    description       TEXT NOT NULL DEFAULT '',
    downloads         INTEGER NOT NULL DEFAULT 0,
    created_at        INTEGER NOT NULL DEFAULT 0,
    source            TEXT NOT NULL DEFAULT 'steam',
    placeholder       INTEGER NOT NULL DEFAULT 0,
    refreshed_at      INTEGER NOT NULL DEFAULT 0,
    retry_at          INTEGER NOT NULL DEFAULT 0,
    updated_at        INTEGER NOT NULL
) STRICT;
CREATE INDEX workshop_catalog_game_updated ON workshop_catalog_game (updated_at);

CREATE TABLE workshop_catalog_genre (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE workshop_catalog_game_genre (
    game  INTEGER NOT NULL REFERENCES workshop_catalog_game (id) ON DELETE CASCADE,
    genre INTEGER NOT NULL REFERENCES workshop_catalog_genre (id) ON DELETE CASCADE,
    PRIMARY KEY (game, genre)
) STRICT;

CREATE TABLE workshop_catalog_tag (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE workshop_catalog_mod_tag (
    item INTEGER NOT NULL REFERENCES workshop_catalog_mod (item) ON DELETE CASCADE,
    tag  INTEGER NOT NULL REFERENCES workshop_catalog_tag (id) ON DELETE CASCADE,
    PRIMARY KEY (item, tag)
) STRICT;

-- What a mod needs is often not here, so it refers to nothing.
CREATE TABLE workshop_catalog_dependency (
    item       INTEGER NOT NULL REFERENCES workshop_catalog_mod (item) ON DELETE CASCADE,
    dependency INTEGER NOT NULL,
    PRIMARY KEY (item, dependency)
) STRICT;

-- Pictures of a mod, in the order of sort.
CREATE TABLE workshop_catalog_resource (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    item       INTEGER NOT NULL REFERENCES workshop_catalog_mod (item) ON DELETE CASCADE,
    type       TEXT NOT NULL,
    url        TEXT NOT NULL,
    sort       INTEGER NOT NULL DEFAULT 0,
    changed_at INTEGER NOT NULL,
    UNIQUE (item, url)
) STRICT;

-- Downloads that failed and have not succeeded since.
CREATE TABLE workshop_catalog_failure (
    item      INTEGER PRIMARY KEY,
    attempts  INTEGER NOT NULL,
    reason    TEXT NOT NULL DEFAULT '',
    last_at   INTEGER NOT NULL,
    permanent INTEGER NOT NULL DEFAULT 0,
    retry_at  INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Counters per hour (at is its beginning) and per day of the configured time
-- zone ('YYYY-MM-DD').
CREATE TABLE workshop_statistic_hour (
    at    INTEGER NOT NULL,
    type  TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (at, type)
) STRICT;

CREATE TABLE workshop_statistic_day (
    day   TEXT NOT NULL,
    type  TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (day, type)
) STRICT;

-- How long things took; the last 1000 of each type.
CREATE TABLE workshop_timing (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    at   INTEGER NOT NULL,
    type TEXT NOT NULL,
    ms   INTEGER NOT NULL
) STRICT;
CREATE INDEX workshop_timing_type ON workshop_timing (type, at);

-- +goose Down
DROP TABLE workshop_timing;
DROP TABLE workshop_statistic_day;
DROP TABLE workshop_statistic_hour;
DROP TABLE workshop_catalog_failure;
DROP TABLE workshop_catalog_resource;
DROP TABLE workshop_catalog_dependency;
DROP TABLE workshop_catalog_mod_tag;
DROP TABLE workshop_catalog_tag;
DROP TABLE workshop_catalog_game_genre;
DROP TABLE workshop_catalog_genre;
DROP TABLE workshop_catalog_game;
DROP TABLE workshop_catalog_mod;
