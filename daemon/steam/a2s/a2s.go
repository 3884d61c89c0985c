// Package a2s speaks A2S, the query protocol of Valve's game servers and of
// the many others that took it over: what a server is (INFO), who plays on it
// (PLAYER) and how it is set up (RULES), one UDP question at a time.
//
// The codec is pure: Decode functions take a whole message and return a value
// or an error, Append functions write one. They never panic, whatever they are
// given, and allocate no more than a small multiple of it. Client asks single
// servers, Pool asks thousands, and Responder is the other side.
//
// The wire is described by Valve ("Server queries", developer wiki). All
// integers are little-endian and all strings end with a zero byte. Every
// datagram begins with four bytes: ff ff ff ff for a whole message, fe ff ff
// ff for a fragment of one.
package a2s

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// DefaultPort is where game servers usually answer. Many games answer on the
// port of the game plus one instead.
const DefaultPort = 27015

// The type bytes of messages: what stands after ff ff ff ff.
const (
	RequestInfo      = 0x54 // followed by "Source Engine Query"
	RequestPlayers   = 0x55
	RequestRules     = 0x56
	RequestChallenge = 0x57 // obsolete
	RequestPing      = 0x69 // obsolete; most servers are silent

	ReplyChallenge  = 0x41
	ReplyPlayers    = 0x44
	ReplyRules      = 0x45
	ReplyInfo       = 0x49
	ReplyPing       = 0x6a
	ReplyGoldSource = 0x6d // INFO of old GoldSource servers and of HLTV
)

// What a query fails with, beside the errors of its context and of the
// network. They are to be tested with errors.Is.
var (
	// ErrTimeout means that no answer, or not the whole of it, came in time.
	ErrTimeout = errors.New("no answer in time")
	// ErrClosed means that the client was closed before or during the query.
	ErrClosed = errors.New("the client is closed")
	// ErrMalformed means that the answer is not what the protocol allows.
	ErrMalformed = errors.New("malformed message")
	// ErrChallengeLoop means that the server refused every challenge that it
	// had given.
	ErrChallengeLoop = errors.New("the server keeps asking for another challenge")
	// ErrTooLarge means that the answer is above the limits of this package.
	ErrTooLarge = errors.New("the answer is too large")
)

// Code returns a short word for what a query failed with, for programs:
// timeout, closed, malformed, challenge_loop, too_large, canceled, or network
// for everything else.
func Code(err error) string {
	for _, c := range []struct {
		err  error
		code string
	}{
		{ErrTimeout, "timeout"}, {context.DeadlineExceeded, "timeout"}, {context.Canceled, "canceled"}, {ErrClosed, "closed"},
		{ErrMalformed, "malformed"}, {ErrChallengeLoop, "challenge_loop"}, {ErrTooLarge, "too_large"},
	} {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return "network"
}

// Part is what can be asked of a server; several are joined with |.
type Part uint8

// The parts.
const (
	PartInfo Part = 1 << iota
	PartPlayers
	PartRules

	PartAll = PartInfo | PartPlayers | PartRules
)

// parts are the parts in the order in which they are asked.
var parts = [...]Part{PartInfo, PartPlayers, PartRules}

// String returns info, players or rules.
func (p Part) String() string {
	switch p {
	case PartInfo:
		return "info"
	case PartPlayers:
		return "players"
	case PartRules:
		return "rules"
	}
	return fmt.Sprintf("parts %#x", uint8(p))
}

// ParsePart reads what String writes of one part.
func ParsePart(name string) (Part, error) {
	for _, p := range parts {
		if p.String() == name {
			return p, nil
		}
	}
	return 0, fmt.Errorf("%q is none of info, players and rules", name)
}

// request returns the type byte of the question.
func (p Part) request() byte {
	switch p {
	case PartPlayers:
		return RequestPlayers
	case PartRules:
		return RequestRules
	}
	return RequestInfo
}

// The first four bytes of a datagram.
const (
	wholeHeader    = 0xffffffff
	fragmentHeader = 0xfffffffe
)

// body checks that b is a whole message of the given type and returns a
// reader behind the type byte.
func body(b []byte, kind byte) (*reader, error) {
	if len(b) < 5 || order.Uint32(b) != wholeHeader {
		return nil, malformed("it is no whole message")
	}
	if b[4] != kind {
		return nil, malformed("its type is %#02x, not %#02x", b[4], kind)
	}
	return &reader{b: b[5:]}, nil
}

// order is the byte order of all integers.
var order = binary.LittleEndian

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}
