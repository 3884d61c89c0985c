-- +goose Up

-- A clan, also when it was disbanded: programs still ask for it.
CREATE TABLE metaserver_clan (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    tag            TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    icon           TEXT    NOT NULL,         -- base64 of a PNG image, as it was sent
    name_key       TEXT    NOT NULL,         -- the name, folded, to sort by
    search         TEXT    NOT NULL,         -- visible tag and name, folded
    founder        INTEGER NOT NULL,         -- account
    members        INTEGER NOT NULL,         -- as the links have it
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    disbanded_at   INTEGER NOT NULL DEFAULT 0,
    disband_reason TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX metaserver_clan_name ON metaserver_clan (name_key, id);
CREATE INDEX metaserver_clan_members ON metaserver_clan (members, id);
CREATE INDEX metaserver_clan_founder ON metaserver_clan (founder);

-- What an account has to do with a clan: one row for ever. No foreign key to
-- the account, which may be deleted: see the package's DESIGN.md.
CREATE TABLE metaserver_clan_link (
    clan_id    INTEGER NOT NULL REFERENCES metaserver_clan (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    rank       TEXT    NOT NULL CHECK (rank IN ('owner', 'admin', 'member')),
    invited_at INTEGER NOT NULL,
    joined_at  INTEGER NOT NULL DEFAULT 0,
    closed_at  INTEGER NOT NULL DEFAULT 0,
    reason     TEXT    NOT NULL DEFAULT '' CHECK (reason IN ('', 'declined', 'kicked', 'left', 'retracted')),
    PRIMARY KEY (clan_id, account_id)
) STRICT;
CREATE INDEX metaserver_clan_link_account ON metaserver_clan_link (account_id) WHERE closed_at = 0;

-- Tags and names that cannot be taken, as players see them: those of clans
-- that stand, and for a time those that were given up.
CREATE TABLE metaserver_clan_handle (
    kind       TEXT    NOT NULL CHECK (kind IN ('tag', 'name')),
    handle     TEXT    NOT NULL,             -- folded, so that lookalikes are the same
    clan_id    INTEGER NOT NULL REFERENCES metaserver_clan (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,             -- who may have it again; 0 = only the clan
    until      INTEGER NOT NULL,             -- 0 = the clan has it
    PRIMARY KEY (kind, handle)
) STRICT;
CREATE INDEX metaserver_clan_handle_clan ON metaserver_clan_handle (clan_id);

CREATE TABLE metaserver_skin (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    description TEXT,
    kind        TEXT    NOT NULL,
    unit        TEXT    NOT NULL,
    model_path  TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE metaserver_skin_player (
    skin_id    INTEGER NOT NULL REFERENCES metaserver_skin (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, skin_id)
) STRICT;
CREATE INDEX metaserver_skin_player_skin ON metaserver_skin_player (skin_id);

CREATE TABLE metaserver_skin_clan (
    skin_id    INTEGER NOT NULL REFERENCES metaserver_skin (id) ON DELETE CASCADE,
    clan_id    INTEGER NOT NULL REFERENCES metaserver_clan (id) ON DELETE CASCADE,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (clan_id, skin_id)
) STRICT;
CREATE INDEX metaserver_skin_clan_skin ON metaserver_skin_clan (skin_id);

-- +goose Down
DROP TABLE metaserver_skin_clan;
DROP TABLE metaserver_skin_player;
DROP TABLE metaserver_skin;
DROP TABLE metaserver_clan_handle;
DROP TABLE metaserver_clan_link;
DROP TABLE metaserver_clan;
