package accounts

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestNamesAreUniqueWithoutCase(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		a := x.person("Иван", RolePlayer)
		_, err := x.s.Create(t.Context(), "иВАН", testPassword, RolePlayer)
		wantKind(t, err, fault.Conflict)
		for _, ref := range []string{"ИВАН", " иван ", "#1"} {
			if got, err := x.s.Account(t.Context(), ref); got.ID != a.ID || err != nil {
				t.Errorf("%q: %+v, %v", ref, got, err)
			}
		}
		for ref, kind := range map[string]fault.Kind{"Ann": fault.NotFound, "#2": fault.NotFound, "#x": fault.Invalid, "": fault.NotFound} {
			_, err := x.s.Account(t.Context(), ref)
			wantKind(t, err, kind)
		}
	})
}

func TestAccountsByPage(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		x.person("A", RoleAdmin)
		b := x.person("B", RolePlayer)
		x.person("C", RoleAnalyst)
		for _, r := range []Role{RoleModerator, RoleAnalyst, RoleModerator} {
			if err := x.s.Grant(t.Context(), b.ID, r); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		cursor := ""
		for {
			page, next, err := x.s.Accounts(t.Context(), cursor, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page {
				text := a.Name
				for _, r := range a.Roles {
					text += "+" + string(r)
				}
				got = append(got, text)
			}
			if cursor = next; next == "" {
				break
			}
		}
		if want := "A+admin B+analyst+moderator C+analyst"; joined(got) != want {
			t.Errorf("%s, want %s", joined(got), want)
		}
		_, _, err := x.s.Accounts(t.Context(), "x", 2)
		wantKind(t, err, fault.Invalid)
	})
}

func TestLastAdminStays(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		ctx := t.Context()
		a, b := x.person("A", RoleAdmin), x.person("B", RolePlayer)
		wantKind(t, x.s.Revoke(ctx, a.ID, RoleAdmin), fault.Conflict)
		wantKind(t, x.s.Delete(ctx, a.ID), fault.Conflict)
		if err := x.s.Revoke(ctx, b.ID, RoleAdmin); err != nil {
			t.Errorf("taking what is not there: %v", err)
		}
		if err := x.s.Grant(ctx, b.ID, RoleAdmin); err != nil {
			t.Fatal(err)
		}
		// Each tries to take the other's role at the same moment.
		errs := make(chan error, 2)
		for _, id := range []int64{a.ID, b.ID} {
			go func() { errs <- x.s.Revoke(ctx, id, RoleAdmin) }()
		}
		first, second := <-errs, <-errs
		if first == nil {
			first, second = second, first
		}
		if second != nil {
			t.Fatalf("neither succeeded: %v, %v", first, second)
		}
		wantKind(t, first, fault.Conflict)
		if needs, err := x.s.NeedsSetup(ctx); needs || err != nil {
			t.Errorf("no admin is left: %v %v", needs, err)
		}
	})
}

func TestDeletedAccountIsGone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		x.person("A", RoleAdmin)
		b := x.person("B", RoleModerator)
		browser := x.signIn("B")
		_, key := x.key(b.ID)
		if err := x.s.Delete(Local(t.Context(), "root"), b.ID); err != nil {
			t.Fatal(err)
		}
		if browser.name() != "" {
			t.Error("the session is still valid")
		}
		if a := x.withKey(key).do("GET", sessionPath, nil); a.status != 401 {
			t.Errorf("the key is answered %d", a.status)
		}
		want := "account.create account.create session.create key.create account.delete"
		if got := joined(x.auditActions()); got != want {
			t.Errorf("audit %s, want %s", got, want)
		}
	})
}

func TestAuditRecord(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		x.person("Ann", RoleAdmin)
		b := x.person("Bob", RolePlayer)
		ann := x.signIn("Ann")
		if a := ann.do("PUT", "/api/v1/accounts/2/roles/analyst", nil); a.status != 204 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if err := x.s.Revoke(Local(t.Context(), "root"), b.ID, RoleAnalyst); err != nil {
			t.Fatal(err)
		}
		all, next, err := x.s.AuditLog(t.Context(), "", "", 2)
		if err != nil || next == "" || len(all) != 2 {
			t.Fatalf("%d entries, next %q, %v", len(all), next, err)
		}
		x.sameEntry(all[0], AuditEntry{Who: "root", Via: "cli", Action: "role.revoke", Target: "account #2 Bob", Detail: "analyst"})
		x.sameEntry(all[1], AuditEntry{
			AccountID: 1, Who: "Ann", Via: "session", Action: "role.grant", Target: "account #2 Bob", Detail: "analyst", IP: "10.1.2.3",
		})
		rest, next, err := x.s.AuditLog(t.Context(), "", next, 2)
		if err != nil || len(rest) != 2 || next == "" || rest[0].Action != "session.create" {
			t.Errorf("second page: %+v, %q, %v", rest, next, err)
		}
		only, _, err := x.s.AuditLog(t.Context(), "role.grant", "", 10)
		if err != nil || len(only) != 1 {
			t.Errorf("one action: %+v, %v", only, err)
		}
		x.clock.add(auditLifetime + time.Second)
		if err := x.s.prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := x.auditActions(); len(left) != 0 {
			t.Errorf("old entries are kept: %v", left)
		}
	})
}

