package demosink

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// idle waits until a session has no connection.
func (r *rig) idle(id string) {
	r.t.Helper()
	eventually(r.t, "the session is idle", func() bool { return !r.row(id).Open })
}

// TestGrace closes a session whose player does not come back, as late as it
// says and not before.
func TestGrace(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var clock *durabletest.Clock
		r := newRig(t, d, fakeClock(&clock))
		id := r.open(alice)
		c := r.dial(alice, id)
		send(t, c, demo(5000))
		r.spooled(id, 5000)
		drop(c)
		r.idle(id)
		if got, want := r.row(id).GraceUntil, clock.Now().Add(2*time.Minute); !got.Equal(want) {
			t.Fatalf("grace until %s, want %s", got, want)
		}
		clock.Advance(119 * time.Second)
		r.unstick(context.Background())
		c = r.dial(alice, id)
		if !r.row(id).GraceUntil.IsZero() {
			t.Error("the timer runs while the player is there")
		}
		clock.Advance(10 * time.Minute)
		send(t, c, []byte("more"))
		r.spooled(id, 5004)
		drop(c)
		r.idle(id)
		pass(t, clock, time.Second, "the session is closed", func() bool { return !r.row(id).Active })
		r.wantBlob(id, append(demo(5000), "more"...))
		r.want("GET", "/close_session?api_key=MB-alice", "", 403, noSessionText)
		if s := r.row(id); s.EndAt.Before(s.StartAt.Add(10*time.Minute + 119*time.Second + 2*time.Minute)) {
			t.Errorf("closed at %s", s.EndAt)
		}
	})
}

// TestNeverConnected closes a session that never had a connection, empty,
// after ten minutes.
func TestNeverConnected(t *testing.T) {
	var clock *durabletest.Clock
	r := newRig(t, lite(t), fakeClock(&clock))
	id := r.open(alice)
	start := clock.Now()
	pass(t, clock, 5*time.Second, "the session is closed", func() bool { return !r.row(id).Active })
	if s := r.row(id); s.HasSize || s.EndAt.Before(start.Add(10*time.Minute)) {
		t.Errorf("%+v", s)
	}
	for _, days := range []int{29, 31} {
		left := 1 - days/31
		n, err := r.store.deleteEmpty(context.Background(), r.row(id).EndAt.Add(time.Duration(days-30)*24*time.Hour))
		if err != nil || n != int64(1-left) {
			t.Errorf("after %d days %d were forgotten, %v", days, n, err)
		}
		if left == 0 {
			return
		}
	}
}

// TestGraceSurvivesRestarts restarts the sink while the timer runs.
func TestGraceSurvivesRestarts(t *testing.T) {
	var clock *durabletest.Clock
	r := newRig(t, lite(t), fakeClock(&clock))
	id := r.open(alice)
	c := r.dial(alice, id)
	send(t, c, demo(3000))
	r.spooled(id, 3000)
	drop(c)
	r.idle(id)
	until := r.row(id).GraceUntil
	r.restart()
	if got := r.row(id).GraceUntil; !got.Equal(until) {
		t.Errorf("grace until %s, was %s", got, until)
	}
	r.stop()
	clock.Advance(time.Hour)
	r.start()
	t.Cleanup(r.stop)
	r.wantBlob(id, demo(3000))
}

