package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes. In text it is a whole or decimal number with an
// optional unit: B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB
// (powers of 1024), for example "2GiB". "0" means no limit where a key says so.
type Size int64

// Rate is a number of bytes per second, written like a Size followed by
// "/s", for example "12MB/s". "0" means unlimited.
type Rate int64

// Duration is a time.Duration written as Go writes it ("10m", "168h") or
// with a number of days ("90d").
type Duration time.Duration

var sizeUnits = []struct {
	name   string
	factor float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

func parseSize(text string) (int64, error) {
	number, factor := strings.TrimSpace(text), 1.0
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = strings.TrimSpace(rest), u.factor
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(n) || n < 0 || n*factor > math.MaxInt64/2 {
		return 0, fmt.Errorf("%q is not a size; write for example \"500MB\" or \"2GiB\"", text)
	}
	return int64(n * factor), nil
}

var (
	binaryUnits  = []unit{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}
	decimalUnits = []unit{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}}
)

type unit struct {
	name   string
	factor int64
}

// formatBytes writes n in the first unit that it is a whole number of.
func formatBytes(n int64, families ...[]unit) string {
	for _, units := range families {
		for _, u := range units {
			if n >= u.factor && n%u.factor == 0 {
				return strconv.FormatInt(n/u.factor, 10) + u.name
			}
		}
	}
	return strconv.FormatInt(n, 10)
}

func formatSize(n int64) string { return formatBytes(n, binaryUnits, decimalUnits) }

// UnmarshalText reads the forms described at Size.
func (s *Size) UnmarshalText(text []byte) error {
	n, err := parseSize(string(text))
	if err == nil {
		*s = Size(n)
	}
	return err
}

// MarshalText writes the shortest exact form.
func (s Size) MarshalText() ([]byte, error) { return []byte(formatSize(int64(s))), nil }

// String returns the text form.
func (s Size) String() string { return formatSize(int64(s)) }

// Rounded returns the size for people, with one decimal: "1.5 MB".
func (s Size) Rounded() string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	f, i := float64(s), 0
	for f >= 1000 && i < len(units)-1 {
		f, i = f/1000, i+1
	}
	if i == 0 {
		return strconv.FormatInt(int64(s), 10) + " B"
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// UnmarshalText reads the forms described at Rate.
func (r *Rate) UnmarshalText(text []byte) error {
	t := strings.TrimSpace(string(text))
	number, ok := strings.CutSuffix(t, "/s")
	if !ok && t != "0" {
		return fmt.Errorf("%q is not a rate; write for example \"12MB/s\", or \"0\" for no limit", t)
	}
	n, err := parseSize(number)
	if err != nil {
		return fmt.Errorf("%q is not a rate; write for example \"12MB/s\", or \"0\" for no limit", t)
	}
	*r = Rate(n)
	return nil
}

// MarshalText writes the shortest exact form.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String returns the text form.
func (r Rate) String() string {
	if r == 0 {
		return "0"
	}
	return formatBytes(int64(r), decimalUnits, binaryUnits) + "/s"
}

// UnmarshalText reads the forms described at Duration.
func (d *Duration) UnmarshalText(text []byte) error {
	t := strings.TrimSpace(string(text))
	if days, ok := strings.CutSuffix(t, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n >= 0 && n < 100000 {
			*d = Duration(n * 24 * float64(time.Hour))
			return nil
		}
	}
	v, err := time.ParseDuration(t)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration; write for example \"30s\", \"10m\" or \"90d\"", t)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes the form Go uses, without zero tails: "10m", not "10m0s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String returns the text form.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }
