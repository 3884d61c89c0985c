package db

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"
)

// runner is what *sql.Tx and *sql.Conn have in common.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

var errEnded = errors.New("the transaction is used after its end")

// Tx is one transaction. It belongs to the goroutine and the duration of the
// function it is handed to.
//
// A statement that fails makes the whole transaction fail, on SQLite as on
// PostgreSQL: later statements return the first error, and so does the
// transaction when fn hides it. Finding no row is not a failure.
type Tx struct {
	Now time.Time // one reading of the clock for the whole transaction

	run     runner
	prepare func(ctx context.Context, query string) (*sql.Stmt, error) // nil: nothing is kept prepared
	detach  bool                                                       // an interrupt would roll back other callers too
	inUse   map[string]struct{}                                        // prepared statements whose rows may be open
	rows    []*sql.Rows
	failed  error
	ended   bool
}

// begin checks whether a statement may run and returns the context it runs
// under.
func (t *Tx) begin(ctx context.Context) (context.Context, error) {
	switch {
	case t.ended:
		return ctx, errEnded
	case t.failed != nil:
		return ctx, t.failed
	}
	if err := ctx.Err(); err != nil {
		return ctx, t.fail(err)
	}
	if t.detach {
		ctx = context.WithoutCancel(ctx)
	}
	return ctx, nil
}

// fail remembers the first failure of a statement.
func (t *Tx) fail(err error) error {
	err = mapError(err)
	if err != nil && t.failed == nil {
		t.failed = err
	}
	return err
}

// statement returns the prepared form of query, or nil when it must be run
// as text. One prepared statement has room for one set of rows, so it is not
// handed out again while rows of it may be open.
func (t *Tx) statement(ctx context.Context, query string, rows bool) (*sql.Stmt, error) {
	if t.prepare == nil {
		return nil, nil
	}
	if _, taken := t.inUse[query]; taken {
		return nil, nil
	}
	s, err := t.prepare(ctx, query)
	if rows && s != nil {
		if t.inUse == nil {
			t.inUse = make(map[string]struct{}, 4)
		}
		t.inUse[query] = struct{}{}
	}
	return s, err
}

// Exec runs a statement and returns how many rows it changed. A duplicate of
// something unique is fault.Conflict, a reference to something absent
// fault.Invalid.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (rowsAffected int64, err error) {
	ctx, err = t.begin(ctx)
	if err != nil {
		return 0, err
	}
	s, err := t.statement(ctx, query, false)
	if err != nil {
		return 0, t.fail(err)
	}
	var res sql.Result
	if s != nil {
		res, err = s.ExecContext(ctx, args...)
	} else {
		res, err = t.run.ExecContext(ctx, query, args...)
	}
	if err != nil {
		return 0, t.fail(err)
	}
	return res.RowsAffected()
}

// Query runs a statement that returns rows. The caller closes them before
// the next statement and checks their Err; those still open at the end of
// the transaction are closed then.
func (t *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	ctx, err := t.begin(ctx)
	if err != nil {
		return nil, err
	}
	s, err := t.statement(ctx, query, true)
	if err != nil {
		return nil, t.fail(err)
	}
	var rows *sql.Rows
	if s != nil {
		rows, err = s.QueryContext(ctx, args...)
	} else {
		rows, err = t.run.QueryContext(ctx, query, args...)
	}
	if err != nil {
		return nil, t.fail(err)
	}
	t.rows = append(t.rows, rows)
	return rows, nil
}

// QueryRow runs a statement that returns at most one row of interest. Its
// error comes from Scan.
func (t *Tx) QueryRow(ctx context.Context, query string, args ...any) *Row {
	ctx, err := t.begin(ctx)
	if err != nil {
		return &Row{err: err}
	}
	s, err := t.statement(ctx, query, true)
	if err != nil {
		return &Row{err: t.fail(err)}
	}
	if s != nil {
		return &Row{row: s.QueryRowContext(ctx, args...), tx: t, prepared: query}
	}
	return &Row{row: t.run.QueryRowContext(ctx, query, args...), tx: t}
}

// end closes what fn left open and makes the Tx unusable.
func (t *Tx) end() error {
	t.ended = true
	var err error
	for _, r := range t.rows {
		err = errors.Join(err, r.Err(), r.Close())
	}
	return mapError(err)
}

// Row is the answer of QueryRow.
type Row struct {
	row      *sql.Row
	tx       *Tx
	prepared string
	err      error
}

// Scan copies the row's columns; fault.NotFound when there was no row.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	err := r.row.Scan(dest...)
	delete(r.tx.inUse, r.prepared)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows), !fromDatabase(err):
		return mapError(err)
	}
	return r.tx.fail(err)
}

// Micros turns a time into what the tables hold: unix microseconds, 0 for
// the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time turns unix microseconds into a time in UTC; 0 is the zero time.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// In returns n parameters beginning with number start, as in "$3,$4,$5", for
// "WHERE id IN ("+In(3, len(ids))+")". For n < 1 it returns "NULL", which no
// value is in.
func In(start, n int) string {
	if n < 1 {
		return "NULL"
	}
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(start + i))
	}
	return b.String()
}

// EachRow takes what Query returned: it calls fn once per row, closes rows and
// returns the first error.
func EachRow(rows *sql.Rows, err error, fn func() error) error {
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err tells
	for rows.Next() {
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}