// openLater asks for a session and hands the answer over when it comes.
func (r *rig) openLater() <-chan string {
	opened := make(chan string, 1)
	go func() {
		res, err := http.Get(r.base + "/session_id?api_key=MB-alice&fake_ip=1&map=m")
		if err != nil {
			opened <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		opened <- res.Status[:3] + string(b)
	}()
	eventually(r.t, "the new session waits for the old one", func() bool { return len(r.players.snapshot()) > 0 })
	return opened
}

// left is a session whose connection broke off.
func (r *rig) left(data []byte) string {
	r.t.Helper()
	id := r.open(alice)
	c := r.dial(alice, id)
	if err := c.Write(context.Background(), websocket.MessageBinary, data); err != nil {
		r.t.Fatal(err)
	}
	r.spooled(id, int64(len(data)))
	drop(c)
	r.idle(id)
	return id
}

// TestOverlap has the race of a client that closes its old session and opens a
// new one at once, without saying which.
func TestOverlap(t *testing.T) {
	var clock *durabletest.Clock
	r := newRig(t, lite(t), fakeClock(&clock))
	old := r.left(demo(9000))
	opened := r.openLater()
	r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
	id, ok := strings.CutPrefix(strings.TrimSuffix(<-opened, "}"), `200{"session_id":`)
	if !ok {
		t.Fatal(id)
	}
	r.wantBlob(old, demo(9000))
	if s := r.row(id); !s.Active {
		t.Error("the close of the old session closed the new one")
	}
}

// TestOverlapOfNoClose has a client that does not close its old session: the
// answer comes after three seconds.
func TestOverlapOfNoClose(t *testing.T) {
	var clock *durabletest.Clock
	r := newRig(t, lite(t), fakeClock(&clock))
	r.left(demo(9000))
	began := clock.Now()
	opened := r.openLater()
	var got string
	pass(t, clock, 100*time.Millisecond, "the answer comes", func() bool {
		select {
		case got = <-opened:
			return true
		default:
			return false
		}
	})
	if got != "403"+inSessionText {
		t.Error(got)
	}
	if waited := clock.Now().Sub(began); waited < 3*time.Second {
		t.Errorf("refused after %s", waited)
	}
}

// TestOverlapAfterClose has a client whose last connection ended with a Close:
// nothing more comes, and the new session begins at once.
func TestOverlapAfterClose(t *testing.T) {
	var clock *durabletest.Clock
	r := newRig(t, lite(t), fakeClock(&clock))
	id := r.open(alice)
	c := r.dial(alice, id)
	send(t, c, demo(9000))
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	r.idle(id)
	newest := r.open(alice)
	r.wantBlob(id, demo(9000))
	if s := r.row(newest); !s.Active {
		t.Error("the new session is closed")
	}
}

// TestSilentConnection lets another connection take a session over when the
// first was silent for a minute.
func TestSilentConnection(t *testing.T) {
	var clock *durabletest.Clock
	r := newRig(t, lite(t), fakeClock(&clock))
	id := r.open(alice)
	first := r.dial(alice, id)
	send(t, first, []byte("first,"))
	r.spooled(id, 6)
	clock.Advance(59 * time.Second)
	if _, res, err := r.tryDial(alice, id); err == nil || res.StatusCode != 409 {
		t.Fatalf("%v %v", res, err)
	}
	clock.Advance(time.Second)
	second := r.dial(alice, id)
	if ce := reads(t, first); ce.Code != websocket.StatusPolicyViolation {
		t.Errorf("close %v", ce)
	}
	send(t, second, []byte("second"))
	r.spooled(id, 12)
	drop(second)
	r.idle(id)
	r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
	r.wantBlob(id, []byte("first,second"))
}

// TestIdle ends a connection that brings nothing for too long; the session
// goes on.
func TestIdle(t *testing.T) {
	r := newRig(t, lite(t), func(o *Options) { o.Config.Idle = 1e8 })
	id := r.open(alice)
	c := r.dial(alice, id)
	send(t, c, []byte("x"))
	if ce := reads(t, c); ce.Code != websocket.StatusPolicyViolation || ce.Reason != endIdle.reason {
		t.Errorf("close %v", ce)
	}
	r.idle(id)
	if s := r.row(id); !s.Active || s.CleanClose {
		t.Errorf("%+v", s)
	}
}

// TestReports has every answer of /report.
func TestReports(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		v := &verifier{persons: map[steam.ID]bool{76561198000000009: true}}
		r := newRig(t, d, func(o *Options) { o.Steam = v })
		mine, theirs := r.open(alice), r.open(bob)
		const at, added, unknown = "/report?api_key=MB-alice", `{"report_added":true}`, "Unknown target_steam_id!"
		body := func(session, target, reason string) string {
			return `{"session_id":"` + session + `","target_steam_id":` + target + `,"reason":"` + reason + `"}`
		}
		const bad = "Validation failed for POST /report"
		r.want("POST", at, body(mine, `"76561198000000009"`, "bot"), 201, added)
		r.want("POST", at, body(mine, `76561198000000009`, "cheater"), 201, added)
		r.want("POST", at, body(mine, `"76561198000000009"`, "rude"), 400, bad)
		r.want("POST", at, body(mine, `"me"`, "bot"), 400, bad)
		r.want("POST", at, body(mine, `1.5`, "bot"), 400, bad)
		r.want("POST", at, body(mine, `null`, "bot"), 400, bad)
		r.want("POST", at, `{"session_id":1,"target_steam_id":"76561198000000009","reason":"bot"}`, 400, bad)
		for _, target := range []string{"12", "0", "76561197960265727", "76561197960265728", "103582791429521409", "90071992547409921"} { // no persons
			r.want("POST", at, body(mine, `"`+target+`"`, "bot"), 403, unknown)
		}
		r.want("POST", at, body(mine, `"76561198000000010"`, "bot"), 403, unknown)
		r.want("POST", at, body(mine, `99999999999999999999999999`, "bot"), 403, unknown)
		r.want("POST", at, body(theirs, `"76561198000000009"`, "bot"), 402, "Unknown session ID "+theirs)
		r.want("POST", at, body("12", `"76561198000000009"`, "bot"), 402, "Unknown session ID 12")
		r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
		r.want("POST", at, body(mine, `"76561198000000009"`, "cheater"), 201, added)

		v.set(func() { v.err = io.ErrUnexpectedEOF })
		r.want("POST", at, body(mine, `"76561198000000010"`, "bot"), 201, added) // Steam is away: asked later
		if got := reports(t, r); len(got) != 2 || got["76561198000000009"] != "cheater true" || got["76561198000000010"] != "bot false" {
			t.Errorf("%v", got)
		}
		v.set(func() { v.err = nil })
		if err := r.checkReports(context.Background()); err != nil {
			t.Error(err)
		}
		if got := reports(t, r); len(got) != 1 {
			t.Errorf("%v", got)
		}
	})
}

