-- +goose Up

-- An account's Steam account; each belongs to one account.
CREATE TABLE accounts_steam (
    account_id BIGINT  PRIMARY KEY REFERENCES accounts_account (id) ON DELETE CASCADE,
    steam_id   BIGINT  NOT NULL UNIQUE,
    persona    TEXT    NOT NULL,            -- the name at Steam when it was linked
    linked_at  BIGINT  NOT NULL
);

-- Sign-ins through Steam that were accepted, so that none counts twice.
CREATE TABLE accounts_openid_nonce (
    nonce      TEXT    PRIMARY KEY,
    expires_at BIGINT  NOT NULL
);
CREATE INDEX accounts_openid_nonce_expires ON accounts_openid_nonce (expires_at);

-- Steam accounts that get no key because their profile was never set up.
CREATE TABLE accounts_limited (
    steam_id   BIGINT  PRIMARY KEY,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL
);

-- +goose Down
DROP TABLE accounts_limited;
DROP TABLE accounts_openid_nonce;
DROP TABLE accounts_steam;
