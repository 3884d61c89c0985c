package workshop

import (
	"context"
	"crypto/sha256"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// put stores size bytes as a version: times in days before now. With same the
// bytes are those of every other version of that size and same.
func (r *rig) put(n Name, size int, stored, requested float64, same string, change func(*Version)) {
	r.t.Helper()
	content := []byte(n.String())
	if same != "" {
		content = []byte(same)
	}
	content = append(content, make([]byte, size-len(content))...)
	sum := sha256.Sum256(content)
	r.keep(n, stored, stored, requested, func(v *Version) {
		w, err := r.blobs.Create(context.Background(), v.Key)
		if err == nil {
			_, err = w.Write(content)
		}
		if err == nil {
			_, err = w.Commit(context.Background())
		}
		if err == nil {
			v.Print, err = r.printOf(context.Background(), v.Key)
		}
		if err != nil {
			r.t.Fatal(err)
		}
		v.Size, v.SHA256 = int64(size), sum[:]
		if change != nil {
			change(v)
		}
	})
}

// aside is put for a version whose bytes were found damaged.
func (r *rig) aside(n Name, size int, change func(*Version)) {
	r.t.Helper()
	r.put(n, size, 60, -1, "", func(v *Version) {
		if err := r.blobs.Rename(context.Background(), v.Key, quarantineKey(n)); err != nil {
			r.t.Fatal(err)
		}
		v.State, v.Key, v.Reason = Quarantined, quarantineKey(n), "broken"
		if change != nil {
			change(v)
		}
	})
}

// steamSaid makes it known that Steam said so long ago that it has the version.
func (r *rig) steamSaid(days float64, names ...Name) {
	r.t.Helper()
	at := r.clock.Now().Add(-time.Duration(days * 24 * float64(time.Hour)))
	err := r.store.db.Write(context.Background(), func(tx *db.Tx) error {
		for _, n := range names {
			item := Item{FileDetails: webapi.FileDetails{ID: uint64(n.Item), Result: 1, AppID: 4920, Updated: n.Version, URL: "x", Size: 100}, CheckedAt: at}
			if err := putItem(context.Background(), tx, item); err != nil {
				return err
			}
			r.records.remember(item)
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// limit changes the quota.
func (r *rig) limit(bytes int64) {
	c := r.config
	c.Retention.MaxBytes = config.Size(bytes)
	r.Reload(c)
}

func ruled(list []Removal) string {
	var out []string
	for _, r := range list {
		out = append(out, r.Name.String()+" "+string(r.Rule))
	}
	return strings.Join(out, ", ")
}

// stocked holds one of each: 1000 bytes that may never go for the quota, and
// 700 that may, of which 100 each are damaged, doubled and superseded.
func stocked(t *testing.T) *rig {
	t.Helper()
	root := t.TempDir()
	r := newRig(t, func(c *config.Workshop) { c.Roots, c.Retention.KeepIrreplaceable = []string{root}, false })
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.aside(Name{1, 10}, 100, nil)
	r.put(Name{2, 10}, 100, 90, 3, "twin", nil) // two keys, one content
	r.put(Name{3, 10}, 100, 90, 4, "twin", nil)
	r.put(Name{4, 10}, 100, 90, 80, "", nil) // superseded
	r.put(Name{4, 20}, 100, 60, 1, "", nil)
	r.put(Name{5, 10}, 100, 90, 30, "", nil)
	r.put(Name{6, 10}, 100, 90, 50, "", nil)
	r.put(Name{7, 10}, 100, 90, -1, "", nil)                                    // stored 90 days ago, never asked for
	r.put(Name{8, 10}, 500, 90, 85, "", func(v *Version) { v.Pinned = true })   // pinned
	r.put(Name{9, 10}, 400, 90, 85, "", nil)                                    // gone from Steam
	r.put(Name{0xa, 10}, 100, 90, 85, "", func(v *Version) { v.State = Ready }) // Steam has another, and it is the only one here
	r.steamSaid(0, Name{1, 10}, Name{2, 10}, Name{3, 10}, Name{4, 20}, Name{5, 10}, Name{6, 10}, Name{7, 10}, Name{8, 10}, Name{0xa, 20})
	return r
}

// The stated order, and no more than it takes.
func TestQuota_Order(t *testing.T) {
	t.Parallel()
	const all = 1800
	for name, c := range map[string]struct {
		limit   int64
		removed string
		short   int64
	}{
		"no limit":            {0, "m4_10 superseded", 0},
		"not reached":         {all, "m4_10 superseded", 0},
		"damaged":             {all - 1, "m1_10 quarantined, m4_10 superseded", 0},
		"doubled":             {all - 101, "m1_10 quarantined, m3_10 duplicate, m4_10 superseded", 0},
		"superseded":          {all - 300, "m1_10 quarantined, m3_10 duplicate, m4_10 superseded", 0},
		"never asked for":     {all - 301, "m1_10 quarantined, m3_10 duplicate, m4_10 superseded, m7_10 quota", 0},
		"least recently":      {all - 401, "m1_10 quarantined, m3_10 duplicate, m4_10 superseded, m7_10 quota, m6_10 quota", 0},
		"then the next":       {all - 501, "m1_10 quarantined, m3_10 duplicate, m4_10 superseded, m7_10 quota, m6_10 quota, m5_10 quota", 0},
		"twins go as one":     {all - 601, "m1_10 quarantined, m3_10 duplicate, m4_10 superseded, m7_10 quota, m6_10 quota, m5_10 quota, m2_10 quota, m3_10 quota", 0},
		"everything that may": {1, "m1_10 quarantined, m3_10 duplicate, m4_10 superseded, m7_10 quota, m6_10 quota, m5_10 quota, m2_10 quota, m3_10 quota, m4_20 quota", 999},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := stocked(t)
			r.limit(c.limit)
			if used := r.promises.used(); used != all {
				t.Fatalf("%d bytes are used", used)
			}
			dry, err := r.GC(t.Context(), true)
			if err != nil || r.promises.used() != all {
				t.Fatalf("a dry run: %v, %d bytes", err, r.promises.used())
			}
			got, err := r.GC(t.Context(), false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(dry, got); diff != "" {
				t.Errorf("the dry run said otherwise:\n%s", diff)
			}
			if s := ruled(got.Removed); s != c.removed || got.Short != c.short {
				t.Errorf("removed %s, short of %d\nwant    %s, short of %d", s, got.Short, c.removed, c.short)
			}
			if used := r.promises.used(); used != all-got.Bytes {
				t.Errorf("%d bytes are used after %d were freed", used, got.Bytes)
			}
			for _, n := range []Name{{8, 10}, {9, 10}, {0xa, 10}} {
				if st := r.index.get(n); st == nil || !r.present(t.Context(), st) {
					t.Errorf("%s is gone", n)
				}
			}
			r.agrees()
		})
	}
}

// agrees checks that database, index and store say the same.
func (r *rig) agrees() {
	r.t.Helper()
	rows := map[string]bool{}
	err := r.store.versionsSince(context.Background(), time.Time{}, func(v Version) {
		rows[v.Key] = true
		st := r.index.get(v.Name)
		if st == nil || st.Key != v.Key || st.State != v.State {
			r.t.Errorf("%s is in the database and not so in the index", v.Name)
		}
	})
	if err != nil {
		r.t.Fatal(err)
	}
	keys := r.keys()
	for _, key := range keys {
		if !rows[key] {
			r.t.Errorf("no version names %s", key)
		}
	}
	for key := range rows {
		if !slices.Contains(keys, key) {
			r.t.Errorf("%s is not stored", key)
		}
	}
	if dead, err := r.store.buriedVersions(context.Background()); err != nil || len(dead) > 0 {
		r.t.Errorf("removals are not finished: %v, %v", dead, err)
	}
}

// What Steam said too long ago is asked for anew before anything goes.
func TestQuota_AsksSteamFirst(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		old, gone := Name{5, 10}, Name{6, 10}
		r.put(old, 100, 90, 80, "", nil)
		r.put(gone, 100, 90, 85, "", nil)
		r.steamSaid(2.0/24, old, gone)
		r.offer(old) // Steam still has this one
		r.limit(150)
		pass(3 * time.Minute)
		if r.index.get(old) != nil || r.index.get(gone) == nil {
			t.Errorf("stored: %v", r.keys())
		}
		r.agrees()
	})
}

// A duplicate in the operator's folder: his file is served from then on, and is
// not touched.
func TestQuota_DuplicateInFolder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	inBubble(t, func(c *config.Workshop) { c.Roots = []string{root} }, func(t *testing.T, r *rig) {
		data := r.offer(vector)
		r.get(vector, time.Minute)
		path := filepath.Join(root, vector.File())
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Minute)
		if st := r.index.get(vector); st == nil || !st.ours() {
			t.Fatal("our own is not served")
		}
		r.limit(1)
		pass(time.Minute)
		if st := r.index.get(vector); st == nil || st.Path != path || len(r.keys()) != 0 {
			t.Errorf("%+v, stored: %v", st, r.keys())
		}
		if w := r.expect("/"+vector.File(), 200, ""); w.Body.String() != string(data) {
			t.Error("wrong bytes")
		}
	})
}

