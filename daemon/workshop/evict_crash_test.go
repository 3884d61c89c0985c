package workshop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
)

// photographer copies the database before and after each change of the file
// system, so that each state of the disk has the state of the database beside
// it.
type photographer struct {
	*durabletest.Recorder
	t  *testing.T
	db *db.DB

	mu     sync.Mutex
	dir    string
	copies map[int][]string // by the number of changes
	shots  int
}

func (p *photographer) shoot() {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.Changes()
	path := filepath.Join(p.dir, fmt.Sprintf("%d.db", p.shots))
	p.shots++
	if err := p.db.Backup(context.Background(), path); err != nil {
		p.t.Error(err)
	}
	p.copies[n] = append(p.copies[n], path)
}

func (p *photographer) Confine(dir string) (durable.FS, error) {
	below, err := p.Recorder.Confine(dir)
	if err != nil {
		return nil, err
	}
	return &confined{below, p}, nil
}

// confined is the file system that the store works on.
type confined struct {
	durable.FS
	p *photographer
}

func (c *confined) Remove(name string) error {
	c.p.shoot()
	err := c.FS.Remove(name)
	c.p.shoot()
	return err
}

func (c *confined) SyncDir(dir string) error {
	err := c.FS.SyncDir(dir)
	c.p.shoot()
	return err
}

// A power cut at any step of an eviction: after the next start database and
// disk say the same, what must stay is there with its bytes, and less is not
// stored than without the cut.
func TestR2_Eviction(t *testing.T) {
	t.Parallel()
	r := stocked(t)
	blobsDir := filepath.Join(r.dir, "blobs")
	recorder, err := durabletest.NewRecorder(durable.Disk, blobsDir)
	if err != nil {
		t.Fatal(err)
	}
	p := &photographer{Recorder: recorder, t: t, db: r.options.DB, dir: t.TempDir(), copies: map[int][]string{}}
	blobs, err := blob.OpenDisk(p, blobsDir)
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close() //nolint:errcheck // the test is over
	r.Service.blobs = blobs
	p.shoot()
	r.limit(1100)
	if _, err := r.GC(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	p.shoot()
	end := r.promises.used()
	states := 0
	for s := range recorder.CrashStates(1, 0) {
		// Every state of the database from when the disk was in this state.
		n := s.At
		for n > 0 && p.copies[n] == nil {
			n--
		}
		for _, path := range p.copies[n] {
			states++
			restart(t, recorder, s, path, end)
		}
		if t.Failed() {
			t.Fatal(s)
		}
	}
	t.Logf("%d states, %d copies of the database", states, p.shots)
	if states < 20 {
		t.Errorf("only %d states were tried", states)
	}
}

// restart starts on a disk and a copy of the database and looks at what is
// there after the first round of tidying.
func restart(t *testing.T, recorder *durabletest.Recorder, s durabletest.State, database string, end int64) {
	t.Helper()
	dir := t.TempDir()
	if err := recorder.Rewrite(filepath.Join(dir, "blobs"), s); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "quartermaster.db"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), db.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // the test is over
	again := newRigOn(t, d, dir, func(c *config.Workshop) { c.Retention.KeepIrreplaceable = false; c.Retention.MaxBytes = 1100 })
	defer again.blobs.Close() //nolint:errcheck // the test is over
	if err := again.resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	again.settleStore(t.Context())
	if err := again.promises.weighAside(t.Context()); err != nil {
		t.Fatal(err)
	}
	again.agrees()
	if used := again.promises.used(); used < end {
		t.Errorf("only %d bytes are left, want at least %d", used, end)
	}
	again.tidyUp(t.Context())
	again.agrees()
	if used := again.promises.used(); used != end {
		t.Errorf("in the end %d bytes are left, want %d", used, end)
	}
	for _, n := range []Name{{8, 10}, {9, 10}, {0xa, 10}} {
		st := again.index.get(n)
		if st == nil {
			t.Errorf("%s is gone", n)
			continue
		}
		if _, err := again.checkStored(t.Context(), st); err != nil {
			t.Errorf("%s: %v", n, err)
		}
	}
}
