package workshop

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// The tables, on both kinds of database.
func TestStore(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := store{d}, t.Context()
		want := Version{
			Name: Name{1<<64 - 2, 999999999999}, State: Ready, Key: "mods/x.zip", Size: 1 << 40,
			Print: Fingerprint{1 << 40, 1700000000123456789, 77, 1700000000123456790}, SHA256: make([]byte, 32),
			Source: "steam-url", Origin: "host", StoredAt: time.Unix(1700000000, 123000).UTC(), VerifiedAt: time.Unix(1700000001, 0).UTC(),
		}
		write := func(fn func(tx *db.Tx) error) {
			t.Helper()
			if err := d.Write(ctx, fn); err != nil {
				t.Fatal(err)
			}
		}
		var put Version
		write(func(tx *db.Tx) (err error) { put, err = putVersion(ctx, tx, want); return err })
		want.UpdatedAt = put.UpdatedAt
		if diff := cmp.Diff(want, put); diff != "" {
			t.Error(diff)
		}
		write(func(tx *db.Tx) (err error) { put, err = setPinned(ctx, tx, want.Name, true); return err })
		if err := s.flushHits(ctx, []hit{{want.Name, 3, 5_000_000}, {want.Name, 2, 6_000_000}, {Name{5, 5}, 1, 1}}); err != nil {
			t.Fatal(err)
		}
		again := want
		again.SHA256 = nil
		write(func(tx *db.Tx) (err error) { put, err = putVersion(ctx, tx, again); return err })
		if !put.Pinned || put.Requests != 5 || put.RequestedAt.Unix() != 6 || put.SHA256 != nil {
			t.Errorf("a replaced row: %+v", put)
		}
		write(func(tx *db.Tx) error { return removeVersion(ctx, tx, want.Name, "gone") })
		count := func(since time.Time) (n int, removed bool) {
			if err := s.versionsSince(ctx, since, func(v Version) { n++; removed = v.State == Removed }); err != nil {
				t.Fatal(err)
			}
			return n, removed
		}
		if n, _ := count(time.Time{}); n != 0 {
			t.Error("a removed version is listed")
		}
		if n, removed := count(put.UpdatedAt); n != 1 || !removed {
			t.Error("other processes do not learn of the removal")
		}
		item := Item{FileDetails: webapi.FileDetails{
			ID: 1<<64 - 2, Result: 1, AppID: 4294967295, Updated: 5, Title: "Ω", Size: 7, URL: "u", Manifest: "8", Filename: "f",
			Creator: "c", Preview: "p", Banned: true,
		}, CheckedAt: time.Unix(9, 0).UTC()}
		write(func(tx *db.Tx) error { return putItem(ctx, tx, item) })
		items, err := s.items(ctx, []ItemID{5, 1<<64 - 2})
		if err != nil || len(items) != 1 {
			t.Fatal(items, err)
		}
		item.UpdatedAt = items[0].UpdatedAt
		if diff := cmp.Diff(item, items[0]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStore_Jobs(t *testing.T) {
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		q := newJobTable(t, o)
		q.add(1, false)
		third := q.add(2, false)
		q.add(3, true)
		if again := q.add(2, false); again.ID != third.ID || again.State != Queued {
			t.Errorf("asked for twice: %+v", again)
		}
		if order := q.claims("a b a b", 0); order != "m3_1 m1_1 m2_1 none" {
			t.Errorf("taken in the order %s", order)
		}
		q.now = q.now.Add(leaseFor / 2)
		q.write(func(ctx context.Context, tx *db.Tx) error {
			ours, err := renewJob(ctx, tx, Job{ID: third.ID, Owner: "a", State: Fetching, Bytes: 5, Total: 9})
			if !ours {
				t.Error("the owner may not renew")
			}
			theirs, err2 := renewJob(ctx, tx, Job{ID: third.ID, Owner: "b", State: Fetching})
			if theirs {
				t.Error("somebody else may renew")
			}
			return firstError(err, err2)
		})
		q.now = q.now.Add(leaseFor/2 + time.Second) // the leases of 1 and 3 are over
		if got := q.claims("c", third.ID) + " " + q.claims("c c c", 0); got != "none m3_1 m1_1 none" {
			t.Errorf("after the leases: %s", got)
		}
	})
}

