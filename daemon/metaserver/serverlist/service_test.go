package serverlist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// rig is a Service with a clock that tests set.
type rig struct {
	*Service
	t *testing.T

	mu  sync.Mutex
	now time.Time
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func newRig(t *testing.T, d *db.DB, change ...func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Date(2030, 1, 2, 3, 4, 5, 678901000, time.UTC)}
	o := Options{DB: d, Now: r.clock, Wire: wire, ListUnreachable: true}
	for _, f := range change {
		f(&o)
	}
	var err error
	if r.Service, err = New(o); err != nil {
		t.Fatal(err)
	}
	return r
}

// wire shows of a server what tests look at.
func wire(s *Server) []byte {
	b, _ := json.Marshal(fmt.Sprintf("%d:%s:%d", s.ID, s.Map, s.Players)) // a text can always be written
	return b
}

func details(name string) Details {
	return Details{HostName: "203.0.113.9", Port: 27015, Name: name, GameType: "RTSS", MaxPlayers: 16}
}

// add registers a server and returns its credential.
func (r *rig) add(owner int64) (Server, Credential) {
	r.t.Helper()
	s, password, err := r.Add(r.t.Context(), owner, details("A"), ExtrasChange{}, netip.MustParseAddr("192.0.2.1"))
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := r.Authenticate(r.t.Context(), text(s.ID), password)
	if err != nil {
		r.t.Fatal(err)
	}
	return s, c
}

func (r *rig) beat(c Credential, on string, players int64) Server {
	r.t.Helper()
	s, err := r.Heartbeat(r.t.Context(), c, Status{Details: details("A"), Map: on, Players: players})
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *rig) shows(want string) {
	r.t.Helper()
	if got := string(r.List().Body); got != want {
		r.t.Errorf("the list is %s, want %s", got, want)
	}
}

func TestWindow(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		_, one := r.add(1)
		_, two := r.add(1)
		r.shows(`[]`)
		r.beat(one, "a", 1)
		r.shows(`["1:a:1"]`)
		r.pass(30 * time.Second)
		r.beat(two, "b", 2)
		r.shows(`["1:a:1","2:b:2"]`)
		r.pass(30*time.Second - time.Microsecond)
		r.shows(`["1:a:1","2:b:2"]`)
		r.pass(time.Microsecond) // not later than now - 60 s any more
		r.shows(`["2:b:2"]`)
		r.beat(one, "c", 0)
		r.shows(`["1:c:0","2:b:2"]`)
		r.pass(time.Hour)
		r.shows(`[]`)
		if n := len(r.board.entries); n != 0 {
			t.Errorf("%d servers are remembered that are long gone", n)
		}
	})
}

// A clock that was set back neither hides a server that reports nor shows one
// that its owner took off the list.
func TestClockSetBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		v, c := r.add(1)
		r.beat(c, "a", 1)
		r.pass(-time.Hour)
		r.shows(`["1:a:1"]`)
		r.beat(c, "b", 2)
		r.shows(`["1:b:2"]`)
		r.pass(time.Minute)
		r.shows(`[]`)
		r.beat(c, "c", 3)
		if _, err := r.TakeOffline(t.Context(), 1, v.ID); err != nil {
			t.Fatal(err)
		}
		r.shows(`[]`)
		r.pass(-time.Hour)
		r.shows(`[]`)
		r.beat(c, "d", 4)
		r.shows(`["1:d:4"]`)
		other := newRig(t, d)
		other.now = r.now
		if err := other.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		other.shows(`["1:d:4"]`)
		if _, err := r.TakeOffline(t.Context(), 1, v.ID); err != nil {
			t.Fatal(err)
		}
		r.shows(`[]`)
	})
}

