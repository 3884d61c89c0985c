package webrcon

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/steam/rcon"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

const password = "s3cret /with?odd#letters%2f&ü"

// quiet fails when an error tells the password, plain or escaped.
func quiet(t *testing.T, err error) {
	t.Helper()
	if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "odd")) {
		t.Errorf("%q holds the password", err)
	}
}

func TestCommands(t *testing.T) {
	var console []Line
	server := (&steamtest.WebRCON{Password: password, Replies: map[string]string{"status": "hostname: rust\n", "nothing": ""},
		Chatter: []string{
			`{"Identifier":0,"Message":"a line","Type":"Generic","Stacktrace":""}`,
			`{"Identifier":-1,"Message":"{\"Channel\":0,\"Message\":\"hi\"}","Type":"Chat"}`,
			`not JSON`, `[]`, `{"Identifier":9999,"Message":"of nobody"}`,
		}}).Start(t)
	c, err := Dial(t.Context(), server.Addr(), Options{Password: password, Console: func(l Line) { console = append(console, l) }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for command, want := range map[string]string{"status": "hostname: rust\n", "nothing": "", "x": "Command 'x' not found"} {
		if got, err := c.Text(t.Context(), command); err != nil || got != want {
			t.Errorf("%s: %q, %v", command, got, err)
		}
	}
	if !c.Connected() || rcon.Exposed(c.RemoteAddr()) || c.RemoteAddr() == nil {
		t.Errorf("connected %t to %v", c.Connected(), c.RemoteAddr())
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	want := []Line{{0, "a line", "Generic", ""}, {-1, `{"Channel":0,"Message":"hi"}`, "Chat", ""}, {9999, "of nobody", "", ""}}
	if diff := cmp.Diff(want, console[:min(3, len(console))]); diff != "" || len(console) != 9 {
		t.Errorf("%d lines: %s", len(console), diff)
	}
	if _, err := c.Text(t.Context(), "status"); !errors.Is(err, rcon.ErrState) {
		t.Errorf("closed: %v", err)
	}
}

func TestWrongPassword(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound} {
		server := (&steamtest.WebRCON{Password: "other", Status: status}).Start(t)
		holds := rcon.NewHolds(time.Now)
		_, err := Dial(t.Context(), server.Addr(), Options{Password: password, Holds: holds})
		if !errors.Is(err, rcon.ErrAuthRefused) || holds.Held(server.Addr(), password) == nil {
			t.Errorf("%d: error %v", status, err)
		}
		quiet(t, err)
	}
	// Neither a redirection nor a failing server learns or tells the password.
	for _, status := range []int{http.StatusFound, http.StatusInternalServerError} {
		server := (&steamtest.WebRCON{Password: "other", Status: status}).Start(t)
		_, err := Dial(t.Context(), server.Addr(), Options{Password: password})
		if !errors.Is(err, rcon.ErrComm) {
			t.Errorf("%d: error %v", status, err)
		}
		quiet(t, err)
	}
	server := (&steamtest.WebRCON{Fault: steamtest.RCONClosing, AtLogin: true}).Start(t)
	c, err := Dial(t.Context(), server.Addr(), Options{Password: password})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Text(t.Context(), "status")
	if !errors.Is(err, rcon.ErrAuthClosed) || c.Connected() {
		t.Errorf("error %v, connected %t", err, c.Connected())
	}
	quiet(t, err)
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name      string
		server    *steamtest.WebRCON
		want      error
		connected bool
	}{
		{"silent", &steamtest.WebRCON{Fault: steamtest.RCONSilent}, rcon.ErrTimeout, true},
		{"closing", &steamtest.WebRCON{Fault: steamtest.RCONClosing}, rcon.ErrAuthClosed, false},
		{"long", &steamtest.WebRCON{Replies: map[string]string{"status": strings.Repeat("x", 5000)}}, rcon.ErrTooLarge, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.server.Password = password
			tt.server.Start(t)
			c, err := Dial(t.Context(), tt.server.Addr(), Options{Password: password, MaxMessage: 4096})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.options.Timeout = 200 * time.Millisecond
			if tt.want != rcon.ErrTimeout {
				c.options.Timeout = time.Minute
			}
			if _, err := c.Text(t.Context(), "status"); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if c.Connected() != tt.connected {
				t.Errorf("connected: %t", c.Connected())
			}
		})
	}
}

func TestNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Dial(t.Context(), "127.0.0.1:1", Options{Password: password})
	if !errors.Is(err, rcon.ErrComm) {
		t.Errorf("refused: %v", err)
	}
	quiet(t, err)
	go func() { // says something that is no HTTP, with what it heard
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 1000)
			n, _ := conn.Read(b)
			_, _ = conn.Write(b[:n])
			conn.Close()
		}
	}()
	_, err = Dial(t.Context(), l.Addr().String(), Options{Password: password})
	if !errors.Is(err, rcon.ErrComm) {
		t.Errorf("no HTTP: %v", err)
	}
	quiet(t, err)
	l.Close()
}
