package config

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
)

// FastDL is one tree of game files that game clients download over HTTP: an
// element of [[workshop.fastdl]].
type FastDL struct {
	// Name is the part of the address: /fastdl/<name>/…
	Name string `toml:"name"`
	// Roots are game folders, the preferred first, only ever read. The last
	// parts may hold wildcards ("custom/*"), which stand for folders.
	Roots []string `toml:"roots"`
	// Profile says which files are served: source, gmod or goldsrc.
	Profile string `toml:"profile"`
	// Include admits more files than the profile does. Exclude takes files
	// away and goes over both. Neither touches what is never served.
	Include []Pattern `toml:"include"`
	Exclude []Pattern `toml:"exclude"`
	// IncludeStock names files that come with the game and are served all
	// the same.
	IncludeStock []Pattern `toml:"include_stock"`
	// Level is the block size of bzip2, from 1 to 9 times 100 kB.
	Level int `toml:"level"`
	// MaxBytes bounds what is kept of compressed and decompressed files; 0:
	// no bound.
	MaxBytes Size `toml:"max_bytes"`
	// LargeFile is the size above which lint speaks of a file.
	LargeFile Size `toml:"large_file"`
	// Referers are game servers (host:port) whose players may download;
	// empty: everybody may.
	Referers []string `toml:"referers"`
	// BlankReferer admits clients that do not say which server they play on.
	BlankReferer bool `toml:"blank_referer"`
}

// The profiles of a FastDL tree.
const (
	ProfileSource  = "source"
	ProfileGMod    = "gmod"
	ProfileGoldSrc = "goldsrc"
)

// setDefaults is called before an element of the list is read.
func (f *FastDL) setDefaults() {
	*f = FastDL{
		Roots: []string{}, Profile: ProfileSource, Include: []Pattern{}, Exclude: []Pattern{}, IncludeStock: []Pattern{},
		Level: 9, MaxBytes: 20 << 30, LargeFile: 1 << 30, Referers: []string{}, BlankReferer: true,
	}
}

// fastDLName is also part of blob keys.
var fastDLName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

func (w Workshop) validateFastDL(k *check) {
	seen := map[string]bool{}
	for i, f := range w.FastDL {
		key := fmt.Sprintf("workshop.fastdl[%d]", i)
		k.that(fastDLName.MatchString(f.Name) && !IsDevice(f.Name), key+".name",
			"%q is not a name for an address; use up to 32 of a-z, 0-9, \"-\" and \"_\", for example \"tf2\"", f.Name)
		k.that(!seen[f.Name], key+".name", "%q stands in the list twice", f.Name)
		seen[f.Name] = true
		f.validate(k, key)
	}
	if len(w.FastDL) > 0 {
		k.that(w.Mount != "/fastdl" && !strings.HasPrefix(w.Mount, "/fastdl/"), "workshop.mount", "/fastdl is taken by workshop.fastdl")
	}
}

func (f FastDL) validate(k *check, key string) {
	k.that(len(f.Roots) > 0, key+".roots", "at least one game folder is needed")
	for i, root := range f.Roots {
		k.that(strings.TrimSpace(root) != "", fmt.Sprintf("%s.roots[%d]", key, i), "is empty; write the path of a game folder")
	}
	k.oneOf(key+".profile", f.Profile, ProfileSource, ProfileGMod, ProfileGoldSrc)
	k.that(f.Level >= 1 && f.Level <= 9, key+".level", "must be from 1 to 9, not %d", f.Level)
	k.that(f.LargeFile > 0, key+".large_file", "must be more than 0")
	for i, r := range f.Referers {
		host, port, err := net.SplitHostPort(strings.TrimPrefix(r, "hl2://"))
		k.that(err == nil && host != "" && port != "", fmt.Sprintf("%s.referers[%d]", key, i),
			"%q is not the address of a game server; write for example \"203.0.113.5:27015\"", r)
	}
}

// IsDevice reports whether Windows takes a file name for a device, whatever
// its extension (Microsoft, "Naming Files, Paths, and Namespaces").
func IsDevice(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	if slices.Contains([]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}, stem) {
		return true
	}
	digit, found := strings.CutPrefix(stem, "COM")
	if !found {
		digit, found = strings.CutPrefix(stem, "LPT")
	}
	return found && slices.Contains([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³"}, digit)
}
