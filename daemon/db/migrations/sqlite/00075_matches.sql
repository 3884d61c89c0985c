-- +goose Up

-- One row per match that a game server reported.
CREATE TABLE matches_match (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id   INTEGER NOT NULL,
    server_key  TEXT,                        -- what the server calls it; NULL = nothing
    at          INTEGER NOT NULL,            -- when it was reported
    map         TEXT    NOT NULL DEFAULT '',
    winner      INTEGER NOT NULL,            -- id of the team; -1 = draw
    human       INTEGER NOT NULL,            -- a team of this race took part
    beast       INTEGER NOT NULL,
    -- The constants of the formula it was rated by.
    formula     TEXT    NOT NULL,
    initial     REAL    NOT NULL,
    team_weight REAL    NOT NULL,
    step        REAL    NOT NULL,
    floor       REAL    NOT NULL,
    voided_at   INTEGER NOT NULL DEFAULT 0,  -- 0 = counts
    voided_by   INTEGER NOT NULL DEFAULT 0,  -- account; 0 = by a command
    void_reason TEXT    NOT NULL DEFAULT '',
    UNIQUE (server_id, server_key)
) STRICT;
CREATE INDEX matches_match_server ON matches_match (server_id, id);
CREATE INDEX matches_match_at ON matches_match (at);

CREATE TABLE matches_team (
    match_id  INTEGER NOT NULL REFERENCES matches_match (id) ON DELETE CASCADE,
    team      INTEGER NOT NULL,              -- id of the team, 0 to 3
    position  INTEGER NOT NULL,              -- in the report
    race      TEXT    NOT NULL CHECK (race IN ('human', 'beast')),
    mean      REAL    NOT NULL,
    opponent  REAL    NOT NULL,
    field     INTEGER NOT NULL,              -- players in the field
    PRIMARY KEY (match_id, team)
) STRICT, WITHOUT ROWID;

-- Who took part, field players and commanders.
CREATE TABLE matches_player (
    match_id  INTEGER NOT NULL REFERENCES matches_match (id) ON DELETE CASCADE,
    team      INTEGER NOT NULL,
    commander INTEGER NOT NULL,
    player    INTEGER NOT NULL,              -- id as reported
    counted   INTEGER NOT NULL,              -- it was an account, and the match is in its statistics
    before    REAL    NOT NULL,              -- rating; for commanders the three are 0
    expected  REAL    NOT NULL,              -- score
    after     REAL    NOT NULL,
    PRIMARY KEY (match_id, team, commander, player)
) STRICT, WITHOUT ROWID;
CREATE INDEX matches_player_player ON matches_player (player, match_id) WHERE counted;

-- What an account did on a server.
CREATE TABLE matches_stats (
    account_id     INTEGER NOT NULL,
    server_id      INTEGER NOT NULL,
    first_seen_at  INTEGER NOT NULL,
    last_seen_at   INTEGER NOT NULL,
    played_field   INTEGER NOT NULL,
    played_command INTEGER NOT NULL,
    won_field      INTEGER NOT NULL,
    won_command    INTEGER NOT NULL,
    rating         REAL    NOT NULL,
    hidden         INTEGER NOT NULL,         -- the account is closed
    PRIMARY KEY (account_id, server_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX matches_stats_board ON matches_stats (server_id, rating DESC, account_id, played_field) WHERE NOT hidden;

-- The sum over all servers of matches_stats.
CREATE TABLE matches_standing (
    account_id     INTEGER PRIMARY KEY,
    first_seen_at  INTEGER NOT NULL,
    last_seen_at   INTEGER NOT NULL,
    played_field   INTEGER NOT NULL,
    played_command INTEGER NOT NULL,
    won_field      INTEGER NOT NULL,
    won_command    INTEGER NOT NULL,
    rating         REAL    NOT NULL,         -- mean, weighted by the matches
    hidden         INTEGER NOT NULL
) STRICT;
CREATE INDEX matches_standing_hidden ON matches_standing (account_id) WHERE hidden;
CREATE INDEX matches_standing_board ON matches_standing (rating DESC, account_id, played_field) WHERE NOT hidden;

-- +goose Down
DROP TABLE matches_standing;
DROP TABLE matches_stats;
DROP TABLE matches_player;
DROP TABLE matches_team;
DROP TABLE matches_match;
