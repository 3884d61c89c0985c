package masterbase

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/quartermasterd/quartermaster/daemon/demosink/pgcsv"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	page       = 200    // rows of one transaction
	maxValue   = 10_000 // characters of a value that are fetched
	connectFor = 10 * time.Second
	queryFor   = 5 * time.Minute
)

// Postgres is a Source over the database itself. It reads in short
// transactions that may not write, a part of a table at a time, so that an
// import that takes hours neither holds a snapshot for hours nor fills the
// memory.
type Postgres struct {
	problems
	db      *sql.DB
	columns map[string][]string // by table, of those that there are
}

var _ Source = (*Postgres)(nil)

// The columns that are read. Old installations lack some.
var tables = map[string][]string{
	"api_keys":          {"steam_id", "api_key", "created_at"},
	"losers":            {"steam_id", "created_at"},
	"analyst_steam_ids": {"steam_id"},
	"demo_sessions": {"steam_id", "session_id", "demo_name", "active", "open", "start_time", "end_time", "fake_ip", "map", "ingested",
		"demo_size", "late_bytes", "markov_score", "created_at", "updated_at", "pruned"},
	"reports":      {"session_id", "target_steam_id", "created_at", "reason"},
	"analysis":     {"session_id", "target_steam_id", "algorithm_type", "detection_count", "created_at"},
	"reviews":      {"session_id", "target_steam_id", "reviewer_steam_id", "verdict", "created_at"},
	"broadcasts":   {"message", "importance", "created_at"},
	"prune_config": {"max_storage_gb", "max_prune_ratio"},
}

// OpenPostgres connects to the database at a postgres:// address. What the
// address lacks comes from the environment and the files that libpq knows.
// The error is fault.Invalid for an address that is none, fault.Unavailable
// when nobody answers there, fault.Forbidden when it lets nobody in, and
// fault.NotFound when there is no masterbase in the database.
func OpenPostgres(ctx context.Context, address string) (*Postgres, error) {
	cfg, err := pgx.ParseConfig(address)
	if err != nil || !strings.HasPrefix(address, "postgres://") && !strings.HasPrefix(address, "postgresql://") {
		// The driver's error may quote the address and the password in it.
		return nil, fault.New(fault.Invalid, "The address of the database is not a valid PostgreSQL address").
			WithHint("write postgres://user:password@host:5432/demos")
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectFor
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec // poolers know no prepared statements
	p := &Postgres{db: stdlib.OpenDB(*cfg), columns: map[string][]string{}}
	p.db.SetMaxOpenConns(1)
	if err := p.look(ctx); err != nil {
		return nil, errors.Join(err, p.db.Close())
	}
	if len(p.columns["demo_sessions"]) == 0 {
		return nil, errors.Join(fault.New(fault.NotFound, "There is no masterbase in this database: it has no table demo_sessions").
			WithHint("the database of masterbase is called demos"), p.db.Close())
	}
	return p, nil
}

// look finds out which tables and columns there are.
func (p *Postgres) look(ctx context.Context) error {
	return p.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for table, wanted := range tables {
			rows, err := tx.QueryContext(ctx, `SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`, table)
			if err != nil {
				return err
			}
			have := map[string]bool{}
			for rows.Next() {
				var name string
				if err := rows.Scan(&name); err != nil {
					return errors.Join(err, rows.Close())
				}
				have[name] = true
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return err
			}
			for _, name := range wanted {
				if have[name] {
					p.columns[table] = append(p.columns[table], name)
				}
			}
		}
		return nil
	})
}

// Close implements Source.
func (p *Postgres) Close() error { return p.db.Close() }

// settings make a cast to text what COPY writes.
const settings = `SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true),
	set_config('bytea_output', 'hex', true), set_config('extra_float_digits', '1', true)`

// read runs fn in a transaction that may not write.
func (p *Postgres) read(ctx context.Context, fn func(context.Context, *sql.Tx) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, queryFor)
	defer cancel()
	defer func() { err = queryError(err) }()
	tx, err := p.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	if _, err := tx.ExecContext(ctx, settings); err != nil {
		return err
	}
	return fn(ctx, tx)
}

// queryError says in public words why the database was of no use.
func queryError(err error) error {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		if strings.HasPrefix(server.Code, "28") || server.Code == "42501" { // credentials, privileges
			return fault.Wrap(err, fault.Forbidden, "The database of masterbase refuses the user").
				WithHint("the user needs the right to read every table; the password may also come from PGPASSWORD")
		}
		if server.Code == "3D000" {
			return fault.Wrap(err, fault.NotFound, "There is no such database").WithHint("the database of masterbase is called demos")
		}
		return fault.Wrap(err, fault.Unavailable, "The database of masterbase does not answer as it should")
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return fault.Wrap(err, fault.Unavailable, "The database of masterbase cannot be reached")
	}
	return err
}

