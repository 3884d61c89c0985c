package accounts

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/mail"
)

// reset does what Run does with the requests that wait.
func (x *site) reset() {
	for {
		select {
		case key := <-x.s.resets:
			x.s.mailReset(x.t.Context(), key)
		default:
			return
		}
	}
}

func TestPasswordReset(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, b := newMailSite(t, d)
		p := x.join("foo", "foo@example.com")
		browser := x.signIn("foo@example.com")
		guest := x.guest()
		guest.ip = "10.1.1.1:5"
		before := b.count()
		for _, email := range []string{"FOO@example.com", "nobody@example.com"} {
			if a := guest.do("POST", resetPath, map[string]string{"email": email}); a.status != http.StatusAccepted && a.status != http.StatusNoContent || a.body != "" {
				t.Errorf("%s: %d %s", email, a.status, a.body)
			}
		}
		x.reset()
		if b.count() != before+1 {
			t.Fatalf("%d mails", b.count()-before)
		}
		m := b.last(t, "foo@example.com")
		if m.Kind != mail.Reset {
			t.Fatalf("%+v", m)
		}
		confirm := func(email, code, password string) int {
			return guest.do("POST", resetPath+"/confirm", map[string]string{"email": email, "code": code, "password": password}).status
		}
		wrong := "AAAAAA"
		if m.Code == wrong {
			wrong = "BBBBBB"
		}
		for _, row := range []struct {
			email, code, password string
			status                int
		}{
			{"foo@example.com", wrong, "a much better one", 403},
			{"nobody@example.com", m.Code, "a much better one", 403},
			{"foo@example.com", m.Code, "short", 400},
			{"foo@example.com", strings.ToLower(m.Code), "a much better one", 204},
			{"foo@example.com", m.Code, "a much better two", 403},
		} {
			if got := confirm(row.email, row.code, row.password); got != row.status {
				t.Errorf("%+v: %d", row, got)
			}
		}
		if browser.name() != "" {
			t.Error("the session goes on")
		}
		got, err := x.s.ByEmail(t.Context(), "foo@example.com", "a much better one", lan)
		if err != nil || got.ID != p.ID || got.Verified.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// A code proves the address that it went to: who corrects an address that was
// not proved cannot prove the corrected one with a code from the first.
func TestResetProvesNoOtherAddress(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, b := newMailSite(t, d)
		p := x.join("foo", "mine@example.com")
		c := x.signIn("foo")
		guest := x.guest()
		guest.do("POST", resetPath, map[string]string{"email": "mine@example.com"})
		x.reset()
		code := b.last(t, "mine@example.com").Code
		if a := c.do("PUT", mePath+"/email", map[string]string{"email": "victim@example.com", "password": testPassword}); a.status != 202 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if a := guest.do("POST", resetPath+"/confirm", map[string]string{"email": "victim@example.com", "code": code, "password": "a much better one"}); a.status != 403 {
			t.Errorf("%d %s", a.status, a.body)
		}
		if got, _, err := x.s.Person(t.Context(), p.ID); err != nil || got.Email != "victim@example.com" || !got.Verified.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// Nobody learns the name of an account from its address.
func TestResetTellsNoName(t *testing.T) {
	x, _ := newMailSite(t, dbtest.SQLite(t))
	x.join("Foobarian", "foo@example.com")
	for _, email := range []string{"foo@example.com", "nobody@example.com"} {
		a := x.guest().do("POST", resetPath+"/confirm", map[string]string{"email": email, "code": "AAAAAA", "password": "foobarian1"})
		if a.status != 403 {
			t.Errorf("%s: %d %s", email, a.status, a.body)
		}
	}
}

// A closed admin can do nothing, so whoever is left is the last.
func TestClosedAdminsDoNotCount(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, _ := newMailSite(t, d)
		one, two := x.person("One", RoleAdmin), x.person("Two", RoleAdmin)
		ctx := Local(t.Context(), "root")
		if err := x.s.CloseAccount(ctx, two.ID, "gone"); err != nil {
			t.Fatal(err)
		}
		for name, try := range map[string]func() error{
			"delete": func() error { return x.s.Delete(ctx, one.ID) },
			"revoke": func() error { return x.s.Revoke(ctx, one.ID, RoleAdmin) },
			"close":  func() error { return x.s.CloseAccount(ctx, one.ID, "x") },
		} {
			if err := try(); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := x.s.Delete(ctx, two.ID); err != nil {
			t.Errorf("the closed one: %v", err)
		}
	})
}

func TestChangeOfAddress(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, b := newMailSite(t, d)
		x.member(b, "other", "taken@example.com")
		p := x.join("foo", "typo@example.com")
		c := x.signIn("foo")
		put := func(email, password string) int {
			return c.do("PUT", mePath+"/email", map[string]string{"email": email, "password": password}).status
		}
		for _, row := range []struct {
			email, password string
			status          int
		}{
			{"foo@example.com", "wrong", 403}, {"TAKEN@example.com", testPassword, 409}, {"nonsense", testPassword, 400},
			{"foo@example.com", testPassword, 202}, // corrected before it was proved
		} {
			if got := put(row.email, row.password); got != row.status {
				t.Errorf("%+v: %d", row, got)
			}
		}
		x.join("late", "typo@example.com") // the mistyped one is free
		if a := c.do("POST", mePath+"/email/verify", map[string]string{"code": b.last(t, "foo@example.com").Code}); a.status != 200 || !strings.Contains(a.body, `"verified_at"`) {
			t.Fatalf("%d %s", a.status, a.body)
		}
		// A proved address stays until the new one is proved.
		if got := put("new@example.com", testPassword); got != 202 {
			t.Fatal(got)
		}
		if me, _, _ := x.s.Person(t.Context(), p.ID); me.Email != "foo@example.com" || me.Verified.IsZero() {
			t.Errorf("%+v", me)
		}
		if got := put("newer@example.com", testPassword); got != 429 {
			t.Errorf("at once again: %d", got)
		}
		a := c.do("POST", mePath+"/email/verify", map[string]string{"code": b.last(t, "new@example.com").Code})
		if a.status != 200 || !strings.Contains(a.body, `"email":"new@example.com"`) {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if m := b.last(t, "foo@example.com"); m.Kind != mail.Changed || m.Address != "new@example.com" {
			t.Errorf("the old address is told %+v", m)
		}
		if _, err := x.s.ByEmail(t.Context(), "foo@example.com", testPassword, lan); !errors.Is(err, errWrongEmail) {
			t.Errorf("the old address: %v", err)
		}
		if _, err := x.s.ByEmail(t.Context(), "new@example.com", testPassword, lan); err != nil {
			t.Errorf("the new address: %v", err)
		}
	})
}

