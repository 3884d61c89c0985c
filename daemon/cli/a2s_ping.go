package cli

import (
	"context"
	"net/netip"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/a2s"
)

// A2SPingCmd measures.
type A2SPingCmd struct {
	a2sTargets
	Count int `short:"c" default:"1" help:"How often, once a second."`
}

// pings are the measurements of one server.
type pings struct {
	sent, received int
	min, sum, max  time.Duration
	err            error // the last one
}

// Run prints how long the servers take. The exit code is 1 when any answer is
// missing.
func (c A2SPingCmd) Run(s *session) error {
	if c.Count < 1 || c.Count > 10000 {
		return fault.New(fault.Invalid, "--count must be from 1 to 10000")
	}
	timeout, err := c.timeout(s)
	if err != nil {
		return err
	}
	// Each ping is one packet: a retry would hide that it was lost.
	client := &a2s.Client{Timeout: timeout, Retries: []time.Duration{timeout}}
	defer client.Close() // holds nothing that could be lost
	results := make(map[netip.AddrPort]*pings)
	answers, err := c.answers(s.ctx, func(_ context.Context, addr netip.AddrPort) a2s.Answer { return a2s.Answer{Address: addr} })
	if err != nil {
		return err
	}
	for i, a := range answers {
		if a.unknown == nil && results[a.Address] == nil {
			p := &pings{}
			results[a.Address] = p
			if err := c.measure(s.ctx, client, a.Address, p); err != nil {
				return err
			}
		}
		if p := results[a.Address]; p != nil && p.err != nil {
			answers[i].Errors = map[a2s.Part]error{a2s.PartInfo: p.err}
		}
	}
	list := make([]any, len(answers))
	for i, a := range answers {
		list[i] = pingJSON(a, results[a.Address])
	}
	var v any = list
	if len(list) == 1 {
		v = list[0]
	}
	if err := s.print(v, func() { s.tellPings(answers, results) }); err != nil {
		return err
	}
	return s.tellFailures(answers, a2s.PartInfo)
}

// measure pings one server; it fails only with the context.
func (c A2SPingCmd) measure(ctx context.Context, client *a2s.Client, addr netip.AddrPort, p *pings) error {
	for i := range c.Count {
		if i > 0 {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		p.sent++
		d, err := client.Ping(ctx, addr)
		if err != nil {
			p.err = err
			continue
		}
		if p.received++; p.received == 1 || d < p.min {
			p.min = d
		}
		p.sum, p.max = p.sum+d, max(p.max, d)
	}
	return ctx.Err()
}

func (p *pings) mean() time.Duration { return p.sum / time.Duration(max(p.received, 1)) }

func (s *session) tellPings(answers []named, results map[netip.AddrPort]*pings) {
	for _, a := range answers {
		p := results[a.Address]
		switch {
		case p == nil || p.sent == 1 && p.received == 0:
		case p.sent == 1:
			s.printf("%s  %s", a.name, pingText(p.min))
		case p.received == 0:
			s.printf("%s  %d sent, 0 answered", a.name, p.sent)
		default:
			s.printf("%s  %d sent, %d answered, min/avg/max %s / %s / %s", a.name, p.sent, p.received, pingText(p.min), pingText(p.mean()), pingText(p.max))
		}
	}
}

// pingJSON is the object of one server; times are null when nothing came.
func pingJSON(a named, p *pings) any {
	if p == nil {
		return map[string]any{"address": a.name, "error": a2s.Reason(a.unknown)}
	}
	ms := func(d time.Duration) any {
		if p.received == 0 {
			return nil
		}
		return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
	}
	return map[string]any{
		"address": a.Address, "sent": p.sent, "received": p.received, "loss": 1 - float64(p.received)/float64(p.sent),
		"ping_ms": ms(p.mean()), "min_ms": ms(p.min), "max_ms": ms(p.max),
	}
}
