package matches_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/matches"
)

// rig is a Service over a database, with accounts that the test makes up.
type rig struct {
	*matches.Service
	db      *db.DB
	mu      sync.Mutex
	people  map[int64]matches.Player
	audited []string
}

func newRig(t *testing.T, d *db.DB, options ...func(*matches.Options)) *rig {
	t.Helper()
	r := &rig{db: d, people: map[int64]matches.Player{}}
	c := config.Default().Metaserver
	c.RankedMatches = 1
	o := matches.Options{Config: c, DB: d, Players: r.players, Audit: r.audit}
	for _, option := range options {
		option(&o)
	}
	var err error
	if r.Service, err = matches.New(o); err != nil {
		t.Fatal(err)
	}
	return r
}

// each runs a test on both databases, with verified players 1 to n.
func each(t *testing.T, n int64, test func(t *testing.T, r *rig)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		for id := int64(1); id <= n; id++ {
			r.people[id] = matches.Player{Name: "p", Verified: true}
		}
		test(t, r)
	})
}

func (r *rig) players(_ context.Context, ids []int64) (map[int64]matches.Player, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := map[int64]matches.Player{}
	for _, id := range ids {
		if p, ok := r.people[id]; ok {
			found[id] = p
		}
	}
	return found, nil
}

func (r *rig) audit(_ context.Context, _ *db.Tx, action, target, detail string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.audited = append(r.audited, action+" "+target+" "+detail)
	return nil
}

// report makes a report of teams in the order of their ids.
func report(winner int, teams ...[]int64) matches.Report {
	r := matches.Report{Server: 28, Winner: winner}
	for i, players := range teams {
		race := matches.Human
		if i%2 == 1 {
			race = matches.Beast
		}
		r.Teams = append(r.Teams, matches.Team{ID: i, Race: race, Players: players, Commander: -9})
	}
	return r
}

func (r *rig) mustReport(t *testing.T, m matches.Report) int64 {
	t.Helper()
	receipt, err := r.Report(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Match
}

// stats returns those of one account on server 28; the zero value when it has
// none.
func (r *rig) stats(t *testing.T, account int64) matches.Stats {
	t.Helper()
	all, err := r.Stats(t.Context(), 28, []int64{account})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		return matches.Stats{}
	}
	return all[0]
}

// untimed takes away what depends on the clock.
func untimed(all []matches.Stats) []matches.Stats {
	for i := range all {
		all[i].FirstSeen, all[i].LastSeen = time.Time{}, time.Time{}
	}
	return all
}
