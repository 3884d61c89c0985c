-- +goose Up
ALTER TABLE accounts_account ADD COLUMN last_online_at BIGINT NOT NULL DEFAULT 0; -- 0 = never
ALTER TABLE accounts_account ADD COLUMN closed_at BIGINT NOT NULL DEFAULT 0;      -- 0 = open
ALTER TABLE accounts_account ADD COLUMN closed_reason TEXT NOT NULL DEFAULT '';
CREATE INDEX accounts_account_name ON accounts_account (name);

-- An account's e-mail address; each belongs to one account.
CREATE TABLE accounts_email (
    account_id  BIGINT PRIMARY KEY REFERENCES accounts_account (id) ON DELETE CASCADE,
    address     TEXT    NOT NULL,
    address_key TEXT    NOT NULL UNIQUE,    -- the address, folded for comparison
    lang        TEXT    NOT NULL,           -- of the mails
    verified_at BIGINT NOT NULL             -- 0 = not verified
);
CREATE INDEX accounts_email_verified ON accounts_email (verified_at);

-- Codes that were mailed; an account has one for each purpose.
CREATE TABLE accounts_mail_token (
    account_id BIGINT NOT NULL REFERENCES accounts_account (id) ON DELETE CASCADE,
    purpose    TEXT    NOT NULL CHECK (purpose IN ('verify', 'reset', 'change')),
    hash       BYTEA    NOT NULL,
    address    TEXT    NOT NULL,            -- where it was sent
    created_at BIGINT NOT NULL,
    tries      BIGINT NOT NULL,             -- wrong ones
    PRIMARY KEY (account_id, purpose)
);

-- One row: the keys of the names were made by an older rule. Whoever removes
-- it makes them anew.
CREATE TABLE accounts_rekey (
    id BIGINT PRIMARY KEY CHECK (id = 1)
);
INSERT INTO accounts_rekey (id) VALUES (1);

-- +goose Down
DROP TABLE accounts_rekey;
DROP TABLE accounts_mail_token;
DROP TABLE accounts_email;
DROP INDEX accounts_account_name;
ALTER TABLE accounts_account DROP COLUMN closed_reason;
ALTER TABLE accounts_account DROP COLUMN closed_at;
ALTER TABLE accounts_account DROP COLUMN last_online_at;
