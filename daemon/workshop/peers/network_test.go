package peers

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// TestAdmits: an address inside is for peers that the operator named by it, or
// by a name of his own network.
func TestAdmits(t *testing.T) {
	for _, c := range []struct {
		host, address string
		ok            bool
	}{
		{"mods.example.org", "93.184.216.34", true},
		{"mods.example.org", "2606:2800:220:1::1", true},
		{"mods.example.org", "127.0.0.1", false},
		{"mods.example.org", "10.0.0.1", false},
		{"mods.example.org", "192.168.1.1", false},
		{"mods.example.org", "169.254.169.254", false},
		{"mods.example.org", "::1", false},
		{"mods.example.org", "fd00::1", false},
		{"mods.example.org", "::ffff:10.0.0.1", false},
		{"mods.example.org", "100.64.0.1", false},
		{"mods.localhost.example.org", "127.0.0.1", false},
		{"localhost", "127.0.0.1", true},
		{"localhost", "::1", true},
		{"a.localhost", "127.0.0.1", true},
		{"nas", "192.168.1.5", true},
		{"nas.local", "192.168.1.5", true},
		{"NAS.LAN", "10.1.2.3", true},
		{"nas.home.arpa", "fd00::5", true},
		{"nas", "169.254.169.254", false},
		{"nas", "224.0.0.1", false},
		{"nas", "0.0.0.0", false},
		{"93.184.216.34", "93.184.216.34", true},
		{"192.168.1.5", "192.168.1.5", true},
		{"192.168.1.5", "192.168.1.6", false},
		{"192.168.1.5", "127.0.0.1", false},
		{"127.0.0.1", "::ffff:127.0.0.1", true},
		{"::1", "::1", true},
	} {
		if got := admits(c.host, netip.MustParseAddr(c.address)); got != c.ok {
			t.Errorf("%s at %s: %v", c.host, c.address, got)
		}
	}
}

// TestClient_Dial: the address is looked at when it is connected to.
func TestClient_Dial(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	get := func(host string) error {
		resp, err := newClient(host, time.Second, time.Second).Get(srv.URL)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	if err := get("127.0.0.1"); err != nil {
		t.Error(err)
	}
	// A public name that leads here: what is connected to decides.
	if err := get("mods.example.org"); !errors.Is(err, webapi.ErrBlocked) {
		t.Errorf("%v, want ErrBlocked", err)
	}
}

func TestSameHost(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"http://a.example:27020/x", "http://a.example:27020/y", true},
		{"http://a.example/x", "https://a.example/x", true},
		{"https://a.example/x", "http://a.example/x", false},
		{"http://a.example:27020/x", "http://a.example:27021/x", false},
		{"http://a.example:27020/x", "https://a.example/x", true},
		{"http://a.example/x", "https://a.example:8443/x", false},
		{"http://a.example/x", "http://b.example/x", false},
		{"http://a.example/x", "http://a.example.org/x", false},
		{"http://a.example/x", "http://127.0.0.1/x", false},
		{"http://a.example/x", "file:///etc/passwd", false},
	} {
		from, to := &http.Request{}, &http.Request{}
		from.URL, _ = url.Parse(c.from)
		to.URL, _ = url.Parse(c.to)
		if err := sameHost(to, []*http.Request{from}); (err == nil) != c.ok {
			t.Errorf("%s → %s: %v", c.from, c.to, err)
		}
	}
	r := httptest.NewRequest("GET", "http://a.example/", nil)
	if sameHost(r, []*http.Request{r, r, r, r}) == nil {
		t.Error("the fourth redirect was followed")
	}
}

func TestContinues(t *testing.T) {
	for text, want := range map[string]int64{
		"bytes 5-9/10": 10, "bytes 5-8/10": 0, "bytes 4-9/10": 0, "bytes 5-9/*": 0, "bytes */10": 0, "": 0, "bytes 5-9": 0,
		"items 5-9/10": 0, "bytes 5-10/10": 0, "bytes 5--9/10": 0,
	} {
		total, ok := continues(text, 5)
		if ok != (want > 0) || ok && total != want {
			t.Errorf("%q: %d, %v", text, total, ok)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got := printable("a\nb\x1b[31mc"+strings.Repeat("d", 100), 10); got != "ab[31mcddd" {
		t.Errorf("%q", got)
	}
}