// One that only has the size of the file in the folder stays.
func TestQuota_NoDuplicateInFolder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	inBubble(t, func(c *config.Workshop) { c.Roots = []string{root} }, func(t *testing.T, r *rig) {
		data := r.offer(vector)
		r.get(vector, time.Minute)
		other := steamtest.Zip(map[string]string{"lua/mod.lua": "-- M" + vector.String()[1:], ".modinfo": "name"})
		if len(other) != len(data) {
			t.Fatalf("%d bytes, want %d", len(other), len(data))
		}
		if err := os.WriteFile(filepath.Join(root, vector.File()), other, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Pin(t.Context(), vector); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Minute)
		r.limit(1)
		pass(time.Minute)
		if st := r.index.get(vector); st == nil || !st.ours() {
			t.Error("another content is served")
		}
	})
}

// A download makes room for itself before its first byte; when nothing may go
// it waits, the problem says so, serving goes on, and so does the download
// when there is room.
func TestQuota_DownloadMakesRoom(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		held := Name{5, 10}
		r.put(held, 2000, 90, 80, "", nil)
		r.put(Name{6, 10}, 2000, 90, 85, "", func(v *Version) { v.Pinned = true })
		r.steamSaid(0, held)
		data := r.offer(vector)
		r.limit(4000 + int64(len(data))/2)
		if w := r.get(vector, time.Minute); w.Code != 200 || r.index.get(held) != nil {
			t.Fatalf("%d %q, stored: %v", w.Code, w.Header().Get("X-Reason"), r.keys())
		}
		more := Name{7, 10}
		r.offer(more)
		r.limit(2000 + int64(len(data)))
		if _, err := r.Pin(t.Context(), vector); err != nil {
			t.Fatal(err)
		}
		if w := r.get(more, 10*time.Minute); w.Code != 202 {
			t.Errorf("without room: %d %q", w.Code, w.Header().Get("X-Reason"))
		}
		st, err := r.Status(t.Context())
		if err != nil || !slices.ContainsFunc(st.Problems, func(p Problem) bool { return p.Code == problemQuota && p.Hint != "" }) {
			t.Errorf("problems: %+v, %v", st.Problems, err)
		}
		r.expect("/"+vector.File(), 200, "")
		if _, err := r.Unpin(t.Context(), vector); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute) // it was asked for just now
		if w := r.get(more, time.Minute); w.Code != 200 {
			t.Errorf("with room: %d %q", w.Code, w.Header().Get("X-Reason"))
		}
		if st, err := r.Status(t.Context()); err != nil || slices.ContainsFunc(st.Problems, func(p Problem) bool { return p.Code == problemQuota }) {
			t.Errorf("problems: %+v, %v", st.Problems, err)
		}
		r.agrees()
	})
}

