package daemon

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// side is one team of a report.
func side(id int, race string, commander int64, players ...int64) fields {
	field := []fields{}
	for _, p := range players {
		field = append(field, fields{"user_id": p})
	}
	return fields{"id": id, "race": race, "field_players": field, "commander": commander}
}

func result(winner int, teams ...fields) fields { return fields{"teams": teams, "winner": winner} }

const matchUpdate = "/v1/server/match-update"

func statsPath(user, server int64) string {
	return fmt.Sprintf("/v1/user/stats?user_id=%d&server_id=%d", user, server)
}

func TestMetaMatchUpdate(t *testing.T) {
	t.Parallel()
	eachMeta(t, func(t *testing.T, r *metaRig) {
		foo, bar := r.user("foo"), r.user("bar")
		s := r.server(foo)
		rating := func(p player) float64 {
			t.Helper()
			return r.get(statsPath(p.id, s.id), s.auth).is(200).object()["skill_rating"].(float64)
		}
		r.get(statsPath(foo.id, s.id), s.auth).says(404, "Not Found")
		report := func(body fields) {
			t.Helper()
			r.post(matchUpdate, body, s.auth).text(200, "null")
		}
		report(result(-1, side(0, "beast", 9, foo.id), side(1, "human", 9, bar.id)))
		if rating(foo) != 800 || rating(bar) != 800 {
			t.Errorf("after a draw %v and %v", rating(foo), rating(bar))
		}
		report(result(0, side(0, "beast", 9, foo.id), side(1, "human", 9, bar.id)))
		a, b := rating(foo), rating(bar)
		if a <= 800 || b >= 800 {
			t.Errorf("after a win %v and %v", a, b)
		}
		report(result(-1, side(0, "beast", 9, foo.id), side(1, "human", 9, bar.id)))
		if rating(foo) >= a || rating(bar) <= b {
			t.Errorf("after a draw %v and %v, before %v and %v", rating(foo), rating(bar), a, b)
		}
		a, b = rating(foo), rating(bar)
		report(result(1, side(0, "beast", -5, foo.id, -1), side(1, "human", -5, bar.id)))
		if rating(foo) >= a || rating(bar) <= b || rating(foo) != 796 || rating(bar) != 806 {
			t.Errorf("after a loss %v and %v, before %v and %v", rating(foo), rating(bar), a, b)
		}
		answer := r.get(statsPath(foo.id, s.id), bar.auth).is(200)
		if want := fmt.Sprintf(`{"user_id":%d,"server_id":%d,"first_seen":"20`, foo.id, s.id); !strings.HasPrefix(string(answer.body), want) ||
			!strings.HasSuffix(string(answer.body), `,"matches_played_field":4,"matches_played_command":0,"matches_won_field":1,"matches_won_command":0,"skill_rating":796}`) {
			t.Errorf("on the wire: %s", answer.body)
		}
		batch := fmt.Sprintf("/v1/user/stats/batch?user_ids=%d&user_ids=%d&user_ids=%d&user_ids=99&server_id=%d", bar.id, foo.id, bar.id, s.id)
		list := r.get(batch, s.auth).is(200).list()
		if len(list) != 2 || list[0]["user_id"] != float64(foo.id) || list[1]["user_id"] != float64(bar.id) {
			t.Errorf("batch: %v", list)
		}
		r.get(fmt.Sprintf("/v1/user/stats/batch?user_ids=99&server_id=%d", s.id), s.auth).text(200, "[]")
	})
}

