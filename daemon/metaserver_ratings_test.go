package daemon

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
)

// items are the members of a list in an answer.
func items(o fields, name string) (all []fields) {
	list, _ := o[name].([]any)
	for _, v := range list {
		all = append(all, fields(v.(map[string]any)))
	}
	return all
}

// playMatches reports two matches that foo wins and one draw, on one server.
func playMatches(r *metaRig, s gameServer, foo, bar player) {
	r.t.Helper()
	for i, winner := range []int{0, 0, -1} {
		body := result(winner, side(0, "beast", bar.id, foo.id), side(1, "human", -7, bar.id, -1))
		body["match_id"] = fmt.Sprint("secret-", i)
		r.post(matchUpdate, body, s.auth).text(200, "null")
	}
}

func ranked(c *config.Config) { c.Metaserver.RankedMatches = 3 }

func TestMetaHistory(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir(), ranked)
	foo, bar := r.user("foo"), r.user("bar")
	s := r.server(foo)
	key := r.key(bar.id)
	empty := r.own("GET", "/matches", nil, key).is(200)
	if got := string(empty.body); got != `{"matches":[],"next":"","total":0}`+"\n" && got != `{"matches":[],"next":"","total":0}` {
		t.Errorf("nothing yet: %s", got)
	}
	playMatches(r, s, foo, bar)

	list := r.own("GET", "/matches?limit=2", nil, key).is(200)
	o := list.object()
	all := items(o, "matches")
	if len(all) != 2 || o["total"] != 3.0 || o["next"] == "" || all[0]["id"] != "3" || all[0]["draw"] != true || all[1]["draw"] != false {
		t.Fatalf("first page: %s", list.body)
	}
	if teams := items(all[1], "teams"); teams[0]["won"] != true || teams[1]["won"] != false || teams[1]["players"] != 2.0 ||
		teams[0]["commander"].(map[string]any)["name"] != "bar" || teams[1]["commander"] != nil {
		t.Errorf("teams: %v", teams)
	}
	rest := items(r.own("GET", "/matches?limit=2&cursor="+o["next"].(string), nil, key).is(200).object(), "matches")
	if len(rest) != 1 || rest[0]["id"] != "1" {
		t.Errorf("second page: %v", rest)
	}
	again := r.ownWith("/matches?limit=2", key, http.Header{"If-None-Match": {list.header.Get("Etag")}})
	if again.status != 304 || len(again.body) != 0 {
		t.Errorf("again: %d %s", again.status, again.body)
	}
	one := r.own("GET", "/matches/1", nil, key).is(200)
	var field []map[string]any
	for _, team := range one.object()["field"].([]any) {
		for _, c := range team.([]any) {
			field = append(field, c.(map[string]any))
		}
	}
	if len(field) != 3 || field[0]["before"] != 800.0 || field[0]["expected"] != 0.5 || field[0]["score"] != 1.0 || field[0]["factor"] != 64.0 ||
		field[0]["after"] != 832.0 || field[0]["change"] != 32.0 || field[1]["player"] != nil || field[1]["change"] != 0.0 || field[2]["change"] != -32.0 {
		t.Errorf("why: %s", one.body)
	}
	played := items(r.own("GET", "/players/"+number(foo.id)+"/matches", nil, key).is(200).object(), "matches")
	if len(played) != 3 || played[0]["outcome"] != "draw" || played[2]["outcome"] != "won" || played[2]["role"] != "field" ||
		played[2]["rating"].(map[string]any)["after"] != 832.0 {
		t.Errorf("played: %v", played)
	}
	if of := items(r.own("GET", "/players/"+number(bar.id)+"/matches", nil, key).is(200).object(), "matches"); of[0]["role"] != "both" {
		t.Errorf("played and led: %v", of[0])
	}
}

func TestMetaHistoryFilters(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir(), ranked)
	foo, bar := r.user("foo"), r.user("bar")
	s := r.server(foo)
	key := r.key(bar.id)
	playMatches(r, s, foo, bar)
	for query, want := range map[string]int{
		"server=" + number(s.id): 3, "server=99": 0, "player=" + number(foo.id): 3, "player=99": 0, "race=human": 3,
		"player=" + number(foo.id) + "&race=human": 0, "player=" + number(foo.id) + "&race=beast": 3, "player=" + number(bar.id) + "&race=beast": 3, // he led it
		"from=" + time.Now().Add(time.Hour).UTC().Format(time.RFC3339): 0, "to=" + time.Now().Add(time.Hour).UTC().Format(time.RFC3339): 3,
	} {
		if got := r.own("GET", "/matches?"+query, nil, key).is(200).object()["total"]; got != float64(want) {
			t.Errorf("%s: %v matches, want %d", query, got, want)
		}
	}
	r.own("GET", "/matches?cursor=x", nil, key).is(400)
	r.own("GET", "/matches/99", nil, key).is(404)
	r.own("GET", "/matches/x", nil, key).is(404)
	r.own("GET", "/players/99/matches", nil, key).is(404)
}

