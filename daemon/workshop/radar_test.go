package workshop

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/web"
	"github.com/quartermasterd/quartermaster/daemon/workshop/radar"
)

// receiver is the network behind the webhooks.
type receiver struct {
	mu    sync.Mutex
	lines []string // "event item…"
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	var m struct {
		Event string                `json:"event"`
		Mods  []struct{ ID string } `json:"mods"`
	}
	if err := json.NewDecoder(req.Body).Decode(&m); err != nil {
		return nil, err
	}
	line := m.Event
	for _, x := range m.Mods {
		line += " " + x.ID
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

func (r *receiver) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lines
	r.lines = nil
	return l
}

// states returns "id state" of the mods of a server.
func (r *rig) modsOf(name string) (out []string) {
	r.t.Helper()
	servers, err := r.Radar().Servers(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, s := range servers {
		for _, m := range s.Mods {
			if s.Name == name {
				out = append(out, ItemID(m.ID).String()+" "+string(m.State))
			}
		}
	}
	return out
}

// The mods of a server are asked about with the others and fetched ahead; who
// is to be told is told once, until the server's own folder says that it has
// updated.
func TestRadar(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)))
		now := time.Now().Unix()
		install(t, folder, now-1000)
		hook := &receiver{}
		r := newRigWith(t, dbtest.SQLite(t), t.TempDir(), func(o *Options) {
			o.WebhookTransport = hook
			o.Config.Servers = []config.Server{
				{Name: "disk", Folder: folder, Webhook: "http://hook.example/T0KEN"},
				{Name: "lists", Collections: []config.Item{99, 98}},
			}
		})
		r.steam.collections[99] = []webapi.Child{{ID: 30}, {ID: 97, Type: 2}}
		r.steam.collections[98] = []webapi.Child{{ID: 31}}
		r.steam.collections[97] = []webapi.Child{{ID: 32}}
		old := Name{installed, now - 1000}
		r.offer(old)
		for _, id := range []ItemID{30, 31, 32} {
			r.offer(Name{id, now - 5000})
		}
		r.start()
		pass(2 * time.Minute)
		want := []string{"117887554 current"}
		if got := r.modsOf("disk"); !slices.Equal(got, want) {
			t.Errorf("disk: %v", got)
		}
		want = []string{"30 current", "31 current", "32 current"}
		if got := r.modsOf("lists"); !slices.Equal(got, want) {
			t.Errorf("lists: %v", got)
		}
		if r.index.get(old) == nil || r.index.get(Name{32, now - 5000}) == nil {
			t.Error("the server's mods are not fetched ahead")
		}
		if n := r.steam.count(); n > 4 {
			t.Errorf("%d calls of Steam for four items", n)
		}

		next := Name{installed, time.Now().Unix()}
		r.offer(next)
		pass(15 * time.Minute) // the interval of the monitor, and more
		if got := r.modsOf("disk"); !slices.Equal(got, []string{"117887554 outdated"}) {
			t.Errorf("after a new version: %v", got)
		}
		if r.index.get(next) == nil {
			t.Error("the new version is not fetched ahead")
		}
		if got := hook.take(); !slices.Equal(got, []string{"mods.outdated 117887554"}) {
			t.Errorf("told %v", got)
		}
		r.steam.mu.Lock()
		last := slices.Clone(r.steam.calls[len(r.steam.calls)-1])
		r.steam.mu.Unlock()
		slices.Sort(last)
		if diff := cmp.Diff([]uint64{30, 31, 32, installed}, last); diff != "" {
			t.Errorf("the last call of Steam: %s", diff)
		}

		install(t, folder, next.Version) // the game server has updated
		pass(5 * time.Minute)
		if got := hook.take(); !slices.Equal(got, []string{"mods.current 117887554"}) {
			t.Errorf("told %v", got)
		}
		r.stop()
		if strings.Contains(r.log.String(), "T0KEN") {
			t.Error("the log holds the token")
		}
	})
}

// A server's folder in each layout that workshop.roots takes.
func TestServerFolder(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	legacy, missing := t.TempDir(), filepath.Join(t.TempDir(), "none")
	for _, name := range []string{"m706d242_100", "m706d242_300", "M706D242_200", "m5_7", "other"} {
		put(t, filepath.Join(legacy, name, "x.lua"), []byte("x"))
	}
	ugc := t.TempDir()
	install(t, ugc, 500)
	torn := t.TempDir()
	install(t, torn, 500)
	put(t, filepath.Join(torn, "appworkshop_4920.acf"), []byte(`"AppWorkshop" {`))
	for path, want := range map[string]struct {
		versions map[uint64]int64
		whole    bool
	}{
		legacy:      {map[uint64]int64{installed: 300, 5: 7}, true},
		ugc:         {map[uint64]int64{installed: 500}, true},
		torn:        {map[uint64]int64{}, false},
		missing:     {map[uint64]int64{}, false},
		t.TempDir(): {map[uint64]int64{}, false}, // perhaps not mounted
	} {
		versions, whole, err := radarLibrary{r.Service}.Folder(path).Read(t.Context())
		if err != nil || whole != want.whole || !cmp.Equal(versions, want.versions) {
			t.Errorf("%s: %v, %v, %v; want %v", path, versions, whole, err, want)
		}
	}
}

