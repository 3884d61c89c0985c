package workshop

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

func TestParseMapcycle(t *testing.T) {
	for text, want := range map[string][]ItemID{
		`{}`:                       nil,
		`{"mods":["706d242", 12]}`: {0x706d242, 12},
		`{"mods":["M706D242","0x10","12"],"maps":["ns2_tram",{"map":"ns2_x","mods":["ff", 300, "12"]},{"map":"y"}]}`: {0x706d242, 0x10, 0x12, 0xff, 300},
		`{"mods":[null, true, "", "xyz", -4, 1.5, {"a":1}, "10000000000000000"],"maps":[5]}`:                         nil,
		"\xef\xbb\xbf{\"mods\":[\"a\"]}": {10},
	} {
		got, err := parseMapcycle([]byte(text))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "[]", "{", `{"mods":5}`} {
		if ids, err := parseMapcycle([]byte(text)); err == nil {
			t.Errorf("%q is taken for %v", text, ids)
		}
	}
}

func FuzzParseMapcycle(f *testing.F) {
	f.Add([]byte(`{"mods":["706d242", 12],"maps":["ns2_tram",{"map":"ns2_x","mods":["ff", 300]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		ids, err := parseMapcycle(text)
		if err == nil && slices.Contains(ids, 0) {
			t.Error("item 0")
		}
	})
}

func TestMonitor(t *testing.T) {
	t.Parallel()
	cycle := filepath.Join(t.TempDir(), "MapCycle.json")
	if err := os.WriteFile(cycle, []byte(`{"mods":["14"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	inBubble(t, func(c *config.Workshop) {
		c.FetchCurrentOnMiss = false
		c.Monitor = config.Monitor{
			IDs: []config.Item{10}, Collections: []config.Item{99}, Mapcycle: []string{cycle}, Interval: config.Duration(10 * time.Minute),
		}
	}, func(t *testing.T, r *rig) {
		r.steam.mu.Lock()
		r.steam.collections[99] = []webapi.Child{{ID: 30}, {ID: 98, Type: 2}}
		r.steam.collections[98] = []webapi.Child{{ID: 40}, {ID: 99, Type: 2}} // a circle
		r.steam.mu.Unlock()
		for _, id := range []ItemID{10, 20, 30, 40} {
			r.offer(Name{id, 100})
		}
		pass(12 * time.Minute)
		r.offer(Name{10, 200}) // published anew
		pass(12 * time.Minute)
		var got []string
		for _, st := range r.index.all() {
			got = append(got, st.Name.String())
		}
		slices.Sort(got)
		if diff := cmp.Diff([]string{"m14_100", "m1e_100", "m28_100", "ma_100", "ma_200"}, got); diff != "" {
			t.Error(diff)
		}
		calls := r.steam.calls
		if last := calls[len(calls)-1]; len(last) != 4 {
			t.Errorf("the last call names %d items, want all 4 at once", len(last))
		}
		// While Steam's breaker is open the monitor stays quiet.
		r.steam.mu.Lock()
		r.steam.breaker = true
		n := len(r.steam.calls)
		r.steam.mu.Unlock()
		pass(30 * time.Minute)
		if r.steam.count() != n {
			t.Errorf("%d calls while the breaker was open", r.steam.count()-n)
		}
	})
}

// One problem names every map cycle file that cannot be read, whatever their
// order, and is over when all can.
func TestMonitor_BadMapcycles(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]string{"bad first": {"bad", "worse", "good"}, "bad last": {"good", "worse", "bad"}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var paths []string
			for _, file := range order {
				paths = append(paths, filepath.Join(dir, file))
			}
			write(t, filepath.Join(dir, "good"), `{"mods":["a"]}`)
			write(t, filepath.Join(dir, "worse"), `{"mods":`)
			inBubble(t, func(c *config.Workshop) {
				c.Monitor = config.Monitor{Mapcycle: paths, Interval: config.Duration(10 * time.Minute)}
			}, func(t *testing.T, r *rig) {
				r.offer(Name{10, 100})
				warned := func() int { return strings.Count(r.log.String(), "code=mapcycle_unreadable") }
				problem := func() string {
					t.Helper()
					st, err := r.Status(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					for _, p := range st.Problems {
						if p.Code == problemMapcycle {
							return p.Text
						}
					}
					return ""
				}
				for range 3 {
					pass(11 * time.Minute)
					if text := problem(); !strings.Contains(text, paths[slices.Index(order, "bad")]) || !strings.Contains(text, paths[1]) || strings.Contains(text, filepath.Join(dir, "good")) {
						t.Errorf("the problem is %q", text)
					}
				}
				if n := warned(); n != 1 || r.index.get(Name{10, 100}) == nil {
					t.Errorf("%d warnings, want 1", n)
				}
				// One is mended: that is news, but the other is not over.
				write(t, filepath.Join(dir, "worse"), `{"mods":[]}`)
				pass(11 * time.Minute)
				if text := problem(); strings.Contains(text, "worse") || !strings.Contains(text, "bad") || warned() != 2 {
					t.Errorf("the problem is %q, %d warnings", text, warned())
				}
				write(t, filepath.Join(dir, "bad"), `{}`)
				pass(11 * time.Minute)
				if text := problem(); text != "" || warned() != 2 {
					t.Errorf("after mending: %q, %d warnings", text, warned())
				}
			})
		})
	}
}

// Nobody has to read a map cycle file any more that is not configured.
func TestMonitor_ForgottenMapcycle(t *testing.T) {
	t.Parallel()
	monitor := config.Monitor{Mapcycle: []string{filepath.Join(t.TempDir(), "absent")}, Interval: config.Duration(10 * time.Minute)}
	inBubble(t, func(c *config.Workshop) { c.Monitor = monitor }, func(t *testing.T, r *rig) {
		if !r.problems.has(problemMapcycle) {
			t.Fatal("no problem")
		}
		r.Reload(testConfig())
		pass(11 * time.Minute)
		if r.problems.has(problemMapcycle) {
			t.Error("the problem stays")
		}
	})
}

// A collection that Steam does not know is told, for as long as it is named.
func TestMonitor_UnknownCollection(t *testing.T) {
	t.Parallel()
	monitor := config.Monitor{Collections: []config.Item{77, 78}, Interval: config.Duration(10 * time.Minute)}
	inBubble(t, func(c *config.Workshop) { c.Monitor = monitor }, func(t *testing.T, r *rig) {
		said := func() string {
			for _, p := range r.problems.all() {
				if p.Code == problemCollection {
					return p.Text
				}
			}
			return ""
		}
		pass(time.Minute)
		if got := said(); !strings.HasSuffix(got, ": 77, 78") {
			t.Fatalf("said %q", got)
		}
		r.steam.mu.Lock()
		r.steam.collections[77] = []webapi.Child{{ID: 5}}
		r.steam.mu.Unlock()
		pass(12 * time.Minute)
		if got := said(); !strings.HasSuffix(got, ": 78") {
			t.Errorf("said %q", got)
		}
		if n := strings.Count(r.log.String(), "code=collection_unknown"); n != 2 {
			t.Errorf("logged %d times, want 2", n)
		}
		r.Reload(testConfig())
		pass(12 * time.Minute)
		if got := said(); got != "" {
			t.Errorf("said %q", got)
		}
	})
}