// rows returns the rows of a table that a condition selects; none when there
// is no such table.
func (p *Postgres) rows(ctx context.Context, tx *sql.Tx, table, where string, args ...any) (all []row, err error) {
	names := p.columns[table]
	if len(names) == 0 {
		return nil, nil
	}
	columns, casts := map[string]int{}, make([]string, len(names))
	for i, name := range names {
		columns[name], casts[i] = i, fmt.Sprintf("left(%s::text, %d)", pgx.Identifier{name}.Sanitize(), maxValue)
	}
	rows, err := tx.QueryContext(ctx, "SELECT "+strings.Join(casts, ", ")+" FROM "+table+" "+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values, dest := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		dest[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		r := row{where: table, columns: columns, fields: make([]pgcsv.Field, len(names))}
		for i, v := range values {
			r.fields[i] = pgcsv.Field{Text: v.String, Null: !v.Valid}
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// each calls fn with all rows of a table, a page at a time, in the order of
// a column that is its key; with is what else is read in the transaction of a
// page.
func (p *Postgres) each(ctx context.Context, table, key string, with func(context.Context, *sql.Tx, []row) error, fn func(row) error) error {
	for after, more := "", true; more; {
		var all []row
		err := p.read(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			all, err = p.rows(ctx, tx, table, fmt.Sprintf("WHERE %s > $1 ORDER BY %s LIMIT %d", key, key, page), after)
			if err == nil && with != nil && len(all) > 0 {
				err = with(ctx, tx, all)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range all {
			if err := fn(r); err != nil {
				return err
			}
			after = r.text(key)
		}
		more = len(all) == page && len(after) < maxValue
	}
	return nil
}

// Check implements Source.
func (p *Postgres) Check(ctx context.Context, fn func(id string) error) error {
	return p.each(ctx, "demo_sessions", "session_id", nil, func(r row) error { return r.wanted(fn) })
}

// Sessions implements Source, by number.
func (p *Postgres) Sessions(ctx context.Context, fn func(Session) error) error {
	var parts map[string]*Session // what refers to the sessions of the page
	with := func(ctx context.Context, tx *sql.Tx, all []row) (err error) {
		parts, err = p.parts(ctx, tx, all)
		return err
	}
	return p.each(ctx, "demo_sessions", "session_id", with, func(r row) error {
		s := r.session(&p.problems)
		if part := parts[s.ID]; part != nil && s.Problem == "" {
			s.Reports, s.Counts, s.Reviews, s.Counted = part.Reports, part.Counts, part.Reviews, len(p.columns["analysis"]) > 0
		}
		return fn(s)
	})
}

// parts reads what refers to some sessions.
func (p *Postgres) parts(ctx context.Context, tx *sql.Tx, sessions []row) (map[string]*Session, error) {
	ids, parts := make([]string, 0, len(sessions)), map[string]*Session{}
	for _, r := range sessions {
		id := r.text("session_id")
		ids, parts[id] = append(ids, id), &Session{}
	}
	for table, take := range map[string]func(row, *Session) error{
		"reports":  func(r row, s *Session) error { return take(&s.Reports, r.report) },
		"analysis": func(r row, s *Session) error { return take(&s.Counts, r.count) },
		"reviews":  func(r row, s *Session) error { return take(&s.Reviews, r.review) },
	} {
		all, err := p.rows(ctx, tx, table, "WHERE session_id = ANY($1)", ids)
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			id := r.text("session_id")
			if err := take(r, parts[id]); err != nil {
				p.add(table, id, err.Error())
			}
		}
	}
	return parts, nil
}

// take appends what was read to a list.
func take[T any](list *[]T, read func() (T, error)) error {
	v, err := read()
	if err == nil {
		*list = append(*list, v)
	}
	return err
}

// People implements Source.
func (p *Postgres) People(ctx context.Context, fn func(Person) error) error {
	for _, table := range []string{"api_keys", "analyst_steam_ids", "losers"} {
		if len(p.columns[table]) == 0 {
			continue
		}
		err := p.each(ctx, table, "steam_id", nil, func(r row) error {
			id, err := r.person("steam_id")
			if err != nil {
				p.add(table, "", err.Error())
				return nil
			}
			person := Person{SteamID: id, Analyst: table == "analyst_steam_ids", Limited: table == "losers", Key: r.text("api_key")}
			if person.Created, err = r.time("created_at"); err != nil {
				p.add(table, "", err.Error())
			}
			return fn(person)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Broadcasts implements Source.
func (p *Postgres) Broadcasts(ctx context.Context, fn func(Broadcast) error) error {
	if len(p.columns["broadcasts"]) == 0 {
		return nil
	}
	return p.each(ctx, "broadcasts", "message", nil, func(r row) error {
		at, err := r.time("created_at")
		if err != nil {
			p.add("broadcasts", "", err.Error())
			return nil
		}
		return fn(Broadcast{r.text("message"), r.text("importance"), at})
	})
}

// Retention implements Source. A negative ratio stands for a deletion that was
// to happen once there; what it becomes afterwards is taken.
func (p *Postgres) Retention(ctx context.Context) (Retention, bool, error) {
	var all []row
	err := p.read(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		all, err = p.rows(ctx, tx, "prune_config", "LIMIT 1")
		return err
	})
	if err != nil || len(all) == 0 {
		return Retention{}, false, err
	}
	gigabytes, _, err := all[0].integer("max_storage_gb")
	if err != nil || gigabytes > math.MaxInt32 { // not from 0 on: no limit
		gigabytes = 0
	}
	ratio, ok, err := all[0].float("max_prune_ratio")
	if err != nil || !ok {
		p.add("prune_config", "", "max_prune_ratio is no number")
		return Retention{}, false, nil
	}
	return Retention{MaxBytes: gigabytes << 30, Ratio: min(math.Abs(ratio), 1)}, true, nil
}
