-- +goose Up

-- What the store held on a UTC day, written when the day is first seen and
-- again until it is over.
CREATE TABLE workshop_storage_day (
    day      TEXT PRIMARY KEY,
    bytes    INTEGER NOT NULL,
    versions INTEGER NOT NULL
) STRICT;

-- Items of which a version was removed for the quota, and when: they are not
-- fetched again before somebody asks for them.
CREATE TABLE workshop_evicted (
    item INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT;

-- Which versions need a blob is asked before it is deleted. A tombstone that
-- names one says that deleting it is not finished.
CREATE INDEX workshop_version_blob ON workshop_version (blob_key);

-- +goose Down
DROP INDEX workshop_version_blob;
DROP TABLE workshop_evicted;
DROP TABLE workshop_storage_day;
