package workshop

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// folderSink takes at most max bytes, 0 = any number.
type folderSink struct {
	bytes.Buffer
	max int
}

func (s *folderSink) Expect(int64) error    { return nil }
func (s *folderSink) Progress(int64, int64) {}

func (s *folderSink) Write(b []byte) (int, error) {
	if s.max > 0 && s.Len()+len(b) > s.max {
		return 0, fault.New(fault.TooLarge, "too large")
	}
	return s.Buffer.Write(b)
}

// waiting is a clock on which ten seconds pass while during runs.
type waiting struct{ during func() }

func (waiting) Now() time.Time { return time.Now() }

func (w waiting) After(time.Duration) <-chan time.Time {
	if w.during != nil {
		w.during()
	}
	c := make(chan time.Time, 1)
	c <- time.Time{}
	return c
}

func fetchFolder(t *testing.T, f rootFixture, n Name, during func()) (Got, []byte) {
	t.Helper()
	var sink folderSink
	got, err := NewFolderSource(f.Roots, waiting{during}, modzip.Limits{}).Fetch(t.Context(), Want{Name: n}, &sink)
	if err != nil {
		return Got{}, nil
	}
	return got, sink.Bytes()
}

func TestFolderSource(t *testing.T) {
	root := t.TempDir()
	old := time.Date(1975, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, data := range map[string]string{
		"lua/a.lua": "print", ".modinfo": "{}", "empty": "", "with space/карта.txt": "x",
		strings.Repeat("deep/", 60) + "end": "x",
	} {
		path := filepath.Join(root, "M5F3F7C0_1348957670", filepath.FromSlash(name))
		put(t, path, []byte(data))
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	f := newRootFixture(root)
	f.scan(t)
	n := Name{0x5f3f7c0, 1348957670}
	got, z := fetchFolder(t, f, n, nil)
	want := Got{Version: n.Version, Origin: filepath.Join(root, "M5F3F7C0_1348957670"), State: Zipping}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if err := modzip.Verify(t.Context(), bytes.NewReader(z), int64(len(z)), modzip.Full, modzip.Limits{}); err != nil {
		t.Error(err)
	}
	if _, again := fetchFolder(t, f, n, nil); !bytes.Equal(z, again) {
		t.Error("the second time differs")
	}
}

func TestFolderSourceFaults(t *testing.T) {
	outside := t.TempDir()
	put(t, filepath.Join(outside, "secret"), []byte("x"))
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	put(t, at("m1_5/a"), []byte("x"))
	if err := errors.Join(os.MkdirAll(at("m2_5/only/folders"), 0o755), os.Mkdir(at("m3_5"), 0o755)); err != nil {
		t.Fatal(err)
	}
	link(t, filepath.Join(outside, "secret"), at("m3_5/secret"))
	link(t, outside, at("m4_5"))
	put(t, at("m5_5/big"), bytes.Repeat([]byte("0123456789"), 1000))
	f := newRootFixture(root)
	f.scan(t)
	write := func() { put(t, at("m1_5/b"), []byte("y")) }
	for name, c := range map[string]struct {
		item   ItemID
		during func()
		limits modzip.Limits
		max    int
		want   fault.Kind
	}{
		"absent":          {item: 9, want: fault.NotFound},
		"empty":           {item: 2, want: fault.NotFound},
		"being written":   {item: 1, during: write, want: fault.Unavailable},
		"link inside out": {item: 3, want: fault.Invalid},
		"link out":        {item: 4, want: fault.NotFound},
		"over the bound":  {item: 5, limits: modzip.Limits{Bytes: 100}, want: fault.TooLarge},
		"sink is full":    {item: 5, max: 50, want: fault.TooLarge},
	} {
		source := NewFolderSource(f.Roots, waiting{c.during}, c.limits)
		got, err := source.Fetch(t.Context(), Want{Name: Name{c.item, 5}}, &folderSink{max: c.max})
		if !fault.Is(err, c.want) || got != (Got{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if e, ok := errors.AsType[*fault.Error](err); ok && c.want == fault.Unavailable && e.RetryAfter != modzip.QuietFor {
			t.Errorf("%s: retry after %v", name, e.RetryAfter)
		}
	}
	source := NewFolderSource(f.Roots, waiting{func() { _ = os.RemoveAll(at("m5_5")) }}, modzip.Limits{})
	if _, err := source.Fetch(t.Context(), Want{Name: Name{5, 5}}, &folderSink{}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("goes away: %v", err)
	}
	if source.Name() != "folder" {
		t.Error(source.Name())
	}
}