func (x *site) sameEntry(got, want AuditEntry) {
	x.t.Helper()
	if got.ID == 0 || !got.At.Equal(x.clock.Now()) {
		x.t.Errorf("id %d at %v", got.ID, got.At)
	}
	got.ID, got.At = 0, time.Time{}
	if got != want {
		x.t.Errorf("entry %+v, want %+v", got, want)
	}
}

// TestAuditIsPartOfTheChange rolls a change back and looks for its record.
func TestAuditIsPartOfTheChange(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	errNo := errors.New("no")
	err := x.db.Write(t.Context(), func(tx *db.Tx) error {
		if err := x.s.Audit(t.Context(), tx, "mods.delete", "m1_1", ""); err != nil {
			return err
		}
		return errNo
	})
	if !errors.Is(err, errNo) || len(x.auditActions()) != 0 {
		t.Errorf("error %v, record %v", err, x.auditActions())
	}
}

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
	for _, a := range []Attempt{x.attempt("Ann", strings.Repeat("x", 257)), x.attempt(strings.Repeat("n", 300), "x")} {
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
		if k.Prefix != secret[:9] || joined(k.Scopes) != "mods:read mods:write" || k.Kind != "api" || k.Account != "Mo" {
			t.Errorf("%+v", k)
		}
		for _, n := range []struct {
			NewKey
			kind fault.Kind
		}{
			{NewKey{AccountID: mod.ID, Kind: "demos"}, fault.Invalid}, {NewKey{AccountID: mod.ID, Scopes: []string{"admin"}}, fault.Forbidden},
			{NewKey{AccountID: mod.ID, Scopes: []string{"nonsense"}}, fault.Invalid}, {NewKey{AccountID: 99}, fault.NotFound},
			{NewKey{AccountID: mod.ID, Expires: -1}, fault.Invalid}, {NewKey{AccountID: mod.ID, Label: strings.Repeat("l", 65)}, fault.Invalid},
		} {
			_, _, err := x.s.CreateKey(ctx, n.NewKey)
			wantKind(t, err, n.kind)
		}
		x.clock.add(time.Minute)
		if a := x.withKey(secret).do("GET", sessionPath, nil); !strings.Contains(a.body, `"scopes":["mods:read","mods:write"]`) {
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
		if a := x.withKey(secret).do("GET", sessionPath, nil); !strings.Contains(a.body, `"scopes":["mods:read"]`) {
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

func TestSetupLink(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		ctx := t.Context()
		_, err := x.s.SetupLink(ctx, "")
		wantKind(t, err, fault.Invalid)
		first, err := x.s.SetupLink(ctx, "http://192.0.2.1:27020/")
		if err != nil || !strings.HasPrefix(first, "http://192.0.2.1:27020/app/setup#") {
			t.Fatal(first, err)
		}
		link, err := x.s.SetupLink(ctx, "http://192.0.2.1:27020")
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(x.dir, "setup-link.txt")
		if content, err := os.ReadFile(file); string(content) != link+"\n" || err != nil {
			t.Errorf("file %q, %v", content, err)
		}
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		token := func(link string) string { _, t, _ := strings.Cut(link, "#"); return t }
		try := func(token string) answer {
			return x.guest().do("POST", setupPath, map[string]string{"token": token, "name": "Root", "password": testPassword})
		}
		for name, token := range map[string]string{"earlier link": token(first), "nonsense": "x", "nothing": ""} {
			if a := try(token); a.status != 403 || !strings.Contains(a.body, "setup-link") {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		x.clock.add(30 * time.Minute)
		if a := try(token(link)); a.status != 403 {
			t.Errorf("after 30 minutes: %d", a.status)
		}
		if link, err = x.s.SetupLink(ctx, "http://192.0.2.1:27020"); err != nil {
			t.Fatal(err)
		}
		x.checkSetUp(token(link))
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the file is still there: %v", err)
		}
		_, err = x.s.SetupLink(ctx, "http://192.0.2.1:27020")
		wantKind(t, err, fault.Conflict)
		if !strings.Contains(fault.Hint(err), "admin reset-password") {
			t.Errorf("hint %q", fault.Hint(err))
		}
		if a := try(token(link)); a.status != 409 {
			t.Errorf("used again: %d", a.status)
		}
	})
}

// checkSetUp uses a link: a bad password does not burn it, a good one signs
// the admin in.
func (x *site) checkSetUp(token string) {
	x.t.Helper()
	c := x.guest()
	body := map[string]string{"token": token, "name": "Root", "password": "short"}
	if a := c.do("POST", setupPath, body); a.status != 400 {
		x.t.Errorf("bad password: %d %s", a.status, a.body)
	}
	body["password"] = testPassword
	a := c.do("POST", setupPath, body)
	if a.status != 200 || c.name() != "Root" || strings.Contains(a.body, token) {
		x.t.Errorf("set up: %d %s", a.status, a.body)
	}
	if a := c.do("GET", "/api/v1/audit", nil); a.status != 200 || !strings.Contains(a.body, `"via":"setup"`) {
		x.t.Errorf("audit: %d %s", a.status, a.body)
	}
}

func TestSetupLinkWorksOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		link, err := x.s.SetupLink(t.Context(), "http://x")
		if err != nil {
			t.Fatal(err)
		}
		_, token, _ := strings.Cut(link, "#")
		const callers = 8
		errs := make([]error, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				_, errs[i] = x.s.Setup(context.Background(), token, x.attempt("Root"+text(int64(i)), testPassword))
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.Conflict):
				t.Errorf("a loser is told %v", err)
			}
		}
		all, _, err := x.s.Accounts(t.Context(), "", 100)
		if won != 1 || len(all) != 1 || err != nil {
			t.Errorf("%d succeeded, %d accounts, %v", won, len(all), err)
		}
	})
}

