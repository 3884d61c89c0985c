package metaserver

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/proof"
)

// Times of the keys of proofs.
const (
	// keysEvery bounds how long a rotation by another process stays unseen.
	keysEvery = 3 * time.Second
	// keysPause is between two looks for a key that nobody may have.
	keysPause = time.Second
)

// keyring holds the keys of proofs, which lie in the database. It is safe for
// concurrent use.
type keyring struct {
	db       *db.DB
	log      *slog.Logger
	now      func() time.Time
	rotation time.Duration // 0: only by hand
	audit    func(ctx context.Context, tx *db.Tx, action, target, detail string) error

	ring   atomic.Pointer[proof.Ring]
	mu     sync.Mutex
	looked time.Time
}

// load reads the keys, and makes the first one.
func (k *keyring) load(ctx context.Context) error {
	all, err := k.stored(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err := k.rotate(ctx, 0, false)
		return err
	}
	ring, err := proof.NewRing(all, k.now())
	if err != nil {
		return err
	}
	k.ring.Store(ring)
	return nil
}

// refresh looks for a key that is not known here. Another process may have
// made it, or somebody made the proof up: it looks once a second.
func (k *keyring) refresh(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	since := k.now().Sub(k.looked)
	if since >= 0 && since < keysPause {
		return nil
	}
	k.looked = k.now()
	return k.load(ctx)
}

// run follows what other processes do and replaces the key when it is due,
// until ctx ends.
func (k *keyring) run(ctx context.Context) {
	tick := time.NewTicker(keysEvery)
	defer tick.Stop()
	for {
		if err := k.look(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("the keys of proofs could not be read", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (k *keyring) look(ctx context.Context) error {
	if err := k.load(ctx); err != nil {
		return err
	}
	current := k.ring.Load().Current()
	if k.rotation <= 0 || k.now().Sub(current.Created) < k.rotation {
		return nil
	}
	_, err := k.rotate(ctx, current.ID, false)
	return err
}

// rotate makes a new key. after is the id of the key that it replaces; when
// another process has replaced that one already nothing happens, and 0 stands
// for whichever is in use. With revoke no older key is accepted any more.
func (k *keyring) rotate(ctx context.Context, after int64, revoke bool) (*proof.Ring, error) {
	fresh := proof.Key{Secret: make([]byte, proof.SecretSize), Seed: make([]byte, proof.SeedSize)}
	_, _ = rand.Read(fresh.Secret) // never fails, see its documentation
	_, _ = rand.Read(fresh.Seed)
	err := k.db.Write(ctx, func(tx *db.Tx) error {
		all, err := selectProofKeys(ctx, tx)
		if err != nil {
			return err
		}
		if len(all) > 0 && after != 0 && all[0].ID != after {
			return nil
		}
		return k.replace(ctx, tx, all, fresh, revoke)
	})
	if err != nil {
		return nil, err
	}
	all, err := k.stored(ctx)
	if err != nil {
		return nil, err
	}
	ring, err := proof.NewRing(all, k.now())
	if err == nil {
		k.ring.Store(ring)
	}
	return ring, err
}

// replace puts a new key before all others, newest first.
func (k *keyring) replace(ctx context.Context, tx *db.Tx, all []proof.Key, fresh proof.Key, revoke bool) (err error) {
	now := k.now()
	fresh.ID, fresh.Created = 1, now
	if len(all) > 0 {
		ring, err := proof.NewRing(all, now)
		if err != nil && !revoke {
			return err
		}
		fresh.ID, fresh.Number = all[0].ID+1, all[0].Number+1
		if err := k.retire(ctx, tx, ring, &fresh, revoke, now); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, "INSERT INTO metaserver_proof_key (id, number, secret, seed, created_at, retired_at) VALUES ($1, $2, $3, $4, $5, 0)",
		fresh.ID, int64(fresh.Number), fresh.Secret, fresh.Seed, db.Micros(now)); err != nil {
		return err
	}
	detail := ""
	if revoke {
		detail = "revoked the older ones"
	}
	if k.audit == nil {
		return nil
	}
	return k.audit(ctx, tx, "proof-key.rotate", fmt.Sprintf("proof key %d", fresh.ID), detail)
}

// retire ends the use of the newest key and removes those that no proof needs.
func (k *keyring) retire(ctx context.Context, tx *db.Tx, ring *proof.Ring, fresh *proof.Key, revoke bool, now time.Time) (err error) {
	if revoke {
		_, err := tx.Exec(ctx, "DELETE FROM metaserver_proof_key")
		return err
	}
	if fresh.Number, err = ring.Next(); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE metaserver_proof_key SET retired_at = $1 WHERE retired_at = 0", db.Micros(now)); err != nil {
		return err
	}
	accepted := []any{}
	for _, key := range ring.Keys() {
		accepted = append(accepted, key.ID)
	}
	_, err = tx.Exec(ctx, "DELETE FROM metaserver_proof_key WHERE id NOT IN ("+db.In(1, len(accepted))+")", accepted...)
	return err
}

func (k *keyring) stored(ctx context.Context) (all []proof.Key, err error) {
	err = k.db.Read(ctx, func(tx *db.Tx) error {
		all, err = selectProofKeys(ctx, tx)
		return err
	})
	return all, err
}

// selectProofKeys returns all keys, the newest first.
func selectProofKeys(ctx context.Context, tx *db.Tx) (all []proof.Key, err error) {
	rows, err := tx.Query(ctx, "SELECT id, number, secret, seed, created_at, retired_at FROM metaserver_proof_key ORDER BY id DESC")
	if err != nil {
		return nil, err
	}
	err = db.EachRow(rows, nil, func() error {
		var key proof.Key
		var created, retired, number int64
		if err := rows.Scan(&key.ID, &number, &key.Secret, &key.Seed, &created, &retired); err != nil {
			return err
		}
		key.Number, key.Created, key.Retired = uint8(number), db.Time(created), db.Time(retired)
		all = append(all, key)
		return nil
	})
	return all, err
}
