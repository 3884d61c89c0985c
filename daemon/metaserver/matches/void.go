package matches

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// maxReplay is how many matches of a server may have followed the one that is
// taken out: all of them are rated anew in one transaction.
const maxReplay = 1000

// Void takes a match out: what it counted is counted back, and all matches of
// its server that followed are rated anew, as if it had never been reported.
// It stays in the history, marked, with the reason. by is the account of who
// does it, 0 for a command. fault.Conflict: it is out already, or too many
// have followed.
func (s *Service) Void(ctx context.Context, id, by int64, reason string) (m Match, err error) {
	done, err := s.turn(ctx)
	if err != nil {
		return Match{}, err
	}
	defer done()
	err = s.store.db.Write(ctx, func(tx *db.Tx) error {
		if m, err = match(ctx, tx, id); err != nil {
			return unknown(err)
		}
		if !m.VoidedAt.IsZero() {
			return fault.New(fault.Conflict, "The match does not count already")
		}
		m.VoidedAt, m.VoidedBy, m.VoidReason = tx.Now.UTC().Truncate(time.Microsecond), by, reason
		if err := s.void(ctx, tx, m); err != nil {
			return err
		}
		if s.options.Audit == nil {
			return nil
		}
		return s.options.Audit(ctx, tx, "match.void", "match "+strconv.FormatInt(id, 10), reason)
	})
	return m, err
}

func (s *Service) void(ctx context.Context, tx *db.Tx, m Match) error {
	if err := markVoid(ctx, tx, m); err != nil {
		return err
	}
	later, err := following(ctx, tx, m.Server, m.ID, maxReplay+1)
	if err != nil {
		return err
	}
	if len(later) > maxReplay {
		return fault.New(fault.Conflict, "More than %d matches of this server have followed, which is too many to be rated anew", maxReplay)
	}
	ratings, changed := replay(&m, later)
	for _, c := range changed {
		if err := putTeams(ctx, tx, c.ID, c.Teams); err != nil {
			return err
		}
	}
	if err := putEntries(ctx, tx, changed); err != nil {
		return err
	}
	return restate(ctx, tx, &m, ratings)
}

// replay rates anew what followed a match that is taken out. It returns the
// ratings at the end of everybody whose rating may have changed, and the
// matches that did.
func replay(out *Match, later []Match) (ratings map[int64]float64, changed []*Match) {
	ratings = map[int64]float64{}
	for _, t := range out.Teams {
		for _, e := range t.Players {
			if e.Counted {
				ratings[e.Player] = e.Before
			}
		}
	}
	for i := range later {
		m := &later[i]
		if !renew(m, ratings) {
			continue
		}
		rate(m)
		for _, t := range m.Teams {
			for _, e := range t.Players {
				if e.Counted {
					ratings[e.Player] = e.After
				}
			}
		}
		changed = append(changed, m)
	}
	return ratings, changed
}

// renew gives a match the ratings that differ from those it was rated by, and
// reports whether there are any.
func renew(m *Match, ratings map[int64]float64) (changed bool) {
	for _, t := range m.Teams {
		for n := range t.Players {
			e := &t.Players[n]
			if r, ok := ratings[e.Player]; ok && e.Counted && r != e.Before {
				e.Before, changed = r, true
			}
		}
	}
	if changed {
		return true
	}
	for _, t := range m.Teams { // what it made of them still holds
		for _, e := range t.Players {
			if _, ok := ratings[e.Player]; ok && e.Counted {
				ratings[e.Player] = e.After
			}
		}
	}
	return false
}

// restate writes the statistics of those whom the replay met, without what
// the match that is taken out had counted.
func restate(ctx context.Context, tx *db.Tx, out *Match, ratings map[int64]float64) error {
	counted := map[int64]Stats{} // by the match
	for _, t := range out.Teams {
		won := int64(0)
		if out.Won(t) {
			won = 1
		}
		for _, e := range t.Players {
			if c := counted[e.Player]; e.Counted {
				c.PlayedField, c.WonField = c.PlayedField+1, c.WonField+won
				counted[e.Player] = c
			}
		}
		if e := t.Commander; e.Counted {
			c := counted[e.Player]
			c.PlayedCommand, c.WonCommand = c.PlayedCommand+1, c.WonCommand+won
			counted[e.Player] = c
		}
	}
	accounts := sorted(slices.Concat(slices.Collect(maps.Keys(counted)), slices.Collect(maps.Keys(ratings))))
	stats, err := statsOn(ctx, tx, out.Server, accounts)
	if err != nil {
		return err
	}
	seen, err := lastSeen(ctx, tx, out.Server, slices.Sorted(maps.Keys(counted)))
	if err != nil {
		return err
	}
	kept, gone := []Stats{}, []int64{}
	for _, account := range accounts {
		st, ok := stats[account]
		if !ok {
			continue
		}
		c := counted[account]
		st.PlayedField, st.WonField = st.PlayedField-c.PlayedField, st.WonField-c.WonField
		st.PlayedCommand, st.WonCommand = st.PlayedCommand-c.PlayedCommand, st.WonCommand-c.WonCommand
		if r, ok := ratings[account]; ok {
			st.Rating = r
		}
		if at, ok := seen[account]; ok {
			st.LastSeen = at
		}
		if st.PlayedField+st.PlayedCommand == 0 {
			gone = append(gone, account)
			continue
		}
		kept = append(kept, st)
	}
	if err := putStats(ctx, tx, kept); err != nil {
		return err
	}
	if err := deleteStats(ctx, tx, out.Server, gone); err != nil {
		return err
	}
	return refreshStandings(ctx, tx, accounts)
}
