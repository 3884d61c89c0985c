package workshop

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// keep stores a version as if it had been fetched: times in days before now.
func (r *rig) keep(n Name, stored, verified, requested float64, change func(*Version)) {
	r.t.Helper()
	ago := func(days float64) time.Time {
		if days < 0 {
			return time.Time{}
		}
		return r.clock.Now().Add(-time.Duration(days * 24 * float64(time.Hour)))
	}
	w, err := r.blobs.Create(context.Background(), blobKey(n))
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := w.Write([]byte("12345")); err != nil {
		r.t.Fatal(err)
	}
	if _, err := w.Commit(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	v := Version{
		Name: n, State: Ready, Key: blobKey(n), Size: 5, Source: "steam-url",
		StoredAt: ago(stored), VerifiedAt: ago(verified), RequestedAt: ago(requested),
	}
	if change != nil {
		change(&v)
	}
	if err := r.store.db.Write(context.Background(), func(tx *db.Tx) (err error) {
		v, err = putVersion(context.Background(), tx, v)
		return err
	}); err != nil {
		r.t.Fatal(err)
	}
	r.index.put(v)
}

// gcCase is a library, what the collection removes of it and what it keeps
// and says so.
type gcCase struct {
	fill    func(r *rig)
	removed string
	kept    string
}

func gcCases() map[string]gcCase {
	pinned := func(v *Version) { v.Pinned = true }
	return map[string]gcCase{
		"superseded and forgotten": {func(r *rig) {
			r.keep(Name{1, 10}, 90, 90, 60, nil)
			r.keep(Name{1, 20}, 8, 8, 0, nil)
		}, "m1_10", ""},
		"never asked for": {func(r *rig) {
			r.keep(Name{1, 10}, 90, 90, -1, nil)
			r.keep(Name{1, 20}, 8, 8, -1, nil)
		}, "m1_10", ""},
		"the newer one was published long ago but came yesterday": {func(r *rig) {
			r.keep(Name{1, 10}, 90, 90, 60, nil)
			r.keep(Name{1, 20}, 1, 1, 0, nil)
		}, "", "m1_10"},
		"the newer one was not checked": {func(r *rig) {
			r.keep(Name{1, 10}, 90, 90, 60, nil)
			r.keep(Name{1, 20}, 8, -1, 0, nil)
		}, "", "m1_10"},
		"asked for yesterday": {func(r *rig) {
			r.keep(Name{1, 10}, 90, 90, 1, nil)
			r.keep(Name{1, 20}, 8, 8, 0, nil)
		}, "", "m1_10"},
		"pinned": {func(r *rig) {
			r.keep(Name{1, 10}, 90, 90, 60, pinned)
			r.keep(Name{1, 20}, 8, 8, 0, nil)
		}, "", "m1_10"},
		"the last copy": {func(r *rig) {
			r.keep(Name{1, 10}, 90, 90, 60, nil)
			r.keep(Name{2, 20}, 8, 8, 0, nil)
		}, "", ""},
		"the newer one is damaged": {func(r *rig) {
			r.keep(Name{1, 10}, 90, 90, 60, nil)
			r.keep(Name{1, 20}, 8, 8, 0, func(v *Version) { v.State = Quarantined })
		}, "", ""},
		"the newer one's file is gone": {func(r *rig) {
			r.keep(Name{1, 10}, 90, 90, 60, nil)
			r.keep(Name{1, 20}, 8, 8, 0, nil)
			if err := r.blobs.Delete(context.Background(), blobKey(Name{1, 20})); err != nil {
				r.t.Fatal(err)
			}
		}, "", "m1_10"},
		"several": {func(r *rig) {
			r.keep(Name{1, 10}, 90, 90, 60, nil)
			r.keep(Name{1, 15}, 60, 60, 50, nil)
			r.keep(Name{1, 20}, 8, 8, 0, nil)
			r.keep(Name{2, 5}, 90, 90, 60, nil)
			r.keep(Name{2, 6}, 8, 8, 60, nil)
		}, "m1_10 m1_15 m2_5", ""},
		"a file of the operator": {func(r *rig) {
			r.keep(Name{1, 10}, 90, 90, 60, func(v *Version) { v.Key, v.Path = "", "/srv/m1_10.zip" })
			r.keep(Name{1, 20}, 8, 8, 0, nil)
		}, "", ""},
	}
}

func TestGC(t *testing.T) {
	t.Parallel()
	for name, c := range gcCases() {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(c *config.Workshop) { c.Retention.KeepIrreplaceable = false })
			if err := r.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.fill(r)
			before := r.keys()
			dry, err := r.GC(t.Context(), true)
			if err != nil || !slices.Equal(before, r.keys()) {
				t.Fatalf("a dry run removed something: %v, %v", err, r.keys())
			}
			got, err := r.GC(t.Context(), false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(dry, got); diff != "" {
				t.Errorf("the dry run said otherwise:\n%s", diff)
			}
			if s := names(got.Removed); s != c.removed {
				t.Errorf("removed %q, want %q", s, c.removed)
			}
			if s := names(got.Kept); s != c.kept {
				t.Errorf("kept %q, want %q", s, c.kept)
			}
			for _, x := range got.Removed {
				if r.index.get(x.Name) != nil || slices.Contains(r.keys(), blobKey(x.Name)) {
					t.Errorf("%s is still there", x.Name)
				}
			}
			for _, x := range append(got.Removed, got.Kept...) {
				if x.Why == "" {
					t.Errorf("%s: no reason", x.Name)
				}
			}
		})
	}
}

func names(list []Removal) string {
	var out []string
	for _, r := range list {
		out = append(out, r.Name.String())
	}
	return strings.Join(out, " ")
}

func TestGC_KeepsWhatNobodyCanSupply(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil) // keep_irreplaceable
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.keep(Name{1, 10}, 90, 90, 60, nil)
	r.keep(Name{1, 20}, 8, 8, 0, nil)
	r.records.remember(Item{FileDetails: webapi.FileDetails{ID: 1, Result: 1, AppID: 4920, Updated: 20, URL: "x"}, CheckedAt: r.clock.Now()})
	got, err := r.GC(t.Context(), false)
	if err != nil || len(got.Removed) != 0 || names(got.Kept) != "m1_10" || !strings.Contains(got.Kept[0].Why, "no source") {
		t.Errorf("%+v, %v", got, err)
	}
}
