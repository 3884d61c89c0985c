package ossvc

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTextNamesTheCommand(t *testing.T) {
	s, err := New("--config", "/etc/my qm/config.toml")
	if err != nil {
		t.Fatal(err)
	}
	if !filepath.IsAbs(s.Executable) {
		t.Errorf("executable %q is not absolute", s.Executable)
	}
	text, err := s.Text()
	if err != nil {
		t.Fatal(err)
	}
	want := "ExecStart=" + s.Executable + ` service run --config "/etc/my qm/config.toml"` + "\n"
	if runtime.GOOS == "linux" && !strings.Contains(text, want) {
		t.Errorf("%q is not in the unit:\n%s", want, text)
	}
}

func TestNotify(t *testing.T) {
	if err := Notify(StateReady); err != nil {
		t.Errorf("without a listener: %v", err)
	}
	path := filepath.Join(t.TempDir(), "n")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err := Notify(StateReady); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	n, err := conn.Read(b)
	if err != nil || string(b[:n]) != "READY=1" {
		t.Errorf("read %q, %v", b[:n], err)
	}
	t.Setenv("NOTIFY_SOCKET", path+"-gone")
	if err := Notify(StateStopping); err == nil {
		t.Error("a dead socket was not reported")
	}
}

func TestSupervise(t *testing.T) {
	boom := errors.New("boom")
	untilDone := func(ctx context.Context) error { <-ctx.Done(); return nil }
	hang := func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Hour); return nil }
	for name, tc := range map[string]struct {
		run      func(context.Context) error
		signals  int
		want     error
		exits    int
		duration time.Duration
	}{
		"ends by itself":   {run: func(context.Context) error { return boom }, want: boom},
		"stops on request": {run: untilDone, signals: 1},
		"second request":   {run: hang, signals: 2, want: ErrStopTimeout, exits: 1},
		"does not stop":    {run: hang, signals: 1, want: ErrStopTimeout, duration: StopTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals := make(chan os.Signal, 2)
				for range tc.signals {
					signals <- os.Interrupt
				}
				exits, start := 0, time.Now()
				err := supervise(t.Context(), signals, io.Discard, tc.run, func() { exits++ })
				if !errors.Is(err, tc.want) || exits != tc.exits || time.Since(start) != tc.duration {
					t.Errorf("err %v, exits %d, after %v", err, exits, time.Since(start))
				}
				time.Sleep(2 * time.Hour) // lets the hanging run end
			})
		})
	}
}