func (r *metaRig) ownWith(path, key string, more http.Header) reply {
	r.t.Helper()
	was := r.client.Transport
	defer func() { r.client.Transport = was }()
	r.client.Transport = addHeaders{was, more}
	return r.own("GET", path, nil, key)
}

func TestMetaLeaderboards(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir(), ranked)
	foo, bar, baz := r.user("foo"), r.user("bar"), r.user("baz")
	s := r.server(foo)
	key := r.key(baz.id)
	if o := r.own("GET", "/leaderboards/overall", nil, key).is(200).object(); len(items(o, "players")) != 0 || o["total"] != 0.0 || o["min_matches"] != 3.0 {
		t.Errorf("nothing yet: %v", o)
	}
	playMatches(r, s, foo, bar)
	r.post(matchUpdate, result(0, side(0, "beast", 0, baz.id), side(1, "human", 0, -1)), s.auth).text(200, "null") // one match is not enough
	for _, board := range []string{number(s.id), "overall"} {
		r.daemon.meta.Matches().Forget()
		o := r.own("GET", "/leaderboards/"+board+"?limit=1", nil, key).is(200).object()
		first := items(o, "players")
		if len(first) != 1 || o["total"] != 2.0 || first[0]["rank"] != 1.0 || first[0]["player"].(map[string]any)["name"] != "foo" {
			t.Fatalf("%s: %v", board, o)
		}
		second := items(r.own("GET", "/leaderboards/"+board+"?limit=1&cursor="+o["next"].(string), nil, key).is(200).object(), "players")
		if len(second) != 1 || second[0]["rank"] != 2.0 || second[0]["player"].(map[string]any)["name"] != "bar" {
			t.Errorf("%s: %v", board, second)
		}
		if p := r.own("GET", "/leaderboards/"+board+"/players/"+number(bar.id), nil, key).is(200).object(); p["rank"] != 2.0 || p["of"] != 2.0 {
			t.Errorf("%s: %v", board, p)
		}
		if p := r.own("GET", "/leaderboards/"+board+"/players/"+number(baz.id), nil, key).is(200).object(); p["rank"] != 0.0 || p["played_field"] != 1.0 {
			t.Errorf("%s: %v", board, p)
		}
		r.own("GET", "/leaderboards/"+board+"?cursor=1_2", nil, key).is(400)
	}
	r.own("GET", "/leaderboards/best", nil, key).is(404)
	r.own("GET", "/leaderboards/99/players/"+number(foo.id), nil, key).is(404)
	stats := r.own("GET", "/players/"+number(foo.id)+"/stats", nil, key).is(200).object()
	servers := items(stats, "servers")
	if stats["overall"].(map[string]any)["rank"] != 1.0 || len(servers) != 1 || servers[0]["server"] != "Unnamed" || servers[0]["won_field"] != 2.0 {
		t.Errorf("stats: %v", stats)
	}
}

func TestMetaVoid(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	foo, bar, boss := r.user("foo"), r.user("bar"), r.user("boss")
	s := r.server(foo)
	playMatches(r, s, foo, bar)
	r.role(boss, accounts.RoleModerator)
	key := r.key(boss.id)
	r.own("POST", "/matches/1/void", fields{"reason": ""}, key).is(422)
	o := r.own("POST", "/matches/1/void", fields{"reason": "made up"}, key).is(200).object()
	if o["void_reason"] != "made up" || o["voided_at"] == nil {
		t.Errorf("void: %v", o)
	}
	r.own("POST", "/matches/1/void", fields{"reason": "again"}, key).is(409)
	if got := r.get(statsPath(foo.id, s.id), s.auth).is(200).object(); got["matches_played_field"] != 2.0 || got["matches_won_field"] != 1.0 {
		t.Errorf("afterwards %v", got)
	}
	// A report that comes again does not bring it back.
	body := result(0, side(0, "beast", bar.id, foo.id), side(1, "human", -7, bar.id, -1))
	body["match_id"] = "secret-0"
	r.post(matchUpdate, body, s.auth).text(200, "null")
	if got := r.get(statsPath(foo.id, s.id), s.auth).is(200).object(); got["matches_played_field"] != 2.0 {
		t.Errorf("it came back: %v", got)
	}
	var audited int
	err := r.daemon.DB.Read(t.Context(), func(tx *db.Tx) error {
		return tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM accounts_audit WHERE action = 'match.void' AND account_id = $1 AND target = 'match 1' AND detail = 'made up'", boss.id).Scan(&audited)
	})
	if err != nil || audited != 1 {
		t.Errorf("%d entries in the audit log, %v", audited, err)
	}
}

