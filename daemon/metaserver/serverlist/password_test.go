package serverlist

import (
	"crypto/sha256"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// The password 12345678 as a Savage metaserver stores it.
const (
	oldPassword = "12345678"
	oldSalt     = "0011223344556677"
	oldKey      = "8709d1e1bbeb478b680e1a9e560a4ae13c92f271ec9df8835d338b02e898e9e6"
)

func TestLegacyPassword(t *testing.T) {
	for _, c := range []struct {
		salt, key string
		ok        bool
	}{
		{oldSalt, oldKey, true}, {oldSalt, strings.ToUpper(oldKey), true}, {oldSalt[:15], oldKey, false}, {oldSalt + "00", oldKey, false},
		{"g" + oldSalt[1:], oldKey, false}, {oldSalt, oldKey[:63], false}, {oldSalt, oldKey + "00", false}, {oldSalt, "x" + oldKey[1:], false}, {"", "", false},
	} {
		stored, ok := legacyPassword(c.salt, c.key)
		if ok != c.ok || ok && len(stored) != legacyLen {
			t.Errorf("%q %q: %x, %v", c.salt, c.key, stored, ok)
		}
	}
}

// takeOver brings a server in with the old form of its password.
func (r *rig) takeOver(id int64) {
	r.t.Helper()
	err := r.store.db.Write(r.t.Context(), func(tx *db.Tx) error {
		notes, err := r.TakeOver(r.t.Context(), tx, Arrival{Server: Server{ID: id, Owner: 1, Details: details("old"), Created: r.clock()}, Salt: oldSalt, Key: oldKey})
		if len(notes) > 0 {
			r.t.Errorf("notes: %v", notes)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) stored(id int64) []byte {
	r.t.Helper()
	_, stored, err := r.store.credential(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return stored
}

func TestAuthenticate_OldFormIsReplaced(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.takeOver(28)
		if _, err := r.Authenticate(t.Context(), "28", "wrong"); !fault.Is(err, fault.Unauthenticated) || len(r.stored(28)) != legacyLen {
			t.Errorf("a wrong password: %v, stored %x", err, r.stored(28))
		}
		// Many at once, as after a restart of everything.
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				c, err := r.Authenticate(t.Context(), "28", oldPassword)
				if err != nil || c.Server != 28 || c.Owner != 1 {
					t.Errorf("the old password: %+v, %v", c, err)
					return
				}
				if _, err := r.Heartbeat(t.Context(), c, Status{Details: details("A"), Map: "eden2", Players: 3}); err != nil {
					t.Errorf("heartbeat: %v", err)
				}
			})
		}
		all.Wait()
		if want := sha256.Sum256([]byte(oldPassword)); string(r.stored(28)) != string(want[:]) {
			t.Errorf("stored is %x, want %x", r.stored(28), want)
		}
		r.shows(`["28:eden2:3"]`)
		c, err := newRig(t, d).Authenticate(t.Context(), "28", oldPassword)
		if err != nil {
			t.Fatalf("the same password, later: %v", err)
		}
		if _, _, err := r.Rotate(t.Context(), 1, 28); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Heartbeat(t.Context(), c, Status{Details: details("A")}); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("a heartbeat after the password was changed: %v", err)
		}
		if s, _, err := r.Add(t.Context(), 1, details("B"), ExtrasChange{}, netip.Addr{}); err != nil || s.ID == 28 {
			t.Errorf("the next server: %+v, %v", s, err)
		}
	})
}

// A password that is changed while the old form is being looked at stays the
// new one.
func TestUpgrade_ChangedMeanwhile(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.takeOver(28)
		stored := r.stored(28)
		if _, _, err := r.Rotate(t.Context(), 1, 28); err != nil {
			t.Fatal(err)
		}
		changed := string(r.stored(28))
		if err := r.upgrade(t.Context(), 28, stored, sha256.Sum256([]byte(oldPassword))); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("got %v", err)
		}
		if string(r.stored(28)) != changed {
			t.Error("the changed password was replaced by the old one")
		}
	})
}

func TestRight_QueueIsBounded(t *testing.T) {
	r := newRig(t, dbtest.SQLite(t))
	stored, _ := legacyPassword(oldSalt, oldKey)
	for range legacyQueue {
		r.legacyQueued <- struct{}{}
	}
	if _, _, err := r.right(t.Context(), stored, oldPassword, sha256.Sum256([]byte(oldPassword))); !fault.Is(err, fault.TooMany) {
		t.Errorf("got %v, want too many", err)
	}
	hash := sha256.Sum256([]byte("x"))
	if right, legacy, err := r.right(t.Context(), hash[:], "x", hash); !right || legacy || err != nil {
		t.Errorf("the present form waits for the old one: %v", err)
	}
}
