-- +goose Up

-- Game servers that were registered. A row is never removed, so that what
-- refers to it keeps its meaning. Times are 0 while they are unknown.
CREATE TABLE serverlist_server (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id           INTEGER NOT NULL,             -- the owner
    password             BLOB    NOT NULL,             -- SHA-256
    host_name            TEXT    NOT NULL,
    port                 INTEGER NOT NULL,
    display_name         TEXT    NOT NULL,
    description          TEXT    NOT NULL,
    game_type            TEXT    NOT NULL,
    max_player_count     INTEGER NOT NULL,
    current_map          TEXT    NOT NULL DEFAULT '',
    current_player_count INTEGER NOT NULL DEFAULT 0,
    extras               TEXT    NOT NULL DEFAULT '',  -- JSON; what old clients know nothing of
    checked              TEXT    NOT NULL DEFAULT '',  -- JSON; the last check from outside
    state                TEXT    NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'hidden', 'closed', 'deleted')),
    reason               TEXT    NOT NULL DEFAULT '',
    state_at             INTEGER NOT NULL DEFAULT 0,
    registered_from      TEXT    NOT NULL,             -- network of who registered it
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL DEFAULT 0,   -- the last heartbeat
    offline_at           INTEGER NOT NULL DEFAULT 0,
    changed_at           INTEGER NOT NULL,
    revision             INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX serverlist_server_account ON serverlist_server (account_id);
CREATE INDEX serverlist_server_from ON serverlist_server (registered_from);

-- Players whom a server does not let in.
CREATE TABLE serverlist_ban (
    server_id  INTEGER NOT NULL REFERENCES serverlist_server (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    reason     TEXT    NOT NULL DEFAULT '',
    created_by INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL DEFAULT 0,             -- 0 = never
    PRIMARY KEY (server_id, account_id)
) STRICT;

-- How many servers and players there were in each five minutes of a day.
CREATE TABLE serverlist_total (
    slot    INTEGER PRIMARY KEY,                       -- unix time / 300
    servers INTEGER NOT NULL,
    players INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE serverlist_total;
DROP TABLE serverlist_ban;
DROP TABLE serverlist_server;
