-- +goose Up

-- What was made of a file in a game folder: its compressed or its plain form.
-- It holds for the size and time that the file had. Paths are bytes, because
-- names on a disk need not be text.
CREATE TABLE workshop_fastdl_made (
    tree          TEXT NOT NULL,
    path          BYTEA NOT NULL,
    form          TEXT NOT NULL,
    size          BIGINT NOT NULL,
    mtime_ns      BIGINT NOT NULL,
    sha256        BYTEA NOT NULL,
    state         TEXT NOT NULL,
    reason        TEXT NOT NULL DEFAULT '',
    blob_key      TEXT NOT NULL DEFAULT '',
    blob_size     BIGINT NOT NULL DEFAULT 0,
    blob_mtime_ns BIGINT NOT NULL DEFAULT 0,
    blob_sha256   BYTEA,
    made_at       BIGINT NOT NULL,
    requested_at  BIGINT NOT NULL,
    PRIMARY KEY (tree, path, form)
);
CREATE INDEX workshop_fastdl_made_sha256 ON workshop_fastdl_made (sha256);
CREATE INDEX workshop_fastdl_made_blob ON workshop_fastdl_made (blob_key);

-- Every file that is served, so that a change under the same name is noticed.
CREATE TABLE workshop_fastdl_seen (
    tree       TEXT NOT NULL,
    path       BYTEA NOT NULL,
    size       BIGINT NOT NULL,
    since      BIGINT NOT NULL,
    changed_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tree, path)
);

-- Files that players asked for in vain: plain and packed count the requests
-- for the file and for its compressed form.
CREATE TABLE workshop_fastdl_miss (
    tree     TEXT NOT NULL,
    path     BYTEA NOT NULL,
    plain    BIGINT NOT NULL,
    packed   BIGINT NOT NULL,
    server   TEXT NOT NULL DEFAULT '',
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    PRIMARY KEY (tree, path)
);

-- +goose Down
DROP TABLE workshop_fastdl_miss;
DROP TABLE workshop_fastdl_seen;
DROP TABLE workshop_fastdl_made;
