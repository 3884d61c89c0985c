package workshop

import (
	"net/netip"
	"strings"
	"testing"
)

// TestBackupServer: lines to paste that name localhost help nobody but a
// game server on the same machine.
func TestBackupServer(t *testing.T) {
	lan := func() (netip.Addr, bool) { return netip.MustParseAddr("192.168.1.5"), true }
	lan6 := func() (netip.Addr, bool) { return netip.MustParseAddr("2001:db8::5"), true }
	none := func() (netip.Addr, bool) { return netip.Addr{}, false }
	tests := []struct {
		name, base, public, listen string
		outward                    func() (netip.Addr, bool)
		want, hint                 string
	}{
		{"by name", "http://mods.example.org:27020", "", "", lan, "http://mods.example.org:27020", ""},
		{"by name over TLS", "https://mods.example.org", "", "", lan, "http://mods.example.org:27020", ""},
		{"port 80", "http://mods.example.org", "", "", lan, "http://mods.example.org", ""},
		{"localhost", "http://localhost:8080", "", "", lan, "http://192.168.1.5:8080", "http.public_url"},
		{"127.0.0.1 over TLS", "https://127.0.0.1", "", "", lan, "http://192.168.1.5:27020", "http.public_url"},
		{"::1", "http://[::1]:27020", "", "", lan6, "http://[2001:db8::5]:27020", "http.public_url"},
		{"the public address goes over all", "http://localhost:27020", "http://mods.example.org:27020/", "", lan, "http://mods.example.org:27020", ""},
		{"no network", "http://localhost:27020", "", "", none, "http://localhost:27020", "http.public_url"},
		{"listens here only", "http://localhost:27020", "", "127.0.0.1", lan, "http://localhost:27020", "http.listen"},
		{"listens on one address", "http://localhost:27020", "", "10.0.0.5", lan, "http://10.0.0.5:27020", "http.public_url"},
		{"a LAN address", "http://192.168.1.9:27020", "", "", lan, "http://192.168.1.9:27020", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &Service{options: Options{PublicURL: tt.public, ListenHost: tt.listen, ListenPort: 27020}}
			got, hint := s.backupServer(tt.base, tt.outward)
			if got != tt.want || (hint == "") != (tt.hint == "") || !strings.Contains(hint, tt.hint) {
				t.Errorf("%q with hint %q, want %q with %q", got, hint, tt.want, tt.hint)
			}
		})
	}
	if a, ok := outwardAddr(); ok && (a.IsLoopback() || a.IsUnspecified()) {
		t.Errorf("the machine's address is %v", a)
	}
}
