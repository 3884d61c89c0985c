package matches_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/matches"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/rating"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

// TestSequence plays the four matches of the original's own test.
func TestSequence(t *testing.T) {
	each(t, 2, func(t *testing.T, r *rig) {
		r.mustReport(t, report(matches.Draw, []int64{1}, []int64{2}))
		if a, b := r.stats(t, 1), r.stats(t, 2); a.Rating != 800 || b.Rating != 800 || a.PlayedField != 1 || a.WonField != 0 {
			t.Errorf("after a draw %+v and %+v", a, b)
		}
		r.mustReport(t, report(0, []int64{1}, []int64{2}))
		if a, b := r.stats(t, 1), r.stats(t, 2); a.Rating != 832 || b.Rating != 768 || a.WonField != 1 || b.WonField != 0 {
			t.Errorf("after a win %+v and %+v", a, b)
		}
		r.mustReport(t, report(matches.Draw, []int64{1}, []int64{2}))
		last := report(1, []int64{1, -1}, []int64{2})
		last.Teams[0].Commander, last.Teams[1].Commander = -5, -5
		r.mustReport(t, last)
		a, b := r.stats(t, 1), r.stats(t, 2)
		if !near(a.Rating, 796.2394796332225) || !near(b.Rating, 806.3393844861329) {
			t.Errorf("at the end %v and %v", a.Rating, b.Rating)
		}
		want := matches.Stats{Account: 2, Server: 28, PlayedField: 4, WonField: 1, Rating: b.Rating, FirstSeen: b.FirstSeen, LastSeen: b.LastSeen}
		if diff := cmp.Diff(want, b); diff != "" {
			t.Error(diff)
		}
		if b.FirstSeen.IsZero() || b.LastSeen.Before(b.FirstSeen) {
			t.Errorf("seen from %v to %v", b.FirstSeen, b.LastSeen)
		}
	})
}

func TestWhoCounts(t *testing.T) {
	each(t, 3, func(t *testing.T, r *rig) {
		r.people[4] = matches.Player{Name: "unverified"}
		r.people[5] = matches.Player{Name: "closed", Verified: true, Closed: true}
		m := report(0, []int64{1, 4, 0, -1, 99}, []int64{2, 5})
		m.Teams[0].Commander, m.Teams[1].Commander = 3, 1 // 1 is in the field of the other side
		id := r.mustReport(t, m)
		for account, want := range map[int64]matches.Stats{
			1: {PlayedField: 1, WonField: 1, PlayedCommand: 1}, 2: {PlayedField: 1}, 3: {PlayedCommand: 1, WonCommand: 1, Rating: 800},
			4: {PlayedField: 1, WonField: 1}, 5: {PlayedField: 1, Hidden: true}, 99: {}, 0: {}, -1: {},
		} {
			got := r.stats(t, account)
			if want.PlayedField > 0 {
				want.Rating = got.Rating
			}
			if want != (matches.Stats{}) {
				want.Account, want.Server = account, 28
			}
			if diff := cmp.Diff(want, untimed([]matches.Stats{got})[0]); diff != "" {
				t.Errorf("%d: %s", account, diff)
			}
		}
		got, err := r.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		counted := map[int64]bool{}
		for _, team := range got.Teams {
			for _, e := range team.Players {
				counted[e.Player] = e.Counted
			}
		}
		if diff := cmp.Diff(map[int64]bool{1: true, 2: true, 4: true, 5: true, 99: false, 0: false, -1: false}, counted); diff != "" {
			t.Error(diff)
		}
	})
}

// TestCommanders: one without statistics gets them if he is verified; one that
// has them is counted in any case, and for each side that he led.
func TestCommanders(t *testing.T) {
	each(t, 2, func(t *testing.T, r *rig) {
		r.people[9] = matches.Player{Name: "unverified"}
		m := report(0, []int64{1}, []int64{2})
		m.Teams[0].Commander, m.Teams[1].Commander = 9, 9
		r.mustReport(t, m)
		if got := r.stats(t, 9); got != (matches.Stats{}) {
			t.Errorf("an unverified commander: %+v", got)
		}
		r.mustReport(t, report(0, []int64{9}, []int64{2}))
		r.mustReport(t, m)
		if got := r.stats(t, 9); got.PlayedField != 1 || got.PlayedCommand != 2 || got.WonCommand != 1 || got.Rating <= 800 {
			t.Errorf("a commander with statistics: %+v", got)
		}
	})
}

