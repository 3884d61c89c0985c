// Command bench measures the daemon beside its peers on this machine and
// prints ratios: nginx, Caddy, Python's zipfile, and a bare Go server that
// does nothing but the work itself. README.md explains every cell.
//
//	go run ./bench [-cells REGEXP] [-rounds 5] [-duration 3s] [-quick] [-json FILE] [-list]
//
// Everything runs on loopback, for a bounded time, in a temporary directory;
// every process it starts ends with it. A peer that is not installed is
// skipped and said so, never estimated.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type settings struct {
	cells    *regexp.Regexp
	rounds   int
	duration time.Duration
	json     string
	list     bool
}

func parse(args []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	cells := flags.String("cells", "", "only cells whose name matches this `regexp`")
	flags.IntVar(&s.rounds, "rounds", 5, "rounds of each cell; every round asks every server once")
	flags.DurationVar(&s.duration, "duration", 3*time.Second, "length of one measurement")
	quick := flags.Bool("quick", false, "two short rounds: does it run at all? The figures mean nothing")
	flags.StringVar(&s.json, "json", "", "also write everything as JSON to this `file` (- is standard output)")
	flags.BoolVar(&s.list, "list", false, "list the cells and stop")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *quick {
		s.rounds, s.duration = 2, 500*time.Millisecond
	}
	if s.rounds < 1 || s.duration < 100*time.Millisecond || s.duration > time.Minute {
		return s, errors.New("need at least one round, of 100 ms to 1 min")
	}
	var err error
	s.cells, err = regexp.Compile(*cells)
	return s, err
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	s, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	var chosen []cell
	for _, c := range cells() {
		if s.cells.MatchString(c.name) {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no cell matches %q; -list shows them", s.cells)
	}
	if s.list {
		for _, c := range chosen {
			fmt.Fprintf(out, "%-17s %s\n", c.name, c.about)
		}
		return nil
	}
	b, err := newBench(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	report := newReport(s)
	for _, c := range chosen {
		fmt.Fprintf(os.Stderr, "%s: %s\n", c.name, c.about)
		v, err := b.measure(ctx, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		report.Cells = append(report.Cells, v)
	}
	report.print(out)
	if s.json == "" {
		return nil
	}
	return writeJSON(s.json, out, report)
}

func writeJSON(name string, stdout io.Writer, r *report) error {
	w := stdout
	if name != "-" {
		f, err := os.Create(filepath.Clean(name))
		if err != nil {
			return err
		}
		defer f.Close()
		w = f
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
