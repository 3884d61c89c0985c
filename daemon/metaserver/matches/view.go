package matches

import (
	"context"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/metaserver/rating"
)

// MatchView is a match as the API shows it in lists.
type MatchView struct {
	ID         string     `json:"id"`
	ServerID   string     `json:"server_id"`
	Server     string     `json:"server" doc:"Its name; empty when it is not registered any more."`
	At         time.Time  `json:"at" doc:"When it was reported, which is when it ended."`
	Map        string     `json:"map,omitempty"`
	Draw       bool       `json:"draw"`
	Teams      []TeamView `json:"teams" nullable:"false"`
	VoidedAt   time.Time  `json:"voided_at,omitzero" doc:"Since then it does not count; absent: it counts."`
	VoidReason string     `json:"void_reason,omitempty"`
}

// TeamView is one side of a match.
type TeamView struct {
	ID        int         `json:"id" doc:"0 to 3, as the server numbers them."`
	Race      Race        `json:"race" enum:"human,beast"`
	Won       bool        `json:"won"`
	Players   int         `json:"players" doc:"How many were in the field."`
	Mean      float64     `json:"mean" doc:"Its strength: the mean of the ratings before the match."`
	Opponent  float64     `json:"opponent" doc:"The strength it was measured by."`
	Commander *PersonView `json:"commander,omitempty" doc:"Absent when he has no account."`
}

// PersonView is an account by its number and name.
type PersonView struct {
	ID   string `json:"id"`
	Name string `json:"name" doc:"Empty when the account is deleted."`
}

// ChangeView is what a match did to the rating of one player, and why.
type ChangeView struct {
	Player   *PersonView `json:"player,omitempty" doc:"Absent when he has no account."`
	Before   float64     `json:"before" doc:"His rating; of players without an account what everybody begins at."`
	Weighted float64     `json:"weighted" doc:"What his chances follow from: mostly the mean of the team, a little his own rating."`
	Expected float64     `json:"expected" doc:"The score that was expected of him against the opponent, 0 to 1."`
	Score    float64     `json:"score" doc:"What he scored: 1 won, 0.5 draw, 0 lost."`
	Factor   float64     `json:"factor" doc:"Points for a whole score more than expected."`
	After    float64     `json:"after"`
	Change   float64     `json:"change"`
}

// DetailView is a match with everybody.
type DetailView struct {
	MatchView
	Key     string         `json:"key,omitempty" doc:"What the server calls it; for moderators."`
	Formula FormulaView    `json:"formula"`
	Field   [][]ChangeView `json:"field" nullable:"false" doc:"The players in the field, in the order of teams."`
	Demos   []Demo         `json:"demos" nullable:"false" doc:"Recordings of it that the caller may see."`
}

// FormulaView is what a match was rated by.
type FormulaView struct {
	Name       rating.Formula `json:"name" enum:"readme,legacy"`
	Initial    float64        `json:"initial"`
	TeamWeight float64        `json:"team_weight"`
	Step       float64        `json:"step"`
	Floor      float64        `json:"floor"`
}

// PlayedView is a match as one player sees it.
type PlayedView struct {
	MatchView
	Team    int         `json:"team" doc:"Id of his team; of the one he led when he was not in the field."`
	Role    string      `json:"role" enum:"field,commander,both"`
	Outcome string      `json:"outcome" enum:"won,draw,lost"`
	Rating  *ChangeView `json:"rating,omitempty" doc:"Absent when he was not in the field."`
}

// StatsView is what a player did on one server or on all of them.
type StatsView struct {
	ServerID      string    `json:"server_id,omitempty" doc:"Absent: all servers together."`
	Server        string    `json:"server,omitempty"`
	Rating        float64   `json:"rating"`
	Rank          int64     `json:"rank" doc:"0: not in the leaderboard."`
	Of            int64     `json:"of" doc:"How many are in the leaderboard."`
	PlayedField   int64     `json:"played_field"`
	WonField      int64     `json:"won_field"`
	PlayedCommand int64     `json:"played_command"`
	WonCommand    int64     `json:"won_command"`
	FirstSeen     time.Time `json:"first_seen,omitzero"`
	LastSeen      time.Time `json:"last_seen,omitzero"`
}

