package fastdl

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl/gametree"
)

// tree is one address and the folders behind it.
type tree struct {
	config   config.FastDL
	rules    *gametree.Rules
	referers map[string]struct{}
	misses   *missTable

	ready    chan struct{} // closed after the first scan
	once     sync.Once
	mu       sync.Mutex
	scan     *gametree.Scan // guarded by mu, replaced as a whole
	at       time.Time      // of scan, guarded by mu
	seenLock sync.Mutex
	seen     map[string]seen // guarded by seenLock

	requests, missed, sent atomic.Int64
}

func newTree(c config.FastDL) (*tree, error) {
	rules, err := gametree.NewRules(c)
	if err != nil {
		return nil, err
	}
	t := &tree{
		config: c, rules: rules, misses: newMissTable(), ready: make(chan struct{}),
		referers: map[string]struct{}{}, seen: map[string]seen{},
	}
	for _, r := range c.Referers {
		t.referers[strings.ToLower(strings.TrimPrefix(r, "hl2://"))] = struct{}{}
	}
	return t, nil
}

// install puts a scan in force and returns the problems that the one before
// did not have.
func (t *tree) install(scan *gametree.Scan, at time.Time) (fresh []gametree.Problem) {
	t.mu.Lock()
	old := t.scan
	t.scan, t.at = scan, at
	t.mu.Unlock()
	t.once.Do(func() { close(t.ready) })
	known := map[string]bool{}
	if old != nil {
		for _, p := range old.Problems {
			known[p.Text] = true
		}
	}
	for _, p := range scan.Problems {
		if !known[p.Text] {
			fresh = append(fresh, p)
		}
	}
	return fresh
}

// state returns the scan in force, nil before the first, and its time.
func (t *tree) state() (*gametree.Scan, time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.scan, t.at
}

// admits reports whether a client that came from this page may download. A
// game client sends "hl2://<address of its server>", or nothing.
func (t *tree) admits(referer string) bool {
	if len(t.referers) == 0 {
		return true
	}
	if referer == "" {
		return t.config.BlankReferer
	}
	_, ok := t.referers[serverOf(referer)]
	return ok
}

// serverOf is the game server that a Referer names, "" if it names none.
func serverOf(referer string) string {
	server, ok := strings.CutPrefix(strings.ToLower(referer), "hl2://")
	server = strings.TrimRight(server, "/")
	if !ok || len(server) > maxServer || strings.Trim(server, "0123456789abcdefghijklmnopqrstuvwxyz.:[]-") != "" {
		return ""
	}
	return server
}

const maxServer = 64

// origin says what a request is answered from.
type origin struct {
	file gametree.File
	form form
}

// form is what is done to a file before it is sent.
type form string

const (
	asIs     form = ""
	packed   form = "bz2"   // compressed
	expanded form = "plain" // decompressed
)

// origin finds what the path p can be answered from.
func (t *tree) origin(x *gametree.Index, p string) (origin, bool) {
	f, ok := x.Lookup(p)
	plain, isPacked := gametree.CutSuffix(p)
	if isPacked {
		raw, beside := x.Lookup(plain)
		switch {
		case ok && !(beside && gametree.Stale(raw, f)):
			return origin{f, asIs}, true
		case beside && raw.Size > 0:
			return origin{raw, packed}, true
		}
		return origin{f, asIs}, ok
	}
	if z, beside := x.Lookup(p + gametree.Suffix); beside && (!ok || f.Size == 0) {
		return origin{z, expanded}, true
	}
	return origin{f, asIs}, ok
}
