package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
)

// BenchmarkMetaVerify compares checking true proofs with a handler that does
// nothing, of the same server, over 32 connections.
func BenchmarkMetaVerify(b *testing.B) {
	c := config.Default()
	c.HTTP.Listen = []string{"127.0.0.1:0"}
	c.Workshop.Enabled, c.Demos.Enabled, c.Metaserver.AutoVerify = false, false, true
	d, err := New(b.Context(), Options{Loaded: &config.Loaded{Config: c, DataDir: b.TempDir()}, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := d.Accounts.RegisterPerson(b.Context(), accounts.NewPerson{Email: "a@example.com", Name: "a", Password: "12345678"}, benchIP); err != nil {
		b.Fatal(err)
	}
	d.web.First(func(raw string) bool { return raw == "/empty" }, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the connection is closed
		_, _ = io.WriteString(w, "true")
	}))
	started, ended := make(chan Started, 1), make(chan error, 1)
	ctx, cancel := contextOf(b)
	go func() { ended <- d.Run(ctx, Hooks{Started: func(s Started) { started <- s }}) }()
	base := "http://" + (<-started).Listen[0]
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute}
	proof := benchLogin(b, client, base)
	body := fmt.Appendf(nil, `{"user_id":1,"user_proof":"%s"}`, proof)
	for _, path := range []string{"/empty", "/v1/user/verify-user-proof"} {
		b.Run(path[1:], func(b *testing.B) {
			b.SetParallelism(16)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					res, err := client.Post(base+path, "application/json", bytes.NewReader(body))
					if err != nil {
						b.Error(err)
						return
					}
					text, err := io.ReadAll(res.Body)
					_ = res.Body.Close()
					if err != nil || string(text) != "true" {
						b.Errorf("%s %v", text, err)
						return
					}
				}
			})
		})
	}
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
}

var benchIP = netip.MustParseAddr("127.0.0.1")

func contextOf(b *testing.B) (context.Context, context.CancelFunc) {
	return context.WithCancel(context.WithoutCancel(b.Context()))
}

func benchLogin(b *testing.B, client *http.Client, base string) string {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, base+"/v1/user/login", nil)
	if err != nil {
		b.Fatal(err)
	}
	req.SetBasicAuth("a@example.com", "12345678")
	res, err := client.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	var v struct{ Proof string }
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		b.Fatal(err)
	}
	return v.Proof
}
