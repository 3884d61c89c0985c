package daemon

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/serverlist"
)

// serversBench is a running daemon with registered servers.
type serversBench struct {
	addr     string
	requests []string // a heartbeat of each server
}

func newServersBench(b *testing.B, servers int) serversBench {
	b.Helper()
	c := config.Default()
	c.HTTP.Listen = []string{"127.0.0.1:0"}
	c.Limits.PerIPRPS = 1e6
	c.Workshop.Enabled, c.Demos.Enabled, c.Metaserver.AutoVerify = false, false, true
	c.Metaserver.MaxServersPerUser, c.Metaserver.MaxServersPerIP, c.Metaserver.OnlineWindow = 0, 0, config.Duration(1e15)
	d, err := New(b.Context(), Options{Loaded: &config.Loaded{Config: c, DataDir: b.TempDir()}, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	d.web.First(func(raw string) bool { return raw == "/empty" }, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "true")
	}))
	owner, err := d.Accounts.RegisterPerson(b.Context(), accounts.NewPerson{Email: "a@example.com", Name: "a", Password: "12345678"}, netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := contextOf(b)
	started, ended := make(chan Started, 1), make(chan error, 1)
	go func() { ended <- d.Run(ctx, Hooks{Started: func(s Started) { started <- s }}) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	s := serversBench{addr: (<-started).Listen[0]}
	for i := range servers {
		details := serverlist.Details{HostName: "10.0.0.67", Port: 11235, Name: fmt.Sprintf("^900Server %d", i), Description: "A place to play", GameType: "RTSS", MaxPlayers: 42}
		v, password, err := d.meta.Servers().Add(b.Context(), owner.ID, details, serverlist.ExtrasChange{}, netip.Addr{})
		if err != nil {
			b.Fatal(err)
		}
		body := fmt.Sprintf(`{"host_name":"10.0.0.67","port":11235,"display_name":"%s","description":"A place to play","game_type":"RTSS","max_player_count":42,"current_map":"eden2","current_player_count":%d}`,
			details.Name, i%42)
		s.requests = append(s.requests, fmt.Sprintf("POST /v1/server/update HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nAuthorization: Basic %s\r\n\r\n%s",
			len(body), base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%d:%s", v.ID, password)), body))
	}
	return s
}

// run sends requests over 32 connections.
func (s serversBench) run(b *testing.B, status string, request func(i int) string) {
	b.SetParallelism(16) // times two processors
	b.ReportAllocs()
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		r := bufio.NewReaderSize(c, 64<<10)
		for pb.Next() {
			if _, err := io.WriteString(c, request(int(n.Add(1)))); err != nil {
				b.Error(err)
				return
			}
			if err := answered(r, status); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// answered reads one answer.
func answered(r *bufio.Reader, status string) error {
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if !strings.HasPrefix(res.Status, status) {
		return fmt.Errorf("status %s", res.Status)
	}
	return nil
}

// BenchmarkMetaHeartbeat compares heartbeats, acknowledged, with a handler
// that does nothing.
func BenchmarkMetaHeartbeat(b *testing.B) {
	s := newServersBench(b, 200)
	b.Run("empty", func(b *testing.B) {
		s.run(b, "200", func(int) string { return "GET /empty HTTP/1.1\r\nHost: x\r\n\r\n" })
	})
	b.Run("heartbeat", func(b *testing.B) {
		s.run(b, "200", func(i int) string { return s.requests[i%len(s.requests)] })
	})
}

// BenchmarkMetaList compares the list of many servers with a handler that does
// nothing, for clients that know it and for those that do not.
func BenchmarkMetaList(b *testing.B) {
	for _, n := range []int{50, 5000} {
		s := newServersBench(b, n)
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			b.Fatal(err)
		}
		r := bufio.NewReader(c)
		for _, request := range s.requests {
			if _, err := io.WriteString(c, request); err != nil {
				b.Fatal(err)
			}
			if err := answered(r, "200"); err != nil {
				b.Fatal(err)
			}
		}
		res, err := http.Get("http://" + s.addr + "/v1/server/list/online")
		if err != nil {
			b.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			b.Fatal(err)
		}
		const get = "GET /v1/server/list/online HTTP/1.1\r\nHost: x\r\n"
		for name, c := range map[string][2]string{
			"plain": {"200", get + "\r\n"}, "gzip": {"200", get + "Accept-Encoding: gzip\r\n\r\n"}, "known": {"304", get + "If-None-Match: " + res.Header.Get("ETag") + "\r\n\r\n"},
			"empty": {"200", "GET /empty HTTP/1.1\r\nHost: x\r\n\r\n"},
		} {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) { s.run(b, c[0], func(int) string { return c[1] }) })
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
