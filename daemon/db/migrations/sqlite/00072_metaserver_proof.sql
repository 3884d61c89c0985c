-- +goose Up
-- The keys of players' proofs. The newest is in use; those that were replaced
-- stay for as long as proofs made with them may live.
CREATE TABLE metaserver_proof_key (
    id         INTEGER PRIMARY KEY,
    number     INTEGER NOT NULL,          -- 0 to 255, in short proofs
    secret     BLOB NOT NULL,          -- of the MAC, 32 bytes
    seed       BLOB NOT NULL,          -- of the signature, 32 bytes
    created_at INTEGER NOT NULL,
    retired_at INTEGER NOT NULL           -- 0 = in use
) STRICT;

-- +goose Down
DROP TABLE metaserver_proof_key;
