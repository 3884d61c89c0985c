package gametree

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// Severity says how bad a finding is.
type Severity string

// The severities. Only errors and warnings make lint fail.
const (
	Error   Severity = "error"   // players cannot download something
	Warning Severity = "warning" // something goes wrong for some of them
	Info    Severity = "info"    // worth knowing
)

// Finding is one thing that Lint found. The codes are part of the API:
// those of Problem, and duplicate_case, shadowed, changed, no_bz2, stale_bz2,
// broken_bz2, zero_bytes, large, stock, res_missing, res_refused, res_case,
// res_unreadable.
type Finding struct {
	Code     string
	Severity Severity
	Path     string // in the tree; empty: the tree as a whole
	Text     string
	Hint     string
}

// Facts are what Lint cannot see on the disk.
type Facts struct {
	// Changed returns when a file was seen to change under its name.
	Changed func(p string) (time.Time, bool)
	// Packed reports whether the compressed form of f is kept or known not
	// to be worth it.
	Packed func(f File) bool
	// Broken returns why f, a compressed file, could not be expanded.
	Broken func(f File) string
	// Large is the size in bytes above which a file is spoken of.
	Large int64
}

// MinPacked is the size in bytes below which compressing is not worth a
// request.
const MinPacked = 10_000

// staleAfter is how much older than the plain file a compressed one may be:
// copying gives both new times, in any order.
const staleAfter = time.Minute

// Stale reports whether a compressed file is older than the plain one beside
// it, so that something else is likely to be in it.
func Stale(plain, packed File) bool { return plain.ModTime.Sub(packed.ModTime) > staleAfter }

// maxFindings bounds what Lint returns.
const maxFindings = 10_000

// Lint looks for what keeps players from downloading. The worst findings
// come first. more counts those left out.
func Lint(ctx context.Context, s *Scan, rules *Rules, facts Facts) (findings []Finding, more int, err error) {
	l := &linter{scan: s, rules: rules, facts: facts, more: s.More}
	for _, p := range s.Problems {
		severity := Warning
		if strings.HasPrefix(p.Code, "root_") && p.Code != "root_empty" || p.Code == "unreadable" {
			severity = Error
		}
		l.add(Finding{p.Code, severity, p.Path, p.Text, p.Hint})
	}
	if s.Stock > 0 {
		l.add(Finding{Code: "stock", Severity: Info, Text: fmt.Sprintf("files that come with the game and are not served: %d", s.Stock), Hint: "name those that are to be served in include_stock"})
	}
	for group := range s.Index.All() {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		l.names(group)
		f, ok := s.Index.Lookup(group[0].Path)
		if !ok {
			continue // went meanwhile
		}
		l.file(f)
		if strings.HasPrefix(Fold(f.Path), "maps/") && extension(f.Path) == "res" {
			l.res(f)
		}
	}
	rank := map[Severity]int{Error: 0, Warning: 1, Info: 2}
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank[a.Severity], rank[b.Severity]), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Path, b.Path))
	})
	return l.findings, l.more, nil
}

type linter struct {
	scan     *Scan
	rules    *Rules
	facts    Facts
	findings []Finding
	more     int
}

func (l *linter) add(f Finding) {
	if len(l.findings) >= maxFindings {
		l.more++
		return
	}
	l.findings = append(l.findings, f)
}

// names looks at files that one request may mean.
func (l *linter) names(group []File) {
	var spellings []string
	versions := 0
	for i, f := range group {
		if !slices.Contains(spellings, f.Path) {
			spellings = append(spellings, f.Path)
		}
		if i > 0 && f.Path == group[0].Path && f.Size != group[0].Size {
			versions++
		}
	}
	if len(spellings) > 1 {
		l.add(Finding{
			"duplicate_case", Warning, group[0].Path,
			fmt.Sprintf("%s differ only in case; whoever asks in another case gets %s", strings.Join(spellings, " and "), group[0].Name()),
			"keep the right one and remove or rename the others",
		})
	}
	if versions > 0 {
		l.add(Finding{
			"shadowed", Info, group[0].Path,
			fmt.Sprintf("%d game folders hold other versions of it; %s is served", versions, group[0].Name()),
			"the order of roots decides; the game server must read the same one",
		})
	}
}

