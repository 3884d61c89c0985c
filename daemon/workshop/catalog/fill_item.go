package catalog

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// outcome is what asking about one item came to.
type outcome struct {
	id      int64
	details Details
	known   bool
	partial bool          // without the texts: what is known of them stays
	away    bool          // Steam cannot be asked
	after   time.Duration // when it may be asked again, 0 unknown
}

// items asks about a batch of items and writes what became known.
func (f *filler) items(ctx context.Context, ids []int64) error {
	outcomes := f.ask(ctx, ids)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	now := f.s.clock.Now()
	byGame := map[int64][]metadata{}
	away := 0
	for _, o := range outcomes {
		m, some := f.judge(o, now)
		if !some {
			continue
		}
		byGame[int64(m.Details.App)] = append(byGame[int64(m.Details.App)], m)
		if o.away {
			away++
		}
	}
	if away > 0 && away == len(outcomes) {
		f.mu.Lock()
		f.hold = now.Add(fillHold)
		f.mu.Unlock()
	}
	return f.writeItems(ctx, byGame)
}

// ask asks about all items at once, which the library gathers into one
// question to Steam. Of those that are complete only what was told is taken.
func (f *filler) ask(ctx context.Context, ids []int64) []outcome {
	out := make([]outcome, len(ids))
	var g errgroup.Group
	for i, id := range ids {
		g.Go(func() error {
			out[i] = f.askOne(ctx, id)
			return nil
		})
	}
	_ = g.Wait() // none returns an error
	return out
}

func (f *filler) askOne(ctx context.Context, id int64) outcome {
	o := outcome{id: id}
	var err error
	if e, r := f.s.index.get(id), f.s.shelf.record(id); e != nil && r != nil && r.Complete && r.CompleteVersion == e.version {
		o.details, o.known = f.s.library.Details(id)
		return o
	}
	if !f.s.options.Quiet {
		if o.details, err = f.s.library.Describe(ctx, id); err == nil {
			o.known = o.details.App != 0
			return o
		}
		if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Forbidden) {
			o.away = true
			if e, ok := errors.AsType[*fault.Error](err); ok {
				o.after = e.RetryAfter
			}
			return o
		}
	}
	// What we do not fetch, or what is gone from Steam, may be known all the
	// same.
	d, ok := f.s.library.Details(id)
	o.details, o.known, o.partial = d, ok && d.App != 0, true
	return o
}

// judge turns an outcome into what is to be written of the item, if anything
// is.
func (f *filler) judge(o outcome, now time.Time) (m metadata, some bool) {
	e, r := f.s.index.get(o.id), f.s.shelf.record(o.id)
	if e == nil || !o.known && (f.s.options.Quiet || !lacks(r, e, now)) {
		return m, false
	}
	version := e.version
	m = metadata{Details: Details{ID: o.id}, Partial: true}
	if r != nil {
		m.Complete, m.Version, m.Attempts, m.RetryAt = r.Complete, r.CompleteVersion, r.Attempts, r.RetryAt
	}
	switch {
	case o.known:
		m.Details, m.Partial = o.details, o.partial
		m.Details.ID = o.id
		if !m.Complete || m.Version != version {
			m.Complete, m.Version, m.Attempts, m.RetryAt = true, version, 0, time.Time{}
			if f.pages != nil && o.details.Dependencies == nil {
				m.RetryAt = now // its page tells what Steam did not
			}
		}
	case o.away:
		m.Complete = false
		m.RetryAt = now.Add(max(fillBackoff(m.Attempts), o.after))
		m.Attempts++
	default: // more will hardly become known than we have
		m.Version, m.RetryAt = version, now.Add(fillUnknown)
		m.Attempts++
		if m.Complete {
			m.RetryAt = time.Time{}
		}
	}
	return m, true
}

// fillBackoff is the wait after so many failures.
func fillBackoff(attempts int) time.Duration {
	return min(fillRetry<<min(max(attempts, 0), 10), fillRetries)
}

// writeItems writes items game by game. Those whose game is known, or not to
// be asked about now, come first.
func (f *filler) writeItems(ctx context.Context, byGame map[int64][]metadata) error {
	now := f.s.clock.Now()
	var ready []metadata
	var strange []int64
	for game, list := range byGame {
		if g := f.s.shelf.game(game); game == 0 || g != nil && !(g.Placeholder && f.apps != nil && gameDue(*g, now)) {
			ready = append(ready, list...)
		} else {
			strange = append(strange, game)
		}
	}
	if err := f.write(ctx, ready); err != nil {
		return err
	}
	slices.Sort(strange)
	for i, game := range strange {
		g := f.meet(ctx, game, i < gamesAtOnce)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		byGame[game][0].Game = &g
		if err := f.write(ctx, byGame[game]); err != nil {
			return err
		}
	}
	return nil
}

// write writes what became known of items in one transaction and makes it
// visible.
func (f *filler) write(ctx context.Context, list []metadata) error {
	if len(list) == 0 {
		return nil
	}
	// One order for all, so that two processes do not wait for each other.
	slices.SortFunc(list, func(a, b metadata) int { return int(min(max(a.Details.ID-b.Details.ID, -1), 1)) })
	err := f.s.store.db.Write(ctx, func(tx *db.Tx) error {
		for _, m := range list {
			if err := putMetadata(ctx, tx, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	items, games := make([]int64, 0, len(list)), map[int64]struct{}{}
	f.mu.Lock()
	for _, m := range list {
		items = append(items, m.Details.ID)
		if m.Game != nil {
			games[m.Game.ID] = struct{}{}
		}
		if m.Complete && !m.Partial {
			f.prints[m.Details.ID] = f.print(m.Details)
		}
		if f.pages != nil && m.Complete && !m.RetryAt.IsZero() && !m.RetryAt.After(f.s.clock.Now()) {
			f.owed[m.Details.ID] = struct{}{}
		}
	}
	f.mu.Unlock()
	return f.s.reread(ctx, items, slices.Collect(maps.Keys(games)))
}
