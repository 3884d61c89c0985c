package demosink

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// closedPage returns sessions that are not active, by when they began.
func (st store) closedPage(ctx context.Context, everybody bool, account, limit, offset int64) (all []Session, err error) {
	where, args := "NOT active ORDER BY start_at, id LIMIT $1 OFFSET $2", []any{limit, offset}
	if !everybody {
		where, args = "account_id = $3 AND "+where, append(args, account)
	}
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		all, err = many(ctx, tx, where, args...)
		return err
	})
	return all, err
}

// jobs returns recordings that can be analysed and are not, the oldest first.
func (st store) jobs(ctx context.Context, limit int64) (ids []SessionID, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		ids, err = column[SessionID](ctx, tx, "SELECT id FROM demos_session WHERE NOT active AND owner = '' AND NOT ingested AND NOT pruned AND size > 0 "+
			"ORDER BY created_at, id LIMIT $1", limit)
		return err
	})
	return ids, err
}

// column reads the only column of a query; the result is never nil.
func column[T any](ctx context.Context, tx *db.Tx, query string, args ...any) ([]T, error) {
	return rowsOf(ctx, tx, func(row scanner) (v T, err error) {
		err = row.Scan(&v)
		return v, err
	}, query, args...)
}

// rowsOf reads the rows of a query; the result is never nil.
func rowsOf[T any](ctx context.Context, tx *db.Tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // the transaction reports it
	all := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// ingest replaces what is known of an analysis.
func (st store) ingest(ctx context.Context, id SessionID, all []Detection, now time.Time) error {
	counts := countDetections(all)
	return st.db.Write(ctx, func(tx *db.Tx) error {
		var active, open, ingested bool
		err := tx.QueryRow(ctx, "SELECT active, open, ingested FROM demos_session WHERE id = $1", string(id)).Scan(&active, &open, &ingested)
		switch {
		case fault.Is(err, fault.NotFound):
			return fault.New(fault.NotFound, "Unknown session ID %s", string(id))
		case err != nil:
			return err
		case ingested:
			return errIngested
		case active:
			return errActive
		case open:
			return errOpen
		}
		for _, query := range []string{
			"DELETE FROM demos_analysis WHERE session_id = $1", "DELETE FROM demos_detection WHERE session_id = $1", "DELETE FROM demos_review WHERE session_id = $1",
		} {
			if _, err := tx.Exec(ctx, query, string(id)); err != nil {
				return err
			}
		}
		if err := insertCounts(ctx, tx, id, counts, now); err != nil {
			return err
		}
		if err := insertDetections(ctx, tx, id, all); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE demos_session SET ingested = TRUE, updated_at = $2 WHERE id = $1", string(id), db.Micros(now))
		return err
	})
}

func insertCounts(ctx context.Context, tx *db.Tx, id SessionID, counts map[countKey]int64, now time.Time) error {
	rows := make([][]any, 0, len(counts))
	for k, n := range counts {
		rows = append(rows, []any{string(id), int64(k.target), k.algorithm, n, db.Micros(now)})
	}
	return insertRows(ctx, tx, "INSERT INTO demos_analysis (session_id, target, algorithm, detections, created_at) VALUES ", slices.Values(rows))
}

func insertDetections(ctx context.Context, tx *db.Tx, id SessionID, all []Detection) error {
	return insertRows(ctx, tx, "INSERT INTO demos_detection (session_id, tick, target, algorithm, data) VALUES ", func(yield func([]any) bool) {
		for _, d := range all {
			if !yield([]any{string(id), d.Tick, int64(d.Target), d.Algorithm, string(d.Data)}) {
				return
			}
		}
	})
}

// insertBatch is how many rows one statement inserts.
const insertBatch = 200

// insertRows inserts rows of equal length, many at a time.
func insertRows(ctx context.Context, tx *db.Tx, query string, rows func(func([]any) bool)) error {
	var args []any
	var text strings.Builder
	n := 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		_, err := tx.Exec(ctx, query+text.String(), args...)
		text.Reset()
		args, n = args[:0], 0
		return err
	}
	for row := range rows {
		if n > 0 {
			text.WriteByte(',')
		}
		text.WriteString("(" + db.In(len(args)+1, len(row)) + ")")
		args = append(args, row...)
		if n++; n == insertBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
