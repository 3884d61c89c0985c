package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // Windows, and small containers, have no time zones of their own
)

// LimitSchedule is a part of the day with other byte rates: an element of
// [[limits.schedule]]. Of several that hold at the same time the first counts.
type LimitSchedule struct {
	// When is the part of the day, by the clock of limits.time_zone.
	When Window `toml:"when"`
	// Days are the days on which the window begins; empty: every day.
	Days []Day `toml:"days"`
	// The rates that hold meanwhile; AsUsual: the one of [limits].
	DownloadRate          ScheduledRate `toml:"download_rate"`
	DownloadRatePerClient ScheduledRate `toml:"download_rate_per_client"`
	UploadRate            ScheduledRate `toml:"upload_rate"`
}

// setDefaults is called before an element of the list is read.
func (s *LimitSchedule) setDefaults() {
	*s = LimitSchedule{Days: []Day{}, DownloadRate: AsUsual, DownloadRatePerClient: AsUsual, UploadRate: AsUsual}
}

// Covers reports whether the schedule holds at a time, which must be in the
// zone that the schedule is meant for.
func (s LimitSchedule) Covers(t time.Time) bool {
	minute, day := t.Hour()*60+t.Minute(), t.Weekday()
	inside := s.When.From <= minute && minute < s.When.To
	if s.When.From > s.When.To { // past midnight
		inside = minute >= s.When.From || minute < s.When.To
		if minute < s.When.To {
			day = (day + 6) % 7 // it began the day before
		}
	}
	return inside && (len(s.Days) == 0 || slices.Contains(s.Days, Day(day)))
}

// Window is a part of the day, written "18:00-23:00". One that ends before it
// begins goes past midnight. Both are minutes since midnight; To is not part
// of the window and may be 1440, written "24:00".
type Window struct{ From, To int }

// UnmarshalText reads the form described at Window.
func (w *Window) UnmarshalText(text []byte) error {
	from, to, ok := strings.Cut(string(text), "-")
	if ok {
		var okFrom, okTo bool
		w.From, okFrom = parseMinute(strings.TrimSpace(from))
		w.To, okTo = parseMinute(strings.TrimSpace(to))
		ok = okFrom && okTo && w.From != w.To && w.From < 24*60
	}
	if !ok {
		*w = Window{}
		return fmt.Errorf("%q is not a part of the day; write for example \"18:00-23:00\"", text)
	}
	return nil
}

// parseMinute reads "h:mm" up to "24:00".
func parseMinute(text string) (int, bool) {
	if text == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", text)
	return t.Hour()*60 + t.Minute(), err == nil
}

// MarshalText writes the form described at Window.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// String returns the text form, "" for the zero Window.
func (w Window) String() string {
	if w == (Window{}) {
		return ""
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", w.From/60, w.From%60, w.To/60, w.To%60)
}

// Day is a day of the week, written "mon" or "Monday".
type Day time.Weekday

// UnmarshalText reads an English name or its first three letters.
func (d *Day) UnmarshalText(text []byte) error {
	t := strings.ToLower(strings.TrimSpace(string(text)))
	for day := time.Sunday; day <= time.Saturday; day++ {
		if name := strings.ToLower(day.String()); t == name || t == name[:3] {
			*d = Day(day)
			return nil
		}
	}
	return fmt.Errorf("%q is not a day; write mon, tue, wed, thu, fri, sat or sun", text)
}

// MarshalText writes the first three letters.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String returns the first three letters.
func (d Day) String() string { return strings.ToLower(time.Weekday(d).String()[:3]) }

// ScheduledRate is a Rate in a schedule. AsUsual is written "".
type ScheduledRate int64

// AsUsual means the rate outside of the schedule.
const AsUsual ScheduledRate = -1

// Or returns the rate, or usual if none is given.
func (s ScheduledRate) Or(usual Rate) Rate {
	if s == AsUsual {
		return usual
	}
	return Rate(s)
}

// UnmarshalText reads a Rate or "".
func (s *ScheduledRate) UnmarshalText(text []byte) error {
	if strings.TrimSpace(string(text)) == "" {
		*s = AsUsual
		return nil
	}
	var r Rate
	err := r.UnmarshalText(text)
	*s = ScheduledRate(r)
	return err
}

// MarshalText writes the form that UnmarshalText reads.
func (s ScheduledRate) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String returns the text form.
func (s ScheduledRate) String() string {
	if s == AsUsual {
		return ""
	}
	return Rate(s).String()
}

// Location returns the zone of the schedule: time_zone, or the machine's.
func (l Limits) Location() (*time.Location, error) {
	if l.TimeZone == "" {
		return time.Local, nil
	}
	return time.LoadLocation(l.TimeZone)
}

// smallestRate is the lowest rate that is not a slip of the pen.
const smallestRate = 1000

func (l Limits) validateRates(k *check) {
	rate := func(key string, r int64) {
		k.that(r <= 0 || r >= smallestRate, key, "%s is too little to be useful; write at least \"1kB/s\", or \"0\" for no limit", Rate(r))
	}
	rate("limits.download_rate", int64(l.DownloadRate))
	rate("limits.download_rate_per_client", int64(l.DownloadRatePerClient))
	rate("limits.upload_rate", int64(l.UploadRate))
	_, err := l.Location()
	k.that(err == nil, "limits.time_zone", "%q is not a time zone; write for example \"Europe/Berlin\", or nothing for this machine's", l.TimeZone)
	for i, s := range l.Schedule {
		key := fmt.Sprintf("limits.schedule[%d]", i)
		k.that(s.When != Window{}, key+".when", "is needed; write for example \"18:00-23:00\"")
		k.that(s.DownloadRate != AsUsual || s.DownloadRatePerClient != AsUsual || s.UploadRate != AsUsual, key,
			"changes nothing; give at least one of download_rate, download_rate_per_client and upload_rate")
		rate(key+".download_rate", int64(s.DownloadRate))
		rate(key+".download_rate_per_client", int64(s.DownloadRatePerClient))
		rate(key+".upload_rate", int64(s.UploadRate))
	}
}
