package masterbase

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/quartermasterd/quartermaster/daemon/demosink/pgcsv"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// maxReports bounds how many reports of exports are in memory.
const maxReports = 2_000_000

// Exports is a Source over the files that /db_export makes. They hold neither
// keys nor analyses.
type Exports struct {
	problems
	sessions *os.File
	reports  map[string][]Report // by session
	from     string              // the name of the file of reports
}

var _ Source = (*Exports)(nil)

// OpenExports opens the export of demo_sessions and, unless its name is "",
// that of reports, which it reads. The error is fault.NotFound for a file that
// is not there, and fault.Invalid, with the name and the line, for one that is
// not such an export.
func OpenExports(ctx context.Context, sessions, reports string) (_ *Exports, err error) {
	e := &Exports{reports: map[string][]Report{}, from: reports}
	if reports != "" {
		if err := e.readReports(ctx, reports); err != nil {
			return nil, err
		}
	}
	e.sessions, err = openExport(sessions)
	return e, err
}

func openExport(name string) (*os.File, error) {
	info, err := os.Stat(name) // first, since opening a pipe would wait
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.NotFound, "There is no file %s", name)
	case err != nil:
		return nil, fault.Wrap(err, fault.Forbidden, "%s cannot be read", name)
	case !info.Mode().IsRegular():
		return nil, fault.New(fault.Invalid, "%s is not a file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.Forbidden, "%s cannot be read", name)
	}
	return f, nil
}

// Close implements Source.
func (e *Exports) Close() error { return e.sessions.Close() }

// each calls fn for every row of an export that has certain columns.
func each(ctx context.Context, f *os.File, need []string, fn func(row) error) error {
	in := pgcsv.NewReader(f)
	r := row{columns: map[string]int{}}
	header, _, err := in.Read()
	for i, name := range header {
		r.columns[name.Text] = i
	}
	missing := slices.IndexFunc(need, func(name string) bool { _, ok := r.columns[name]; return !ok })
	if errors.Is(err, io.EOF) || err == nil && missing >= 0 {
		return fault.New(fault.Invalid, "%s:1: this is no such export: there is no column %s", f.Name(), need[max(0, missing)]).
			WithHint("the exports are those of /db_export?table=demo_sessions and /db_export?table=reports")
	}
	for err == nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		var line int
		if r.fields, line, err = in.Read(); err != nil {
			break
		}
		r.where = fmt.Sprintf("%s:%d", f.Name(), line)
		if err := fn(r); err != nil {
			return err
		}
	}
	if syntax, ok := errors.AsType[*pgcsv.SyntaxError](err); ok {
		return fault.New(fault.Invalid, "%s:%d: %s", f.Name(), syntax.Line, syntax.Problem).
			WithHint("export the table again; the file may have been cut off or edited")
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (e *Exports) readReports(ctx context.Context, name string) error {
	f, err := openExport(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	n := 0
	return each(ctx, f, []string{"session_id", "target_steam_id", "created_at", "reason"}, func(r row) error {
		id, err := r.id()
		var rep Report
		if err == nil {
			rep, err = r.report()
		}
		if err != nil {
			e.add(r.where, id, err.Error())
			return nil
		}
		if n++; n > maxReports {
			return fault.New(fault.TooLarge, "%s: there are more than %d reports", r.where, maxReports).
				WithHint("name the database instead of its exports")
		}
		e.reports[id] = append(e.reports[id], rep)
		return nil
	})
}

func (e *Exports) rows(ctx context.Context, fn func(row) error) error {
	if _, err := e.sessions.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return each(ctx, e.sessions, []string{"session_id", "steam_id", "start_time", "demo_size"}, fn)
}

// Check implements Source.
func (e *Exports) Check(ctx context.Context, fn func(id string) error) error {
	known := map[string]struct{}{}
	err := e.rows(ctx, func(r row) error {
		id, err := r.id()
		if err != nil {
			return nil //nolint:nilerr // Sessions tells of it
		}
		if _, ok := e.reports[id]; ok {
			known[id] = struct{}{}
		}
		return r.wanted(fn)
	})
	for id, all := range e.reports {
		if _, ok := known[id]; err == nil && !ok {
			e.add(e.from, id, fmt.Sprintf("%d reports of a session that is not in the export", len(all)))
			delete(e.reports, id)
		}
	}
	return err
}

// Sessions implements Source, in the order of the file.
func (e *Exports) Sessions(ctx context.Context, fn func(Session) error) error {
	return e.rows(ctx, func(r row) error {
		s := r.session(&e.problems)
		s.Reports = e.reports[s.ID]
		return fn(s)
	})
}

// People implements Source.
func (e *Exports) People(context.Context, func(Person) error) error { return nil }

// Broadcasts implements Source.
func (e *Exports) Broadcasts(context.Context, func(Broadcast) error) error { return nil }

// Retention implements Source.
func (e *Exports) Retention(context.Context) (Retention, bool, error) { return Retention{}, false, nil }