// A daemon that starts, and one beside, know what was acknowledged.
func TestOtherProcesses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		r := newRig(t, d)
		s, c := r.add(1)
		r.beat(c, "a", 1)
		other := newRig(t, d)
		other.now = r.now
		if err := other.Load(ctx); err != nil {
			t.Fatal(err)
		}
		other.shows(`["1:a:1"]`)
		r.pass(time.Second)
		r.beat(c, "b", 2)
		other.shows(`["1:a:1"]`)
		if err := other.poll(ctx); err != nil {
			t.Fatal(err)
		}
		other.shows(`["1:b:2"]`)
		if err := r.Delete(ctx, 1, s.ID); err != nil {
			t.Fatal(err)
		}
		r.shows(`[]`)
		if err := other.poll(ctx); err != nil {
			t.Fatal(err)
		}
		other.shows(`[]`)
		// What is still under way from before cannot bring it back.
		r.board.put(s)
		r.shows(`[]`)
	})
}

// A password that another process changed is worth nothing for heartbeats at
// once, and for everything else soon.
func TestRotatedElsewhere(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		r, other := newRig(t, d), newRig(t, d)
		s, password, err := r.Add(ctx, 1, details("A"), ExtrasChange{}, netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := r.Authenticate(ctx, text(s.ID), password)
		if err != nil {
			t.Fatal(err)
		}
		_, fresh, err := other.Rotate(ctx, 1, s.ID)
		if err != nil || fresh == password || len(fresh) != 32 {
			t.Fatal(fresh, err)
		}
		if _, err := r.Heartbeat(ctx, c, Status{Details: details("A")}); !errors.Is(err, ErrCredentials) {
			t.Errorf("%v", err)
		}
		if _, err := r.Authenticate(ctx, text(s.ID), password); !errors.Is(err, ErrCredentials) {
			t.Errorf("%v", err)
		}
		if _, err := r.Authenticate(ctx, text(s.ID), fresh); err != nil {
			t.Error(err)
		}
		if err := other.Delete(ctx, 1, s.ID); err != nil {
			t.Fatal(err)
		}
		r.pass(keepCredential)
		if _, err := r.Authenticate(ctx, text(s.ID), fresh); !errors.Is(err, ErrCredentials) {
			t.Errorf("%v", err)
		}
	})
}

func TestDeleteOwned(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		r := newRig(t, d)
		_, one := r.add(1)
		_, two := r.add(2)
		r.beat(one, "a", 1)
		r.beat(two, "b", 1)
		if err := d.Write(ctx, func(tx *db.Tx) error { return r.DeleteOwned(ctx, tx, 1) }); err != nil {
			t.Fatal(err)
		}
		if err := r.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		r.shows(`["2:b:1"]`)
		if all, err := r.Owned(ctx, 1); len(all) != 0 || err != nil {
			t.Errorf("%v %v", all, err)
		}
		if _, err := r.Heartbeat(ctx, one, Status{Details: details("A")}); !errors.Is(err, ErrCredentials) {
			t.Errorf("%v", err)
		}
		var from string
		err := d.Read(ctx, func(tx *db.Tx) error {
			return tx.QueryRow(ctx, "SELECT registered_from FROM serverlist_server WHERE id = 1").Scan(&from)
		})
		if from != "" || err != nil {
			t.Errorf("the address of who registered is left: %q %v", from, err)
		}
	})
}

// Neither passwords nor their hashes differ only by chance from what they
// should be: 128 bits, stored as their SHA-256.
func TestPasswordIsStoredHashed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		_, password, err := r.Add(t.Context(), 1, details("A"), ExtrasChange{}, netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		var stored []byte
		err = d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow(t.Context(), "SELECT password FROM serverlist_server").Scan(&stored)
		})
		if err != nil || len(stored) != 32 || strings.Contains(string(stored), password) {
			t.Errorf("%x %v", stored, err)
		}
	})
}

