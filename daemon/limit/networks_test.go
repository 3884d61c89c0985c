package limit_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/limit"
)

func TestPrefix(t *testing.T) {
	for _, c := range []struct{ addr, want string }{
		{"192.0.2.7", "192.0.2.7/32"},
		{"::ffff:192.0.2.7", "192.0.2.7/32"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"fe80::1%eth0", "fe80::/64"},
		{"::1", "::/64"},
	} {
		if got := limit.Prefix(netip.MustParseAddr(c.addr)).String(); got != c.want {
			t.Errorf("Prefix(%s) = %s, want %s", c.addr, got, c.want)
		}
	}
	if p := limit.Prefix(netip.Addr{}); p != (netip.Prefix{}) {
		t.Errorf("Prefix of no address = %v", p)
	}
}

func TestNetworks(t *testing.T) {
	n, err := limit.ParseNetworks([]string{"10.0.0.0/8", " 192.0.2.7 ", "2001:db8::/32", "::ffff:198.51.100.0/120", "fe80::1%eth0"})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{
		"10.255.0.1": true, "11.0.0.1": false, "::ffff:10.1.2.3": true,
		"192.0.2.7": true, "192.0.2.8": false,
		"2001:db8:ffff::1": true, "2001:db9::1": false,
		"198.51.100.200": true, "198.51.101.1": false,
		"fe80::1": true, "fe80::1%eth9": true, "fe80::2": false,
	} {
		if got := n.Contains(netip.MustParseAddr(addr)); got != want {
			t.Errorf("Contains(%s) = %v, want %v", addr, got, want)
		}
	}
	if n.Contains(netip.Addr{}) || (limit.Networks{}).Contains(netip.MustParseAddr("10.0.0.1")) {
		t.Error("no address and no network contain something")
	}
	for _, bad := range []string{"", "localhost", "10.0.0.0/33", "10.0.0", "10.0.0.0/8/8", "1.2.3.4:80"} {
		if _, err := limit.ParseNetworks([]string{"10.0.0.1", bad}); err == nil || !strings.Contains(err.Error(), `"`+bad+`"`) {
			t.Errorf("ParseNetworks(%q): %v; the error must name the text", bad, err)
		}
	}
}

func FuzzParseNetworks(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", "::1", "::ffff:1.2.3.4/97", "fe80::%x", "/", "1.2.3.4/-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := limit.ParseNetworks([]string{s})
		if err != nil {
			return
		}
		if a, err := netip.ParseAddr(strings.TrimSpace(s)); err == nil && !n.Contains(a) {
			t.Errorf("the network %q does not contain itself", s)
		}
	})
}
