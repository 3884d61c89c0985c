package workshop

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
)

// Problem is a state that an operator should know and can mend. The codes
// are part of the API.
type Problem struct {
	Code string `json:"code" doc:"What kind of problem it is, for programs." example:"disk_low"`
	Text string `json:"text" doc:"What is wrong, for people."`
	Hint string `json:"hint,omitempty" doc:"What to do about it."`
}

// Codes of problems beside those of the operator's folders.
const (
	problemDiskLow  = "disk_low"
	problemQuota    = "store_full"
	problemUnwrit   = "data_unwritable"
	problemUnread   = "data_unreadable"
	problemSteam    = "steam_unavailable"
	problemBudget   = "steam_budget"
	problemNoSource = "no_source"
	problemMapcycle = "mapcycle_unreadable"

	problemCollection      = "collection_unknown"
	problemSteamCMDMissing = "steamcmd_missing"
	problemSteamCMDWaits   = "steamcmd_waits"
)

// problems is what is wrong at the moment, at most one of each code. The
// zero value is ready.
type problems struct {
	mu   sync.Mutex
	list map[string]Problem
}

// note adds a problem, or replaces the one of the same code, which it
// returns; the zero Problem if there was none.
func (p *problems) note(problem Problem) (old Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old = p.list[problem.Code]
	if p.list == nil {
		p.list = map[string]Problem{}
	}
	p.list[problem.Code] = problem
	return old
}

// set notes a problem and logs it when it is new.
func (p *problems) set(log *slog.Logger, problem Problem) {
	if p.note(problem) == (Problem{}) {
		problem.log(log, slog.LevelWarn)
	}
}

// log writes one line about the problem.
func (p Problem) log(log *slog.Logger, level slog.Level) {
	attrs := append([]slog.Attr{slog.String("code", p.Code)}, hintAttr(p.Hint)...)
	log.LogAttrs(context.Background(), level, p.Text, attrs...)
}

// hintAttr is the attribute for a hint, none if there is no hint.
func hintAttr(hint string) []slog.Attr {
	if hint == "" {
		return nil
	}
	return []slog.Attr{slog.String("hint", hint)}
}

// clear notes that a problem is over.
func (p *problems) clear(code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.list, code)
}

// has reports whether there is a problem of this code.
func (p *problems) has(code string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.list[code]
	return ok
}

func (p *problems) all() []Problem {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Problem, 0, len(p.list))
	for _, x := range p.list {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b Problem) int { return cmp.Compare(a.Code, b.Code) })
	return out
}
