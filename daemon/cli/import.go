package cli

import (
	"path/filepath"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop"
)

// ImportCmd groups the commands that take over the data of other programs.
type ImportCmd struct {
	Metaserver ImportMetaserverCmd `cmd:"" help:"Take over users, clans, servers and ratings of a Savage metaserver. The old file is only read."`
	PyTorrent  ImportPyTorrentCmd  `cmd:"" name:"pytorrent" help:"Take over archives, catalogue and statistics of a PyTorrent. The old folder is only read."`
}

// ImportPyTorrentCmd takes over a PyTorrent.
type ImportPyTorrentCmd struct {
	Dir      string `arg:"" help:"The folder of the old server, which holds sql and steamapps."`
	DryRun   bool   `help:"Only say what would be taken over."`
	TimeZone string `default:"UTC" placeholder:"ZONE" help:"Time zone that the clock of the old server was in, for example Europe/Berlin. Default: UTC."`
}

// Run takes the data over and reports.
func (c ImportPyTorrentCmd) Run(s *session) error {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%q is not a time zone", c.TimeZone).WithHint("write for example UTC or Europe/Berlin")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	return s.withWorkshop(func(w *workshop.Service) error {
		bar := s.newBar()
		report, err := w.ImportPyTorrent(s.ctx, workshop.ImportOptions{
			Dir: dir, Zone: zone, DryRun: c.DryRun, Report: func(name string, done, total int64) { bar.show(name, done, total) },
		})
		bar.done()
		if err != nil && report.Mods == 0 && len(report.Skipped) == 0 {
			return err
		}
		if e := s.print(report, func() { s.importReport(report) }); err == nil {
			err = e
		}
		return err
	})
}

func (s *session) importReport(r workshop.ImportReport) {
	taken := "taken over"
	if r.DryRun {
		taken = "to be taken over"
	}
	for _, m := range r.Skipped {
		s.printf("skipped %d %s: %s", m.ID, printable(m.Name), m.Why)
	}
	s.printf("mods      %d %s (%s), %d present already, %d skipped", r.Mods, taken, bytesText(r.Bytes), r.Present, len(r.Skipped))
	s.printf("games     %d", r.Games)
	s.printf("counters  %d hours, %d days, %d timings", r.Hours, r.Days, r.Timings)
}
