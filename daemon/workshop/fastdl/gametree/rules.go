package gametree

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// Verdict says whether a path is served, and if not, why.
type Verdict string

// The verdicts.
const (
	Served    Verdict = "served"
	Denied    Verdict = "denied"     // never, whatever is configured
	Excluded  Verdict = "excluded"   // by the operator
	NotListed Verdict = "not_listed" // no pattern names it
	Stock     Verdict = "stock"      // comes with the game
)

// Text explains the verdict to people.
func (v Verdict) Text() string {
	switch v {
	case Denied:
		return "never served: files of this kind hold passwords, plugins or programs"
	case Excluded:
		return "left out by exclude"
	case NotListed:
		return "of no kind that the profile serves; see include"
	case Stock:
		return "part of the game; see include_stock"
	}
	return "served"
}

// What is never served. Game folders hold server.cfg with the password of the
// remote console, plugins, logs and databases.
var (
	deniedFolders    = []string{"cfg", "addons", "logs", "lua", "data", "bin"}
	deniedExtensions = []string{
		"cfg", "ini", "vdf", "db", "smx", "sp", "dll", "so", "exe", "log", "sq3", "vpk",
		// The same things of other games, systems and tools.
		"amxx", "sma", "inc", "lua", "dylib", "sh", "bat", "cmd", "ps1", "sqlite", "sqlite3", "conf", "bak", "old",
	}
	// contentFolders hold nothing but content at any depth: a folder "data"
	// below materials belongs to a map maker.
	contentFolders = []string{"materials", "models", "sound", "particles", "sprites", "gfx", "overviews"}
)

// common is served of every game, goldSrc of GoldSrc games besides.
var (
	common = []config.Pattern{
		"maps/*.{bsp,nav,res,txt,ain}", "maps/graphs/*.ain", "materials/**.{vmt,vtf,png,jpg}",
		"models/**.{mdl,vvd,vtx,phy,ani}", "sound/**.{wav,mp3,ogg}", "particles/*.pcf", "resource/**.{ttf,png,res,txt}",
	}
	goldSrc = []config.Pattern{"*.wad", "sprites/**", "gfx/**.{tga,bmp}", "overviews/**"}
)

// Rules decide which files of a tree are served. They do not change and are
// safe for concurrent use.
type Rules struct {
	profile                        string
	include, exclude, includeStock []*regexp.Regexp
	heads                          [][]string // the fixed first names of each pattern in include
}

// NewRules returns the rules of a tree. The error is for patterns that config
// would have refused.
func NewRules(c config.FastDL) (*Rules, error) {
	patterns := slices.Concat(common, c.Include)
	if c.Profile == config.ProfileGoldSrc {
		patterns = slices.Concat(common, goldSrc, c.Include)
	}
	r := &Rules{profile: c.Profile}
	var err error
	if r.include, err = compile(patterns); err != nil {
		return nil, err
	}
	if r.exclude, err = compile(c.Exclude); err != nil {
		return nil, err
	}
	if r.includeStock, err = compile(c.IncludeStock); err != nil {
		return nil, err
	}
	for _, p := range patterns {
		r.heads = append(r.heads, head(p))
	}
	return r, nil
}

func compile(patterns []config.Pattern) ([]*regexp.Regexp, error) {
	list := make([]*regexp.Regexp, 0, len(patterns))
	for _, p := range patterns {
		re, err := p.Compile()
		if err != nil {
			return nil, fmt.Errorf("pattern %w", err)
		}
		list = append(list, re)
	}
	return list, nil
}

// head returns the names that a pattern begins with up to the first wildcard.
func head(p config.Pattern) []string {
	names := strings.Split(Fold(string(p)), "/")
	for i, name := range names {
		if strings.ContainsAny(name, "*?{") {
			return names[:i]
		}
	}
	return names
}

// Compresses reports whether clients of these games ask for compressed files.
func (r *Rules) Compresses() bool { return r.profile != config.ProfileGoldSrc }

// Judge decides about a path as ParsePath returns it. A compressed file is
// judged as what is in it; what is compressed twice is never served.
func (r *Rules) Judge(p string) Verdict {
	p, _ = CutSuffix(p)
	if _, twice := CutSuffix(p); twice {
		return NotListed
	}
	switch {
	case denied(p):
		return Denied
	case matchAny(r.exclude, p):
		return Excluded
	case !matchAny(r.include, p):
		return NotListed
	case isStock(r.profile, p) && !matchAny(r.includeStock, p):
		return Stock
	}
	return Served
}

// Enter reports whether a folder can hold anything that is served.
func (r *Rules) Enter(dir string) bool {
	if denied(dir+"/") || matchAny(r.exclude, dir) {
		return false
	}
	names := strings.Split(Fold(dir), "/")
	return slices.ContainsFunc(r.heads, func(head []string) bool {
		n := min(len(head), len(names))
		return slices.Equal(head[:n], names[:n])
	})
}

// denied reports whether p is never served: by its extension, or because a
// folder above it is one of programs and settings. A path that ends with a
// slash is a folder.
func denied(p string) bool {
	names := strings.Split(Fold(p), "/")
	file := names[len(names)-1]
	if slices.Contains(deniedExtensions, extension(file)) {
		return true
	}
	for _, name := range names[:len(names)-1] {
		if slices.Contains(deniedFolders, name) {
			return true
		}
		if slices.Contains(contentFolders, name) {
			return false
		}
	}
	return false
}

func matchAny(list []*regexp.Regexp, p string) bool {
	return slices.ContainsFunc(list, func(re *regexp.Regexp) bool { return re.MatchString(p) })
}
