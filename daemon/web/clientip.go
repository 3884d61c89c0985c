package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// ClientIP returns the address the request comes from: the peer's, or, when
// the peer is a trusted proxy, the right-most address of X-Forwarded-For that
// is not itself a trusted proxy. It is the zero Addr when the peer has none,
// as on a unix socket.
func ClientIP(r *http.Request) netip.Addr {
	if info, ok := r.Context().Value(requestKey{}).(*requestInfo); ok {
		return info.ip
	}
	if s, ok := r.Context().Value(serverKey{}).(*Server); ok {
		return s.clientIP(r)
	}
	return peerIP(r)
}

func peerIP(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// clientIP walks the hops from us towards the client. Everything left of the
// first hop we do not trust was written by that hop and proves nothing.
func (s *Server) clientIP(r *http.Request) netip.Addr {
	ip := peerIP(r)
	if !s.proxies.Contains(ip) {
		return ip
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for more := true; more; {
			var hop string
			hop, rest, more = lastHop(rest)
			a, ok := parseHop(hop)
			if !ok {
				return ip
			}
			if ip = a; !s.proxies.Contains(a) {
				return ip
			}
		}
	}
	return ip
}

func lastHop(list string) (hop, rest string, more bool) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		return list[i+1:], list[:i], true
	}
	return list, "", false
}

// parseHop reads an address, also with the port that some proxies add.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	ap, err := netip.ParseAddrPort(text)
	return ap.Addr().Unmap().WithZone(""), err == nil
}

// BaseURL returns how the caller reaches us, without a slash at the end:
// http.public_url when it is set, else the scheme and host of the request. The
// scheme is X-Forwarded-Proto when the peer is a trusted proxy.
func BaseURL(r *http.Request) string {
	s, _ := r.Context().Value(serverKey{}).(*Server)
	if s != nil && s.publicURL != "" {
		return s.publicURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if s != nil && s.proxies.Contains(peerIP(r)) {
		switch p := strings.ToLower(r.Header.Get("X-Forwarded-Proto")); p {
		case "http", "https":
			scheme = p
		}
	}
	host := r.Host
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && host == "" { // HTTP/1.0
		host = local.String()
	}
	return scheme + "://" + host
}

// forwarded reports whether something on the way says that it passed the
// request on for somebody else.
func forwarded(r *http.Request) bool {
	for _, name := range [...]string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	return false
}
