package catalog

import (
	"context"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// maxFetched bounds how many mods one request looks at.
const maxFetched = 100

type fetchInput struct {
	ID string `path:"id" maxLength:"20" example:"818773962"`
}

type skippedView struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

type fetchOutput struct {
	RetryAfter int `header:"Retry-After" doc:"Seconds."`
	Body       struct {
		Queued  []string      `json:"queued"`
		Skipped []skippedView `json:"skipped"`
	}
}

// postFetch walks along what a mod needs. What is not here is put on the
// queue; what that needs is known if Steam tells it.
func (s *Service) postFetch(ctx context.Context, in *fetchInput) (*fetchOutput, error) {
	e, err := s.entry(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &fetchOutput{RetryAfter: int(pollEvery.Seconds())}
	out.Body.Queued, out.Body.Skipped = []string{}, []skippedView{}
	ids := slices.Clone(e.needs)
	seen := map[int64]bool{e.id: true}
	for i := 0; i < len(ids); i++ {
		id := ids[i]
		if seen[id] {
			continue
		}
		if seen[id] = true; len(seen) > maxFetched {
			out.Body.Skipped = append(out.Body.Skipped, skippedView{decimal(id), "too many at once; ask again when these are here"})
			continue
		}
		needs, why := s.fetch(ctx, id)
		if why == "" {
			out.Body.Queued = append(out.Body.Queued, decimal(id))
		} else {
			out.Body.Skipped = append(out.Body.Skipped, skippedView{decimal(id), why})
		}
		ids = append(ids, needs...)
	}
	return out, nil
}

// fetch puts an item on the queue unless it is here, and returns what it
// needs; why says why it was not put there.
func (s *Service) fetch(ctx context.Context, id int64) (needs []int64, why string) {
	if e := s.lookup(id); e != nil {
		if e.condition == conditionFetching {
			return e.needs, "is being fetched"
		}
		return e.needs, "is here"
	}
	d, err := s.library.Describe(ctx, id)
	if err != nil {
		return nil, fault.Public(err)
	}
	if r := s.shelf.record(id); r != nil && d.Dependencies == nil {
		d.Dependencies = r.Dependencies
	}
	began, err := s.library.Want(ctx, id, 0, s.clock.Now(), time.Time{})
	switch {
	case err != nil:
		return d.Dependencies, fault.Public(err)
	case !began:
		return d.Dependencies, "is being fetched"
	}
	return d.Dependencies, ""
}
