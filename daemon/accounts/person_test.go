package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/mail"
)

// box is a Mailer that keeps what it is given. A mail counts once its
// transaction is committed; tests read it after that.
type box struct {
	mu    sync.Mutex
	mails []mail.Message
	off   bool
	fail  error
}

func (b *box) Ready() bool { return !b.off }
func (b *box) Wake()       {}

func (b *box) Enqueue(_ context.Context, _ *db.Tx, m mail.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil {
		b.mails = append(b.mails, m)
	}
	return b.fail
}

// last returns the latest mail to an address.
func (b *box) last(t *testing.T, to string) mail.Message {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range slices.Backward(b.mails) {
		if m.To == to {
			return m
		}
	}
	t.Fatalf("no mail to %s", to)
	return mail.Message{}
}

func (b *box) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.mails)
}

var lan, world = netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("192.0.2.7")

// newMailSite is a site that sends mails.
func newMailSite(t *testing.T, d *db.DB, changes ...func(*Options)) (*site, *box) {
	t.Helper()
	b := &box{}
	changes = append([]func(*Options){func(o *Options) { o.Mail = b }}, changes...)
	return newSiteWith(t, d, "", changes...), b
}

// join registers somebody with testPassword.
func (x *site) join(name, email string) Person {
	x.t.Helper()
	p, err := x.s.RegisterPerson(x.t.Context(), NewPerson{Email: email, Name: name, Password: testPassword}, lan)
	if err != nil {
		x.t.Fatal(err)
	}
	return p
}

// member registers somebody and verifies the address.
func (x *site) member(b *box, name, email string) Person {
	x.t.Helper()
	p := x.join(name, email)
	p, err := x.s.VerifyEmail(x.t.Context(), p.ID, b.last(x.t, p.Email).Code)
	if err != nil {
		x.t.Fatal(err)
	}
	return p
}

func TestRegister(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, b := newMailSite(t, d)
		ctx := t.Context()
		p, err := x.s.RegisterPerson(ctx, NewPerson{Email: " Foo@EXAMPLE.com", Name: " foo ", Password: "12345678", Lang: "ru-RU"}, lan)
		want := Person{ID: p.ID, Name: "foo", Email: "Foo@example.com", Created: x.clock.Now()}
		if err != nil || p != want || p.ID == 0 {
			t.Fatalf("%+v, %v, want %+v", p, err, want)
		}
		if m := b.last(t, "Foo@example.com"); m.Kind != mail.Verify || m.Lang != "ru" || m.Name != "foo" || len(m.Code) != 6 ||
			strings.Trim(m.Code, "ABCDEFGHJKMNOPQRSTUVWXYZ") != "" || m.Expires != 24*time.Hour {
			t.Errorf("%+v", m)
		}
		if again, ok, err := x.s.Person(ctx, p.ID); err != nil || !ok || again != p {
			t.Errorf("%+v, %v, %v", again, ok, err)
		}
		for _, row := range []struct {
			n    NewPerson
			want error
		}{
			{NewPerson{Email: "foo@example.com", Name: "FOO", Password: "12345678"}, ErrNameTaken},
			{NewPerson{Email: "foo@example.COM", Name: "bar", Password: "12345678"}, ErrEmailTaken},
			{NewPerson{Email: "bar@example.com", Name: "fоо", Password: "12345678"}, nil}, // mixed alphabets
			{NewPerson{Email: "bar@example.com", Name: "bar@example.com", Password: "12345678"}, ErrNameIsEmail},
			{NewPerson{Email: "bar", Name: "bar", Password: "12345678"}, errEmail},
			{NewPerson{Email: "bar@example.com", Name: "bar", Password: "1234567"}, nil},
			{NewPerson{Email: "bar@example.com", Name: "bar", Password: strings.Repeat("x", 129)}, nil},
		} {
			_, err := x.s.RegisterPerson(ctx, row.n, lan)
			if err == nil || row.want != nil && !errors.Is(err, row.want) || row.want == nil && !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v, want %v", row.n, err, row.want)
			}
		}
		if b.count() != 1 {
			t.Errorf("%d mails", b.count())
		}
		b.fail = fault.New(fault.TooMany, "full")
		if _, err := x.s.RegisterPerson(ctx, NewPerson{Email: "z@example.com", Name: "z", Password: "12345678"}, lan); !fault.Is(err, fault.TooMany) {
			t.Errorf("with a full queue: %v", err)
		}
		b.fail = nil
		x.join("z", "z@example.com") // nothing was left behind
		b.off = true
		if _, err := x.s.RegisterPerson(ctx, NewPerson{Email: "y@example.com", Name: "y", Password: "12345678"}, lan); !fault.Is(err, fault.Unavailable) || fault.Hint(err) == "" {
			t.Errorf("without mail: %v", err)
		}
	})
}

