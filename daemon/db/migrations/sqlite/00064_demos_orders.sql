-- +goose Up

-- The orders in which recordings are listed, each with the id that follows.
DROP INDEX demos_session_start;
CREATE INDEX demos_session_start ON demos_session (start_at, id);
CREATE INDEX demos_session_size ON demos_session (COALESCE(size, 0), id);
CREATE INDEX demos_session_score ON demos_session (COALESCE(score, 1.0), id);
-- Who else was on a game server.
CREATE INDEX demos_session_fake_ip ON demos_session (fake_ip, start_at);
CREATE INDEX demos_session_server ON demos_session (server, start_at);

-- The negative max_prune_ratio of the configuration that did its work; at most
-- one row.
CREATE TABLE demos_forced_ratio (
    ratio REAL NOT NULL
) STRICT;

-- +goose Down
DROP TABLE demos_forced_ratio;
DROP INDEX demos_session_server;
DROP INDEX demos_session_fake_ip;
DROP INDEX demos_session_score;
DROP INDEX demos_session_size;
DROP INDEX demos_session_start;
CREATE INDEX demos_session_start ON demos_session (start_at);
