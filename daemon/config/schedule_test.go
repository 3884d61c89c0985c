package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// uncommented returns config.example.toml with its tables that are commented
// out, because a table that is there is in use.
func uncommented(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "config.example.toml"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	inside := false
	for line := range strings.Lines(string(text)) {
		inside = inside || strings.HasPrefix(line, "#[[")
		if inside && !strings.HasPrefix(line, "# ") {
			line = strings.TrimPrefix(line, "#")
		}
		b.WriteString(line)
	}
	return b.String()
}

// documented fails for each key of a table that the example or the manual
// leaves out.
func documented(t *testing.T, example, table string, of reflect.Type) {
	t.Helper()
	lines := locate(example)
	manual, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range of.NumField() {
		key := of.Field(i).Tag.Get("toml")
		if lines[table+"[0]."+key] == 0 {
			t.Errorf("%s is missing in config.example.toml", key)
		}
		if !strings.Contains(string(manual), "| `"+key+"` |") {
			t.Errorf("%s is missing in docs/configuration.md", key)
		}
	}
}

func TestExampleSchedule(t *testing.T) {
	text := uncommented(t)
	loaded, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	var want LimitSchedule
	want.setDefaults()
	want.When, want.DownloadRate = Window{18 * 60, 23 * 60}, 4e6
	if diff := cmp.Diff([]LimitSchedule{want}, loaded.Config.Limits.Schedule); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	documented(t, text, "limits.schedule", reflect.TypeFor[LimitSchedule]())
}

func TestScheduleReadsBack(t *testing.T) {
	loaded, err := load(t, "[limits]\ndownload_rate = \"12MB/s\"\ntime_zone = \"Europe/Berlin\"\n"+
		"[[limits.schedule]]\nwhen = \"22:30 - 2:00\"\ndays = [\"Friday\", \"SAT\"]\nupload_rate = \"0\"\ndownload_rate_per_client = \"500kB/s\"\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []LimitSchedule{{
		When: Window{22*60 + 30, 120}, Days: []Day{Day(time.Friday), Day(time.Saturday)},
		DownloadRate: AsUsual, DownloadRatePerClient: 500_000, UploadRate: 0,
	}}
	if diff := cmp.Diff(want, loaded.Config.Limits.Schedule); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if loaded.Config.Limits.DownloadRate != 12e6 {
		t.Errorf("download_rate is %d", loaded.Config.Limits.DownloadRate)
	}
	text, err := loaded.Config.TOML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := load(t, string(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if diff := cmp.Diff(loaded.Config.Limits, again.Config.Limits); diff != "" {
		t.Errorf("written and read back (-want +got):\n%s", diff)
	}
}

func TestScheduleFaults(t *testing.T) {
	got := problems(t, `[limits]
download_rate = "12"
upload_rate = "5B/s"
time_zone = "Mars/Olympus"
[[limits.schedule]]
when = "18:00"
download_rate = "1MB/s"
[[limits.schedule]]
when = "9:00-25:00"
days = ["someday"]
[[limits.schedule]]
download_rate = "1MB/s"
[[limits.schedule]]
when = "12:00-12:00"
[[limits.schedule]]
when = "12:00-13:00"
`)
	want := []string{
		`2: limits.download_rate: "12" is not a rate; write for example "12MB/s", or "0" for no limit`,
		`3: limits.upload_rate: 5/s is too little to be useful; write at least "1kB/s", or "0" for no limit`,
		`4: limits.time_zone: "Mars/Olympus" is not a time zone; write for example "Europe/Berlin", or nothing for this machine's`,
		`6: limits.schedule[0].when: "18:00" is not a part of the day; write for example "18:00-23:00"`,
		`9: limits.schedule[1].when: "9:00-25:00" is not a part of the day; write for example "18:00-23:00"`,
		`10: limits.schedule[1].days[0]: "someday" is not a day; write mon, tue, wed, thu, fri, sat or sun`,
		`limits.schedule[2].when: is needed; write for example "18:00-23:00"`,
		`14: limits.schedule[3].when: "12:00-12:00" is not a part of the day; write for example "18:00-23:00"`,
		`limits.schedule[4]: changes nothing; give at least one of download_rate, download_rate_per_client and upload_rate`,
	}
	for _, w := range want {
		found := false
		for _, g := range got {
			found = found || strings.HasSuffix(g, w)
		}
		if !found {
			t.Errorf("nothing says %q", w)
		}
	}
	if n := strings.Count(strings.Join(got, "\n"), "is needed"); n != 1 {
		t.Errorf("%d entries are said to have no hours, want 1", n)
	}
	if t.Failed() {
		t.Logf("got:\n%s", strings.Join(got, "\n"))
	}
}

// TestScheduleCovers has the borders of windows, on Friday 20 November 2026.
func TestScheduleCovers(t *testing.T) {
	days := func(d ...time.Weekday) (out []Day) {
		for _, day := range d {
			out = append(out, Day(day))
		}
		return out
	}
	tests := []struct {
		name string
		when string
		days []Day
		at   string
		want bool
	}{
		{"before it begins", "18:00-23:00", nil, "20 17:59:59", false},
		{"as it begins", "18:00-23:00", nil, "20 18:00:00", true},
		{"in its last second", "18:00-23:00", nil, "20 22:59:59", true},
		{"as it ends", "18:00-23:00", nil, "20 23:00:00", false},
		{"past midnight: before", "22:00-02:00", nil, "20 21:59:59", false},
		{"past midnight: the evening", "22:00-02:00", nil, "20 23:30:00", true},
		{"past midnight: midnight", "22:00-02:00", nil, "21 00:00:00", true},
		{"past midnight: the last second", "22:00-02:00", nil, "21 01:59:59", true},
		{"past midnight: the end", "22:00-02:00", nil, "21 02:00:00", false},
		{"until midnight", "20:00-24:00", nil, "20 23:59:59", true},
		{"until midnight: midnight", "20:00-24:00", nil, "21 00:00:00", false},
		{"until midnight, written as 00:00", "20:00-00:00", nil, "20 23:59:59", true},
		{"until midnight, written as 00:00: midnight", "20:00-00:00", nil, "21 00:00:00", false},
		{"the whole day", "00:00-24:00", nil, "21 00:00:00", true},
		{"on its day", "18:00-23:00", days(time.Friday), "20 20:00:00", true},
		{"on another day", "18:00-23:00", days(time.Saturday, time.Sunday), "20 20:00:00", false},
		{"the night after its day", "22:00-02:00", days(time.Friday), "21 01:00:00", true},
		{"the night before its day", "22:00-02:00", days(time.Friday), "20 01:00:00", false},
		{"the night from Saturday to Sunday", "22:00-02:00", days(time.Saturday), "22 01:00:00", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := LimitSchedule{Days: tt.days}
			if err := s.When.UnmarshalText([]byte(tt.when)); err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse("2006-01 02 15:04:05", "2026-11 "+tt.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Covers(at); got != tt.want {
				t.Errorf("%s %v at %s (%s): %v", tt.when, tt.days, tt.at, at.Weekday(), got)
			}
		})
	}
}

func FuzzWindow(f *testing.F) {
	for _, s := range []string{"18:00-23:00", "22:00-02:00", "00:00-24:00", "-", "24:00-1:00", " 1:00 - 2:00 ", "18:00-18:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var w, again Window
		if w.UnmarshalText([]byte(s)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(w.String())); err != nil || again != w {
			t.Errorf("%q is %v, and read back %v, %v", s, w, again, err)
		}
	})
}
