package webapi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

// TestPublic follows the IANA special-purpose address registries.
func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "104.64.0.1": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true, "64:ff9b::808:808": true,
		"127.0.0.1": false, "127.8.8.8": false, "::1": false, "::": false, "0.0.0.0": false, "0.1.2.3": false,
		"10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "172.32.0.1": true,
		"169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "fd00::1": false, "fc00::1": false,
		"100.64.0.1": false, "100.128.0.1": true, "192.0.0.8": false, "192.0.2.1": false, "198.18.0.1": false,
		"198.51.100.7": false, "203.0.113.9": false, "224.0.0.1": false, "239.255.255.250": false, "ff02::1": false,
		"240.0.0.1": false, "255.255.255.255": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b:1::1": false, "2002:7f00:1::": false,
		"2001::1": false, "2001:db8::1": false, "3fff::1": false, "5f00::1": false, "fec0::1": false, "::127.0.0.1": false,
	} {
		if got := Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s) = %v", text, got)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

func TestGuard_Dial(t *testing.T) {
	var hits atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer srv.Close()
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	limits := Transfer{Connect: 5 * time.Second, Header: 5 * time.Second}
	get := func(g *Guard, address string) error {
		resp, err := g.Client(limits).Get(address)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	strict := NewGuard("https://api.steampowered.com", "", "::")
	for _, host := range []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[fe80::1%25lo]"} {
		if err := get(strict, "http://"+host+":"+u.Port()); !errors.Is(err, ErrBlocked) {
			t.Errorf("%s: %v, want ErrBlocked", host, err)
		}
	}
	// A name is looked at once it is resolved.
	if err := get(strict, "http://localhost:"+u.Port()); err == nil {
		t.Error("localhost: no error")
	}
	if err := get(strict, "http://169.254.169.254/latest/meta-data/"); !errors.Is(err, ErrBlocked) {
		t.Errorf("metadata address: %v, want ErrBlocked", err)
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests got through", n)
	}
	// What the operator configured is reached on any port, and nothing else.
	own := NewGuard("http://127.0.0.1:1")
	if err := get(own, srv.URL); err != nil {
		t.Errorf("configured host: %v", err)
	}
	if err := get(own, "http://localhost:"+u.Port()); err == nil || hits.Load() != 1 {
		t.Errorf("another name of the configured host: %v after %d requests", err, hits.Load())
	}
}

func TestGuard_Redirects(t *testing.T) {
	g := NewGuard("http://127.0.0.1:8080")
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"http://127.0.0.1:8080/a", "http://127.0.0.1:8080/b", true},
		{"http://127.0.0.1:8080/a", "http://127.0.0.1:9090/b", false},
		{"https://cdn.example/a", "https://cdn2.example/b", true}, // checked again when dialled
		{"https://cdn.example/a", "http://cdn.example/b", false},
		{"http://cdn.example/a", "https://cdn.example/b", true},
		{"http://cdn.example/a", "file:///etc/passwd", false},
		{"http://cdn.example/a", "http://127.0.0.1:8080/b", false},
	} {
		from, to := httptest.NewRequest("GET", c.from, nil), httptest.NewRequest("GET", "/", nil)
		to.URL, _ = url.Parse(c.to)
		if err := g.checkRedirect(to, []*http.Request{from}); (err == nil) != c.ok {
			t.Errorf("%s → %s: %v", c.from, c.to, err)
		}
	}
	r := httptest.NewRequest("GET", "http://cdn.example/", nil)
	if g.checkRedirect(r, []*http.Request{r, r, r, r}) == nil {
		t.Error("the fourth redirect was followed")
	}
}
