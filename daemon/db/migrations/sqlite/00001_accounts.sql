-- +goose Up
CREATE TABLE accounts_account (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL,
    name_key      TEXT    NOT NULL UNIQUE,  -- the name, folded for comparison
    password      TEXT    NOT NULL,         -- PHC string; '' = no password sign-in
    created_at    INTEGER NOT NULL,
    last_login_at INTEGER NOT NULL          -- 0 = never
) STRICT;

CREATE TABLE accounts_role (
    account_id INTEGER NOT NULL REFERENCES accounts_account (id) ON DELETE CASCADE,
    role       TEXT    NOT NULL CHECK (role IN ('admin', 'moderator', 'analyst')),
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, role)
) STRICT;
CREATE INDEX accounts_role_role ON accounts_role (role);

CREATE TABLE accounts_session (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   INTEGER NOT NULL REFERENCES accounts_account (id) ON DELETE CASCADE,
    hash         BLOB    NOT NULL UNIQUE,   -- SHA-256 of the token
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    ip           TEXT    NOT NULL,
    agent        TEXT    NOT NULL
) STRICT;
CREATE INDEX accounts_session_account ON accounts_session (account_id);
CREATE INDEX accounts_session_seen ON accounts_session (last_seen_at);

CREATE TABLE accounts_key (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   INTEGER NOT NULL REFERENCES accounts_account (id) ON DELETE CASCADE,
    kind         TEXT    NOT NULL,
    label        TEXT    NOT NULL,
    prefix       TEXT    NOT NULL,          -- the part that lists may show
    hash         BLOB    NOT NULL UNIQUE,   -- SHA-256 of the key
    scopes       TEXT    NOT NULL,          -- separated by spaces
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,          -- 0 = never
    last_used_at INTEGER NOT NULL,          -- 0 = never
    revoked_at   INTEGER NOT NULL           -- 0 = valid
) STRICT;
CREATE INDEX accounts_key_account ON accounts_key (account_id);

-- No foreign key: the record outlives the account.
CREATE TABLE accounts_audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    account_id INTEGER NOT NULL,            -- 0 = nobody was signed in
    who        TEXT    NOT NULL,
    via        TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    target     TEXT    NOT NULL,
    detail     TEXT    NOT NULL,
    ip         TEXT    NOT NULL
) STRICT;
CREATE INDEX accounts_audit_at ON accounts_audit (at);

-- At most one first-run link is open.
CREATE TABLE accounts_setup (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    hash       BLOB    NOT NULL,            -- SHA-256 of the token
    expires_at INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE accounts_setup;
DROP TABLE accounts_audit;
DROP TABLE accounts_key;
DROP TABLE accounts_session;
DROP TABLE accounts_role;
DROP TABLE accounts_account;
