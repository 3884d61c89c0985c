package matches_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/matches"
)

// TestVoid: a match that is taken out leaves what there would be without it,
// in the statistics and in the history of every match that followed.
func TestVoid(t *testing.T) {
	const players, reports, out = 10, 30, 7
	each(t, players, func(t *testing.T, r *rig) {
		rnd := rand.New(rand.NewPCG(5, 5))
		var without []matches.Match
		var id int64
		all := make([]matches.Report, reports)
		for i := range all {
			all[i] = random(rnd, players)
			all[i].Key = fmt.Sprint(i)
			switch n := r.mustReport(t, all[i]); i {
			case out:
				id = n
			default:
				without = append(without, matches.Match{ID: n, Key: all[i].Key})
			}
		}
		if _, err := r.Void(t.Context(), id, 3, "played by one hand"); err != nil {
			t.Fatal(err)
		}
		got, err := r.Stats(t.Context(), 28, ids(players))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(oneAfterTheOther(all, without), untimed(got)); diff != "" {
			t.Error(diff)
		}
		// Every match goes on where the one before ended, over all of them.
		ratings := map[int64]float64{}
		for _, w := range without {
			m, err := r.Get(t.Context(), w.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, team := range m.Teams {
				for _, e := range team.Players {
					if before, ok := ratings[e.Player]; ok && before != e.Before {
						t.Errorf("match %d begins at %v for %d, who had %v", w.ID, e.Before, e.Player, before)
					}
					ratings[e.Player] = e.After
				}
			}
		}
		m, err := r.Get(t.Context(), id)
		if err != nil || m.VoidedAt.IsZero() || m.VoidedBy != 3 || m.VoidReason != "played by one hand" {
			t.Errorf("%+v, %v", m, err)
		}
		if _, err := r.Void(t.Context(), id, 3, "again"); !fault.Is(err, fault.Conflict) {
			t.Errorf("a second time: %v", err)
		}
		if len(r.audited) != 1 || !strings.HasPrefix(r.audited[0], "match.void match ") {
			t.Errorf("in the audit log: %q", r.audited)
		}
	})
}

// TestVoidTheOnlyMatch leaves nothing of players who played no other.
func TestVoidTheOnlyMatch(t *testing.T) {
	each(t, 3, func(t *testing.T, r *rig) {
		id := r.mustReport(t, report(0, []int64{1}, []int64{2}))
		last := r.mustReport(t, report(0, []int64{1}, []int64{3}))
		if _, err := r.Void(t.Context(), id, 0, ""); err != nil {
			t.Fatal(err)
		}
		if got := r.stats(t, 2); got != (matches.Stats{}) {
			t.Errorf("of who played only it is left %+v", got)
		}
		if p, _, err := r.PlaceOf(t.Context(), matches.Overall, 2); err != nil || p != (matches.Place{}) {
			t.Errorf("and in the overall list %+v, %v", p, err)
		}
		if got := r.stats(t, 1); got.Rating != 832 || got.PlayedField != 1 || got.WonField != 1 {
			t.Errorf("of who played on %+v", got)
		}
		m := r.stats(t, 1)
		if _, err := r.Void(t.Context(), last, 0, ""); err != nil {
			t.Fatal(err)
		}
		if got := r.stats(t, 1); got != (matches.Stats{}) || m.LastSeen.IsZero() {
			t.Errorf("at the end %+v", got)
		}
		r.mustReport(t, report(0, []int64{1}, []int64{2}))
		if got := r.stats(t, 1); got.Rating != 832 {
			t.Errorf("and again %+v", got)
		}
	})
}

func TestVoidUnknown(t *testing.T) {
	each(t, 1, func(t *testing.T, r *rig) {
		if _, err := r.Void(t.Context(), 17, 0, ""); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	})
}
