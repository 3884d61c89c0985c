package accounts

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestSessionExpires(t *testing.T) {
	const day = 24 * time.Hour
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		x.person("Ann", RolePlayer)
		idle, busy := x.signIn("Ann"), x.signIn("Ann")
		for range 6 {
			x.clock.add(13 * day) // 78 days
			if busy.name() != "Ann" {
				t.Fatal("a session in use ended before 90 days")
			}
		}
		if idle.name() != "" {
			t.Error("a session that nobody used for 14 days is valid")
		}
		x.clock.add(12*day - time.Second)
		if busy.name() != "Ann" {
			t.Error("the session ended before its 90th day was over")
		}
		x.clock.add(time.Second)
		if busy.name() != "" {
			t.Error("the session is valid after 90 days")
		}
		if all, err := x.s.Sessions(t.Context(), 1); len(all) != 0 || err != nil {
			t.Errorf("sessions that are over are listed: %+v, %v", all, err)
		}
		if err := x.s.prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM accounts_session").Scan(&n)
		}); err != nil || n != 0 {
			t.Errorf("%d rows are left, %v", n, err)
		}
	})
}

func TestLastSeenIsWrittenOnceAMinute(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	x.person("Ann", RolePlayer)
	c := x.signIn("Ann")
	start := x.clock.Now()
	seen := func() time.Duration {
		all, err := x.s.Sessions(t.Context(), 1)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		return all[0].LastSeen.Sub(start)
	}
	for _, row := range []struct{ step, want time.Duration }{
		{59 * time.Second, 0}, {time.Second, time.Minute}, {30 * time.Second, time.Minute}, {30 * time.Second, 2 * time.Minute},
	} {
		x.clock.add(row.step)
		c.name()
		if got := seen(); got != row.want {
			t.Errorf("%v after the start: seen at %v, want %v", x.clock.Now().Sub(start), got, row.want)
		}
	}
}

func TestSessionsListAndRevoke(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		x.person("Ann", RolePlayer)
		x.person("Bob", RolePlayer)
		phone, desk, bob := x.signIn("Ann"), x.signIn("Ann"), x.signIn("Bob")
		var list struct{ Sessions []Session }
		desk.do("GET", "/api/v1/sessions", nil).json(t, &list)
		if len(list.Sessions) != 2 || list.Sessions[0].Current == list.Sessions[1].Current || list.Sessions[0].IP != "10.1.2.3" {
			t.Fatalf("%+v", list.Sessions)
		}
		other := list.Sessions[slices.IndexFunc(list.Sessions, func(s Session) bool { return !s.Current })]
		path := "/api/v1/sessions/" + text(other.ID)
		if a := bob.do("DELETE", path, nil); a.status != 404 {
			t.Errorf("a stranger's try: %d", a.status)
		}
		if a := desk.do("DELETE", path, nil); a.status != 204 {
			t.Errorf("%d %s", a.status, a.body)
		}
		if phone.name() != "" || desk.name() != "Ann" {
			t.Error("the wrong session ended")
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	x.person("Ann", RolePlayer)
	first := x.signIn("Ann")
	for range maxSessions {
		x.clock.add(time.Second)
		x.signIn("Ann")
	}
	if all, err := x.s.Sessions(t.Context(), 1); len(all) != maxSessions || err != nil {
		t.Errorf("%d sessions, %v", len(all), err)
	}
	if first.name() != "" {
		t.Error("the oldest session is still there")
	}
}

func TestSignInReplacesTheSession(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	x.person("Ann", RolePlayer)
	c := x.signIn("Ann")
	old := *c
	c.do("POST", sessionPath, map[string]string{"name": "Ann", "password": testPassword})
	if c.cookie == old.cookie || c.name() != "Ann" || old.name() != "" {
		t.Error("the session was not replaced by a new one")
	}
}

func TestChangePassword(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		ann := x.person("Ann", RolePlayer)
		x.person("Root", RoleAdmin)
		phone, desk, root := x.signIn("Ann"), x.signIn("Ann"), x.signIn("Root")
		const path, second = "/api/v1/accounts/1/password", "another good one"
		for _, row := range []struct {
			name, current, password string
			status                  int
		}{
			{"without the current one", "", second, 403}, {"with a wrong one", "wrong", second, 403},
			{"too short", testPassword, "short", 400}, {"right", testPassword, second, 204},
		} {
			a := desk.do("PUT", path, map[string]string{"current": row.current, "password": row.password})
			if a.status != row.status {
				t.Errorf("%s: %d %s", row.name, a.status, a.body)
			}
		}
		if phone.name() != "" || desk.name() != "Ann" {
			t.Error("the other session should end and this one stay")
		}
		_, err := x.s.SignIn(t.Context(), x.attempt("Ann", testPassword))
		wantKind(t, err, fault.Unauthenticated)
		if _, err := x.s.SignIn(t.Context(), x.attempt("Ann", second)); err != nil {
			t.Error(err)
		}
		if a := root.do("PUT", path, map[string]string{"password": "set by the admin"}); a.status != 204 {
			t.Errorf("admin: %d %s", a.status, a.body)
		}
		if desk.name() != "" {
			t.Error("a reset leaves sessions")
		}
		if _, err := x.s.SignIn(t.Context(), x.attempt("Ann", "set by the admin")); err != nil {
			t.Error(err)
		}
		wantKind(t, x.s.SetPassword(t.Context(), ann.ID, "Ann 1990!", 0), fault.Invalid)
	})
}