func TestRegisterIsBounded(t *testing.T) {
	x, b := newMailSite(t, dbtest.SQLite(t))
	var limited int
	for i := range registerBurst + 5 {
		_, err := x.s.RegisterPerson(t.Context(), NewPerson{Email: fmt.Sprintf("a%d@example.com", i), Name: fmt.Sprintf("a%d", i), Password: "12345678"}, world)
		if fault.Is(err, fault.TooMany) {
			limited++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if limited != 5 || b.count() != registerBurst {
		t.Errorf("%d refused, %d mails", limited, b.count())
	}
	for range cap(x.s.hasher.queued) { // as in a flood from everywhere
		x.s.hasher.queued <- struct{}{}
	}
	_, err := x.s.RegisterPerson(t.Context(), NewPerson{Email: "b@example.com", Name: "b", Password: "12345678"}, lan)
	wantKind(t, err, fault.TooMany)
}

func TestRegisterAtTheSameTime(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, _ := newMailSite(t, d)
		var work sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			work.Go(func() {
				_, errs[i] = x.s.RegisterPerson(t.Context(), NewPerson{Email: fmt.Sprintf("a%d@example.com", i%2), Name: "same", Password: "12345678"}, lan)
			})
		}
		work.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else if !errors.Is(err, ErrNameTaken) {
				t.Error(err)
			}
		}
		if made != 1 {
			t.Errorf("%d accounts", made)
		}
	})
}

func TestVerify(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, b := newMailSite(t, d)
		ctx := t.Context()
		p := x.join("foo", "foo@example.com")
		first := b.last(t, "foo@example.com").Code
		wrong := "AAAAAA"
		if wrong == first {
			wrong = "BBBBBB"
		}
		verify := func(code string, want error) {
			t.Helper()
			if _, err := x.s.VerifyEmail(ctx, p.ID, code); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
		verify(wrong, ErrWrongMailToken)
		verify("жжжжжж", ErrWrongMailToken)
		var soon *TooSoon
		if err := x.s.RenewMailToken(ctx, p.ID); !errors.As(err, &soon) || soon.Wait != 30*time.Second || soon.Every != 30*time.Second || !fault.Is(err, fault.TooMany) {
			t.Errorf("%v", err)
		}
		x.clock.add(30 * time.Second)
		if err := x.s.RenewMailToken(ctx, p.ID); !errors.As(err, &soon) {
			t.Errorf("after exactly 30 s: %v", err)
		}
		x.clock.add(time.Microsecond)
		if err := x.s.RenewMailToken(ctx, p.ID); err != nil {
			t.Fatal(err)
		}
		second := b.last(t, "foo@example.com").Code
		if err := x.s.RenewMailToken(ctx, p.ID); !errors.As(err, &soon) {
			t.Errorf("the second pause: %v", err)
		}
		verify(first, ErrWrongMailToken)
		for range mailTokenTries - 1 {
			verify(wrong, ErrWrongMailToken)
		}
		verify(second, ErrNoMailToken) // tried too often
		x.clock.add(time.Minute)
		if err := x.s.RenewMailToken(ctx, p.ID); err != nil {
			t.Fatal(err)
		}
		x.clock.add(24 * time.Hour)
		verify(b.last(t, "foo@example.com").Code, ErrNoMailToken) // expired
		if err := x.s.RenewMailToken(ctx, p.ID); err != nil {
			t.Fatal(err)
		}
		got, err := x.s.VerifyEmail(ctx, p.ID, strings.ToLower(b.last(t, "foo@example.com").Code))
		if err != nil || !got.Verified.Equal(x.clock.Now()) {
			t.Fatalf("%+v, %v", got, err)
		}
		verify(second, ErrEmailVerified)
		if err := x.s.RenewMailToken(ctx, p.ID); !errors.Is(err, ErrEmailVerified) {
			t.Errorf("%v", err)
		}
		if _, err := x.s.VerifyEmail(ctx, 999, "AAAAAA"); !fault.Is(err, fault.NotFound) {
			t.Errorf("nobody: %v", err)
		}
	})
}

