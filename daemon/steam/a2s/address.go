package a2s

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// ParseAddress reads HOST, HOST:PORT, an IPv6 address, or [IPv6]:PORT. Without
// a port it is DefaultPort.
func ParseAddress(text string) (host string, port uint16, err error) {
	bare := text
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		bare = text[1 : len(text)-1]
	}
	if ip, err := netip.ParseAddr(bare); err == nil {
		return ip.String(), DefaultPort, nil
	}
	forbidden := " \t/[]" // an IPv6 address with a port has colons
	host, digits, err := net.SplitHostPort(text)
	if err != nil {
		host, digits = text, strconv.Itoa(DefaultPort)
		forbidden += ":"
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 || host == "" || strings.ContainsAny(host, forbidden) {
		return "", 0, fmt.Errorf("%q is not an address; write host, host:port or [ipv6]:port", text)
	}
	return host, uint16(n), nil
}

// Resolve reads an address as ParseAddress does and looks its name up. Of
// several addresses an IPv4 one is taken.
func Resolve(ctx context.Context, text string) (netip.AddrPort, error) {
	host, port, err := ParseAddress(text)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(ip.Unmap(), port), nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for _, ip := range found {
		if ip.Unmap().Is4() {
			return netip.AddrPortFrom(ip.Unmap(), port), nil
		}
	}
	if len(found) == 0 {
		return netip.AddrPort{}, fmt.Errorf("%s has no address", host)
	}
	return netip.AddrPortFrom(found[0], port), nil
}
