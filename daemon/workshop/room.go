package workshop

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// promises is the space that downloads under way were promised, and who
// makes room for more.
type promises struct {
	s *Service
	// ahead are promised bytes that are not on the disk yet; whole are all
	// promised bytes, which no stored version counts yet.
	ahead, whole atomic.Int64
	// aside are bytes of damaged blobs beside those that versions name.
	aside atomic.Int64
	// gate admits one that makes room at a time.
	gate chan struct{}
	// barrenNeed could not be freed at barrenAt, which was told as barren. They
	// belong to who holds the gate.
	barrenNeed int64
	barrenAt   time.Time
	barren     error
	// short is what was last asked for in vain, at shortAt in Unix seconds; 0
	// if all went well.
	short, shortAt atomic.Int64
}

// barrenFor is how long it is not tried again to make room that could not be
// made.
const barrenFor = 3 * time.Second

func newPromises(s *Service) *promises { return &promises{s: s, gate: make(chan struct{}, 1)} }

// shortage is how many bytes have to go.
type shortage struct {
	need  int64 // so that quota and disk have room
	over  int64 // by which what is stored is above the quota; 0 without one
	quota bool  // the quota is what is short, not the disk
}

// used returns the bytes that count for the quota: what is stored, what was
// put aside, and what downloads under way were promised.
func (p *promises) used() int64 {
	_, _, stored := p.s.index.totals()
	return stored + p.aside.Load() + p.whole.Load()
}

// shortage returns what is missing for more bytes. The error is about the
// disk.
func (p *promises) shortage(ctx context.Context, more int64) (w shortage, err error) {
	rules := p.s.policy.retention()
	free, err := p.s.blobs.Free(ctx)
	if err != nil {
		return w, err
	}
	w.need = int64(rules.MinFree) + p.ahead.Load() + more - free
	if limit := int64(rules.MaxBytes); limit > 0 {
		n := p.used() + more - limit
		w.over = p.used() - p.whole.Load() - limit
		if n > 0 && n >= w.need {
			w.need, w.quota = n, true
		}
	}
	return w, nil
}

// weighAside finds out how many bytes of damaged blobs no version names.
func (p *promises) weighAside(ctx context.Context) error {
	var sum int64
	for info, err := range p.s.blobs.List(ctx, "quarantine/") {
		if err != nil {
			return err
		}
		if !p.s.index.uses(info.Key) {
			sum += info.Size
		}
	}
	p.aside.Store(sum)
	return nil
}

// Reserve makes room for more bytes, if it has to and can by removing what may
// go, and promises them. The error is fault.NoSpace when it cannot, and
// fault.TooLarge when no room could ever be enough.
func (p *promises) Reserve(ctx context.Context, more int64) error {
	if limit := p.s.policy.retention().MaxBytes; limit > 0 && more > int64(limit) {
		return fault.New(fault.TooLarge, "The item is larger than everything that may be stored (%s)", limit).
			WithHint("raise workshop.retention.max_bytes")
	}
	// Promised first, so that two who ask at once do not both get the last
	// room.
	p.ahead.Add(more)
	p.whole.Add(more)
	w, err := p.shortage(ctx, 0)
	if err == nil && w.need > 0 {
		err = p.makeRoom(ctx, more)
	}
	if err != nil {
		p.Release(more, more)
		return err
	}
	p.s.problems.clear(problemDiskLow)
	if more > 0 && more >= p.short.Load() {
		p.short.Store(0)
		p.s.problems.clear(problemQuota)
	}
	return nil
}

// Fits makes room for more bytes as Reserve does and promises nothing.
func (p *promises) Fits(ctx context.Context, more int64) error {
	err := p.Reserve(ctx, more)
	if err == nil {
		p.Release(more, more)
	}
	return err
}

// Use notes that promised bytes are on the disk.
func (p *promises) Use(n int64) { p.ahead.Add(-n) }

// Release takes back a promise.
func (p *promises) Release(promised, unused int64) {
	p.whole.Add(-promised)
	p.ahead.Add(-unused)
}

