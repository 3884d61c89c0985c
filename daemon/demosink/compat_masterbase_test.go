package demosink

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

const (
	inSessionText = "User already in a session, either remember your session token or close it out at `/close_session`!"
	noSessionText = "User is not in a session, create one at `/session_id`!"
)

// TestRefusals has the rules that all endpoints share, and their order.
func TestRefusals(t *testing.T) {
	r := newRig(t, lite(t), nil)
	long := strings.Repeat("x", 70<<10)
	for _, c := range []struct {
		method, target, body string
		status               int
		text                 string
	}{
		{"GET", "/session_id", "", 401, "Unauthorized"},
		{"GET", "/session_id?api_key=", "", 401, "Unauthorized"},
		{"GET", "/session_id?api_key=MB-nobody", "", 401, "Unauthorized"},
		{"GET", "/session_id?api_key=MB-nobody&api_key=MB-alice", "", 401, "Unauthorized"},
		{"GET", "/session_id?api_key=MB-alice", "", 400, "Missing required query parameter 'fake_ip' for path /session_id"},
		{"GET", "//session_id/?api_key=MB-alice", "", 400, "Missing required query parameter 'fake_ip' for path /session_id"},
		{"GET", "/session_id?api_key=MB-alice&fake_ip=1", "", 400, "Missing required query parameter 'map' for path /session_id"},
		{"POST", "/session_id?api_key=MB-alice", "{}", 405, "Method Not Allowed"},
		{"HEAD", "/session_id?api_key=MB-alice", "", 405, ""},
		{"GET", "/demos?api_key=MB-alice&session_id=1", "", 405, "Method Not Allowed"},
		{"GET", "/close_session?api_key=MB-alice", "", 403, noSessionText},
		{"GET", "/close_session/?api_key=MB-alice", "", 403, noSessionText},
		{"GET", "/close_session?api_key=bad", "", 401, "Unauthorized"},
		{"POST", "/close_session?api_key=MB-alice", "no JSON", 403, noSessionText},
		{"POST", "/late_bytes?api_key=MB-alice", "no JSON", 403, noSessionText},
		{"POST", "/late_bytes", "", 401, "Unauthorized"},
		{"GET", "/late_bytes?api_key=MB-alice", "", 405, "Method Not Allowed"},
		{"POST", "/report?api_key=MB-alice", "no JSON", 400, "JSON is malformed"},
		{"POST", "/report?api_key=MB-alice", "", 400, "Validation failed for POST /report"},
		{"POST", "/report?api_key=MB-alice", "[]", 400, "Validation failed for POST /report"},
		{"POST", "/report?api_key=MB-alice", "null", 400, "Validation failed for POST /report"},
		{"POST", "/report?api_key=MB-alice", "{}", 400, "Validation failed for POST /report"},
		{"POST", "/report?api_key=MB-alice", `"` + long + `"`, 413, "Request Entity Too Large"},
		{"POST", "/report?api_key=MB-nobody", "no JSON", 401, "Unauthorized"},
	} {
		r.want(c.method, c.target, c.body, c.status, c.text)
	}
	_, h, _ := r.askAll("GET", "/close_session?api_key=x", "")
	if got := h.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	status, h, body := r.askAll("OPTIONS", "/close_session", "")
	if status != 204 || h.Get("Allow") != "GET, OPTIONS, POST" || body != "" {
		t.Errorf("OPTIONS: %d %q %q", status, h.Get("Allow"), body)
	}
	if strings.Contains(r.log.String(), "MB-") {
		t.Errorf("a key is in the log:\n%s", r.log)
	}
}

// TestSessionID checks the answer of /session_id and what is stored.
func TestSessionID(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d, nil)
		status, h, text := r.askAll("GET", "/session_id?api_key=MB-alice&fake_ip=169.254.215.11%253A58480&map=pl+pier&demo_name=..%2Fx.dem&fake_ip=2&map=other", "")
		if status != 200 || h.Get("Content-Type") != "application/json" {
			t.Fatalf("%d %s %s", status, h.Get("Content-Type"), text)
		}
		id := idIn(text)
		if !SessionID(id).Valid() || len(id) < 21 { // above 2^64, save for one in 2^60
			t.Errorf("session id %s", text)
		}
		s := r.row(id)
		type stored struct {
			Account                     int64
			FakeIP, Map, Name           string
			Active, Open, HasSize, Late bool
			Source                      Source
		}
		got := stored{s.Account, s.FakeIP, s.Map, s.DemoName, s.Active, s.Open, s.HasSize, s.Late != nil, s.Source}
		if diff := cmp.Diff(stored{1, "169.254.215.11:58480", "pl pier", "../x.dem", true, false, false, false, SourceStream}, got); diff != "" {
			t.Error(diff)
		}
		if s.SteamID != aliceID || s.StartAt.IsZero() || !s.EndAt.IsZero() {
			t.Errorf("%+v", s)
		}
		r.want("GET", "/close_session?api_key=MB-alice", "", 200, `{"closed_successfully":true}`)
		if s = r.row(id); s.Active || s.HasSize || s.EndAt.IsZero() || s.Owner != "" {
			t.Errorf("closed without bytes: %+v", s)
		}
		r.want("GET", "/close_session?api_key=MB-alice", "", 403, noSessionText)
	})
}

