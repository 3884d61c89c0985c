package durabletest

import (
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// State is one disk that a power cut may leave.
type State struct {
	At   int    // the number of changes that had been made
	Loss string // "most": nothing that was not durable; "none": everything; "some": a random part
	Seed uint64 // of the random part
}

// String tells how to make the state again.
func (s State) String() string {
	return fmt.Sprintf("power cut after %d changes, loss: %s, seed %d", s.At, s.Loss, s.Seed)
}

// CrashStates yields the states of a power cut at every boundary of a sync,
// before and after it, and at the end: with the most and the least loss, and
// several random ones that derive from seed.
func (r *Recorder) CrashStates(seed uint64, random int) iter.Seq[State] {
	r.tape.mu.Lock()
	log := slices.Clone(r.tape.log)
	r.tape.mu.Unlock()
	return func(yield func(State) bool) {
		for at := 0; at <= len(log); at++ {
			boundary := at == len(log) || log[at].kind.isSync() || at > 0 && log[at-1].kind.isSync()
			if !boundary {
				continue
			}
			states := []State{{at, "most", 0}, {at, "none", 0}}
			for i := range random {
				states = append(states, State{at, "some", seed + uint64(at*random+i)})
			}
			for _, s := range states {
				if !yield(s) {
					return
				}
			}
		}
	}
}

func (k kind) isSync() bool { return k == synced || k == dirSynced }

// Rewrite empties dir and makes it the state s of the recorder's root.
func (r *Recorder) Rewrite(dir string, s State) error {
	r.tape.mu.Lock()
	log := slices.Clone(r.tape.log[:s.At])
	r.tape.mu.Unlock()
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	c := crash{log: log, keep: keeper(s)}
	tree := c.names(r.tape.base)
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		path, inode := filepath.Join(dir, filepath.FromSlash(name)), tree[name]
		if inode == dirInode {
			if err := os.MkdirAll(path, 0o750); err != nil {
				return err
			}
			continue
		}
		content := c.bytes(inode, slices.Clone(r.tape.content[inode]))
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// crash works out one state.
type crash struct {
	log  []change
	keep func(n int) int // how many of n things survive, 0…n
}

func keeper(s State) func(int) int {
	switch s.Loss {
	case "most":
		return func(int) int { return 0 }
	case "none":
		return func(n int) int { return n }
	}
	random := rand.New(rand.NewPCG(s.Seed, 0))
	return func(n int) int {
		switch random.IntN(3) {
		case 0:
			return 0
		case 1:
			return n
		}
		return random.IntN(n + 1)
	}
}

// names returns the tree of names: what is durable, and of each directory
// its first changes since.
func (c *crash) names(base map[string]int) map[string]int {
	lastSync := map[string]int{}
	pending := map[string]int{}
	for i, ch := range c.log {
		if ch.kind == dirSynced {
			lastSync[ch.path] = i + 1
		}
	}
	durable := func(i int, d string) bool { return i < lastSync[d] }
	for i, ch := range c.log {
		for _, d := range ch.dirs() {
			if !durable(i, d) {
				pending[d]++
			}
		}
	}
	left := map[string]int{}
	for _, d := range slices.Sorted(maps.Keys(pending)) {
		left[d] = c.keep(pending[d])
	}
	tree := map[string]int{}
	for name, inode := range base {
		tree[name] = inode
	}
	for i, ch := range c.log {
		survives := len(ch.dirs()) > 0
		for _, d := range ch.dirs() {
			if durable(i, d) {
				continue
			}
			if left[d] == 0 {
				survives = false
			} else {
				left[d]--
			}
		}
		if survives {
			ch.apply(tree)
		}
	}
	return tree
}

// dirs returns the directories whose names a change touches.
func (c change) dirs() []string {
	switch c.kind {
	case linked, unlinked:
		return []string{dir(c.path)}
	case renamed:
		if dir(c.path) == dir(c.to) {
			return []string{dir(c.to)}
		}
		return []string{dir(c.path), dir(c.to)}
	}
	return nil
}

// bytes returns what a file holds: all up to its last sync, and of each
// later write a part.
func (c *crash) bytes(inode int, content []byte) []byte {
	lastSync := 0
	for i, ch := range c.log {
		if ch.kind == synced && ch.inode == inode {
			lastSync = i + 1
		}
	}
	for i, ch := range c.log {
		if ch.inode != inode || ch.kind != wrote && ch.kind != truncated {
			continue
		}
		if ch.kind == truncated {
			if i < lastSync || c.keep(1) == 1 {
				content = resize(content, int(ch.off))
			}
			continue
		}
		n := len(ch.data)
		if i >= lastSync {
			n = c.keep(n)
		}
		if n == 0 {
			continue
		}
		if end := int(ch.off) + n; end > len(content) {
			content = resize(content, end)
		}
		copy(content[ch.off:], ch.data[:n])
	}
	return content
}

func resize(b []byte, n int) []byte {
	if n <= len(b) {
		return b[:n]
	}
	return append(b, make([]byte, n-len(b))...)
}
