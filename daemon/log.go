package daemon

import (
	"context"
	"io"
	"log/slog"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// NewLog returns the daemon's log. Under systemd (journal is true) the time
// is left out, since the journal has its own, and each line begins with its
// priority, so that "journalctl -p err" works.
func NewLog(c config.Log, w io.Writer, journal bool) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // the configuration was validated before
	}
	o := &slog.HandlerOptions{Level: level}
	switch {
	case c.Format == "json":
		return slog.New(slog.NewJSONHandler(w, o))
	case c.Format == "auto" && journal:
		return slog.New(newJournalHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// journalHandler writes text lines that begin with a syslog priority, see
// sd-daemon(3). It holds one text handler per priority.
type journalHandler struct {
	lines [4]slog.Handler // debug, info, warning, error
}

func newJournalHandler(w io.Writer, o *slog.HandlerOptions) *journalHandler {
	withoutTime := *o
	withoutTime.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}
	h := &journalHandler{}
	for i, priority := range []string{"<7>", "<6>", "<4>", "<3>"} {
		h.lines[i] = slog.NewTextHandler(prefixWriter{w, priority}, &withoutTime)
	}
	return h
}

// prefixWriter puts the priority before each line; the text handler writes
// one line per call.
type prefixWriter struct {
	w      io.Writer
	prefix string
}

func (p prefixWriter) Write(line []byte) (int, error) {
	if _, err := p.w.Write(append([]byte(p.prefix), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}

func (h *journalHandler) at(l slog.Level) slog.Handler {
	switch {
	case l < slog.LevelInfo:
		return h.lines[0]
	case l < slog.LevelWarn:
		return h.lines[1]
	case l < slog.LevelError:
		return h.lines[2]
	}
	return h.lines[3]
}

func (h *journalHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return h.at(l).Enabled(ctx, l)
}

func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.at(r.Level).Handle(ctx, r)
}

func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.each(func(l slog.Handler) slog.Handler { return l.WithAttrs(attrs) })
}

func (h *journalHandler) WithGroup(name string) slog.Handler {
	return h.each(func(l slog.Handler) slog.Handler { return l.WithGroup(name) })
}

func (h *journalHandler) each(f func(slog.Handler) slog.Handler) *journalHandler {
	next := &journalHandler{}
	for i, l := range h.lines {
		next.lines[i] = f(l)
	}
	return next
}
