package demosink

import (
	"bytes"
	"context"
	"crypto/sha256"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/demosink/masterbase"
	"github.com/quartermasterd/quartermaster/daemon/demosink/masterbase/s3test"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// people adopts into real accounts.
type people struct{ *accounts.Service }

func (p people) Adopt(ctx context.Context, q masterbase.Person, dryRun bool) (Adopted, error) {
	got, err := p.Service.Adopt(ctx, accounts.Adoption{
		SteamID: q.SteamID, DemosKey: q.Key, KeyCreated: q.Created, Analyst: q.Analyst, Limited: q.Limited, Origin: "masterbase", DryRun: dryRun,
	})
	return Adopted(got), err
}

func newPeople(d *db.DB) people { return people{accounts.New(accounts.Options{DB: d})} }

func (r *rig) takeOver(o ImportOptions) ImportReport {
	r.t.Helper()
	report, err := r.ImportMasterbase(r.t.Context(), o)
	if err != nil {
		r.t.Fatalf("%v\n%+v", err, report)
	}
	return report
}

// The problems that every import of the original meets.
var originalProblems = append(slices.Clone(lastingProblems),
	"note "+noDemoID+" its file does not begin as a demo does; it is stored and marked")

// Those that are met again.
var lastingProblems = []string{
	"damaged " + cutID + " its file has 8999 bytes, and should have 9000",
	"missing " + lostID + " its file is not there",
	"note " + foundID + " the report has no reason",
	"skipped " + activeID + " it is not closed there; import again when it is",
	"skipped  session_id is no number of up to 39 digits",
}

func problemsOf(r ImportReport) []string {
	all := []string{}
	for _, p := range r.Problems {
		all = append(all, p.Kind+" "+p.Session+" "+p.Why)
	}
	slices.Sort(all)
	return all
}

func wantReport(t *testing.T, got, want ImportReport, problems []string) {
	t.Helper()
	if d := cmp.Diff(slices.Sorted(slices.Values(problems)), problemsOf(got)); d != "" {
		t.Errorf("problems: %s", d)
	}
	got.Problems = nil
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("report: %s", d)
	}
}

// TestImportMasterbase_Postgres takes over everything that a database and a
// folder hold, twice.
func TestImportMasterbase_Postgres(t *testing.T) {
	address := original(t)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r, p := newRig(t, d, nil), newPeople(d)
		o := ImportOptions{Files: folderOf(t, originalFiles()), People: p, DryRun: true}
		want := ImportReport{
			DryRun: true, Sessions: 8, Files: 4, Bytes: 5000 + 6000 + 5001 + 12, Analyses: 2, Reports: 2, Reviews: 1,
			Accounts: 3, Keys: 1, Analysts: 1, Limited: 1, Broadcasts: 1, Retention: true, Skipped: 3, Missing: 1, Damaged: 1,
		}
		problems := append([]string{"skipped  the key is not of the form MB- and 43 characters"}, originalProblems...)
		o.Tables = openOriginal(t, address)
		wantReport(t, r.takeOver(o), want, problems)
		if _, err := p.Account(t.Context(), "76561197960287930"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a dry run made an account: %v", err)
		}
		o.DryRun, want.DryRun, o.Tables = false, false, openOriginal(t, address)
		wantReport(t, r.takeOver(o), want, problems)
		r.wantOriginal(p, true)

		o.Tables = openOriginal(t, address)
		again := ImportReport{Present: 8, Skipped: 3, Missing: 1, Damaged: 1}
		report := r.takeOver(o)
		wantReport(t, report, again, append([]string{"skipped  the key is not of the form MB- and 43 characters"}, lastingProblems...))
		if report.Changed() || report.Whole() {
			t.Error("the second import changed something, or nothing is missing")
		}
		r.wantOriginal(p, true)
		r.wantPeople(p)
	})
}

