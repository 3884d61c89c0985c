package radar

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func hooked(secret string) []config.Server {
	return []config.Server{{
		Name: "a", IDs: []config.Item{1, 2, 3}, Webhook: "https://hook.example/T0KEN", WebhookSecret: secret,
	}}
}

// settled begins with three mods that are current.
func (r *rig) settled() {
	for id := uint64(1); id <= 3; id++ {
		r.library.steam[id] = Steam{Title: "mod", Version: at(-hour), CheckedAt: start}
	}
	r.tick(0)
}

// One author's updates are one message, and it is sent once.
func TestWebhook_Gathers(t *testing.T) {
	t.Parallel()
	each(t, hooked("s3cret"), func(t *testing.T, r *rig) {
		r.settled()
		r.clock.Advance(hour)
		r.publish(1, at(hour))
		r.tick(0)
		r.publish(2, at(hour))
		r.tick(10 * time.Second)
		r.expectTold()
		r.publish(3, at(hour+20*time.Second))
		r.tick(20 * time.Second)
		posts := r.hook.take()
		if len(posts) != 1 {
			t.Fatalf("%d messages", len(posts))
		}
		p := posts[0]
		mac := hmac.New(sha256.New, []byte("s3cret"))
		mac.Write(p.body)
		if got, want := p.header.Get("X-Quartermaster-Signature"), "sha256="+hex.EncodeToString(mac.Sum(nil)); got != want {
			t.Errorf("signature %q, want %q", got, want)
		}
		var body map[string]any
		if err := json.Unmarshal(p.body, &body); err != nil {
			t.Fatal(err)
		}
		id, _ := body["id"].(string)
		want := map[string]any{
			"event": "mods.outdated", "server": "a", "sent_at": "2026-11-20T09:00:30Z", "id": id,
			"mods": []any{
				map[string]any{"id": "1", "hex": "1", "title": "mod 1", "running": float64(at(-hour)), "current": float64(at(hour)), "since": float64(at(hour))},
				map[string]any{"id": "2", "hex": "2", "title": "mod 2", "running": float64(at(-hour)), "current": float64(at(hour)), "since": float64(at(hour))},
				map[string]any{"id": "3", "hex": "3", "title": "mod 3", "running": float64(at(-hour)), "current": float64(at(hour + 20*time.Second)), "since": float64(at(hour + 20*time.Second))},
			},
		}
		if diff := cmp.Diff(want, body); diff != "" || id == "" || p.header.Get("X-Quartermaster-Delivery") != id {
			t.Errorf("%s (id %q)", diff, id)
		}
		for range 5 {
			r.tick(time.Minute)
		}
		r.restart(hooked("s3cret"))
		for range 5 {
			r.tick(time.Minute)
		}
		r.expectTold()

		// The server updates: told once.
		if _, err := r.Restarted(t.Context(), "a", nil); err != nil {
			t.Fatal(err)
		}
		r.tick(0)
		r.tick(gatherFor)
		r.tick(time.Minute)
		r.expectTold("a mods.current 1 2 3")
	})
}

// What is over before it was told is not told.
func TestWebhook_QuickRecovery(t *testing.T) {
	t.Parallel()
	each(t, hooked(""), func(t *testing.T, r *rig) {
		r.settled()
		r.publish(1, at(time.Second))
		r.tick(5 * time.Second)
		if _, err := r.Restarted(t.Context(), "a", nil); err != nil {
			t.Fatal(err)
		}
		r.tick(time.Minute)
		r.tick(time.Minute)
		r.expectTold()
	})
}

