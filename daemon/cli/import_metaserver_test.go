package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/savage/savagetest"
)

// movedHouse is a daemon over what the command took over.
type movedHouse struct {
	t    *testing.T
	base string
}

// ask sends a request and returns the answer's body; a status other than the
// wanted one fails the test.
func (h movedHouse) ask(method, path, as, body string, want int) []byte {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.base+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if user, password, ok := strings.Cut(as, " "); ok {
		req.SetBasicAuth(user, password)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	if res.StatusCode != want {
		h.t.Fatalf("%s %s as %q: %d, want %d: %s", method, path, as, res.StatusCode, want, text)
	}
	return text
}

// object is ask for a JSON object.
func (h movedHouse) object(method, path, as, body string, want int) (o map[string]any) {
	h.t.Helper()
	if err := json.Unmarshal(h.ask(method, path, as, body, want), &o); err != nil {
		h.t.Fatal(err)
	}
	return o
}

// moveHouse makes an old database, takes it over with the command, and starts
// a daemon over the result.
func moveHouse(t *testing.T, o db.Options) movedHouse {
	dir := o.Dir
	file := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("[data]\ndir = %q\n[http]\nlisten = [\"127.0.0.1:0\"]\n[workshop]\nenabled = false\n[demos]\nenabled = false\n", dir)
	if o.URL != "" {
		text += fmt.Sprintf("[database]\nurl = %q\n", o.URL)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(t.TempDir(), "metaserver.db")
	fill(t, old)
	for _, want := range []string{"users       5 taken over", "users       0 taken over, 5 present"} {
		var out, errs bytes.Buffer
		code := Main(t.Context(), Program{Args: []string{"import", "metaserver", old, "--config", file}, Stdout: &out, Stderr: &errs})
		if code != ExitOK || !strings.Contains(out.String(), want) {
			t.Fatalf("exit %d, want %q\n%s\n%s", code, want, out.String(), errs.String())
		}
	}
	loaded, err := config.Load(config.Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	d, err := daemon.New(t.Context(), daemon.Options{Loaded: loaded, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	started, ended := make(chan daemon.Started, 1), make(chan error, 1)
	go func() { ended <- d.Run(ctx, daemon.Hooks{Started: func(s daemon.Started) { started <- s }}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the daemon ended with %v", err)
		}
	})
	select {
	case s := <-started:
		return movedHouse{t, "http://" + s.Listen[0]}
	case <-time.After(time.Minute):
		t.Fatal("the daemon did not start")
	}
	return movedHouse{}
}

func fill(t *testing.T, path string) {
	t.Helper()
	d, err := savagetest.New(path)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	at, never := savagetest.At, time.Time{}
	must(d.User(1, "foo@example.com", "foo"))
	must(d.User(16, "Bar@example.com", "bar"))
	must(d.User(17, "kicked@example.com", "kicked"))
	must(d.Insert("user", 18, "new@example.com", "new", savagetest.Key, savagetest.Salt, time.Now().UTC(), never, never, nil, never))
	must(d.Insert("user", 40, "bad@example.com", "bad", savagetest.Key, savagetest.Salt, at(40), at(41), at(50), "cheated", never))
	must(d.Insert("emailtoken", 18, "KRBWAE", at(1)))
	must(d.Insert("clan", 3, "^123(Zzz", "Zaitev's Snore Club", savagetest.Icon, at(200), never))
	must(d.Link(3, 1, "owner", at(300), never, ""))
	must(d.Link(3, 16, "member", never, never, ""))
	must(d.Link(3, 17, "admin", never, at(400), "kicked"))
	must(d.Server(28, 16, "^mUnnamed ^900DRX ^mServer"))
	must(d.Insert("server", 29, savagetest.Key, savagetest.Salt, "10.0.0.68", 11235, "gone", "", "RTSS", 0, "", 1, at(401), nil, at(500), "old", 16))
	must(d.Insert("userstats", 1, 28, at(600), at(700), 2, 1, 1, 0, 829.174035521201))
	must(d.Insert("userstats", 16, 28, at(601), at(701), 2, 0, 0, 0, 800))
	must(d.Insert("skin", 7, nil, "shield", "lego", "one/two/three/legoshield.model"))
	must(d.Insert("userskinlink", 7, 1))
	must(d.Insert("clanskinlink", 7, 3))
	must(d.Close())
}

// Players and game servers of the old metaserver notice nothing.
func TestImportMetaserver_ClientsGoOn(t *testing.T) {
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		h := moveHouse(t, o)
		foo, bar, server := "foo@example.com "+savagetest.Password, "bar@EXAMPLE.com "+savagetest.Password, "28 "+savagetest.Password

		before := string(h.ask("GET", "/v1/user/by-id?user_id=1", bar, "", 200))
		if want := `{"id":1,"display_name":"foo","created":"2022-11-13T21:14:44.123456","last_online":"2022-11-13T21:16:44.123456"}`; before != want {
			t.Errorf("foo is %s, want %s", before, want)
		}
		for range 2 { // by the old hash, then by the new one
			if o := h.object("POST", "/v1/user/login", foo, "", 200); o["id"] != 1.0 || len(o["proof"].(string)) != 64 {
				t.Errorf("login: %v", o)
			}
		}
		h.ask("POST", "/v1/user/login", "foo@example.com wrong-password", "", 401)
		if o := h.object("POST", "/v1/user/login", "bad@example.com "+savagetest.Password, "", 401); o["detail"] != "User is deleted" {
			t.Errorf("a deleted user: %v", o)
		}
		if o := h.object("POST", "/v1/user/login", "new@example.com "+savagetest.Password, "", 401); o["detail"] != "User email is unverified" {
			t.Errorf("an unverified user: %v", o)
		}
		h.object("POST", "/v1/user/email/verify", "new@example.com "+savagetest.Password, `{"mail_token":"KRBWAE"}`, 403)

		beat := `{"host_name":"10.0.0.67","port":11235,"display_name":"Z","description":"d","game_type":"RTSS","max_player_count":42,"current_map":"eden2","current_player_count":1}`
		h.ask("POST", "/v1/server/update", "28 wrong", beat, 401)
		h.ask("POST", "/v1/server/update", "29 "+savagetest.Password, beat, 401)
		for range 2 {
			if o := h.object("POST", "/v1/server/update", server, beat, 200); o["id"] != 28.0 {
				t.Errorf("heartbeat: %v", o)
			}
		}
		h.ask("POST", "/v1/server/update", "28 wrong", beat, 401)
		if list := h.ask("GET", "/v1/server/list/online", "", "", 200); !bytes.Contains(list, []byte(`"id":28`)) {
			t.Errorf("the list: %s", list)
		}

		image, err := savagetest.Image()
		if err != nil {
			t.Fatal(err)
		}
		if got := h.ask("GET", "/v1/clan/icon/3.png", "", "", 200); !bytes.Equal(got, image) {
			t.Errorf("the icon is %x, want %x", got, image)
		}
		if o := h.object("GET", "/v1/clan/by-id?clan_id=3", server, "", 200); o["icon"] != savagetest.Icon || o["tag"] != "^123(Zzz" || o["created"] != "2022-11-13T21:18:03.123456" {
			t.Errorf("the clan: %v", o)
		}
		h.ask("POST", "/v1/user/verify-clan-membership", bar, `{"clan_id":3}`, 200)
		h.ask("POST", "/v1/clan/invite-response", bar, `{"clan_id":3,"accept":true}`, 200)
		h.ask("POST", "/v1/clan/invite", foo, `{"clan_id":3,"user_id":17}`, 200)

		want := map[string]any{"user_id": 1.0, "server_id": 28.0, "first_seen": "2022-11-13T21:24:43.123456", "last_seen": "2022-11-13T21:26:23.123456",
			"matches_played_field": 2.0, "matches_played_command": 1.0, "matches_won_field": 1.0, "matches_won_command": 0.0, "skill_rating": 829.0}
		if got := h.object("GET", "/v1/user/stats?user_id=1&server_id=28", server, "", 200); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("statistics %v, want %v", got, want)
		}
		if got := h.ask("GET", "/v1/skin/for-user/by-id?user_id=1&clan_id=3", foo, "", 200); bytes.Count(got, []byte(`"id":7,"description":null`)) != 2 {
			t.Errorf("skins: %s", got)
		}
		if o := h.object("POST", "/v1/server/register", bar, `{"host_name":"10.0.0.69","port":1,"display_name":"n","description":"","game_type":"RTSS","max_player_count":1}`, 200); o["username"] != "30" {
			t.Errorf("the next server is %v, want 30", o["username"])
		}
	})
}
