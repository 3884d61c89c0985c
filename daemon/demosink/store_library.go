package demosink

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// condition is a WHERE that is put together. Its parts have ? for parameters.
type condition struct {
	parts []string
	args  []any
}

func (w *condition) and(part string, args ...any) {
	var b strings.Builder
	n := len(w.args)
	for i := range len(part) {
		if part[i] != '?' {
			b.WriteByte(part[i])
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	w.parts, w.args = append(w.parts, b.String()), append(w.args, args...)
}

func (w condition) clone() condition { return condition{slices.Clone(w.parts), slices.Clone(w.args)} }

// sql is the condition, also when it has no parts.
func (w condition) sql() string {
	if len(w.parts) == 0 {
		return "1 = 1"
	}
	return strings.Join(w.parts, " AND ")
}

// limit adds a parameter and returns the LIMIT that uses it.
func (w *condition) limit(n int) string {
	w.args = append(w.args, n)
	return " LIMIT $" + strconv.Itoa(len(w.args))
}

// contains is the pattern of LIKE for text with a part, with ! to escape.
func contains(part string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(text(part))) + "%"
}

// stateSQL says of each state which rows are in it, see Session.State.
var stateSQL = map[State]string{
	StateLive:     "open",
	StateIdle:     "active AND NOT open",
	StatePruned:   "NOT active AND pruned",
	StateAnalysed: "NOT active AND NOT pruned AND ingested",
	StateEmpty:    "NOT active AND NOT pruned AND NOT ingested AND COALESCE(size, 0) = 0 AND owner = ''",
	StateClosed:   "NOT active AND NOT pruned AND NOT ingested AND (COALESCE(size, 0) > 0 OR owner <> '')",
}

const flaggedSQL = "(suspicion <> '' OR EXISTS (SELECT 1 FROM demos_report r WHERE r.session_id = demos_session.id) " +
	"OR EXISTS (SELECT 1 FROM demos_analysis a WHERE a.session_id = demos_session.id))"

// apply adds the filter to a condition.
func (f Filter) apply(w *condition) {
	if f.Map != "" {
		w.and("map = ?", text(f.Map))
	}
	if f.Server != "" {
		w.and("(fake_ip = ? OR server = ?)", text(f.Server), text(f.Server))
	}
	if f.Player != "" {
		w.and("LOWER(player) LIKE ? ESCAPE '!'", contains(f.Player))
	}
	if f.Target != 0 {
		w.and("(EXISTS (SELECT 1 FROM demos_report r WHERE r.session_id = demos_session.id AND r.target = ?) "+
			"OR EXISTS (SELECT 1 FROM demos_analysis a WHERE a.session_id = demos_session.id AND a.target = ?))", int64(f.Target), int64(f.Target))
	}
	if f.Uploader != 0 {
		w.and("steam_id = ?", int64(f.Uploader))
	}
	if !f.From.IsZero() {
		w.and("start_at >= ?", db.Micros(f.From))
	}
	if !f.To.IsZero() {
		w.and("start_at < ?", db.Micros(f.To))
	}
	if state, ok := stateSQL[f.State]; ok {
		w.and("(" + state + ")")
	}
	if f.Source != "" {
		w.and("source = ?", string(f.Source))
	}
	if f.Flagged != nil && *f.Flagged {
		w.and(flaggedSQL)
	} else if f.Flagged != nil {
		w.and("NOT " + flaggedSQL)
	}
	if f.Query != "" {
		q := contains(f.Query)
		w.and("(LOWER(demo_name) LIKE ? ESCAPE '!' OR LOWER(map) LIKE ? ESCAPE '!' OR LOWER(fake_ip) LIKE ? ESCAPE '!' "+
			"OR LOWER(server) LIKE ? ESCAPE '!' OR LOWER(player) LIKE ? ESCAPE '!')", q, q, q, q, q)
	}
}

// demos returns what a condition selects, in an order, at most so many, and
// how many rows another condition selects.
func (st store) demos(ctx context.Context, w, counted condition, order string, limit int) (all []Demo, total int64, err error) {
	query := w.sql() + " ORDER BY " + order + w.limit(limit)
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM demos_session WHERE "+counted.sql(), counted.args...).Scan(&total); err != nil {
			return err
		}
		sessions, err := many(ctx, tx, query, w.args...)
		if err != nil {
			return err
		}
		all, err = withCounts(ctx, tx, sessions)
		return err
	})
	return all, total, err
}

