package fastdl

import (
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl/gametree"
)

// madeKey names what is made of one file.
type madeKey struct {
	Tree, Path string
	Form       form
}

// Outcomes of making something.
const (
	madeReady   = "ready"
	madeSkipped = "skipped" // not worth it
	madeFailed  = "failed"  // the file is broken
)

// made is what became of a file when it was compressed or decompressed. It
// holds for the size and time that the file had then.
type made struct {
	madeKey
	Size    int64
	ModTime int64  // Unix nanoseconds
	SHA256  []byte // of the file it was made of
	State   string
	Reason  string // of what was skipped or failed

	Blob        string // key; empty unless ready
	BlobSize    int64
	BlobTime    int64 // Unix nanoseconds
	BlobSHA256  []byte
	MadeAt      time.Time
	RequestedAt time.Time
}

// of reports whether m was made of f as it is now.
func (m made) of(f gametree.File) bool { return m.Size == f.Size && m.ModTime == f.ModTime.UnixNano() }

// askedEvery is how exactly the time of the last request is written down.
const askedEvery = time.Hour

// madeTable is the copy of workshop_fastdl_made in memory.
type madeTable struct {
	mu    sync.RWMutex
	rows  map[madeKey]made
	asked map[madeKey]time.Time // to be written down
	bytes map[string]int64      // of blobs by tree; shared ones count each time
}

func newMadeTable() *madeTable {
	return &madeTable{rows: map[madeKey]made{}, asked: map[madeKey]time.Time{}, bytes: map[string]int64{}}
}

func (m *madeTable) fill(rows []made) {
	for _, r := range rows {
		m.put(r)
	}
}

func (m *madeTable) put(r made) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes[r.Tree] += r.BlobSize - m.rows[r.madeKey].BlobSize
	m.rows[r.madeKey] = r
}

func (m *madeTable) drop(k madeKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes[k.Tree] -= m.rows[k].BlobSize
	delete(m.rows, k)
	delete(m.asked, k)
}

func (m *madeTable) get(k madeKey) (made, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, ok := m.rows[k]
	return r, ok
}

// touch notes that a client got the file.
func (m *madeTable) touch(k madeKey, at time.Time) {
	m.mu.RLock()
	r, ok := m.rows[k]
	m.mu.RUnlock()
	if !ok || at.Sub(r.RequestedAt) < askedEvery {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.rows[k]; ok {
		r.RequestedAt = at
		m.rows[k], m.asked[k] = r, at
	}
}

// takeAsked returns the times to be written down.
func (m *madeTable) takeAsked() map[madeKey]time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.asked) == 0 {
		return nil
	}
	taken := m.asked
	m.asked = map[madeKey]time.Time{}
	return taken
}

// all returns the rows of a tree, or of all trees if name is empty.
func (m *madeTable) all(name string) []made {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var list []made
	for k, r := range m.rows {
		if name == "" || k.Tree == name {
			list = append(list, r)
		}
	}
	return list
}

// users counts the rows that need a blob.
func (m *madeTable) users(key string) int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n := 0
	for _, r := range m.rows {
		if r.Blob == key {
			n++
		}
	}
	return n
}

// kept returns how many files of a tree are kept and their bytes.
func (m *madeTable) kept(name string) (files int, bytes int64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for k, r := range m.rows {
		if k.Tree == name && r.State == madeReady {
			files++
		}
	}
	return files, m.bytes[name]
}
