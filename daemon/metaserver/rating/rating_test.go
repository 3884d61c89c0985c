package rating_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/metaserver/rating"
)

// vector is a match with ratings that are known from elsewhere; NaN stands
// for a player without an account, whose new rating nobody keeps.
type vector struct {
	name           string
	before         [][]float64
	winner         int
	legacy, readme [][]float64
	wireLegacy     [][]int64
	wireReadme     [][]int64
}

var nobody = math.NaN()

func vectors() []vector {
	return []vector{
		{"V1", [][]float64{{800}, {800}}, rating.Draw, [][]float64{{800}, {800}}, [][]float64{{800}, {800}},
			[][]int64{{800}, {800}}, [][]int64{{800}, {800}}},
		{"V2", [][]float64{{800}, {800}}, 0, [][]float64{{832}, {768}}, [][]float64{{832}, {768}},
			[][]int64{{832}, {768}}, [][]int64{{832}, {768}}},
		{"V3", [][]float64{{832}, {768}}, rating.Draw,
			[][]float64{{829.174035521201}, {771.0614615186989}}, [][]float64{{829.174035521201}, {771.0614615186989}},
			[][]int64{{829}, {771}}, [][]int64{{829}, {771}}},
		{"V4", [][]float64{{829.174035521201, nobody}, {771.0614615186989}}, 1,
			[][]float64{{796.2394796332225, nobody}, {804.2624464954058}}, [][]float64{{796.2394796332225, nobody}, {806.3393844861329}},
			[][]int64{{796, 0}, {804}}, [][]int64{{796, 0}, {806}}},
		{"V5", [][]float64{{1000}, {800}}, 0, [][]float64{{1025.6}, {776.9641599873846}}, [][]float64{{1018.4286720100923}, {776.9641599873846}},
			[][]int64{{1025}, {776}}, [][]int64{{1018}, {776}}},
		{"V6", [][]float64{{800}, {1000}}, 0, [][]float64{{832}, {967.2286720100923}}, [][]float64{{840.9641599873846}, {967.2286720100923}},
			[][]int64{{832}, {967}}, [][]int64{{840}, {967}}},
		{"V7", [][]float64{{900, 700}, {1200, 600}}, 1,
			[][]float64{{874.8159507206993, 669.6821890685667}, {1219.495829673719, 646.3416739858955}},
			[][]float64{{874.8159507206993, 669.6821890685667}, {1216.5061623401325, 640.2132852145264}},
			[][]int64{{874, 669}, {1219, 646}}, [][]int64{{874, 669}, {1216, 640}}},
		{"V8", [][]float64{{800}, {900}, {1000}}, 2,
			[][]float64{{776.9641599873846}, {875.6210129014546}, {1025.6}}, [][]float64{{776.9641599873846}, {875.6210129014546}, {1020.158063422186}},
			[][]int64{{776}, {875}, {1025}}, [][]int64{{776}, {875}, {1020}}},
		{"V9", [][]float64{{768}, {768}, {832}}, rating.Draw,
			[][]float64{{769.5339724865041}, {769.5339724865041}, {829.174035521201}}, [][]float64{{769.5339724865041}, {769.5339724865041}, {829.174035521201}},
			[][]int64{{769}, {769}, {829}}, [][]int64{{769}, {769}, {829}}},
		{"V10", [][]float64{{1600}, {400}}, 1, [][]float64{{1568.9809097610148}, {464}}, [][]float64{{1568.9809097610148}, {524.0763609559405}},
			[][]int64{{1568}, {464}}, [][]int64{{1568}, {524}}},
		// With the floor; TestLegacyWithoutFloor has what there was before it.
		{"V11", [][]float64{{30}, {769.5339724865041}}, 1, [][]float64{{100}, {802.8008598693726}}, [][]float64{{100}, {776.6100214333767}},
			[][]int64{{100}, {802}}, [][]int64{{100}, {776}}},
	}
}

func parameters(f rating.Formula) rating.Parameters {
	p := rating.Default()
	p.Formula = f
	return p
}

// known replaces players without an account by their rating.
func known(before [][]float64) [][]float64 {
	all := make([][]float64, len(before))
	for i, team := range before {
		all[i] = slices.Clone(team)
		for n, r := range team {
			if math.IsNaN(r) {
				all[i][n] = 800
			}
		}
	}
	return all
}

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-9*max(1, math.Abs(want)) }

func TestVectors(t *testing.T) {
	for _, v := range vectors() {
		for formula, want := range map[rating.Formula]struct {
			after [][]float64
			wire  [][]int64
		}{rating.Legacy: {v.legacy, v.wireLegacy}, rating.Readme: {v.readme, v.wireReadme}} {
			t.Run(v.name+" "+string(formula), func(t *testing.T) {
				got := parameters(formula).Rate(known(v.before), v.winner)
				for i, team := range want.after {
					for n, after := range team {
						if math.IsNaN(after) {
							continue
						}
						c := got[i].Changes[n]
						if !near(c.After, after) {
							t.Errorf("team %d player %d: %v, want %v", i, n, c.After, after)
						}
						if w := rating.Wire(c.After); w != want.wire[i][n] {
							t.Errorf("team %d player %d: %d on the wire, want %d", i, n, w, want.wire[i][n])
						}
					}
				}
			})
		}
	}
}