func TestRepeatedReports(t *testing.T) {
	each(t, 2, func(t *testing.T, r *rig) {
		m := report(0, []int64{1}, []int64{2})
		m.Key = "eden2-17"
		first := r.mustReport(t, m)
		again, err := r.Report(t.Context(), m)
		if err != nil || again != (matches.Receipt{Match: first, Repeated: true}) {
			t.Errorf("again: %+v, %v", again, err)
		}
		if got := r.stats(t, 1); got.PlayedField != 1 || got.Rating != 832 {
			t.Errorf("counted twice: %+v", got)
		}
		other := m
		other.Server = 29
		if receipt, err := r.Report(t.Context(), other); err != nil || receipt.Repeated {
			t.Errorf("another server's match of the same name: %+v, %v", receipt, err)
		}
		m.Key = ""
		for range 2 {
			if receipt, err := r.Report(t.Context(), m); err != nil || receipt.Repeated {
				t.Errorf("without a name: %+v, %v", receipt, err)
			}
		}
		if got := r.stats(t, 1); got.PlayedField != 3 {
			t.Errorf("%+v", got)
		}
	})
}

func TestRefusedReports(t *testing.T) {
	full := func(n int, from int64) (ids []int64) {
		for i := range n {
			ids = append(ids, from+int64(i))
		}
		return ids
	}
	same := report(0, []int64{1}, []int64{2})
	same.Teams[1].ID = 0
	alien := report(0, []int64{1}, []int64{2})
	alien.Teams[1].Race = "alien"
	long := report(0, []int64{1}, []int64{2})
	long.Key = string(slices.Repeat([]rune{'é'}, 101))
	each(t, 2, func(t *testing.T, r *rig) {
		for name, m := range map[string]matches.Report{
			"one team": report(0, []int64{1}), "five teams": report(0, []int64{1}, []int64{2}, []int64{3}, []int64{4}, []int64{5}),
			"nobody": report(0, []int64{1}, nil), "too many": report(0, full(33, 1), full(1, 100)), "in both": report(0, []int64{1, -1}, []int64{2, -1}),
			"twice": report(0, []int64{1, 1}, []int64{2}), "winner": report(2, []int64{1}, []int64{2}), "team twice": same, "race": alien, "key": long,
		} {
			if _, err := r.Report(t.Context(), m); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, _, total, err := r.List(t.Context(), matches.Filter{}, matches.Page{Limit: 1}); err != nil || total != 0 {
			t.Errorf("%d matches are stored, %v", total, err)
		}
	})
}

func TestTooManyReports(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	d := dbtest.SQLite(t)
	r := newRig(t, d, func(o *matches.Options) {
		o.Config.MatchesPerHour = 2
		o.Now = func() time.Time { return now }
	})
	m := report(0, []int64{1}, []int64{2})
	for range 2 {
		r.mustReport(t, m)
	}
	if _, err := r.Report(t.Context(), m); !fault.Is(err, fault.TooMany) {
		t.Errorf("a third within the hour: %v", err)
	}
	other := m
	other.Server = 29
	r.mustReport(t, other)
	now = now.Add(30 * time.Minute)
	r.mustReport(t, m)
}

// TestLargeMatch has as many players as a match can have, on both databases
// the same.
func TestLargeMatch(t *testing.T) {
	each(t, 200, func(t *testing.T, r *rig) {
		var teams [][]int64
		for team := range int64(4) {
			var ids []int64
			for i := range int64(32) {
				ids = append(ids, 1+team*32+i)
			}
			teams = append(teams, ids)
		}
		m := report(2, teams...)
		for i := range m.Teams {
			m.Teams[i].Commander = 150 + int64(i)
		}
		id := r.mustReport(t, m)
		got, err := r.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		people := 0
		for _, team := range got.Teams {
			people += len(team.Players)
			if !team.Commander.Counted || team.Field != 32 {
				t.Errorf("team %+v", team)
			}
		}
		all, err := r.Stats(t.Context(), 28, slices.Concat(teams...))
		if err != nil || people != 128 || len(all) != 128 {
			t.Errorf("%d took part, %d have statistics, %v", people, len(all), err)
		}
		for _, st := range all {
			if want := map[bool]float64{true: 832, false: 768}[st.WonField == 1]; st.Rating != want {
				t.Errorf("%+v", st)
			}
		}
	})
}

// random is a match of some of so many players.
func random(r *rand.Rand, players int) matches.Report {
	order := r.Perm(players)
	half := 1 + r.IntN(4)
	teams := make([][]int64, 2)
	for i := range 2 * half {
		teams[i%2] = append(teams[i%2], int64(order[i]+1))
	}
	m := report(r.IntN(3)-1, teams...)
	m.Teams[0].Commander = int64(order[2*half] + 1)
	m.Teams[1].Commander = int64(order[2*half+1] + 1)
	return m
}

// TestConcurrentReports: two hundred reports at once, of players who are in
// many of them, leave what the same reports one after the other leave.
func TestConcurrentReports(t *testing.T) {
	const players, reports = 16, 200
	each(t, players, func(t *testing.T, r *rig) {
		rnd := rand.New(rand.NewPCG(7, 7))
		all := make([]matches.Report, reports)
		for i := range all {
			all[i] = random(rnd, players)
			all[i].Key = fmt.Sprint("match ", i)
		}
		start := time.Now()
		var wg sync.WaitGroup
		for _, m := range all {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if _, err := r.Report(context.Background(), m); err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		t.Logf("%d reports at once took %s", reports, time.Since(start).Round(time.Millisecond))

		// The order in which they were stored is that of their numbers.
		stored, _, _, err := r.List(t.Context(), matches.Filter{}, matches.Page{Limit: reports})
		if err != nil || len(stored) != reports {
			t.Fatalf("%d are stored, %v", len(stored), err)
		}
		slices.Reverse(stored)
		want := oneAfterTheOther(all, stored)
		got, err := r.Stats(t.Context(), 28, ids(players))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, untimed(got)); diff != "" {
			t.Error(diff)
		}
	})
}

func ids(n int64) (all []int64) {
	for id := int64(1); id <= n; id++ {
		all = append(all, id)
	}
	return all
}

// oneAfterTheOther computes what the reports leave when they are taken in the
// order of the stored matches, without the code that stores them.
func oneAfterTheOther(all []matches.Report, stored []matches.Match) []matches.Stats {
	byKey := map[string]matches.Report{}
	for _, m := range all {
		byKey[m.Key] = m
	}
	stats := map[int64]*matches.Stats{}
	of := func(id int64) *matches.Stats {
		if stats[id] == nil {
			stats[id] = &matches.Stats{Account: id, Server: 28, Rating: 800}
		}
		return stats[id]
	}
	p := rating.Default()
	for _, one := range stored {
		m := byKey[one.Key]
		before := make([][]float64, len(m.Teams))
		for i, team := range m.Teams {
			for _, id := range team.Players {
				before[i] = append(before[i], of(id).Rating)
			}
		}
		for i, rated := range p.Rate(before, m.Winner) {
			for n, c := range rated.Changes {
				st := of(m.Teams[i].Players[n])
				st.Rating = c.After
				st.PlayedField++
				if m.Winner == i {
					st.WonField++
				}
			}
		}
		for i, team := range m.Teams {
			st := of(team.Commander)
			st.PlayedCommand++
			if m.Winner == i {
				st.WonCommand++
			}
		}
	}
	var list []matches.Stats
	for id := int64(1); id <= int64(len(stats)); id++ {
		list = append(list, *stats[id])
	}
	return list
}

// TestOverall: the rating over all servers is the mean, weighted by matches.
func TestOverall(t *testing.T) {
	each(t, 2, func(t *testing.T, r *rig) {
		r.mustReport(t, report(0, []int64{1}, []int64{2}))
		for range 3 {
			m := report(matches.Draw, []int64{1}, []int64{-1})
			m.Server = 29
			r.mustReport(t, m)
		}
		p, total, err := r.PlaceOf(t.Context(), matches.Overall, 1)
		if err != nil || total != 2 || p.Rank != 1 || !near(p.Rating, (832+3*800.0)/4) || p.PlayedField != 4 || p.WonField != 1 {
			t.Errorf("%+v of %d, %v", p, total, err)
		}
	})
}

func TestNewNeedsConstants(t *testing.T) {
	d := dbtest.SQLite(t)
	c := config.Default().Metaserver
	c.RatingStep = -1
	none := func(context.Context, []int64) (map[int64]matches.Player, error) { return nil, nil }
	if _, err := matches.New(matches.Options{Config: c, DB: d, Players: none}); err == nil {
		t.Error("constants that make no ratings are taken")
	}
	if _, err := matches.New(matches.Options{}); err == nil {
		t.Error("a service without a database")
	}
}