func TestExplain(t *testing.T) {
	r := newRig(t, dbtest.SQLite(t), func(o *Options) { o.ListUnreachable = false })
	now := r.clock()
	v := Server{ID: 1, Details: Details{HostName: "8.8.8.8", Port: 27015, MaxPlayers: 8}, State: StateOpen}
	with := func(change func(*Server)) *Server {
		c := v
		c.Updated = now.Add(-5 * time.Second)
		change(&c)
		return &c
	}
	failed := func(o Outcome) Check {
		return Check{Outcome: o, Kind: KindA2S, Host: "8.8.8.8", Port: 27015, Address: "8.8.8.8", At: now}
	}
	for name, c := range map[string]struct {
		server *Server
		cause  Cause
		words  string
	}{
		"never":       {&v, NeverReported, "never sent a heartbeat"},
		"listed":      {with(func(*Server) {}), Listed, "5 seconds ago"},
		"silent":      {with(func(s *Server) { s.Updated = now.Add(-time.Minute) }), Silent, "60 seconds ago; it must be younger than 60 seconds"},
		"long silent": {with(func(s *Server) { s.Updated = now.Add(-49 * time.Hour) }), Silent, "2 days ago"},
		"off":         {with(func(s *Server) { s.Offline = now }), TakenOff, "taken off the list"},
		"hidden":      {with(func(s *Server) { s.State, s.Reason = StateHidden, "Spam" }), HiddenByStaff, "hid it: Spam"},
		"closed":      {with(func(s *Server) { s.State, s.Reason = StateClosed, "Spam" }), ClosedByStaff, "closed it: Spam"},
		"unreachable": {with(func(s *Server) { s.Check = failed(NoAnswer) }), NotReachable, "UDP port 27015 of 8.8.8.8 (8.8.8.8) did not answer"},
		"no name":     {with(func(s *Server) { s.Check = failed(UnknownName) }), NotReachable, "had no address"},
		"elsewhere":   {with(func(s *Server) { s.Check = failed(NoAnswer); s.Check.Port = 1 }), Listed, "5 seconds ago"},
		"reachable":   {with(func(s *Server) { s.Check = failed(Reachable) }), Listed, "5 seconds ago"},
	} {
		t.Run(name, func(t *testing.T) {
			l := r.Explain(c.server)
			if l.Cause != c.cause || !strings.Contains(l.Text, c.words) || l.Listed != (c.cause == Listed) || l.Listed != r.board.lists(c.server, now) {
				t.Errorf("%+v", l)
			}
		})
	}
	private := with(func(s *Server) { s.HostName, s.Players = "192.168.1.5", 9 })
	if l := r.Explain(private); len(l.Warnings) != 2 || l.Warnings[0].Cause != PrivateAddress || l.Warnings[1].Cause != ReportsFullness {
		t.Errorf("%+v", l)
	}
}

func TestTotals(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		r := newRig(t, d)
		_, one := r.add(1)
		_, two := r.add(1)
		record := func() {
			t.Helper()
			if err := r.record(ctx); err != nil {
				t.Fatal(err)
			}
		}
		r.beat(one, "a", 5)
		r.beat(two, "a", 1<<62) // adds no more than is believable
		record()
		r.beat(two, "a", 0)
		record() // in the same five minutes; the most stays
		begun := r.clock()
		r.pass(time.Hour)
		record()
		all, err := r.History(ctx, begun.Add(-time.Hour))
		want := []Totals{{2, 5 + believable}, {}}
		if err != nil || len(all) != 2 || all[0].Totals != want[0] || all[1].Totals != want[1] || all[0].At != begun.Truncate(5*time.Minute) {
			t.Errorf("%v %v", all, err)
		}
		r.pass(26 * time.Hour)
		record()
		if all, err = r.History(ctx, time.Time{}); err != nil || len(all) != 1 {
			t.Errorf("%v %v", all, err)
		}
	})
}

