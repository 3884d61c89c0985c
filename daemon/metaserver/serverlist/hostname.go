package serverlist

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// HostProblem is a reason why a text is no address of a game server, in the
// form in which pydantic 1.10, whose error types the clients of the metaserver
// know, reports it. Context may be nil.
type HostProblem struct {
	Type, Message string
	Context       map[string]any
}

// Lengths in characters.
const (
	maxURL  = 2083
	maxName = 253 // of a DNS name, RFC 1035 §2.3.4
)

func notIPv4() HostProblem {
	return HostProblem{"value_error.ipv4address", "value is not a valid IPv4 address", nil}
}

func notIPv6() HostProblem {
	return HostProblem{"value_error.ipv6address", "value is not a valid IPv6 address", nil}
}

func noScheme() *HostProblem {
	return &HostProblem{"value_error.url.scheme", "invalid or missing URL scheme", nil}
}

func badHost() *HostProblem {
	return &HostProblem{"value_error.url.host", "URL host invalid", nil}
}

// ParseHost reads the address under which a game server is found: an https
// URL, an IPv4 or IPv6 address, or a DNS name with a dot in it. It returns the
// text to be stored: without blanks around it, names of other alphabets in
// ASCII (RFC 5891), addresses in their shortest form, and all else of a URL as
// it came. A text that is none of these has three problems, as a URL, as an
// IPv4 and as an IPv6 address.
func ParseHost(text string) (string, []HostProblem) {
	text = strings.TrimSpace(text)
	if ip, ok := parseIP(text); ok {
		return ip, nil
	}
	if name, ok := parseName(text); ok {
		return name, nil
	}
	stored, problem := parseURL(text)
	if problem != nil {
		return "", []HostProblem{*problem, notIPv4(), notIPv6()}
	}
	return stored, nil
}

// parseIP takes what netip takes; it refuses leading zeros. A zone is an
// interface of the machine, whose names are short and plain.
func parseIP(text string) (string, bool) {
	ip, err := netip.ParseAddr(text)
	if err != nil || len(ip.Zone()) > 32 || strings.ContainsFunc(ip.Zone(), notInZone) {
		return "", false
	}
	return ip.String(), true
}

func notInZone(r rune) bool {
	return !(r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r)))
}

// parseName takes a DNS name of two labels or more.
func parseName(text string) (string, bool) {
	if len(text) > 4*maxName || strings.ContainsAny(text, "/:@?#%[]") {
		return "", false
	}
	name, ok := asciiName(text)
	if !ok || checkName(name) != nil || strings.HasSuffix(name, ".") {
		return "", false
	}
	return name, true
}

// asciiName returns a host name in ASCII. One that is ASCII stays as it is.
func asciiName(name string) (string, bool) {
	if !strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return name, true
	}
	ascii, err := idna.Lookup.ToASCII(name)
	return ascii, err == nil
}

// parseURL takes an https URL. Nothing of it but the host is changed.
func parseURL(text string) (string, *HostProblem) {
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return "", &HostProblem{"value_error.any_str.min_length", "ensure this value has at least 1 characters", map[string]any{"limit_value": 1}}
	case n > maxURL:
		return "", &HostProblem{"value_error.any_str.max_length", "ensure this value has at most 2083 characters", map[string]any{"limit_value": maxURL}}
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || !isScheme(scheme) {
		return "", noScheme()
	}
	if !strings.EqualFold(scheme, "https") {
		return "", &HostProblem{"value_error.url.scheme", "URL scheme not permitted", map[string]any{"allowed_schemes": []string{"https"}}}
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	if strings.Contains(authority, "@") {
		return "", &HostProblem{"value_error.url.userinfo", "URL must not contain a user or a password", nil}
	}
	host, port, problem := parseAuthority(authority)
	if problem != nil {
		return "", problem
	}
	if i := strings.IndexFunc(tail, hides); i >= 0 {
		extra := tail[i:]
		return "", &HostProblem{"value_error.url.extra", "URL invalid, extra characters found after valid URL: " + strconv.Quote(extra), map[string]any{"extra": extra}}
	}
	return scheme + "://" + host + port + tail, nil
}

func isScheme(s string) bool {
	for i, r := range s {
		letter := r < utf8.RuneSelf && unicode.IsLetter(r)
		if !letter && (i == 0 || !(r < utf8.RuneSelf && unicode.IsDigit(r)) && !strings.ContainsRune("+-.", r)) {
			return false
		}
	}
	return s != ""
}

// parseAuthority reads host and port of a URL. The port comes back with its
// colon.
func parseAuthority(authority string) (host, port string, problem *HostProblem) {
	host = authority
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		host, port = authority[:i], authority[i:]
		if len(port) < 2 || len(port) > 6 || strings.ContainsFunc(port[1:], func(r rune) bool { return r < '0' || r > '9' }) {
			return "", "", badHost()
		}
		if n, err := strconv.ParseUint(port[1:], 10, 16); err != nil || n == 0 {
			return "", "", &HostProblem{"value_error.url.port", "URL port invalid, port cannot exceed 65535", nil}
		}
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		ip, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !ip.Is6() || ip.Zone() != "" || !strings.HasSuffix(inner, "]") {
			return "", "", badHost()
		}
		return host, port, nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		return host, port, nil
	}
	host, ok := asciiName(host)
	if !ok {
		return "", "", badHost()
	}
	return host, port, checkName(host)
}

// checkName says what is wrong with a DNS name in ASCII. Its last label
// cannot be a number, so that no address that is written wrongly passes.
func checkName(name string) *HostProblem {
	if name == "" || len(name) > maxName {
		return badHost()
	}
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	for _, l := range labels {
		bad := func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
		}
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.ContainsFunc(l, bad) {
			return badHost()
		}
	}
	top := labels[len(labels)-1]
	if len(labels) < 2 {
		return &HostProblem{"value_error.url.host", "URL host invalid, top level domain required", nil}
	}
	if len(top) < 2 || !strings.ContainsFunc(top, unicode.IsLetter) {
		return badHost()
	}
	return nil
}

// hostOf returns the name or address in a stored host: the host of a URL, or
// all of it.
func hostOf(stored string) string {
	_, rest, ok := strings.Cut(stored, "://")
	if !ok {
		return stored
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		rest = rest[:i]
	}
	return strings.Trim(rest, "[]")
}
