-- +goose Up
-- The keys of players' proofs. The newest is in use; those that were replaced
-- stay for as long as proofs made with them may live.
CREATE TABLE metaserver_proof_key (
    id         BIGINT PRIMARY KEY,
    number     BIGINT NOT NULL,          -- 0 to 255, in short proofs
    secret     BYTEA NOT NULL,          -- of the MAC, 32 bytes
    seed       BYTEA NOT NULL,          -- of the signature, 32 bytes
    created_at BIGINT NOT NULL,
    retired_at BIGINT NOT NULL           -- 0 = in use
);

-- +goose Down
DROP TABLE metaserver_proof_key;
