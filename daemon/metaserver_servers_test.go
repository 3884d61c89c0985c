package daemon

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// announced is a right body of /v1/server/register, with changes; nil leaves
// a field out.
func announced(changes fields) fields {
	b := fields{
		"host_name": "10.0.0.67", "port": 11235, "display_name": "Z", "description": "d", "game_type": "RTSS", "max_player_count": 42,
	}
	for name, value := range changes {
		if b[name] = value; value == nil {
			delete(b, name)
		}
	}
	return b
}

// reported is a right body of /v1/server/update.
func reported(changes fields) fields {
	b := announced(fields{"current_map": "eden2", "current_player_count": 1})
	for name, value := range changes {
		if b[name] = value; value == nil {
			delete(b, name)
		}
	}
	return b
}

// null is JSON's null as the value of a field.
var null = json.RawMessage("null")

func TestMetaServerRegistration(t *testing.T) {
	eachMeta(t, func(t *testing.T, r *metaRig) {
		owner := r.user("foo")
		register := func(body any) reply { return r.post("/v1/server/register", body, owner.auth) }
		register(fields{"malformed": true}).is(422)
		register(announced(fields{"host_name": "http://example.com"})).is(422)
		register(announced(nil)).is(200)
		got := register(announced(fields{"host_name": "https://example.com"})).is(200).object()
		if got["username"] != "2" || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(got["password"].(string)) || len(got) != 2 {
			t.Errorf("got %v", got)
		}
		var last reply
		for range 5 {
			last = register(announced(nil))
		}
		last.says(400, "User has reached the max number of servers of 5")
		register(fields{"malformed": true}).is(422) // the body is judged first
		if n := len(r.get("/v1/server/list/my", owner.auth).is(200).list()); n != 5 {
			t.Errorf("%d servers", n)
		}
	})
}

func TestMetaServerListAndUpdate(t *testing.T) {
	eachMeta(t, func(t *testing.T, r *metaRig) {
		owner := r.user("foo")
		s := r.server(owner)
		if n := len(r.get("/v1/server/list/my", owner.auth).is(200).list()); n != 1 {
			t.Errorf("%d servers", n)
		}
		r.get("/v1/server/list/online", owner.auth).text(200, "[]")
		said := reported(fields{"display_name": "^mUnnamed ^900DRX ^mServer", "host_name": "10.0.0.68", "port": 11236, "description": "Another",
			"game_type": "RTSS", "max_player_count": 43, "current_map": "duel", "current_player_count": 7})
		echo := r.post("/v1/server/update", said, s.auth).is(200)
		order := regexp.MustCompile(`^\{"host_name":"10.0.0.68","port":11236,"display_name":"\^mUnnamed \^900DRX \^mServer","description":"Another",` +
			`"game_type":"RTSS","max_player_count":43,"id":1,"current_map":"duel","current_player_count":7,"updated":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?"\}$`)
		if !order.Match(echo.body) {
			t.Errorf("got %s", echo.body)
		}
		for _, path := range []string{"/v1/server/list/my", "/v1/server/my"} {
			r.get(path, owner.auth).text(200, "["+string(echo.body)+"]")
		}
		for _, path := range []string{"/v1/server/list/online", "/v1/server/online"} {
			for _, as := range []login{{}, owner.auth, {"nobody@example.com", "wrong password"}} {
				r.get(path, as).text(200, "["+string(echo.body)+"]")
			}
		}
		// What was acknowledged is in the next list, every time.
		for i := range 20 {
			echo := r.post("/v1/server/update", reported(fields{"current_player_count": i}), s.auth).is(200)
			r.get("/v1/server/list/online", login{}).text(200, "["+string(echo.body)+"]")
		}
		// Without a description the old one stays; null is none.
		for _, missing := range []any{nil, null} {
			if got := r.post("/v1/server/update", reported(fields{"description": missing}), s.auth).is(200).object()["description"]; got != "d" {
				t.Errorf("description %v", got)
			}
		}
	})
}

func TestMetaServerVerifyClanMembership(t *testing.T) {
	eachMeta(t, func(t *testing.T, r *metaRig) {
		owner, outsider := r.user("foo"), r.user("foo2")
		s := r.server(owner)
		var icon bytes.Buffer
		if err := png.Encode(&icon, image.NewRGBA(image.Rect(0, 0, 64, 64))); err != nil {
			t.Fatal(err)
		}
		clan := r.post("/v1/clan/register", fields{
			"tag": "^123(Zzz", "name": "Zaitev's Snore Club", "icon": base64.StdEncoding.EncodeToString(icon.Bytes()),
		}, owner.auth).is(200).object()
		if got := r.get(fmt.Sprintf("/v1/clan/by-id?clan_id=%v", clan["id"]), s.auth).is(200).object(); got["tag"] != "^123(Zzz" {
			t.Errorf("got %v", got)
		}
		verify := func(user any, as login) reply {
			return r.post("/v1/server/verify-clan-membership", fields{"user_id": user, "clan_id": clan["id"]}, as)
		}
		verify(owner.id, s.auth).text(200, "true")
		verify(outsider.id, s.auth).text(200, "false")
		verify(99, s.auth).text(200, "false")
		verify(owner.id, owner.auth).says(401, "Incorrect username or password")
		verify(owner.id, login{}).says(401, "Not authenticated")
		r.get("/v1/clan/all", s.auth).says(401, "Incorrect username or password")
	})
}

