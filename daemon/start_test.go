package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// options returns those of a daemon on an address.
func options(dir, listen string) Options {
	c := config.Default()
	c.HTTP.Listen = []string{listen}
	return Options{Loaded: &config.Loaded{Config: c, DataDir: dir}, Version: "test", Log: slog.New(slog.DiscardHandler)}
}

// TestTakenPortLeavesNothingBehind: a first start in vain makes no data
// directory, and one on an old directory changes nothing in it.
func TestTakenPortLeavesNothingBehind(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := filepath.Join(t.TempDir(), "data")
	_, err = New(t.Context(), options(dir, l.Addr().String()))
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data directory: %v", err)
	}
}

func TestOneDaemonPerDataDirectory(t *testing.T) {
	dir := t.TempDir()
	first, err := New(t.Context(), options(dir, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(t.Context(), options(dir, "127.0.0.1:0"))
	if !fault.Is(err, fault.Unavailable) || fault.Hint(err) == "" ||
		!strings.Contains(fault.Public(err), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("the second daemon: %v", err)
	}
	beside, err := OpenState(t.Context(), options(dir, "127.0.0.1:0"))
	if err != nil {
		t.Fatalf("a command beside it: %v", err)
	}
	if err := errors.Join(beside.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	again, err := New(t.Context(), options(dir, "127.0.0.1:0"))
	if err != nil {
		t.Fatalf("after it ended: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// Whoever starts without a way to prove addresses reads in the log that nobody
// can register.
func TestNobodyCanRegisterIsLogged(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*config.Config)
		want   bool
	}{
		"no mail":     {func(*config.Config) {}, true},
		"outbox":      {func(c *config.Config) { c.Mail.Outbox = "outbox" }, false},
		"auto_verify": {func(c *config.Config) { c.Metaserver.AutoVerify = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			o := options(t.TempDir(), "127.0.0.1:0")
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
			c.change(&o.Loaded.Config)
			state, err := OpenState(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			m, err := state.Metaserver(nil)
			if err != nil {
				t.Fatal(err)
			}
			ended, end := context.WithCancel(t.Context())
			end()
			if err := errors.Join(m.Run(ended), state.Close()); err != nil {
				t.Error(err)
			}
			if got := strings.Contains(log.String(), "nobody can register"); got != c.want {
				t.Errorf("got %t, want %t:\n%s", got, c.want, &log)
			}
		})
	}
}