// TestMetaMatchUpdateLegacy: the winner of the last match of the original's
// test gains less by the original's formula.
func TestMetaMatchUpdateLegacy(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir(), func(c *config.Config) { c.Metaserver.Rating = config.RatingLegacy })
	foo, bar := r.user("foo"), r.user("bar")
	s := r.server(foo)
	for _, winner := range []int{-1, 0, -1} {
		r.post(matchUpdate, result(winner, side(0, "beast", 9, foo.id), side(1, "human", 9, bar.id)), s.auth).text(200, "null")
	}
	r.post(matchUpdate, result(1, side(0, "beast", 9, foo.id, -1), side(1, "human", 9, bar.id)), s.auth).text(200, "null")
	for p, want := range map[player]float64{foo: 796, bar: 804} {
		if got := r.get(statsPath(p.id, s.id), s.auth).is(200).object()["skill_rating"]; got != want {
			t.Errorf("%s has %v, want %v", p.name, got, want)
		}
	}
}

// TestMetaMatchRepeated: a match with an id counts once, whether the id is in
// the body or in the header.
func TestMetaMatchRepeated(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	foo, bar := r.user("foo"), r.user("bar")
	s := r.server(foo)
	body := result(0, side(0, "beast", foo.id, foo.id), side(1, "human", 9, bar.id))
	body["match_id"] = "eden2-17"
	for range 3 {
		r.post(matchUpdate, body, s.auth).text(200, "null")
	}
	played := func() any {
		t.Helper()
		return r.get(statsPath(foo.id, s.id), s.auth).is(200).object()["matches_played_field"]
	}
	if got := played(); got != 1.0 {
		t.Errorf("counted %v times", got)
	}
	delete(body, "match_id")
	for _, key := range []string{`"eden2-17"`, "eden2-18", "eden2-18"} {
		r.postWith(matchUpdate, body, s.auth, http.Header{"Idempotency-Key": {key}}).text(200, "null")
	}
	if got := played(); got != 2.0 {
		t.Errorf("with the header counted %v times", got)
	}
	bad := r.postWith(matchUpdate, body, s.auth, http.Header{"Idempotency-Key": {strings.Repeat("x", 101)}}).is(422)
	if want := `{"detail":[{"loc":["header","idempotency-key"],"msg":"ensure this value has at most 100 characters","type":"value_error.any_str.max_length","ctx":{"limit_value":100}}]}`; string(bad.body) != want {
		t.Errorf("too long: %s", bad.body)
	}
}

// postWith is post with more headers.
func (r *metaRig) postWith(path string, body any, as login, more http.Header) reply {
	r.t.Helper()
	c := *r
	c.client = &http.Client{Transport: addHeaders{r.client.Transport, more}, Timeout: r.client.Timeout}
	return c.post(path, body, as)
}

type addHeaders struct {
	next http.RoundTripper
	more http.Header
}

// RoundTrip implements http.RoundTripper.
func (a addHeaders) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	for name, values := range a.more {
		req.Header[name] = values
	}
	return a.next.RoundTrip(req)
}

// The entries of refusals are those of pydantic 1.10.2 behind FastAPI 0.86.
const (
	entryDict, entryList = `"msg":"value is not a valid dict","type":"type_error.dict"`, `"msg":"value is not a valid list","type":"type_error.list"`
	entryMissing         = `"msg":"field required","type":"value_error.missing"`
	entryNone            = `"msg":"none is not an allowed value","type":"type_error.none.not_allowed"`
	entryInteger         = `"msg":"value is not a valid integer","type":"type_error.integer"`
	entryRace            = `"msg":"value is not a valid enumeration member; permitted: 'human', 'beast'","type":"type_error.enum","ctx":{"enum_values":["human","beast"]}`
	entryUnique          = `"msg":"the list has duplicated items","type":"value_error.list.unique_items"`
	entryDisjoint        = `{"loc":["body","teams"],"msg":"Teams should be disjoint","type":"assertion_error"}`
	entrySameID          = `{"loc":["body","teams"],"msg":"Team ids should be unique","type":"assertion_error"}`
	entryNoSuchWinner    = `{"loc":["body","__root__"],"msg":"winner index is not an id of one of the teams","type":"value_error"}`
)

// entryAt is an entry for a place in the body.
func entryAt(loc, rest string) string { return `{"loc":["body",` + loc + `],` + rest + `}` }