// PlaceView is one line of a leaderboard.
type PlaceView struct {
	Rank          int64      `json:"rank" doc:"From 1; equal ratings have the same."`
	Player        PersonView `json:"player"`
	Rating        float64    `json:"rating"`
	PlayedField   int64      `json:"played_field"`
	WonField      int64      `json:"won_field"`
	PlayedCommand int64      `json:"played_command"`
	WonCommand    int64      `json:"won_command"`
	LastSeen      time.Time  `json:"last_seen"`
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

// book has the names that views need.
type book struct {
	players map[int64]Player
	servers map[int64]Server
}

// book looks up the people and servers of matches and statistics.
func (s *Service) book(ctx context.Context, all []Match, people []int64, servers []int64) (b book, err error) {
	for _, m := range all {
		servers = append(servers, m.Server)
		for _, t := range m.Teams {
			for _, e := range append([]Entry{t.Commander}, t.Players...) {
				if e.Counted {
					people = append(people, e.Player)
				}
			}
		}
	}
	if people = sorted(people); len(people) > 0 {
		if b.players, err = s.options.Players(ctx, people); err != nil {
			return b, err
		}
	}
	if servers = sorted(servers); s.options.Servers != nil && len(servers) > 0 {
		b.servers, err = s.options.Servers(ctx, servers)
	}
	return b, err
}

func (b book) person(account int64) PersonView {
	return PersonView{id(account), b.players[account].Name}
}

// known is person for those who have an account.
func (b book) known(e Entry) *PersonView {
	if !e.Counted {
		return nil
	}
	p := b.person(e.Player)
	return &p
}

func (b book) match(m Match) MatchView {
	v := MatchView{ID: id(m.ID), ServerID: id(m.Server), Server: b.servers[m.Server].Name, At: m.At, Map: m.Map, Draw: m.Winner == Draw,
		Teams: make([]TeamView, len(m.Teams)), VoidedAt: m.VoidedAt, VoidReason: m.VoidReason}
	for i, t := range m.Teams {
		v.Teams[i] = TeamView{t.ID, t.Race, m.Won(t), t.Field, t.Mean, t.Opponent, b.known(t.Commander)}
	}
	return v
}

// change explains the rating of a player of a team.
func (b book) change(m Match, t RatedTeam, e Entry) ChangeView {
	p := m.Parameters
	return ChangeView{
		Player: b.known(e), Before: e.Before, Weighted: p.Weighted(t.Mean, e.Before), Expected: e.Expected, Score: m.Score(t),
		Factor: p.Factor(e.Before), After: e.After, Change: e.After - e.Before,
	}
}

func (b book) detail(m Match, staff bool) DetailView {
	p := m.Parameters
	v := DetailView{MatchView: b.match(m), Formula: FormulaView{p.Formula, p.Initial, p.Team, p.Step, p.Floor},
		Field: make([][]ChangeView, len(m.Teams)), Demos: []Demo{}}
	if staff {
		v.Key = m.Key
	}
	for i, t := range m.Teams {
		v.Field[i] = make([]ChangeView, len(t.Players))
		for n, e := range t.Players {
			v.Field[i][n] = b.change(m, t, e)
		}
	}
	return v
}

// played is a match as the account sees it that the list was asked for.
func (b book) played(m Match, account int64) PlayedView {
	v := PlayedView{MatchView: b.match(m)}
	for _, t := range m.Teams {
		if t.Commander.Counted && t.Commander.Player == account && v.Role != "field" {
			v.Team, v.Role, v.Outcome = t.ID, "commander", outcome(m.Score(t))
		}
		for _, e := range t.Players {
			if e.Player == account && e.Counted {
				change := b.change(m, t, e)
				v.Team, v.Role, v.Outcome, v.Rating = t.ID, "field", outcome(m.Score(t)), &change
			}
		}
	}
	if v.Role == "field" && b.led(m, account) {
		v.Role = "both"
	}
	return v
}

func (b book) led(m Match, account int64) bool {
	for _, t := range m.Teams {
		if t.Commander.Counted && t.Commander.Player == account {
			return true
		}
	}
	return false
}

func outcome(score float64) string {
	switch score {
	case 1:
		return "won"
	case 0:
		return "lost"
	}
	return "draw"
}

func (b book) place(p Place) PlaceView {
	return PlaceView{p.Rank, b.person(p.Account), p.Rating, p.PlayedField, p.WonField, p.PlayedCommand, p.WonCommand, p.LastSeen}
}

func (b book) stats(p Place, of int64) StatsView {
	v := StatsView{Rating: p.Rating, Rank: p.Rank, Of: of, PlayedField: p.PlayedField, WonField: p.WonField,
		PlayedCommand: p.PlayedCommand, WonCommand: p.WonCommand, FirstSeen: p.FirstSeen, LastSeen: p.LastSeen}
	if p.Server != Overall {
		v.ServerID, v.Server = id(p.Server), b.servers[p.Server].Name
	}
	return v
}

// View shapes matches as the API shows them.
func (s *Service) View(ctx context.Context, all []Match) ([]MatchView, error) {
	b, err := s.book(ctx, all, nil, nil)
	if err != nil {
		return nil, err
	}
	views := make([]MatchView, len(all))
	for i, m := range all {
		views[i] = b.match(m)
	}
	return views, nil
}

// ViewPlaces shapes a part of a leaderboard as the API shows it.
func (s *Service) ViewPlaces(ctx context.Context, all []Place) ([]PlaceView, error) {
	people := make([]int64, len(all))
	for i, p := range all {
		people[i] = p.Account
	}
	b, err := s.book(ctx, nil, people, nil)
	if err != nil {
		return nil, err
	}
	views := make([]PlaceView, len(all))
	for i, p := range all {
		views[i] = b.place(p)
	}
	return views, nil
}