// wantOriginal compares what was taken over. The exports lack some of it.
func (r *rig) wantOriginal(p people, tables bool) {
	r.t.Helper()
	owner, err := p.Account(r.t.Context(), "76561197960287930")
	if err != nil {
		r.t.Fatal(err)
	}
	whole := r.row(wholeID)
	sum := sha256.Sum256(withLate(demo(5000)))
	start := time.Date(2024, 6, 2, 10, 11, 12, 131415000, time.UTC)
	if d := cmp.Diff(Session{
		ID: wholeID, Account: owner.ID, SteamID: 76561197960287930, Source: SourceImport, DemoName: `a,"b".dem`, StartAt: start,
		EndAt: time.Date(2024, 6, 2, 10, 41, 12, 0, time.UTC), FakeIP: "169.254.189.228:41928", Map: "pl_pier", Size: 5000, HasSize: true,
		Late: lateValue, Score: 5.504555168670354e-05, HasScore: true, SHA256: sum[:], Received: 5000, Statistics: whole.Statistics,
		Suspicion: whole.Suspicion, Format: "HL2DEMO", Server: "169.254.189.228:41928", Player: "player", GameDir: "tf",
		Seconds: float64(math.Float32frombits(0x44cf3170)), Ticks: 110503, CreatedAt: start, UpdatedAt: time.Date(2024, 6, 2, 10, 41, 12, 0, time.UTC),
	}, whole); d != "" {
		r.t.Error(d)
	}
	for id, want := range map[string]State{
		wholeID: StateClosed, foundID: StateAnalysed, emptyID: StateEmpty, prunedID: StatePruned, lostID: StateEmpty, cutID: StateEmpty, foreignID: StateClosed, noDemoID: StateClosed,
	} {
		s := r.row(id)
		if s.State() != want || s.Owner != "" || s.Active {
			r.t.Errorf("%s is %s, want %s", id, s.State(), want)
		}
		stored := s.HasSize && !s.Pruned
		_, err := r.blobs.Stat(r.t.Context(), SessionID(id).DemoKey())
		if stored == fault.Is(err, fault.NotFound) {
			r.t.Errorf("%s: stored %t, blob %v", id, stored, err)
		}
		if stored && !bytes.Equal(r.blob(id), originalFiles()["demoblobs/"+id+".dem"]) {
			r.t.Errorf("%s: the blob differs", id)
		}
	}
	if s := r.row(foundID); !s.HasScore || s.Score <= 0 || s.Late != nil || s.Ticks != 110503 {
		r.t.Errorf("found: score %v %t, late %x, ticks %d", s.Score, s.HasScore, s.Late, s.Ticks)
	}
	if s := r.row(foreignID); s.Late != nil || s.Ticks != 0 {
		r.t.Errorf("another player's late bytes were taken: %x, %d ticks", s.Late, s.Ticks)
	}
	if s := r.row(noDemoID); !strings.Contains(s.Suspicion, "does not begin as a demo") {
		r.t.Errorf("no demo: %q", s.Suspicion)
	}
	if s := r.row(prunedID); s.Size != 7000 || s.DemoName != "p.dem" {
		r.t.Errorf("pruned: %+v", s)
	}
	r.wantJudged(p, tables)
}

// wantJudged compares what is said about the recordings.
func (r *rig) wantJudged(p people, tables bool) {
	r.t.Helper()
	d, err := r.Get(r.t.Context(), Caller{Admin: true}, foundID)
	if err != nil {
		r.t.Fatal(err)
	}
	target := steam.ID(76561198000000009)
	if len(d.Found) != 1 || d.Found[0].Tick != 7 || d.Found[0].Target != target {
		r.t.Errorf("detections %+v", d.Found)
	}
	count, made := int64(3), time.Date(2024, 6, 3, 11, 0, 0, 0, time.UTC)
	if !tables {
		count = 1 // what the file says
	}
	if diff := cmp.Diff([]Count{{Target: target, Algorithm: "viewangles", Detections: count, CreatedAt: made}}, d.Counts); diff != "" {
		r.t.Error(diff)
	}
	all, _, total, err := r.Complaints(r.t.Context(), Inbox{}, Page{Limit: 10})
	if err != nil || total != 2 || all[0].Reason != ReasonBot || all[1].Session != wholeID || !all[1].Checked || all[1].Target != target ||
		!all[0].CreatedAt.Equal(time.Date(2024, 6, 3, 10, 20, 0, 5e8, time.UTC)) {
		r.t.Errorf("reports %+v, %v", all, err)
	}
	if !tables {
		return
	}
	reviewer, err := p.Account(r.t.Context(), "76561198000000002")
	if err != nil {
		r.t.Fatal(err)
	}
	if diff := cmp.Diff([]Review{{foundID, target, reviewer.ID, VerdictConfirmed, "", time.Date(2024, 6, 4, 11, 0, 0, 0, time.UTC)}}, d.Reviews); diff != "" {
		r.t.Error(diff)
	}
}

