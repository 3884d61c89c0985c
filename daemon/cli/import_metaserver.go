package cli

import (
	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/metaserver"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/savage"
)

// ImportMetaserverCmd takes over a Savage metaserver.
type ImportMetaserverCmd struct {
	File     string `arg:"" help:"The database of the old metaserver, metaserver.db."`
	DryRun   bool   `help:"Only say what would be taken over."`
	Renumber bool   `help:"Give new numbers to what has one that is taken here. Without it nothing is taken over then."`
}

// Run takes the data over and reports. When something could not be taken over
// the exit code says so.
func (c ImportMetaserverCmd) Run(s *session) error {
	return s.withState(func(state *daemon.State) (err error) {
		m, err := state.Metaserver(nil)
		if err != nil {
			return err
		}
		source, err := savage.Open(s.ctx, c.File, state.Loaded.DataDir)
		if err != nil {
			return err
		}
		defer func() {
			if e := source.Close(); err == nil {
				err = e
			}
		}()
		bar := s.newRowBar()
		report, err := m.Import(s.ctx, metaserver.ImportOptions{
			Source: source, People: state.Accounts, DryRun: c.DryRun, Renumber: c.Renumber, Report: bar.show,
		})
		bar.done()
		if err != nil && len(report.Problems) == 0 {
			return err
		}
		if e := s.print(report, func() { s.metaserverReport(report, err == nil) }); err == nil {
			err = e
		}
		if err == nil && !report.Whole() {
			err = silent{ExitFailure}
		}
		return err
	})
}

func (s *session) metaserverReport(r metaserver.ImportReport, done bool) {
	for _, p := range r.Problems {
		s.printf("%s %s: %s", p.Kind, p.What, printable(p.Why))
	}
	if r.More > 0 {
		s.printf("and %d more", r.More)
	}
	if !done {
		return
	}
	taken := "taken over"
	if r.DryRun {
		taken = "to be taken over"
	}
	for _, row := range []struct {
		what string
		metaserver.ImportCount
	}{{"users", r.Users}, {"clans", r.Clans}, {"links", r.Links}, {"servers", r.Servers}, {"statistics", r.Stats}, {"skins", r.Skins}, {"skins given", r.Grants}} {
		s.printf("%-12s%d %s, %d present already, %d without a meaning, %d skipped", row.what, row.Taken, taken, row.Present, row.Dropped, row.Skipped)
	}
	if r.Tokens > 0 {
		s.printf("%d codes of mails are not taken over", r.Tokens)
	}
	if !r.Changed() {
		s.printf("nothing is new: nothing was changed")
	}
}