// Nothing goes for a download that would not fit all the same.
func TestQuota_NothingGoesInVain(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.put(Name{5, 10}, 100, 90, 80, "", nil)
	r.put(Name{6, 10}, 900, 90, 85, "", func(v *Version) { v.Pinned = true })
	r.steamSaid(0, Name{5, 10})
	r.limit(1000)
	if err := r.promises.Reserve(t.Context(), 200); !fault.Is(err, fault.NoSpace) {
		t.Errorf("200 bytes: %v", err)
	}
	if err := r.promises.Reserve(t.Context(), 2000); !fault.Is(err, fault.TooLarge) {
		t.Errorf("2000 bytes: %v", err)
	}
	if r.index.get(Name{5, 10}) == nil {
		t.Error("it went in vain")
	}
	if err := r.promises.Reserve(t.Context(), 100); err != nil || r.index.get(Name{5, 10}) != nil {
		t.Errorf("100 bytes: %v", err)
	}
	if w, a := r.promises.whole.Load(), r.promises.ahead.Load(); w != 100 || a != 100 {
		t.Errorf("%d and %d bytes are promised", w, a)
	}
}

// Ten thousand versions: the order holds, what must stay stays, and the
// database is asked once for a batch and not once for a version.
func TestQuota_TenThousand(t *testing.T) {
	const n = 10_000
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		var transactions atomic.Int64
		o.Now = func() time.Time { transactions.Add(1); return time.Now() }
		d, err := db.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		r := newRigOn(t, d, t.TempDir(), nil)
		if err := r.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		fake := &fakeBlobs{sizes: map[string]int64{}}
		r.Service.blobs = fake
		stays, goes := r.fillFake(fake, n)
		const limit = n * 100 / 2
		r.limit(limit)
		before, began := transactions.Load(), time.Now()
		got, err := r.GC(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		asked := transactions.Load() - before
		t.Logf("%d versions removed in %s with %d transactions", len(got.Removed), time.Since(began), asked)
		if most := int64(10 + 2*(len(got.Removed)/batchSize+1)); asked > most {
			t.Errorf("%d transactions, want at most %d", asked, most)
		}
		if used := r.promises.used(); used != limit || len(fake.deleted) != len(got.Removed) {
			t.Errorf("%d bytes are used of %d; %d versions and %d blobs went", used, limit, len(got.Removed), len(fake.deleted))
		}
		for _, name := range stays {
			if r.index.get(name) == nil || fake.sizes[blobKey(name)] == 0 {
				t.Fatalf("%s is pinned or irreplaceable and gone", name)
			}
		}
		for i, x := range got.Removed {
			if x.Name != goes[i] || fake.deleted[i] != blobKey(goes[i]) {
				t.Fatalf("number %d to go was %s (%s), want %s", i, x.Name, fake.deleted[i], goes[i])
			}
		}
	})
}

