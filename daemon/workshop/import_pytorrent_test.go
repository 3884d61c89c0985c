package workshop

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/workshop/pytorrent/pytorrenttest"
)

const (
	oldHarmony = 2009463077
	oldHugsLib = 818773962
)

// oldServer is a PyTorrent with two sound mods and everything that can be
// wrong with the others.
func oldServer(t testing.TB) (dir string, archives map[int64][]byte) {
	t.Helper()
	dir = t.TempDir()
	s, err := pytorrenttest.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		t.Helper()
		v, err := time.Parse("2006-01-02 15:04:05.999999", text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	row := func(table string, values ...any) {
		t.Helper()
		if err := s.Insert(table, values...); err != nil {
			t.Fatal(err)
		}
	}
	row("games", 294100, "RimWorld", "game", "https://cdn.example/header.jpg", "A colony sim.", "<p>HTML</p>", 40, 7, at("2023-01-02 03:04:05.141640"), "steam")
	row("genres", 28, "Simulation")
	row("genres", 23, "Indie") // of no game: the server lost such links
	row("genres", 24, nil)
	row("unity_games_genres", 294100, 28)
	row("mods", oldHarmony, "Harmony", "[b]Library[/b]", 2154312, 0, at("2020-03-01 10:00:00"), at("2024-04-11 09:21:07"), at("2024-05-01 08:34:10.101512"), "steam", 42)
	row("mods", oldHugsLib, "HugsLib [1.5]", "Needs Harmony", 999, 0, at("2016-12-15 00:00:00"), at("2024-03-13 10:00:00"), at("2024-05-02 00:00:00"), "steam", 7)
	row("mods", 3, "loading", "", 1, 2, at("2020-01-01 00:00:00"), at("2020-01-01 00:00:00"), at("2020-01-01 00:00:00"), "steam", 0)
	row("mods", 4, "lost", "", 1, 0, at("2020-01-01 00:00:00"), at("2020-01-01 00:00:00"), at("2020-01-01 00:00:00"), "steam", 5)
	row("mods", 5, "cut", "", 1, 0, at("2020-01-01 00:00:00"), at("2020-01-01 00:00:00"), at("2020-01-01 00:00:00"), "steam", 5)
	row("mods", 6, nil, nil, nil, 0, nil, nil, nil, nil, nil)
	row("mods", 7, "half", "", 1, 1, at("2020-01-01 00:00:00"), at("2020-01-01 00:00:00"), at("2020-01-01 00:00:00"), "steam", 3)
	row("tags", 1, "Mod")
	row("tags", 2, "1.5")
	for _, tag := range []int{1, 2} {
		row("unity_mods_tags", oldHarmony, tag)
		row("unity_allowed_mods_tags", 294100, tag)
	}
	for range 3 { // one more with each update
		row("unity_games_mods", 294100, oldHarmony)
	}
	row("unity_games_mods", 294100, oldHugsLib)
	row("unity_mods_dependencies", oldHugsLib, oldHarmony)
	row("unity_mods_dependencies", oldHugsLib, 77)
	row("resources_mods", 1, "logo", "https://images.example/a.jpg", at("2023-02-03 04:05:06.155080"), oldHarmony)
	row("resources_mods", 2, "screenshot", "https://images.example/b.jpg", at("2023-02-03 04:05:06"), oldHarmony)
	row("statistics_hour", 1, at("2024-05-01 08:00:00"), "/list/mods/", 14)
	row("statistics_hour", 2, at("2024-05-01 08:00:00"), "/list/mods/", 1)
	row("statistics_day", 1, "2024-05-01", "files_sent", 5)
	row("statistics_day", 2, "2024-05-01", "odd type", 2)
	row("processing_time", at("2024-05-01 08:34:10.101512"), "steam_ok", 1017)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	archives = map[int64][]byte{}
	for id, files := range map[int64]map[string]string{
		oldHarmony: {"About/About.xml": "<a/>", "Текст.txt": "x"}, oldHugsLib: {"a": "b"}, 3: {"a": "b"}, 5: {"a": "b"}, 6: {"a": "b"}, 7: {"a": "c"},
	} {
		if archives[id], err = s.Archive(294100, id, files); err != nil {
			t.Fatal(err)
		}
	}
	cut := filepath.Join(dir, "steamapps", "workshop", "content", "294100", "5.zip")
	if err := os.Truncate(cut, int64(len(archives[5])-8)); err != nil {
		t.Fatal(err)
	}
	return dir, archives
}

// everything is every file below a folder with size and time.
func everything(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files[path] = info.ModTime().String() + info.Mode().String()
		if !d.IsDir() {
			data, err := os.ReadFile(path)
			files[path] += string(data)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// ask sends a request to the face of the catalogue.
func (r *rig) ask(path string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	req.RemoteAddr = "127.0.0.1:5000" // not limited
	w := httptest.NewRecorder()
	r.catalog.ServeHTTP(w, req)
	return w
}

// says compares a JSON answer of the face of the catalogue with want, without
// the keys that want does not name.
func (r *rig) says(path, want string) {
	r.t.Helper()
	var got, wanted any
	body := r.ask(path).Body.Bytes()
	if err := json.Unmarshal(body, &got); err != nil {
		r.t.Fatalf("GET %s: %v: %s", path, err, body)
	}
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		r.t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, only(got, wanted)); diff != "" {
		r.t.Errorf("GET %s (-want +got):\n%s", path, diff)
	}
}

// only cuts got down to the keys of want.
func only(got, want any) any {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(w) == 0 {
			return got
		}
		out := map[string]any{}
		for k, v := range w {
			if x, ok := g[k]; ok {
				out[k] = only(x, v)
			}
		}
		return out
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return got
		}
		out := make([]any, len(g))
		for i := range g {
			out[i] = only(g[i], w[i])
		}
		return out
	}
	return got
}

