package workshop

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// How Steam is asked. Its terms allow 100 000 calls a day, and unadvertised
// limits are lower; these keep one daemon far below both.
const (
	detailsGather  = 250 * time.Millisecond // ids are collected this long for one call
	detailsSpacing = time.Second            // between the beginnings of two calls
	detailsFresh   = time.Minute            // an id is not asked about again sooner
	detailsPending = 10_000                 // ids waiting at most
	detailsForget  = 15 * time.Minute       // a waiting id that nobody asked for again
	detailsRetry   = 5 * time.Second        // first wait after Steam had no answer for an id
	detailsRetries = 10 * time.Minute       // longest such wait
)

// DetailsClient is the part of webapi.Client that Details needs.
type DetailsClient interface {
	FileDetails(ctx context.Context, ids []uint64) ([]webapi.FileDetails, error)
	State() webapi.State
}

// DetailsAnswer is what became of asking Steam about an item. Either Details
// is set, of any class but transient and rate-limited, or Err is, which is
// fault.Unavailable and says when the next attempt is made.
type DetailsAnswer struct {
	Item    ItemID
	Details *webapi.FileDetails
	Err     error
}

// Details gathers questions about items into few calls to Steam: one call
// for everything asked within a quarter of a second, at most one call per
// second, and one question per item and minute, however often and by however
// many clients it is asked. While Steam cannot be asked, items stay waiting
// and are asked about when it can; each attempt that came to nothing is
// reported. An item that nobody asked for again within 15 minutes is
// forgotten; the last that was reported of it is an error then. All methods
// are safe for concurrent use.
type Details struct {
	client  DetailsClient
	clock   durable.Clock
	log     *slog.Logger
	deliver func([]DetailsAnswer)
	wake    chan struct{}

	mu      sync.Mutex
	pending map[ItemID]*detailsQuestion
	order   []*detailsQuestion   // the same, oldest first
	asked   map[ItemID]time.Time // answered within detailsFresh
	planned time.Time            // when Run looks next; zero: when woken
	last    time.Time            // beginning of the last call
	hold    time.Time            // no call before
	failing bool
}

// detailsQuestion is one waiting id.
type detailsQuestion struct {
	id       ItemID
	ready    time.Time // not asked before
	wanted   time.Time // when somebody last wanted the answer
	told     bool      // the present hold was reported
	inFlight bool
	failures int
	waiters  []chan DetailsAnswer
}

// NewDetails returns a Details that passes what it learns to deliver, from
// the goroutine of Run, several answers at a time.
func NewDetails(client DetailsClient, clock durable.Clock, log *slog.Logger, deliver func([]DetailsAnswer)) *Details {
	return &Details{
		client: client, clock: clock, log: log, deliver: deliver, wake: make(chan struct{}, 1),
		pending: map[ItemID]*detailsQuestion{}, asked: map[ItemID]time.Time{},
	}
}

// Ask wants the details of an item, which are delivered later. It does not
// block and may be called for every request of a client. It reports false
// when too many items wait already; ask again later then.
func (d *Details) Ask(id ItemID) (accepted bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ask(id, false) != nil
}

// Waiting returns how many items wait for an answer.
func (d *Details) Waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.pending)
}

