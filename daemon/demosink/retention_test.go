package demosink

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// keeping is a sink with recordings 0 to 5 of 10,000 bytes and more, a day
// apart: 1 was reported, 2 has a detection, 4 was analysed and is clean.
func keeping(t *testing.T, d *db.DB, change func(*Options)) (*rig, []SessionID, *durabletest.Clock) {
	t.Helper()
	var clock *durabletest.Clock
	r := newRig(t, d, func(o *Options) {
		fakeClock(&clock)(o)
		if change != nil {
			change(o)
		}
	})
	var ids []SessionID
	for i := range 6 {
		sess, _, err := r.take(t, demo(10_000+i), Arrival{Name: fmt.Sprint(i), Source: SourcePush, Account: 1})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, sess.ID)
		made := time.Date(2026, 10, 1+i, 0, 0, 0, 0, time.UTC)
		r.run(t, "UPDATE demos_session SET created_at = $2, start_at = $2, end_at = $2 WHERE id = $1", string(sess.ID), db.Micros(made))
	}
	r.run(t, "INSERT INTO demos_report (session_id, target, reason, account_id, created_at) VALUES ($1, 1, 'bot', 1, 1)", string(ids[1]))
	r.run(t, "INSERT INTO demos_analysis (session_id, target, algorithm, detections, created_at) VALUES ($1, 1, 'a', 1, 1)", string(ids[2]))
	r.run(t, "UPDATE demos_session SET ingested = TRUE WHERE id = $1 OR id = $2", string(ids[2]), string(ids[4]))
	return r, ids, clock
}

func (r *rig) run(t *testing.T, query string, args ...any) {
	t.Helper()
	if err := r.store.exec(context.Background(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// gone names the removed recordings by their number, in order.
func gone(p Pruned, ids []SessionID) string {
	var b strings.Builder
	for _, c := range p.Removed {
		for i, id := range ids {
			if id == c.ID {
				fmt.Fprint(&b, i)
			}
		}
	}
	return b.String()
}

// pruneNow prunes, after the turn that a start takes has ended.
func pruneNow(t *testing.T, r *rig) (p Pruned, err error) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if p, err = r.Prune(t.Context(), false); !fault.Is(err, fault.Conflict) || time.Now().After(end) {
			return p, err
		}
	}
}

func TestPrune(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		audited := []string{}
		r, ids, _ := keeping(t, d, func(o *Options) {
			o.Audit = func(_ context.Context, _ *db.Tx, action, target, _ string) error {
				audited = append(audited, action+" "+target)
				return nil
			}
		})
		ctx := context.Background()
		for _, c := range []struct {
			rules Rules
			want  string
			over  bool
		}{
			{Rules{KeepFlagged: true}, "", false},
			{Rules{KeepFlagged: true, MaxBytes: 100_000}, "", false},
			{Rules{KeepFlagged: true, MaxBytes: 50_020}, "4", false}, // clean goes before unknown
			{Rules{KeepFlagged: true, MaxBytes: 40_011}, "40", false},
			{Rules{KeepFlagged: true, MaxBytes: 1}, "4035", true}, // reported and detected stay
			{Rules{MaxBytes: 1}, "40135", true},                   // detected stays whatever the rules say
			{Rules{KeepFlagged: true, MaxAge: 48 * 24 * time.Hour}, "0", false},
			{Rules{MaxAge: 49*24*time.Hour - time.Hour}, "01", false},
		} {
			if err := r.SetRules(ctx, &c.rules); err != nil {
				t.Fatal(err)
			}
			p, err := r.Prune(ctx, true)
			if err != nil || gone(p, ids) != c.want || p.Over > 0 != c.over {
				t.Errorf("%+v: %q, over %d, %v; want %q", c.rules, gone(p, ids), p.Over, err, c.want)
			}
		}
		audited = audited[:0]
		if err := r.SetRules(ctx, &Rules{KeepFlagged: true, MaxBytes: 50_020}); err != nil {
			t.Fatal(err)
		}
		if p, err := pruneNow(t, r); err != nil || gone(p, ids) != "4" {
			t.Fatalf("%+v %v", p, err)
		}
		if row := r.row(string(ids[4])); !row.Pruned {
			t.Error("the row says nothing")
		}
		if _, err := r.blobs.Stat(ctx, ids[4].DemoKey()); !fault.Is(err, fault.NotFound) {
			t.Errorf("the blob: %v", err)
		}
		if diff := cmp.Diff([]string{"demos.retention ", "demo.prune " + string(ids[4])}, audited); diff != "" {
			t.Error(diff)
		}
		if _, known, err := r.take(t, demo(10_004), Arrival{Source: SourceWatch}); err != nil || !known {
			t.Errorf("a watched folder brings it again: %t %v", known, err)
		}
	})
}

