package demosink

import (
	"context"
	"fmt"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/demosink/masterbase"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// People takes over what is known of persons at Steam.
type People interface {
	// Adopt does so for one, and again without effect. In a dry run it only
	// finds out what would change.
	Adopt(ctx context.Context, p masterbase.Person, dryRun bool) (Adopted, error)
}

// Adopted says what was not so before.
type Adopted struct {
	Account int64 // 0: none, or not made in a dry run
	Made    bool  // the account
	Key     bool
	Analyst bool
	Limited bool
	Refused string // why the key is not taken, "" = it is
}

// ImportOptions say what is taken over from a masterbase.
type ImportOptions struct {
	Tables masterbase.Source
	Files  masterbase.Files
	People People
	DryRun bool // only look
	// Report, which may be nil, is told which recording is being read, and how
	// many of the bytes of all of them are done.
	Report func(name string, done, total int64)
}

// What is the matter with something that is told of in an ImportReport.
const (
	ImportSkipped = "skipped" // it was left where it is
	ImportMissing = "missing" // the recording was taken over without its file, which is not there
	ImportDamaged = "damaged" // or is damaged
	ImportNote    = "note"    // it was taken over, and something is unusual
)

// ImportProblem is something that was not taken over as it should have been.
type ImportProblem struct {
	Kind    string `json:"kind"`
	Session string `json:"session,omitempty"`
	Where   string `json:"where"` // file and line, or table
	Why     string `json:"why"`
}

// ImportReport says what was taken over, or would be. What was here before
// counts as present only.
type ImportReport struct {
	DryRun     bool  `json:"dry_run"`
	Sessions   int   `json:"sessions"`
	Completed  int   `json:"completed"` // sessions that were here, to which something was added
	Present    int   `json:"present"`
	Files      int   `json:"files"` // of recordings
	Bytes      int64 `json:"bytes"` // of these
	Analyses   int   `json:"analyses"`
	Reports    int   `json:"reports"`
	Reviews    int   `json:"reviews"`
	Accounts   int   `json:"accounts"`
	Keys       int   `json:"keys"`
	Analysts   int   `json:"analysts"`
	Limited    int   `json:"limited"`
	Broadcasts int   `json:"broadcasts"`
	Retention  bool  `json:"retention"`

	// Skipped, Missing and Damaged count the problems of these kinds, of which
	// Problems names the first; it is never null.
	Skipped  int             `json:"skipped"`
	Missing  int             `json:"missing"`
	Damaged  int             `json:"damaged"`
	Problems []ImportProblem `json:"problems"`
}

// Changed reports whether anything was taken over.
func (r *ImportReport) Changed() bool {
	return r.Sessions+r.Completed+r.Accounts+r.Keys+r.Analysts+r.Limited+r.Broadcasts > 0 || r.Retention
}

// Whole reports whether everything that there was is here now.
func (r *ImportReport) Whole() bool { return r.Skipped+r.Missing+r.Damaged == 0 }

func (r *ImportReport) problem(kind, session, where, why string) {
	switch kind {
	case ImportSkipped:
		r.Skipped++
	case ImportMissing:
		r.Missing++
	case ImportDamaged:
		r.Damaged++
	}
	if len(r.Problems) < masterbase.MaxProblems {
		r.Problems = append(r.Problems, ImportProblem{kind, session, where, why})
	}
}

// importer takes one masterbase over.
type importer struct {
	s        *Service
	o        ImportOptions
	report   ImportReport
	accounts map[steam.ID]int64
	total    int64 // bytes of the files to be read
	done     int64
	notes    int // problems of the tables that were told of
}

// ImportMasterbase takes over what a masterbase left: people with their keys,
// sessions under their numbers with reports, analyses, reviews and files,
// broadcasts, and the rules of retention if none were set here. Each session
// is taken over as a whole or not at all, its file first. Doing it again takes
// over what is new and completes what could not be had before, and changes
// nothing else. What cannot be taken is left out and told of in the report,
// which holds what was done also when there is an error: fault.NoSpace when
// the disk has no room, fault.Conflict when such an import runs already.
func (s *Service) ImportMasterbase(ctx context.Context, o ImportOptions) (ImportReport, error) {
	im := &importer{s: s, o: o, accounts: map[steam.ID]int64{}, report: ImportReport{DryRun: o.DryRun, Problems: []ImportProblem{}}}
	if !o.DryRun {
		release, ok, err := s.store.db.Lock(ctx, "demos.import")
		if err != nil {
			return im.report, err
		}
		if !ok {
			return im.report, fault.New(fault.Conflict, "An import runs already")
		}
		defer release()
	}
	err := im.run(ctx)
	im.tell()
	return im.report, err
}

func (im *importer) run(ctx context.Context) error {
	if err := im.plan(ctx); err != nil {
		return err
	}
	err := im.o.Tables.People(ctx, func(p masterbase.Person) error {
		_, err := im.adopt(ctx, p)
		return err
	})
	if err == nil {
		err = im.o.Tables.Sessions(ctx, func(m masterbase.Session) error { return im.session(ctx, m) })
	}
	if err == nil {
		err = im.o.Tables.Broadcasts(ctx, func(b masterbase.Broadcast) error { return im.broadcast(ctx, b) })
	}
	if err == nil {
		err = im.retention(ctx)
	}
	if im.o.DryRun || !im.report.Changed() {
		return err
	}
	r := im.report
	detail := fmt.Sprintf("masterbase: %d sessions, %d files, %d accounts, %d keys", r.Sessions+r.Completed, r.Files, r.Accounts, r.Keys)
	e := im.s.store.db.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error { return im.s.audit(ctx, tx, "demos.import", "", detail) })
	if err == nil {
		err = e
	}
	return err
}