func TestWebhook_Retries(t *testing.T) {
	t.Parallel()
	each(t, hooked(""), func(t *testing.T, r *rig) {
		r.settled()
		r.hook.answer(http.StatusInternalServerError, nil)
		r.publish(1, at(time.Second))
		r.tick(time.Minute)
		r.tick(gatherFor)
		first := r.hook.take()
		if len(first) != 1 {
			t.Fatalf("%d messages", len(first))
		}
		// A restart in the middle goes on where it was.
		r.restart(hooked(""))
		r.tick(firstRetry - time.Second)
		r.expectTold()
		r.tick(time.Second)
		again := r.hook.take()
		if len(again) != 1 || again[0].header.Get("X-Quartermaster-Delivery") != first[0].header.Get("X-Quartermaster-Delivery") {
			t.Fatalf("%d messages, or of another id", len(again))
		}
		r.tick(time.Minute)
		r.expectTold("a mods.outdated 1")
		r.tick(5 * time.Minute)
		server, err := r.server(t.Context(), "a")
		if err != nil || server.WebhookError != "it answered 500" {
			t.Errorf("%q, %v", server.WebhookError, err)
		}
		if p := r.Problems(); len(p) != 1 || p[0].Code != "webhook_failing" || strings.Contains(p[0].Text+p[0].Hint, "T0KEN") {
			t.Errorf("problems %v", p)
		}
		r.hook.take()
		// A newer change takes the place of the old message.
		r.publish(2, at(time.Minute))
		r.tick(10 * time.Second)
		r.hook.answer(http.StatusOK, nil)
		r.tick(gatherFor)
		r.expectTold("a mods.outdated 1 2")
		if len(r.Problems()) != 0 {
			t.Errorf("problems %v", r.Problems())
		}
		r.tick(2 * hour)
		r.expectTold()
		if strings.Contains(r.log.String(), "T0KEN") {
			t.Error("the log holds the token")
		}
	})
}

func TestWebhook_GivesUp(t *testing.T) {
	t.Parallel()
	each(t, hooked(""), func(t *testing.T, r *rig) {
		r.settled()
		r.hook.answer(0, context.DeadlineExceeded)
		r.publish(1, at(time.Second))
		r.tick(time.Minute)
		for range 60 {
			r.tick(30 * time.Minute)
		}
		if n := len(r.hook.take()); n < 24 || n > 32 {
			t.Errorf("%d attempts in a day", n)
		}
		if _, ok, err := r.store.nextDelivery(t.Context()); ok || err != nil {
			t.Errorf("the message is still there: %v", err)
		}
		if p := r.Problems(); len(p) != 1 || !strings.Contains(p[0].Text, "given up") {
			t.Errorf("problems %v", p)
		}
		r.hook.answer(http.StatusOK, nil)
		r.publish(2, at(hour))
		r.tick(time.Minute)
		r.tick(gatherFor)
		r.expectTold("a mods.outdated 1 2")
		if len(r.Problems()) != 0 {
			t.Errorf("problems %v", r.Problems())
		}
	})
}

// A receiver that asks for time gets it, but not for ever.
func TestWebhook_RetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "1.5": 1500 * time.Millisecond, "-1": 0, "NaN": 0, "1e300": maxRetryWait,
		"Wed, 21 Oct 2026 07:28:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
	if got := backoff(0, fault.New(fault.Unavailable, "x").WithRetryAfter(10*time.Minute)); got != 10*time.Minute {
		t.Error(got)
	}
	for n, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
		if got := backoff(n, nil); got != want {
			t.Errorf("attempt %d: %v, want %v", n, got, want)
		}
	}
	if got := backoff(1000, nil); got != maxRetryWait {
		t.Error(got)
	}
}

// The message of a process that was killed is sent by another, a minute
// later and with the same id; while a process is at it, no other is.
func TestWebhook_Claims(t *testing.T) {
	t.Parallel()
	each(t, hooked(""), func(t *testing.T, r *rig) {
		r.settled()
		if err := r.db.Write(t.Context(), func(tx *db.Tx) error {
			return putDelivery(t.Context(), tx, delivery{id: "x", server: "a", event: eventOutdated})
		}); err != nil {
			t.Fatal(err)
		}
		if list, err := r.store.claim(t.Context(), 4, claimFor); err != nil || len(list) != 1 || list[0].id != "x" {
			t.Fatalf("%v, %v", list, err)
		}
		r.tick(claimFor - time.Second)
		r.expectTold()
		r.tick(time.Second)
		r.expectTold("a mods.outdated")
	})
}

