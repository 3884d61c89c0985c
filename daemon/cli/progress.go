package cli

import (
	"strings"
	"time"
	"unicode"

	"github.com/schollz/progressbar/v3"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// bar draws the progress of long work on a terminal and is silent without
// one.
type bar struct {
	p *progressbar.ProgressBar
}

// newBar returns a bar of bytes on standard error.
func (s *session) newBar() *bar { return s.makeBar(progressbar.OptionShowBytes(true)) }

// newRowBar returns a bar of things that are counted.
func (s *session) newRowBar() *bar { return s.makeBar(progressbar.OptionShowCount()) }

func (s *session) makeBar(unit progressbar.Option) *bar {
	if !s.terminal() || s.globals.JSON {
		return &bar{}
	}
	return &bar{progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(s.Stderr),
		unit,
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(),
	)}
}

// show moves the bar; a total of 0 means that it is unknown.
func (b *bar) show(what string, done, total int64) {
	if b.p == nil {
		return
	}
	if total <= 0 {
		total = -1
	}
	if b.p.GetMax64() != total {
		b.p.ChangeMax64(total)
	}
	b.p.Describe(what)
	// Drawing may fail when the terminal goes away; the work goes on.
	_ = b.p.Set64(done)
}

// done removes the bar.
func (b *bar) done() {
	if b.p != nil {
		_ = b.p.Finish() // see show
	}
}

// bytesText writes a size for people.
func bytesText(n int64) string { return config.Size(n).Rounded() }

// printable keeps a name from the outside from steering the terminal.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name)
}
