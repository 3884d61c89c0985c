package a2s

import (
	"bytes"
	"fmt"
)

// Challenge is what a server gives and wants to see again before it answers:
// four bytes without a meaning to anybody else.
type Challenge [4]byte

// NoChallenge asks for one. It is never 0: servers differ there.
var NoChallenge = Challenge{0xff, 0xff, 0xff, 0xff}

// infoText is what INFO is asked with.
const infoText = "Source Engine Query\x00"

// Request is a question as a server sees it.
type Request struct {
	Kind byte // RequestInfo and so on
	// Challenge is NoChallenge when there was none.
	Challenge Challenge
}

// AppendRequest appends a question. INFO with NoChallenge is the old form
// without one, which all servers know.
func AppendRequest(b []byte, r Request) []byte {
	b = appendHeader(b, r.Kind)
	switch r.Kind {
	case RequestInfo:
		b = append(b, infoText...)
		if r.Challenge == NoChallenge {
			return b
		}
	case RequestPlayers, RequestRules:
	default:
		return b
	}
	return append(b, r.Challenge[:]...)
}

// DecodeRequest reads a question. Bytes behind it are ignored, since some
// clients send some.
func DecodeRequest(b []byte) (Request, error) {
	if len(b) < 5 || order.Uint32(b) != wholeHeader {
		return Request{}, malformed("it is no whole message")
	}
	r := Request{Kind: b[4], Challenge: NoChallenge}
	rest := b[5:]
	switch r.Kind {
	case RequestInfo:
		if !bytes.HasPrefix(rest, []byte(infoText)) {
			return Request{}, malformed("INFO is not asked with its text")
		}
		rest = rest[len(infoText):]
	case RequestPlayers, RequestRules:
	case RequestChallenge, RequestPing:
		return r, nil
	default:
		return Request{}, malformed("%#02x is no question", r.Kind)
	}
	if len(rest) >= len(r.Challenge) {
		copy(r.Challenge[:], rest)
	}
	return r, nil
}

// AppendChallenge appends the reply that demands a challenge.
func AppendChallenge(b []byte, c Challenge) []byte {
	return append(appendHeader(b, ReplyChallenge), c[:]...)
}

// DecodeChallenge reads the reply that demands a challenge.
func DecodeChallenge(b []byte) (c Challenge, err error) {
	r, err := body(b, ReplyChallenge)
	if err != nil {
		return c, err
	}
	if copy(c[:], r.b) < len(c) {
		return c, malformed("the challenge ends early")
	}
	return c, nil
}

// AppendPing appends the reply to PING. GoldSource servers send no text,
// Source servers "00000000000000".
func AppendPing(b []byte, text string) []byte {
	return appendString(appendHeader(b, ReplyPing), text)
}

// DecodePing reads the reply to PING and returns its text.
func DecodePing(b []byte) (string, error) {
	r, err := body(b, ReplyPing)
	if err != nil {
		return "", err
	}
	if s := r.str(); !r.short {
		return s, nil
	}
	return text(r.b), nil
}

// String describes the question for logs.
func (r Request) String() string {
	return fmt.Sprintf("question %#02x, challenge %x", r.Kind, r.Challenge)
}
