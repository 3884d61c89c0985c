package workshop

import (
	"context"
	"errors"

	"hash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// freeEvery is how often the free space is looked at while bytes arrive.
const freeEvery = 32 << 20

// sink takes the bytes of one version on their way into the blob store:
// through the checksum, within the bound of an item, and only while the disk
// keeps its reserve. It is for one goroutine; the counters may be read by
// others.
type sink struct {
	ctx      context.Context
	dst      blob.Writer
	sum      hash.Hash
	max      int64
	room     room
	progress func(bytes, total int64)

	bytes, total int64
	checked      int64 // bytes at the last look at the free space
	promised     int64 // how many bytes it has room for
}

// room gives downloads space in the store before they use it.
type room interface {
	// Reserve makes the promise to a download larger by more bytes, or returns
	// fault.NoSpace. With 0 it only says whether there is any space.
	Reserve(ctx context.Context, more int64) error
	// Use notes that n promised bytes are on the disk now.
	Use(n int64)
	// Release ends the promise of so many bytes, of which unused are not on the
	// disk.
	Release(promised, unused int64)
}

var _ Sink = (*sink)(nil)

// Expect announces the total number of bytes.
func (k *sink) Expect(total int64) error {
	if total > k.max {
		return tooLarge(k.max)
	}
	if total < 0 {
		total = 0
	}
	k.total = total
	if err := k.promise(total); err != nil {
		return err
	}
	k.progress(k.bytes, k.total)
	return nil
}

// promise makes room for so many bytes in all.
func (k *sink) promise(total int64) error {
	if total < k.promised { // less comes than was thought
		total = max(total, k.bytes)
		k.room.Release(k.promised-total, k.promised-total)
	} else if err := k.room.Reserve(k.ctx, total-k.promised); err != nil {
		return err
	}
	k.promised = total
	return nil
}

// Progress tells how far the work before the first byte is.
func (k *sink) Progress(done, total int64) { k.progress(done, total) }

// Write takes the next bytes.
func (k *sink) Write(p []byte) (int, error) {
	if k.bytes+int64(len(p)) > k.max {
		return 0, tooLarge(k.max)
	}
	if after := k.bytes + int64(len(p)); after > k.promised {
		// How much comes is not known: in growing steps, since each asks the disk.
		if err := k.promise(after + min(after/4, freeEvery)); err != nil {
			return 0, err
		}
		k.checked = k.bytes
	}
	if k.bytes-k.checked >= freeEvery {
		k.checked = k.bytes
		if err := k.room.Reserve(k.ctx, 0); err != nil {
			return 0, err
		}
	}
	n, err := k.dst.Write(p)
	k.sum.Write(p[:n])
	k.bytes += int64(n)
	k.room.Use(int64(n))
	k.progress(k.bytes, k.total)
	return n, err
}

// release ends the promise.
func (k *sink) release() {
	k.room.Release(k.promised, k.promised-k.bytes)
	k.promised = 0
}

func tooLarge(max int64) error {
	return fault.New(fault.TooLarge, "The item is larger than %s", config.Size(max)).
		WithHint("raise workshop.max_item_bytes")
}

// noteWritable keeps the problem of a store that takes no new files. err is
// how the attempt to make one ended.
func (s *Service) noteWritable(err error) {
	switch {
	case err == nil:
		s.problems.clear(problemUnwrit)
	case !fault.Is(err, fault.NoSpace) && !errors.Is(err, context.Canceled):
		s.problems.set(s.log, Problem{Code: problemUnwrit, Text: fault.Public(err), Hint: fault.Hint(err)})
	}
}

// active is a job that this process works on.
type active struct {
	mu     sync.Mutex
	job    Job
	began  time.Time
	told   time.Time // last event
	cancel context.CancelCauseFunc
	report func(Job) // may be nil
	free   func()    // gives back the place among the downloads; may be nil
	held   []func()  // release blobs that the job is about to name in a row
}

// hold keeps a blob from being deleted until the end of the job is written.
func (a *active) hold(s *Service, key string) { a.held = append(a.held, s.holds.take(key)) }

func (a *active) letGo() {
	for _, release := range a.held {
		release()
	}
}

// progress is every active job of this process. The zero value is ready.
type progress struct {
	attached atomic.Bool // Run is running
	mu       sync.Mutex
	jobs     map[int64]*active
}

func (p *progress) add(a *active) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.jobs == nil {
		p.jobs = map[int64]*active{}
	}
	p.jobs[a.job.ID] = a
}

func (p *progress) remove(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.jobs, id)
}

func (p *progress) all() []*active {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]*active, 0, len(p.jobs))
	for _, a := range p.jobs {
		out = append(out, a)
	}
	return out
}

// has reports whether this process works on the job.
func (p *progress) has(id int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.jobs[id] != nil
}

// snapshot returns the job as it stands.
func (a *active) snapshot() Job {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.job
}
