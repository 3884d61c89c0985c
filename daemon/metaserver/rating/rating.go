// Package rating computes how a match changes the ratings of its players. It
// is pure: numbers in, numbers out, the same on every machine.
//
// # The formula
//
// A rating is a number that begins at 800. A team is as strong as the mean T
// of the ratings of its field players before the match; players without an
// account count with the rating everybody begins with, commanders not at all.
//
// A player is weighed mostly by his team, a little by himself: his weighted
// rating is λ·T + (1−λ)·R with λ = 0.8. Against opponents of strength O he is
// expected to score
//
//	E = 1 / (1 + 10^((O − weighted) / S))
//
// where S = 800: between 0, a certain loss, and 1, a certain win. He really
// scores A: 1 for a win, ½ for a draw, 0 for a loss. His rating moves by the
// difference, and the less the higher it is, with α = 64:
//
//	R' = R + (S·α / R) · (A − E)
//
// Two teams are each other's opponents. With more teams, in a draw O is the
// mean of the other teams' strengths, and for those who lost it is the
// strength of the winner. The two formulas differ in what it is for the
// winner: with Readme the mean of the other teams' strengths, as the published
// description has it; with Legacy the winner's own strength, as the program
// that game servers used before computed it, so that whoever is as good as
// his team always wins the same points.
//
// # What is kept
//
// No rating falls below a floor of 100: without one, a player at 30 loses 180
// points, then gains by losing, and at 0 there is a division by zero. Ratings
// are never rounded where they are kept; Wire makes the whole number that game
// servers are shown.
//
// Every product that is added to something is written float64(x*y). That
// forbids a compiler to join the two into one operation with one rounding, as
// it does on arm64 and other processors, so that all of them compute the same
// bits.
package rating

import (
	"errors"
	"math"
	"slices"
)

// Formula is one of the ways to choose a winner's opponent.
type Formula string

// The formulas.
const (
	Readme Formula = "readme"
	Legacy Formula = "legacy"
)

// Valid reports whether there is such a formula.
func (f Formula) Valid() bool { return f == Readme || f == Legacy }

// Parameters are the constants of the formula.
type Parameters struct {
	Formula Formula
	Initial float64 // S: what a rating begins at, and the difference that makes one side ten times as likely to win
	Team    float64 // λ: how much the team weighs, 0 to 1
	Step    float64 // α: how far a result moves a rating that is at Initial
	Floor   float64 // what no rating falls below
}

// Default returns the constants that existing communities use.
func Default() Parameters {
	return Parameters{Formula: Readme, Initial: 800, Team: 0.8, Step: 64, Floor: 100}
}

// Validate reports the first constant with which ratings could stop being
// finite numbers.
func (p Parameters) Validate() error {
	switch {
	case !p.Formula.Valid():
		return errors.New("the formula is neither readme nor legacy")
	case !(p.Floor >= 1 && p.Floor <= p.Initial):
		return errors.New("the floor is not between 1 and the initial rating")
	case !(p.Initial <= 1e6):
		return errors.New("the initial rating is above 1000000")
	case !(p.Team >= 0 && p.Team <= 1):
		return errors.New("the weight of the team is not between 0 and 1")
	case !(p.Step >= 0 && p.Step <= p.Initial):
		return errors.New("the step is not between 0 and the initial rating")
	}
	return nil
}

// Draw is the winner of a match that nobody won.
const Draw = -1

// Team is how one team of a match was rated.
type Team struct {
	Mean     float64 // its strength
	Opponent float64 // the strength it was measured by
	Score    float64 // 1 won, 0.5 draw, 0 lost
	Changes  []Change
}

// Change explains the new rating of one player.
type Change struct {
	Before   float64
	Weighted float64 // what his chances were reckoned from
	Expected float64 // the score that was expected of him, 0 to 1
	Factor   float64 // points for a whole score more than expected
	After    float64
}

// Rate returns what a match does to the ratings of its players. teams holds
// the ratings before the match of each team's field players, finite numbers;
// winner is the index of the team that won, or Draw. The result has the order
// of teams and of the players in them.
func (p Parameters) Rate(teams [][]float64, winner int) []Team {
	rated := make([]Team, len(teams))
	for i, players := range teams {
		rated[i].Mean = p.mean(players)
	}
	for i, players := range teams {
		t := &rated[i]
		t.Opponent, t.Score = p.opponent(rated, i, winner), score(i, winner, len(teams))
		t.Changes = make([]Change, len(players))
		for n, before := range players {
			t.Changes[n] = p.change(before, t.Mean, t.Opponent, t.Score)
		}
	}
	return rated
}

func score(team, winner, teams int) float64 {
	switch {
	case winner < 0 || winner >= teams:
		return 0.5
	case team == winner:
		return 1
	}
	return 0
}

// opponent returns the strength by which a team is measured.
func (p Parameters) opponent(teams []Team, team, winner int) float64 {
	decided := winner >= 0 && winner < len(teams)
	if decided && (team != winner || p.Formula == Legacy) {
		return teams[winner].Mean
	}
	sum, n := 0.0, 0
	for i := range teams {
		if i != team {
			sum += teams[i].Mean
			n++
		}
	}
	if n == 0 {
		return teams[team].Mean
	}
	return sum / float64(n)
}

// mean returns the strength of a team, to the bit the same in whatever order
// its players are listed; one without players is as strong as newcomers.
func (p Parameters) mean(ratings []float64) float64 {
	if len(ratings) == 0 {
		return p.Initial
	}
	sum := 0.0
	for _, r := range slices.Sorted(slices.Values(ratings)) { // rounding depends on the order
		sum += r
	}
	return sum / float64(len(ratings))
}

func (p Parameters) change(before, mean, opponent, score float64) Change {
	c := Change{Before: before, Weighted: p.Weighted(mean, before), Factor: p.Factor(before)}
	c.Expected = 1 / (1 + math.Pow(10, (opponent-c.Weighted)/p.Initial))
	c.After = max(before+float64(c.Factor*(score-c.Expected)), p.Floor)
	return c
}

// Weighted returns what the chances of a player follow from, who has a rating
// in a team of a mean strength.
func (p Parameters) Weighted(mean, rating float64) float64 {
	return float64(p.Team*mean) + float64((1-p.Team)*rating)
}

// Factor returns how many points a whole score more than expected is worth to
// a player with a rating.
func (p Parameters) Factor(rating float64) float64 {
	return float64(p.Initial*p.Step) / max(rating, p.Floor)
}

// Wire returns a rating as game servers are shown it: truncated toward zero,
// but not to one less only because a calculation ended a hair below a whole
// number.
func Wire(r float64) int64 {
	const limit = 1 << 53 // whole numbers are exact up to here
	if math.IsNaN(r) {
		return 0
	}
	return int64(math.Trunc(min(max(r, -limit), limit) + 1e-9))
}
