package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop"
)

// ModsCmd groups the commands about Workshop mods. ITEM is a decimal id,
// m<hex>, 0x<hex> or the address of a Workshop page; NAME is
// m<hex>_<version>.
type ModsCmd struct {
	List    ModsListCmd    `cmd:"" help:"List the mods that are known, newest request first."`
	Get     ModsGetCmd     `cmd:"" help:"Fetch a mod now and wait for it."`
	Add     ModsAddCmd     `cmd:"" help:"Ask the daemon to fetch a mod."`
	Verify  ModsVerifyCmd  `cmd:"" help:"Check stored mods entry by entry; damaged ones are put aside. Exit code 1 if there are any."`
	GC      ModsGCCmd      `cmd:"" name:"gc" help:"Remove superseded versions, and what else must go, by the rules of workshop.retention."`
	Storage ModsStorageCmd `cmd:"" help:"Say what fills the store, what may go, and until when there is room."`
	Pin     ModsPinCmd     `cmd:"" help:"Keep a version from being removed, or let it go again with --off."`
	Peers   ModsPeersCmd   `cmd:"" help:"Show the backup servers of others, and the key and lines with which they name this one."`
	Servers ModsServersCmd `cmd:"" help:"Say which mods of the game servers are out of date."`
}

// withWorkshop opens the state, runs fn on the library of mods and closes.
func (s *session) withWorkshop(fn func(*workshop.Service) error) error {
	return s.withState(func(state *daemon.State) error {
		service, err := state.Workshop(nil)
		if err != nil {
			return err
		}
		return fn(service)
	})
}

// ModsListCmd lists.
type ModsListCmd struct {
	Query string   `arg:"" optional:"" help:"Part of the title, or an id."`
	State []string `placeholder:"S" enum:"ready,absent,resolving,queued,fetching,verifying,zipping,denied,failed,quarantined" help:"Only these states: ready, absent, resolving, queued, fetching, verifying, zipping, denied, failed or quarantined."`
	App   uint32   `placeholder:"ID" help:"Only this app id."`
	Sort  string   `default:"requested" enum:"requested,title,size,version,id" help:"requested, title, size, version or id."`
	Limit int      `placeholder:"N" help:"At most this many. Default: all."`
}

// Validate refuses a limit that is none.
func (c ModsListCmd) Validate() error {
	if c.Limit < 0 {
		return fmt.Errorf("--limit is %d; it must be 0, for all, or more", c.Limit)
	}
	return nil
}

// Run prints one line per version, or the mods as JSON.
func (c ModsListCmd) Run(s *session) error {
	filter := workshop.Filter{Query: c.Query, App: c.App}
	for _, state := range c.State {
		filter.States = append(filter.States, workshop.State(state))
	}
	return s.withWorkshop(func(w *workshop.Service) error {
		if s.globals.JSON { // it says what is irreplaceable
			if err := w.Survey(s.ctx); err != nil {
				return err
			}
		}
		mods, err := w.List(s.ctx, filter, c.Sort)
		if err != nil {
			return err
		}
		if c.Limit > 0 && len(mods) > c.Limit {
			mods = mods[:c.Limit]
		}
		return s.print(w.JSON(mods), func() {
			if len(mods) == 0 && (c.Query != "" || len(c.State) > 0 || c.App != 0) {
				s.printf("no mod matches")
				return
			}
			s.listMods(mods)
		})
	})
}

