package cli

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/a2s"
)

// A2SCmd groups the commands that ask game servers.
type A2SCmd struct {
	Info    A2SInfoCmd    `cmd:"" help:"Say what game servers are."`
	Players A2SPlayersCmd `cmd:"" help:"Say who plays on game servers."`
	Rules   A2SRulesCmd   `cmd:"" help:"Say how game servers are set up."`
	Ping    A2SPingCmd    `cmd:"" help:"Measure how long game servers take to answer."`
	All     A2SAllCmd     `cmd:"" help:"Say everything that game servers tell."`
	Scan    A2SScanCmd    `cmd:"" help:"Ask thousands of game servers."`
}

// a2sTargets is what the commands about single servers take.
type a2sTargets struct {
	Addr    []string      `arg:"" placeholder:"ADDR" help:"Game server: host, host:port or [ipv6]:port. The port is 27015 unless named."`
	Timeout time.Duration `placeholder:"5s" help:"How long one question may take, with its retries. Default: a2s.timeout."`
}

// a2sPlayerList is how lists of players are shown.
type a2sPlayerList struct {
	NamedOnly bool   `help:"Leave out players without a name, who are still connecting."`
	Sort      string `enum:"score,name,time,none" default:"score" help:"Order of the players: score (the highest first), name, time or none."`
}

// A2SInfoCmd asks for INFO.
type A2SInfoCmd struct{ a2sTargets }

// Run prints what the servers are.
func (c A2SInfoCmd) Run(s *session) error {
	return c.ask(s, a2s.PartInfo, func(a a2s.Answer) { s.tellInfo(a.Info) })
}

// A2SPlayersCmd asks for PLAYER.
type A2SPlayersCmd struct {
	a2sTargets
	a2sPlayerList
}

// Run prints who plays.
func (c A2SPlayersCmd) Run(s *session) error {
	return c.ask(s, a2s.PartPlayers, func(a a2s.Answer) { s.tellPlayerTable(a.Players) }, c.arrange)
}

// A2SRulesCmd asks for RULES.
type A2SRulesCmd struct {
	a2sTargets
	Filter string `placeholder:"GLOB" help:"Only rules whose name matches, for example sv_*."`
}

// Run prints how the servers are set up.
func (c A2SRulesCmd) Run(s *session) error {
	if err := validGlob(c.Filter); err != nil {
		return err
	}
	return c.ask(s, a2s.PartRules, func(a a2s.Answer) { s.tellRules(a.Rules) }, func(a *a2s.Answer) { filterRules(a.Rules, c.Filter) })
}

// A2SAllCmd asks for everything.
type A2SAllCmd struct {
	a2sTargets
	a2sPlayerList
}

// Run prints the server with its players by score, and its rules.
func (c A2SAllCmd) Run(s *session) error {
	return c.ask(s, a2s.PartAll, s.tellAll, c.arrange)
}

// ask asks all servers at once and shows the answers in the order of the
// command line. The exit code is 1 when a part of any is missing.
func (c a2sTargets) ask(s *session, want a2s.Part, text func(a2s.Answer), arrange ...func(*a2s.Answer)) error {
	client, err := c.client(s)
	if err != nil {
		return err
	}
	defer client.Close() // holds nothing that could be lost
	answers, err := c.answers(s.ctx, func(ctx context.Context, addr netip.AddrPort) a2s.Answer { return client.Ask(ctx, addr, want) })
	if err != nil {
		return err
	}
	for i := range answers {
		for _, f := range arrange {
			f(&answers[i].Answer)
		}
	}
	err = s.print(a2sJSON(answers, want), func() {
		for i, a := range answers {
			s.heading(i, len(answers), a.name)
			if a.whole() || want == a2s.PartAll {
				text(a.Answer)
			}
		}
	})
	if err != nil {
		return err
	}
	return s.tellFailures(answers, want)
}

// client returns a client with the timeout of the flag or the configuration.
func (c a2sTargets) client(s *session) (*a2s.Client, error) {
	timeout, err := c.timeout(s)
	return &a2s.Client{Timeout: timeout}, err
}

func (c a2sTargets) timeout(s *session) (time.Duration, error) {
	if c.Timeout < 0 {
		return 0, fault.New(fault.Invalid, "--timeout must be more than 0")
	}
	if c.Timeout > 0 {
		return c.Timeout, nil
	}
	loaded, err := s.load()
	if err != nil {
		return 0, err
	}
	return loaded.Config.A2S.Timeout.Std(), nil
}

// named is an answer with the address as it was typed.
type named struct {
	a2s.Answer
	name    string
	unknown error // the name has no address
}

func (n named) whole() bool { return n.unknown == nil && n.Err() == nil }

// a2sParallel bounds the servers that are asked at the same time by commands
// about single servers.
const a2sParallel = 16

// answers asks every server, and fails only for an address that cannot be
// read.
func (c a2sTargets) answers(ctx context.Context, ask func(context.Context, netip.AddrPort) a2s.Answer) ([]named, error) {
	for _, text := range c.Addr {
		if _, _, err := a2s.ParseAddress(text); err != nil {
			return nil, fault.New(fault.Invalid, "%v", err)
		}
	}
	answers := make([]named, len(c.Addr))
	slots := make(chan struct{}, a2sParallel)
	var all sync.WaitGroup
	for i, text := range c.Addr {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			answers[i].name = text
			addr, err := a2s.Resolve(ctx, text)
			if err != nil {
				answers[i].unknown = err
				return
			}
			answers[i].Answer = ask(ctx, addr)
		})
	}
	all.Wait()
	return answers, ctx.Err()
}

// heading separates the servers when there are several.
func (s *session) heading(i, of int, name string) {
	if of == 1 {
		return
	}
	if i > 0 {
		s.printf("")
	}
	s.printf("%s", name)
}

// tellFailures names what is missing on standard error.
func (s *session) tellFailures(answers []named, want a2s.Part) error {
	failed := false
	for _, a := range answers {
		if a.whole() {
			continue
		}
		failed = true
		if a.unknown != nil {
			fmt.Fprintf(s.Stderr, "quartermaster: %s: %v\n", a.name, a.unknown)
			continue
		}
		if a.Ping == 0 || len(a.Errors) == 1 && want != a2s.PartAll {
			fmt.Fprintf(s.Stderr, "quartermaster: %s: %v\n", a.name, a.Err())
			continue
		}
		for _, p := range []a2s.Part{a2s.PartInfo, a2s.PartPlayers, a2s.PartRules} {
			if err := a.Errors[p]; err != nil {
				fmt.Fprintf(s.Stderr, "quartermaster: %s: %s: %v\n", a.name, p, err)
			}
		}
	}
	if failed {
		return silent{ExitFailure}
	}
	return nil
}