func TestByEmail(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, _ := newMailSite(t, d)
		ctx := t.Context()
		p := x.join("foo", "Foo@example.com")
		for _, typed := range []string{"Foo@example.com", "foo@EXAMPLE.com", " FOO@example.com "} {
			if got, err := x.s.ByEmail(ctx, typed, testPassword, world); err != nil || got != p {
				t.Errorf("%q: %+v, %v", typed, got, err)
			}
		}
		for _, row := range [][2]string{{"foo@example.com", "wrong password"}, {"nobody@example.com", testPassword}, {"foo", testPassword}, {"", ""}, {"foo@example.com", strings.Repeat("x", 2000)}} {
			if _, err := x.s.ByEmail(ctx, row[0], row[1], world); !errors.Is(err, errWrongEmail) {
				t.Errorf("%q: %v", row[0], err)
			}
		}
		// A password that was right is not hashed again, until it changes.
		blocked := cap(x.s.hasher.queued)
		for range blocked {
			x.s.hasher.queued <- struct{}{}
		}
		if _, err := x.s.ByEmail(ctx, "foo@example.com", testPassword, world); err != nil {
			t.Errorf("a cached password: %v", err)
		}
		x.clock.add(loginCacheFor)
		_, err := x.s.ByEmail(ctx, "foo@example.com", testPassword, world)
		wantKind(t, err, fault.TooMany)
		for range blocked {
			<-x.s.hasher.queued
		}
		if _, err := x.s.ByEmail(ctx, "foo@example.com", testPassword, world); err != nil {
			t.Fatal(err)
		}
		if err := x.s.SetPassword(ctx, p.ID, "another good password", 0); err != nil {
			t.Fatal(err)
		}
		if _, err := x.s.ByEmail(ctx, "foo@example.com", testPassword, world); !errors.Is(err, errWrongEmail) {
			t.Errorf("the old password: %v", err)
		}
		if _, err := x.s.ByEmail(ctx, "foo@example.com", "another good password", world); err != nil {
			t.Errorf("the new password: %v", err)
		}
	})
}

func TestByEmailSlowsGuessing(t *testing.T) {
	x, b := newMailSite(t, dbtest.SQLite(t))
	ctx := t.Context()
	x.member(b, "foo", "foo@example.com")
	if _, err := x.s.ByEmail(ctx, "foo@example.com", testPassword, world); err != nil {
		t.Fatal(err)
	}
	tooMany := 0
	for i := range 200 { // many names from one address
		_, err := x.s.ByEmail(ctx, fmt.Sprintf("n%d@example.com", i), "guess", netip.MustParseAddr("198.51.100.9"))
		if fault.Is(err, fault.TooMany) {
			tooMany++
		}
	}
	if tooMany != 200-freeTriesIP {
		t.Errorf("%d of 200 were slowed", tooMany)
	}
	tooMany = 0
	for i := range 200 { // one name from many addresses
		_, err := x.s.ByEmail(ctx, "foo@example.com", fmt.Sprint("guess", i), netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}))
		if fault.Is(err, fault.TooMany) {
			tooMany++
		}
	}
	if tooMany != 200-freeTries {
		t.Errorf("%d of 200 were slowed", tooMany)
	}
	x.clock.add(2 * loginCacheFor)
	if _, err := x.s.ByEmail(ctx, "foo@example.com", testPassword, world); err != nil {
		t.Errorf("the owner, from where he was before: %v", err)
	}
}

func TestLegacyPasswordIsReplaced(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, b := newMailSite(t, d)
		ctx := t.Context()
		p := x.member(b, "foo", "foo@example.com")
		stored, err := LegacyPassword("0011223344556677", "8709d1e1bbeb478b680e1a9e560a4ae13c92f271ec9df8835d338b02e898e9e6")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Write(ctx, func(tx *db.Tx) error { return updatePassword(ctx, tx, p.ID, stored) }); err != nil {
			t.Fatal(err)
		}
		x.s.changed(p.ID)
		if _, err := x.s.ByEmail(ctx, "foo@example.com", "12345679", lan); !errors.Is(err, errWrongEmail) {
			t.Errorf("a wrong password: %v", err)
		}
		for range 2 {
			if _, err := x.s.ByEmail(ctx, "foo@example.com", "12345678", lan); err != nil {
				t.Fatal(err)
			}
			r, err := x.s.record(ctx, p.ID)
			if err != nil || !strings.HasPrefix(r.phc, "$argon2id$") {
				t.Errorf("%q, %v", r.phc, err)
			}
			x.clock.add(2 * loginCacheFor)
		}
	})
}

