package rcon

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"
)

// What SRCDS lets pass before it bans an address (sv_rcon_minfailures 5 in
// sv_rcon_minfailuretime 30 seconds, sv_rcon_maxfailures 10 in all), with room
// to spare: the ban would hit everybody behind that address, and for ever.
const (
	refusalsPerMinute = 2
	keptPasswords     = 64
	keptTargets       = 1000
)

// Holds keeps refused logins from being repeated. Shared by all the clients of
// a process, it lets one login at a time through to an address, holds a
// password that the address refused until Release, and lets no more than two
// logins a minute be refused by one address, whoever tries.
//
// Passwords are kept as keyed hashes. It is safe for concurrent use.
type Holds struct {
	now func() time.Time
	key []byte

	mu      sync.Mutex
	targets map[string]*target
}

type target struct {
	turn   chan struct{} // held by the login on its way
	users  int           // those that hold or wait for the turn
	last   time.Time
	bad    map[[sha256.Size]byte]time.Time // when a password was refused
	recent []time.Time                     // of the last refusals
}

// HeldError is a login that was not tried because of earlier refusals.
type HeldError struct {
	// Since is when the server refused.
	Since time.Time
	// Until is when another login may be tried. It is zero when this very
	// password was refused: then it is held until it is changed or released.
	Until time.Time
}

// Error says why the login was not tried.
func (e *HeldError) Error() string {
	since := e.Since.UTC().Format(time.RFC3339)
	if e.Until.IsZero() {
		return "the server refused this password at " + since + ", so it is not tried again"
	}
	return fmt.Sprintf("the server refused several logins since %s; the next is tried after %s", since, e.Until.UTC().Format(time.RFC3339))
}

// NewHolds returns empty holds; now is the clock.
func NewHolds(now func() time.Time) *Holds {
	key := make([]byte, sha256.Size)
	rand.Read(key) // never fails: see crypto/rand
	return &Holds{now: now, key: key, targets: map[string]*target{}}
}

// Release forgets what the address refused, as after its password was changed
// there.
func (h *Holds) Release(address string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.targets[address]; t != nil {
		t.bad, t.recent = map[[sha256.Size]byte]time.Time{}, nil
	}
}

// Held returns the hold that a login would meet now, nil when there is none.
func (h *Holds) Held(address, password string) *HeldError {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.targets[address]
	if t == nil {
		return nil
	}
	if since, ok := t.bad[h.hash(password)]; ok {
		return &HeldError{Since: since}
	}
	if n := len(t.recent); n >= refusalsPerMinute {
		first := t.recent[n-refusalsPerMinute]
		if until := first.Add(time.Minute); h.now().Before(until) {
			return &HeldError{Since: first, Until: until}
		}
	}
	return nil
}

// Try calls try, which logs in, when nothing holds the login: one at a time
// per address. It fails with *HeldError or with what try returns.
func (h *Holds) Try(ctx context.Context, address, password string, try func(context.Context) error) error {
	t := h.enter(address)
	defer h.leave(address, t)
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return contextError(ctx)
	}
	defer func() { <-t.turn }()
	if held := h.Held(address, password); held != nil {
		return held
	}
	err := try(ctx)
	if errors.Is(err, ErrAuthRefused) {
		h.refused(t, password)
	}
	return err
}

func (h *Holds) refused(t *target, password string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	t.recent = append(t.recent, now)
	t.recent = t.recent[max(0, len(t.recent)-refusalsPerMinute):]
	if len(t.bad) >= keptPasswords {
		oldest, at := [sha256.Size]byte{}, now
		for k, since := range t.bad {
			if !since.After(at) {
				oldest, at = k, since
			}
		}
		delete(t.bad, oldest)
	}
	t.bad[h.hash(password)] = now
}

func (h *Holds) enter(address string) *target {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.targets[address]
	if t == nil {
		h.makeRoom()
		t = &target{turn: make(chan struct{}, 1), bad: map[[sha256.Size]byte]time.Time{}}
		h.targets[address] = t
	}
	t.users++
	t.last = h.now()
	return t
}

func (h *Holds) leave(address string, t *target) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.users--; t.users == 0 && len(t.bad) == 0 {
		delete(h.targets, address)
	}
}

// makeRoom drops the address that was tried longest ago when there are too
// many. h.mu is held.
func (h *Holds) makeRoom() {
	if len(h.targets) < keptTargets {
		return
	}
	oldest := ""
	for address, t := range h.targets {
		if t.users == 0 && (oldest == "" || t.last.Before(h.targets[oldest].last)) {
			oldest = address
		}
	}
	delete(h.targets, oldest)
}

func (h *Holds) hash(password string) [sha256.Size]byte {
	m := hmac.New(sha256.New, h.key)
	m.Write([]byte(password)) // never fails: see hash.Hash
	return [sha256.Size]byte(m.Sum(nil))
}
