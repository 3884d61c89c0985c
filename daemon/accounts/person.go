package accounts

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Person is an account as features for players see it. A zero time means that
// it has not happened. Email is the person's own business and the staff's.
type Person struct {
	ID           int64
	Name         string
	Email        string // "": none
	Created      time.Time
	LastOnline   time.Time
	Verified     time.Time // when the address was proved
	Closed       time.Time
	ClosedReason string
}

// closedByOwner is the reason of an account that its owner deleted. Nothing
// but its number is left of it.
const closedByOwner = "deleted by its owner"

// record is a person with what only this package may know.
type record struct {
	Person
	phc  string
	key  string // of the address
	lang string
}

// personCacheSize bounds the cache of persons, and the times they were online.
const personCacheSize = 16384

// Bounds of the times of being online that wait to be written.
const (
	onlineEvery = 500 * time.Millisecond
	onlineBatch = 1000
)

// persons remembers persons for cacheFor, and when they were online. What this
// process changes is gone from it at once. It is safe for concurrent use.
type persons struct {
	mu      sync.Mutex
	records lru[int64, cachedRecord]
	dropped uint64
	online  lru[int64, int64] // µs; newer than what the database may say
	unsaved map[int64]int64
	full    chan struct{} // woken when unsaved is long
}

type cachedRecord struct {
	record
	at time.Time
}

func newPersons() *persons {
	return &persons{
		records: newLRU[int64, cachedRecord](personCacheSize), online: newLRU[int64, int64](personCacheSize),
		unsaved: map[int64]int64{}, full: make(chan struct{}, 1),
	}
}

// get returns a record that is fresh enough, with the latest time online.
func (p *persons) get(id int64, now time.Time) (record, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.records.get(id)
	if age := now.Sub(e.at); !ok || age < 0 || age >= cacheFor {
		return record{}, false
	}
	return p.overlay(e.record), true
}

// overlay puts the latest time online into a record. The caller holds mu.
func (p *persons) overlay(r record) record {
	if at, ok := p.online.get(r.ID); ok {
		r.LastOnline = later(r.LastOnline, db.Time(at))
	}
	if at, ok := p.unsaved[r.ID]; ok {
		r.LastOnline = later(r.LastOnline, db.Time(at))
	}
	return r
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// round tells loads apart that began before and after a change.
func (p *persons) round() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropped
}

// put stores what was loaded, unless something changed since, and returns it
// with the latest time online.
func (p *persons) put(r record, now time.Time, round uint64) record {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dropped == round {
		p.records.put(r.ID, cachedRecord{r, now})
	}
	return p.overlay(r)
}

// drop forgets what was loaded of accounts that were changed.
func (p *persons) drop(ids ...int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped++
	for _, id := range ids {
		p.records.remove(id)
	}
}

// seen notes that somebody is online and returns when: now, or a moment after
// the last time, so that time goes forward whatever the clock does.
func (p *persons) seen(id int64, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := db.Micros(now)
	if last, ok := p.online.get(id); ok && at <= last {
		at = last + 1
	}
	p.online.put(id, at)
	p.unsaved[id] = at
	if len(p.unsaved) >= onlineBatch {
		select {
		case p.full <- struct{}{}:
		default:
		}
	}
	return db.Time(at)
}

// backlog returns how many times wait to be written.
func (p *persons) backlog() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.unsaved)
}

// pending returns up to n times that wait to be written.
func (p *persons) pending(n int) map[int64]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	some := make(map[int64]int64, min(n, len(p.unsaved)))
	for id, at := range p.unsaved {
		if len(some) == n {
			break
		}
		some[id] = at
	}
	return some
}

// saved notes what was written. What was loaded before is loaded again.
func (p *persons) saved(written map[int64]int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped++
	for id, at := range written {
		if p.unsaved[id] == at {
			delete(p.unsaved, id)
		}
		if e, ok := p.records.get(id); ok {
			e.LastOnline = later(e.LastOnline, db.Time(at))
			p.records.put(id, e)
		}
	}
}

// SeenOnline notes that somebody is online now and returns the time, exact to
// the microsecond, as Person and Persons return it from now on. It is written
// within a second; a crash may lose the last second. fault.Unavailable when
// the database has not taken what came before for long.
func (s *Service) SeenOnline(ctx context.Context, account int64) (time.Time, error) {
	if s.persons.backlog() >= 50*onlineBatch {
		if err := s.saveOnline(ctx); err != nil {
			return time.Time{}, fault.Wrap(err, fault.Unavailable, "The database is not taking changes now").WithRetryAfter(5 * time.Second)
		}
	}
	return s.persons.seen(account, s.now()), nil
}

// saveOnline writes the times that wait.
func (s *Service) saveOnline(ctx context.Context) error {
	for {
		some := s.persons.pending(onlineBatch)
		if len(some) == 0 {
			return nil
		}
		err := s.db.Write(ctx, func(tx *db.Tx) error {
			for _, id := range slices.Sorted(maps.Keys(some)) { // in one order, so that two processes do not wait for each other
				if err := updateOnline(ctx, tx, id, some[id]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.persons.saved(some)
		if len(some) < onlineBatch {
			return nil
		}
	}
}

// Person returns an account and whether there is one. It may be three seconds
// old where another process changed it; what this process did is in it.
func (s *Service) Person(ctx context.Context, id int64) (Person, bool, error) {
	r, err := s.record(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return Person{}, false, nil
	}
	return r.Person, err == nil, err
}

// record is Person with what only this package may know; fault.NotFound.
func (s *Service) record(ctx context.Context, id int64) (r record, err error) {
	now := s.now()
	if r, ok := s.persons.get(id, now); ok {
		return r, nil
	}
	round := s.persons.round()
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		r, err = findRecord(ctx, tx, id)
		return err
	})
	if err != nil {
		return record{}, err
	}
	return s.persons.put(r, now, round), nil
}

// Persons returns the accounts with these numbers, each once, by number.
// Unknown numbers are left out.
func (s *Service) Persons(ctx context.Context, ids []int64) ([]Person, error) {
	wanted := slices.Compact(slices.Sorted(slices.Values(ids)))
	now, found := s.now(), make(map[int64]record, len(wanted))
	var missing []int64
	for _, id := range wanted {
		if r, ok := s.persons.get(id, now); ok {
			found[id] = r
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		round := s.persons.round()
		var loaded []record
		err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
			loaded, err = findRecords(ctx, tx, missing)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, r := range loaded {
			found[r.ID] = s.persons.put(r, now, round)
		}
	}
	all := make([]Person, 0, len(found))
	for _, id := range wanted {
		if r, ok := found[id]; ok {
			all = append(all, r.Person)
		}
	}
	return all, nil
}

// Deleted reports whether its owner deleted the account: nothing but its
// number is left, and nobody will come back to it.
func (p Person) Deleted() bool { return !p.Closed.IsZero() && p.ClosedReason == closedByOwner }
