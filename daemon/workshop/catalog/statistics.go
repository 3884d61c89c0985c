package catalog

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

const (
	flushEvery  = time.Second
	keepTimings = 1000 // per type
	pruneAfter  = 500  // timings written
	// maxTimings and maxPending bound what waits for a database that does not
	// take it.
	maxTimings = 10_000
	maxPending = 100_000
	dayFormat  = "2006-01-02"
)

// statistics are the counters. What was counted is collected in memory and
// written by flush, in one transaction. Readers see both: they hold flushing,
// so that nothing is on its way between the two while they look.
type statistics struct {
	store    store
	now      func() time.Time
	zone     *time.Location
	flushing sync.RWMutex // a flush holds it for writing, readers for reading

	mu      sync.Mutex
	pending *batch
	bucket  bucket
	written int // timings since the last prune; flush only
}

// bucket is the hour and the day that a moment belongs to.
type bucket struct {
	from, to time.Time
	at       int64
	day      string
}

func newStatistics(s store, now func() time.Time, zone *time.Location) *statistics {
	return &statistics{store: s, now: now, zone: zone, pending: newBatch()}
}

// bucketOf returns the bucket of t in the zone.
func bucketOf(t time.Time, zone *time.Location) bucket {
	t = t.In(zone)
	// The offset of the zone need not be whole hours, and it may change
	// within a day: hours are counted from the moment itself.
	from := t.Add(-time.Duration(t.Minute())*time.Minute - time.Duration(t.Second())*time.Second - time.Duration(t.Nanosecond()))
	return bucket{from: from, to: from.Add(time.Hour), at: from.UnixMicro(), day: t.Format(dayFormat)}
}

// count adds one to a type, now. It does not wait for the database.
func (c *statistics) count(kind string) { c.add(kind, 1) }

func (c *statistics) add(kind string, n int64) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.bucket.from) || !now.Before(c.bucket.to) {
		c.bucket = bucketOf(now, c.zone)
	}
	c.pending.hours[hourKey{c.bucket.at, kind}] += n
	c.pending.days[dayKey{c.bucket.day, kind}] += n
}

// timing notes how long something took that began at start.
func (c *statistics) timing(kind string, start time.Time, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending.timings) < maxTimings {
		c.pending.timings = append(c.pending.timings, timing{start, kind, took.Milliseconds()})
	}
}

// delivered notes that an archive of an item was sent.
func (c *statistics) delivered(item, game int64, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, known := c.pending.deliveries[item]
	if !known && len(c.pending.deliveries) >= maxPending {
		return
	}
	d.downloads++
	if at.After(d.at) {
		d.at = at
	}
	if game != 0 {
		d.game = game
	}
	c.pending.deliveries[item] = d
}

// waiting returns the downloads that the database does not have, by item and
// by game. The caller holds flushing.
func (c *statistics) waiting() (byItem map[int64]delivery, byGame map[int64]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	byGame = map[int64]int64{}
	for _, d := range c.pending.deliveries {
		byGame[d.game] += d.downloads
	}
	return maps.Clone(c.pending.deliveries), byGame
}

// flush writes what was counted. What could not be written is kept and tried
// again.
func (c *statistics) flush(ctx context.Context) error {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.mu.Lock()
	b := c.pending
	if b.empty() {
		c.mu.Unlock()
		return nil
	}
	c.pending = newBatch()
	c.mu.Unlock()
	if err := c.store.putBatch(ctx, b); err != nil {
		c.restore(b)
		return err
	}
	if c.written += len(b.timings); c.written < pruneAfter {
		return nil
	}
	c.written = 0
	return c.store.pruneTimings(ctx, keepTimings)
}

// restore takes a batch back that was not written.
func (c *statistics) restore(b *batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pending
	for k, n := range b.hours {
		p.hours[k] += n
	}
	for k, n := range b.days {
		p.days[k] += n
	}
	p.timings = append(b.timings, p.timings...)
	p.timings = p.timings[:min(len(p.timings), maxTimings)]
	for item, d := range b.deliveries {
		newer := p.deliveries[item]
		d.downloads += newer.downloads
		if newer.at.After(d.at) {
			d.at = newer.at
		}
		if newer.game != 0 {
			d.game = newer.game
		}
		p.deliveries[item] = d
	}
}

// snapshot returns the counters that wait, for a reader that holds flushing.
func (c *statistics) snapshot() (hours map[hourKey]int64, days map[dayKey]int64, timings []timing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.pending.hours), maps.Clone(c.pending.days), append([]timing(nil), c.pending.timings...)
}

// run flushes until ctx ends, and once more then.
func (c *statistics) run(ctx context.Context, after func(time.Duration) <-chan time.Time, failed func(error)) error {
	for {
		select {
		case <-after(flushEvery):
			if err := c.flush(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			return errors.Join(c.flush(last))
		}
	}
}
