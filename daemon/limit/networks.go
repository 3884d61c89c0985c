package limit

import (
	"fmt"
	"net/netip"
	"strings"
)

// Prefix returns the unit in which clients are counted: the single address
// for IPv4 (also when it came mapped into IPv6), the /64 for IPv6, because
// one IPv6 customer commonly owns a whole /64. Zones are dropped. The zero
// Addr gives the zero Prefix.
func Prefix(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// Networks is a set of IP networks. The zero value is empty. It is immutable
// and safe for concurrent use.
type Networks struct {
	prefixes []netip.Prefix
}

// ParseNetworks reads addresses ("192.0.2.7", "2001:db8::1") and networks in
// CIDR form ("10.0.0.0/8"). The error names the first text that is neither.
func ParseNetworks(texts []string) (Networks, error) {
	var n Networks
	for _, text := range texts {
		p, err := parseNetwork(strings.TrimSpace(text))
		if err != nil {
			return Networks{}, fmt.Errorf("%q is neither an IP address nor a network such as 10.0.0.0/8", text)
		}
		n.prefixes = append(n.prefixes, p)
	}
	return n, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// Contains reports whether a lies in one of the networks. An IPv4 address
// mapped into IPv6 counts as IPv4; a zone is ignored.
func (n Networks) Contains(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range n.prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
