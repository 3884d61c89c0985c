package matches

import (
	"context"
)

// exported is what is kept of somebody.
type exported struct {
	Overall StatsView    `json:"overall"`
	Servers []StatsView  `json:"servers"`
	Matches []PlayedView `json:"matches"` // the newest first
}

// maxExported bounds the matches of an export.
const maxExported = 10_000

// Export returns what is kept of an account: its statistics and its newest
// 10 000 matches, as the API shows them.
func (s *Service) Export(ctx context.Context, account int64) (any, error) {
	overall, servers, err := s.statsViews(ctx, account)
	if err != nil {
		return nil, err
	}
	out := exported{overall, servers, []PlayedView{}}
	for cursor := ""; len(out.Matches) < maxExported; {
		all, next, _, err := s.List(ctx, Filter{Player: account}, Page{Limit: maxIn, Cursor: cursor})
		if err != nil {
			return nil, err
		}
		b, err := s.book(ctx, all, nil, nil)
		if err != nil {
			return nil, err
		}
		for _, m := range all {
			out.Matches = append(out.Matches, b.played(m, account))
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	return out, nil
}