func TestDeleteSelfAndExport(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, b := newMailSite(t, d)
		left := int64(0)
		x.s.AddPart(Part{
			Name:   "clans",
			Export: func(_ context.Context, id int64) (any, error) { return []int64{id}, nil },
			Leave:  func(_ context.Context, _ *db.Tx, id int64) error { left = id; return nil },
		})
		p := x.member(b, "foo", "foo@example.com")
		_, key := x.key(p.ID)
		c := x.signIn("foo")
		a := c.do("GET", mePath+"/export", nil)
		for _, want := range []string{`"foo@example.com"`, `"clans":[`, `"sessions":[`, `"account.register"`} {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s is not in %s", want, a.body)
			}
		}
		if strings.Contains(a.body, "argon2") || strings.Contains(a.body, key) || strings.Contains(a.body, c.cookie) {
			t.Errorf("a secret is in %s", a.body)
		}
		if a := c.do("DELETE", mePath, map[string]string{"password": "wrong"}); a.status != 403 {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := c.do("DELETE", mePath, map[string]string{"password": testPassword}); a.status != 204 || left != p.ID {
			t.Fatalf("%d %s, %d left", a.status, a.body, left)
		}
		if x.withKey(key).do("GET", mePath, nil).status != 401 {
			t.Error("the key works")
		}
		gone, ok, err := x.s.Person(t.Context(), p.ID)
		if err != nil || !ok || gone.Email != "" || gone.Closed.IsZero() || strings.Contains(gone.Name, "foo") {
			t.Errorf("%+v, %v, %v", gone, ok, err)
		}
		if _, err := x.s.ByEmail(t.Context(), "foo@example.com", testPassword, lan); !errors.Is(err, errWrongEmail) {
			t.Errorf("%v", err)
		}
		wantKind(t, x.s.OpenAccount(t.Context(), p.ID), fault.Conflict)
		if again := x.join("foo", "foo@example.com"); again.ID == p.ID {
			t.Error("the number is used again")
		}
	})
}

func TestClosedAccounts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, b := newMailSite(t, d)
		p := x.member(b, "foo", "foo@example.com")
		x.person("Mo", RoleModerator)
		root := x.person("Root", RoleAdmin)
		x.person("Root2", RoleAdmin)
		mo, c := x.signIn("Mo"), x.signIn("foo")
		_, key := x.key(p.ID)
		path := "/api/v1/accounts/" + itoa(p.ID)
		if a := mo.do("PUT", path+"/closed", map[string]string{"reason": "Cheating"}); a.status != 204 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if c.name() != "" || x.withKey(key).do("GET", sessionPath, nil).status != 401 {
			t.Error("the session or the key goes on")
		}
		a := x.guest().do("POST", sessionPath, map[string]string{"name": "foo", "password": testPassword})
		if a.status != 403 || !strings.Contains(a.body, "Cheating") {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := x.guest().do("POST", sessionPath, map[string]string{"name": "foo", "password": "wrong password"}); a.status != 401 || strings.Contains(a.body, "Cheating") {
			t.Errorf("with a wrong password: %d %s", a.status, a.body)
		}
		got, err := x.s.ByEmail(t.Context(), "foo@example.com", testPassword, lan)
		if err != nil || got.Closed.IsZero() || got.ClosedReason != "Cheating" {
			t.Errorf("%+v, %v", got, err)
		}
		if a := mo.do("PUT", "/api/v1/accounts/"+itoa(root.ID)+"/closed", map[string]string{"reason": "x"}); a.status != 403 {
			t.Errorf("an admin, by a moderator: %d %s", a.status, a.body)
		}
		if a := mo.do("DELETE", path+"/closed", nil); a.status != 204 {
			t.Errorf("%d %s", a.status, a.body)
		}
		x.signIn("foo")
	})
}

