package a2s

import (
	"net/netip"
	"time"
)

const (
	// challengeLife is how long a challenge is used again.
	challengeLife = time.Minute
	// maxRemembered bounds the servers that are remembered.
	maxRemembered = 4096
)

// memory is what is known of servers from earlier answers. It is not safe for
// concurrent use.
type memory map[netip.AddrPort]remembered

type remembered struct {
	challenge Challenge
	dialect   Dialect
	at        time.Time
}

// prepare lets a query begin with what is known.
func (m memory) prepare(addr netip.AddrPort, q *query, now time.Time) {
	q.challenge = NoChallenge
	if r, ok := m[addr]; ok {
		q.asm.Dialect = r.dialect
		if now.Sub(r.at) < challengeLife {
			q.challenge = r.challenge
		}
	}
}

// keep takes over what a finished query found out.
func (m memory) keep(addr netip.AddrPort, q *query, now time.Time) {
	r, known := m[addr]
	if !known && len(m) >= maxRemembered {
		m.forget(now)
	}
	if q.err == nil && q.part == PartInfo && !q.any {
		r.dialect = q.info.Dialect()
	}
	if q.challenges > 0 {
		r.challenge, r.at = q.challenge, now
	}
	if q.err != nil {
		r.challenge, r.at = Challenge{}, time.Time{}
	}
	if r != (remembered{}) {
		m[addr] = r
	}
}

// forget drops what is old, and everything if nothing is.
func (m memory) forget(now time.Time) {
	for addr, r := range m {
		if now.Sub(r.at) >= challengeLife {
			delete(m, addr)
		}
	}
	if len(m) >= maxRemembered {
		clear(m)
	}
}