// A webhook that is taken away gets nothing; a stop gives the message back.
func TestWebhook_TakenAwayAndStop(t *testing.T) {
	t.Parallel()
	each(t, hooked(""), func(t *testing.T, r *rig) {
		r.settled()
		r.publish(1, at(time.Second))
		r.tick(time.Minute)
		r.clock.Advance(gatherFor)
		if err := r.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, err := r.store.claim(t.Context(), 4, claimFor)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		stopped, stop := context.WithCancel(t.Context())
		stop()
		r.deliverOne(stopped, list[0])
		r.hook.take()
		if list, err = r.store.claim(t.Context(), 4, claimFor); err != nil || len(list) != 1 {
			t.Fatalf("the message was not given back: %v, %v", list, err)
		}
		r.Reload([]config.Server{{Name: "a", IDs: []config.Item{1, 2, 3}}})
		r.deliverOne(t.Context(), list[0])
		r.tick(hour)
		r.expectTold()
	})
}

func TestWebhook_Test(t *testing.T) {
	t.Parallel()
	each(t, hooked(""), func(t *testing.T, r *rig) {
		r.settled()
		if err := r.TestWebhook(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		r.expectTold("a test")
		r.hook.answer(http.StatusNotFound, nil)
		if err := r.TestWebhook(t.Context(), "a"); !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "T0KEN") {
			t.Error(err)
		}
	})
}

// hookHost answers in all ways that a receiver may, some until hang is
// closed.
func hookHost(hang <-chan struct{}, followed *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	mux.HandleFunc("/500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	mux.HandleFunc("/hang", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) { // its body never ends
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<20)
		for range 1 << 10 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 128<<10))
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/followed", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/followed", func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); err != nil || !json.Valid(b) || r.Method != http.MethodPost ||
			r.Header.Get("Content-Type") != "application/json" || r.Header.Get("User-Agent") != "quartermaster/1" {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	return mux
}

