package matches

import (
	"context"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Filter selects matches. Zero fields select all.
type Filter struct {
	Server int64
	Player int64 // an account: the match is in its statistics
	// Race took part; together with Player, he was of it.
	Race     Race
	From, To time.Time // when it was reported: From ≤ t < To
}

// Page is a part of a list.
type Page struct {
	Limit  int    // less than 1 counts as 1
	Cursor string // Next of the page before
}

var errCursor = fault.New(fault.Invalid, "The cursor is not one of this list").WithHint("begin without one")

// List returns a part of the matches that the filter selects, the newest
// first, the cursor of the next part, "" after the last, and how many there
// are in all. Of the people the matches have the commanders and the player
// that the filter names.
func (s *Service) List(ctx context.Context, f Filter, p Page) (all []Match, next string, total int64, err error) {
	var before int64
	p.Limit = max(p.Limit, 1)
	if p.Cursor != "" {
		if before, err = strconv.ParseInt(p.Cursor, 10, 64); err != nil || before < 1 {
			return nil, "", 0, errCursor
		}
	}
	all, total, err = s.store.matches(ctx, f, before, p.Limit+1)
	if len(all) > p.Limit {
		all = all[:p.Limit]
		next = strconv.FormatInt(all[p.Limit-1].ID, 10)
	}
	return all, next, total, err
}

// Get returns a match with everybody who took part; fault.NotFound when there
// is none.
func (s *Service) Get(ctx context.Context, id int64) (m Match, err error) {
	err = s.store.db.Read(ctx, func(tx *db.Tx) error {
		m, err = match(ctx, tx, id)
		return unknown(err)
	})
	return m, err
}

// began returns when a match can have begun: after the one before it on its
// server ended, and at most two hours before its own end.
func (s *Service) began(ctx context.Context, m Match) (time.Time, error) {
	from := m.At.Add(-longest)
	err := s.store.db.Read(ctx, func(tx *db.Tx) error {
		at, err := endBefore(ctx, tx, m)
		if at.After(from) {
			from = at
		}
		return err
	})
	return from, err
}

// longest is how long a match can take.
const longest = 2 * time.Hour

// unknown gives the absence of a match a text.
func unknown(err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "There is no such match")
	}
	return err
}
