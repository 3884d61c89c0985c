package cli

import (
	"cmp"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/a2s"
)

// a2sJSON is one object for one server: the part that was asked for, or all of
// them with the address. For several servers it is a list of the latter.
func a2sJSON(answers []named, want a2s.Part) any {
	list := make([]any, len(answers))
	for i, a := range answers {
		list[i] = a.Answer
		if a.unknown != nil {
			list[i] = struct {
				Address string `json:"address"`
				Error   any    `json:"error"`
			}{a.name, a2s.Reason(a.unknown)}
		}
	}
	if len(list) > 1 {
		return list
	}
	a := answers[0]
	switch {
	case a.unknown != nil || want == a2s.PartAll:
		return list[0]
	case a.Err() != nil:
		return a2s.ErrorJSON(a.Err())
	case want == a2s.PartInfo:
		return a.Info
	case want == a2s.PartPlayers:
		return a.Players
	}
	return a.Rules
}

// arrange sorts and filters the players of an answer.
func (c a2sPlayerList) arrange(a *a2s.Answer) {
	if a.Players == nil {
		return
	}
	list := a.Players.Players
	if c.NamedOnly {
		list = slices.DeleteFunc(list, func(p a2s.Player) bool { return p.Name == "" })
	}
	switch c.Sort {
	case "score":
		slices.SortStableFunc(list, func(x, y a2s.Player) int { return cmp.Compare(y.Score, x.Score) })
	case "name":
		slices.SortStableFunc(list, func(x, y a2s.Player) int { return cmp.Compare(x.Name, y.Name) })
	case "time":
		slices.SortStableFunc(list, func(x, y a2s.Player) int { return cmp.Compare(y.Duration, x.Duration) })
	}
	a.Players.Players = list
}

// validGlob refuses a pattern that path.Match cannot read.
func validGlob(pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return fault.New(fault.Invalid, "%q is not a pattern; write for example \"sv_*\"", pattern)
	}
	return nil
}

// filterRules keeps the rules whose name matches.
func filterRules(r *a2s.Rules, pattern string) {
	if r == nil || pattern == "" {
		return
	}
	r.List = slices.DeleteFunc(r.List, func(x a2s.Rule) bool {
		match, err := path.Match(pattern, x.Name)
		return err != nil || !match
	})
}

func (s *session) tellHeader(i *a2s.Info) {
	s.printf("%d/%d %s", i.PlayerCount, i.MaxPlayers, printable(i.ServerName))
}

func (s *session) tellInfo(i *a2s.Info) {
	s.tellHeader(i)
	t := tabwriter.NewWriter(s.Stdout, 0, 4, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("map", "%s", printable(i.Map))
	row("game", "%s (%s)", printable(i.Game), printable(i.Folder))
	row("app", "%d, version %s, protocol %d", i.AppID, printable(i.Version), i.Protocol)
	row("bots", "%d", i.BotCount)
	row("server", "%s, %s", i.ServerType, i.Platform)
	row("password", "%s", yesNo(i.PasswordProtected))
	row("VAC", "%s", yesNo(i.VACEnabled))
	if i.KeywordPlayers != nil {
		row("real players", "%d", *i.KeywordPlayers)
	}
	if i.KeywordMaxPlayers != nil {
		row("real places", "%d", *i.KeywordMaxPlayers)
	}
	if i.Port != 0 {
		row("game port", "%d", i.Port)
	}
	if i.SteamID != 0 {
		row("SteamID", "%d", i.SteamID)
	}
	if i.SpectatorPort != 0 {
		row("spectators", "port %d, %s", i.SpectatorPort, printable(i.SpectatorName))
	}
	if len(i.Keywords) > 0 {
		row("keywords", "%s", printable(strings.Join(i.Keywords, ",")))
	}
	if i.Ship != nil {
		row("The Ship", "%s, %d witnesses, %d s", i.Ship.Mode, i.Ship.Witnesses, i.Ship.Duration)
	}
	row("ping", "%s", pingText(i.Ping))
	t.Flush() // writes to standard output, which reports its own failure
}

func yesNo(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}

func pingText(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func (s *session) tellPlayerTable(p *a2s.Players) {
	t := tabwriter.NewWriter(s.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "SCORE\tTIME\tNAME")
	for _, x := range p.Players {
		fmt.Fprintf(t, "%d\t%s\t%s\n", x.Score, playedText(x.Duration), printable(x.Name))
	}
	t.Flush() // writes to standard output, which reports its own failure
}

// playedText writes hours, minutes and seconds, "?" for what is no time.
func playedText(seconds float32) string {
	f := float64(seconds)
	if math.IsNaN(f) || f < 0 || f > 1e9 {
		return "?"
	}
	n := int(f)
	return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
}

func (s *session) tellRules(r *a2s.Rules) {
	for _, x := range r.List {
		s.printf("%s = %s", printable(x.Name), printable(x.Value))
	}
}

// tellAll prints the server, its players and its rules, as far as they are
// known.
func (s *session) tellAll(a a2s.Answer) {
	if a.Info != nil {
		s.tellHeader(a.Info)
	}
	if a.Players != nil {
		for _, p := range a.Players.Players {
			s.printf("%d %s", p.Score, printable(p.Name))
		}
	}
	if a.Rules != nil && len(a.Rules.List) > 0 {
		s.printf("")
		s.tellRules(a.Rules)
	}
}
