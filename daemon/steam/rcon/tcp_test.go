package rcon

import (
	"errors"
	"net"
	"testing"
)

// The same over a real network.
func TestTCP(t *testing.T) {
	for name := range servers() {
		t.Run(name, func(t *testing.T) {
			server := servers()[name]
			server.Password, server.Replies = password, replies
			server.Start(t)
			c, err := Dial(t.Context(), server.Addr(), Options{Password: password})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for range 3 {
				want(t, c, "9000", replies["9000"])
				want(t, c, "status", replies["status"])
			}
			list, err := c.CVars(t.Context())
			if err != nil || len(list) != 1 || list[0].Name != "a" {
				t.Errorf("%v, %v", list, err)
			}
			if Exposed(c.RemoteAddr()) {
				t.Error("loopback counts as exposed")
			}
			server.Disconnect()
			if _, err := c.Execute(t.Context(), "status"); !errors.Is(err, ErrComm) {
				t.Errorf("error %v, want ErrComm", err)
			}
			text, err := Execute(t.Context(), server.Addr(), password, "status")
			if err != nil || text != replies["status"] {
				t.Errorf("%q, %v", text, err)
			}
			if _, err := Execute(t.Context(), server.Addr(), "wrong", "status"); !errors.Is(err, ErrAuthRefused) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	if _, err := Dial(t.Context(), address, Options{}); !errors.Is(err, ErrComm) {
		t.Errorf("error %v, want ErrComm", err)
	}
}

func TestExposed(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": false, "[::1]:1": false, "10.1.2.3:1": false, "192.168.0.1:1": false, "[fd00::1]:1": false,
		"[::ffff:10.0.0.1]:1": false, "169.254.0.1:1": false, "203.0.113.5:27015": true, "[2001:db8::1]:27015": true,
	} {
		addr, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if Exposed(addr) != want {
			t.Errorf("%s: %t", address, !want)
		}
	}
	if Exposed(nil) {
		t.Error("nothing is exposed")
	}
}