func TestImportPyTorrent(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		dir, archives := oldServer(t)
		before := everything(t, dir)
		r := newRigOn(t, d, t.TempDir(), nil)
		o := ImportOptions{Dir: dir, Zone: time.UTC, DryRun: true}
		bytesOf := func(ids ...int64) (n int64) {
			for _, id := range ids {
				n += int64(len(archives[id]))
			}
			return n
		}
		want := ImportReport{
			Dir: dir, DryRun: true, TimeZone: "UTC", Mods: 3, Bytes: bytesOf(oldHarmony, oldHugsLib, 7), Games: 1, Hours: 1, Days: 2, Timings: 1,
			Skipped: []SkippedMod{
				{3, "loading", "it was not complete (condition 2)"}, {4, "lost", "its archive is missing"},
				{6, "", "its row does not say when it was updated"}, {5, "cut", "zip: the archive is cut short, its directory is missing"},
			},
		}
		report, err := r.ImportPyTorrent(t.Context(), o)
		if diff := cmp.Diff(want, report); diff != "" || err != nil {
			t.Errorf("dry run: %v (-want +got):\n%s", err, diff)
		}
		if keys := r.keys(); len(keys) != 0 {
			t.Errorf("a dry run stored %v", keys)
		}
		o.DryRun, want.DryRun = false, false
		report, err = r.ImportPyTorrent(t.Context(), o)
		if diff := cmp.Diff(want, report); diff != "" || err != nil {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
		want.Mods, want.Bytes, want.Present = 0, 0, 3
		report, err = r.ImportPyTorrent(t.Context(), o)
		if diff := cmp.Diff(want, report); diff != "" || err != nil {
			t.Errorf("again: %v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff(before, everything(t, dir)); diff != "" {
			t.Errorf("the old server was changed:\n%s", diff)
		}
		r.servesImport(archives)
	})
}

