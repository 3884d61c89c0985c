package matches

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/rating"
)

// Bounds of what is taken over; nobody comes near by playing.
const (
	maxTakenRating = 100_000
	maxTakenCount  = 1_000_000_000
)

// TakeOver adds statistics of another metaserver, those of one server, and
// computes the sums of their accounts anew. Where an account has some on the
// server already, these stay. It returns how many were added. note is told of
// what was made fit. Forget comes after the transaction.
func (s *Service) TakeOver(ctx context.Context, tx *db.Tx, server int64, all []Stats, note func(account int64, text string)) (int, error) {
	taken := 0
	for some := range slices.Chunk(all, maxIn) {
		accounts := make([]int64, len(some))
		for i, st := range some {
			accounts[i] = st.Account
		}
		have, err := statsOn(ctx, tx, server, accounts)
		if err != nil {
			return 0, err
		}
		fresh := make([]Stats, 0, len(some))
		for _, st := range some {
			if _, ok := have[st.Account]; ok {
				continue
			}
			st.Server = server
			st.fit(s.parameters, func(text string) { note(st.Account, text) })
			fresh = append(fresh, st)
			have[st.Account] = st // once
		}
		if err := putStats(ctx, tx, fresh); err != nil {
			return 0, err
		}
		accounts = accounts[:0]
		for _, st := range fresh {
			accounts = append(accounts, st.Account)
		}
		if err := refreshStandings(ctx, tx, accounts); err != nil {
			return 0, err
		}
		taken += len(fresh)
	}
	return taken, nil
}

// fit makes statistics such as matches here would leave.
func (st *Stats) fit(p rating.Parameters, note func(text string)) {
	before := st.Rating
	switch {
	case math.IsNaN(st.Rating):
		st.Rating = p.Initial
		note(fmt.Sprintf("the rating was none and is %g", st.Rating))
	case st.Rating < p.Floor || st.Rating > maxTakenRating:
		st.Rating = min(max(st.Rating, p.Floor), maxTakenRating)
		note(fmt.Sprintf("the rating %g is %g here", before, st.Rating))
	}
	clamp := func(n *int64, most int64) bool {
		was := *n
		*n = min(max(*n, 0), most)
		return *n != was
	}
	wrong := clamp(&st.PlayedField, maxTakenCount)
	wrong = clamp(&st.PlayedCommand, maxTakenCount) || wrong
	wrong = clamp(&st.WonField, st.PlayedField) || wrong
	wrong = clamp(&st.WonCommand, st.PlayedCommand) || wrong
	if wrong {
		note("matches were counted that cannot be, and are not here")
	}
	if st.LastSeen.Before(st.FirstSeen) {
		st.FirstSeen, st.LastSeen = st.LastSeen, st.FirstSeen
	}
}