// Texts of servers lose what does not show; what is not text is refused.
func TestDetailsAreCleaned(t *testing.T) {
	r := newRig(t, dbtest.SQLite(t))
	d := details("\u202e\x01Admin\u200b ")
	d.Description = "a\x00b\nc"
	s, _, err := r.Add(t.Context(), 1, d, ExtrasChange{}, netip.Addr{})
	if err != nil || s.Name != "Admin" || s.Description != "ab c" {
		t.Errorf("%+v %v", s, err)
	}
	for name, change := range map[string]func(*Details){
		"host": func(d *Details) { d.HostName = "http://x" }, "port": func(d *Details) { d.Port = 65536 },
		"name": func(d *Details) { d.Name = strings.Repeat("x", 101) }, "players": func(d *Details) { d.MaxPlayers = -1 },
	} {
		d := details("A")
		change(&d)
		if _, _, err := r.Add(t.Context(), 1, d, ExtrasChange{}, netip.Addr{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	host, port, many := "http://x", -1, make([]uint64, 101)
	for name, e := range map[string]ExtrasChange{"host": {PublicHost: &host}, "port": {PublicPort: &port}, "mods": {Mods: &many}} {
		if _, _, err := r.Add(t.Context(), 1, details("A"), e, netip.Addr{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Heartbeats of one server that come at the same time all count, and the list
// shows the last of them.
func TestConcurrentHeartbeats(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		s, c := r.add(1)
		var g sync.WaitGroup
		for i := range 16 {
			g.Go(func() {
				if _, err := r.Heartbeat(context.WithoutCancel(t.Context()), c, Status{Details: details("A"), Map: "m", Players: int64(i)}); err != nil {
					t.Error(err)
				}
			})
		}
		g.Wait()
		last, err := r.Server(t.Context(), s.ID)
		if err != nil || last.revision != 17 {
			t.Fatalf("%+v %v", last, err)
		}
		r.shows(fmt.Sprintf(`["1:m:%d"]`, last.Players))
	})
}

// The servers of somebody whose account was closed are nobody's.
func TestClosedOwner(t *testing.T) {
	closed := false
	r := newRig(t, dbtest.SQLite(t), func(o *Options) {
		o.Closed = func(_ context.Context, account int64) (bool, error) { return closed && account == 1, nil }
	})
	s, password, err := r.Add(t.Context(), 1, details("A"), ExtrasChange{}, netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Authenticate(t.Context(), text(s.ID), password); err != nil {
		t.Fatal(err)
	}
	closed = true
	r.pass(keepCredential)
	if _, err := r.Authenticate(t.Context(), text(s.ID), password); !errors.Is(err, ErrCredentials) {
		t.Errorf("%v", err)
	}
}

// Mods that this daemon has come with the address at which it was reached.
func TestModURL(t *testing.T) {
	r := newRig(t, dbtest.SQLite(t), func(o *Options) {
		o.ModURL = func(_ context.Context, app uint32, id uint64) string {
			if app != 4920 || id != 7 {
				return ""
			}
			return "/m7_5.zip"
		}
	})
	ctx := context.WithValue(t.Context(), baseKey{}, "https://mods.example.org")
	v := r.view(ctx, &Server{Extras: Extras{App: 4920, Mods: []uint64{7, 8}}})
	want := []modView{{"7", "https://mods.example.org/m7_5.zip"}, {"8", ""}}
	if len(v.Mods) != 2 || v.Mods[0] != want[0] || v.Mods[1] != want[1] {
		t.Errorf("%+v", v.Mods)
	}
}

// Open pages are told of new totals, and only of those.
func TestTotalsArePublished(t *testing.T) {
	srv, err := web.New(web.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, dbtest.SQLite(t), func(o *Options) { o.Hub = srv.Events() })
	_, c := r.add(1)
	r.publish()
	if r.published != (Totals{}) {
		t.Errorf("%+v", r.published)
	}
	r.beat(c, "a", 3)
	r.publish()
	if r.published != (Totals{1, 3}) {
		t.Errorf("%+v", r.published)
	}
}

// Who has his answer is in the next list, however many report at once.
func TestReadYourWrites(t *testing.T) {
	r := newRig(t, dbtest.SQLite(t))
	var g sync.WaitGroup
	for range 16 {
		_, c := r.add(1)
		g.Go(func() {
			for i := range int64(20) {
				if _, err := r.Heartbeat(t.Context(), c, Status{Details: details("A"), Map: "m", Players: i}); err != nil {
					t.Error(err)
					return
				}
				if want := fmt.Sprintf(`"%d:m:%d"`, c.Server, i); !strings.Contains(string(r.List().Body), want) {
					t.Errorf("%s is not in the list", want)
				}
			}
		})
	}
	g.Wait()
}
