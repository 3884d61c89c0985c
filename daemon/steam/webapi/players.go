package webapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// ErrNoKey is returned by calls that Steam answers only with an API key.
var ErrNoKey = errors.New("this call of the Steam Web API needs an API key")

// pathSummaries is ISteamUser/GetPlayerSummaries.
const pathSummaries = "/ISteamUser/GetPlayerSummaries/v2"

// maxPersona bounds a persona in characters; Steam's own bound is 32.
const maxPersona = 128

// PlayerSummary is what everybody may see of a person's Steam account.
type PlayerSummary struct {
	ID      steam.ID
	Persona string // the name at Steam, fit to print; may be empty
	// SetUp says that the person has set up a profile (profilestate). Steam
	// has no answer to whether an account is limited; this is the nearest.
	SetUp bool
}

// PlayerSummaries asks about 1 to MaxIDs persons and returns one answer per
// person that Steam knows, in no particular order: who is missing does not
// exist. It needs an API key (ErrNoKey); the other errors are those of
// FileDetails.
func (c *Client) PlayerSummaries(ctx context.Context, ids []steam.ID) ([]PlayerSummary, error) {
	if c.key == "" {
		return nil, ErrNoKey
	}
	numbers := make([]uint64, len(ids))
	for i, id := range ids {
		numbers[i] = uint64(id)
	}
	numbers, err := distinct(numbers)
	if err != nil {
		return nil, err
	}
	wanted := make(map[steam.ID]bool, len(numbers))
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		wanted[steam.ID(n)], texts[i] = true, strconv.FormatUint(n, 10)
	}
	var params query
	params.add("key", c.key)
	params.add("steamids", strings.Join(texts, ","))
	at := endpoint{http.MethodGet, strings.Replace(c.coll.url, pathCollection+"/", pathSummaries+"/", 1)}
	var out []PlayerSummary
	err = c.call(ctx, at, params, func(body []byte) (limited bool, err error) {
		out, err = decodePlayers(body, wanted)
		return false, err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// decodePlayers reads the answer of GetPlayerSummaries. Answers about people
// who were not asked for, and the second about one person, are left out.
func decodePlayers(body []byte, wanted map[steam.ID]bool) ([]PlayerSummary, error) {
	var answer struct {
		Response *struct {
			Players []json.RawMessage `json:"players"`
		} `json:"response"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Response == nil {
		return nil, fmt.Errorf("%w: no list of players", ErrNonsense)
	}
	out, seen := []PlayerSummary{}, map[steam.ID]bool{}
	for _, raw := range answer.Response.Players {
		var w struct {
			ID      any `json:"steamid"`
			Persona any `json:"personaname"`
			State   any `json:"profilestate"`
		}
		dec := json.NewDecoder(strings.NewReader(string(raw)))
		dec.UseNumber() // a float64 does not hold a SteamID
		if dec.Decode(&w) != nil {
			continue
		}
		n, err := strconv.ParseUint(fmt.Sprint(w.ID), 10, 64)
		id := steam.ID(n)
		if err != nil || !wanted[id] || seen[id] {
			continue
		}
		seen[id] = true
		persona, _ := w.Persona.(string)
		state, err := strconv.ParseUint(fmt.Sprint(w.State), 10, 32)
		out = append(out, PlayerSummary{ID: id, Persona: printable(persona), SetUp: err == nil && state != 0})
	}
	return out, nil
}

// printable bounds a persona and takes out what does not show.
func printable(text string) string {
	n := 0
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if n++; n > maxPersona || !strconv.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "")))
}
