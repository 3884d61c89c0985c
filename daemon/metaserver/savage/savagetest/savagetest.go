// Package savagetest makes the database of a Savage metaserver as that program
// left it: the tables with the types and habits of its object mapper, without
// foreign keys that are enforced. It is for tests.
package savagetest

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"modernc.org/sqlite" // and the driver "sqlite"
)

// The tables at the last revision.
const tables = `
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
CREATE TABLE "user" (id INTEGER NOT NULL, username VARCHAR NOT NULL, display_name VARCHAR NOT NULL, key VARCHAR NOT NULL, salt VARCHAR NOT NULL,
	created DATETIME NOT NULL, verified_email DATETIME, deleted DATETIME, deleted_reason VARCHAR, last_online DATETIME,
	PRIMARY KEY (id), UNIQUE (username), UNIQUE (display_name));
CREATE TABLE emailtoken (user_id INTEGER NOT NULL, key VARCHAR NOT NULL, created DATETIME NOT NULL, PRIMARY KEY (user_id),
	FOREIGN KEY(user_id) REFERENCES user (id));
CREATE TABLE clan (id INTEGER NOT NULL, tag VARCHAR NOT NULL, name VARCHAR NOT NULL, icon VARCHAR NOT NULL, created DATETIME NOT NULL,
	deleted DATETIME, PRIMARY KEY (id), UNIQUE (tag), UNIQUE (name));
CREATE TABLE userclanlink (clan_id INTEGER NOT NULL, user_id INTEGER NOT NULL, rank VARCHAR(6) NOT NULL, invited DATETIME NOT NULL,
	joined DATETIME, deleted DATETIME, deleted_reason VARCHAR(9), PRIMARY KEY (clan_id, user_id),
	FOREIGN KEY(clan_id) REFERENCES clan (id), FOREIGN KEY(user_id) REFERENCES user (id));
CREATE TABLE server (id INTEGER NOT NULL, key VARCHAR NOT NULL, salt VARCHAR NOT NULL, host_name VARCHAR NOT NULL, port INTEGER NOT NULL,
	display_name VARCHAR NOT NULL, description VARCHAR NOT NULL, game_type VARCHAR NOT NULL, current_player_count INTEGER DEFAULT '0' NOT NULL,
	current_map VARCHAR DEFAULT '' NOT NULL, max_player_count INTEGER NOT NULL, created DATETIME NOT NULL, updated DATETIME, deleted DATETIME,
	deleted_reason VARCHAR, user_id INTEGER NOT NULL, PRIMARY KEY (id), FOREIGN KEY(user_id) REFERENCES user (id));
CREATE TABLE userstats (user_id INTEGER NOT NULL, server_id INTEGER NOT NULL, first_seen DATETIME NOT NULL, last_seen DATETIME NOT NULL,
	matches_played_field INTEGER DEFAULT '0' NOT NULL, matches_played_command INTEGER DEFAULT '0' NOT NULL,
	matches_won_field INTEGER DEFAULT '0' NOT NULL, matches_won_command INTEGER DEFAULT '0' NOT NULL, skill_rating INTEGER DEFAULT '800' NOT NULL,
	PRIMARY KEY (user_id, server_id), FOREIGN KEY(user_id) REFERENCES user (id), FOREIGN KEY(server_id) REFERENCES server (id));
CREATE TABLE skin (id INTEGER NOT NULL, description VARCHAR, kind VARCHAR NOT NULL, unit VARCHAR NOT NULL, model_path VARCHAR NOT NULL, PRIMARY KEY (id));
CREATE TABLE userskinlink (skin_id INTEGER NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (skin_id, user_id));
CREATE TABLE clanskinlink (skin_id INTEGER NOT NULL, clan_id INTEGER NOT NULL, PRIMARY KEY (skin_id, clan_id));
INSERT INTO alembic_version VALUES ('3cdbabb28a81');`

// timeFormat is how the object mapper writes a DATETIME.
const timeFormat = "2006-01-02 15:04:05.000000"

// A password as it is stored: Key is PBKDF2-HMAC-SHA256 of Password with 10 000
// iterations under Salt.
const (
	Password = "12345678"
	Salt     = "0011223344556677"
	Key      = "8709d1e1bbeb478b680e1a9e560a4ae13c92f271ec9df8835d338b02e898e9e6"
)

// Icon is a PNG image in base64 as a client may have written it: with padding
// to spare, which the old server ignored and kept.
const Icon = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAADklEQVR4nGJqAAQAAP//AIYAg0yeIEsAAAAASUVORK5CYII==="

// Image returns the bytes of Icon.
func Image() ([]byte, error) { return base64.StdEncoding.DecodeString(strings.TrimSuffix(Icon, "==")) }

// At returns a time so many seconds after a fixed one, with a fraction.
func At(seconds int) time.Time {
	return time.Date(2022, 11, 13, 21, 14, 43, 123456000, time.UTC).Add(time.Duration(seconds) * time.Second)
}

// Database is an old database that is being made.
type Database struct{ db *sql.DB }

// New makes an empty one in the file at path. The caller calls Close before
// anybody else reads it.
func New(path string) (*Database, error) {
	// As the daemon has it, which may open its own database in this process
	// later; it cannot be changed then.
	if _, err := sqlite.OFDLocking(true); err != nil && !errors.Is(err, sqlite.ErrOFDLockingUnavailable) {
		return nil, err
	}
	opened, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, err
	}
	opened.SetMaxOpenConns(1)
	d := &Database{opened}
	if err := d.Exec(tables); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Close closes it.
func (d *Database) Close() error { return d.db.Close() }

// Exec runs a statement.
func (d *Database) Exec(statement string, args ...any) error {
	_, err := d.db.ExecContext(context.Background(), statement, args...)
	return err
}

// Insert adds a row with all columns in the order of the table. A time.Time is
// written as the object mapper does; the zero time is NULL.
func (d *Database) Insert(table string, values ...any) error {
	for i, v := range values {
		if t, ok := v.(time.Time); ok {
			values[i] = t.Format(timeFormat)
			if t.IsZero() {
				values[i] = nil
			}
		}
	}
	marks := strings.TrimSuffix(strings.Repeat("?,", len(values)), ",")
	return d.Exec(`INSERT INTO "`+table+`" VALUES (`+marks+`)`, values...)
}

// User adds a user whose address is proved, with Password.
func (d *Database) User(id int64, email, name string) error {
	return d.Insert("user", id, email, name, Key, Salt, At(int(id)), At(int(id)+60), nil, nil, At(int(id)+120))
}

// Link adds a link; zero times are NULL, and so is the reason "".
func (d *Database) Link(clan, user int64, rank string, joined, deleted time.Time, reason string) error {
	var why any
	if reason != "" {
		why = reason
	}
	return d.Insert("userclanlink", clan, user, rank, At(300), joined, deleted, why)
}

// Server adds a server with Password.
func (d *Database) Server(id, owner int64, name string) error {
	return d.Insert("server", id, Key, Salt, "10.0.0.67", 11235, name, "A server", "RTSS", 1, "eden2", 42, At(400+int(id)), At(500), nil, nil, owner)
}
