-- +goose Up

-- What was made of a file in a game folder: its compressed or its plain form.
-- It holds for the size and time that the file had. Paths are bytes, because
-- names on a disk need not be text.
CREATE TABLE workshop_fastdl_made (
    tree          TEXT NOT NULL,
    path          BLOB NOT NULL,
    form          TEXT NOT NULL,
    size          INTEGER NOT NULL,
    mtime_ns      INTEGER NOT NULL,
    sha256        BLOB NOT NULL,
    state         TEXT NOT NULL,
    reason        TEXT NOT NULL DEFAULT '',
    blob_key      TEXT NOT NULL DEFAULT '',
    blob_size     INTEGER NOT NULL DEFAULT 0,
    blob_mtime_ns INTEGER NOT NULL DEFAULT 0,
    blob_sha256   BLOB,
    made_at       INTEGER NOT NULL,
    requested_at  INTEGER NOT NULL,
    PRIMARY KEY (tree, path, form)
) STRICT;
CREATE INDEX workshop_fastdl_made_sha256 ON workshop_fastdl_made (sha256);
CREATE INDEX workshop_fastdl_made_blob ON workshop_fastdl_made (blob_key);

-- Every file that is served, so that a change under the same name is noticed.
CREATE TABLE workshop_fastdl_seen (
    tree       TEXT NOT NULL,
    path       BLOB NOT NULL,
    size       INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    changed_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tree, path)
) STRICT;

-- Files that players asked for in vain: plain and packed count the requests
-- for the file and for its compressed form.
CREATE TABLE workshop_fastdl_miss (
    tree     TEXT NOT NULL,
    path     BLOB NOT NULL,
    plain    INTEGER NOT NULL,
    packed   INTEGER NOT NULL,
    server   TEXT NOT NULL DEFAULT '',
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    PRIMARY KEY (tree, path)
) STRICT;

-- +goose Down
DROP TABLE workshop_fastdl_miss;
DROP TABLE workshop_fastdl_seen;
DROP TABLE workshop_fastdl_made;