// withCounts adds to sessions what others say about them.
func withCounts(ctx context.Context, tx *db.Tx, sessions []Session) ([]Demo, error) {
	all := make([]Demo, len(sessions))
	if len(sessions) == 0 {
		return all, nil
	}
	at, ids := make(map[string]*Demo, len(sessions)), make([]any, len(sessions))
	for i, s := range sessions {
		all[i].Session = s
		at[string(s.ID)], ids[i] = &all[i], string(s.ID)
	}
	count := func(query string, into func(*Demo, int64)) error {
		_, err := rowsOf(ctx, tx, func(row scanner) (struct{}, error) {
			var id string
			var n int64
			err := row.Scan(&id, &n)
			if d := at[id]; err == nil && d != nil {
				into(d, n)
			}
			return struct{}{}, err
		}, query+" WHERE session_id IN ("+db.In(1, len(ids))+") GROUP BY session_id", ids...)
		return err
	}
	if err := count("SELECT session_id, COUNT(*) FROM demos_report", func(d *Demo, n int64) { d.Reports = n }); err != nil {
		return nil, err
	}
	err := count("SELECT session_id, CAST(SUM(detections) AS BIGINT) FROM demos_analysis", func(d *Demo, n int64) { d.Detections = n })
	return all, err
}

// detail reads everything about a session; what was found only for staff.
func (st store) detail(ctx context.Context, sess Session, staff bool, now time.Time) (d Detail, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		d = Detail{Demo: Demo{Session: sess}}
		id := string(sess.ID)
		if d.ReportList, err = rowsOf(ctx, tx, scanReport, "SELECT "+reportColumns+" FROM demos_report WHERE session_id = $1 ORDER BY created_at, target", id); err != nil {
			return err
		}
		d.Reports = int64(len(d.ReportList))
		if !staff {
			return nil
		}
		if d.Counts, err = rowsOf(ctx, tx, scanCount, "SELECT target, algorithm, detections, created_at FROM demos_analysis WHERE session_id = $1 ORDER BY detections DESC, target, algorithm", id); err != nil {
			return err
		}
		for _, c := range d.Counts {
			d.Detections += c.Detections
		}
		if d.Found, err = rowsOf(ctx, tx, scanDetection, "SELECT tick, target, algorithm, data FROM demos_detection WHERE session_id = $1 ORDER BY tick, id LIMIT $2", id, maxFound); err != nil {
			return err
		}
		if d.Reviews, err = rowsOf(ctx, tx, scanReview, "SELECT "+reviewColumns+" FROM demos_review WHERE session_id = $1 ORDER BY created_at, target, reviewer", id); err != nil {
			return err
		}
		if d.Lease, err = leaseOf(ctx, tx, sess.ID, now); err != nil {
			return err
		}
		d.Witnesses, err = witnesses(ctx, tx, sess, now)
		return err
	})
	return d, err
}

func scanCount(row scanner) (c Count, err error) {
	var target, created int64
	err = row.Scan(&target, &c.Algorithm, &c.Detections, &created)
	c.Target, c.CreatedAt = steam.ID(uint64(target)), db.Time(created)
	return c, err
}

func scanDetection(row scanner) (d Detection, err error) {
	var target int64
	var data string
	err = row.Scan(&d.Tick, &target, &d.Algorithm, &data)
	d.Target, d.Data = steam.ID(uint64(target)), json.RawMessage(data)
	return d, err
}

// witnesses returns recordings on the same server that overlap in time. The
// addresses that Steam makes up are given away again later, so it is the time
// that tells matches apart.
func witnesses(ctx context.Context, tx *db.Tx, sess Session, now time.Time) ([]Demo, error) {
	end := sess.EndAt
	if end.IsZero() {
		end = now
	}
	var w condition
	for _, address := range sess.addresses() {
		w.and("(fake_ip = ? OR server = ?)", address, address)
	}
	if len(w.parts) == 0 {
		return []Demo{}, nil
	}
	where := condition{[]string{"(" + strings.Join(w.parts, " OR ") + ")"}, w.args}
	where.and("id <> ? AND start_at <= ? AND (end_at >= ? OR active)", string(sess.ID), db.Micros(end), db.Micros(sess.StartAt))
	query := where.sql() + " ORDER BY start_at, id" + where.limit(maxWitnesses)
	all, err := many(ctx, tx, query, where.args...)
	if err != nil {
		return nil, err
	}
	return withCounts(ctx, tx, all)
}

// addresses are those by which others know the game server of a recording: as
// its client said, and as its header has it. One that every machine has does
// not tell servers apart, nor does a name.
func (s *Session) addresses() []string {
	var all []string
	for _, text := range []string{s.FakeIP, s.Server} {
		at, err := netip.ParseAddrPort(text)
		if err == nil && !at.Addr().IsLoopback() && !at.Addr().IsUnspecified() && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// leaseOf returns who works on a recording; zero when nobody does.
func leaseOf(ctx context.Context, tx *db.Tx, id SessionID, now time.Time) (l Lease, err error) {
	var until int64
	err = tx.QueryRow(ctx, "SELECT account_id, until FROM demos_lease WHERE session_id = $1 AND until > $2", string(id), db.Micros(now)).Scan(&l.Account, &until)
	if fault.Is(err, fault.NotFound) {
		return Lease{}, nil
	}
	l.Until = db.Time(until)
	return l, err
}
