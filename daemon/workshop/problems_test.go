package workshop

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// A line of the log carries a hint only where there is one.
func TestProblem_Log(t *testing.T) {
	for hint, want := range map[string]string{
		"":             "level=WARN msg=\"the disk is full\" code=disk_low\n",
		"delete a mod": "level=WARN msg=\"the disk is full\" code=disk_low hint=\"delete a mod\"\n",
	} {
		var b lockedBuffer
		var p problems
		for range 2 { // the second changes nothing
			p.set(slog.New(slog.NewTextHandler(&b, nil)), Problem{Code: problemDiskLow, Text: "the disk is full", Hint: hint})
		}
		if got := b.String(); !strings.HasSuffix(got, want) || strings.Count(got, "\n") != 1 {
			t.Errorf("logged %q, want one line that ends in %q", got, want)
		}
	}
}

// The problem counts the items that are refused because nobody has them, and
// is over when none is.
func TestState_NoSourceProblem(t *testing.T) {
	t.Parallel()
	inRoot(t, func(t *testing.T, r *rig, root string) {
		refuse := func(id ItemID, title string) {
			t.Helper()
			r.steam.put(uint64(id), 100, func(d *webapi.FileDetails) { d.URL, d.Manifest, d.Title = "", "77", title })
			if w := r.get(Name{id, 100}, time.Minute); w.Header().Get("X-Reason") != answerNoSource.reason() {
				t.Fatalf("%d: %q", id, w.Header().Get("X-Reason"))
			}
			pass(second)
		}
		expect := func(when, want string) {
			t.Helper()
			st, err := r.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, p := range st.Problems {
				if p.Code == problemNoSource {
					got = p.Text
					if !strings.Contains(p.Hint, "workshop.roots") {
						t.Errorf("%s: hint %q", when, p.Hint)
					}
				}
			}
			if got != want {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
		}
		expect("at first", "")
		refuse(0xa1, "first")
		expect("one item", "no source can supply ma1 (first)")
		pass(5 * time.Minute)
		for id := ItemID(0xa2); id <= 0xa5; id++ {
			refuse(id, "mod "+id.Hex())
		}
		expect("five items", "no source can supply 5 items, the latest being ma5 (mod a5), ma4 (mod a4), ma3 (mod a3)")
		pass(5 * time.Minute)
		expect("the first refusal ran out", "no source can supply 4 items, the latest being ma5 (mod a5), ma4 (mod a4), ma3 (mod a3)")

		// A folder appears: it is not refused any longer.
		write(t, filepath.Join(root, "ma5_100", "a.lua"), "print(1)")
		pass(2 * time.Minute)
		expect("a folder appeared", "no source can supply 3 items, the latest being ma4 (mod a4), ma3 (mod a3), ma2 (mod a2)")
		r.expect("/ma5_100.zip", 202, "Found mod folder, zipping it up now")
		pass(30 * second)
		r.expect("/ma5_100.zip", 200, "")

		// Steam has an address after all, and somebody tries again.
		r.offer(Name{0xa4, 100})
		jobs, err := r.Jobs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			if j.Name.Item == 0xa4 {
				if _, err := r.Retry(t.Context(), j.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		pass(5 * second)
		expect("an item came", "no source can supply 2 items, the latest being ma3 (mod a3), ma2 (mod a2)")
		pass(10 * time.Minute)
		expect("all refusals ran out", "")
	})
}