func TestFirstAdminByCommandClosesTheLink(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	link, err := x.s.SetupLink(t.Context(), "http://x")
	if err != nil {
		t.Fatal(err)
	}
	x.person("Root", RoleAdmin)
	if _, err := os.Stat(filepath.Join(x.dir, setupFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	_, token, _ := strings.Cut(link, "#")
	_, err = x.s.Setup(t.Context(), token, x.attempt("Other", testPassword))
	wantKind(t, err, fault.Conflict)
}

func TestSetupIsLimited(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	c, status := x.guest(), 0
	for range 21 {
		status = c.do("POST", setupPath, map[string]string{"token": "x", "name": "n", "password": "p"}).status
	}
	if status != 429 {
		t.Errorf("21st try: %d", status)
	}
}

// TestNoSecretIsLogged goes through everything that handles a secret and then
// looks for it in the log, the audit record and the setup link's table.
func TestNoSecretIsLogged(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		link, err := x.s.SetupLink(t.Context(), "http://x")
		if err != nil {
			t.Fatal(err)
		}
		_, token, _ := strings.Cut(link, "#")
		c := x.guest()
		c.do("POST", setupPath, map[string]string{"token": token, "name": "Root", "password": testPassword})
		var made struct{ Key string }
		c.do("POST", "/api/v1/keys", map[string]any{}).json(t, &made)
		x.withKey(made.Key).do("GET", "/api/v1/accounts", nil)
		x.withKey(made.Key+"x").do("GET", "/api/v1/accounts", nil)
		const wrong = "typed into the wrong field"
		x.guest().do("POST", sessionPath, map[string]string{"name": wrong, "password": wrong})
		x.guest().do("POST", sessionPath, map[string]any{"name": 7, "password": wrong})
		const next = "the next good password"
		c.do("PUT", "/api/v1/accounts/1/password", map[string]string{"current": testPassword, "password": next})
		cookie, csrf := c.cookie, c.csrf
		c.do("DELETE", sessionPath, nil)
		entries, _, err := x.s.AuditLog(t.Context(), "", "", 100)
		if err != nil {
			t.Fatal(err)
		}
		everything := x.log.String()
		for _, e := range entries {
			everything += e.Who + e.Target + e.Detail + "\n"
		}
		if made.Key == "" || cookie == "" || !strings.Contains(everything, "sign-in refused") {
			t.Fatalf("the test did not do what it should: %s", everything)
		}
		for what, secret := range map[string]string{
			"setup token": token, "password": testPassword, "new password": next, "wrong password": wrong,
			"API key": made.Key, "cookie": cookie, "CSRF token": csrf, "hash": "argon2id",
		} {
			if strings.Contains(everything, secret) {
				t.Errorf("the %s is in the log or the audit record", what)
			}
		}
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := x.s.Run(ctx); err != nil {
		t.Error(err)
	}
}

func text(n int64) string { return strconv.FormatInt(n, 10) }
