package metaserver

import (
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/metaserver/matches"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/validation"
)

// The bounds of a team's id and of the winner.
const (
	lowestTeam  = 0
	highestTeam = matches.MaxTeams - 1
	headerKey   = "Idempotency-Key"
)

// matchEndpoints are the rows of the wire for this part.
func (s *Service) matchEndpoints() []endpoint {
	return []endpoint{
		{method: "POST", path: "/v1/server/match-update", op: "server_match_update", auth: authServer, body: validation.Model, serve: matchUpdate,
			doc: operationDoc{summary: "Report a match that has ended", request: "MatchUpdate", answer: anything()}},
	}
}

// matchUpdate stores a match. One whose id the server used before changes
// nothing, so that a report can be sent again.
func matchUpdate(c *call) (any, error) {
	r := matches.Report{Server: c.server, Teams: teamsOf(c.in.Body("teams"))}
	winner := c.in.Body("winner")
	r.Winner = int(winner.Int(validation.Ge(matches.Draw), validation.Le(highestTeam)))
	if r.Winner != matches.Draw && !hasTeam(r.Teams, r.Winner) {
		c.in.Root(validation.Custom("winner index is not an id of one of the teams"))
	}
	if key := c.in.Body("match_id"); key.Given() {
		r.Key = key.Text(validation.MaxLen(matches.MaxKey), validation.NoControl)
	}
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	if r.Key == "" {
		var err error
		if r.Key, err = keyOf(c.r.Header.Get(headerKey)); err != nil {
			return nil, err
		}
	}
	_, err := c.s.matches.Report(c.r.Context(), r)
	return nil, err
}

// keyOf reads the header that may name a match in place of the body. Its text
// may be in quotes.
func keyOf(header string) (string, error) {
	header = strings.TrimSpace(header)
	if n := len(header); n > 1 && header[0] == '"' && header[n-1] == '"' {
		header = header[1 : n-1]
	}
	for _, rule := range []validation.TextRule{validation.MaxLen(matches.MaxKey), validation.NoControl} {
		if _, failures := rule(header); len(failures) > 0 {
			f := failures[0]
			return "", validation.Errors{{Loc: []any{"header", strings.ToLower(headerKey)}, Msg: f.Msg, Type: f.Type, Ctx: f.Ctx}}
		}
	}
	return strings.ToValidUTF8(header, "\ufffd"), nil
}

func hasTeam(teams []matches.Team, id int) bool {
	for _, t := range teams {
		if t.ID == id {
			return true
		}
	}
	return false
}

// teamsOf reads the teams; what concerns all of them is said only when there
// is nothing wrong in any.
func teamsOf(f *validation.Field) []matches.Team {
	items := f.List(validation.Items(matches.MinTeams, matches.MaxTeams), validation.Unique)
	teams := make([]matches.Team, len(items))
	for i, item := range items {
		teams[i] = teamOf(item)
	}
	if f.Broken() {
		return teams
	}
	if !disjoint(teams) {
		f.Fail(validation.Assertion("Teams should be disjoint"))
		return teams
	}
	for i, t := range teams {
		if hasTeam(teams[:i], t.ID) {
			f.Fail(validation.Assertion("Team ids should be unique"))
			return teams
		}
	}
	return teams
}

func teamOf(f *validation.Field) matches.Team {
	f.Object()
	t := matches.Team{
		ID:   int(f.Field("id").Int(validation.Gt(lowestTeam-1), validation.Lt(highestTeam+1))),
		Race: matches.Race(f.Field("race").Enum(string(matches.Human), string(matches.Beast))),
	}
	field := f.Field("field_players")
	for _, player := range field.List(validation.Items(1, matches.MaxPlayers), validation.Unique) {
		player.Object()
		t.Players = append(t.Players, player.Field("user_id").Int())
	}
	if !field.Broken() && !disjoint([]matches.Team{t}) { // 1 and "1" are equal only now
		field.Fail(validation.Fail("value_error.list.unique_items", "the list has duplicated items"))
	}
	t.Commander = f.Field("commander").Int()
	return t
}

// disjoint reports whether nobody is in the field twice.
func disjoint(teams []matches.Team) bool {
	seen := map[int64]bool{}
	for _, t := range teams {
		for _, id := range t.Players {
			if seen[id] {
				return false
			}
			seen[id] = true
		}
	}
	return true
}
