package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
)

// session is what a command works with: the outside world, the flags that
// every command takes, and the ways to the configuration and the state.
type session struct {
	Program
	ctx     context.Context
	globals *Globals
}

// load reads the configuration with the flags of this command line.
func (s *session) load() (*config.Loaded, error) {
	return config.Load(config.Options{
		File: s.globals.ConfigFile, DataDir: s.globals.Data, Environ: s.Environ,
	})
}

// open opens the daemon's state (database, blobs and the features over
// them) without starting anything. The caller must Close it.
func (s *session) open() (*daemon.State, error) {
	loaded, err := s.load()
	if err != nil {
		return nil, err
	}
	return daemon.OpenState(s.ctx, daemon.Options{
		Loaded: loaded, Version: s.Version, Log: s.quietLog(),
	})
}

// withState opens the state, runs fn as the person at the machine, and closes.
func (s *session) withState(fn func(*daemon.State) error) (err error) {
	state, err := s.open()
	if err != nil {
		return err
	}
	defer func() {
		if e := state.Close(); err == nil {
			err = e
		}
	}()
	s.ctx = accounts.Local(s.ctx, systemUser())
	return fn(state)
}

// quietLog is the log of a command: warnings and errors only, as text.
func (s *session) quietLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(s.Stderr, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// printf writes one line of the result.
func (s *session) printf(format string, args ...any) {
	fmt.Fprintf(s.Stdout, format+"\n", args...)
}

// print writes v as JSON when --json was given, else it calls text.
func (s *session) print(v any, text func()) error {
	if !s.globals.JSON {
		text()
		return nil
	}
	e := json.NewEncoder(s.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// terminal reports whether progress can be drawn on standard error.
func (s *session) terminal() bool {
	f, ok := s.Stderr.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