// entry is one thing that is wrong with a body.
func entry(kind, msg string, ctx any, loc ...any) fields {
	f := fields{"loc": append([]any{"body"}, loc...), "msg": msg, "type": kind}
	if ctx != nil {
		f["ctx"] = ctx
	}
	return f
}

func notAHost(url fields) []fields {
	return []fields{url, entry("value_error.ipv4address", "value is not a valid IPv4 address", nil, "host_name"),
		entry("value_error.ipv6address", "value is not a valid IPv6 address", nil, "host_name")}
}

func TestMetaServerValidation(t *testing.T) {
	const required = "field required"
	r := newMetaRig(t, t.TempDir(), func(c *config.Config) { c.Metaserver.MaxServersPerUser = 0 })
	owner := r.user("foo")
	s := r.server(owner)
	limit := func(n int) any { return map[string]any{"limit_value": float64(n)} }
	missing := func(names ...string) (all []fields) {
		for _, name := range names {
			all = append(all, entry("value_error.missing", required, nil, name))
		}
		return all
	}
	cases := map[string]struct {
		change fields
		want   []fields
	}{
		"scheme":        {fields{"host_name": "example"}, notAHost(entry("value_error.url.scheme", "invalid or missing URL scheme", nil, "host_name"))},
		"http":          {fields{"host_name": "http://"}, notAHost(entry("value_error.url.scheme", "URL scheme not permitted", map[string]any{"allowed_schemes": []any{"https"}}, "host_name"))},
		"top level":     {fields{"host_name": "https://localhost"}, notAHost(entry("value_error.url.host", "URL host invalid, top level domain required", nil, "host_name"))},
		"no host":       {fields{"host_name": ""}, notAHost(entry("value_error.any_str.min_length", "ensure this value has at least 1 characters", limit(1), "host_name"))},
		"long host":     {fields{"host_name": "https://a.bc/" + strings.Repeat("x", 2083)}, notAHost(entry("value_error.any_str.max_length", "ensure this value has at most 2083 characters", limit(2083), "host_name"))},
		"with port":     {fields{"host_name": "1.2.3.4:11235"}, notAHost(entry("value_error.url.scheme", "invalid or missing URL scheme", nil, "host_name"))},
		"null host":     {fields{"host_name": null}, []fields{entry("type_error.none.not_allowed", "none is not an allowed value", nil, "host_name")}},
		"port 0":        {fields{"port": 0}, []fields{entry("value_error.number.not_ge", "ensure this value is greater than or equal to 1", limit(1), "port")}},
		"port -1":       {fields{"port": -1}, []fields{entry("value_error.number.not_ge", "ensure this value is greater than or equal to 1", limit(1), "port")}},
		"port 999999":   {fields{"port": 999999}, []fields{entry("value_error.number.not_le", "ensure this value is less than or equal to 65535", limit(65535), "port")}},
		"port 64 bit":   {fields{"port": json.Number("18446744073709551616")}, []fields{entry("type_error.integer", "value is not a valid integer", nil, "port")}},
		"long name":     {fields{"display_name": strings.Repeat("é", 101)}, []fields{entry("value_error.any_str.max_length", "ensure this value has at most 100 characters", limit(100), "display_name")}},
		"description":   {fields{"description": strings.Repeat("d", 201)}, []fields{entry("value_error.any_str.max_length", "ensure this value has at most 200 characters", limit(200), "description")}},
		"game type":     {fields{"game_type": strings.Repeat("g", 11)}, []fields{entry("value_error.any_str.max_length", "ensure this value has at most 10 characters", limit(10), "game_type")}},
		"players":       {fields{"max_player_count": -1}, []fields{entry("value_error.number.not_ge", "ensure this value is greater than or equal to 0", limit(0), "max_player_count")}},
		"list for text": {fields{"display_name": []int{1}}, []fields{entry("type_error.str", "str type expected", nil, "display_name")}},
		"several": {fields{"host_name": nil, "port": nil, "display_name": nil, "description": nil, "game_type": nil, "max_player_count": nil},
			missing("host_name", "port", "display_name", "game_type", "max_player_count")},
	}
	for name, c := range cases {
		t.Run("register "+name, func(t *testing.T) { wrong(t, r.post("/v1/server/register", announced(c.change), owner.auth), c.want) })
		t.Run("update "+name, func(t *testing.T) { wrong(t, r.post("/v1/server/update", reported(c.change), s.auth), c.want) })
	}
	t.Run("map", func(t *testing.T) {
		wrong(t, r.post("/v1/server/update", reported(fields{"current_map": strings.Repeat("m", 101), "current_player_count": -1}), s.auth), []fields{
			entry("value_error.any_str.max_length", "ensure this value has at most 100 characters", limit(100), "current_map"),
			entry("value_error.number.not_ge", "ensure this value is greater than or equal to 0", limit(0), "current_player_count"),
		})
	})
	for _, body := range []any{"", "null"} {
		wrong(t, r.post("/v1/server/register", body, owner.auth), []fields{entry("value_error.missing", required, nil)})
	}
	wrong(t, r.post("/v1/server/register", "[]", owner.auth), []fields{entry("type_error.dict", "value is not a valid dict", nil)})

	// Accepted: what coercions let through, names of 100 characters, more
	// players than there is room for.
	for _, change := range []fields{
		{"port": "11235", "max_player_count": "42"}, {"port": 11235.9}, {"host_name": "example.com"}, {"host_name": "2001:0DB8:0:0:0:0:0:1"},
		{"display_name": strings.Repeat("é", 100)}, {"display_name": ""}, {"description": nil}, {"description": null}, {"unknown": []int{1}},
		{"version": 5, "mods": "none", "public_port": "x"}, // keys of ours that somebody else means otherwise
	} {
		r.post("/v1/server/register", announced(change), owner.auth).is(200)
	}
	r.post("/v1/server/update", reported(fields{"current_player_count": 100, "version": 5, "mods": []any{"x"}}), s.auth).is(200)
	if got := r.post("/v1/server/update", reported(fields{"host_name": " 2001:0DB8:0:0:0:0:0:1 "}), s.auth).is(200).object()["host_name"]; got != "2001:db8::1" {
		t.Errorf("host_name %v", got)
	}
}