func TestSignInLimits(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	x.person("Ann", RolePlayer)
	stranger := Attempt{Name: "Nobody", Password: "guess", IP: netip.MustParseAddr("192.0.2.7")}
	for i := range 20 {
		stranger.Name = "Nobody" + text(int64(i))
		_, err := x.s.SignIn(t.Context(), stranger)
		wantKind(t, err, fault.Unauthenticated)
	}
	_, err := x.s.SignIn(t.Context(), stranger)
	wantKind(t, err, fault.TooMany)
	var f *fault.Error
	if errors.As(err, &f); f.RetryAfter <= 0 || f.RetryAfter > 3*time.Second {
		t.Errorf("wait %v, want at most 3 s at 20 a minute", f.RetryAfter)
	}
	// Guessing at one name from everywhere: the session stays, and so does the
	// way in from where the owner was before.
	owner := x.signIn("Ann")
	for i := range 50 {
		guess := Attempt{Name: "ann", Password: "guess", IP: netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})}
		_, err = x.s.SignIn(t.Context(), guess)
	}
	wantKind(t, err, fault.TooMany)
	if owner.name() != "Ann" {
		t.Error("the owner's session ended")
	}
	x.signIn("Ann")
}

func TestOverlongInputsAreRefusedCheaply(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	x.person("Ann", RolePlayer)
	for range cap(x.s.hasher.queued) { // no hash may be asked for
		x.s.hasher.queued <- struct{}{}
	}
	for _, a := range []Attempt{x.attempt("Ann", strings.Repeat("x", 513)), x.attempt(strings.Repeat("n", 1100), "x")} {
		_, err := x.s.SignIn(t.Context(), a)
		wantKind(t, err, fault.Unauthenticated)
	}
	_, err := x.s.SignIn(t.Context(), x.attempt("Ann", "x"))
	wantKind(t, err, fault.TooMany)
}

func TestKeys(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		ctx := t.Context()
		root := x.person("Root", RoleAdmin)
		mod := x.person("Mo", RoleModerator)
		k, secret, err := x.s.CreateKey(ctx, NewKey{AccountID: mod.ID, Label: "CI", Expires: 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if k.Prefix != secret[:9] || joined(k.Scopes) != "demos:moderate demos:read meta:moderate meta:read meta:write mods:read mods:write" || k.Kind != "api" || k.Account != "Mo" {
			t.Errorf("%+v", k)
		}
		for _, n := range []struct {
			NewKey
			kind fault.Kind
		}{
			{NewKey{AccountID: mod.ID, Kind: "other"}, fault.Invalid}, {NewKey{AccountID: mod.ID, Scopes: []string{"admin"}}, fault.Forbidden},
			{NewKey{AccountID: mod.ID, Scopes: []string{"nonsense"}}, fault.Invalid}, {NewKey{AccountID: 99}, fault.NotFound},
			{NewKey{AccountID: mod.ID, Expires: -1}, fault.Invalid}, {NewKey{AccountID: mod.ID, Label: strings.Repeat("l", 65)}, fault.Invalid},
		} {
			_, _, err := x.s.CreateKey(ctx, n.NewKey)
			wantKind(t, err, n.kind)
		}
		x.clock.add(time.Minute)
		if a := x.withKey(secret).do("GET", sessionPath, nil); !strings.Contains(a.body, `"scopes":["demos:moderate","demos:read","meta:moderate","meta:read","meta:write","mods:read","mods:write"]`) {
			t.Error(a.body)
		}
		x.key(root.ID)
		all, next, err := x.s.Keys(ctx, 0, "", 1)
		if err != nil || len(all) != 1 || all[0].Account != "Root" || next == "" {
			t.Fatalf("%+v %q %v", all, next, err)
		}
		all, next, err = x.s.Keys(ctx, 0, next, 1)
		if err != nil || len(all) != 1 || next != "" {
			t.Fatalf("%+v %q %v", all, next, err)
		}
		k.LastUsed = db.Time(db.Micros(x.clock.Now()))
		if got := all[0]; got.LastUsed != k.LastUsed || got.ExpiresAt != k.ExpiresAt || got.Label != "CI" || got.CreatedAt != k.CreatedAt {
			t.Errorf("%+v, want %+v", got, k)
		}
		// Losing the role, the key loses what came with it.
		if err := x.s.Revoke(ctx, mod.ID, RoleModerator); err != nil {
			t.Fatal(err)
		}
		if a := x.withKey(secret).do("GET", sessionPath, nil); !strings.Contains(a.body, `"scopes":["demos:read","meta:read","meta:write","mods:read"]`) {
			t.Error(a.body)
		}
		wantKind(t, x.s.RevokeKey(ctx, k.ID, root.ID), fault.NotFound)
		if err := errors.Join(x.s.RevokeKey(ctx, k.ID, mod.ID), x.s.RevokeKey(ctx, k.ID, 0)); err != nil {
			t.Error(err)
		}
	})
}

// TestRevocationReachesOtherProcesses has two services on one database.
func TestRevocationReachesOtherProcesses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		daemon, other := newSite(t, d), newSite(t, d)
		a := daemon.person("Ann", RoleAdmin)
		k, secret := daemon.key(a.ID)
		browser, program := daemon.signIn("Ann"), daemon.withKey(secret)
		if browser.name() != "Ann" || program.do("GET", sessionPath, nil).status != 200 {
			t.Fatal("not signed in")
		}
		if err := other.s.RevokeKey(t.Context(), k.ID, 0); err != nil {
			t.Fatal(err)
		}
		if err := other.s.SetPassword(t.Context(), a.ID, "a new good password", 0); err != nil {
			t.Fatal(err)
		}
		daemon.clock.add(5 * time.Second)
		if got := program.do("GET", sessionPath, nil).status; got != 401 {
			t.Errorf("the revoked key is answered %d after 5 s", got)
		}
		if browser.name() != "" {
			t.Error("the ended session is valid after 5 s")
		}
	})
}
