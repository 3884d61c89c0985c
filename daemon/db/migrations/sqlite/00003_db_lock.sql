-- +goose Up
-- Who does a kind of work at the moment. PostgreSQL has advisory locks.
CREATE TABLE db_lock (
    name  TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    until INTEGER NOT NULL -- unix microseconds; renewed while the owner lives
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE db_lock;