// wantPeople wants the key to work and only its hash to be kept, and the rest
// of what there is beside sessions.
func (r *rig) wantPeople(p people) {
	r.t.Helper()
	ctx := r.t.Context()
	who, id, err := p.ByDemosKey(ctx, originalKey)
	if err != nil || id != 76561197960287930 {
		r.t.Errorf("the key stands for %v: %v", id, err)
	}
	keys, _, err := p.Keys(ctx, who.AccountID, "", 10)
	if err != nil || len(keys) != 1 || keys[0].Label != "masterbase" || !keys[0].CreatedAt.Equal(time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)) {
		r.t.Errorf("keys %+v, %v", keys, err)
	}
	if _, _, err := p.ByDemosKey(ctx, "guess"); err == nil {
		r.t.Error("a key that can be guessed works")
	}
	if limited, err := p.Limited(ctx, 76561198000000005); err != nil || !limited {
		r.t.Errorf("limited: %t, %v", limited, err)
	}
	analyst, err := p.Account(ctx, "76561198000000002")
	if err != nil || !analyst.Has(accounts.RoleAnalyst) {
		r.t.Errorf("analyst %+v, %v", analyst, err)
	}
	all, err := r.Broadcasts(ctx)
	want := []Broadcast{{"The server moves", "high", time.Date(2025, 2, 10, 17, 3, 28, 0, time.UTC)}}
	if d := cmp.Diff(want, all); err != nil || d != "" {
		r.t.Errorf("%v %s", err, d)
	}
	rules, err := r.Rules(ctx)
	if err != nil || rules.MaxBytes != 2<<30 || rules.MaxPruneRatio != 0.1 || !rules.KeepFlagged {
		r.t.Errorf("rules %+v, %v", rules, err)
	}
	if err := p.RevokeKey(ctx, keys[0].ID, 0); err != nil {
		r.t.Fatal(err)
	}
	if got, err := p.Adopt(ctx, masterbase.Person{SteamID: 76561197960287930, Key: originalKey}, false); err != nil || got.Key {
		r.t.Errorf("a revoked key came back: %+v, %v", got, err)
	}
	if got, err := p.Adopt(ctx, masterbase.Person{SteamID: 76561198000000001, Key: originalKey}, false); err != nil || got.Key || got.Refused == "" {
		r.t.Errorf("somebody else's key was taken: %+v, %v", got, err)
	}
}

// TestImportMasterbase_Exports takes over what the exports hold.
func TestImportMasterbase_Exports(t *testing.T) {
	address := original(t)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r, p := newRig(t, d, nil), newPeople(d)
		o := ImportOptions{Tables: openExports(t, address), Files: folderOf(t, originalFiles()), People: p}
		var last, total int64
		o.Report = func(_ string, done, all int64) { last, total = done, all }
		problems := append([]string{"note " + prunedID + " it was analysed there, and the tables and files do not say what was found"}, originalProblems...)
		wantReport(t, r.takeOver(o), ImportReport{
			Sessions: 8, Files: 4, Bytes: 5000 + 6000 + 5001 + 12, Analyses: 2, Reports: 2, Accounts: 2, Skipped: 2, Missing: 1, Damaged: 1,
		}, problems)
		if last != total || total != 5000+6000+8999+5001+12 {
			t.Errorf("progress ended at %d of %d", last, total)
		}
		r.wantOriginal(p, false)

		o.Tables = openExports(t, address)
		report := r.takeOver(o)
		wantReport(t, report, ImportReport{Present: 8, Skipped: 2, Missing: 1, Damaged: 1}, lastingProblems)
		if report.Changed() {
			t.Error("the second import changed something")
		}
	})
}