// TestLegacyWithoutFloor has the value of V11 before there was a floor.
func TestLegacyWithoutFloor(t *testing.T) {
	p := parameters(rating.Legacy)
	p.Floor = math.Inf(-1)
	got := p.Rate([][]float64{{30}, {769.5339724865041}}, 1)[0].Changes[0].After
	if want := -151.50866851985822; !near(got, want) || rating.Wire(got) != -151 {
		t.Errorf("%v (%d on the wire), want %v (-151)", got, rating.Wire(got), want)
	}
}

// TestInSequence plays V1 to V4 one after the other from unrounded ratings.
func TestInSequence(t *testing.T) {
	for formula, want := range map[rating.Formula][2]float64{
		rating.Legacy: {796.2394796332225, 804.2624464954058}, rating.Readme: {796.2394796332225, 806.3393844861329},
	} {
		p := parameters(formula)
		a, b := 800.0, 800.0
		for _, winner := range []int{rating.Draw, 0, rating.Draw} {
			r := p.Rate([][]float64{{a}, {b}}, winner)
			a, b = r[0].Changes[0].After, r[1].Changes[0].After
		}
		r := p.Rate([][]float64{{a, 800}, {b}}, 1)
		if a, b = r[0].Changes[0].After, r[1].Changes[0].After; !near(a, want[0]) || !near(b, want[1]) {
			t.Errorf("%s: %v and %v, want %v", formula, a, b, want)
		}
	}
}

// TestExplained follows the published example through its steps.
func TestExplained(t *testing.T) {
	team := rating.Default().Rate([][]float64{{832}, {768}}, rating.Draw)[0]
	c := team.Changes[0]
	if team.Mean != 832 || team.Opponent != 768 || team.Score != 0.5 || c.Before != 832 || !near(c.Weighted, 832) ||
		math.Abs(c.Expected-0.545922) > 1e-6 || !near(c.Factor, 51200.0/832) || !near(c.After, 829.174035521201) {
		t.Errorf("%+v", team)
	}
}

func TestWire(t *testing.T) {
	for r, want := range map[float64]int64{
		800: 800, 799.9999999999: 800, 799.99: 799, 0: 0, 0.5: 0, -0.5: 0, -151.5: -151, 829.9: 829,
		math.Inf(1): 1 << 53, math.Inf(-1): -1 << 53, 1e300: 1 << 53,
	} {
		if got := rating.Wire(r); got != want {
			t.Errorf("Wire(%v) = %d, want %d", r, got, want)
		}
	}
	if got := rating.Wire(math.NaN()); got != 0 {
		t.Errorf("Wire(NaN) = %d", got)
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*rating.Parameters)
		ok     bool
	}{
		{"default", func(*rating.Parameters) {}, true},
		{"legacy", func(p *rating.Parameters) { p.Formula = rating.Legacy }, true},
		{"no such formula", func(p *rating.Parameters) { p.Formula = "elo" }, false},
		{"initial below the floor", func(p *rating.Parameters) { p.Initial = 50 }, false},
		{"no floor", func(p *rating.Parameters) { p.Floor = 0 }, false},
		{"initial huge", func(p *rating.Parameters) { p.Initial = 1e9 }, false},
		{"team above 1", func(p *rating.Parameters) { p.Team = 1.1 }, false},
		{"team below 0", func(p *rating.Parameters) { p.Team = -0.1 }, false},
		{"team not a number", func(p *rating.Parameters) { p.Team = math.NaN() }, false},
		{"step below 0", func(p *rating.Parameters) { p.Step = -1 }, false},
		{"step huge", func(p *rating.Parameters) { p.Step = 1e9 }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := rating.Default()
			tt.change(&p)
			if err := p.Validate(); (err == nil) != tt.ok {
				t.Errorf("Validate() = %v, want ok %v", err, tt.ok)
			}
		})
	}
}

// anyMatch returns a match that no test names.
func anyMatch(r *rand.Rand) ([][]float64, int) {
	teams := make([][]float64, 2+r.IntN(3))
	for i := range teams {
		teams[i] = make([]float64, 1+r.IntN(32))
		for n := range teams[i] {
			teams[i][n] = 100 + r.ExpFloat64()*700
		}
	}
	return teams, r.IntN(len(teams)+1) - 1
}

