package demosink

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/demosink/anomaly"
	"github.com/quartermasterd/quartermaster/daemon/demosink/demofile"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// store is all SQL of recordings.
type store struct{ db *db.DB }

const sessionColumns = "id, account_id, steam_id, source, demo_name, active, open, ingested, pruned, verified, start_at, end_at, fake_ip, map, " +
	"size, late, score, suspicion, sha256, received, last_byte_at, clean_close, grace_until, statistics, owner, lease_until, " +
	"format, server, player, game_dir, seconds, ticks, created_at, updated_at"

type scanner interface{ Scan(dest ...any) error }

// scanSession reads a row of sessionColumns.
func scanSession(row scanner) (Session, error) {
	var (
		s                                                    Session
		steamID                                              int64
		start, end, lastByte, grace, lease, created, updated int64
		size                                                 sql.NullInt64
		score                                                sql.NullFloat64
		statistics, format, id, source                       string
	)
	err := row.Scan(&id, &s.Account, &steamID, &source, &s.DemoName, &s.Active, &s.Open, &s.Ingested, &s.Pruned, &s.Verified,
		&start, &end, &s.FakeIP, &s.Map, &size, &s.Late, &score, &s.Suspicion, &s.SHA256, &s.Received, &lastByte, &s.CleanClose,
		&grace, &statistics, &s.Owner, &lease, &format, &s.Server, &s.Player, &s.GameDir, &s.Seconds, &s.Ticks, &created, &updated)
	if err != nil {
		return Session{}, err
	}
	s.ID, s.Source, s.SteamID, s.Format = SessionID(id), Source(source), steam.ID(uint64(steamID)), demofile.Format(format)
	s.StartAt, s.EndAt, s.LastByteAt, s.GraceUntil = db.Time(start), db.Time(end), db.Time(lastByte), db.Time(grace)
	s.LeaseUntil, s.CreatedAt, s.UpdatedAt = db.Time(lease), db.Time(created), db.Time(updated)
	s.Size, s.HasSize, s.Score, s.HasScore = size.Int64, size.Valid, score.Float64, score.Valid
	if statistics != "" {
		err = json.Unmarshal([]byte(statistics), &s.Statistics)
	}
	return s, err
}

func statisticsText(a anomaly.State) (string, error) {
	if a == (anomaly.State{}) {
		return "", nil
	}
	b, err := json.Marshal(a)
	return string(b), err
}

// one returns the session that a condition of SQL selects; fault.NotFound
// when there is none.
func one(ctx context.Context, tx *db.Tx, where string, args ...any) (Session, error) {
	return scanSession(tx.QueryRow(ctx, "SELECT "+sessionColumns+" FROM demos_session WHERE "+where, args...))
}

// many returns all sessions that a condition of SQL selects.
func many(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Session, error) {
	rows, err := tx.Query(ctx, "SELECT "+sessionColumns+" FROM demos_session WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // the transaction reports it
	var all []Session
	for rows.Next() {
		s, err := scanSession(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// session returns one by its id.
func (st store) session(ctx context.Context, id SessionID) (s Session, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		s, err = one(ctx, tx, "id = $1", string(id))
		return err
	})
	return s, err
}

// active returns the session of an account that is not closed;
// fault.NotFound when there is none.
func (st store) active(ctx context.Context, account int64) (s Session, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		s, err = one(ctx, tx, "account_id = $1 AND active", account)
		return err
	})
	return s, err
}

// lastClosed returns the newest closed session of an account;
// fault.NotFound when there is none.
func (st store) lastClosed(ctx context.Context, account int64) (s Session, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		s, err = one(ctx, tx, "account_id = $1 AND NOT active ORDER BY start_at DESC LIMIT 1", account)
		return err
	})
	return s, err
}

// insert adds a session; fault.Conflict when its account has an active one.
func (st store) insert(ctx context.Context, s Session) error {
	return st.db.Write(ctx, func(tx *db.Tx) error { return insertSession(ctx, tx, s) })
}

