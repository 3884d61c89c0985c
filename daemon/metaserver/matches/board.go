package matches

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Overall is the leaderboard of all servers together; others are named by
// their server. A player's rating there is the mean of his ratings on the
// servers, each weighted by the matches he played in the field there, so that
// one lucky evening on an empty server is worth little.
const Overall int64 = 0

// Place is somebody's place in a leaderboard.
type Place struct {
	Rank int64 // from 1; equal ratings have the same. 0: not in it
	Stats
}

// Board returns a part of a leaderboard, the highest rating first, the cursor
// of the next part, "" after the last, and how many players are in it. Those
// with fewer than metaserver.ranked_matches matches in the field are not.
func (s *Service) Board(ctx context.Context, server int64, p Page) (places []Place, next string, total int64, err error) {
	p.Limit = max(p.Limit, 1)
	from, err := parseMark(p.Cursor)
	if err != nil {
		return nil, "", 0, err
	}
	all, total, err := s.shown(ctx, server, from, p.Limit+1)
	if err != nil {
		return nil, "", 0, err
	}
	places = make([]Place, 0, len(all))
	for _, st := range all {
		if len(places) == p.Limit {
			next = from.String()
			break
		}
		from = from.after(st)
		places = append(places, Place{from.rank, st})
	}
	return places, next, total, nil
}

// shown returns a part of a leaderboard in which nobody's account is closed.
// Those that were closed since they played are taken out when they are met.
func (s *Service) shown(ctx context.Context, server int64, from mark, limit int) (all []Stats, total int64, err error) {
	for {
		ratings, err := s.ladders.get(ctx, server, s.readLadder)
		if err != nil {
			return nil, 0, err
		}
		err = s.store.db.Read(ctx, func(tx *db.Tx) error {
			all, err = board(ctx, tx, server, s.config.RankedMatches, from, limit)
			return err
		})
		if err != nil {
			return nil, 0, err
		}
		closed, err := s.closed(ctx, accountsOf(all))
		if err != nil || len(closed) == 0 {
			return all, int64(len(ratings)), err
		}
		if err := s.hide(ctx, closed, true); err != nil {
			return nil, 0, err
		}
	}
}

// mark is where a part of a leaderboard ends.
type mark struct {
	rating         float64
	account        int64
	position, rank int64
}

func (m mark) after(st Stats) mark {
	next := mark{rating: st.Rating, account: st.Account, position: m.position + 1, rank: m.position + 1}
	if m.position > 0 && m.rating == st.Rating {
		next.rank = m.rank
	}
	return next
}

func (m mark) String() string {
	return strings.Join([]string{strconv.FormatFloat(m.rating, 'g', -1, 64), strconv.FormatInt(m.account, 10),
		strconv.FormatInt(m.position, 10), strconv.FormatInt(m.rank, 10)}, "_")
}

func parseMark(text string) (m mark, err error) {
	if text == "" {
		return mark{}, nil
	}
	parts := strings.Split(text, "_")
	if len(parts) != 4 {
		return mark{}, errCursor
	}
	if m.rating, err = strconv.ParseFloat(parts[0], 64); err != nil || math.IsNaN(m.rating) || math.IsInf(m.rating, 0) {
		return mark{}, errCursor
	}
	for i, n := range []*int64{&m.account, &m.position, &m.rank} {
		if *n, err = strconv.ParseInt(parts[i+1], 10, 64); err != nil || *n < 1 {
			return mark{}, errCursor
		}
	}
	return m, nil
}

// PlaceOf returns the place of an account in a leaderboard and how many
// players are in it, against ratings that may be a few seconds old. An account
// that never played has the zero Place.
func (s *Service) PlaceOf(ctx context.Context, server, account int64) (p Place, total int64, err error) {
	ratings, err := s.ladders.get(ctx, server, s.readLadder)
	if err != nil {
		return Place{}, 0, err
	}
	err = s.store.db.Read(ctx, func(tx *db.Tx) error {
		p.Stats, err = one(ctx, tx, server, account)
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return Place{}, int64(len(ratings)), nil
	case err != nil:
		return Place{}, 0, err
	}
	if !p.Hidden && p.PlayedField >= int64(s.config.RankedMatches) {
		p.Rank = rank(ratings, p.Rating)
	}
	return p, int64(len(ratings)), nil
}

// readLadder returns the ratings in a leaderboard, the highest first.
func (s *Service) readLadder(ctx context.Context, server int64) (ratings []float64, err error) {
	err = s.store.db.Read(ctx, func(tx *db.Tx) error {
		ratings, err = ladder(ctx, tx, server, s.config.RankedMatches)
		return err
	})
	return ratings, err
}

// Forget has the ratings in leaderboards read anew, by which ranks are told.
func (s *Service) Forget() { s.ladders.forget() }
