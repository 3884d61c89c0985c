package demosink

import (
	"context"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// State is where a recording is in its life.
type State string

// States.
const (
	StateLive     State = "live"     // a connection brings it
	StateIdle     State = "idle"     // its player may come back
	StateClosed   State = "closed"   // nobody analysed it yet
	StateEmpty    State = "empty"    // nothing came
	StateAnalysed State = "analysed" // an analysis is stored
	StatePruned   State = "pruned"   // its bytes were deleted to make room
)

// State returns where the recording is in its life.
func (s *Session) State() State {
	switch {
	case s.Open:
		return StateLive
	case s.Active:
		return StateIdle
	case s.Pruned:
		return StatePruned
	case s.Ingested:
		return StateAnalysed
	case s.Size == 0 && s.Owner == "":
		return StateEmpty
	}
	return StateClosed
}

// Staff reports whether the caller may read everybody's recordings.
func (c Caller) Staff() bool { return c.Analyst || c.Moderator || c.Admin }

// mayRead reports whether the caller may know of the recording.
func (c Caller) mayRead(s Session) bool { return c.Staff() || c.owns(s) }

func (c Caller) owns(s Session) bool { return c.Account != 0 && s.Account == c.Account }

// Filter selects recordings. Zero fields select all.
type Filter struct {
	Map      string
	Server   string   // as the client said it or as the header has it
	Player   string   // part of the name of who recorded
	Target   steam.ID // was reported or detected
	Uploader steam.ID // only for admins
	Mine     bool
	From, To time.Time // when it began: From ≤ t < To
	State    State
	Source   Source
	Flagged  *bool  // marked, reported or with detections
	Query    string // part of the name, map, server or player
}

// Demo is a recording with what others say about it.
type Demo struct {
	Session
	Detections, Reports int64
}

// Page is a part of a list.
type Page struct {
	Sort   string // newest, oldest, size or score; "" is newest
	Limit  int
	Cursor string // Next of the page before
}

var errCursor = fault.New(fault.Invalid, "The cursor is not one of this list").WithHint("begin without one")

// order is how a list is sorted: by an expression, then by id.
type order struct {
	by   string
	desc bool
	key  func(Session) string // of a row, for the cursor
	read func(string) (any, error)
}

func readInt(s string) (any, error)   { return strconv.ParseInt(s, 10, 64) }
func readFloat(s string) (any, error) { return strconv.ParseFloat(s, 64) }

// unscored sorts recordings without a score behind all others.
const unscored = 1.0

func orderOf(sort string) (order, error) {
	start := func(s Session) string { return strconv.FormatInt(db.Micros(s.StartAt), 10) }
	switch sort {
	case "", "newest":
		return order{"start_at", true, start, readInt}, nil
	case "oldest":
		return order{"start_at", false, start, readInt}, nil
	case "size":
		return order{"COALESCE(size, 0)", true, func(s Session) string { return strconv.FormatInt(s.Size, 10) }, readInt}, nil
	case "score":
		return order{"COALESCE(score, 1.0)", false, func(s Session) string {
			if !s.HasScore {
				s.Score = unscored
			}
			return strconv.FormatFloat(s.Score, 'g', -1, 64)
		}, readFloat}, nil
	}
	return order{}, fault.New(fault.Invalid, "Recordings are not sorted by %q", sort)
}

func (o order) sql() string {
	if o.desc {
		return o.by + " DESC, id DESC"
	}
	return o.by + ", id"
}

// after adds to a condition that rows come after the cursor.
func (o order) after(w *condition, cursor string) error {
	if cursor == "" {
		return nil
	}
	key, id, ok := strings.Cut(cursor, "_")
	value, err := o.read(key)
	if !ok || err != nil || !SessionID(id).Valid() {
		return errCursor
	}
	sign := ">"
	if o.desc {
		sign = "<"
	}
	w.and("("+o.by+", id) "+sign+" (?, ?)", value, id)
	return nil
}

func (o order) cursor(s Session) string { return o.key(s) + "_" + string(s.ID) }

// List returns a part of the recordings that the caller may read and the
// filter selects, the cursor of the next part, "" after the last, and how many
// there are in all.
func (s *Service) List(ctx context.Context, c Caller, f Filter, p Page) (all []Demo, next string, total int64, err error) {
	if f.Uploader != 0 && !c.Admin {
		return nil, "", 0, fault.New(fault.Forbidden, "Only admins may ask who sent a recording")
	}
	o, err := orderOf(p.Sort)
	if err != nil {
		return nil, "", 0, err
	}
	var w condition
	if !c.Staff() || f.Mine {
		w.and("account_id = ? AND account_id <> 0", c.Account)
	}
	f.apply(&w)
	counted := w.clone()
	if err := o.after(&w, p.Cursor); err != nil {
		return nil, "", 0, err
	}
	all, total, err = s.store.demos(ctx, w, counted, o.sql(), p.Limit+1)
	if len(all) > p.Limit {
		all = all[:p.Limit]
		next = o.cursor(all[p.Limit-1].Session)
	}
	return all, next, total, err
}

// Find returns one recording; fault.NotFound also when the caller may not
// know of it.
func (s *Service) Find(ctx context.Context, c Caller, id string) (Session, error) {
	none := fault.New(fault.NotFound, "There is no such recording")
	if !SessionID(id).Valid() {
		return Session{}, none
	}
	sess, err := s.store.session(ctx, SessionID(id))
	if fault.Is(err, fault.NotFound) || err == nil && !c.mayRead(sess) {
		return Session{}, none
	}
	return sess, err
}

// Detail is a recording with everything that is known about it.
type Detail struct {
	Demo
	ReportList []Report
	Found      []Detection // the first of them, by tick
	Counts     []Count
	Reviews    []Review
	Witnesses  []Demo // recordings of others on the same server at the same time
	Lease      Lease  // zero: nobody works on it
}

// Count says how often an algorithm found something about a player.
type Count struct {
	Target     steam.ID
	Algorithm  string
	Detections int64
	CreatedAt  time.Time
}

const (
	maxFound     = 10_000
	maxWitnesses = 50
)

// Get returns everything about a recording; fault.NotFound also when the
// caller may not know of it. Players are shown what they said themselves, and
// not what was found.
func (s *Service) Get(ctx context.Context, c Caller, id string) (Detail, error) {
	sess, err := s.Find(ctx, c, id)
	if err != nil {
		return Detail{}, err
	}
	return s.store.detail(ctx, sess, c.Staff(), s.clock.Now())
}

// Delete removes a recording with all that is known about it.
// fault.Conflict: it still grows or is being stored.
func (s *Service) Delete(ctx context.Context, id string) error {
	sess, err := s.Find(ctx, Caller{Admin: true}, id)
	if err != nil {
		return err
	}
	err = s.store.db.Write(ctx, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, "DELETE FROM demos_session WHERE id = $1 AND NOT active AND owner = ''", string(sess.ID))
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "The recording still grows or is being stored").WithHint("try again when its session is closed")
		}
		if err != nil {
			return err
		}
		return s.audit(ctx, tx, "demo.delete", string(sess.ID), sess.DemoName)
	})
	if err != nil {
		return err
	}
	for _, key := range []string{sess.ID.DemoKey(), sess.ID.AnalysisKey()} {
		if err := s.blobs.Delete(ctx, key); err != nil {
			s.log.Warn("a file of a deleted recording is left", slog.String("key", key), slog.Any("error", err))
		}
	}
	return nil
}

// finite reports whether a score can be shown.
func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