func insertSession(ctx context.Context, tx *db.Tx, s Session) error {
	statistics, err := statisticsText(s.Statistics)
	if err != nil {
		return err
	}
	size, score := sql.NullInt64{Int64: s.Size, Valid: s.HasSize}, sql.NullFloat64{Float64: s.Score, Valid: s.HasScore}
	_, err = tx.Exec(ctx, "INSERT INTO demos_session ("+sessionColumns+") VALUES ("+db.In(1, 34)+")",
		string(s.ID), s.Account, int64(s.SteamID), string(s.Source), s.DemoName, s.Active, s.Open, s.Ingested, s.Pruned, s.Verified,
		db.Micros(s.StartAt), db.Micros(s.EndAt), s.FakeIP, s.Map, size, blobValue(s.Late), score, s.Suspicion, blobValue(s.SHA256),
		s.Received, db.Micros(s.LastByteAt), s.CleanClose, db.Micros(s.GraceUntil), statistics, s.Owner, db.Micros(s.LeaseUntil),
		string(s.Format), s.Server, s.Player, s.GameDir, s.Seconds, s.Ticks, db.Micros(s.CreatedAt), db.Micros(s.UpdatedAt))
	return err
}

// blobValue makes nil a NULL, and keeps an empty value apart from it.
func blobValue(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// exec runs one statement and answers fault.NotFound when it met no row.
func (st store) exec(ctx context.Context, query string, args ...any) error {
	return st.db.Write(ctx, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, query, args...)
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "There is no such recording")
		}
		return err
	})
}

// attached notes a connection. The grace timer stands still meanwhile.
func (st store) attached(ctx context.Context, id SessionID, owner string, lease time.Time) error {
	return st.exec(ctx, "UPDATE demos_session SET open = TRUE, clean_close = FALSE, grace_until = 0, owner = $2, lease_until = $3 WHERE id = $1 AND active",
		string(id), owner, db.Micros(lease))
}

// detached notes the end of a connection.
func (st store) detached(ctx context.Context, id SessionID, p progress, clean bool, grace time.Time) error {
	return st.exec(ctx, "UPDATE demos_session SET open = FALSE, clean_close = $2, grace_until = $3, received = $4, last_byte_at = $5, statistics = $6 WHERE id = $1 AND active",
		string(id), clean, db.Micros(grace), p.received, db.Micros(p.last), p.statistics)
}

// progress is what is known to be on stable storage of a stream.
type progress struct {
	id         SessionID
	received   int64
	last       time.Time
	statistics string
}

// advance notes the progress of many streams in one transaction.
func (st store) advance(ctx context.Context, all []progress) error {
	return st.db.Write(ctx, func(tx *db.Tx) error {
		for _, p := range all {
			if _, err := tx.Exec(ctx, "UPDATE demos_session SET received = $2, last_byte_at = $3, statistics = $4 WHERE id = $1 AND active AND received <= $2",
				string(p.id), p.received, db.Micros(p.last), p.statistics); err != nil {
				return err
			}
		}
		return nil
	})
}

// heartbeat renews the leases of everything that an owner holds.
func (st store) heartbeat(ctx context.Context, owner string, until time.Time) error {
	return st.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE demos_session SET lease_until = $2 WHERE active AND owner = $1", owner, db.Micros(until))
		return err
	})
}

// setLate stores the late bytes of a session that is active.
func (st store) setLate(ctx context.Context, id SessionID, late []byte, now time.Time) error {
	return st.exec(ctx, "UPDATE demos_session SET late = $2, updated_at = $3 WHERE id = $1 AND active", string(id), late, db.Micros(now))
}

// repatch stores the late bytes of a session that is closed and has none, and
// hands it to the owner to finish it again. fault.NotFound: it has some by now.
func (st store) repatch(ctx context.Context, id SessionID, late []byte, owner string, now time.Time) error {
	return st.exec(ctx, "UPDATE demos_session SET late = $2, owner = $3, updated_at = $4 "+
		"WHERE id = $1 AND NOT active AND late IS NULL AND NOT ingested AND NOT pruned AND (size IS NOT NULL OR owner = $3)",
		string(id), late, owner, db.Micros(now))
}

// closed ends a session. keep says that there are bytes to make a blob of:
// the owner then still has it to finish.
func (st store) closed(ctx context.Context, id SessionID, keep bool, now time.Time) error {
	query := "UPDATE demos_session SET active = FALSE, open = FALSE, grace_until = 0, lease_until = 0, end_at = $2, updated_at = $2"
	if !keep {
		query += ", owner = '', late = NULL"
	}
	return st.exec(ctx, query+" WHERE id = $1 AND active", string(id), db.Micros(now))
}