// TestImportMasterbase_Completes wants later imports to complete what could
// not be had, and what happened here since to stay.
func TestImportMasterbase_Completes(t *testing.T) {
	address := original(t)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r, p := newRig(t, d, nil), newPeople(d)
		files := originalFiles()
		delete(files, "demoblobs/"+wholeID+".dem")
		o := ImportOptions{Tables: openExports(t, address), Files: folderOf(t, files), People: p}
		if report := r.takeOver(o); report.Missing != 2 {
			t.Fatalf("%+v", report)
		}
		if s := r.row(wholeID); s.HasSize || s.Suspicion != "its file is not there" || s.DemoName != `a,"b".dem` || !bytes.Equal(s.Late, lateValue) {
			t.Errorf("without its file: %+v", s)
		}
		r.want("GET", "/demodata?api_key="+alice+"&session_id="+wholeID, "", 401, "Unauthorized")

		files = originalFiles()
		files["demoblobs/"+lostID+".dem"], files["demoblobs/"+cutID+".dem"] = demo(8000), demo(9000)
		o.Tables, o.Files = openExports(t, address), folderOf(t, files)
		report := r.takeOver(o)
		if report.Completed != 3 || report.Present != 5 || report.Files != 3 || report.Missing+report.Damaged != 0 {
			t.Errorf("%+v", report)
		}
		if got := r.blob(wholeID); !bytes.Equal(got, files["demoblobs/"+wholeID+".dem"]) {
			t.Errorf("%d bytes were stored", len(got))
		}
		if s := r.row(wholeID); s.Size != 5000 || s.Ticks != 110503 || s.Score != 5.504555168670354e-05 {
			t.Errorf("completed: %+v", s)
		}

		// What is pruned here stays so, and a report that was looked at too.
		if err := r.Handle(t.Context(), Caller{Account: 9, Moderator: true}, wholeID, 76561198000000009); err != nil {
			t.Fatal(err)
		}
		if err := r.removeRecording(t.Context(), Rules{}, Removal{ID: foreignID}); err != nil {
			t.Fatal(err)
		}
		o.Tables = openExports(t, address)
		if report := r.takeOver(o); report.Changed() || report.Present != 8 {
			t.Errorf("%+v", report)
		}
		if s := r.row(foreignID); !s.Pruned {
			t.Error("a recording that was pruned came back")
		}
	})
}

// TestImportMasterbase_Bucket reads from S3, in both layouts.
func TestImportMasterbase_Bucket(t *testing.T) {
	address := original(t)
	s3 := s3test.Start()
	t.Cleanup(s3.Close)
	for name, content := range originalFiles() {
		bucket, key, _ := strings.Cut(name, "/")
		s3.Put(bucket, key, content)
		s3.Put("copies", "of/masterbase/"+name, content)
	}
	keys := masterbase.Keys{Access: s3test.AccessKey, Secret: s3test.SecretKey}
	for layout, url := range map[string]string{
		"two": "s3://?endpoint=" + s3.URL(), "named": "s3://demoblobs?region=us-east-1&endpoint=" + s3.URL(), "one": "s3://copies/of/masterbase?endpoint=" + s3.URL(),
	} {
		t.Run(layout, func(t *testing.T) {
			files, err := masterbase.OpenBucket(t.Context(), url, keys)
			if err != nil {
				t.Fatal(err)
			}
			d := lite(t)
			r, p := newRig(t, d, nil), newPeople(d)
			if report := r.takeOver(ImportOptions{Tables: openOriginal(t, address), Files: files, People: p}); report.Sessions != 8 || report.Files != 4 || report.Missing != 1 {
				t.Errorf("%+v", report)
			}
			r.wantOriginal(p, true)
		})
	}
}