// file looks at one file that is served.
func (l *linter) file(f File) {
	if f.Size == 0 {
		l.add(Finding{"zero_bytes", Error, f.Path, f.Name() + " is empty and not served", "copy it again"})
		return
	}
	file, _, err := f.Open()
	if err != nil {
		l.add(Finding{"unreadable", Error, f.Path, err.Error(), hintReadable})
		return
	}
	defer file.Close() //nolint:errcheck // only read
	if f.Size > l.facts.Large {
		l.add(Finding{"large", Warning, f.Path, fmt.Sprintf("%s has %.1f GB; players wait long for it", f.Path, float64(f.Size)/1e9), ""})
	}
	l.pair(f, file)
}

// pair looks at a file beside its other form.
func (l *linter) pair(f File, content io.Reader) {
	plain, packed := CutSuffix(f.Path)
	raw, beside := l.scan.Index.Lookup(plain)
	if at, changed := l.facts.Changed(f.Path); changed && !(packed && beside) {
		l.changed(f, at)
	}
	switch {
	case packed && beside && Stale(raw, f):
		l.add(Finding{
			"stale_bz2", Warning, f.Path, fmt.Sprintf("%s is older than %s; it is not served", f.Path, raw.Path),
			"remove it; a fresh one is made when it is asked for",
		})
	case packed && !beginsAsBzip2(content):
		l.add(Finding{"broken_bz2", Error, f.Path, f.Name() + " is no bzip2 file", "compress the file again"})
	case packed && l.facts.Broken(f) != "":
		l.add(Finding{"broken_bz2", Error, f.Path, f.Name() + " cannot be decompressed: " + l.facts.Broken(f), "compress the file again"})
	case !packed && isMap(f.Path) && l.rules.Compresses() && f.Size >= MinPacked && !l.facts.Packed(f):
		if _, ok := l.scan.Index.Lookup(f.Path + Suffix); !ok {
			l.add(Finding{
				"no_bz2", Info, f.Path, f.Path + " has no compressed form yet; it is made when a player first asks for it, who gets the plain file", "",
			})
		}
	}
}

// beginsAsBzip2 looks at the first bytes. Half of a file begins as well as a
// whole one.
func beginsAsBzip2(r io.Reader) bool {
	var head [4]byte
	_, err := io.ReadFull(r, head[:])
	return err == nil && string(head[:3]) == "BZh" && '1' <= head[3] && head[3] <= '9'
}

func (l *linter) changed(f File, at time.Time) {
	severity := Warning
	why := "players who have the old one are told that their map differs, and must remove it by hand"
	if l.rules.profile == config.ProfileGMod {
		severity, why = Error, "players who have the old one never download the new one"
	}
	l.add(Finding{
		"changed", severity, f.Path, fmt.Sprintf("%s changed under its name on %s; %s", f.Path, at.UTC().Format(time.DateOnly), why),
		"give the new version a name of its own, for example with _v2",
	})
}

func isMap(p string) bool { return strings.HasPrefix(Fold(p), "maps/") && extension(p) == "bsp" }

// res looks at the files that a map tells its players to download.
func (l *linter) res(f File) {
	file, _, err := f.Open()
	if err != nil {
		l.add(Finding{"res_unreadable", Warning, f.Path, err.Error(), hintReadable})
		return
	}
	defer file.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(file, maxResBytes))
	if err != nil {
		l.add(Finding{"res_unreadable", Warning, f.Path, err.Error(), hintReadable})
		return
	}
	for _, entry := range parseRes(string(text)) {
		l.entry(f, entry)
	}
}

func (l *linter) entry(res File, entry string) {
	p := path.Clean(strings.TrimLeft(entry, "/"))
	found, ok := l.scan.Index.Lookup(p)
	if !ok {
		_, ok = l.scan.Index.Lookup(p + Suffix)
		found.Path = p
	}
	verdict := l.rules.Judge(p)
	switch {
	case ok && found.Path != p:
		l.add(Finding{
			"res_case", Info, res.Path, fmt.Sprintf("%q lies on the disk as %q; players get it, but a game server on Linux does not find it", entry, found.Path),
			"spell both alike, best in lower case",
		})
	case ok || verdict == Stock:
	case verdict != Served:
		l.add(Finding{"res_refused", Warning, res.Path, fmt.Sprintf("%q is %s", entry, verdict.Text()), "remove the entry"})
	default:
		l.add(Finding{
			"res_missing", Warning, res.Path, fmt.Sprintf("%q is in none of the game folders", entry),
			"copy the file there or remove the entry; ignore this when it lies in an archive of the game",
		})
	}
}