// Files that no recording explains go only while they are few.
func TestPruneOrphans(t *testing.T) {
	r, ids, clock := keeping(t, lite(t), nil)
	ctx := context.Background()
	old := clock.Now().Add(-2 * orphanAfter)
	stray := func(id SessionID, at time.Time) string {
		path := filepath.Join(r.o.DataDir, "blobs", "demoblobs", string(id)+".dem")
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		return path
	}
	there := func(path string) bool { _, err := os.Stat(path); return err == nil }
	r.run(t, "UPDATE demos_session SET pruned = TRUE WHERE id = $1", string(ids[0]))
	known, unknown, young := stray(ids[0], old), stray("12345", old), stray("777", clock.Now())
	if p, err := pruneNow(t, r); err != nil || !p.Held || p.Unknown != 1 || len(p.Orphans) != 1 || there(known) || !there(unknown) {
		t.Errorf("%+v %v", p, err)
	}
	if err := r.SetRules(ctx, &Rules{MaxPruneRatio: -0.05}); err != nil {
		t.Fatal(err)
	}
	if p, err := r.Prune(ctx, true); err != nil || p.Held || !there(unknown) {
		t.Errorf("%+v %v", p, err)
	}
	if p, err := pruneNow(t, r); err != nil || p.Held || there(unknown) || !there(young) {
		t.Errorf("%+v %v", p, err)
	}
	if rules, err := r.Rules(ctx); err != nil || rules.MaxPruneRatio != 0.05 {
		t.Errorf("%+v %v", rules, err)
	}
}

func TestRetentionAPI(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r, _, _ := keeping(t, d, nil)
		x := r.site(t)
		var rules rulesView
		x.want(403, nil, "player", "GET", demosPath+"/retention", nil)
		x.want(200, &rules, "moderator", "GET", demosPath+"/retention", nil)
		if want := (rulesView{KeepFlagged: true, MaxPruneRatio: 0.05, Configured: true}); rules != want {
			t.Errorf("%+v", rules)
		}
		body := `{"max_bytes":1,"max_age":0,"keep_flagged":true,"max_prune_ratio":0.05}`
		x.want(200, nil, "moderator", "PUT", demosPath+"/retention", strings.NewReader(body))
		var p PrunedView
		x.want(200, &p, "moderator", "POST", demosPath+"/prune", strings.NewReader(`{"dry_run":true}`))
		if len(p.Removed) != 4 || p.Used != 60_015 || p.Over != 20_002 {
			t.Errorf("%+v", p)
		}
		var u storageView
		x.want(200, &u, "moderator", "GET", demosPath+"/storage", nil)
		if u.Bytes != 60_015 || u.Deletable != 40_012 || len(u.Sources) != 1 || u.Sources[0] != (sourceView{SourcePush, 6, 60_015}) {
			t.Errorf("%+v", u)
		}
		x.want(204, nil, "moderator", "DELETE", demosPath+"/retention", nil)
		var c calendarView
		x.want(200, &c, "moderator", "GET", demosPath+"/calendar?from=2026-10-02&to=2026-10-03", nil)
		if diff := cmp.Diff([]Day{{Day: "2026-10-02", Sessions: 1, Bytes: 10_001}, {Day: "2026-10-03", Sessions: 1, Bytes: 10_002}}, c.Days); diff != "" {
			t.Error(diff)
		}
		x.want(400, nil, "moderator", "GET", demosPath+"/calendar?from=2026-10-02&to=2026-10-01", nil)
	})
}

