package cli

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/a2s"
)

// A2SScanCmd asks many servers through one socket.
type A2SScanCmd struct {
	File    string        `default:"-" help:"Addresses, one on each line; - is standard input."`
	Want    []string      `default:"info" placeholder:"PARTS" help:"What is asked for, with commas: info, players and rules."`
	Timeout time.Duration `placeholder:"5s" help:"How long one question may take, with its retries. Default: a2s.timeout."`
	Window  int           `placeholder:"N" help:"Servers asked at the same time. Default: a2s.window."`
	PPS     int           `name:"pps" placeholder:"N" help:"Packets sent per second. Default: a2s.pps."`
	PerIP   int           `name:"per-ip" placeholder:"N" help:"Servers of one address asked at the same time. Default: a2s.per_ip."`
	NDJSON  bool          `name:"ndjson" help:"Print one JSON object per line and server, as they answer."`
}

// Run prints each server as it answers. The exit code is 1 when any part of
// any server is missing.
func (c A2SScanCmd) Run(s *session) error {
	want, err := c.parts()
	if err != nil {
		return err
	}
	pool, err := c.pool(s)
	if err != nil {
		return err
	}
	servers, unknown, err := c.read(s)
	if err != nil {
		return err
	}
	show := &scanOutput{s: s, ndjson: c.NDJSON, all: []a2s.Answer{}, lines: json.NewEncoder(s.Stdout)}
	stats, err := pool.Scan(s.ctx, servers, want, show.add)
	if err == nil {
		err = show.end()
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Stderr, "%d of %d servers answered; %d packets in %s\n", stats.Answered, stats.Servers, stats.Sent, stats.Elapsed.Round(time.Millisecond))
	if stats.Answered < stats.Servers || unknown > 0 {
		return silent{ExitFailure}
	}
	return nil
}

func (c A2SScanCmd) parts() (want a2s.Part, err error) {
	for _, name := range c.Want {
		p, err := a2s.ParsePart(name)
		if err != nil {
			return 0, fault.New(fault.Invalid, "--want: %v", err)
		}
		want |= p
	}
	return want, nil
}

// pool takes the flags, and the configuration where there are none.
func (c A2SScanCmd) pool(s *session) (*a2s.Pool, error) {
	if c.Timeout < 0 || c.Window < 0 || c.PPS < 0 || c.PerIP < 0 {
		return nil, fault.New(fault.Invalid, "--timeout, --window, --pps and --per-ip must be more than 0")
	}
	loaded, err := s.load()
	if err != nil {
		return nil, err
	}
	set := loaded.Config.A2S
	return &a2s.Pool{
		Timeout: cmp.Or(c.Timeout, set.Timeout.Std()), Window: cmp.Or(c.Window, set.Window),
		PPS: cmp.Or(c.PPS, set.PPS), PerIP: cmp.Or(c.PerIP, set.PerIP), Log: s.quietLog(),
	}, nil
}

// read returns the servers of the file, and how many names have no address:
// those are named on standard error.
func (c A2SScanCmd) read(s *session) (servers []netip.AddrPort, unknown int, err error) {
	in := s.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, 0, err
		}
		defer f.Close() // only read
		in = f
	}
	texts, err := addressLines(in)
	if err != nil {
		return nil, 0, err
	}
	found := make([]netip.AddrPort, len(texts))
	failed := make([]error, len(texts))
	slots := make(chan struct{}, a2sParallel)
	var all sync.WaitGroup
	for i, text := range texts {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			found[i], failed[i] = a2s.Resolve(s.ctx, text)
		})
	}
	all.Wait()
	for i, err := range failed {
		if err != nil {
			unknown++
			fmt.Fprintf(s.Stderr, "quartermaster: %s: %v\n", texts[i], err)
			continue
		}
		servers = append(servers, found[i])
	}
	return servers, unknown, nil
}

// addressLines reads one address per line. Empty lines and those that begin
// with # are passed over.
func addressLines(in io.Reader) (texts []string, err error) {
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if _, _, err := a2s.ParseAddress(text); err != nil {
			return nil, fault.New(fault.Invalid, "line %d: %v", n, err)
		}
		texts = append(texts, text)
	}
	return texts, lines.Err()
}

// scanOutput shows answers as they come; JSON that is one value waits for the
// end.
type scanOutput struct {
	s      *session
	ndjson bool
	all    []a2s.Answer
	lines  *json.Encoder
	err    error
}

func (o *scanOutput) add(a a2s.Answer) {
	switch {
	case o.ndjson:
		if err := o.lines.Encode(a); o.err == nil {
			o.err = err
		}
	case o.s.globals.JSON:
		o.all = append(o.all, a)
	case a.Ping == 0:
		o.s.printf("%s  %v", a.Address, a.Err())
	default:
		o.s.printf("%s", scanLine(a))
	}
}

// end prints what waited.
func (o *scanOutput) end() error {
	if o.err != nil || o.ndjson || !o.s.globals.JSON {
		return o.err
	}
	return o.s.print(o.all, nil)
}

// scanLine is one server in words.
func scanLine(a a2s.Answer) string {
	line := fmt.Sprintf("%s  %s", a.Address, pingText(a.Ping))
	if i := a.Info; i != nil {
		line += fmt.Sprintf("  %d/%d %s  %s", i.PlayerCount, i.MaxPlayers, printable(i.ServerName), printable(i.Map))
	}
	if a.Players != nil {
		line += fmt.Sprintf("  %d players", len(a.Players.Players))
	}
	if a.Rules != nil {
		line += fmt.Sprintf("  %d rules", len(a.Rules.List))
	}
	if err := a.Err(); err != nil {
		line += fmt.Sprintf("  (%v)", err)
	}
	return line
}
