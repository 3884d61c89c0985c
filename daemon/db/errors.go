package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Result codes of SQLite (sqlite.org/rescode.html).
const (
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteNoMem      = 7
	sqliteReadOnly   = 8
	sqliteIOErr      = 10
	sqliteCorrupt    = 11
	sqliteFull       = 13
	sqliteCantOpen   = 14
	sqliteProtocol   = 15
	sqliteNotADB     = 26
	sqliteForeignKey = 787
	sqlitePrimaryKey = 1555
	sqliteUnique     = 2067
)

// fromDatabase reports whether err was made by a driver, not by scanning.
func fromDatabase(err error) bool {
	_, lite := errors.AsType[*sqlite.Error](err)
	_, pg := errors.AsType[*pgconn.PgError](err)
	return lite || pg || isContext(err) || lostConnection(err)
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// mapError gives an error of a driver its kind. What has a kind already, and
// what is unknown, stays as it is.
func mapError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok || isContext(err) {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Wrap(err, fault.NotFound, "There is no such entry")
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return mapSQLite(err, e.Code())
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return mapPostgres(err, e.Code)
	}
	if lostConnection(err) {
		return unavailable(err, "The database cannot be reached")
	}
	return err
}

func mapSQLite(err error, code int) error {
	switch code {
	case sqliteUnique, sqlitePrimaryKey:
		return conflict(err)
	case sqliteForeignKey:
		return dangling(err)
	}
	switch code & 0xff {
	case sqliteFull:
		return noSpace(err)
	case sqliteBusy, sqliteLocked, sqliteProtocol:
		return unavailable(err, "The database is busy")
	case sqliteIOErr, sqliteNoMem:
		return unavailable(err, "The database cannot be read or written at the moment")
	case sqliteReadOnly, sqliteCantOpen:
		return fault.Wrap(err, fault.Unavailable, "The database file cannot be opened for writing").
			WithHint("Check that the data directory belongs to the user the service runs as.")
	case sqliteCorrupt, sqliteNotADB:
		return damaged(err, "The database is damaged")
	}
	return err
}

// mapPostgres knows the codes of PostgreSQL's appendix A.
func mapPostgres(err error, code string) error {
	switch code {
	case "23505": // unique_violation
		return conflict(err)
	case "23503": // foreign_key_violation
		return dangling(err)
	case "53100": // disk_full
		return noSpace(err)
	case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
		return unavailable(err, "The database is busy")
	case "22021": // character_not_in_repertoire: a NUL, or what is not UTF-8
		return fault.Wrap(err, fault.Invalid, "A text holds characters that cannot be stored")
	case "3D000": // invalid_catalog_name
		return fault.Wrap(err, fault.Unavailable, "The database named in database.url does not exist").
			WithHint("Create it with: createdb --owner=USER NAME")
	case "28P01", "28000": // invalid_password, invalid_authorization_specification
		return fault.Wrap(err, fault.Unavailable, "PostgreSQL refuses the user or password in database.url")
	}
	switch code[:min(2, len(code))] {
	case "08", "53", "57", "58": // connection, resources, operator, system
		return unavailable(err, "The database cannot be reached")
	}
	return err
}

// retryable reports whether PostgreSQL rolled the transaction back only
// because of another that ran beside it.
func retryable(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01")
}

func lostConnection(err error) bool {
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	return connect || network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

func conflict(err error) error {
	return fault.Wrap(err, fault.Conflict, "There is such an entry already")
}

func dangling(err error) error {
	return fault.Wrap(err, fault.Invalid, "The entry refers to something that does not exist, or is still referred to")
}

func noSpace(err error) error {
	return fault.Wrap(err, fault.NoSpace, "The disk of the database is full").
		WithHint("Free some space; writing goes on by itself, and nothing acknowledged is lost.").
		WithRetryAfter(10 * time.Second)
}

func unavailable(err error, text string) error {
	return fault.Wrap(err, fault.Unavailable, "%s", text).WithRetryAfter(time.Second)
}

// restoreHint is how an operator goes back to a copy.
const restoreHint = "stop the service, put a good copy of the database, for example the newest file in backups/, " +
	"in its place and remove the files with -wal and -shm beside it"

func damaged(err error, text string) *fault.Error {
	return fault.Wrap(err, fault.Unavailable, "%s", text).WithHint("To restore a copy: %s", restoreHint)
}
