package demosink

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/demosink/masterbase"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// arriving is a session on its way in.
type arriving struct {
	m     masterbase.Session
	sess  Session // the row as it is to be
	known bool    // there was a row before
	// What is new beside the row.
	blob       bool        // the file was stored
	analysed   bool        // an analysis is to be taken in
	detections []Detection // with ticks, as far as the file of the analysis is there
	reviewers  []int64     // accounts, as Reviews
}

// at is a time for the database: that of the session when t is zero.
func (a *arriving) at(t time.Time) int64 {
	if t.IsZero() {
		t = a.m.Updated
	}
	return db.Micros(t)
}

// session takes one session over, or completes what is known of it.
func (im *importer) session(ctx context.Context, m masterbase.Session) error {
	id := SessionID(m.ID)
	switch {
	case m.Problem != "":
		im.report.problem(ImportSkipped, m.ID, m.Where, m.Problem)
		return nil
	case !id.Valid():
		im.report.problem(ImportSkipped, "", m.Where, "it has no valid number")
		return nil
	case m.Active || m.Open:
		im.report.problem(ImportSkipped, m.ID, m.Where, "it is not closed there; import again when it is")
		return nil
	}
	a := &arriving{m: m}
	sess, err := im.s.store.session(ctx, id)
	switch {
	case fault.Is(err, fault.NotFound):
		if a.sess, err = im.row(ctx, m); err != nil {
			return err
		}
	case err != nil:
		return err
	case sess.Source != SourceImport:
		im.report.problem(ImportSkipped, m.ID, m.Where, "a recording with this number is here that came in another way")
		return nil
	default:
		a.sess, a.known = sess, true
	}
	if err := im.file(ctx, a); err != nil {
		return err
	}
	if err := im.analysis(ctx, a); err != nil {
		return err
	}
	return im.put(ctx, a)
}

// row makes the row of a session that is not known, without its file.
func (im *importer) row(ctx context.Context, m masterbase.Session) (Session, error) {
	account, err := im.account(ctx, m.SteamID)
	sess := Session{
		ID: SessionID(m.ID), Account: account, SteamID: m.SteamID, Source: SourceImport, DemoName: text(m.DemoName), Pruned: m.Pruned,
		StartAt: m.Start, EndAt: m.End, FakeIP: text(m.FakeIP), Map: text(m.Map), Late: m.Late, Score: m.Score, HasScore: m.HasScore,
		CreatedAt: m.Created, UpdatedAt: m.Updated,
	}
	if sess.EndAt.IsZero() {
		sess.EndAt = m.Updated
	}
	if m.Pruned { // the row still says how large it was
		sess.Size, sess.HasSize = m.Size, m.HasSize
	}
	return sess, err
}

// analysis finds out whether an analysis is to be taken in, and reads what it
// found. The tables of exports have no counts; then the file is all there is.
func (im *importer) analysis(ctx context.Context, a *arriving) error {
	a.analysed = a.m.Ingested && !a.sess.Ingested
	if a.sess.Ingested || a.sess.Pruned && !a.analysed {
		return nil
	}
	b, err := im.analysisFile(ctx, a)
	if err != nil || b == nil {
		if a.analysed && err == nil && !a.m.Counted {
			im.report.problem(ImportNote, a.m.ID, a.m.Where, "it was analysed there, and the tables and files do not say what was found")
		}
		return err
	}
	if a.analysed {
		a.detections, _ = parseAnalysis(b) // was checked
	}
	return nil
}

// put writes everything about a session in one transaction.
func (im *importer) put(ctx context.Context, a *arriving) error {
	if !a.known || a.analysed { // later reviews there would be of another analysis than here
		for _, v := range a.m.Reviews {
			account, err := im.account(ctx, v.Reviewer)
			if err != nil {
				return err
			}
			a.reviewers = append(a.reviewers, account)
		}
	} else {
		a.m.Reviews = nil
	}
	var reports, reviews int64
	var err error
	if im.o.DryRun {
		reports, err = im.newReports(ctx, a)
		reviews = int64(len(a.m.Reviews))
	} else if !a.known || a.blob || a.analysed || len(a.m.Reports) > 0 {
		reports, reviews, err = im.s.store.putArriving(ctx, a)
	}
	if err != nil {
		return err
	}
	im.report.Reports += int(reports)
	im.report.Reviews += int(reviews)
	if a.analysed {
		im.report.Analyses++
	}
	switch {
	case !a.known:
		im.report.Sessions++
	case a.blob || a.analysed || reports+reviews > 0:
		im.report.Completed++
	default:
		im.report.Present++
	}
	return nil
}

