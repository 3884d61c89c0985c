package web

import (
	"net/http"
	"testing"
)

func TestClientIP(t *testing.T) {
	s, _ := newTestServer(t, func(o *Options) { o.HTTP.TrustedProxies = []string{"10.0.0.0/8", "2001:db8:aa::/48", "127.0.0.1"} })
	s.Handle("GET /mux", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { writeJSON(w, 200, ClientIP(r)) }))
	s.First(func(raw string) bool { return raw == "/first" },
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { writeJSON(w, 200, ClientIP(r)) }))
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"direct", "198.51.100.7:1", nil, "198.51.100.7"},
		{"direct, lies", "198.51.100.7:1", []string{"203.0.113.1"}, "198.51.100.7"},
		{"mapped peer", "[::ffff:198.51.100.7]:1", nil, "198.51.100.7"},
		{"zone", "[fe80::1%eth0]:1", nil, "fe80::1"},
		{"proxy without a header", "10.1.1.1:1", nil, "10.1.1.1"},
		{"one proxy", "10.1.1.1:1", []string{"203.0.113.1"}, "203.0.113.1"},
		{"client lies to the proxy", "10.1.1.1:1", []string{"1.1.1.1, 203.0.113.1"}, "203.0.113.1"},
		{"two proxies", "10.1.1.1:1", []string{"1.1.1.1, 203.0.113.1, 10.2.2.2"}, "203.0.113.1"},
		{"two lines", "10.1.1.1:1", []string{"1.1.1.1, 203.0.113.1", "10.2.2.2,10.3.3.3"}, "203.0.113.1"},
		{"all trusted", "10.1.1.1:1", []string{"10.9.9.9, 10.2.2.2"}, "10.9.9.9"},
		{"IPv6 proxy and client", "[2001:db8:aa::1]:1", []string{"2001:db8:bb::7"}, "2001:db8:bb::7"},
		{"with a port", "10.1.1.1:1", []string{"203.0.113.1:5555"}, "203.0.113.1"},
		{"IPv6 with a port", "10.1.1.1:1", []string{"[2001:db8:bb::7]:5555"}, "2001:db8:bb::7"},
		{"mapped", "10.1.1.1:1", []string{"::ffff:203.0.113.1"}, "203.0.113.1"},
		{"nonsense at the right end", "10.1.1.1:1", []string{"203.0.113.1, unknown"}, "10.1.1.1"},
		{"nonsense behind a trusted hop", "10.1.1.1:1", []string{"unknown, 10.2.2.2"}, "10.2.2.2"},
		{"empty header", "10.1.1.1:1", []string{""}, "10.1.1.1"},
		{"commas only", "10.1.1.1:1", []string{",,"}, "10.1.1.1"},
		{"loopback proxy", "127.0.0.1:1", []string{"203.0.113.1"}, "203.0.113.1"},
		{"no address", "@", nil, ""},
	} {
		for _, path := range []string{"/mux", "/first"} {
			headers := []string{"RemoteAddr", c.peer}
			for _, line := range c.forwarded {
				headers = append(headers, "X-Forwarded-For", line)
			}
			if got := decode[string](t, call(s, "GET", path, "", headers...)); got != c.want {
				t.Errorf("%s at %s: %q, want %q", c.name, path, got, c.want)
			}
		}
	}
}

func TestBaseURL(t *testing.T) {
	ask := func(public string, headers ...string) string {
		s, _ := newTestServer(t, func(o *Options) {
			o.HTTP.PublicURL, o.HTTP.TrustedProxies = public, []string{"10.0.0.0/8"}
		})
		s.Handle("GET /x", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { writeJSON(w, 200, BaseURL(r)) }))
		return decode[string](t, call(s, "GET", "http://box.lan:27020/x", "", headers...))
	}
	for _, c := range []struct {
		public  string
		headers []string
		want    string
	}{
		{"", nil, "http://box.lan:27020"},
		{"https://mods.example.org/", nil, "https://mods.example.org"},
		{"", []string{"X-Forwarded-Proto", "https"}, "http://box.lan:27020"},
		{"", []string{"RemoteAddr", "10.1.1.1:1", "X-Forwarded-Proto", "https"}, "https://box.lan:27020"},
		{"", []string{"RemoteAddr", "10.1.1.1:1", "X-Forwarded-Proto", "gopher"}, "http://box.lan:27020"},
	} {
		if got := ask(c.public, c.headers...); got != c.want {
			t.Errorf("BaseURL with %q and %v = %q, want %q", c.public, c.headers, got, c.want)
		}
	}
}

func TestPrefersHTML(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, browser: true, "text/html": true, "TEXT/HTML ; q=0.3": true,
		"application/json": false, "application/json, text/html": true, "text/html;q=0.5, application/json": false,
		"text/html;q=0": false, "text/html;q=x": false, "text/html;q=2": false, "text/htmlx": false, "text/*": false,
	} {
		if got := prefersHTML([]string{accept}); got != want {
			t.Errorf("prefersHTML(%q) = %v", accept, got)
		}
	}
}

func FuzzClientIP(f *testing.F) {
	f.Add("10.0.0.1:1", "203.0.113.1, [::1]:5,,")
	s, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, peer, header string) {
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {header}}}
		if got, want := s.clientIP(r), peerIP(r); got != want {
			t.Errorf("an untrusted peer %q became %v", peer, got)
		}
	})
}
