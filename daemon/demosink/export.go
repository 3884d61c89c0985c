package demosink

import (
	"bufio"
	"bytes"
	"context"
	"io"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/demosink/pgcsv"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// exportBatch is how many rows are in memory at a time.
const exportBatch = 500

// export is a table on its way out.
type export struct {
	header []string
	rows   func(context.Context, *pgcsv.Writer) (more bool, err error)
	first  []byte // the rows that were read to see that the table can be read
	more   bool
}

// export begins to export a table by the name that it has on the wire; nil
// when there is none.
func (s *Service) export(ctx context.Context, table string) (*export, error) {
	var e *export
	switch table {
	case "demo_sessions":
		e = s.exportSessions()
	case "reports":
		e = s.exportReports()
	default:
		return nil, nil
	}
	var first bytes.Buffer
	w := pgcsv.New(&first)
	if err := w.Header(e.header...); err != nil {
		return nil, err
	}
	var err error
	e.more, err = e.rows(ctx, w)
	e.first = first.Bytes()
	return e, err
}

// write sends the table.
func (e *export) write(ctx context.Context, to io.Writer) error {
	out := bufio.NewWriterSize(to, 32<<10)
	if _, err := out.Write(e.first); err != nil {
		return err
	}
	w := pgcsv.New(out)
	for more := e.more; more; {
		var err error
		if more, err = e.rows(ctx, w); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (s *Service) exportSessions() *export {
	after := ""
	return &export{
		header: []string{
			"steam_id", "session_id", "demo_name", "active", "open", "start_time", "end_time", "fake_ip", "map", "steam_api_data", "ingested",
			"demo_size", "late_bytes", "markov_score", "created_at", "updated_at", "pruned",
		},
		rows: func(ctx context.Context, w *pgcsv.Writer) (bool, error) {
			all, err := s.store.sessionsAfter(ctx, SessionID(after), exportBatch)
			if err != nil {
				return false, err
			}
			for _, sess := range all {
				after = string(sess.ID)
				if err := writeSession(w, sess); err != nil {
					return false, err
				}
			}
			return len(all) == exportBatch, nil
		},
	}
}

func writeSession(w *pgcsv.Writer, s Session) error {
	writePerson(w, s.SteamID)
	w.Text(string(s.ID))
	w.Text(s.DemoName)
	w.Bool(s.Active)
	w.Bool(s.Open)
	w.Time(s.StartAt)
	w.Time(s.EndAt)
	w.Text(s.FakeIP)
	w.Text(s.Map)
	w.Null()
	w.Bool(s.Ingested)
	if s.HasSize {
		w.Int(s.Size)
	} else {
		w.Null()
	}
	w.Bytes(s.Late)
	if s.HasScore {
		w.Float(s.Score)
	} else {
		w.Null()
	}
	w.Time(s.CreatedAt)
	w.Time(s.UpdatedAt)
	w.Bool(s.Pruned)
	return w.EndRow()
}

func writePerson(w *pgcsv.Writer, id steam.ID) {
	if id == 0 {
		w.Null()
		return
	}
	w.Text(id.Decimal())
}

func (s *Service) exportReports() *export {
	var after Report
	return &export{
		header: []string{"session_id", "target_steam_id", "created_at", "reason"},
		rows: func(ctx context.Context, w *pgcsv.Writer) (bool, error) {
			all, err := s.store.reportsAfter(ctx, after, exportBatch)
			if err != nil {
				return false, err
			}
			for _, r := range all {
				after = r
				w.Text(string(r.Session))
				writePerson(w, r.Target)
				w.Time(r.CreatedAt)
				w.Text(string(r.Reason))
				if err := w.EndRow(); err != nil {
					return false, err
				}
			}
			return len(all) == exportBatch, nil
		},
	}
}

// sessionsAfter returns sessions in the order of their ids.
func (st store) sessionsAfter(ctx context.Context, id SessionID, limit int) (all []Session, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		all, err = many(ctx, tx, "id > $1 ORDER BY id LIMIT $2", string(id), limit)
		return err
	})
	return all, err
}

// reportsAfter returns reports in the order of their keys.
func (st store) reportsAfter(ctx context.Context, after Report, limit int) (all []Report, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		all, err = rowsOf(ctx, tx, scanReport, "SELECT "+reportColumns+" FROM demos_report WHERE (session_id, target) > ($1, $2) ORDER BY session_id, target LIMIT $3",
			string(after.Session), int64(after.Target), limit)
		return err
	})
	return all, err
}