// due returns the ids of an owner's sessions whose time is over.
func (st store) due(ctx context.Context, owner string, now time.Time) (ids []SessionID, accounts []int64, next time.Time, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		ids, accounts, next = nil, nil, time.Time{}
		rows, err := tx.Query(ctx, "SELECT id, account_id, grace_until FROM demos_session WHERE active AND grace_until > 0 AND owner = $1 ORDER BY grace_until LIMIT 1000", owner)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // the transaction reports it
		for rows.Next() {
			var id string
			var account, until int64
			if err := rows.Scan(&id, &account, &until); err != nil {
				return err
			}
			if t := db.Time(until); t.After(now) {
				next = t
				break
			}
			ids, accounts = append(ids, SessionID(id)), append(accounts, account)
		}
		return rows.Err()
	})
	return ids, accounts, next, err
}

// owned returns everything an owner holds: sessions that are active, and
// closed ones that are not finished.
func (st store) owned(ctx context.Context, owner string) (all []Session, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		all, err = many(ctx, tx, "owner = $1", owner)
		return err
	})
	return all, err
}

// recovered notes a session that a process left behind.
func (st store) recovered(ctx context.Context, id SessionID, grace time.Time) error {
	return st.exec(ctx, "UPDATE demos_session SET open = FALSE, grace_until = $2 WHERE id = $1 AND active", string(id), db.Micros(grace))
}

// outcome is what finishing a recording found.
type outcome struct {
	size      int64
	sha256    []byte
	late      []byte // that are in the blob
	received  int64
	stats     anomaly.State
	suspicion string
	header    demofile.Header
}

var errLateChanged = fault.New(fault.Conflict, "The late bytes changed meanwhile")

// finished writes what finishing found and lets go of the session.
// errLateChanged: late bytes came meanwhile, and it is to be done again.
func (st store) finished(ctx context.Context, id SessionID, o outcome, now time.Time) error {
	statistics, err := statisticsText(o.stats)
	if err != nil {
		return err
	}
	score := sql.NullFloat64{Float64: o.stats.Score, Valid: o.stats.Scored > 0}
	return st.db.Write(ctx, func(tx *db.Tx) error {
		s, err := one(ctx, tx, "id = $1", string(id))
		if err != nil {
			return err
		}
		if string(s.Late) != string(o.late) {
			return errLateChanged
		}
		_, err = tx.Exec(ctx, "UPDATE demos_session SET size = $2, sha256 = $3, score = $4, suspicion = $5, received = $6, statistics = $7, "+
			"format = $8, server = $9, player = $10, game_dir = $11, seconds = $12, ticks = $13, owner = '', lease_until = 0, updated_at = $14 WHERE id = $1",
			string(id), o.size, o.sha256, score, o.suspicion, o.received, statistics, string(o.header.Format), o.header.Server, o.header.Player,
			o.header.GameDir, o.seconds(), o.ticks(), db.Micros(now))
		return err
	})
}

// open returns an owner's sessions that have a connection.
func (st store) open(ctx context.Context, owner string) (all []Session, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		all, err = many(ctx, tx, "active AND open AND owner = $1", owner)
		return err
	})
	return all, err
}

// abandoned lets go of a session of which nothing is left.
func (st store) abandoned(ctx context.Context, id SessionID, now time.Time) error {
	return st.exec(ctx, "UPDATE demos_session SET owner = '', lease_until = 0, updated_at = $2 WHERE id = $1 AND NOT active", string(id), db.Micros(now))
}

// deleteEmpty removes sessions that never brought anything and ended before a
// moment, unless a report of them is newer. It returns how many.
func (st store) deleteEmpty(ctx context.Context, before time.Time) (n int64, err error) {
	err = st.db.Write(ctx, func(tx *db.Tx) error {
		n, err = tx.Exec(ctx, "DELETE FROM demos_session WHERE NOT active AND size IS NULL AND owner = '' AND end_at < $1 AND source = $2 "+
			"AND NOT EXISTS (SELECT 1 FROM demos_report r WHERE r.session_id = demos_session.id AND r.created_at >= $1)",
			db.Micros(before), string(SourceStream))
		return err
	})
	return n, err
}