// plan reads all tables once and lists the files, so that what is wrong with
// them and too little room are found before anything is written.
func (im *importer) plan(ctx context.Context) error {
	sizes := map[string]int64{}
	if err := im.o.Files.Demos(ctx, func(id string, size int64) { sizes[id] = size }); err != nil {
		return err
	}
	err := im.o.Tables.Check(ctx, func(id string) error {
		size, ok := sizes[id]
		if !ok {
			return nil
		}
		sess, err := im.s.store.session(ctx, SessionID(id))
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return err
		case sess.HasSize || sess.Pruned || sess.Source != SourceImport:
			return nil
		}
		im.total += size
		return nil
	})
	if err != nil {
		return err
	}
	return im.room(ctx, im.total)
}

// room makes sure that so many bytes more may be stored. Nothing is deleted
// to make room for an import.
func (im *importer) room(ctx context.Context, need int64) error {
	free, err := im.s.blobs.Free(ctx)
	if err == nil && need > 0 && free-im.s.options.MinFree < need {
		err = fault.New(fault.NoSpace, "The disk has too little room: the recordings take %d bytes, and %d are free beside the %d that stay free",
			need, max(0, free-im.s.options.MinFree), im.s.options.MinFree)
	}
	return err
}

// tell adds what the tables had to say to the report.
func (im *importer) tell() {
	all, more := im.o.Tables.Problems()
	for _, p := range all[im.notes:] {
		im.report.problem(ImportNote, p.ID, p.Where, p.Why)
	}
	im.notes = len(all)
	if more > 0 {
		im.report.problem(ImportNote, "", "tables", fmt.Sprintf("%d rows more could not be used", more))
	}
}

// adopt takes a person over and returns the account, 0 when there is none yet.
func (im *importer) adopt(ctx context.Context, p masterbase.Person) (int64, error) {
	got, err := im.o.People.Adopt(ctx, p, im.o.DryRun)
	if err != nil {
		return 0, err
	}
	if _, known := im.accounts[p.SteamID]; !p.Limited {
		im.accounts[p.SteamID] = got.Account
		if got.Made && !known { // a dry run makes it each time
			im.report.Accounts++
		}
	}
	for n, yes := range map[*int]bool{&im.report.Keys: got.Key, &im.report.Analysts: got.Analyst, &im.report.Limited: got.Limited} {
		if yes {
			*n++
		}
	}
	if got.Refused != "" {
		im.report.problem(ImportSkipped, "", "api_keys, "+p.SteamID.Decimal(), got.Refused)
	}
	return got.Account, nil
}

// account returns the account of somebody and makes it when it is missing.
func (im *importer) account(ctx context.Context, id steam.ID) (int64, error) {
	if account, ok := im.accounts[id]; ok || id == 0 {
		return account, nil
	}
	return im.adopt(ctx, masterbase.Person{SteamID: id})
}

// broadcast takes a message over that is not here.
func (im *importer) broadcast(ctx context.Context, b masterbase.Broadcast) error {
	message := clean(b.Message)
	if message == "" {
		return nil
	}
	have, err := im.s.Broadcasts(ctx)
	if err != nil {
		return err
	}
	if len(have) >= maxBroadcasts {
		im.report.problem(ImportSkipped, "", "broadcasts", "there are too many messages already")
		return nil
	}
	for _, old := range have {
		if old.Message == message {
			return nil
		}
	}
	im.report.Broadcasts++
	if im.o.DryRun {
		return nil
	}
	return im.s.store.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO demos_broadcast (message, importance, created_at) VALUES ($1, $2, $3) ON CONFLICT (message) DO NOTHING",
			message, clean(b.Importance), db.Micros(b.Created))
		return err
	})
}

// retention takes the rules over, unless some were set here.
func (im *importer) retention(ctx context.Context) error {
	theirs, ok, err := im.o.Tables.Retention(ctx)
	if err != nil || !ok {
		return err
	}
	ours, err := im.s.Rules(ctx)
	if err != nil {
		return err
	}
	if ours.MaxBytes == theirs.MaxBytes && ours.MaxPruneRatio == theirs.Ratio {
		return nil
	}
	if !ours.UpdatedAt.IsZero() {
		im.report.problem(ImportNote, "", "prune_config", "rules of retention were set here, and stay")
		return nil
	}
	im.report.Retention = true
	if im.o.DryRun {
		return nil
	}
	ours.MaxBytes, ours.MaxPruneRatio, ours.UpdatedAt = theirs.MaxBytes, theirs.Ratio, time.Time{}
	return im.s.SetRules(ctx, &ours)
}
