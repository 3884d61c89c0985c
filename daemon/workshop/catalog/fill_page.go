package catalog

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/community"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

const (
	pageRetry    = 5 * time.Minute // doubles with each failure
	pageAttempts = 8               // then the page of this version is given up
	pagePatience = 20 * time.Second
)

// takePage returns an item whose page is to be read.
func (f *filler) takePage(now bool) (id int64, ok bool) {
	if !now || f.pages == nil {
		return 0, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.owed {
		delete(f.owed, id)
		return id, true
	}
	return 0, false
}

// page reads the page of one item and writes what it tells.
func (f *filler) page(ctx context.Context, id int64) error {
	now := f.s.clock.Now()
	e, r := f.s.index.get(id), f.s.shelf.record(id)
	if e == nil || !owesPage(r, e, now) {
		return nil
	}
	patience, cancel := context.WithTimeout(ctx, pagePatience)
	defer cancel()
	page, err := f.pages.Page(patience, uint64(id))
	m := metadata{Details: Details{ID: id}, Partial: true, Complete: true, Version: r.CompleteVersion}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		m.Details.Dependencies, m.Details.Screenshots = needsOf(page), page.Screenshots
	case errors.Is(err, community.ErrNotFound): // it has no page for us; what is known stays
	case errors.Is(err, webapi.ErrBreakerOpen): // the sweep comes back to it
		f.mu.Lock()
		clear(f.owed)
		f.mu.Unlock()
		return nil
	default:
		f.s.log.Debug("the page of an item was not read", slog.Int64("item", id), slog.Any("error", err))
		if m.Attempts = r.Attempts + 1; m.Attempts < pageAttempts {
			m.RetryAt = now.Add(pageRetry << (m.Attempts - 1))
		}
	}
	return f.write(ctx, []metadata{m})
}

// needsOf are the required items of a page whose ids fit into the catalogue.
func needsOf(p community.Page) []int64 {
	ids := make([]int64, 0, len(p.Required))
	for _, id := range p.Required {
		if id <= math.MaxInt64 {
			ids = append(ids, int64(id))
		}
	}
	return ids
}