// TestMetaMatchDemos: a match names the recordings made on its server at that
// time, to those who may see them.
func TestMetaMatchDemos(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir(), func(c *config.Config) { c.Demos.Enabled = true })
	foo, bar, boss := r.user("foo"), r.user("bar"), r.user("boss")
	s := r.server(foo)
	now := time.Now()
	add := func(id string, owner int64, address string, from, to time.Time) {
		t.Helper()
		err := r.daemon.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO demos_session (id, account_id, steam_id, source, demo_name, active, open, start_at, end_at, fake_ip, map, created_at, updated_at)"+
				" VALUES ($1, $2, 0, 'push', $3, FALSE, FALSE, $4, $5, $6, 'eden2', $4, $4)", id, owner, "demo "+id, db.Micros(from), db.Micros(to), address)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add("71", foo.id, "10.0.0.67:11235", now.Add(-30*time.Minute), now.Add(time.Minute))
	add("72", foo.id, "10.0.0.67:11236", now.Add(-30*time.Minute), now.Add(time.Minute)) // another server
	add("73", foo.id, "10.0.0.67:11235", now.Add(-5*time.Hour), now.Add(-4*time.Hour))   // earlier
	r.post(matchUpdate, result(0, side(0, "beast", 9, foo.id), side(1, "human", 9, bar.id)), s.auth).text(200, "null")
	r.role(boss, accounts.RoleModerator)
	for p, want := range map[player]int{foo: 1, bar: 0, boss: 1} {
		demos := items(r.own("GET", "/matches/1", nil, r.key(p.id)).is(200).object(), "demos")
		if len(demos) != want || want == 1 && demos[0]["id"] != "71" {
			t.Errorf("%s is shown %v", p.name, demos)
		}
	}
}

// matchPermissions says who is answered how: a guest, a key for something
// else, a player, a moderator.
var matchPermissions = []struct {
	method, path string
	body         any
	statuses     [4]int
}{
	{"GET", "/matches", nil, [4]int{401, 403, 200, 200}},
	{"GET", "/matches/1", nil, [4]int{401, 403, 200, 200}},
	{"POST", "/matches/1/void", fields{"reason": "made up"}, [4]int{401, 403, 403, 200}},
	{"GET", "/players/1/matches", nil, [4]int{401, 403, 200, 200}},
	{"GET", "/players/1/stats", nil, [4]int{401, 403, 200, 200}},
	{"GET", "/leaderboards/overall", nil, [4]int{401, 403, 200, 200}},
	{"GET", "/leaderboards/1", nil, [4]int{401, 403, 200, 200}},
	{"GET", "/leaderboards/1/players/1", nil, [4]int{401, 403, 200, 200}},
}

func TestMetaMatchPermissions(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	foo, bar, boss := r.user("foo"), r.user("bar"), r.user("boss")
	s := r.server(foo)
	playMatches(r, s, foo, bar)
	r.role(boss, accounts.RoleModerator)
	keys := [4]string{"", r.key(foo.id, accounts.ScopeModsRead), r.key(foo.id), r.key(boss.id)}
	covered := map[string]bool{}
	for _, p := range matchPermissions {
		for i, key := range keys {
			a := r.own(p.method, p.path, p.body, key)
			if a.status != p.statuses[i] {
				t.Errorf("%s %s as %d: %d %s, want %d", p.method, p.path, i, a.status, a.body, p.statuses[i])
			}
			if strings.Contains(string(a.body), "@example.com") || strings.Contains(string(a.body), s.auth.password) {
				t.Errorf("%s %s as %d tells an address or a password: %s", p.method, p.path, i, a.body)
			}
			if staff := i == 3; strings.Contains(string(a.body), "secret-") && !staff {
				t.Errorf("%s %s as %d tells what the server calls its matches", p.method, p.path, i)
			}
		}
		covered[p.method+" "+p.path] = true
	}
	for path, item := range r.daemon.web.API().OpenAPI().Paths {
		for method, op := range map[string]bool{"GET": item.Get != nil, "POST": item.Post != nil, "PUT": item.Put != nil, "DELETE": item.Delete != nil, "PATCH": item.Patch != nil} {
			short, ours := strings.CutPrefix(path, "/api/v1")
			ours = ours && op && (strings.HasPrefix(short, "/matches") || strings.HasPrefix(short, "/leaderboards"))
			name := method + " " + strings.NewReplacer("{id}", "1", "{board}", "1").Replace(short)
			if ours && !covered[name] {
				t.Errorf("%s %s is not in the table", method, path)
			}
		}
	}
	// The wire: who may report and who may read.
	report := result(0, side(0, "beast", 9, foo.id), side(1, "human", 9, bar.id))
	r.post(matchUpdate, report, login{}).says(401, "Not authenticated")
	r.post(matchUpdate, report, foo.auth).says(401, "Incorrect username or password")
	r.post(matchUpdate, report, login{s.auth.name, "wrong"}).says(401, "Incorrect username or password")
	for _, path := range []string{statsPath(foo.id, s.id), fmt.Sprintf("/v1/user/stats/batch?user_ids=%d&server_id=%d", foo.id, s.id)} {
		r.get(path, login{}).says(401, "Not authenticated")
		r.get(path, login{foo.auth.name, "wrong password"}).says(401, "Incorrect username or password")
		r.get(path, r.register("later"+number(int64(len(path)))).auth).says(401, "Incorrect username or password")
		r.get(path, foo.auth).is(200)
		r.get(path, s.auth).is(200)
	}
	r.get("/v1/user/stats?user_id=x", foo.auth).is(422)
	r.get("/v1/user/stats/batch?server_id=1", foo.auth).text(422, `{"detail":[{"loc":["query","user_ids"],"msg":"field required","type":"value_error.missing"}]}`)
}
