package config

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "12": 12, "1kB": 1000, "1KiB": 1024, "2GiB": 2 << 30, "1.5MB": 1500000, " 5 GB ": 5e9, "3B": 3,
	} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1", "1XB", "NaN", "1e300", "Inf"} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was accepted as %d", text, got)
		}
	}
}

func TestRates(t *testing.T) {
	for text, want := range map[string]Rate{"0": 0, "12MB/s": 12e6, "1KiB/s": 1024} {
		var got Rate
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "12MB", "/s", "x/s"} {
		var got Rate
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was accepted as %d", text, got)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"30s": 30 * time.Second, "90d": 90 * 24 * time.Hour, "1h30m": 90 * time.Minute, "0": 0} {
		var got Duration
		if err := got.UnmarshalText([]byte(text)); err != nil || got.Std() != want {
			t.Errorf("%q = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "5", "-1s", "1 week", "d"} {
		var got Duration
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was accepted as %v", text, got)
		}
	}
	for want, d := range map[string]time.Duration{"10m": 10 * time.Minute, "168h": 168 * time.Hour, "1m30s": 90 * time.Second, "0s": 0, "1h1m": 61 * time.Minute} {
		if got := Duration(d).String(); got != want {
			t.Errorf("String of %v = %q, want %q", d, got, want)
		}
	}
}

func TestItems(t *testing.T) {
	for text, want := range map[string]Item{
		"706d242": 117887554, "0x706D242": 117887554, "m706d242": 117887554, "d:117887554": 117887554, "D15A": 0xd15a,
		"https://steamcommunity.com/sharedfiles/filedetails/?id=117887554":            117887554,
		"https://steamcommunity.com/workshop/filedetails/?id=117887554&searchtext=ns": 117887554,
		"0xffffffffffffffff": math.MaxUint64,
	} {
		if got, err := ParseItem(text); err != nil || got != want {
			t.Errorf("%q = %d, %v; want %d", text, uint64(got), err, uint64(want))
		}
	}
	for _, text := range []string{"", "117887554", "0", "0x", "m", "d:", "d:0x1", "zz", "0x10000000000000000", "d:-1", "+f"} {
		if got, err := ParseItem(text); err == nil {
			t.Errorf("%q was accepted as %d", text, uint64(got))
		}
	}
}

func FuzzSize(f *testing.F) {
	for _, s := range []string{"2GiB", "0", "1.5kB", "9999TB", "-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var a, b Size
		if a.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := b.UnmarshalText([]byte(a.String())); err != nil || a != b {
			t.Errorf("%q reads as %d, writes as %q and reads back as %d, %v", text, a, a.String(), b, err)
		}
	})
}

func FuzzLocate(f *testing.F) {
	f.Add("[a]\nb = \"\"\"\nx\n\"\"\"\nc = [\n1,\n]\n[[d]]\ne=1\n")
	f.Fuzz(func(t *testing.T, text string) {
		limit := strings.Count(text, "\n") + 1
		for key, line := range locate(text) {
			if line < 1 || line > limit {
				t.Errorf("%q is placed on line %d of %d", key, line, limit)
			}
		}
	})
}

func FuzzItem(f *testing.F) {
	for _, s := range []string{"m1", "0x1", "d:1", "706d242", "https://x/?id=3&y=4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		item, err := ParseItem(text)
		if err != nil {
			return
		}
		if again, err := ParseItem(item.String()); err != nil || again != item {
			t.Errorf("%q reads as %v and back as %v, %v", text, item, again, err)
		}
	})
}
