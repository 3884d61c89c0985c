package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/matches"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/serverlist"
)

// MatchesCmd groups the commands about matches that game servers reported. ID
// is the number of a match.
type MatchesCmd struct {
	List MatchesListCmd `cmd:"" help:"List the matches, the newest first."`
	Show MatchesShowCmd `cmd:"" help:"Show everybody who took part and why each rating changed."`
	Void MatchesVoidCmd `cmd:"" help:"Take a match out and rate anew what followed."`
}

// withMatches opens the state, runs fn on the matches and closes.
func (s *session) withMatches(fn func(*daemon.State, *matches.Service) error) error {
	return s.withState(func(state *daemon.State) error {
		service, err := state.Metaserver(nil)
		if err != nil {
			return err
		}
		return fn(state, service.Matches())
	})
}

// MatchesListCmd lists.
type MatchesListCmd struct {
	Server string `placeholder:"ID" help:"Only of this game server."`
	Player string `placeholder:"ACCOUNT" help:"Only those this account took part in."`
	Race   string `placeholder:"R" enum:",human,beast" default:"" help:"human or beast: with a team of it; with --player, when he was of it."`
	From   string `placeholder:"TIME" help:"Reported then or later: a day, or a time as 2026-11-20T18:00:00Z."`
	To     string `placeholder:"TIME" help:"Reported before then."`
	Limit  int    `placeholder:"N" default:"100" help:"At most this many. Default: 100."`
}

func (c MatchesListCmd) filter(s *session, state *daemon.State) (f matches.Filter, err error) {
	f.Race = matches.Race(c.Race)
	if c.Server != "" {
		if f.Server, err = numberOf(c.Server, "server"); err != nil {
			return f, err
		}
	}
	if c.Player != "" {
		a, err := state.Accounts.Account(s.ctx, c.Player)
		if err != nil {
			return f, err
		}
		f.Player = a.ID
	}
	if f.From, err = dayOrTime(c.From); err != nil {
		return f, err
	}
	f.To, err = dayOrTime(c.To)
	return f, err
}

// Run prints one line per match.
func (c MatchesListCmd) Run(s *session) error {
	return s.withMatches(func(state *daemon.State, m *matches.Service) error {
		filter, err := c.filter(s, state)
		if err != nil {
			return err
		}
		all := []matches.Match{}
		for next := ""; len(all) < c.Limit; {
			var some []matches.Match
			if some, next, _, err = m.List(s.ctx, filter, matches.Page{Limit: min(pageSize, c.Limit-len(all)), Cursor: next}); err != nil {
				return err
			}
			if all = append(all, some...); next == "" {
				break
			}
		}
		views, err := m.View(s.ctx, all)
		if err != nil {
			return err
		}
		return s.print(views, func() {
			if len(views) == 0 {
				s.printf("no match")
				return
			}
			s.listMatches(views)
		})
	})
}

