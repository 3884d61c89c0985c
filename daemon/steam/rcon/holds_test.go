package rcon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

func login(o Options, password string) error {
	o.Password = password
	c, err := Dial(context.Background(), "test:27015", o)
	if err == nil {
		c.Close()
	}
	return err
}

func TestRefusedPasswordIsHeld(t *testing.T) {
	server := &steamtest.RCON{}
	inside(t, server, func(t *testing.T, o Options) {
		o.Holds = NewHolds(time.Now)
		began := time.Now()
		if err := login(o, "wrong"); !errors.Is(err, ErrAuthRefused) {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		err := login(o, "wrong")
		held, ok := errors.AsType[*HeldError](err)
		if !ok || !held.Since.Equal(began) || !held.Until.IsZero() {
			t.Fatalf("error %v, want a hold since %v", err, began)
		}
		if strings.Contains(err.Error(), "wrong") {
			t.Errorf("%q holds the password", err)
		}
		if n := len(server.Logins()); n != 1 {
			t.Errorf("the server saw %d logins", n)
		}
		// Another password, and this one after a release, are tried.
		if err := login(o, password); err != nil {
			t.Error(err)
		}
		if o.Holds.Held("test:27015", "wrong") == nil {
			t.Error("the right password released the wrong one")
		}
		o.Holds.Release("test:27015")
		if err := login(o, "wrong"); !errors.Is(err, ErrAuthRefused) {
			t.Error(err)
		}
	})
}

// Whoever tries, and however many at once: two refusals a minute.
func TestRefusalsAreFew(t *testing.T) {
	server := &steamtest.RCON{}
	inside(t, server, func(t *testing.T, o Options) {
		o.Holds = NewHolds(time.Now)
		for minute := range 3 {
			var attempts sync.WaitGroup
			for i := range 20 {
				attempts.Go(func() {
					err := login(o, fmt.Sprint("wrong", minute, i))
					held, ok := errors.AsType[*HeldError](err)
					if !errors.Is(err, ErrAuthRefused) && (!ok || !held.Until.Equal(held.Since.Add(time.Minute))) {
						t.Errorf("error %v", err)
					}
				})
			}
			attempts.Wait()
			if n := len(server.Logins()); n != 2*(minute+1) {
				t.Fatalf("minute %d: the server saw %d logins", minute, n)
			}
			time.Sleep(time.Minute)
		}
		if err := login(o, password); err != nil {
			t.Error(err)
		}
	})
}

func TestHoldsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHolds(time.Now)
		refuse := func(context.Context) error { return &AuthError{} }
		for i := range keptTargets + 10 {
			_ = h.Try(t.Context(), fmt.Sprint("host", i), "x", refuse)
		}
		if n := len(h.targets); n > keptTargets {
			t.Errorf("%d addresses are kept", n)
		}
		for i := range keptPasswords + 10 {
			time.Sleep(time.Minute)
			_ = h.Try(t.Context(), "one", fmt.Sprint(i), refuse)
		}
		if n := len(h.targets["one"].bad); n != keptPasswords {
			t.Errorf("%d passwords are kept", n)
		}
		if h.Held("one", fmt.Sprint(keptPasswords+9)) == nil || h.Held("one", "0") != nil {
			t.Error("the oldest was to go")
		}
		for i := range 100 {
			_ = h.Try(t.Context(), fmt.Sprint("good", i), "x", func(context.Context) error { return nil })
		}
		if n := len(h.targets); n > keptTargets+1 {
			t.Errorf("%d addresses are kept after logins that worked", n)
		}
	})
}