// holds checks what is true of every match with ratings from the floor up.
func holds(t *testing.T, p rating.Parameters, teams [][]float64, winner int) {
	t.Helper()
	for i, team := range p.Rate(teams, winner) {
		for n, c := range team.Changes {
			switch {
			case c.Before != teams[i][n]:
				t.Errorf("%v: a rating changed before the match", c)
			case math.IsNaN(c.After) || math.IsInf(c.After, 0) || c.After < p.Floor:
				t.Errorf("%v: not a rating", c)
			case !(c.Expected >= 0 && c.Expected <= 1) || !(c.Factor > 0):
				t.Errorf("%v: not a chance", c)
			case team.Score == 1 && c.After < c.Before:
				t.Errorf("%v: won and fell", c)
			case team.Score == 0 && c.After > c.Before:
				t.Errorf("%v: lost and rose", c)
			case math.Abs(c.After-c.Before) > c.Factor+1e-9*max(c.After, c.Before):
				t.Errorf("%v: moved by more than a whole score", c)
			}
		}
	}
}

func TestEveryMatch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		teams, winner := anyMatch(r)
		holds(t, parameters(rating.Readme), teams, winner)
		holds(t, parameters(rating.Legacy), teams, winner)
	}
}

// TestTeamsInAnyOrder: who is listed first does not matter.
func TestTeamsInAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		teams, winner := anyMatch(r)
		p := parameters([]rating.Formula{rating.Readme, rating.Legacy}[r.IntN(2)])
		one := p.Rate(teams, winner)
		last := len(teams) - 1
		turned, mirrored := slices.Clone(teams), winner
		slices.Reverse(turned)
		if winner != rating.Draw {
			mirrored = last - winner
		}
		two := p.Rate(turned, mirrored)
		for i := range one {
			for n := range one[i].Changes {
				if a, b := one[i].Changes[n].After, two[last-i].Changes[n].After; !near(a, b) {
					t.Fatalf("team %d player %d: %v, listed in turn %v", i, n, a, b)
				}
			}
		}
	}
}

// TestPlayersInAnyOrder: nor does who is listed first in a team, to the bit.
func TestPlayersInAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		teams, winner := anyMatch(r)
		one := rating.Default().Rate(teams, winner)
		for _, team := range teams {
			slices.Reverse(team)
		}
		two := rating.Default().Rate(teams, winner)
		for i := range one {
			slices.Reverse(two[i].Changes)
			if one[i].Mean != two[i].Mean || !slices.Equal(one[i].Changes, two[i].Changes) {
				t.Fatalf("team %d differs: %+v and %+v", i, one[i], two[i])
			}
		}
	}
}

// TestStrongerOpponentsGiveMore: of two wins the one against the stronger side
// brings more, by the published formula.
func TestStrongerOpponentsGiveMore(t *testing.T) {
	p := rating.Default()
	last := 0.0
	for opponent := 100.0; opponent <= 3000; opponent += 50 {
		won := p.Rate([][]float64{{800}, {opponent}}, 0)[0].Changes[0].After
		if won <= last {
			t.Fatalf("a win against %v gives %v, no more than against a weaker one", opponent, won)
		}
		last = won
	}
}

// TestDegenerate: what callers do not do must not break anything either.
func TestDegenerate(t *testing.T) {
	p := rating.Default()
	if got := p.Rate(nil, 0); len(got) != 0 {
		t.Errorf("no teams: %v", got)
	}
	alone := p.Rate([][]float64{{900}}, rating.Draw)
	if alone[0].Opponent != 900 || alone[0].Changes[0].After != 900 {
		t.Errorf("one team: %+v", alone)
	}
	empty := p.Rate([][]float64{{}, {800}}, 7)
	if empty[0].Mean != 800 || empty[1].Score != 0.5 {
		t.Errorf("an empty team: %+v", empty)
	}
	zero := p.Rate([][]float64{{0}, {-500}}, 0)
	for _, team := range zero {
		if after := team.Changes[0].After; math.IsNaN(after) || after < p.Floor {
			t.Errorf("ratings below the floor: %v", zero)
		}
	}
}

func FuzzRate(f *testing.F) {
	f.Add(800.0, 800.0, 800.0, int8(0), false)
	f.Add(100.0, 1e6, 829.174035521201, int8(-1), true)
	f.Add(1600.0, 400.0, 100.0, int8(2), true)
	f.Add(100.0, 100.0, 1e5, int8(1), false)
	f.Fuzz(func(t *testing.T, a, b, c float64, winner int8, legacy bool) {
		p := rating.Default()
		if legacy {
			p.Formula = rating.Legacy
		}
		for _, r := range []float64{a, b, c} {
			if !(r >= p.Floor && r <= 1e6) {
				return
			}
		}
		holds(t, p, [][]float64{{a, b}, {c}, {b}}, int(winner))
	})
}

func BenchmarkRate(b *testing.B) {
	p, teams := rating.Default(), make([][]float64, 2)
	for i := range teams {
		for n := range 32 {
			teams[i] = append(teams[i], 700+float64(10*n))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Rate(teams, 0)
	}
}
