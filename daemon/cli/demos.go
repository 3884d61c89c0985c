package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/demosink"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// DemosCmd groups the commands about recordings of matches. ID is the number
// of a recording.
type DemosCmd struct {
	List  DemosListCmd  `cmd:"" help:"List the recordings, the newest first."`
	Get   DemosGetCmd   `cmd:"" help:"Show everything about a recording, or save it with --out."`
	Push  DemosPushCmd  `cmd:"" help:"Take finished demos in, here or at another server."`
	Prune DemosPruneCmd `cmd:"" help:"Delete recordings by the rules of retention."`
}

// withDemos opens the state, runs fn on the recordings and closes.
func (s *session) withDemos(fn func(*demosink.Service) error) error {
	return s.withState(func(state *daemon.State) error {
		service, err := state.Demos(nil)
		if err != nil {
			return err
		}
		return fn(service)
	})
}

// everything is what the person at the machine may.
var everything = demosink.Caller{Analyst: true, Moderator: true, Admin: true}

// DemosListCmd lists.
type DemosListCmd struct {
	Query    string `arg:"" optional:"" help:"Part of the name, map, server or player."`
	Map      string `help:"Only this map."`
	Server   string `placeholder:"IP:PORT" help:"Only this game server."`
	Player   string `help:"A SteamID: who was reported or detected. Else part of the name of who recorded."`
	Uploader string `placeholder:"STEAMID" help:"Only recordings that this person sent."`
	From     string `placeholder:"TIME" help:"Began then or later: a day, or a time as 2026-11-20T18:00:00Z."`
	To       string `placeholder:"TIME" help:"Began before then."`
	State    string `placeholder:"S" enum:",live,idle,closed,empty,analysed,pruned" default:"" help:"live, idle, closed, empty, analysed or pruned."`
	Source   string `placeholder:"S" enum:",stream,watch,push,upload,demostf,matchzy,import" default:"" help:"stream, watch, push, upload, demostf, matchzy or import."`
	Flagged  bool   `help:"Only those that are unlike a demo, reported, or with detections."`
	Sort     string `default:"newest" enum:"newest,oldest,size,score" help:"newest, oldest, size or score."`
	Limit    int    `placeholder:"N" help:"At most this many. Default: all."`
}

func (c DemosListCmd) filter() (f demosink.Filter, err error) {
	f = demosink.Filter{
		Map: c.Map, Server: c.Server, Player: c.Player, State: demosink.State(c.State), Source: demosink.Source(c.Source), Query: c.Query,
	}
	if c.Flagged {
		f.Flagged = &c.Flagged
	}
	if id, err := steam.Parse(c.Player); err == nil && id.Person() {
		f.Player, f.Target = "", id
	}
	if c.Uploader != "" {
		if f.Uploader, err = steam.Parse(c.Uploader); err != nil || !f.Uploader.Person() {
			return f, fault.New(fault.Invalid, "%q is not the SteamID of a person", c.Uploader)
		}
	}
	if f.From, err = dayOrTime(c.From); err != nil {
		return f, err
	}
	f.To, err = dayOrTime(c.To)
	return f, err
}

// dayOrTime reads a day, which begins in UTC, or a time of RFC 3339.
func dayOrTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.Invalid, "%q is not a time", text).WithHint("write 2026-11-20 or 2026-11-20T18:00:00Z")
}

// Run prints one line per recording.
func (c DemosListCmd) Run(s *session) error {
	filter, err := c.filter()
	if err != nil {
		return err
	}
	return s.withDemos(func(d *demosink.Service) error {
		all, err := everyPage(func(cursor string) (rows []demosink.Demo, next string, err error) {
			limit := pageSize
			if c.Limit > 0 {
				limit = min(limit, c.Limit)
			}
			rows, next, _, err = d.List(s.ctx, everything, filter, demosink.Page{Sort: c.Sort, Limit: limit, Cursor: cursor})
			if c.Limit > 0 && c.Limit <= pageSize {
				next = ""
			}
			return rows, next, err
		})
		if err != nil {
			return err
		}
		if c.Limit > 0 && len(all) > c.Limit {
			all = all[:c.Limit]
		}
		return s.print(demosink.View(everything, all), func() {
			if len(all) == 0 {
				s.printf("no recording matches")
				return
			}
			s.listDemos(all)
		})
	})
}