// TestGameServerAddresses has what is stored of an address when Steam is not
// asked.
func TestGameServerAddresses(t *testing.T) {
	r := newRig(t, lite(t), nil)
	for in, want := range map[string]string{
		"169.254.215.11%253A58480": "169.254.215.11:58480",
		"169.254.189.228%3A41928":  "169.254.189.228:41928",
		"169.254.1.1":              "169.254.1.1",
		"123.45.6789":              "123.45.26.133:27015",
		"203.0.113.5":              "203.0.113.5:27015",
		"203.0.113.5%3A1":          "203.0.113.5:1",
		"game.example":             "203.0.113.9:27015",
		"game.example%3A27016":     "203.0.113.9:27016",
		"gone.example":             "gone.example:27015",
		"a%3Ab%3Ac":                "a:b:c",
		"203.0.113.5%3Ax":          "203.0.113.5:x",
		"":                         ":27015",
		"%25zz":                    "%zz:27015",
	} {
		status, text := r.ask("GET", "/session_id?api_key=MB-bob&map=m&fake_ip="+in, "")
		if status != 200 {
			t.Errorf("%q: %d %s", in, status, text)
			continue
		}
		s := r.row(idIn(text))
		if s.FakeIP != want || s.DemoName != "" || s.Verified {
			t.Errorf("%q is stored as %q, want %q", in, s.FakeIP, want)
		}
		r.want("GET", "/close_session?api_key=MB-bob", "", 200, `{"closed_successfully":true}`)
	}
}

// TestVerifiedServers has the answers when Steam is asked.
func TestVerifiedServers(t *testing.T) {
	v := &verifier{servers: map[string]bool{"fake 169.254.189.228:41928": true, "203.0.113.9:27015": true}}
	r := newRig(t, lite(t), func(o *Options) { o.Config.VerifyServers, o.Steam, o.Config.AcceptUnverified = true, v, false })
	const at = "/session_id?api_key=MB-alice&map=m&fake_ip="
	gone := "Cannot accept data from a non-existent gameserver! "
	for in, shown := range map[string]string{
		"169.254.1.2%3A5": "(169.254.1.2:5)", "203.0.113.10": "(203.0.113.10)", "123.45.6789": "(123.45.6789)",
		"gone.example%3A1": "(gone.example:1)", "a%3Ab%3Ac": "(a:b:c)", "169.254.1.2": "(169.254.1.2)", "203.0.113.9%3A0": "(203.0.113.9:0)",
	} {
		r.want("GET", at+in, "", 401, gone+shown)
	}
	r.want("GET", "/session_id?api_key=MB-alice&map=m", "", 400, "Missing required query parameter 'fake_ip' for path /session_id")
	for _, in := range []string{"169.254.189.228%253A41928", "game.example"} {
		status, text := r.ask("GET", at+in, "")
		if status != 200 || !r.row(idIn(text)).Verified {
			t.Errorf("%s: %d %s", in, status, text)
		}
		r.want("GET", "/close_session?api_key=MB-alice", "", 200, `{"closed_successfully":true}`)
	}
	v.set(func() { v.err = http.ErrHandlerTimeout })
	r.want("GET", at+"203.0.113.77", "", 503, "Steam cannot be asked about the game server at the moment")
	if _, h, _ := r.askAll("GET", at+"203.0.113.77", ""); h.Get("Retry-After") != "60" {
		t.Errorf("Steam away: %v", h)
	}
	r.config.AcceptUnverified = true
	if status, text := r.ask("GET", at+"203.0.113.77", ""); status != 200 || r.row(idIn(text)).Verified {
		t.Errorf("Steam away: %d %s", status, text)
	}
}

// TestUpgradeRefusals has what is decided before a connection is a websocket.
func TestUpgradeRefusals(t *testing.T) {
	r := newRig(t, lite(t), nil)
	mine := r.open(alice)
	refused := func(key, id string, status int, text string) {
		t.Helper()
		c, res, err := r.tryDial(key, id)
		if err == nil {
			_ = c.CloseNow()
			t.Fatalf("%s %s was taken", key, id)
		}
		var body strings.Builder
		_ = res.Write(&body)
		_, got, _ := strings.Cut(body.String(), "\r\n\r\n")
		if res.StatusCode != status || got != text {
			t.Errorf("%s %s: %d %q, want %d %q", key, id, res.StatusCode, got, status, text)
		}
	}
	refused("MB-nobody", mine, 401, "Unauthorized")
	refused("", mine, 401, "Unauthorized")
	refused(bob, mine, 403, noSessionText)
	theirs := r.open(bob)
	refused(alice, theirs, 403, "Unknown session ID "+theirs)
	refused(alice, "../../x", 403, "Unknown session ID ../../x")
	refused(alice, "12", 403, "Unknown session ID 12")
	if s := r.row(mine); s.Open {
		t.Error("a refusal opened the session")
	}
	if ok, _ := r.spool.has(SessionID(mine)); ok {
		t.Error("a refusal made a file")
	}
	c := r.dial(alice, mine)
	refused(alice, mine, 409, "This session has a connection already")
	send(t, c, []byte("x"))
	r.spooled(mine, 1)

	req, _ := http.NewRequest("GET", r.base+"/demos?api_key="+alice, nil)
	for k, v := range map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="} {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || res.StatusCode != 403 || res.ContentLength != 0 {
		t.Errorf("without session_id: %v %v", res, err)
	}
	_ = res.Body.Close()
	req.Header.Set("Sec-WebSocket-Key", "short")
	req.URL.RawQuery += "&session_id=" + theirs
	if res, err = http.DefaultTransport.RoundTrip(req); err != nil || res.StatusCode != 400 {
		t.Errorf("a bad handshake: %v %v", res, err)
	}
	_ = res.Body.Close()
}
