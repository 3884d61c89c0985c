package workshop

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// Status says how the workshop is doing.
type Status struct {
	Steam      webapi.State
	SteamCMD   SteamCMDStatus
	CallsToday int64
	DailyLimit int
	Roots      []RootStatus
	Items      int
	Versions   int
	Bytes      int64 // of our own blobs
	Requests   int64 // of clients for the stored versions, since they came here
	Free       int64 // bytes on the disk of the store
	Waiting    int
	Running    int
	Failed     int
	Problems   []Problem
}

// Status returns how the workshop is doing.
func (s *Service) Status(ctx context.Context) (Status, error) {
	if err := s.load(ctx); err != nil {
		return Status{}, err
	}
	st := Status{Steam: s.steam.State(), DailyLimit: s.options.Steam.DailyLimit, Roots: s.roots.Status(), SteamCMD: s.steamcmdStatus()}
	st.Items, st.Versions, st.Bytes = s.index.totals()
	for _, v := range s.index.all() {
		st.Requests += v.Requests + v.hits.n.Load()
	}
	st.Waiting, st.Running, st.Failed = s.queueTotals()
	var err error
	if st.CallsToday, err = s.budget.Used(ctx); err != nil {
		return st, err
	}
	if s.problems.has(problemDiskLow) {
		_ = s.checkSpace(ctx, 0) // clears it when there is space again
	}
	s.promises.look()
	st.Problems = s.problems.all()
	st.Free, err = s.blobs.Free(ctx)
	if err != nil {
		st.Problems = append(st.Problems, Problem{Code: problemUnwrit, Text: fault.Public(err), Hint: fault.Hint(err)})
	}
	st.Problems = append(st.Problems, steamProblems(st)...)
	if p, ok := st.SteamCMD.problem(); ok {
		st.Problems = append(st.Problems, p)
	}
	st.Problems = append(st.Problems, s.sourceProblems()...)
	st.Problems = append(st.Problems, s.peerProblems()...)
	for _, r := range st.Roots {
		for _, p := range r.Problems {
			st.Problems = append(st.Problems, Problem(p))
		}
	}
	st.Problems = append(st.Problems, s.fastDLProblems()...)
	st.Problems = append(st.Problems, s.radarProblems()...)
	st.Problems = append(st.Problems, s.catalogProblems()...)
	return st, nil
}

// steamProblems says what is wrong with Steam, in words.
func steamProblems(st Status) []Problem {
	switch {
	case st.CallsToday >= int64(st.DailyLimit):
		return []Problem{{
			Code: problemBudget, Text: "Today's Steam Web API calls are used up",
			Hint: "raise steam.daily_limit, or wait for the next day (UTC)",
		}}
	case st.Steam.Unreachable && st.Steam.BreakerOpen:
		return []Problem{{
			Code: problemSteam, Text: "Steam cannot be reached: " + strings.TrimPrefix(st.Steam.LastError, "no answer from Steam: "),
			Hint: "on a machine without internet that is as it should be: what is here is served, and nothing new is fetched; " +
				"otherwise look at its network, DNS and firewall",
		}}
	case st.Steam.BreakerOpen:
		hint := "it is asked again by itself, and what is here is served meanwhile"
		if !st.Steam.Keyed {
			hint += "; if this goes on, set steam.api_key"
		}
		return []Problem{{Code: problemSteam, Text: "Steam does not answer as it should: " + st.Steam.LastError, Hint: hint}}
	}
	return nil
}

// namedItems is how many items a problem names.
const namedItems = 3

// sourceProblems names the items that are refused now because nobody can
// supply them.
func (s *Service) sourceProblems() []Problem {
	jobs := slices.DeleteFunc(s.records.denied(s.clock.Now(), answerNoSource), s.overtaken)
	slices.SortFunc(jobs, func(a, b Job) int {
		return cmp.Or(b.RetryAt.Compare(a.RetryAt), cmp.Compare(a.Name.Item, b.Name.Item))
	})
	seen := map[ItemID]bool{}
	var names []string
	for _, j := range jobs {
		id := j.Name.Item
		if !seen[id] && len(names) < namedItems {
			name := "m" + id.Hex()
			if item, ok := s.records.item(id); ok && item.Title != "" {
				name += " (" + item.Title + ")"
			}
			names = append(names, name)
		}
		seen[id] = true
	}
	var text string
	switch len(seen) {
	case 0:
		return nil
	case 1:
		text = "no source can supply " + names[0]
	default:
		text = fmt.Sprintf("no source can supply %d items, the latest being %s", len(seen), strings.Join(names, ", "))
	}
	hint := s.hintNoSource()
	if s.steamcmd != nil {
		hint += "; the log says why SteamCMD does not have it"
	}
	return []Problem{{Code: problemNoSource, Text: text, Hint: hint}}
}

// hintNoSource says what helps when no source has an item.
func (s *Service) hintNoSource() string {
	const installed = "let one of workshop.roots hold the installed item"
	if s.steamcmd == nil {
		return hintSteamCMD + ", or " + installed
	}
	return installed
}

// overtaken reports whether the version that the job was to bring, or a newer
// one of the item, came here by another way.
func (s *Service) overtaken(j Job) bool {
	return slices.ContainsFunc(s.index.item(j.Name.Item), func(st *stored) bool {
		return st.Name.Version >= j.Name.Version && st.servable()
	})
}

// queueTotals counts the jobs by what happens to them.
func (s *Service) queueTotals() (waiting, running, failed int) {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	for _, j := range s.records.jobs {
		switch {
		case j.State == Denied && j.Error == answerOldVersion.reason(): // an answer, no failure
		case j.State == Denied || j.State == Failed && j.Resting:
			failed++
		case j.State == Queued || j.State == Failed:
			waiting++
		default:
			running++
		}
	}
	return waiting, running, failed
}

// callsLeft returns how many Steam calls are left today; 0 when the database
// does not say.
func (s *Service) callsLeft() int64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	used, err := s.budget.Used(ctx)
	if err != nil {
		return 0
	}
	return max(int64(s.options.Steam.DailyLimit)-used, 0)
}