// A negative ratio of the configuration forces once, over restarts, and
// changes nothing of what moderators set.
func TestForcedRatio(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r, _, clock := keeping(t, d, nil)
		r.stop()
		clock.Set(time.Now().Add(2 * orphanAfter))
		ctx := context.Background()
		// held starts anew with a ratio and a file of no recording.
		held := func(ratio float64, want bool) *Service {
			t.Helper()
			r.put("demoblobs/12345.dem", "x")
			o := r.o
			o.Config.MaxPruneRatio = ratio
			s, err := New(o)
			check(t, err)
			for _, dry := range []bool{true, false} {
				if p, err := s.Prune(ctx, dry); err != nil || p.Held != want {
					t.Errorf("ratio %g, dry run %t: held %t, %v; want %t", ratio, dry, p.Held, err, want)
				}
			}
			return s
		}
		s := held(-0.05, false)
		if rules, err := s.Rules(ctx); err != nil || !rules.UpdatedAt.IsZero() || rules.MaxPruneRatio != 0.05 {
			t.Errorf("%+v %v, want those of the configuration", rules, err)
		}
		held(-0.05, true)
		held(-0.04, false)
		held(0.05, true)
		s = held(-0.04, false) // asked for once more
		check(t, s.SetRules(ctx, &Rules{MaxBytes: 1 << 40, MaxPruneRatio: 0.01}))
		s = held(-0.5, true)
		if rules, err := s.Rules(ctx); err != nil || rules.MaxBytes != 1<<40 || rules.MaxPruneRatio != 0.01 {
			t.Errorf("%+v %v", rules, err)
		}
	})
}

// A file that would pass the limit is taken after room was made for it, and
// what a stream brought too much goes soon after.
func TestQuota(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r, ids, clock := keeping(t, d, func(o *Options) { o.Config.MaxBytes = 70_000 })
		pruned := func() (all string) {
			for i, id := range ids {
				if r.row(string(id)).Pruned {
					all += fmt.Sprint(i)
				}
			}
			return all
		}
		x := r.site(t)
		x.want(200, nil, "admin", "POST", demosPath+"/matchzy", bytes.NewReader(demo(9_000)))
		if got := pruned(); got != "" {
			t.Fatalf("pruned %q while there was room", got)
		}
		var a matchZyAnswer
		x.want(200, &a, "admin", "POST", demosPath+"/matchzy", bytes.NewReader(demo(10_900)))
		if got := pruned(); got != "4" { // clean goes first
			t.Errorf("pruned %q", got)
		}
		if !bytes.Equal(r.blob(string(a.Demo)), demo(10_900)) {
			t.Error("the file itself is not stored whole")
		}
		id := r.open(alice)
		c := r.dial(alice, id)
		send(t, c, demo(5_000))
		drop(c)
		r.idle(id)
		r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
		pass(t, clock, pruneRest, "the oldest is pruned", func() bool { return pruned() == "04" })
	})
}

// What was only announced may never come: nothing is deleted for it.
func TestAnnouncedUploadDeletesNothing(t *testing.T) {
	removed := 0
	r, _, _ := keeping(t, lite(t), func(o *Options) {
		o.Audit = func(_ context.Context, _ *db.Tx, action, _, _ string) error {
			if action == "demo.prune" {
				removed++
			}
			return nil
		}
	})
	if err := r.SetRules(t.Context(), &Rules{MaxBytes: 100_000}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.BeginUpload(t.Context(), Caller{Account: 1, SteamID: aliceID}, "a", 99_000, nil); err != nil {
		t.Fatal(err)
	}
	if removed > 0 {
		t.Errorf("%d recordings were deleted for an upload of which no byte has come", removed)
	}
}