func itoa(id int64) string { return strconv.FormatInt(id, 10) }

func TestUnverifiedChangeNothing(t *testing.T) {
	x, b := newMailSite(t, dbtest.SQLite(t))
	p := x.join("foo", "foo@example.com")
	if a := x.guest().do("POST", sessionPath, map[string]string{"name": "foo", "password": testPassword}); strings.Contains(a.body, ScopeMetaWrite) || !strings.Contains(a.body, ScopeMetaRead) {
		t.Errorf("the answer to signing in: %s", a.body)
	}
	c := x.signIn("foo@example.com")
	if a := c.do("GET", sessionPath, nil); strings.Contains(a.body, ScopeMetaWrite) || !strings.Contains(a.body, ScopeMetaRead) {
		t.Errorf("%s", a.body)
	}
	if _, err := x.s.VerifyEmail(t.Context(), p.ID, b.last(t, "foo@example.com").Code); err != nil {
		t.Fatal(err)
	}
	if a := c.do("GET", sessionPath, nil); !strings.Contains(a.body, ScopeMetaWrite) {
		t.Errorf("%s", a.body)
	}
}

// TestRegistrationOverThePage also looks at what strangers are told.
func TestRegistrationOverThePage(t *testing.T) {
	x, b := newMailSite(t, dbtest.SQLite(t))
	c := x.guest()
	c.ip = "10.1.1.1:5"
	c.header.Set("Accept-Language", "ru,en;q=0.5")
	if a := c.do("POST", registerPath, map[string]string{"email": "foo@example.com", "name": "foo", "password": "12345678"}); a.status != 400 {
		t.Errorf("a weak password: %d %s", a.status, a.body)
	}
	a := c.do("POST", registerPath, map[string]string{"email": "Foo@example.com", "name": "foo", "password": testPassword})
	if a.status != 201 || c.name() != "foo" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	m := b.last(t, "Foo@example.com")
	if m.Lang != "ru" || strings.Contains(a.body, m.Code) || strings.Contains(x.log.String(), m.Code) || strings.Contains(x.log.String(), "example.com") {
		t.Errorf("%+v; %s", m, x.log)
	}
	other := x.guest()
	other.ip = "10.1.1.2:5"
	for name, body := range map[string]map[string]string{
		"name":    {"email": "bar@example.com", "name": "FOO", "password": testPassword},
		"address": {"email": "foo@example.com", "name": "bar", "password": testPassword},
	} {
		if a := other.do("POST", registerPath, body); a.status != 409 || strings.Contains(a.body, "Foo@") || strings.Contains(a.body, "argon2") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	foreign := x.guest()
	foreign.header.Set("Sec-Fetch-Site", "cross-site")
	if a := foreign.do("POST", registerPath, map[string]string{"email": "z@example.com", "name": "z", "password": testPassword}); a.status != 403 {
		t.Errorf("from another site: %d %s", a.status, a.body)
	}
}

func TestNamesAreKeyedAnewOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, _ := newMailSite(t, d)
		ctx := t.Context()
		root := x.person("Ann", RoleAdmin)
		late := x.person("Late", RolePlayer)
		// As an older program left them: names that were different then.
		err := d.Write(ctx, func(tx *db.Tx) error {
			for id, name := range map[int64]string{root.ID: "НОРЕ", late.ID: "Hope"} {
				_, err := tx.Exec(ctx, `UPDATE accounts_account SET name = $1, name_key = $2 WHERE id = $3`, name, strings.ToLower(name), id)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := x.s.Prepare(ctx); err != nil {
				t.Fatal(err)
			}
		}
		for name, id := range map[string]int64{"НОРЕ": root.ID, "hope": root.ID, "Hope": late.ID} {
			if a, err := x.s.Account(ctx, name); err != nil || a.ID != id {
				t.Errorf("%s is %+v, %v, want #%d", name, a, err, id)
			}
		}
		if _, err := x.s.Create(ctx, "HOPE", testPassword, RolePlayer); !fault.Is(err, fault.Conflict) {
			t.Errorf("%v", err)
		}
	})
}
