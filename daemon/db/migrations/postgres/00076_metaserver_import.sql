-- +goose Up

-- What was taken over from other metaservers, so that it is taken over once.
-- Rows stay when what they tell of is deleted.
CREATE TABLE metaserver_import (
    kind   TEXT    NOT NULL CHECK (kind IN ('user', 'clan', 'server', 'skin')),
    old_id BIGINT NOT NULL,             -- there
    mark   BIGINT NOT NULL,             -- tells rows of several databases apart
    new_id BIGINT NOT NULL,             -- here
    PRIMARY KEY (kind, old_id, mark)
);

-- +goose Down
DROP TABLE metaserver_import;