// wrong demands 422 with these entries, in this order.
func wrong(t *testing.T, a reply, want []fields) {
	t.Helper()
	var got struct{ Detail []fields }
	if err := json.Unmarshal(a.is(422).body, &got); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	if diff := cmp.Diff(want, got.Detail); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A server's id has one spelling, and a wrong password is worth nothing.
func TestMetaServerCredentials(t *testing.T) {
	r := newMetaRig(t, t.TempDir())
	owner := r.user("foo")
	s := r.server(owner)
	const incorrect = "Incorrect username or password"
	for _, as := range []login{
		{"1.0", s.auth.password}, {"01", s.auth.password}, {"+1", s.auth.password}, {" 1", s.auth.password}, {"2", s.auth.password}, {"0", s.auth.password},
		{"-1", s.auth.password}, {"18446744073709551617", s.auth.password}, {"one", s.auth.password}, {"1", strings.ToUpper(s.auth.password)},
		{"1", ""}, {"1", s.auth.password + "0"}, owner.auth,
	} {
		r.post("/v1/server/update", reported(nil), as).says(401, incorrect)
	}
	r.post("/v1/server/update", fields{"wrong": 1}, login{}).says(401, "Not authenticated")
	r.post("/v1/server/update", reported(nil), s.auth).is(200)
	r.get("/v1/server/list/my", s.auth).says(401, incorrect)
	r.post("/v1/server/register", announced(nil), s.auth).says(401, incorrect)
	for path, method := range map[string]string{
		"/v1/server/register": "POST", "/v1/server/update": "POST", "/v1/server/list/online": "GET", "/v1/server/online": "GET",
		"/v1/server/offline": "POST", "/v1/server/bans": "GET",
	} {
		if a := r.do(http.MethodDelete, path, nil, login{}).is(405); a.header.Get("Allow") != method {
			t.Errorf("%s: Allow %q", path, a.header.Get("Allow"))
		}
	}
}

// The list is one body with one tag, and costs nothing when it is known.
func TestMetaServerListIsCached(t *testing.T) {
	r := newMetaRig(t, t.TempDir())
	owner := r.user("foo")
	s := r.server(owner)
	r.post("/v1/server/update", reported(nil), s.auth).is(200)
	ask := func(header ...string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.base+"/v1/server/list/online", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	plain, packed := ask("Accept-Encoding", "identity"), ask("Accept-Encoding", "gzip")
	tag, gzipTag := plain.Header.Get("ETag"), packed.Header.Get("ETag")
	if plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" || tag == gzipTag || !strings.HasPrefix(tag, `"`) {
		t.Errorf("%v %v", plain.Header, packed.Header)
	}
	if plain.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("Vary %q", plain.Header.Get("Vary"))
	}
	for _, known := range []string{tag, gzipTag, "W/" + tag, "*", `"other", ` + tag} {
		if res := ask("If-None-Match", known); res.StatusCode != 304 || res.Header.Get("ETag") == "" {
			t.Errorf("%s: %d", known, res.StatusCode)
		}
	}
	r.post("/v1/server/update", reported(fields{"current_map": "other"}), s.auth).is(200)
	if res := ask("If-None-Match", tag); res.StatusCode != 200 || res.Header.Get("ETag") == tag {
		t.Errorf("%d %s", res.StatusCode, res.Header.Get("ETag"))
	}
}
