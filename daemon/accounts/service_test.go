package accounts

import (
	"context"
	"errors"
	"strconv"
	"strings"
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
			page, next, err := x.s.Accounts(t.Context(), "", cursor, 2)
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
		_, _, err := x.s.Accounts(t.Context(), "", "x", 2)
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
