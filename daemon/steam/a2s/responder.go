package a2s

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// challengeTurn is how long a challenge is given out. The one before is
// accepted too.
const challengeTurn = 5 * time.Minute

// Content is what a Responder tells. A part that is nil is not answered.
type Content struct {
	Info    *Info
	Players []Player
	Rules   []Rule
}

// Responder answers questions as a game server does. It answers nobody who
// has not shown a challenge that was sent to his address, and what it sends
// until then is never longer than the question: nobody can make it flood a
// third party. It is safe for concurrent use.
type Responder struct {
	content func() Content
	now     func() time.Time
	secret  []byte
	ids     atomic.Uint32
}

// NewResponder returns a Responder that tells what content returns at each
// question; nothing it returns may be changed later. A nil clock is the
// system's.
func NewResponder(content func() Content, now func() time.Time) *Responder {
	if now == nil {
		now = time.Now
	}
	r := &Responder{content: content, now: now, secret: make([]byte, sha256.Size)}
	rand.Read(r.secret) // never fails: see crypto/rand
	return r
}

// Answer returns the datagrams to send back, none for what is no question. It
// does not keep the datagram.
func (r *Responder) Answer(from netip.AddrPort, datagram []byte) [][]byte {
	q, err := DecodeRequest(datagram)
	if err != nil || q.Kind == RequestPing {
		return nil
	}
	from = unmap(from)
	turn := r.now().UnixNano() / int64(challengeTurn)
	given := r.challenge(from, turn)
	if q.Kind == RequestChallenge || q.Challenge != given && q.Challenge != r.challenge(from, turn-1) {
		demand := AppendChallenge(nil, given)
		if len(demand) > len(datagram) {
			return nil
		}
		return [][]byte{demand}
	}
	message := r.message(q.Kind)
	if message == nil {
		return nil
	}
	return Split(message, r.ids.Add(1))
}

// message returns the whole reply to a question, nil if there is none.
func (r *Responder) message(kind byte) []byte {
	c := r.content()
	switch {
	case kind == RequestInfo && c.Info != nil:
		return AppendInfo(nil, *c.Info)
	case kind == RequestPlayers && c.Players != nil:
		return AppendPlayers(nil, c.Players)
	case kind == RequestRules && c.Rules != nil:
		return AppendRules(nil, c.Rules)
	}
	return nil
}

// challenge returns what is given to an address in one turn.
func (r *Responder) challenge(from netip.AddrPort, turn int64) (c Challenge) {
	mac := hmac.New(sha256.New, r.secret)
	ip := from.Addr().As16()
	mac.Write(order.AppendUint64(nil, uint64(turn)))
	mac.Write(ip[:])
	mac.Write(order.AppendUint16(nil, from.Port()))
	copy(c[:], mac.Sum(nil))
	if c == NoChallenge || c == (Challenge{}) {
		c[0] = 1 // both mean "none" to some
	}
	return c
}

// Serve answers what comes in on conn until the context ends, and closes
// conn.
func (r *Responder) Serve(ctx context.Context, conn *net.UDPConn) error {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	b := make([]byte, maxDatagram)
	for failures := 0; ; {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			if failures++; failures > maxReadFailures {
				return err
			}
			continue
		}
		failures = 0
		for _, d := range r.Answer(from, b[:n]) {
			// Who is not to be reached asks again or gives up.
			_, _ = conn.WriteToUDPAddrPort(d, from)
		}
	}
}