// Lookup asks Steam about one item, even if it answered a moment ago, and
// waits for the outcome, which is delivered as well. Errors are ctx's and
// fault.Unavailable.
func (d *Details) Lookup(ctx context.Context, id ItemID) (*webapi.FileDetails, error) {
	answer := make(chan DetailsAnswer, 1)
	d.mu.Lock()
	q := d.ask(id, true)
	if q != nil {
		q.waiters = append(q.waiters, answer)
	}
	d.mu.Unlock()
	if q == nil {
		return nil, fault.New(fault.Unavailable, "Too many items wait for an answer of Steam").WithRetryAfter(detailsRetry)
	}
	select {
	case a := <-answer:
		return a.Details, a.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ask adds a question or finds the one that waits. It returns nil when there
// is no room. With anew, only an answer from after this moment will do, and
// it is not put off.
func (d *Details) ask(id ItemID, anew bool) *detailsQuestion {
	now := d.clock.Now()
	q := d.pending[id]
	if q != nil && !anew {
		q.wanted = now
		return q
	}
	if q == nil && len(d.pending) >= detailsPending {
		return nil
	}
	if q == nil || q.inFlight {
		// A question in flight is replaced: its answer is delivered all the
		// same, and the new one is asked afterwards.
		q = &detailsQuestion{id: id, ready: now}
		d.pending[id] = q
		d.order = append(d.order, q)
	}
	q.wanted = now
	if anew {
		q.ready, q.told = now, false
	} else if at, ok := d.asked[id]; ok {
		q.ready = latest(now, at.Add(detailsFresh))
	}
	if d.planned.IsZero() || q.ready.Add(detailsGather).Before(d.planned) {
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
	return q
}

// Run asks Steam until ctx ends. It returns ctx's error.
func (d *Details) Run(ctx context.Context) error {
	for {
		at, some := d.plan()
		var timer <-chan time.Time
		if some {
			if wait := at.Sub(d.clock.Now()); wait > 0 {
				timer = d.clock.After(wait)
			} else {
				d.step(ctx)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				continue
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.wake:
		case <-timer:
		}
	}
}

// plan forgets what nobody wants any more and returns when there is
// something to do next.
func (d *Details) plan() (at time.Time, some bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	held := now.Before(d.hold)
	kept := d.order[:0]
	for _, q := range d.order {
		if d.pending[q.id] != q {
			continue // answered or replaced
		}
		if now.Sub(q.wanted) > detailsForget && len(q.waiters) == 0 {
			delete(d.pending, q.id)
			continue
		}
		kept = append(kept, q)
		if due := q.ready.Add(detailsGather); !(held && q.told) && (!some || due.Before(at)) {
			at, some = due, true
		}
	}
	clear(d.order[len(kept):])
	d.order = kept
	switch {
	case held && len(kept) > 0 && (!some || d.hold.Before(at)):
		at, some = d.hold, true
	case !held && some:
		at = latest(at, d.last.Add(detailsSpacing))
	}
	d.planned = at
	return at, some
}

// step reports to the waiting that Steam is not asked now, or makes one call.
func (d *Details) step(ctx context.Context) {
	now := d.clock.Now()
	d.mu.Lock()
	if now.Before(d.hold) {
		batch := d.take(now, detailsPending, true)
		answers := d.tell(batch, heldError(nil, d.hold.Sub(now)))
		d.mu.Unlock()
		d.deliver(answers)
		return
	}
	batch := d.take(now, webapi.MaxIDs, false)
	if len(batch) == 0 {
		d.mu.Unlock()
		return
	}
	d.last = now
	ids := make([]uint64, len(batch))
	for i, q := range batch {
		q.inFlight = true
		ids[i] = uint64(q.id)
	}
	d.mu.Unlock()

	files, err := d.client.FileDetails(ctx, ids)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		d.failed(batch, err)
		return
	}
	d.answered(batch, files, now)
}

// take returns up to max questions that may be asked now; with untold only
// those that the present hold was not reported to.
func (d *Details) take(now time.Time, max int, untold bool) []*detailsQuestion {
	var batch []*detailsQuestion
	for _, q := range d.order {
		if len(batch) == max {
			break
		}
		if d.pending[q.id] == q && !q.ready.After(now) && !(untold && q.told) {
			batch = append(batch, q)
		}
	}
	return batch
}

// tell marks a batch as told of err and returns the answers that say so.
func (d *Details) tell(batch []*detailsQuestion, err error) []DetailsAnswer {
	answers := make([]DetailsAnswer, 0, len(batch))
	for _, q := range batch {
		q.told, q.inFlight = true, false
		answers = append(answers, q.settle(DetailsAnswer{Item: q.id, Err: err}))
	}
	return answers
}

// settle hands the answer to those who wait in Lookup.
func (q *detailsQuestion) settle(a DetailsAnswer) DetailsAnswer {
	for _, w := range q.waiters {
		w <- a // has room for one
	}
	q.waiters = nil
	return a
}

// failed reports a call that came to nothing and holds back the next.
func (d *Details) failed(batch []*detailsQuestion, err error) {
	now := d.clock.Now()
	until := d.client.State().RetryAt
	if b, ok := errors.AsType[*webapi.BreakerError](err); ok {
		until = b.Until
	}
	if errors.Is(err, webapi.ErrBudget) {
		until = now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	if !until.After(now) {
		until = now.Add(detailsRetry)
	}
	public := heldError(err, until.Sub(now))
	d.mu.Lock()
	d.setHold(until)
	quiet := webapi.Unreachable(err) && onlyProbe(batch)
	first := !d.failing && !quiet
	d.failing = d.failing || !quiet
	answers := d.tell(batch, public)
	d.mu.Unlock()
	level := slog.LevelDebug
	switch {
	case first:
		level = slog.LevelWarn
	case quiet:
		level = slog.LevelInfo
	}
	attrs := append([]slog.Attr{slog.Any("error", err)}, hintAttr(detailsHint(err, d.client.State().Keyed))...)
	attrs = append(attrs, slog.Int("items", len(batch)), slog.Time("retry_at", until))
	d.log.LogAttrs(context.Background(), level, "Steam cannot be asked about Workshop items", attrs...)
	d.deliver(answers)
}

// onlyProbe reports whether nobody waits for the answers: a machine without
// internet is not worth a warning until somebody wants something from Steam.
func onlyProbe(batch []*detailsQuestion) bool {
	return len(batch) == 1 && batch[0].id == probeItem
}

// setHold begins a new hold, which nobody was told of yet.
func (d *Details) setHold(until time.Time) {
	d.hold = until
	for _, q := range d.order {
		q.told = false
	}
}

// answered sorts the answers of a call that began at the given time.
func (d *Details) answered(batch []*detailsQuestion, files []webapi.FileDetails, began time.Time) {
	now := d.clock.Now()
	byID := make(map[ItemID]*webapi.FileDetails, len(files))
	limited := false
	for i := range files {
		byID[ItemID(files[i].ID)] = &files[i]
		limited = limited || files[i].Class() == webapi.RateLimited
	}
	answers := make([]DetailsAnswer, 0, len(batch))
	d.mu.Lock()
	if limited {
		d.setHold(latest(d.client.State().RetryAt, now.Add(detailsRetry)))
	}
	for _, q := range batch {
		answers = append(answers, q.settle(d.settled(q, byID[q.id], began, now)))
	}
	for id, at := range d.asked {
		if began.Sub(at) > detailsFresh {
			delete(d.asked, id)
		}
	}
	recovered := d.failing && !limited
	d.failing = d.failing && limited
	d.mu.Unlock()
	if recovered {
		d.log.Info("Steam answers again about Workshop items")
	}
	d.deliver(answers)
}

// settled takes an answered question off the list, or puts it back for
// another attempt, and returns what to report.
func (d *Details) settled(q *detailsQuestion, f *webapi.FileDetails, began, now time.Time) DetailsAnswer {
	q.inFlight = false
	if f != nil && f.Class() != webapi.Transient && f.Class() != webapi.RateLimited {
		d.asked[q.id] = began
		if d.pending[q.id] == q {
			delete(d.pending, q.id)
		}
		return DetailsAnswer{Item: q.id, Details: f}
	}
	wait := min(detailsRetry<<min(q.failures, 10), detailsRetries)
	wait += rand.N(wait/5 + 1)
	q.failures++
	q.ready, q.told = now.Add(wait), true
	if q.ready.Before(d.hold) {
		wait = d.hold.Sub(now)
	}
	return DetailsAnswer{Item: q.id, Err: fault.New(fault.Unavailable,
		"Steam has no answer about the item at the moment").WithRetryAfter(wait)}
}

// heldError is the public form of why Steam is not asked.
func heldError(cause error, wait time.Duration) error {
	const text = "Steam cannot be asked at the moment"
	if cause == nil {
		return fault.New(fault.Unavailable, text).WithRetryAfter(wait)
	}
	return fault.Wrap(cause, fault.Unavailable, text).WithRetryAfter(wait)
}

// detailsHint says what an operator can do about err, "" when nothing.
func detailsHint(err error, keyed bool) string {
	if errors.Is(err, webapi.ErrBudget) {
		return "raise steam.daily_limit, or wait for the next day (UTC)"
	}
	s, ok := errors.AsType[*webapi.StatusError](err)
	switch {
	case !ok || s.Status != 401 && s.Status != 403:
		return ""
	case keyed:
		return "check steam.api_key"
	}
	return "Steam may have stopped answering without a key: set steam.api_key"
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
