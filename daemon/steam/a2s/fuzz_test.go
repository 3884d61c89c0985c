package a2s

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

// seed adds every datagram and every whole message of the vectors.
func seed(f *testing.F) {
	for _, datagrams := range vectors(f) {
		for _, d := range datagrams {
			f.Add(d)
		}
		if message, err := assemble(datagrams); err == nil && message != nil {
			f.Add(message)
		}
	}
}

// writable fails when a decoded value cannot be written as JSON.
func writable(t *testing.T, v any) {
	t.Helper()
	if _, err := json.Marshal(v); err != nil {
		t.Errorf("%+v: %v", v, err)
	}
}

func FuzzDecodeInfo(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := DecodeInfo(b)
		if err != nil {
			return
		}
		writable(t, i)
		if _, err := DecodeInfo(AppendInfo(nil, i)); err != nil {
			t.Errorf("%x: what is written again is refused: %v", b, err)
		}
	})
}

func FuzzDecodePlayers(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodePlayers(b)
		if err != nil {
			return
		}
		writable(t, p)
		if len(p.Players) > int(p.Count) || p.Truncated != (len(p.Players) < int(p.Count)) {
			t.Errorf("%x: %d of %d players, truncated %v", b, len(p.Players), p.Count, p.Truncated)
		}
	})
}

func FuzzDecodeRules(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeRules(b)
		if err != nil {
			return
		}
		writable(t, r)
		if again, err := DecodeRules(AppendRules(nil, r.List)); err != nil || len(again.List) != len(r.List) {
			t.Errorf("%x: %d rules are %d when written again, %v", b, len(r.List), len(again.List), err)
		}
	})
}

func FuzzDecodeRequest(f *testing.F) {
	seed(f)
	for _, kind := range []byte{RequestInfo, RequestPlayers, RequestRules, RequestChallenge, RequestPing} {
		f.Add(AppendRequest(nil, Request{Kind: kind, Challenge: Challenge{1, 2, 3, 4}}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = DecodeChallenge(b)
		_, _ = DecodePing(b)
		r, err := DecodeRequest(b)
		if err != nil {
			return
		}
		if again, err := DecodeRequest(AppendRequest(nil, r)); err != nil || again != r {
			t.Errorf("%x: %s is %s when written again, %v", b, r, again, err)
		}
	})
}

// FuzzAssembler cuts its input into datagrams of the length that the first
// byte says.
func FuzzAssembler(f *testing.F) {
	for _, datagrams := range vectors(f) {
		f.Add(byte(0), byte(len(datagrams[0])), bytes.Join(datagrams, nil))
	}
	f.Fuzz(func(t *testing.T, dialect, length byte, b []byte) {
		a := Assembler{Dialect: Dialect(dialect % 4), Limit: 4096}
		q := query{part: parts[dialect%3], retries: defaultRetries(), timeout: DefaultTimeout, challenge: NoChallenge}
		now := time.Unix(1700000000, 0)
		q.sent(now)
		for n := max(int(length), 1); len(b) > 0; {
			n = min(n, len(b))
			if message, _ := a.Add(b[:n]); len(message) > MaxDecompressed+4 {
				t.Errorf("%d bytes", len(message))
			}
			if a.size > 4096 {
				t.Errorf("%d bytes wait", a.size)
			}
			q.receive(now, b[:n])
			b = b[n:]
		}
	})
}
