package daemon

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/demosink"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/matches"
)

const (
	// longestDemo is how long before a match a recording of it may have begun.
	longestDemo = 4 * time.Hour
	maxDemos    = 50
)

// matchDemos shows the recordings to the matches: those that the caller may
// see, made on a game server, that grew at some moment between two times.
func matchDemos(sink *demosink.Service) func(ctx context.Context, host string, port int, from, to time.Time) ([]matches.Demo, error) {
	return func(ctx context.Context, host string, port int, from, to time.Time) ([]matches.Demo, error) {
		p := accounts.From(ctx)
		if !p.May(accounts.ScopeDemosRead) {
			return nil, nil
		}
		all, _, _, err := sink.List(ctx, demosink.Caller{
			Account: p.AccountID, SteamID: p.SteamID,
			Analyst: p.May(accounts.ScopeDemosAnalyse), Moderator: p.May(accounts.ScopeDemosModerate), Admin: p.May(accounts.ScopeAdmin),
		}, demosink.Filter{Server: net.JoinHostPort(host, strconv.Itoa(port)), From: from.Add(-longestDemo), To: to}, demosink.Page{Limit: maxDemos})
		if err != nil {
			return nil, err
		}
		demos := []matches.Demo{}
		for _, d := range all {
			if d.EndAt.IsZero() || d.EndAt.After(from) {
				demos = append(demos, matches.Demo{ID: string(d.ID), Name: d.DemoName, Start: d.StartAt, End: d.EndAt})
			}
		}
		return demos, nil
	}
}