func teamText(id, race, players, commander string) string {
	return `{"id":` + id + `,"race":` + race + `,"field_players":` + players + `,"commander":` + commander + `}`
}

func bodyText(teams, winner string) string {
	return `{"teams":[` + teams + `],"winner":` + winner + `}`
}

// fieldText is so many players.
func fieldText(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,{"user_id":%d}`, i+10)
	}
	return "[" + b.String()[1:] + "]"
}

const (
	teamOne = `{"id":0,"race":"beast","field_players":[{"user_id":1}],"commander":9}`
	teamTwo = `{"id":1,"race":"human","field_players":[{"user_id":2}],"commander":9}`
)

// refusedMatch is a report and what is said of it.
type refusedMatch struct{ name, body, want string }

// refusedTeams are reports whose form or list of teams is wrong.
func refusedTeams() []refusedMatch {
	return []refusedMatch{
		{"empty", ``, `{"loc":["body"],` + entryMissing + `}`},
		{"null", `null`, `{"loc":["body"],` + entryMissing + `}`},
		{"list", `[]`, `{"loc":["body"],` + entryDict + `}`},
		{"nothing", `{}`, entryAt(`"teams"`, entryMissing) + "," + entryAt(`"winner"`, entryMissing)},
		{"nulls", `{"teams":null,"winner":null}`, entryAt(`"teams"`, entryNone) + "," + entryAt(`"winner"`, entryNone)},
		{"no list", `{"teams":{},"winner":-1}`, entryAt(`"teams"`, entryList)},
		{"one team", bodyText(teamOne, "-1"), entryAt(`"teams"`, `"msg":"ensure this value has at least 2 items","type":"value_error.list.min_items","ctx":{"limit_value":2}`)},
		{"five teams", bodyText(strings.Join([]string{teamOne, teamTwo, teamOne, teamTwo, teamOne}, ","), "-1"),
			entryAt(`"teams"`, `"msg":"ensure this value has at most 4 items","type":"value_error.list.max_items","ctx":{"limit_value":4}`)},
		{"twice the same", bodyText(teamOne+","+teamOne, "0"), entryAt(`"teams"`, entryUnique)},
		{"no team", bodyText("1,"+teamTwo, "1"), entryAt(`"teams",0`, entryDict)},
		{"empty team", bodyText("{},"+teamTwo, "1"), entryAt(`"teams",0,"id"`, entryMissing) + "," + entryAt(`"teams",0,"race"`, entryMissing) + "," +
			entryAt(`"teams",0,"field_players"`, entryMissing) + "," + entryAt(`"teams",0,"commander"`, entryMissing)},
		{"ids of teams", bodyText(teamText("-1", `"beast"`, `[{"user_id":1}]`, "9")+","+teamText("4", `"human"`, `[{"user_id":2}]`, "9"), "0"),
			entryAt(`"teams",0,"id"`, `"msg":"ensure this value is greater than -1","type":"value_error.number.not_gt","ctx":{"limit_value":-1}`) + "," +
				entryAt(`"teams",1,"id"`, `"msg":"ensure this value is less than 4","type":"value_error.number.not_lt","ctx":{"limit_value":4}`)},
	}
}

// refusedMembers are reports in which something in a team or the winner is
// wrong.
func refusedMembers() []refusedMatch {
	return []refusedMatch{
		{"race", bodyText(teamText("0", `"alien"`, `[{"user_id":1}]`, "9")+","+teamTwo, "1"), entryAt(`"teams",0,"race"`, entryRace)},
		{"nobody in the field", bodyText(teamText("0", `"beast"`, `[]`, "9")+","+teamTwo, "1"),
			entryAt(`"teams",0,"field_players"`, `"msg":"ensure this value has at least 1 items","type":"value_error.list.min_items","ctx":{"limit_value":1}`)},
		{"33 in the field", bodyText(teamText("0", `"beast"`, fieldText(33), "9")+","+teamTwo, "1"),
			entryAt(`"teams",0,"field_players"`, `"msg":"ensure this value has at most 32 items","type":"value_error.list.max_items","ctx":{"limit_value":32}`)},
		{"a player twice", bodyText(teamText("0", `"beast"`, `[{"user_id":1},{"user_id":1}]`, "9")+","+teamTwo, "1"), entryAt(`"teams",0,"field_players"`, entryUnique)},
		{"a player twice as text", bodyText(teamText("0", `"beast"`, `[{"user_id":1},{"user_id":"1"}]`, "9")+","+teamTwo, "1"), entryAt(`"teams",0,"field_players"`, entryUnique)},
		{"players", bodyText(teamText("0", `"beast"`, `[3,{},{"user_id":null},{"user_id":"x"}]`, "9")+","+teamTwo, "1"),
			entryAt(`"teams",0,"field_players",0`, entryDict) + "," + entryAt(`"teams",0,"field_players",1,"user_id"`, entryMissing) + "," +
				entryAt(`"teams",0,"field_players",2,"user_id"`, entryNone) + "," + entryAt(`"teams",0,"field_players",3,"user_id"`, entryInteger)},
		{"64 bits", bodyText(teamText("0", `"beast"`, `[{"user_id":9223372036854775808}]`, "9223372036854775808")+","+teamTwo, "1"),
			entryAt(`"teams",0,"field_players",0,"user_id"`, entryInteger) + "," + entryAt(`"teams",0,"commander"`, entryInteger)},
		{"commander", bodyText(teamText("0", `"beast"`, `[{"user_id":1}]`, `"boss"`)+","+teamTwo, "1"), entryAt(`"teams",0,"commander"`, entryInteger)},
		{"in two teams", bodyText(teamOne+","+teamText("1", `"human"`, `[{"user_id":1}]`, "8"), "0"), entryDisjoint},
		{"unregistered in two teams", bodyText(teamText("0", `"beast"`, `[{"user_id":-1}]`, "9")+","+teamText("1", `"human"`, `[{"user_id":-1}]`, "9"), "0"), entryDisjoint},
		{"the same id", bodyText(teamOne+","+teamText("0", `"human"`, `[{"user_id":2}]`, "9"), "0"), entrySameID},
		{"both", bodyText(teamOne+","+teamText("0", `"human"`, `[{"user_id":1}]`, "8"), "0"), entryDisjoint},
		{"winner too low", bodyText(teamOne+","+teamTwo, "-2"),
			entryAt(`"winner"`, `"msg":"ensure this value is greater than or equal to -1","type":"value_error.number.not_ge","ctx":{"limit_value":-1}`)},
		{"winner too high", bodyText(teamOne+","+teamTwo, "4"),
			entryAt(`"winner"`, `"msg":"ensure this value is less than or equal to 3","type":"value_error.number.not_le","ctx":{"limit_value":3}`)},
		{"winner is none of them", bodyText(teamOne+","+teamTwo, "3"), entryNoSuchWinner},
		{"winner 0 is none of them", bodyText(teamText("2", `"beast"`, `[{"user_id":1}]`, "9")+","+teamTwo, "0"), entryNoSuchWinner},
		{"winner and teams", bodyText(teamOne, "3"), entryAt(`"teams"`, `"msg":"ensure this value has at least 2 items","type":"value_error.list.min_items","ctx":{"limit_value":2}`)},
		{"winner null", bodyText(teamOne+","+teamTwo, "null"), entryAt(`"winner"`, entryNone)},
		{"match_id", `{"teams":[` + teamOne + `,` + teamTwo + `],"winner":0,"match_id":[]}`, entryAt(`"match_id"`, `"msg":"str type expected","type":"type_error.str"`)},
		{"match_id too long", `{"teams":[` + teamOne + `,` + teamTwo + `],"winner":0,"match_id":"` + strings.Repeat("x", 101) + `"}`,
			entryAt(`"match_id"`, `"msg":"ensure this value has at most 100 characters","type":"value_error.any_str.max_length","ctx":{"limit_value":100}`)},
	}
}

func TestMetaMatchValidation(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	s := r.server(r.user("foo"))
	for _, c := range append(refusedTeams(), refusedMembers()...) {
		t.Run(c.name, func(t *testing.T) {
			a := r.post(matchUpdate, c.body, s.auth).is(422)
			if want := `{"detail":[` + c.want + `]}`; string(a.body) != want {
				t.Errorf("got  %s\nwant %s", a.body, want)
			}
		})
	}
	r.post(matchUpdate, "{", s.auth).is(422)
	r.post(matchUpdate, "{", login{}).is(422)
	r.post(matchUpdate, "{}", login{}).says(401, "Not authenticated")
	// Lenient: numbers as texts, an id of the match that is a number, keys that mean nothing.
	r.post(matchUpdate, `{"teams":[`+teamText(`"0"`, `"beast"`, `[{"user_id":" 1 ","x":1}]`, "true")+`,`+teamTwo+`],"winner":"0","match_id":17,"y":{}}`, s.auth).text(200, "null")
	r.post(matchUpdate, `{"teams":[`+teamOne+`,`+teamTwo+`],"winner":1.9,"match_id":null}`, s.auth).text(200, "null")
}

// TestMetaMatchLimit: a server cannot report without end.
func TestMetaMatchLimit(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir(), func(c *config.Config) { c.Metaserver.MatchesPerHour = 2 })
	foo := r.user("foo")
	s := r.server(foo)
	body := result(0, side(0, "beast", 9, foo.id), side(1, "human", 9, -1))
	for range 2 {
		r.post(matchUpdate, body, s.auth).text(200, "null")
	}
	a := r.post(matchUpdate, body, s.auth).is(429)
	if a.header.Get("Retry-After") == "" {
		t.Error("it is not said when to come again")
	}
}

// TestMetaConcurrentMatches: 200 reports at once are as the same reports one
// after the other. All are draws of equals or wins of the same side, so that
// the order does not show.
func TestMetaConcurrentMatches(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir(), func(c *config.Config) { c.Limits.PerIPRPS = 5000 })
	foo, bar := r.user("foo"), r.user("bar")
	servers := []gameServer{r.server(foo), r.server(foo)}
	const reports = 200
	var wg sync.WaitGroup
	for i := range reports {
		wg.Go(func() {
			r.post(matchUpdate, result(0, side(0, "beast", bar.id, foo.id), side(1, "human", foo.id, bar.id)), servers[0].auth).text(200, "null")
		})
		if i%2 == 0 {
			continue
		}
		wg.Go(func() { // and those who lost a connection send again
			body := result(0, side(0, "beast", bar.id, foo.id), side(1, "human", foo.id, bar.id))
			body["match_id"] = "the same"
			r.post(matchUpdate, body, servers[0].auth).text(200, "null")
		})
	}
	wg.Wait()
	for range reports + 1 {
		r.post(matchUpdate, result(0, side(0, "beast", bar.id, foo.id), side(1, "human", foo.id, bar.id)), servers[1].auth).text(200, "null")
	}
	for _, p := range []player{foo, bar} {
		at := [2]fields{}
		for i, s := range servers {
			at[i] = r.get(statsPath(p.id, s.id), s.auth).is(200).object()
		}
		for _, field := range []string{"matches_played_field", "matches_played_command", "matches_won_field", "matches_won_command", "skill_rating"} {
			if at[0][field] != at[1][field] {
				t.Errorf("%s of %s: %v at once, %v one after the other", field, p.name, at[0][field], at[1][field])
			}
		}
		if at[0]["matches_played_field"] != float64(reports+1) {
			t.Errorf("%s: %v", p.name, at[0])
		}
	}
}
