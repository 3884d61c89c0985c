package pytorrent_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop/pytorrent"
	"github.com/quartermasterd/quartermaster/daemon/workshop/pytorrent/pytorrenttest"
)

// open makes an old server, fills it and opens it.
func open(t *testing.T, zone *time.Location, fill func(insert func(table string, values ...any))) *pytorrent.Installation {
	t.Helper()
	dir := t.TempDir()
	s, err := pytorrenttest.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	fill(func(table string, values ...any) {
		t.Helper()
		if err := s.Insert(table, values...); err != nil {
			t.Fatal(err)
		}
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	in, err := pytorrent.Open(t.Context(), dir, temp, zone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
	})
	return in
}

// Every column may be null, and times are what the old clock showed.
func TestMods(t *testing.T) {
	berlin := time.FixedZone("CEST", 2*3600)
	in := open(t, berlin, func(insert func(string, ...any)) {
		insert("mods", 2, "b", "text", 5, 1, "2020-03-01 10:00:00.000000", "2024-04-11 09:21:07", "2024-05-01T08:34:10.101512", "steam", 42)
		insert("mods", 1, nil, nil, nil, nil, nil, "yesterday", "", nil, nil)
		insert("tags", 7, "Mod")
		insert("tags", 8, nil)
		insert("unity_mods_tags", 2, 7)
		insert("unity_mods_tags", 2, 7)
		insert("unity_mods_tags", 2, 8)
		insert("unity_mods_tags", 2, 9)
		insert("unity_mods_tags", nil, 7)
		insert("unity_mods_tags", 99, 7)
		insert("unity_games_mods", 294100, 2)
		insert("unity_games_mods", 294100, 2)
		insert("unity_mods_dependencies", 2, 3)
		insert("resources_mods", 1, "logo", "https://a", "2024-05-01 00:00:00", 2)
		insert("resources_mods", 2, "logo", nil, nil, 2)
		insert("resources_mods", 3, "logo", "https://b", nil, nil)
	})
	mods, err := in.Mods(t.Context())
	want := []*pytorrent.Mod{
		{ID: 1, Condition: -1},
		{
			ID: 2, Name: "b", Size: 5, Condition: 1, Created: time.Date(2020, 3, 1, 8, 0, 0, 0, time.UTC),
			Updated: time.Date(2024, 4, 11, 7, 21, 7, 0, time.UTC), Requested: time.Date(2024, 5, 1, 6, 34, 10, 101512000, time.UTC),
			Source: "steam", Downloads: 42, Game: 294100, Tags: []string{"Mod"}, Dependencies: []int64{3},
			Resources: []pytorrent.Resource{{Type: "logo", URL: "https://a", Changed: time.Date(2024, 4, 30, 22, 0, 0, 0, time.UTC)}},
		},
	}
	if diff := cmp.Diff(want, mods); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if text, err := in.Description(t.Context(), 2); text != "text" || err != nil {
		t.Errorf("%q %v", text, err)
	}
}

func TestCounters(t *testing.T) {
	in := open(t, time.UTC, func(insert func(string, ...any)) {
		insert("statistics_hour", 1, "2024-05-01 08:00:00.000000", "a", 1)
		insert("statistics_hour", 2, "2024-05-01 08:00:00.000000", "a", 2)
		insert("statistics_hour", 3, nil, "a", 2)
		insert("statistics_hour", 4, "2024-05-01 08:00:00.000000", nil, 2)
		insert("statistics_day", 1, "2024-05-01", "a", 3)
		insert("statistics_day", 2, "never", "a", 3)
		insert("processing_time", "2024-05-01 08:00:00.000001", "steam_ok", -1)
		insert("processing_time", "2024-05-01 08:00:00.000002", "steam_ok", 7)
	})
	var hours []pytorrent.Hour
	var days []pytorrent.Day
	var timings []pytorrent.Timing
	at := time.Date(2024, 5, 1, 8, 0, 0, 0, time.UTC)
	err := in.Hours(t.Context(), func(h pytorrent.Hour) error { hours = append(hours, h); return nil })
	if diff := cmp.Diff([]pytorrent.Hour{{At: at, Type: "a", Count: 3}}, hours); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	err = in.Days(t.Context(), func(d pytorrent.Day) error { days = append(days, d); return nil })
	if diff := cmp.Diff([]pytorrent.Day{{Day: "2024-05-01", Type: "a", Count: 3}}, days); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	err = in.Timings(t.Context(), func(x pytorrent.Timing) error { timings = append(timings, x); return nil })
	if diff := cmp.Diff([]pytorrent.Timing{{At: at.Add(2 * time.Microsecond), Type: "steam_ok", MS: 7}}, timings); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

// Without statistics there are mods all the same; without a catalogue there
// is nothing.
func TestOpen_Parts(t *testing.T) {
	dir := t.TempDir()
	s, err := pytorrenttest.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "sql", "statistics.db")); err != nil {
		t.Fatal(err)
	}
	in, err := pytorrent.Open(t.Context(), dir, t.TempDir(), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Days(t.Context(), func(pytorrent.Day) error { t.Error("a day"); return nil }); err != nil {
		t.Error(err)
	}
	if a, err := in.Archives(); err != nil || len(a) != 0 {
		t.Errorf("%v %v", a, err)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "sql", "database.db")); err != nil {
		t.Fatal(err)
	}
	if _, err := pytorrent.Open(t.Context(), dir, t.TempDir(), time.UTC); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
}

// Only what is a mod's archive counts, and of two the one of its game.
func TestArchives(t *testing.T) {
	dir := t.TempDir()
	s, err := pytorrenttest.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	for game, mod := range map[int64]int64{4920: 5, 294100: 5, 7: 6} {
		if _, err := s.Archive(game, mod, map[string]string{"a": "b"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content := filepath.Join(dir, "steamapps", "workshop", "content")
	for _, name := range []string{"4920/x.zip", "4920/007.zip", "4920/8.txt", "other"} {
		if err := os.WriteFile(filepath.Join(content, filepath.FromSlash(name)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(content, "4920", "9.zip"), 0o700); err != nil {
		t.Fatal(err)
	}
	in, err := pytorrent.Open(t.Context(), dir, t.TempDir(), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close() //nolint:errcheck // the test is over
	a, err := in.Archives()
	if err != nil || len(a) != 2 {
		t.Fatalf("%v %v", a, err)
	}
	for game, want := range map[int64]int64{4920: 4920, 294100: 294100} {
		if x, ok := a.Find(5, game); !ok || x.Game != want || x.Path != filepath.Join(content, filepath.Base(filepath.Dir(x.Path)), "5.zip") || x.Size == 0 {
			t.Errorf("%+v %v", x, ok)
		}
	}
	if x, ok := a.Find(6, 0); !ok || x.Game != 7 {
		t.Errorf("%+v %v", x, ok)
	}
	if _, ok := a.Find(8, 0); ok {
		t.Error("found what is not there")
	}
}