// Real servers that misbehave.
func TestSend(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	var followed atomic.Bool
	mux := hookHost(hang, &followed)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hang) })
	gone := httptest.NewServer(mux)
	gone.Close()
	tls := httptest.NewTLSServer(mux)
	tls.Config.ErrorLog = nil
	t.Cleanup(tls.Close)
	h := newHooks(nil, "quartermaster/1")
	for address, want := range map[string]string{
		server.URL + "/ok":           "",
		server.URL + "/slow":         "",
		server.URL + "/huge":         "",
		server.URL + "/echo":         "",
		server.URL + "/500":          "it answered 500",
		server.URL + "/404":          "it answered 404",
		server.URL + "/moved":        "it answered 307, a redirect, which is not followed",
		server.URL + "/hang":         "there was no answer within 10 s",
		server.URL + "/headers":      "the connection failed",
		tls.URL + "/ok":              "its certificate is not valid",
		"http://169.254.169.254/x":   "its address belongs to this machine's link or cloud, where nothing is sent",
		"http://[fe80::1]/x":         "its address belongs to this machine's link or cloud, where nothing is sent",
		"http://0.0.0.0/x":           "its address belongs to this machine's link or cloud, where nothing is sent",
		"http://T0KEN.invalid/":      "the name of its host was not found",
		"http://a b/T0KEN":           "its address cannot be used",
		"http://x\x7f/T0KEN":         "its address cannot be used",
		gone.URL + "/T0KEN?k=T0KEN2": "the connection was refused",
	} {
		h.client.Timeout = time.Minute
		if strings.HasSuffix(address, "/hang") || strings.HasSuffix(address, "/slow") {
			h.client.Timeout = 300 * time.Millisecond
		}
		err := h.send(t.Context(), address, "s3cret", delivery{id: "1"}.message(start))
		got := ""
		if err != nil {
			got = err.Error()
			if !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: %v is not unavailable", address, err)
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
	if followed.Load() {
		t.Error("a redirect was followed")
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]bool{
		"169.254.169.254": true, "169.254.0.1": true, "fe80::1": true, "fe80::1%eth0": true, "::ffff:169.254.169.254": true,
		"64:ff9b::a9fe:a9fe": true, "100.100.100.200": true, "fd00:ec2::254": true, "224.0.0.1": true, "ff02::1": true,
		"0.0.0.0": true, "::": true, "255.255.255.255": true,
		"127.0.0.1": false, "10.0.0.5": false, "192.168.1.1": false, "fd00::1": false, "203.0.113.5": false, "2606:4700::1": false,
	} {
		if got := config.RefusedAddress(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	for address, ok := range map[string]bool{
		"https://discord.com/api/webhooks/1/x": true, "http://192.168.1.5:8080/": true, "http://bot:8080/x?y": true,
		"ftp://x/": false, "http://": false, "": false, "/x": false, "http://u:p@x/": false, "http://[::ffff:a9fe:a9fe]/": false,
		"http://x/" + strings.Repeat("x", 2000): false,
	} {
		if err := checkAddress(address); (err == nil) != ok || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestDiscord(t *testing.T) {
	for address, want := range map[string]bool{
		"https://discord.com/api/webhooks/1/x": true, "https://discordapp.com/api/webhooks/1/x?wait=true": true,
		"https://canary.discord.com/api/v10/webhooks/1/x": true, "https://DISCORD.com/api/webhooks/1/x": true,
		"https://discord.com/api/webhook": false, "https://discord.com.evil.example/api/webhooks/1/x": false,
		"https://hook.example/api/webhooks/1/x": false, "https://discord.com/webhooks/1": false,
	} {
		if got := isDiscord(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	var mods []messageMod
	for range 100 {
		mods = append(mods, messageMod{ID: "1", Hex: "1", Title: "@everyone **x** http://evil.example/ \n\u202e" + strings.Repeat("😀", 100), Current: 5})
	}
	for n := range len(mods) + 1 {
		m := delivery{event: eventOutdated, server: "a_b", mods: mods[:n]}.message(start)
		body, err := m.body("https://discord.com/api/webhooks/1/x")
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Content  string `json:"content"`
			Mentions struct {
				Parse []string `json:"parse"`
			} `json:"allowed_mentions"`
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		if l := len(utf16.Encode([]rune(got.Content))); l > 2000 || l == 0 || got.Mentions.Parse == nil {
			t.Errorf("%d mods: %d characters, mentions %v", n, l, got.Mentions.Parse)
		}
		if strings.Contains(got.Content, "**x**") || strings.Contains(got.Content, "http://evil") || strings.Contains(got.Content, "\u202e") {
			t.Fatalf("a title has markup: %s", got.Content)
		}
	}
	text := message{Event: eventOutdated, Server: "ns2-main", Mods: []messageMod{{Hex: "706d242", Title: "Combat", Current: 1348957670}}}.discord()
	if want := "**ns2-main**: 1 mod is out of date\n• Combat (m706d242), published <t:1348957670:R>"; text != want {
		t.Errorf("%q, want %q", text, want)
	}
}

func FuzzDiscord(f *testing.F) {
	f.Add("Combat Mode", "ns2", 3)
	f.Fuzz(func(t *testing.T, title, server string, n int) {
		m := delivery{event: eventOutdated, server: server}.message(start)
		for range min(max(n, 0), 200) {
			m.Mods = append(m.Mods, messageMod{Title: title})
		}
		if l := length(m.discord()); len(server) < 100 && l > maxDiscord {
			t.Errorf("%d characters", l)
		}
	})
}

func FuzzCheckAddress(f *testing.F) {
	f.Add("https://discord.com/api/webhooks/1/x")
	f.Add("http://[::ffff:169.254.169.254]/")
	f.Fuzz(func(t *testing.T, address string) {
		if checkAddress(address) != nil {
			return
		}
		if _, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, http.NoBody); err != nil {
			t.Errorf("%q passes and cannot be asked: %v", address, err)
		}
		isDiscord(address)
	})
}