// ask sends a JSON request and returns status and body.
func ask(t *testing.T, method, url, key, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		req.Body = http.NoBody
		req.ContentLength = 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestRadar_API(t *testing.T) {
	t.Parallel()
	status := http.StatusTeapot
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(receiver.Close)
	r := newRig(t, func(c *config.Workshop) { c.Servers = []config.Server{{Name: "conf", IDs: []config.Item{installed}}} })
	r.steam.put(installed, 1348957670, nil)
	srv, err := web.New(web.Options{Limits: config.Limits{MaxConns: 100, MaxConnsPerIP: 100, PerIPRPS: 1000, Exempt: []string{"127.0.0.0/8"}}})
	if err != nil {
		t.Fatal(err)
	}
	acc := accounts.New(accounts.Options{DB: r.store.db, DataDir: t.TempDir()})
	acc.Register(srv)
	r.Register(srv)
	ts := httptest.NewServer(srv)
	t.Cleanup(ts.Close)
	ada, err := acc.Create(accounts.Local(t.Context(), "root"), "Ada", "correct horse battery", accounts.RoleAdmin)
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := acc.CreateKey(accounts.Local(t.Context(), "root"), accounts.NewKey{AccountID: ada.ID, Scopes: []string{accounts.ScopeModsWrite}})
	if err != nil {
		t.Fatal(err)
	}
	base := ts.URL + "/api/v1/mods/servers"
	hook := receiver.URL + "/T0KEN"
	for _, c := range []struct {
		method, path, key, body string
		status                  int
		holds                   string
	}{
		{"GET", "", "", "", 200, `"name":"conf","origin":"config","mods":[{"id":"117887554","hex":"706d242"`},
		{"PUT", "/api", "", `{"mods":[]}`, 401, ""},
		{"POST", "/conf/restarted", "", `{}`, 401, ""},
		{"POST", "/conf/webhook-test", "", "", 401, ""},
		{"DELETE", "/conf", "", "", 401, ""},
		{"PUT", "/api", key, `{"mods":[{"id":"m5f3f7c0","version":1348957670},{"id":"5"}],"collections":["77"],"webhook":"` + hook + `","webhook_secret":"s3cret"}`,
			200, `"name":"api","origin":"api","mods":[{"id":"5","hex":"5"`},
		{"PUT", "/api", key, `{"mods":[{"id":"nonsense"}]}`, 400, "nonsense"},
		{"PUT", "/api", key, `{"webhook":"http://169.254.169.254/"}`, 400, "webhook"},
		{"PUT", "/a%20b", key, `{}`, 400, ""},
		{"PUT", "/conf", key, `{"webhook":"` + hook + `"}`, 409, ""},
		{"PUT", "/conf", key, `{"mods":[{"id":"117887554","version":1348957670}]}`, 200, `"basis":"reported"`},
		{"GET", "", key, "", 200, `"webhook":true`},
		{"POST", "/api/webhook-test", key, "", 503, "it answered 418"},
		{"POST", "/conf/webhook-test", key, "", 409, ""},
		{"POST", "/conf/restarted", key, "", 200, `"restarted_at":`},
		{"POST", "/conf/restarted", key, `{"mods":[{"id":"117887554","version":5}]}`, 200, `"running":5`},
		{"POST", "/nobody/restarted", key, "", 404, ""},
		{"DELETE", "/conf", key, "", 409, "configuration"},
		{"DELETE", "/api", key, "", 204, ""},
		{"DELETE", "/api", key, "", 404, ""},
	} {
		got, body := ask(t, c.method, base+c.path, c.key, c.body)
		if got != c.status || !strings.Contains(body, c.holds) {
			t.Errorf("%s %s %s: %d %s; want %d and %q", c.method, c.path, c.body, got, body, c.status, c.holds)
		}
		if strings.Contains(body, "T0KEN") || strings.Contains(body, "s3cret") || strings.Contains(body, "127.0.0.1") {
			t.Errorf("%s %s shows a secret: %s", c.method, c.path, body)
		}
	}
	if strings.Contains(r.log.String(), "T0KEN") {
		t.Error("the log holds the token")
	}
	if list, err := r.Radar().Servers(t.Context()); err != nil || len(list) != 1 || list[0].Mods[0].Basis != radar.Reported {
		t.Errorf("%+v, %v", list, err)
	}
}