// newReports counts the reports that are not here.
func (im *importer) newReports(ctx context.Context, a *arriving) (n int64, err error) {
	n = int64(len(a.m.Reports))
	if !a.known || n == 0 {
		return n, nil
	}
	err = im.s.store.db.Read(ctx, func(tx *db.Tx) error {
		for _, r := range a.m.Reports {
			var have int64
			if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM demos_report WHERE session_id = $1 AND target = $2", a.m.ID, int64(r.Target)).Scan(&have); err != nil {
				return err
			}
			n -= have
		}
		return nil
	})
	return n, err
}

// putArriving writes a session and what belongs to it, and returns how many
// reports and reviews were new.
func (st store) putArriving(ctx context.Context, a *arriving) (reports, reviews int64, err error) {
	id := string(a.sess.ID)
	err = st.db.Write(ctx, func(tx *db.Tx) error {
		reports, reviews = 0, 0
		switch {
		case !a.known:
			if err := insertSession(ctx, tx, a.sess); err != nil {
				return err
			}
		case a.blob:
			if err := completeSession(ctx, tx, a.sess); err != nil {
				return err
			}
		}
		if a.analysed {
			if err := insertAnalysis(ctx, tx, a); err != nil {
				return err
			}
		}
		for _, r := range a.m.Reports {
			n, err := tx.Exec(ctx, "INSERT INTO demos_report (session_id, target, reason, account_id, checked, created_at) VALUES ($1, $2, $3, $4, TRUE, $5) "+
				"ON CONFLICT (session_id, target) DO NOTHING", id, int64(r.Target), r.Reason, a.sess.Account, a.at(r.Created))
			if err != nil {
				return err
			}
			reports += n
		}
		for i, v := range a.m.Reviews {
			n, err := tx.Exec(ctx, "INSERT INTO demos_review ("+reviewColumns+") VALUES ($1, $2, $3, $4, '', $5) "+
				"ON CONFLICT (session_id, target, reviewer) DO NOTHING", id, int64(v.Target), a.reviewers[i], v.Verdict, a.at(v.Created))
			if err != nil {
				return err
			}
			reviews += n
		}
		return nil
	})
	return reports, reviews, err
}

// completeSession notes the file of a session that had none.
func completeSession(ctx context.Context, tx *db.Tx, s Session) error {
	statistics, err := statisticsText(s.Statistics)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, "UPDATE demos_session SET size = $2, late = $3, score = $4, suspicion = $5, sha256 = $6, received = $7, statistics = $8, "+
		"format = $9, server = $10, player = $11, game_dir = $12, seconds = $13, ticks = $14 WHERE id = $1 AND size IS NULL AND NOT pruned",
		string(s.ID), s.Size, blobValue(s.Late), nullFloat(s.Score, s.HasScore), s.Suspicion, s.SHA256, s.Received, statistics,
		string(s.Format), s.Server, s.Player, s.GameDir, s.Seconds, s.Ticks)
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "The recording %s was changed meanwhile", string(s.ID))
	}
	return err
}

// insertAnalysis marks a session as analysed and notes what was found: the
// counts of the tables, else those of the file.
func insertAnalysis(ctx context.Context, tx *db.Tx, a *arriving) error {
	if _, err := tx.Exec(ctx, "UPDATE demos_session SET ingested = TRUE WHERE id = $1", string(a.sess.ID)); err != nil {
		return err
	}
	counts, created := map[countKey]int64{}, a.m.Updated
	for _, c := range a.m.Counts {
		counts[countKey{c.Target, text(c.Algorithm)}] += c.Detections
		if !c.Created.IsZero() {
			created = c.Created
		}
	}
	if !a.m.Counted {
		counts = countDetections(a.detections)
	}
	if err := insertCounts(ctx, tx, a.sess.ID, counts, created); err != nil {
		return err
	}
	return insertDetections(ctx, tx, a.sess.ID, a.detections)
}
