package matches

import (
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/rating"
)

// Race is what a team plays.
type Race string

// The races.
const (
	Human Race = "human"
	Beast Race = "beast"
)

// Bounds of a report; those of teams are the game's.
const (
	MinTeams   = 2
	MaxTeams   = 4
	MaxPlayers = 32  // in the field of one team
	MaxKey     = 100 // characters of a server's own id of a match
)

// Draw is the winner of a match that nobody won.
const Draw = -1

// Report is what a game server says of a match that has ended.
type Report struct {
	Server int64
	// Key is what the server calls the match, unique among its matches: a
	// report with a key that was stored already changes nothing. "" is none.
	Key    string
	Map    string // "" is what the server last said it plays
	Teams  []Team
	Winner int // the id of a team, or Draw
}

// Team is one side of a match.
type Team struct {
	ID   int // 0 to 3
	Race Race
	// Players are those in the field. Ids that are no account's, and all that
	// are not positive, stand for players without an account.
	Players   []int64
	Commander int64 // leads from outside the field; any number
}

// validate reports the first thing that no match can be.
func (r *Report) validate() error {
	invalid := func(text string, args ...any) error { return fault.New(fault.Invalid, text, args...) }
	switch {
	case len(r.Teams) < MinTeams || len(r.Teams) > MaxTeams:
		return invalid("A match has %d to %d teams", MinTeams, MaxTeams)
	case len([]rune(r.Key)) > MaxKey:
		return invalid("The id of a match has at most %d characters", MaxKey)
	}
	ids, players := map[int]bool{}, map[int64]bool{}
	for _, t := range r.Teams {
		switch {
		case t.ID < 0 || t.ID >= MaxTeams || ids[t.ID]:
			return invalid("The ids of teams are different numbers from 0 to %d", MaxTeams-1)
		case t.Race != Human && t.Race != Beast:
			return invalid("A team is human or beast")
		case len(t.Players) < 1 || len(t.Players) > MaxPlayers:
			return invalid("A team has 1 to %d players in the field", MaxPlayers)
		}
		ids[t.ID] = true
		for _, p := range t.Players {
			if players[p] {
				return invalid("A player is in the field once")
			}
			players[p] = true
		}
	}
	if r.Winner != Draw && !ids[r.Winner] {
		return invalid("The winner is not one of the teams")
	}
	return nil
}

// people are the ids that may be accounts, sorted, each once.
func (r *Report) people() []int64 {
	var all []int64
	for _, t := range r.Teams {
		all = append(append(all, t.Players...), t.Commander)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(id int64) bool { return id <= 0 })
}

func (r *Report) plays(race Race) bool {
	return slices.ContainsFunc(r.Teams, func(t Team) bool { return t.Race == race })
}

// Player is what the accounts know of somebody.
type Player struct {
	Name     string
	Verified bool // of a commander the row of statistics begins only then
	Closed   bool // is in no leaderboard
}

// Server is what the list of game servers knows of one.
type Server struct {
	Name string
	Host string // name or address
	Port int
	Map  string // that it last reported
}

// Stats is what one account did on one server, or on all of them.
type Stats struct {
	Account, Server            int64 // Server is 0 for all of them
	FirstSeen, LastSeen        time.Time
	PlayedField, PlayedCommand int64
	WonField, WonCommand       int64
	Rating                     float64
	Hidden                     bool // the account is closed
}

// Match is a match as it is stored.
type Match struct {
	ID         int64
	Server     int64
	Key        string // of the server; "" is none
	At         time.Time
	Map        string
	Winner     int
	Parameters rating.Parameters // what it was rated by
	VoidedAt   time.Time         // zero: it counts
	VoidedBy   int64             // account; 0 is nobody's: by a command
	VoidReason string
	Teams      []RatedTeam // in the order of the report
}

// RatedTeam is one side of a stored match.
type RatedTeam struct {
	ID             int
	Race           Race
	Mean, Opponent float64
	Field          int     // how many players were in the field
	Players        []Entry // nil where only the number is asked for
	Commander      Entry
}

// Entry is the part somebody had in a match.
type Entry struct {
	Player  int64 // the id as reported
	Counted bool  // it was an account's, and the match is in its statistics
	// The rating before and after, and the score that was expected; 0 for
	// commanders.
	Before, Expected, After float64
}

// Won reports whether the team won the match.
func (m *Match) Won(t RatedTeam) bool { return m.Winner == t.ID }

// Score is what the team made of the match: 1 won, 0.5 draw, 0 lost.
func (m *Match) Score(t RatedTeam) float64 {
	switch m.Winner {
	case t.ID:
		return 1
	case Draw:
		return 0.5
	}
	return 0
}