func (s *session) listMatches(all []matches.MatchView) {
	t := tabwriter.NewWriter(s.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tREPORTED\tSERVER\tMAP\tTEAMS\tRESULT\tNOTES")
	for _, m := range all {
		teams := make([]string, len(m.Teams))
		for i, team := range m.Teams {
			teams[i] = fmt.Sprintf("%d %s", team.Players, team.Race)
		}
		notes := ""
		if !m.VoidedAt.IsZero() {
			notes = "void: " + printable(m.VoidReason)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.ID, dateText(m.At), serverText(m), printable(m.Map), strings.Join(teams, ", "), resultText(m), notes)
	}
	t.Flush() // writes to standard output, which reports its own failure
}

func serverText(m matches.MatchView) string {
	if m.Server == "" {
		return "#" + m.ServerID
	}
	return "#" + m.ServerID + " " + printable(serverlist.PlainName(m.Server))
}

func resultText(m matches.MatchView) string {
	for _, t := range m.Teams {
		if t.Won {
			return fmt.Sprintf("team %d won", t.ID)
		}
	}
	return "draw"
}

// MatchesShowCmd shows one.
type MatchesShowCmd struct {
	ID string `arg:"" help:"Its number."`
}

// Run prints the match with every change of a rating.
func (c MatchesShowCmd) Run(s *session) error {
	id, err := numberOf(c.ID, "match")
	if err != nil {
		return err
	}
	return s.withMatches(func(_ *daemon.State, m *matches.Service) error {
		match, err := m.Get(s.ctx, id)
		if err != nil {
			return absent(err, "match", id)
		}
		v, err := m.Describe(s.ctx, match)
		if err != nil {
			return err
		}
		return s.print(v, func() { s.showMatch(v) })
	})
}

func (s *session) showMatch(v matches.DetailView) {
	s.printf("match %s on server %s, %s, %s", v.ID, serverText(v.MatchView), dateText(v.At), resultText(v.MatchView))
	if !v.VoidedAt.IsZero() {
		s.printf("void since %s: %s", dateText(v.VoidedAt), printable(v.VoidReason))
	}
	s.printf("rated by %s: begins at %g, team counts %g, step %g, floor %g", v.Formula.Name, v.Formula.Initial, v.Formula.TeamWeight, v.Formula.Step, v.Formula.Floor)
	for i, team := range v.Teams {
		s.printf("")
		commander := "nobody with an account"
		if team.Commander != nil {
			commander = "#" + team.Commander.ID + " " + printable(team.Commander.Name)
		}
		s.printf("team %d, %s, led by %s: strength %.1f against %.1f", team.ID, team.Race, commander, team.Mean, team.Opponent)
		t := tabwriter.NewWriter(s.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "PLAYER\tBEFORE\tEXPECTED\tSCORED\tFACTOR\tAFTER\tCHANGE")
		for _, c := range v.Field[i] {
			player := "without an account"
			if c.Player != nil {
				player = "#" + c.Player.ID + " " + printable(c.Player.Name)
			}
			fmt.Fprintf(t, "%s\t%.1f\t%.3f\t%g\t%.1f\t%.1f\t%+.1f\n", player, c.Before, c.Expected, c.Score, c.Factor, c.After, c.Change)
		}
		t.Flush() // writes to standard output, which reports its own failure
	}
}

// MatchesVoidCmd takes a match out.
type MatchesVoidCmd struct {
	ID     string `arg:"" help:"Its number."`
	Reason string `required:"" placeholder:"TEXT" help:"Why; shown with the match."`
}

// Run takes it out.
func (c MatchesVoidCmd) Run(s *session) error {
	id, err := numberOf(c.ID, "match")
	if err != nil {
		return err
	}
	return s.withMatches(func(_ *daemon.State, m *matches.Service) error {
		match, err := m.Void(s.ctx, id, 0, c.Reason)
		if err != nil {
			return absent(err, "match", id)
		}
		views, err := m.View(s.ctx, []matches.Match{match})
		if err != nil {
			return err
		}
		return s.print(views[0], func() { s.printf("match %d does not count any more", id) })
	})
}

// LeaderboardCmd prints a leaderboard.
type LeaderboardCmd struct {
	Server string `arg:"" optional:"" help:"Number of a game server. Default: all of them together."`
	Limit  int    `placeholder:"N" default:"20" help:"At most this many. Default: 20."`
}

// Run prints one line per player.
func (c LeaderboardCmd) Run(s *session) error {
	server := matches.Overall
	if c.Server != "" {
		var err error
		if server, err = numberOf(c.Server, "server"); err != nil {
			return err
		}
	}
	return s.withMatches(func(_ *daemon.State, m *matches.Service) error {
		all := []matches.Place{}
		for next := ""; len(all) < c.Limit; {
			some, after, _, err := m.Board(s.ctx, server, matches.Page{Limit: min(pageSize, c.Limit-len(all)), Cursor: next})
			if err != nil {
				return err
			}
			if all, next = append(all, some...), after; next == "" {
				break
			}
		}
		views, err := m.ViewPlaces(s.ctx, all)
		if err != nil {
			return err
		}
		return s.print(views, func() {
			if len(views) == 0 {
				s.printf("nobody has played enough matches; metaserver.ranked_matches says how many it takes")
				return
			}
			s.listPlaces(views)
		})
	})
}

func (s *session) listPlaces(all []matches.PlaceView) {
	t := tabwriter.NewWriter(s.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "RANK\tRATING\tPLAYED\tWON\tLED\tPLAYER")
	for _, p := range all {
		fmt.Fprintf(t, "%d\t%.0f\t%d\t%d\t%d\t#%s %s\n", p.Rank, p.Rating, p.PlayedField, p.WonField, p.PlayedCommand, p.Player.ID, printable(p.Player.Name))
	}
	t.Flush() // writes to standard output, which reports its own failure
}
