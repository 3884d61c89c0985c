-- +goose Up

-- Mails that are to be sent, and those that could not be. A mail that was sent
-- has no row any more.
CREATE TABLE mail_message (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id    TEXT    NOT NULL UNIQUE,  -- of the header, the same at every try
    recipient     TEXT    NOT NULL,
    subject       TEXT    NOT NULL,
    body_text     TEXT    NOT NULL,         -- '' once it failed: it may hold a code
    body_html     TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,          -- after that it is of no use to anybody
    next_at       INTEGER NOT NULL,          -- not to be tried before
    attempts      INTEGER NOT NULL,
    failed_at     INTEGER NOT NULL,          -- 0 = waiting
    reason        TEXT    NOT NULL          -- of the last failure
) STRICT;
CREATE INDEX mail_message_next ON mail_message (failed_at, next_at);

-- +goose Down
DROP TABLE mail_message;
