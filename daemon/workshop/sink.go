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
	space    func(ctx context.Context, more int64) error
	progress func(bytes, total int64)

	bytes, total int64
	checked      int64 // bytes at the last look at the free space
	reserve      *reservation
	reserved     int64
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
	k.reserve.add(total - k.reserved)
	k.reserved = total
	k.progress(k.bytes, k.total)
	return k.space(k.ctx, 0)
}

// Progress tells how far the work before the first byte is.
func (k *sink) Progress(done, total int64) { k.progress(done, total) }

// Write takes the next bytes.
func (k *sink) Write(p []byte) (int, error) {
	if k.bytes+int64(len(p)) > k.max {
		return 0, tooLarge(k.max)
	}
	if k.bytes-k.checked >= freeEvery {
		k.checked = k.bytes
		if err := k.space(k.ctx, int64(len(p))); err != nil {
			return 0, err
		}
	}
	n, err := k.dst.Write(p)
	k.sum.Write(p[:n])
	k.bytes += int64(n)
	if k.reserved > 0 {
		given := min(int64(n), k.reserved)
		k.reserve.add(-given)
		k.reserved -= given
	}
	k.progress(k.bytes, k.total)
	return n, err
}

// release gives back what was reserved and did not come.
func (k *sink) release() {
	k.reserve.add(-k.reserved)
	k.reserved = 0
}

func tooLarge(max int64) error {
	return fault.New(fault.TooLarge, "The item is larger than %s", config.Size(max)).
		WithHint("raise workshop.max_item_bytes")
}

// reservation is the space that downloads under way were promised and have
// not used yet.
type reservation struct{ n atomic.Int64 }

func (r *reservation) add(n int64) { r.n.Add(n) }

// checkSpace reports fault.NoSpace when more bytes beside everything
// promised would take the disk below its floor.
func (s *Service) checkSpace(ctx context.Context, more int64) error {
	floor := int64(s.policy.retention().MinFree)
	free, err := s.blobs.Free(ctx)
	if err != nil {
		return err
	}
	if free-s.reserved.n.Load()-more >= floor {
		s.problems.clear(problemDiskLow)
		return nil
	}
	err = fault.New(fault.NoSpace, "The disk has less than %s free, so nothing is fetched", config.Size(floor)).
		WithHint("free some space, or lower workshop.retention.min_free").WithRetryAfter(minBackoff)
	s.problems.set(s.log, Problem{Code: problemDiskLow, Text: fault.Public(err), Hint: fault.Hint(err)})
	return err
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
