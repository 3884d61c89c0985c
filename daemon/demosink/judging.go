package demosink

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// Verdict is what somebody who watched a recording says of a player.
type Verdict string

// Verdicts.
const (
	VerdictNone         Verdict = "none" // looked at, no opinion
	VerdictBenign       Verdict = "benign"
	VerdictInconclusive Verdict = "inconclusive"
	VerdictConfirmed    Verdict = "confirmed"
	VerdictError        Verdict = "error" // the recording or the detection is broken
)

// Review is one person's judgement of one player in a recording.
type Review struct {
	Session   SessionID
	Target    steam.ID
	Reviewer  int64 // account
	Verdict   Verdict
	Note      string
	CreatedAt time.Time
}

// Lease says who works on a recording.
type Lease struct {
	Account int64
	Until   time.Time
}

// workFor is how long a recording is kept for who took it.
const workFor = 30 * time.Minute

// mayJudge refuses everybody who is not an analyst or a moderator.
func mayJudge(c Caller) error {
	if !c.Staff() {
		return fault.New(fault.Forbidden, "Your account may not do this")
	}
	return nil
}

// Queue returns recordings that wait to be judged and how many there are:
// those with detections, or reports nobody looked at, that nobody reviewed and
// on which nobody else works. The oldest come first. algorithm selects those
// in which it found something; "" is any.
func (s *Service) Queue(ctx context.Context, c Caller, algorithm string, limit int) ([]Demo, int64, error) {
	if err := mayJudge(c); err != nil {
		return nil, 0, err
	}
	var w condition
	w.and("NOT active AND owner = '' AND NOT pruned AND size > 0")
	w.and("NOT EXISTS (SELECT 1 FROM demos_review v WHERE v.session_id = demos_session.id)")
	w.and("NOT EXISTS (SELECT 1 FROM demos_lease l WHERE l.session_id = demos_session.id AND l.until > ? AND l.account_id <> ?)",
		db.Micros(s.clock.Now()), c.Account)
	const detected = "EXISTS (SELECT 1 FROM demos_analysis a WHERE a.session_id = demos_session.id"
	if algorithm != "" {
		w.and(detected+" AND a.algorithm = ?)", text(algorithm))
	} else {
		w.and("(" + detected + ") OR EXISTS (SELECT 1 FROM demos_report r WHERE r.session_id = demos_session.id AND r.handled_at = 0))")
	}
	return s.store.demos(ctx, w, w.clone(), "created_at, id", limit)
}

// Lease keeps a recording for the caller, for half an hour from now.
// fault.Conflict: somebody else works on it.
func (s *Service) Lease(ctx context.Context, c Caller, id string) (Lease, error) {
	if err := mayJudge(c); err != nil {
		return Lease{}, err
	}
	sess, err := s.Find(ctx, c, id)
	if err != nil {
		return Lease{}, err
	}
	now := s.clock.Now()
	l := Lease{c.Account, db.Time(db.Micros(now.Add(workFor)))}
	return l, s.store.db.Write(ctx, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, "INSERT INTO demos_lease (session_id, account_id, until) VALUES ($1, $2, $3) "+
			"ON CONFLICT (session_id) DO UPDATE SET account_id = excluded.account_id, until = excluded.until "+
			"WHERE demos_lease.account_id = excluded.account_id OR demos_lease.until <= $4",
			string(sess.ID), c.Account, db.Micros(l.Until), db.Micros(now))
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "Somebody else works on this recording")
		}
		return err
	})
}

// Release gives a recording back that the caller took; an admin may give back
// anybody's. It is no error when nobody has it.
func (s *Service) Release(ctx context.Context, c Caller, id string) error {
	if err := mayJudge(c); err != nil {
		return err
	}
	sess, err := s.Find(ctx, c, id)
	if err != nil {
		return err
	}
	query, args := "DELETE FROM demos_lease WHERE session_id = $1", []any{string(sess.ID)}
	if !c.Admin {
		query, args = query+" AND account_id = $2", append(args, c.Account)
	}
	return s.store.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	})
}

// Review notes the caller's judgement of a player, in place of what he said
// before, and gives the recording back.
func (s *Service) Review(ctx context.Context, c Caller, id string, target steam.ID, verdict Verdict, note string) (Review, error) {
	if err := mayJudge(c); err != nil {
		return Review{}, err
	}
	sess, err := s.Find(ctx, c, id)
	if err != nil {
		return Review{}, err
	}
	if !target.Person() {
		return Review{}, fault.New(fault.Invalid, "%s is not the SteamID of a person", target.Decimal())
	}
	v := Review{sess.ID, target, c.Account, verdict, clean(note), db.Time(db.Micros(s.clock.Now()))}
	return v, s.store.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO demos_review ("+reviewColumns+") VALUES ($1, $2, $3, $4, $5, $6) "+
			"ON CONFLICT (session_id, target, reviewer) DO UPDATE SET verdict = excluded.verdict, note = excluded.note, created_at = excluded.created_at",
			string(v.Session), int64(v.Target), v.Reviewer, string(v.Verdict), v.Note, db.Micros(v.CreatedAt))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM demos_lease WHERE session_id = $1 AND account_id = $2", string(v.Session), c.Account); err != nil {
			return err
		}
		return s.audit(ctx, tx, "demo.review", string(v.Session), target.Decimal()+" "+string(verdict))
	})
}

