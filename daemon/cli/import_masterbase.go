package cli

import (
	"cmp"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/demosink"
	"github.com/quartermasterd/quartermaster/daemon/demosink/masterbase"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// ImportMasterbaseCmd takes over a masterbase.
type ImportMasterbaseCmd struct {
	Database   string `placeholder:"URL" xor:"tables" help:"Its PostgreSQL, as postgres://user@host/demos. Default: the environment variable MASTERBASE_DATABASE."`
	Sessions   string `placeholder:"FILE" xor:"tables" help:"Its export of demo_sessions, instead of the database."`
	Reports    string `placeholder:"FILE" help:"Its export of reports, beside --sessions."`
	Blobs      string `placeholder:"DIR" xor:"files" help:"The folder that holds demoblobs and jsonblobs."`
	Bucket     string `placeholder:"URL" xor:"files" help:"The same in S3, as s3://?endpoint=http://host:9000 for its own buckets."`
	BucketKeys string `placeholder:"FILE" help:"File with the keys of the bucket. Default: the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."`
	DryRun     bool   `help:"Only say what would be taken over."`
}

// environment returns the value of a variable, "" when it is not set.
func (s *session) environment(name string) string {
	for _, v := range s.Environ {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// check refuses flags that do not go together.
func (c *ImportMasterbaseCmd) check(s *session) error {
	if c.Sessions == "" {
		c.Database = cmp.Or(c.Database, s.environment("MASTERBASE_DATABASE"))
	}
	switch {
	case c.Database == "" && c.Sessions == "":
		return fault.New(fault.Invalid, "The tables are missing").WithHint("name the database with --database, or its exports with --sessions and --reports")
	case c.Reports != "" && c.Sessions == "":
		return fault.New(fault.Invalid, "--reports goes with --sessions; the database has the reports itself")
	case c.Blobs == "" && c.Bucket == "":
		return fault.New(fault.Invalid, "The files of the recordings are missing").WithHint("name their folder with --blobs, or their bucket with --bucket")
	case c.BucketKeys != "" && c.Bucket == "":
		return fault.New(fault.Invalid, "--bucket-keys goes with --bucket")
	}
	return nil
}

func (c *ImportMasterbaseCmd) tables(s *session) (masterbase.Source, error) {
	if c.Sessions != "" {
		return masterbase.OpenExports(s.ctx, c.Sessions, c.Reports)
	}
	return masterbase.OpenPostgres(s.ctx, c.Database)
}

func (c *ImportMasterbaseCmd) files(s *session) (masterbase.Files, error) {
	if c.Blobs != "" {
		return masterbase.OpenFolder(c.Blobs)
	}
	keys := masterbase.KeysFromEnvironment(s.Environ)
	if c.BucketKeys != "" {
		var err error
		if keys, err = masterbase.ReadKeys(c.BucketKeys); err != nil {
			return nil, err
		}
	}
	return masterbase.OpenBucket(s.ctx, c.Bucket, keys)
}

// Run takes the data over and reports. When something was left out or is
// without its file the exit code says so, since the old data may still be
// needed.
func (c ImportMasterbaseCmd) Run(s *session) (err error) {
	if err := c.check(s); err != nil {
		return err
	}
	tables, err := c.tables(s)
	if err != nil {
		return err
	}
	defer tables.Close() //nolint:errcheck // only read
	files, err := c.files(s)
	if err != nil {
		return err
	}
	defer files.Close() //nolint:errcheck // only read
	return s.withState(func(state *daemon.State) error {
		d, err := state.Demos(nil)
		if err != nil {
			return err
		}
		bar := s.newBar()
		report, err := d.ImportMasterbase(s.ctx, demosink.ImportOptions{
			Tables: tables, Files: files, People: state.DemosPeople(), DryRun: c.DryRun, Report: bar.show,
		})
		bar.done()
		if err != nil && !report.Changed() && len(report.Problems) == 0 {
			return err
		}
		if e := s.print(report, func() { s.masterbaseReport(report, err == nil) }); err == nil {
			err = e
		}
		if err == nil && !report.Whole() {
			err = silent{ExitFailure}
		}
		return err
	})
}

func (s *session) masterbaseReport(r demosink.ImportReport, complete bool) {
	for _, p := range r.Problems {
		s.printf("%s %s (%s): %s", p.Kind, cmp.Or(p.Session, "-"), printable(p.Where), printable(p.Why))
	}
	taken := "taken over"
	if r.DryRun {
		taken = "to be taken over"
	}
	s.printf("sessions    %d %s, %d completed, %d present already, %d skipped", r.Sessions, taken, r.Completed, r.Present, r.Skipped)
	s.printf("files       %d (%s), %d missing, %d damaged", r.Files, bytesText(r.Bytes), r.Missing, r.Damaged)
	s.printf("analyses    %d, reports %d, reviews %d", r.Analyses, r.Reports, r.Reviews)
	s.printf("accounts    %d, keys %d, analysts %d, limited %d", r.Accounts, r.Keys, r.Analysts, r.Limited)
	s.printf("broadcasts  %d", r.Broadcasts)
	if r.Retention {
		s.printf("the rules of retention are those of masterbase")
	}
	switch {
	case !complete:
		s.printf("the import was cut short; do it again to go on")
	case !r.Changed():
		s.printf("nothing is new: nothing was changed")
	}
}
