package accounts

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestBlocklist(t *testing.T) {
	answer := "trash.example\n"
	status := http.StatusOK
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	defer source.Close()
	file := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(file, []byte("Mailinator.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	x, _ := newMailSite(t, dbtest.SQLite(t), func(o *Options) { o.BlocklistFile, o.BlocklistURL = file, source.URL })
	register := func(email string) error {
		_, err := x.s.RegisterPerson(t.Context(), NewPerson{Email: email, Name: "foo", Password: "short"}, lan)
		return err
	}
	if err := x.s.Prepare(t.Context()); err != nil { // the file alone
		t.Fatal(err)
	}
	for _, email := range []string{"a@mailinator.com", "a@MAILINATOR.com", "a@mx.mailinator.com"} {
		if err := register(email); !errors.Is(err, ErrEmailBlocked) {
			t.Errorf("%s: %v", email, err)
		}
	}
	if err := register("a@trash.example"); errors.Is(err, ErrEmailBlocked) {
		t.Error("nothing was fetched yet")
	}
	if err := errors.Join(x.s.blocklist.fetch(t.Context()), x.s.blocklist.load()); err != nil {
		t.Fatal(err)
	}
	if err := register("a@trash.example"); !errors.Is(err, ErrEmailBlocked) {
		t.Errorf("%v", err)
	}
	// What cannot be had, or is no list, changes nothing and stops nobody.
	for _, bad := range []struct {
		status int
		answer string
	}{{http.StatusInternalServerError, "x.example"}, {http.StatusOK, ""}, {http.StatusOK, "<!DOCTYPE html>\n<html>\n"}} {
		status, answer = bad.status, bad.answer
		if err := x.s.blocklist.fetch(t.Context()); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	source.Close()
	if err := x.s.blocklist.fetch(t.Context()); err == nil {
		t.Error("a server that is gone")
	}
	if err := x.s.blocklist.load(); err != nil {
		t.Fatal(err)
	}
	if err := register("a@trash.example"); !errors.Is(err, ErrEmailBlocked) {
		t.Errorf("the last list is gone: %v", err)
	}
	if err := register("a@example.com"); !fault.Is(err, fault.Invalid) || errors.Is(err, ErrEmailBlocked) { // for the password alone
		t.Errorf("%v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := x.s.Prepare(t.Context()); err != nil {
		t.Errorf("without the file: %v", err)
	}
	if err := register("a@mailinator.com"); !errors.Is(err, ErrEmailBlocked) {
		t.Errorf("the last list is gone: %v", err)
	}
}

// TestUnknownAddressesCostAHash: else their answers would come sooner.
func TestUnknownAddressesCostAHash(t *testing.T) {
	x, b := newMailSite(t, dbtest.SQLite(t))
	x.member(b, "foo", "foo@example.com")
	for range cap(x.s.hasher.queued) {
		x.s.hasher.queued <- struct{}{}
	}
	for _, email := range []string{"foo@example.com", "nobody@example.com"} {
		if _, err := x.s.ByEmail(t.Context(), email, "a wrong password", world); !fault.Is(err, fault.TooMany) {
			t.Errorf("%s: %v", email, err)
		}
	}
	// What nobody can have is no secret, and holds up nobody who mistypes.
	for range 2 * freeTries {
		if _, err := x.s.ByEmail(t.Context(), "28", "a wrong password", world); !errors.Is(err, errWrongEmail) {
			t.Fatalf("no address: %v", err)
		}
	}
}