// TestImportMasterbase_Breaks wants a transfer that breaks off to leave
// neither a row nor a blob, and the next import to go on.
func TestImportMasterbase_Breaks(t *testing.T) {
	address := original(t)
	s3 := s3test.Start()
	t.Cleanup(s3.Close)
	for name, content := range originalFiles() {
		bucket, key, _ := strings.Cut(name, "/")
		s3.Put(bucket, key, content)
	}
	execAt(t, address, "UPDATE demo_sessions SET demo_size = 1000000 WHERE session_id = '"+noDemoID+"'")
	s3.Put("demoblobs", noDemoID+".dem", demo(1_000_000))
	files, err := masterbase.OpenBucket(t.Context(), "s3://?endpoint="+s3.URL(), masterbase.Keys{Access: s3test.AccessKey, Secret: s3test.SecretKey})
	if err != nil {
		t.Fatal(err)
	}
	d := lite(t)
	r, p := newRig(t, d, nil), newPeople(d)
	for _, at := range []int{100, 100_000} { // within the header, and behind it
		s3.Cut("demoblobs", noDemoID+".dem", at)
		report, err := r.ImportMasterbase(t.Context(), ImportOptions{Tables: openOriginal(t, address), Files: files, People: p})
		if !fault.Is(err, fault.Unavailable) || report.Sessions+report.Present == 0 {
			t.Fatalf("%v, %+v", err, report)
		}
		if _, err := r.blobs.Stat(t.Context(), SessionID(noDemoID).DemoKey()); !fault.Is(err, fault.NotFound) {
			t.Errorf("half a file was stored: %v", err)
		}
		if _, err := r.store.session(t.Context(), noDemoID); !fault.Is(err, fault.NotFound) {
			t.Errorf("there is a row: %v", err)
		}
	}
	o := ImportOptions{Tables: openOriginal(t, address), Files: folderOf(t, map[string][]byte{"demoblobs/" + noDemoID + ".dem": demo(1_000_000)}), People: p}
	if report := r.takeOver(o); report.Sessions+report.Present+report.Completed != 8 || !r.row(noDemoID).HasSize {
		t.Errorf("%+v", report)
	}
}

// TestImportMasterbase_Refuses wants nothing to be written when there is no
// room, and recordings of ours to be left alone.
func TestImportMasterbase_Refuses(t *testing.T) {
	address := original(t)
	d := lite(t)
	p := newPeople(d)
	r := newRig(t, d, func(o *Options) { o.MinFree = math.MaxInt64 / 2 })
	o := ImportOptions{Tables: openOriginal(t, address), Files: folderOf(t, originalFiles()), People: p}
	if report, err := r.ImportMasterbase(t.Context(), o); !fault.Is(err, fault.NoSpace) || report.Changed() {
		t.Errorf("%v, %+v", err, report)
	}
	d = lite(t)
	r = newRig(t, d, func(o *Options) { o.Config.MaxSessionBytes = config.Size(5500) })
	ours := Session{ID: wholeID, Source: SourceStream, HasSize: true, StartAt: time.Unix(1, 0), CreatedAt: time.Unix(1, 0), UpdatedAt: time.Unix(1, 0)}
	if err := r.store.insert(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	o.People, o.Tables = newPeople(d), openOriginal(t, address)
	report := r.takeOver(o)
	got := problemsOf(report)
	for _, want := range []string{"skipped " + wholeID + " a recording with this number is here that came in another way",
		"damaged " + foundID + " its file is larger than demos.max_session_bytes"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
	release, _, err := d.Lock(t.Context(), "demos.import")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := r.ImportMasterbase(t.Context(), o); !fault.Is(err, fault.Conflict) {
		t.Errorf("two imports at once: %v", err)
	}
}
