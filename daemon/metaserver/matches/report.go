package matches

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/rating"
)

// Receipt says what became of a report.
type Receipt struct {
	Match    int64
	Repeated bool // it was stored before, and nothing changed
}

// Report stores a match, rates its players and counts it in their statistics,
// all of it or nothing; when it returns nil that is on stable storage.
// fault.TooMany: the server reports more matches than there can be.
// fault.Invalid: no match is like that.
func (s *Service) Report(ctx context.Context, r Report) (Receipt, error) {
	if err := r.validate(); err != nil {
		return Receipt{}, err
	}
	if ok, wait := s.limit.Allow(r.Server); !ok {
		return Receipt{}, fault.New(fault.TooMany, "This server reports more matches than it can have played").
			WithHint("metaserver.matches_per_hour says how many are taken").WithRetryAfter(wait)
	}
	known, err := s.options.Players(ctx, r.people())
	if err != nil {
		return Receipt{}, err
	}
	if r.Map == "" && s.options.Servers != nil {
		servers, err := s.options.Servers(ctx, []int64{r.Server})
		if err != nil {
			return Receipt{}, err
		}
		r.Map = servers[r.Server].Map
	}
	done, err := s.turn(ctx)
	if err != nil {
		return Receipt{}, err
	}
	defer done()
	var receipt Receipt
	err = s.store.db.Write(ctx, func(tx *db.Tx) error {
		receipt, err = s.take(ctx, tx, r, known)
		return err
	})
	return receipt, err
}

// take stores a report within a transaction.
func (s *Service) take(ctx context.Context, tx *db.Tx, r Report, known map[int64]Player) (Receipt, error) {
	now := tx.Now.UTC().Truncate(time.Microsecond)
	m := Match{Server: r.Server, Key: r.Key, At: now, Map: r.Map, Winner: r.Winner, Parameters: s.parameters}
	id, fresh, err := insertMatch(ctx, tx, m, r.plays(Human), r.plays(Beast))
	if err != nil || !fresh {
		return Receipt{id, true}, err
	}
	m.ID = id
	accounts := slices.DeleteFunc(r.people(), func(id int64) bool { _, ok := known[id]; return !ok })
	stats, err := statsOn(ctx, tx, r.Server, accounts)
	if err != nil {
		return Receipt{}, err
	}
	changed := score(&m, r, known, stats)
	if err := putTeams(ctx, tx, m.ID, m.Teams); err != nil {
		return Receipt{}, err
	}
	if err := putEntries(ctx, tx, []*Match{&m}); err != nil {
		return Receipt{}, err
	}
	if err := putStats(ctx, tx, changed); err != nil {
		return Receipt{}, err
	}
	return Receipt{id, false}, refreshStandings(ctx, tx, accountsOf(changed))
}

func accountsOf(all []Stats) []int64 {
	ids := make([]int64, len(all))
	for i, st := range all {
		ids[i] = st.Account
	}
	return ids
}

// score fills in the teams of a match and returns the statistics that it
// changes, by account. stats are those before it, and are not changed.
func score(m *Match, r Report, known map[int64]Player, stats map[int64]Stats) []Stats {
	now := map[int64]*Stats{}
	of := func(account int64) *Stats {
		st := now[account]
		if st == nil {
			before, ok := stats[account]
			if !ok {
				before = Stats{Account: account, Server: m.Server, FirstSeen: m.At, Rating: m.Parameters.Initial}
			}
			st = &before
			st.LastSeen, st.Hidden = m.At, known[account].Closed
			now[account] = st
		}
		return st
	}
	m.Teams = ratedTeams(r, known, stats, m.Parameters)
	rate(m)
	for _, t := range m.Teams {
		for _, e := range t.Players {
			if !e.Counted {
				continue
			}
			st := of(e.Player)
			st.Rating = e.After
			st.PlayedField++
			if m.Won(t) {
				st.WonField++
			}
		}
	}
	for i := range m.Teams {
		t := &m.Teams[i]
		id := t.Commander.Player
		_, seen := stats[id]
		if player, ok := known[id]; !ok || !seen && now[id] == nil && !player.Verified {
			continue
		}
		t.Commander.Counted = true
		st := of(id)
		st.PlayedCommand++
		if m.Won(*t) {
			st.WonCommand++
		}
	}
	changed := make([]Stats, 0, len(now))
	for _, st := range now {
		changed = append(changed, *st)
	}
	slices.SortFunc(changed, func(a, b Stats) int { return cmp.Compare(a.Account, b.Account) })
	return changed
}

// ratedTeams are the teams of a report with the ratings before it.
func ratedTeams(r Report, known map[int64]Player, stats map[int64]Stats, p rating.Parameters) []RatedTeam {
	teams := make([]RatedTeam, len(r.Teams))
	for i, t := range r.Teams {
		teams[i] = RatedTeam{ID: t.ID, Race: t.Race, Field: len(t.Players), Players: make([]Entry, len(t.Players)), Commander: Entry{Player: t.Commander}}
		for n, id := range t.Players {
			e := Entry{Player: id, Before: p.Initial}
			_, e.Counted = known[id]
			if st, ok := stats[id]; ok && e.Counted {
				e.Before = st.Rating
			}
			teams[i].Players[n] = e
		}
	}
	return teams
}

// rate computes what the ratings before a match become, by the constants that
// the match carries. Players without an account keep theirs.
func rate(m *Match) {
	before, winner := make([][]float64, len(m.Teams)), rating.Draw
	for i, t := range m.Teams {
		before[i] = make([]float64, len(t.Players))
		for n, e := range t.Players {
			before[i][n] = e.Before
		}
		if m.Won(t) {
			winner = i
		}
	}
	for i, rated := range m.Parameters.Rate(before, winner) {
		t := &m.Teams[i]
		t.Mean, t.Opponent = rated.Mean, rated.Opponent
		for n, c := range rated.Changes {
			e := &t.Players[n]
			e.Expected, e.After = c.Expected, c.After
			if !e.Counted {
				e.After = e.Before
			}
		}
	}
}
