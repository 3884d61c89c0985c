package config

import (
	"net/netip"
	"net/url"
)

// validWebhook reports whether a webhook may have this address.
func validWebhook(address string) bool { return validURL(address) && len(address) <= 2000 }

// sentWebhook reports whether the sender would send to the host as it is
// written; what a name stands for it finds out itself.
func sentWebhook(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err != nil || !RefusedAddress(a)
}

// cloudMetadata lists what clouds serve the secrets of a machine at, beside the
// link-local addresses.
var cloudMetadata = []netip.Addr{
	netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("192.0.0.192"),     // Oracle Cloud
	netip.MustParseAddr("fd00:ec2::254"),   // AWS
	netip.MustParseAddr("fd20:ce::254"),    // Google Cloud
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: an IPv4 address behind a translator

// RefusedAddress reports whether no webhook is ever sent to the address. Private
// networks and the machine itself are not: that is where operators have their
// bots.
func RefusedAddress(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if a.IsUnspecified() || a.IsLinkLocalUnicast() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return true
	}
	for _, m := range cloudMetadata {
		if a == m {
			return true
		}
	}
	return false
}