func TestStore_JobsRetried(t *testing.T) {
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		q := newJobTable(t, o)
		job := q.add(2, false)
		if got := q.claims("a", 0); got != "m2_1" {
			t.Fatal(got)
		}
		q.write(func(ctx context.Context, tx *db.Tx) error {
			ours, err := settleJob(ctx, tx, "a", job.fail(q.now, "broken", 0, 0.5))
			if !ours {
				t.Error("the owner may not settle")
			}
			return err
		})
		if q.claims("a", 0) != "none" {
			t.Error("retried at once")
		}
		q.now = q.now.Add(6 * time.Second)
		if found, err := q.s.anyClaimable(t.Context()); err != nil || !found {
			t.Error(found, err)
		}
		if q.claims("a", 0) != "m2_1" {
			t.Error("not retried")
		}
		if n, err := q.s.releaseJobs(t.Context(), "a"); err != nil || n != 1 {
			t.Error(n, err)
		}
		again := q.add(2, true)
		if again.Attempts != 1 || !again.Boost {
			t.Errorf("the count of failures is lost: %+v", again)
		}
		j, err := q.job(func(ctx context.Context, tx *db.Tx) (Job, error) { return cancelJob(ctx, tx, job.ID) })
		if err != nil || j.State != Removed {
			t.Error(j, err)
		}
		if again = q.add(2, false); again.Attempts != 0 || again.Boost || again.State != Queued {
			t.Errorf("after cancelling: %+v", again)
		}
		q.write(func(ctx context.Context, tx *db.Tx) error { return endJobs(ctx, tx, Name{2, 1}) })
		if q.claims("x", 0) != "none" {
			t.Error("done jobs are taken")
		}
		q.add(4, false)
		q.now = q.now.Add(time.Hour)
		q.write(func(ctx context.Context, tx *db.Tx) error { return sweepTombstones(ctx, tx, q.now, q.now) })
		left := 0
		if err := q.s.jobsSince(t.Context(), time.Unix(1, 0), func(Job) { left++ }); err != nil || left != 1 {
			t.Error(left, err)
		}
	})
}

// jobTable is the table of jobs under a clock.
type jobTable struct {
	t   *testing.T
	s   store
	now time.Time
}

func newJobTable(t *testing.T, o db.Options) *jobTable {
	t.Helper()
	q := &jobTable{t: t, now: time.Unix(1_800_000_000, 0).UTC()}
	o.Now = func() time.Time { return q.now }
	d, err := db.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	q.s = store{d}
	return q
}

func (q *jobTable) write(fn func(ctx context.Context, tx *db.Tx) error) {
	q.t.Helper()
	if err := q.s.db.Write(q.t.Context(), func(tx *db.Tx) error { return fn(q.t.Context(), tx) }); err != nil {
		q.t.Fatal(err)
	}
}

func (q *jobTable) job(fn func(ctx context.Context, tx *db.Tx) (Job, error)) (j Job, err error) {
	err = q.s.db.Write(q.t.Context(), func(tx *db.Tx) error { j, err = fn(q.t.Context(), tx); return err })
	return j, err
}

// add asks for version 1 of an item.
func (q *jobTable) add(id ItemID, boost bool) Job {
	q.t.Helper()
	q.now = q.now.Add(time.Millisecond)
	j, err := q.job(func(ctx context.Context, tx *db.Tx) (Job, error) { return putJob(ctx, tx, Name{id, 1}, boost) })
	if err != nil {
		q.t.Fatal(err)
	}
	return j
}

// claims lets owners claim one after the other, the job id or any if that is
// 0, and returns what each got.
func (q *jobTable) claims(owners string, id int64) string {
	var got []string
	for owner := range strings.FieldsSeq(owners) {
		name := "none"
		if j, err := q.job(func(ctx context.Context, tx *db.Tx) (Job, error) { return claimJob(ctx, tx, owner, id) }); err == nil {
			name = j.Name.String()
		}
		got = append(got, name)
	}
	return strings.Join(got, " ")
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
