package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// loginCacheFor is how long a password that was right is not hashed again.
const loginCacheFor = time.Minute

// logins remembers passwords that were right: clients that send them with
// every request would cost a hash each. It holds a MAC of what was sent, under
// a key that dies with the process, and the stored hash it matched: once that
// is another one, the entry counts no more. It is safe for concurrent use.
type logins struct {
	key     []byte
	running singleflight.Group

	mu    sync.Mutex
	right lru[tokenHash, login]
}

type login struct {
	account int64
	phc     string
	at      time.Time
}

func newLogins() *logins {
	l := &logins{key: make([]byte, 32), right: newLRU[tokenHash, login](maxTracked)}
	rand.Read(l.key) // never fails, see crypto/rand
	return l
}

// mac stands for an address and a password.
func (l *logins) mac(key, password string) (sum tokenHash) {
	h := hmac.New(sha256.New, l.key)
	fmt.Fprintf(h, "%d %s %s", len(key), key, password)
	h.Sum(sum[:0])
	return sum
}

func (l *logins) get(sum tokenHash, now time.Time) (login, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.right.get(sum)
	age := now.Sub(e.at)
	return e, ok && age >= 0 && age < loginCacheFor
}

func (l *logins) put(sum tokenHash, e login) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.right.put(sum, e)
}

// errWrongEmail is the same for an unknown address and a wrong password.
var errWrongEmail = fault.New(fault.Unauthenticated, "The e-mail address or the password is wrong")

// ByEmail returns whose address and password these are, whether or not the
// address is verified or the account is closed; that is for the caller to look
// at. The address is taken as people type it. Unknown addresses take as long
// and answer the same as wrong passwords (fault.Unauthenticated); what is no
// address is answered so at once, since nobody can have it. Too many
// wrong ones from one address or for one account, or too many at once, are
// fault.TooMany with RetryAfter.
//
// A password that was right is not hashed again for a minute, unless the
// account was changed.
func (s *Service) ByEmail(ctx context.Context, email, password string, ip netip.Addr) (Person, error) {
	address, err := NormalEmail(email)
	if err != nil {
		return Person{}, errWrongEmail
	}
	key := emailKey(address)
	password = normalPassword(password)
	sum := s.logins.mac(key, password)
	if r, ok, err := s.rightBefore(ctx, sum, key); ok || err != nil {
		return r.Person, err
	}
	// A client that opens with many requests at once costs one hash.
	done := s.logins.running.DoChan(string(sum[:]), func() (any, error) {
		if r, ok, err := s.rightBefore(context.WithoutCancel(ctx), sum, key); ok || err != nil {
			return r, err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return s.checkEmail(ctx, key, password, sum, ip)
	})
	select {
	case <-ctx.Done():
		return Person{}, ctx.Err()
	case result := <-done:
		if result.Err != nil {
			return Person{}, result.Err
		}
		return result.Val.(record).Person, nil
	}
}

// rightBefore returns whose address and password were right a moment ago and
// are still.
func (s *Service) rightBefore(ctx context.Context, sum tokenHash, key string) (record, bool, error) {
	e, ok := s.logins.get(sum, s.now())
	if !ok {
		return record{}, false, nil
	}
	r, err := s.record(ctx, e.account)
	if fault.Is(err, fault.NotFound) {
		return record{}, false, nil
	}
	if err != nil || r.phc != e.phc || r.key != key {
		return record{}, false, err
	}
	return r, true, nil
}

// checkEmail hashes the password.
func (s *Service) checkEmail(ctx context.Context, key, password string, sum tokenHash, ip netip.Addr) (record, error) {
	r, err := s.findByEmail(ctx, key)
	if err != nil {
		return record{}, err
	}
	prefix := limit.Prefix(ip)
	from := place{name: prefix.String()}
	exempt := s.address.exempt.Contains(ip)
	if !exempt {
		if err := s.guesses.take(from); err != nil {
			return record{}, err
		}
	}
	stale, err := s.checkCurrent(ctx, place{"@" + key, prefix}, r.phc, password)
	if !exempt && !fault.Is(err, fault.Unauthenticated) { // it told nothing, or it was right
		s.guesses.giveBack(from)
	}
	if fault.Is(err, fault.Unauthenticated) {
		return record{}, errWrongEmail
	}
	if err != nil {
		return record{}, err
	}
	if stale {
		r.phc = s.upgrade(ctx, r.ID, r.phc, password)
	}
	s.logins.put(sum, login{r.ID, r.phc, s.now()})
	return r, nil
}

// findByEmail returns the account of an address, the zero record when there is
// none.
func (s *Service) findByEmail(ctx context.Context, key string) (r record, err error) {
	if key == "" {
		return record{}, nil
	}
	now, round := s.now(), s.persons.round()
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		r, err = findRecordByEmail(ctx, tx, key)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return record{}, nil
	}
	if err != nil {
		return record{}, err
	}
	return s.persons.put(r, now, round), nil
}
