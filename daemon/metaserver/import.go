package metaserver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/savage"
)

// Arrivals takes people over. *accounts.Service does.
type Arrivals interface {
	HolderOf(ctx context.Context, tx *db.Tx, email string) (account int64, verified bool, err error)
	TakeOver(ctx context.Context, tx *db.Tx, a accounts.Arrival) (notes []string, err error)
}

// ImportOptions say what is taken over from a Savage metaserver.
type ImportOptions struct {
	Source *savage.Database
	People Arrivals
	DryRun bool // only find out what would be
	// Renumber gives new numbers to what has one that is taken here.
	Renumber bool
	// Report, which may be nil, is told which table is being read, and how many
	// of all rows are done.
	Report func(table string, done, total int64)
}

// ImportCount counts rows of one kind.
type ImportCount struct {
	Taken   int `json:"taken_over"`
	Present int `json:"present"` // taken over before
	Dropped int `json:"dropped"` // they refer to what is not there
	Skipped int `json:"skipped"` // they cannot be taken over
}

// Kinds of problems.
const (
	ImportConflict   = "conflict"   // the number is taken, and Renumber was not asked for
	ImportRenumbered = "renumbered" // it has a new number
	ImportChanged    = "changed"    // it was taken over otherwise than it was
	ImportDropped    = "dropped"    // it refers to what is not there
	ImportSkipped    = "skipped"    // it was not taken over
)

// ImportProblem is something that was not taken over as it was.
type ImportProblem struct {
	Kind string `json:"kind"`
	What string `json:"what"` // what and its old numbers: "user 17"
	Why  string `json:"why"`
}

// maxImportProblems bounds how many of them are told.
const maxImportProblems = 10_000

// ImportReport says what was taken over, or would be.
type ImportReport struct {
	DryRun   bool        `json:"dry_run"`
	Users    ImportCount `json:"users"`
	Clans    ImportCount `json:"clans"`
	Links    ImportCount `json:"links"` // of users to clans
	Servers  ImportCount `json:"servers"`
	Stats    ImportCount `json:"stats"`
	Skins    ImportCount `json:"skins"`
	Grants   ImportCount `json:"grants"` // of skins
	Tokens   int64       `json:"tokens"` // codes of mails, which are never taken over
	Conflict int         `json:"conflicts"`
	// Problems are never null; More is how many are not among them.
	Problems []ImportProblem `json:"problems"`
	More     int             `json:"more_problems"`
}

func (r *ImportReport) counts() []ImportCount {
	return []ImportCount{r.Users, r.Clans, r.Links, r.Servers, r.Stats, r.Skins, r.Grants}
}

// Changed reports whether anything was taken over.
func (r *ImportReport) Changed() bool {
	return slices.ContainsFunc(r.counts(), func(c ImportCount) bool { return c.Taken > 0 })
}

// Whole reports whether everything is here now that has a meaning.
func (r *ImportReport) Whole() bool {
	return !slices.ContainsFunc(r.counts(), func(c ImportCount) bool { return c.Skipped > 0 })
}

func (r *ImportReport) problem(kind, what, why string) {
	if len(r.Problems) >= maxImportProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, ImportProblem{kind, what, why})
}

// errDryRun undoes what a dry run did.
var errDryRun = errors.New("only a dry run")

// Import takes over what a Savage metaserver left: users, clans with their
// links, servers, statistics and skins, all under the numbers they have, in
// one transaction: all of it or nothing. What was taken over before stays as
// it is here now. Without Renumber nothing is taken over when a number, or the
// e-mail address of somebody, belongs to another here: fault.Conflict, and the
// report names all of these. fault.Conflict too when an import runs already.
func (s *Service) Import(ctx context.Context, o ImportOptions) (ImportReport, error) {
	report := ImportReport{DryRun: o.DryRun, Problems: []ImportProblem{}}
	rows, err := o.Source.Counts(ctx)
	if err != nil {
		return report, err
	}
	release, ok, err := s.options.DB.Lock(ctx, "metaserver.import")
	if err != nil {
		return report, err
	}
	if !ok {
		return report, fault.New(fault.Conflict, "An import runs already")
	}
	defer release()
	err = s.options.DB.Write(ctx, func(tx *db.Tx) error {
		// Anew for each attempt; PostgreSQL may want another.
		im := &importer{s: s, o: o, ctx: ctx, tx: tx, closed: map[int64]bool{}}
		im.report = ImportReport{DryRun: o.DryRun, Problems: []ImportProblem{}, Tokens: rows["emailtoken"]}
		for _, n := range rows {
			im.total += n
		}
		im.total -= rows["emailtoken"]
		err := im.run()
		report = im.report
		if err == nil && o.DryRun {
			err = errDryRun
		}
		return err
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	s.matches.Forget()
	return report, err
}

// importer takes one database over, in one transaction.
type importer struct {
	s      *Service
	o      ImportOptions
	ctx    context.Context
	tx     *db.Tx
	report ImportReport

	users, clans, servers, skins *numbers
	closed                       map[int64]bool // accounts, of those that are taken over now
	done, total                  int64
}

func (im *importer) run() error {
	if err := im.plan(); err != nil {
		return err
	}
	if im.report.Conflict > 0 {
		return fault.New(fault.Conflict, "%d numbers or e-mail addresses are taken here; nothing was taken over", im.report.Conflict).
			WithHint("take it over into an empty data directory, or with --renumber, which gives new numbers to these")
	}
	for _, step := range []func() error{im.takeUsers, im.takeSkins, im.takeClans, im.takeServers, im.takeStats, im.takeGrants, im.reserve} {
		if err := step(); err != nil {
			return err
		}
	}
	if !im.report.Changed() || im.s.options.Audit == nil {
		return nil
	}
	r := &im.report
	return im.s.options.Audit(im.ctx, im.tx, "metaserver.import", "", fmt.Sprintf("%d users, %d clans, %d servers, %d statistics, %d skins",
		r.Users.Taken, r.Clans.Taken, r.Servers.Taken, r.Stats.Taken, r.Skins.Taken))
}

// step counts a row that was read.
func (im *importer) step(table string) {
	im.done++
	if im.o.Report != nil && (im.done%64 == 0 || im.done == im.total) {
		im.o.Report(table, im.done, im.total)
	}
}

// changed tells of what was taken over otherwise than it was.
func (im *importer) changed(what string, lists ...[]string) {
	for _, list := range lists {
		for _, why := range list {
			im.report.problem(ImportChanged, what, why)
		}
	}
}