func (s *session) listDemos(all []demosink.Demo) {
	t := tabwriter.NewWriter(s.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tSTATE\tBEGAN\tLENGTH\tSIZE\tMAP\tSERVER\tNOTES")
	for _, d := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, d.State(), dateText(d.StartAt), lengthText(d.Seconds), bytesText(max(d.Size, d.Received)),
			printable(d.Map), printable(cmp.Or(d.FakeIP, d.Server)), demoNotes(d))
	}
	t.Flush() // writes to standard output, which reports its own failure
}

// lengthText is a length as lists show it; "-" when it is not known.
func lengthText(seconds float64) string {
	if seconds <= 0 || seconds > 1e6 {
		return "-"
	}
	return (time.Duration(seconds) * time.Second).String()
}

// demoNotes says why somebody should look at a recording.
func demoNotes(d demosink.Demo) string {
	var notes []string
	if d.Detections > 0 {
		notes = append(notes, fmt.Sprintf("detections: %d", d.Detections))
	}
	if d.Reports > 0 {
		notes = append(notes, fmt.Sprintf("reports: %d", d.Reports))
	}
	if d.Suspicion != "" {
		notes = append(notes, printable(d.Suspicion))
	}
	return strings.Join(notes, ", ")
}

// DemosGetCmd shows or saves one.
type DemosGetCmd struct {
	ID  string `arg:"" name:"id" help:"Number of the recording."`
	Out string `placeholder:"FILE" help:"Save the recording here; - is standard output."`
}

// Run prints what is known, or saves the recording.
func (c DemosGetCmd) Run(s *session) error {
	return s.withDemos(func(d *demosink.Service) error {
		detail, err := d.Get(s.ctx, everything, c.ID)
		if err != nil {
			return err
		}
		if c.Out != "" {
			return s.saveDemo(d, detail.Session, c.Out)
		}
		v, err := d.Describe(s.ctx, everything, detail)
		if err != nil {
			return err
		}
		return s.print(v, func() { s.showDemo(detail, v) })
	})
}

func (s *session) showDemo(d demosink.Detail, v demosink.DetailView) {
	s.listDemos([]demosink.Demo{d.Demo})
	for _, r := range v.Reports {
		s.printf("reported %s as %s", r.Target, r.Reason)
	}
	for _, a := range v.Analysis {
		s.printf("%d × %s by %s", a.Detections, printable(a.Algorithm), a.Target)
	}
	for _, r := range v.Reviews {
		s.printf("%s: %s is %s %s", printable(r.Reviewer), r.Target, r.Verdict, printable(r.Note))
	}
	for _, w := range v.Witnesses {
		s.printf("see also %s", w.ID)
	}
}

// saveDemo writes a recording to a file that must not exist yet.
func (s *session) saveDemo(d *demosink.Service, sess demosink.Session, to string) (err error) {
	in, err := d.Recording(s.ctx, sess)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	if to == "-" {
		_, err = io.Copy(s.Stdout, in)
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if os.IsExist(err) {
		return fault.New(fault.Conflict, "%s exists already", to)
	}
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be written", to)
	}
	n, err := copyUntil(s.ctx, out, in)
	if e := out.Close(); err == nil {
		err = e
	}
	if err != nil {
		_ = os.Remove(to) // half a recording is of no use
		return err
	}
	return s.print(map[string]any{"file": to, "bytes": n}, func() { s.printf("%s  %s", to, bytesText(n)) })
}

// copyUntil copies until the end or until ctx ends.
func copyUntil(ctx context.Context, to io.Writer, from io.Reader) (n int64, err error) {
	for ctx.Err() == nil {
		part, err := io.CopyN(to, from, 4<<20)
		n += part
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, ctx.Err()
}