// fakeBlobs is a store of sizes.
type fakeBlobs struct {
	blob.Store
	sizes   map[string]int64
	deleted []string
}

func (f *fakeBlobs) Delete(_ context.Context, key string) error {
	delete(f.sizes, key)
	f.deleted = append(f.deleted, key)
	return nil
}

func (f *fakeBlobs) Free(context.Context) (int64, error) { return 1 << 50, nil }

func (f *fakeBlobs) List(context.Context, string) iter.Seq2[blob.Info, error] {
	return func(func(blob.Info, error) bool) {}
}

// fillFake stores n versions of 100 bytes: of ten, one is pinned, one old, one
// gone from Steam and one superseded; the rest is current and asked for on
// different days. It returns what must stay, and what goes in its order.
func (r *rig) fillFake(fake *fakeBlobs, n int) (stays, goes []Name) {
	r.t.Helper()
	now := r.clock.Now()
	var current []Version
	err := r.store.db.Write(context.Background(), func(tx *db.Tx) error {
		for i := range n {
			name := Name{ItemID(1000 + i), 10}
			v := Version{
				Name: name, State: Ready, Key: blobKey(name), Size: 100, Source: "steam-url",
				StoredAt: now.Add(-90 * 24 * time.Hour), VerifiedAt: now.Add(-90 * 24 * time.Hour),
				RequestedAt: now.Add(-time.Duration((i*7919)%n+1) * time.Minute), // in no order
			}
			item := Item{FileDetails: webapi.FileDetails{ID: uint64(name.Item), Result: 1, AppID: 4920, Updated: 10, URL: "x"}, CheckedAt: now}
			switch i % 10 {
			case 0:
				v.Pinned = true
				stays = append(stays, name)
			case 1:
				item.Updated = 20
				stays = append(stays, name)
			case 2:
				item.Banned = true
				stays = append(stays, name)
			default:
				current = append(current, v)
			}
			put, err := putVersion(context.Background(), tx, v)
			if err == nil {
				err = putItem(context.Background(), tx, item)
			}
			if err != nil {
				return err
			}
			r.index.put(put)
			fake.sizes[v.Key] = v.Size
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	slices.SortFunc(current, func(a, b Version) int { return a.RequestedAt.Compare(b.RequestedAt) })
	for _, v := range current {
		goes = append(goes, v.Name)
	}
	return stays, goes
}
