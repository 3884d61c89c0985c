package workshop

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// What clients asked for lately is kept current like what is monitored; what
// nobody asked for is not.
func TestPrefetch_FollowsRequests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		requested time.Duration
		fetched   bool
	}{"on": {720 * time.Hour, true}, "off": {0, false}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(c2 *config.Workshop) {
				c2.FetchCurrentOnMiss = false
				c2.Monitor.Requested = config.Duration(c.requested)
			}, func(t *testing.T, r *rig) {
				r.offer(vector)
				r.get(vector, time.Minute)
				r.put(Name{5, 10}, 100, 60, -1, "", nil) // stored, and nobody asks for it
				r.steamSaid(1, Name{5, 10})
				pass(11 * time.Minute)
				r.offer(later)
				r.offer(Name{5, 20})
				pass(12 * time.Minute)
				if got := r.index.get(later) != nil; got != c.fetched {
					t.Errorf("the new version is here: %v", got)
				}
				if r.index.get(Name{5, 20}) != nil {
					t.Error("fetched although nobody asks for it")
				}
			})
		})
	}
}

// What was evicted stays away, monitored or not, until a client asks for it.
func TestPrefetch_DoesNotUndoEviction(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *config.Workshop) {
		c.Monitor.IDs = []config.Item{vectorItem, 5}
		c.Monitor.Requested = config.Duration(720 * time.Hour)
	}, func(t *testing.T, r *rig) {
		first, second := r.offer(vector), Name{5, 10}
		data := r.offer(second)
		r.get(vector, time.Minute)
		pass(11 * time.Minute)
		r.get(second, time.Minute)
		if r.index.get(vector) == nil || r.index.get(second) == nil {
			t.Fatalf("stored: %v", r.keys())
		}
		pass(time.Minute)
		r.limit(int64(max(len(first), len(data))))
		pass(2 * time.Minute)
		if r.index.get(vector) != nil {
			t.Fatal("the one asked for least recently is still here")
		}
		fetches := r.source.count()
		pass(70 * time.Minute)
		if r.index.get(vector) != nil || r.index.get(second) == nil || r.source.count() != fetches {
			t.Errorf("prefetching undid it: %v, %d fetches", r.keys(), r.source.count()-fetches)
		}
		if w := r.get(vector, time.Minute); w.Code != 200 { // and the other one goes
			t.Errorf("asked for: %d", w.Code)
		}
		if list, err := r.store.evictedItems(t.Context()); err != nil || len(list) != 1 || list[0].item != second.Item || r.evicted.has(vectorItem) {
			t.Errorf("left alone: %+v, %v", list, err)
		}
		r.limit(0)
		pass(12 * time.Minute)
		if r.index.get(vector) == nil || r.index.get(second) != nil {
			t.Errorf("stored: %v", r.keys())
		}
	})
}

