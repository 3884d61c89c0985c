package metaserver

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/proof"
)

// stoppedClock stands until it is set.
type stoppedClock struct{ at atomic.Int64 }

func (c *stoppedClock) now() time.Time      { return time.Unix(0, c.at.Load()).UTC() }
func (c *stoppedClock) add(d time.Duration) { c.at.Add(int64(d)) }

func newStoppedClock() *stoppedClock {
	c := &stoppedClock{}
	c.at.Store(time.Date(2026, 11, 20, 8, 36, 59, 900_000_000, time.UTC).UnixNano())
	return c
}

// loaded returns a keyring over a database, as another process would have it.
func loaded(t *testing.T, d *db.DB, c *stoppedClock, rotation time.Duration) *keyring {
	t.Helper()
	k := &keyring{db: d, log: slog.New(slog.DiscardHandler), now: c.now, rotation: rotation}
	if err := k.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *keyring) short(c *stoppedClock, ttl time.Duration) string {
	return k.ring.Load().Short(1, proof.Expiry(c.now(), ttl))
}

func (k *keyring) takes(text string, c *stoppedClock) bool {
	valid, _ := k.ring.Load().CheckShort(text, 1, c.now())
	return valid
}

func TestKeysSurviveARestart(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newStoppedClock()
		text := loaded(t, d, c, 0).short(c, time.Minute)
		c.add(59 * time.Second) // over the turn of the minute
		if !loaded(t, d, c, 0).takes(text, c) {
			t.Error("a proof is refused after a restart")
		}
		c.add(2 * time.Second)
		if loaded(t, d, c, 0).takes(text, c) {
			t.Error("a proof is accepted after its end")
		}
	})
}

// Two processes over one database: what one replaces the other learns, at the
// latest when it is shown a proof of a key that it does not know.
func TestRotationReachesOtherProcesses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newStoppedClock()
		a, b := loaded(t, d, c, 0), loaded(t, d, c, 0)
		old := a.short(c, time.Hour)
		if _, err := a.rotate(t.Context(), 0, false); err != nil {
			t.Fatal(err)
		}
		fresh := a.short(c, time.Hour)
		s := &Service{keys: b, now: c.now}
		for _, text := range []string{fresh, old} {
			if _, valid, err := s.checkProof(t.Context(), text, 1); !valid || err != nil {
				t.Errorf("the other process refuses: %v", err)
			}
		}
		if _, err := a.rotate(t.Context(), 0, true); err != nil {
			t.Fatal(err)
		}
		if err := b.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a.takes(old, c) || a.takes(fresh, c) || b.takes(old, c) || b.takes(fresh, c) {
			t.Error("a revoked key is accepted")
		}
		if n := len(b.ring.Load().Keys()); n != 1 {
			t.Errorf("%d keys after revoking", n)
		}
	})
}

// Processes that find the key too old at the same moment replace it once.
func TestOneRotationForAll(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newStoppedClock()
		var all []*keyring
		for range 4 {
			all = append(all, loaded(t, d, c, 2*time.Hour))
		}
		c.add(2*time.Hour - time.Second)
		if err := all[0].look(t.Context()); err != nil || all[0].ring.Load().Current().ID != 1 {
			t.Fatalf("replaced too early: %v", err)
		}
		c.add(time.Second)
		var work sync.WaitGroup
		for _, k := range all {
			work.Go(func() {
				if err := k.look(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		work.Wait()
		for _, k := range all {
			if err := k.load(t.Context()); err != nil {
				t.Fatal(err)
			}
			if id := k.ring.Load().Current().ID; id != 2 {
				t.Errorf("key %d is in use, want the second", id)
			}
		}
	})
}

// A clock that steps back ends no proof and replaces no key.
func TestClockStepsBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newStoppedClock()
		k := loaded(t, d, c, 2*time.Hour)
		before := k.short(c, 5*time.Minute)
		c.add(3 * time.Hour)
		if err := k.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		late := k.short(c, 5*time.Minute)
		c.add(-3*time.Hour - 90*time.Second)
		if err := k.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if id := k.ring.Load().Current().ID; id != 2 {
			t.Errorf("key %d is in use", id)
		}
		again := k.short(c, 5*time.Minute)
		for name, text := range map[string]string{"made before": before, "made in the future": late, "made now": again} {
			if !k.takes(text, c) {
				t.Errorf("a proof %s is refused", name)
			}
		}
	})
}

func TestTooManyRotationsOfKeys(t *testing.T) {
	d := dbtest.SQLite(t)
	c := newStoppedClock()
	k := loaded(t, d, c, 0)
	first := k.short(c, time.Hour)
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		for id := int64(2); id <= 256; id++ { // each as a rotation would have left it
			_, err := tx.Exec(t.Context(), `INSERT INTO metaserver_proof_key (id, number, secret, seed, created_at, retired_at)
				SELECT $1, $2, secret, seed, created_at, created_at FROM metaserver_proof_key WHERE id = 1`, id, (id-1)%256)
			if err != nil {
				return err
			}
		}
		_, err := tx.Exec(t.Context(), "UPDATE metaserver_proof_key SET retired_at = created_at WHERE id < 256")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.rotate(t.Context(), 0, false); !fault.Is(err, fault.TooMany) {
		t.Errorf("got %v", err)
	}
	if err := k.load(t.Context()); err != nil || !k.takes(first, c) {
		t.Errorf("the first proof is valid: %t, %v", k.takes(first, c), err)
	}
	if _, err := k.rotate(t.Context(), 0, true); err != nil {
		t.Errorf("revoking: %v", err)
	}
}

// A database that is away keeps the keys that are known, and does not end the
// work.
func TestKeysWhileTheDatabaseIsAway(t *testing.T) {
	d := dbtest.SQLite(t)
	c := newStoppedClock()
	k := loaded(t, d, c, 0)
	text := k.short(c, time.Minute)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*keysEvery)
		defer cancel()
		k.run(ctx)
	})
	if !k.takes(text, c) {
		t.Error("the proof is refused")
	}
}
