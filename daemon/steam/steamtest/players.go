package steamtest

import (
	"net/url"
	"strconv"
	"strings"
)

// Player is one person's Steam account.
type Player struct {
	ID      uint64
	Persona string
	SetUp   bool // the profile was set up
}

// PutPlayers adds or replaces people.
func (s *Steam) PutPlayers(players ...Player) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.players == nil {
		s.players = map[uint64]Player{}
	}
	for _, p := range players {
		s.players[p.ID] = p
	}
}

// getPlayerSummaries answers as ISteamUser does: strangers are left out, and
// so is the profilestate of a profile that was never set up.
func (s *Steam) getPlayerSummaries(c Call) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Key == "" || s.key != "" && c.Key != s.key {
		return nil
	}
	form, _ := url.ParseQuery(c.RawQuery)
	list := []any{}
	for text := range strings.SplitSeq(form.Get("steamids"), ",") {
		id, err := strconv.ParseUint(text, 10, 64)
		p, known := s.players[id]
		if err != nil || !known {
			continue
		}
		one := map[string]any{
			"steamid": text, "communityvisibilitystate": 3, "personaname": p.Persona,
			"profileurl": "https://steamcommunity.com/profiles/" + text + "/", "personastate": 0,
		}
		if p.SetUp {
			one["profilestate"] = 1
		}
		list = append(list, one)
	}
	return map[string]any{"players": list}
}