// After a day, what fits without another going may come back.
func TestPrefetch_EvictedItemsThatFit(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []ItemID{5, 6, 7} { // of 100 bytes each, says Steam
		r.put(Name{id, 10}, 100, 90, 80, "", nil)
		r.steamSaid(0, Name{id, 10})
	}
	r.limit(10)
	if _, err := r.GC(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ago   time.Duration
		limit int64
		left  []ItemID
	}{
		{time.Hour, 1000, []ItemID{5, 6, 7}}, {25 * time.Hour, 50, []ItemID{5, 6, 7}},
		{25 * time.Hour, 250, []ItemID{7}}, {25 * time.Hour, 1000, nil},
	} {
		r.limit(c.limit)
		err := r.store.db.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE workshop_evicted SET at = $1`, db.Micros(r.clock.Now().Add(-c.ago)))
			return err
		})
		if err == nil {
			err = r.recallEvicted(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []ItemID{5, 6, 7} {
			if got := r.evicted.has(id); got != slices.Contains(c.left, id) {
				t.Errorf("%s after eviction, %d bytes allowed: item %s is left alone: %v", c.ago, c.limit, id, got)
			}
		}
	}
}

// The tables, on both kinds of database.
// putThree stores a version of each of the last three items that there can be.
func putThree(ctx context.Context, tx *db.Tx, now time.Time) error {
	for i := range int64(3) {
		id := ItemID(1<<64 - 1 - uint64(i))
		item := Item{FileDetails: webapi.FileDetails{ID: uint64(id), Result: 1, Size: 7 + i, Updated: 10}, CheckedAt: now}
		if err := putItem(ctx, tx, item); err != nil {
			return err
		}
		if _, err := putVersion(ctx, tx, Version{Name: Name{id, 10}, State: Ready, Key: blobKey(Name{id, 10}), StoredAt: now}); err != nil {
			return err
		}
	}
	return nil
}

func TestStore_Storage(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := store{d}, t.Context()
		write := func(fn func(tx *db.Tx) error) {
			t.Helper()
			if err := d.Write(ctx, fn); err != nil {
				t.Fatal(err)
			}
		}
		now := time.Now()
		write(func(tx *db.Tx) error { return putThree(ctx, tx, now) })
		a, b, c := ItemID(1<<64-1), ItemID(1<<64-2), ItemID(1<<64-3)
		at := db.Micros(now.Add(-time.Hour))
		if err := s.flushHits(ctx, []hit{{Name{b, 10}, 9, at}, {Name{a, 10}, 2, at}, {Name{c, 10}, 50, at - 40*24*3600*1e6}}); err != nil {
			t.Fatal(err)
		}
		if ids, err := s.requestedItems(ctx, now.Add(-2*time.Hour), 5); err != nil || len(ids) != 2 || ids[0] != b || ids[1] != a {
			t.Errorf("requested: %v, %v", ids, err)
		}
		if ids, err := s.requestedItems(ctx, now.Add(-2*time.Hour), 1); err != nil || len(ids) != 1 {
			t.Errorf("requested: %v, %v", ids, err)
		}
		write(func(tx *db.Tx) error { return putEvicted(ctx, tx, []ItemID{a, c}) })
		write(func(tx *db.Tx) error { return putEvicted(ctx, tx, []ItemID{c}) })
		list, err := s.evictedItems(ctx)
		if err != nil || len(list) != 2 || list[0].item != a || list[1].item != c || list[1].size != 9 || now.Sub(list[0].at) > time.Minute {
			t.Errorf("evicted: %+v, %v", list, err)
		}
		if err := s.flushHits(ctx, []hit{{Name{a, 10}, 1, db.Micros(now.Add(time.Hour))}}); err != nil {
			t.Fatal(err)
		}
		if list, err := s.evictedItems(ctx); err != nil || len(list) != 1 || list[0].item != c {
			t.Errorf("one was asked for: %+v, %v", list, err)
		}
		write(func(tx *db.Tx) error { return sweepEvicted(ctx, tx, now.Add(time.Hour)) })
		if list, err := s.evictedItems(ctx); err != nil || len(list) != 0 {
			t.Errorf("swept: %+v, %v", list, err)
		}
		names := []Name{{a, 10}, {b, 10}}
		write(func(tx *db.Tx) error { return buryVersions(ctx, tx, names, "test") })
		if dead, err := s.buriedVersions(ctx); err != nil || len(dead) != 2 || dead[0].key == "" {
			t.Errorf("buried: %+v, %v", dead, err)
		}
		write(func(tx *db.Tx) error { return sweepTombstones(ctx, tx, now.Add(time.Hour), now) })
		if dead, err := s.buriedVersions(ctx); err != nil || len(dead) != 2 {
			t.Errorf("a tombstone went before its blob: %+v, %v", dead, err)
		}
		write(func(tx *db.Tx) error { return forgetBlobs(ctx, tx, []Name{{a, 10}, {c, 10}}) })
		if dead, err := s.buriedVersions(ctx); err != nil || len(dead) != 1 || dead[0].name != names[1] {
			t.Errorf("buried: %+v, %v", dead, err)
		}
		if v, err := s.supplies(ctx); err != nil || len(v) != 3 || v[c].current != 10 || v[c].gone || v[c].url {
			t.Errorf("supplies: %+v, %v", v, err)
		}
		for i, day := range []string{"2026-11-18", "2026-11-19", "2026-11-20", "2026-11-20"} {
			write(func(tx *db.Tx) error { return putStorageDay(ctx, tx, StorageDay{day, int64(i), i}, "2026-11-19") })
		}
		if days, err := s.storageDays(ctx, 5); err != nil || len(days) != 2 || days[0] != (StorageDay{"2026-11-19", 1, 1}) || days[1] != (StorageDay{"2026-11-20", 3, 3}) {
			t.Errorf("days: %+v, %v", days, err)
		}
	})
}
