package demosink

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzGameServer wants an address to be stored as text that the database
// takes, and an IPv4 address wherever it is taken for known.
func FuzzGameServer(f *testing.F) {
	for _, seed := range []string{"", ":", "123.45.6789", "169.254.215.11%3A58480", "0x7f.1:27015", "010.1", "1.2.3.4.5", "[::1]:1", "%", "a:b:c", "256", "4294967296", "1_0.1", "\x00"} {
		f.Add(seed)
	}
	s := &Service{options: Options{Resolve: func(context.Context, string) ([]netip.Addr, error) { return nil, nil }}}
	f.Fuzz(func(t *testing.T, raw string) {
		g := s.parseGameServer(context.Background(), raw)
		stored := text(g.text)
		if !utf8.ValidString(stored) || strings.Contains(stored, "\x00") || len(stored) > maxText {
			t.Errorf("%q is stored as %q", raw, stored)
		}
		if g.known() && (!g.addr.Addr().Is4() || g.fake != relay.Contains(g.addr.Addr())) && g.fake {
			t.Errorf("%q is taken for %v, fake %t", raw, g.addr, g.fake)
		}
	})
}

// FuzzFold wants the canonical path to be canonical.
func FuzzFold(f *testing.F) {
	for _, seed := range []string{"", "/", "//", "/session_id/", "//session_id", "/a//b///", "a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		folded := fold(raw)
		if strings.Contains(folded, "//") || len(folded) > 1 && strings.HasSuffix(folded, "/") || fold(folded) != folded {
			t.Errorf("%q folds to %q", raw, folded)
		}
	})
}

// FuzzSteamNumber wants what is taken to be the number that was written.
func FuzzSteamNumber(f *testing.F) {
	for _, seed := range []string{`"76561198000000009"`, "76561198000000009", "1e5", "-1", `""`, "18446744073709551616", "null", `"007"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		id, ok := steamNumber([]byte(raw))
		digits := strings.TrimLeft(strings.Trim(raw, `"`), "0")
		if ok && id != 0 && id.Decimal() != digits {
			t.Errorf("%q is taken for %d", raw, uint64(id))
		}
	})
}

func TestParseIPv4(t *testing.T) {
	for in, want := range map[string]string{
		"123.45.6789": "123.45.26.133", "1": "0.0.0.1", "127.1": "127.0.0.1", "0x7f.0.0.1": "127.0.0.1", "010.0.0.1": "8.0.0.1", "4294967295": "255.255.255.255",
		"1.2.3.4": "1.2.3.4", "1.2.65535": "1.2.255.255",
		"1.2.3.256": "", "1.2.65536": "", "4294967296": "", "1.2.3.4.5": "", "": "", "1..2": "", "a.b": "", "-1": "", "1_0": "", "0b1": "", "0o7": "", "08": "",
	} {
		got, ok := parseIPv4(in)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%q: %v %t, want %q", in, got, ok, want)
		}
	}
}