const reviewColumns = "session_id, target, reviewer, verdict, note, created_at"

func scanReview(row scanner) (v Review, err error) {
	var session, verdict string
	var target, created int64
	err = row.Scan(&session, &target, &v.Reviewer, &verdict, &v.Note, &created)
	v.Session, v.Target, v.Verdict, v.CreatedAt = SessionID(session), steam.ID(uint64(target)), Verdict(verdict), db.Time(created)
	return v, err
}

// Complaint is a report as moderators see it.
type Complaint struct {
	Report
	Demo, Map string    // name and map of the recording
	StartAt   time.Time // of the recording
	Times     int64     // the target was reported in so many recordings
}

// Inbox selects reports. Zero fields select all.
type Inbox struct {
	Handled *bool
	Target  steam.ID
	Reason  Reason
}

// Complaints returns a part of the reports, the newest first, the cursor of
// the next part, "" after the last, and how many there are in all.
func (s *Service) Complaints(ctx context.Context, f Inbox, p Page) (all []Complaint, next string, total int64, err error) {
	var w condition
	if f.Handled != nil && *f.Handled {
		w.and("handled_at > 0")
	} else if f.Handled != nil {
		w.and("handled_at = 0")
	}
	if f.Target != 0 {
		w.and("target = ?", int64(f.Target))
	}
	if f.Reason != "" {
		w.and("reason = ?", string(f.Reason))
	}
	counted := w.clone()
	if p.Cursor != "" {
		parts := strings.Split(p.Cursor, "_")
		if len(parts) != 3 || !SessionID(parts[1]).Valid() {
			return nil, "", 0, errCursor
		}
		at, err := strconv.ParseInt(parts[0], 10, 64)
		target, err2 := strconv.ParseInt(parts[2], 10, 64)
		if err != nil || err2 != nil {
			return nil, "", 0, errCursor
		}
		w.and("(created_at, session_id, target) < (?, ?, ?)", at, parts[1], target)
	}
	all, total, err = s.store.complaints(ctx, w, counted, p.Limit+1)
	if len(all) > p.Limit {
		all = all[:p.Limit]
		r := all[p.Limit-1]
		next = strconv.FormatInt(db.Micros(r.CreatedAt), 10) + "_" + string(r.Session) + "_" + strconv.FormatInt(int64(r.Target), 10)
	}
	return all, next, total, err
}

func (st store) complaints(ctx context.Context, w, counted condition, limit int) (all []Complaint, total int64, err error) {
	query := "SELECT r.session_id, r.target, r.reason, r.account_id, r.checked, r.handled_at, r.handled_by, r.created_at, s.demo_name, s.map, s.start_at, " +
		"(SELECT COUNT(*) FROM demos_report o WHERE o.target = r.target) FROM (SELECT * FROM demos_report WHERE " + w.sql() +
		" ORDER BY created_at DESC, session_id DESC, target DESC" + w.limit(limit) + ") r JOIN demos_session s ON s.id = r.session_id " +
		"ORDER BY r.created_at DESC, r.session_id DESC, r.target DESC"
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM demos_report WHERE "+counted.sql(), counted.args...).Scan(&total); err != nil {
			return err
		}
		all, err = rowsOf(ctx, tx, scanComplaint, query, w.args...)
		return err
	})
	return all, total, err
}

func scanComplaint(row scanner) (c Complaint, err error) {
	var start int64
	c.Report, err = scanReport(joined{row, []any{&c.Demo, &c.Map, &start, &c.Times}})
	c.StartAt = db.Time(start)
	return c, err
}

// joined scans more columns behind those that a caller knows.
type joined struct {
	row  scanner
	more []any
}

// Scan copies the columns of the row.
func (w joined) Scan(dest ...any) error { return w.row.Scan(append(dest, w.more...)...) }

// Handle notes that somebody looked at a report. Who did first stays noted.
func (s *Service) Handle(ctx context.Context, c Caller, session string, target steam.ID) error {
	return s.store.db.Write(ctx, func(tx *db.Tx) error {
		var handled int64
		err := tx.QueryRow(ctx, "SELECT handled_at FROM demos_report WHERE session_id = $1 AND target = $2", text(session), int64(target)).Scan(&handled)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.NotFound, "There is no such report")
		}
		if err != nil || handled != 0 {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE demos_report SET handled_at = $3, handled_by = $4 WHERE session_id = $1 AND target = $2",
			text(session), int64(target), db.Micros(s.clock.Now()), c.Account); err != nil {
			return err
		}
		return s.audit(ctx, tx, "report.handle", text(session), target.Decimal())
	})
}