func TestRenameAndPersons(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, b := newMailSite(t, d)
		ctx := t.Context()
		foo, bar := x.member(b, "foo", "foo@example.com"), x.member(b, "bar", "bar@example.com")
		if _, err := x.s.Rename(ctx, foo.ID, "ВАR"); !fault.Is(err, fault.Invalid) {
			t.Errorf("mixed letters: %v", err)
		}
		if _, err := x.s.Rename(ctx, foo.ID, "BAR"); !errors.Is(err, ErrNameTaken) {
			t.Errorf("taken: %v", err)
		}
		if p, err := x.s.Rename(ctx, foo.ID, "FOO"); err != nil || p.Name != "FOO" {
			t.Errorf("in other letters: %+v, %v", p, err)
		}
		p, err := x.s.Rename(ctx, foo.ID, " Quux ")
		if err != nil || p.Name != "Quux" {
			t.Fatalf("%+v, %v", p, err)
		}
		x.member(b, "Foo", "foo2@example.com") // the name is free
		all, err := x.s.Persons(ctx, []int64{bar.ID, foo.ID, 999, foo.ID, -1})
		if err != nil || len(all) != 2 || all[0] != p || all[1].ID != bar.ID {
			t.Errorf("%+v, %v", all, err)
		}
		if _, ok, err := x.s.Person(ctx, 999); ok || err != nil {
			t.Errorf("nobody: %v, %v", ok, err)
		}
	})
}

func TestSeenOnlineIsReadBackAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, b := newMailSite(t, d)
		ctx := t.Context()
		p := x.member(b, "foo", "foo@example.com")
		last := time.Time{}
		for i := range 5 {
			at, err := x.s.SeenOnline(ctx, p.ID)
			if err != nil || !at.After(last) {
				t.Fatalf("%v after %v, %v", at, last, err)
			}
			last = at
			if i == 2 { // written in between
				if err := x.s.saveOnline(ctx); err != nil {
					t.Fatal(err)
				}
			}
			got, _, err := x.s.Person(ctx, p.ID)
			many, errMany := x.s.Persons(ctx, []int64{p.ID})
			if err != nil || errMany != nil || !got.LastOnline.Equal(at) || !many[0].LastOnline.Equal(at) {
				t.Fatalf("%v and %v, want %v (%v, %v)", got.LastOnline, many[0].LastOnline, at, err, errMany)
			}
		}
		x.clock.add(-time.Hour) // the clock steps back
		if at, err := x.s.SeenOnline(ctx, p.ID); err != nil || !at.After(last) {
			t.Errorf("%v is not after %v, %v", at, last, err)
		}
		if err := x.s.saveOnline(ctx); err != nil || x.s.persons.backlog() != 0 {
			t.Errorf("%v, %d left", err, x.s.persons.backlog())
		}
		other := New(Options{DB: d, Now: x.clock.Now}) // another process
		got, _, err := other.Person(ctx, p.ID)
		if err != nil || !got.LastOnline.After(last) {
			t.Errorf("%v, %v", got.LastOnline, err)
		}
	})
}

func TestSeenOnlineAtTheSameTime(t *testing.T) {
	x, b := newMailSite(t, dbtest.SQLite(t))
	p := x.member(b, "foo", "foo@example.com")
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for range 50 {
				at, err := x.s.SeenOnline(t.Context(), p.ID)
				if err != nil {
					t.Error(err)
				}
				if got, _, err := x.s.Person(t.Context(), p.ID); err != nil || got.LastOnline.Before(at) {
					t.Errorf("%v is before %v, %v", got.LastOnline, at, err)
				}
				if err := x.s.saveOnline(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
}

func TestUnverifiedAccountsGo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x, b := newMailSite(t, d, func(o *Options) { o.UnverifiedFor = 7 * 24 * time.Hour })
		stranger, member := x.join("stranger", "s@example.com"), x.member(b, "member", "m@example.com")
		staff := x.join("staff", "staff@example.com")
		if err := x.s.Grant(t.Context(), staff.ID, RoleAdmin); err != nil {
			t.Fatal(err)
		}
		x.clock.add(7 * 24 * time.Hour)
		if err := x.s.pruneUnverified(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all, _ := x.s.Persons(t.Context(), []int64{stranger.ID, member.ID, staff.ID}); len(all) != 3 {
			t.Errorf("too early: %v", all)
		}
		x.clock.add(time.Second)
		if err := x.s.pruneUnverified(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, err := x.s.Persons(t.Context(), []int64{stranger.ID, member.ID, staff.ID})
		if err != nil || len(all) != 2 {
			t.Errorf("%v, %v", all, err)
		}
		x.join("stranger", "s@example.com") // both are free
	})
}