// reports are all that are stored, by target.
func reports(t *testing.T, r *rig) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := r.o.DB.Read(context.Background(), func(tx *db.Tx) error {
		rows, err := tx.Query(context.Background(), "SELECT target, reason, checked FROM demos_report")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var target, reason string
			var checked bool
			if err := rows.Scan(&target, &reason, &checked); err != nil {
				return err
			}
			all[target] = reason + map[bool]string{true: " true", false: " false"}[checked]
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRateOfRequests bounds what one address may ask.
func TestRateOfRequests(t *testing.T) {
	r := newRig(t, lite(t), func(o *Options) { o.Limits.Exempt, o.Limits.PerIPRPS = nil, 5 })
	limited := 0
	for range 40 {
		if status, _ := r.ask("GET", "/close_session?api_key=MB-nobody", ""); status == 429 {
			limited++
		}
	}
	if limited < 20 {
		t.Errorf("%d of 40 requests were refused", limited)
	}
}

// TestOneOwner refuses a second process on the same spool.
func TestOneOwner(t *testing.T) {
	r := newRig(t, lite(t), nil)
	other, err := New(r.o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := other.Load(ctx); !fault.Is(err, fault.Conflict) {
		t.Errorf("%v", err)
	}
}

// TestNoGrace never closes a session by itself when there is no grace time.
func TestNoGrace(t *testing.T) {
	r := newRig(t, lite(t), func(o *Options) { o.Config.Grace = 0 })
	id := r.left(demo(2000))
	if s := r.row(id); !s.GraceUntil.IsZero() {
		t.Errorf("grace until %s", s.GraceUntil)
	}
	r.restart()
	if s := r.row(id); !s.Active || !s.GraceUntil.IsZero() {
		t.Errorf("%+v", s)
	}
	r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
	r.wantBlob(id, demo(2000))
}