// makeRoom removes what may go until everything promised fits, of which more
// bytes are the caller's.
func (p *promises) makeRoom(ctx context.Context, more int64) error {
	select {
	case p.gate <- struct{}{}:
		defer func() { <-p.gate }()
	case <-ctx.Done():
		return ctx.Err()
	}
	w, err := p.shortage(ctx, 0)
	if err != nil || w.need <= 0 {
		return err
	}
	now := p.s.clock.Now()
	if w.need >= p.barrenNeed && now.Sub(p.barrenAt) < barrenFor {
		return p.barren
	}
	release, ok, err := p.s.store.db.Lock(ctx, lockGC)
	if err != nil {
		return p.unwritten(ctx, w, err)
	}
	if !ok { // somebody makes room already
		return fault.New(fault.NoSpace, "Room is being made in the store").WithRetryAfter(minBackoff)
	}
	defer release()
	t, err := p.s.clearOut(ctx, w, false)
	if err != nil {
		return p.unwritten(ctx, w, err)
	}
	if t.Short > 0 {
		p.barrenNeed, p.barrenAt, p.barren = w.need, now, p.full(ctx, w, more)
		return p.barren
	}
	return nil
}

// unwritten says what it means that no room could be made: a disk so full that
// the database takes nothing is first of all a full disk.
func (p *promises) unwritten(ctx context.Context, w shortage, err error) error {
	if !w.quota {
		if low := p.s.checkSpace(ctx, 0); low != nil {
			return low
		}
	}
	return err
}

// full notes that there is no room for more bytes and returns what to tell.
func (p *promises) full(ctx context.Context, w shortage, more int64) error {
	s := p.s
	if !w.quota {
		return s.checkSpace(ctx, 0)
	}
	p.short.Store(max(more, 1))
	p.shortAt.Store(s.clock.Now().Unix())
	problem, err := s.quotaProblem(ctx, p.used()-more)
	if err != nil {
		return err
	}
	if old := s.problems.note(problem); old == (Problem{}) {
		problem.log(s.log, slog.LevelWarn)
	}
	return fault.New(fault.NoSpace, "%s", problem.Text).WithHint("%s", problem.Hint).WithRetryAfter(evictGrace)
}

// shortFor is how long a full store is a problem after a download last asked
// in vain; as long as one waits, it asks again and again.
const shortFor = 10 * time.Minute

// look drops the problem of a full store when that is over: the limit was
// raised, something was removed, or no download waits any more.
func (p *promises) look() {
	limit := int64(p.s.policy.retention().MaxBytes)
	if p.short.Load() == 0 {
		return
	}
	waited := p.s.clock.Now().Unix() - p.shortAt.Load()
	if limit == 0 || p.used()+p.short.Load() <= limit || waited > int64(shortFor.Seconds()) {
		p.short.Store(0)
		p.s.problems.clear(problemQuota)
	}
}

// quotaProblem says that the store is full of what may not go.
func (s *Service) quotaProblem(ctx context.Context, used int64) (Problem, error) {
	limit := s.policy.retention().MaxBytes
	pinned, bound, err := s.bound(ctx)
	return Problem{
		Code: problemQuota,
		Text: fmt.Sprintf("The store is full: %s of %s are used. What may go by itself is not enough for the next download: %s are pinned, %s cannot be had again. Nothing more is fetched; what is stored is served",
			config.Size(used).Rounded(), limit.Rounded(), config.Size(pinned.Bytes).Rounded(), config.Size(bound.Bytes).Rounded()),
		Hint: `raise workshop.retention.max_bytes, or unpin or delete versions; "quartermaster mods gc --dry-run" says why each stays`,
	}, err
}

// checkSpace reports fault.NoSpace when more bytes beside everything
// promised would take the disk below its floor.
func (s *Service) checkSpace(ctx context.Context, more int64) error {
	floor := int64(s.policy.retention().MinFree)
	free, err := s.blobs.Free(ctx)
	if err != nil {
		return err
	}
	if free-s.promises.ahead.Load()-more >= floor {
		s.problems.clear(problemDiskLow)
		return nil
	}
	err = fault.New(fault.NoSpace, "The disk has less than %s free, so nothing is fetched", config.Size(floor)).
		WithHint("free some space, or lower workshop.retention.min_free").WithRetryAfter(minBackoff)
	s.problems.set(s.log, Problem{Code: problemDiskLow, Text: fault.Public(err), Hint: fault.Hint(err)})
	return err
}