// servesImport compares what the faces say with what the old server said.
func (r *rig) servesImport(archives map[int64][]byte) {
	t := r.t
	t.Helper()
	if err := r.catalog.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Nothing runs yet that could complete what is known of it.
	r.says("/info/mod/7", `{"result":{"name":"half","downloads":3,"condition":1}}`)
	r.start() // as after the command, in another process
	for id, name := range map[string]string{"2009463077": `attachment; filename="Harmony.zip"`, "818773962": "attachment; filename*=utf-8''HugsLib%20%5B1.5%5D.zip"} {
		w := r.ask("/download/" + id)
		data := archives[oldHarmony]
		if id != "2009463077" {
			data = archives[oldHugsLib]
		}
		if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), data) || w.Header().Get("Content-Disposition") != name {
			t.Errorf("%s: %d, %v", id, w.Code, w.Header())
		}
	}
	r.says("/info/mod/2009463077?dependencies=true", `{"result":{"id":2009463077,"name":"Harmony","description":"[b]Library[/b]","size":2154312,
		"condition":0,"date_creation":"2020-03-01 10:00:00","date_update":"2024-04-11 09:21:07","source":"steam","downloads":43},"dependencies":[],"dependencies_count":0}`)
	r.says("/info/mod/818773962?dependencies=true", `{"result":{"downloads":8,"condition":0},"dependencies":[77,2009463077],"dependencies_count":2}`)
	r.says("/info/game/294100", `{"result":{"id":294100,"name":"RimWorld","type":"game","logo":"https://cdn.example/header.jpg","short_description":"A colony sim.",
		"description":"<p>HTML</p>","mods_downloads":42,"mods_count":3,"creation_date":"2023-01-02 03:04:05.141640","source":"steam"}}`)
	r.says("/list/tags/294100", `{"database_size":2,"results":[{"name":"Mod"},{"name":"1.5"}]}`)
	r.says("/list/genres", `{"database_size":2,"results":[{"id":23,"name":"Indie"},{"id":28,"name":"Simulation"}]}`)
	r.says("/list/resources_mods/2009463077", `{"database_size":2,"results":[
		{"type":"logo","url":"https://images.example/a.jpg","owner_id":2009463077,"date_event":"2023-02-03 04:05:06.155080"},
		{"type":"screenshot","url":"https://images.example/b.jpg","date_event":"2023-02-03 04:05:06.000000"}]}`)
	r.says("/statistics/hour?day=2024-05-01", `[{"date_time":"2024-05-01 08:00:00.000000","type":"/list/mods/","count":15}]`)
	r.says("/statistics/delay", `{"full":1017}`)
	st := r.index.get(Name{oldHarmony, time.Date(2024, 4, 11, 9, 21, 7, 0, time.UTC).Unix()})
	if st == nil || st.Source != sourceImport || st.VerifiedAt.IsZero() || st.RequestedAt.IsZero() {
		t.Fatalf("%+v", st)
	}
	if o, err := r.VerifyVersion(t.Context(), st.Name); err != nil || !o.OK {
		t.Errorf("%+v %v", o, err)
	}
}

// The clock of the old server was in another zone: versions move with it.
func TestImportPyTorrent_TimeZone(t *testing.T) {
	t.Parallel()
	dir, _ := oldServer(t)
	r := newRig(t, nil)
	zone := time.FixedZone("MSK", 3*3600)
	if _, err := r.ImportPyTorrent(t.Context(), ImportOptions{Dir: dir, Zone: zone}); err != nil {
		t.Fatal(err)
	}
	if r.index.get(Name{oldHarmony, time.Date(2024, 4, 11, 6, 21, 7, 0, time.UTC).Unix()}) == nil {
		t.Error("the version is not in the zone of the old clock")
	}
	if err := r.catalog.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.says("/statistics/hour?day=2024-05-01", `[{"date_time":"2024-05-01 05:00:00.000000","type":"/list/mods/","count":15}]`)
}

func TestImportPyTorrent_Refuses(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	if _, err := r.ImportPyTorrent(t.Context(), ImportOptions{Dir: t.TempDir(), Zone: time.UTC}); !fault.Is(err, fault.NotFound) {
		t.Errorf("an empty folder: %v", err)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sql"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sql", "database.db"), steamtest.Zip(map[string]string{"a": "b"}), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ImportPyTorrent(t.Context(), ImportOptions{Dir: dir, Zone: time.UTC}); !fault.Is(err, fault.Invalid) {
		t.Errorf("no database: %v", err)
	}
	old, _ := oldServer(t)
	r.policy.current.Load().retention.MinFree = 1 << 60
	if _, err := r.ImportPyTorrent(t.Context(), ImportOptions{Dir: old, Zone: time.UTC}); !fault.Is(err, fault.NoSpace) {
		t.Errorf("a full disk: %v", err)
	}
	if keys := r.keys(); len(keys) != 0 {
		t.Errorf("stored %v", keys)
	}
}