func (s *session) listMods(mods []workshop.Mod) {
	if len(mods) == 0 {
		s.printf("no mods yet; \"quartermaster mods get ITEM\" fetches one, workshop.roots names folders that hold some")
		return
	}
	t := tabwriter.NewWriter(s.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tSTATE\tSIZE\tDATE\tTITLE\tREASON")
	for _, m := range mods {
		if len(m.Versions) == 0 {
			fmt.Fprintf(t, "m%s\t%s\t\t\t%s\n", m.Item.Hex(), m.State, about(m.Title, m.Reason))
		}
		for _, v := range m.Versions {
			state := string(v.State)
			if v.Pinned {
				state += ", pinned"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", v.Name, state, bytesText(v.Size), v.Name.Time().Format(time.DateOnly), about(m.Title, v.Reason))
		}
	}
	t.Flush() // writes to standard output, which reports its own failure
}

// about is the title and, in a column of its own, the reason if there is one.
func about(title, reason string) string {
	if reason == "" {
		return printable(title)
	}
	return printable(title) + "\t" + printable(reason)
}

// ModsGetCmd fetches and waits.
type ModsGetCmd struct {
	Item    string `arg:"" help:"Item, or the name of a version."`
	Version int64  `help:"Version (Unix seconds); default: the current one."`
}

// target reads the item and version that an argument names.
func target(text string, version int64) (workshop.Name, error) {
	if strings.Contains(text, "_") {
		return workshop.ParseName(text)
	}
	id, err := workshop.ParseItem(text)
	return workshop.Name{Item: id, Version: version}, err
}

// Run brings the version here and prints where it came from. It shares the
// work with a running daemon.
func (c ModsGetCmd) Run(s *session) error {
	n, err := target(c.Item, c.Version)
	if err != nil {
		return err
	}
	return s.withWorkshop(func(w *workshop.Service) error {
		bar := s.newBar()
		v, err := w.Fetch(s.ctx, n, func(j workshop.Job) {
			bar.show(fmt.Sprintf("%s %s", j.Name.File(), j.State), j.Bytes, j.Total)
		})
		bar.done()
		if err != nil {
			return err
		}
		return s.print(w.JSON(v), func() {
			s.printf("%s  %s  %s  sha256 %x", v.Name.File(), bytesText(v.Size), v.Source, v.SHA256)
		})
	})
}

// ModsAddCmd queues.
type ModsAddCmd struct {
	Item    string `arg:"" help:"Item, or the name of a version."`
	Version int64  `help:"Version (Unix seconds); default: the current one."`
}

// Run leaves a job for the daemon and prints it.
func (c ModsAddCmd) Run(s *session) error {
	n, err := target(c.Item, c.Version)
	if err != nil {
		return err
	}
	return s.withWorkshop(func(w *workshop.Service) error {
		job, err := w.Add(s.ctx, n.Item, n.Version)
		if err != nil {
			return err
		}
		return s.print(w.JSON(job), func() {
			s.printf("job #%d for item %s is %s; the running daemon fetches it", job.ID, job.Name.Item, job.State)
		})
	})
}

// ModsVerifyCmd checks.
type ModsVerifyCmd struct {
	Query string `arg:"" optional:"" help:"Part of the title, or an id; default: everything."`
}

// Run checks every entry of every zip and reports the damaged ones.
func (c ModsVerifyCmd) Run(s *session) error {
	return s.withWorkshop(func(w *workshop.Service) error {
		filter := workshop.Filter{Query: c.Query}
		mods, err := w.List(s.ctx, filter, workshop.ByItem)
		if err != nil {
			return err
		}
		var total, size, read int64
		for _, m := range mods {
			total += int64(len(m.Versions))
			size += m.Size
		}
		bar := s.newBar()
		damaged := []workshop.Outcome{}
		err = w.Verify(s.ctx, filter, func(o workshop.Outcome) {
			read += o.Size
			bar.show(o.Name.File(), read, size)
			if o.Reason != "" {
				damaged = append(damaged, o)
			}
		})
		bar.done()
		if reported := s.reportDamage(total, damaged); err == nil {
			err = reported
		}
		return err
	})
}

func (s *session) reportDamage(total int64, damaged []workshop.Outcome) error {
	type finding struct {
		Name   string `json:"name"`
		Reason string `json:"reason"`
	}
	findings := []finding{}
	for _, o := range damaged {
		findings = append(findings, finding{o.Name.File(), o.Reason})
	}
	answer := struct {
		Checked int64     `json:"checked"`
		Damaged []finding `json:"damaged"`
	}{total, findings}
	err := s.print(answer, func() {
		for _, f := range findings {
			s.printf("%s  %s", f.Name, f.Reason)
		}
		s.printf("%d checked, %d damaged", total, len(findings))
	})
	if err == nil && len(findings) > 0 {
		return silent{ExitFailure}
	}
	return err
}

// ModsGCCmd tidies.
type ModsGCCmd struct {
	DryRun bool `help:"Say what would go and why, and remove nothing."`
}

// Run removes what the rules allow and says why each version goes or stays.
func (c ModsGCCmd) Run(s *session) error {
	return s.withWorkshop(func(w *workshop.Service) error {
		tidied, err := w.GC(s.ctx, c.DryRun)
		if err != nil {
			return err
		}
		return s.print(w.JSON(tidied), func() {
			s.tellTidied(tidied, c.DryRun)
		})
	})
}

func (s *session) tellTidied(tidied workshop.Tidied, dry bool) {
	verb, double := "removed", "freed the double of"
	if dry {
		verb, double = "would remove", "would free the double of"
	}
	for _, r := range tidied.Removed {
		what := verb
		if r.Rule == workshop.RuleDuplicate { // the version stays
			what = double
		}
		s.printf("%s %s  %s  %s: %s", what, r.Name.File(), bytesText(r.Frees), r.Rule, r.Why)
	}
	for _, r := range tidied.Kept {
		s.printf("kept %s  %s  %s: %s", r.Name.File(), bytesText(r.Size), r.Rule, r.Why)
	}
	versions := "versions"
	if len(tidied.Removed) == 1 {
		versions = "version"
	}
	s.printf("%s %d %s, %s", verb, len(tidied.Removed), versions, bytesText(tidied.Bytes))
	if tidied.Short > 0 {
		s.printf("%s more would have to go, but may not", bytesText(tidied.Short))
	}
}

// ModsPinCmd pins.
type ModsPinCmd struct {
	Name string `arg:"" help:"Name of a version, m<hex>_<version>."`
	Off  bool   `help:"Let it be removed again."`
}

// Run pins or unpins.
func (c ModsPinCmd) Run(s *session) error {
	n, err := workshop.ParseName(c.Name)
	if err != nil {
		return err
	}
	return s.withWorkshop(func(w *workshop.Service) error {
		pin, done := w.Pin, "pinned"
		if c.Off {
			pin, done = w.Unpin, "unpinned"
		}
		v, err := pin(s.ctx, n)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.NotFound, "%s is not stored here", n.File()).WithHint("\"quartermaster mods list\" shows what is")
		}
		if err != nil {
			return err
		}
		return s.print(w.JSON(v), func() { s.printf("%s %s", v.Name.File(), done) })
	})
}
