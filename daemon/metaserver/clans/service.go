package clans

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Options say what a Service is made of. DB and People are needed.
type Options struct {
	DB     *db.DB
	People People
	Log    *slog.Logger
	Now    func() time.Time // nil: time.Now
	// MaxPerUser is how many clans one account may found; 0: any number.
	MaxPerUser int
	// Reserve is how long a tag or name that was given up cannot be taken by
	// others.
	Reserve time.Duration
	// Audit writes what a person did into the audit log, in the transaction
	// that does it; nil: nothing is written.
	Audit func(ctx context.Context, tx *db.Tx, action, target, detail string) error
}

// People knows the accounts.
type People interface {
	// Known returns those of the accounts that exist, closed or not.
	Known(ctx context.Context, accounts []int64) ([]Person, error)
	// Find returns the account that a name, "#" and a number, or a SteamID
	// stands for; fault.NotFound.
	Find(ctx context.Context, ref string) (Person, error)
}

// Person is an account.
type Person struct {
	ID   int64
	Name string
	// Closed accounts act no more. Gone ones never will: what they have to do
	// with clans ends.
	Closed, Gone bool
}

// Service keeps the clans of one database. It is safe for concurrent use, and
// several processes may work on the same database.
type Service struct {
	options Options
	db      *db.DB
	people  People
	log     *slog.Logger
	clock   func() time.Time
	turns   [64]chan struct{} // of actions on clans, by id
	changes atomic.Uint64
}

// Changes returns a number that grows with everything this process changes of
// clans; what another process does is not in it.
func (s *Service) Changes() uint64 { return s.changes.Load() }

// Bounds.
const (
	maxPeople = 1000 // members and open invitations of a clan
	maxReason = 500  // bytes
	tendEvery = time.Hour
)

// errOptions is what New returns for options that lack something.
var errOptions = errors.New("clans: DB and People are needed")

// New wires a Service; it does no work.
func New(o Options) (*Service, error) {
	if o.DB == nil || o.People == nil {
		return nil, errOptions
	}
	s := &Service{options: o, db: o.DB, people: o.People, log: o.Log, clock: o.Now}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With(slog.String("component", "clans"))
	if s.clock == nil {
		s.clock = time.Now
	}
	for i := range s.turns {
		s.turns[i] = make(chan struct{}, 1)
	}
	return s, nil
}

// action is one transaction on one clan.
type action struct {
	ctx context.Context
	tx  *db.Tx
	s   *Service
	now time.Time
	Clan
	actor Actor
	own   Link // the actor's
}

// on runs fn as the only action on the clan. The actor has to be a member of
// it, or a moderator; otherwise NotMember, or NoClan for a moderator.
func (s *Service) on(ctx context.Context, who Actor, clan int64, fn func(*action) error) error {
	who.Reason = shown(who.Reason, maxReason)
	return s.alone(ctx, clan, func(tx *db.Tx) error {
		a := &action{ctx: ctx, tx: tx, s: s, now: s.now(), actor: who}
		known, err := touchClan(ctx, tx, clan, a.now)
		switch {
		case err != nil:
			return err
		case !known && who.Moderator:
			return refuse(NoClan)
		case !known:
			return refuse(NotMember)
		}
		if a.Clan, err = selectClan(ctx, tx, clan); err != nil {
			return err
		}
		if a.own, err = selectLink(ctx, tx, clan, who.Account); err != nil {
			return err
		}
		if !a.own.Member() && !who.Moderator {
			return refuse(NotMember)
		}
		return fn(a)
	})
}

// alone runs a write when no other action of this process works on the clan.
// Only the database makes actions follow each other; this spares PostgreSQL
// the conflicts of many at once.
func (s *Service) alone(ctx context.Context, clan int64, fn func(*db.Tx) error) error {
	turn := s.turns[uint64(clan)%uint64(len(s.turns))]
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-turn }()
	defer s.changes.Add(1)
	return s.db.Write(ctx, fn)
}

// now is the time as the database keeps it.
func (s *Service) now() time.Time { return db.Time(db.Micros(s.clock())) }

// needs refuses an actor below a rank who is no moderator. A moderator has to
// say why; in a clan of his own he acts as what he is there.
func (a *action) needs(least Rank) error {
	switch {
	case a.own.may(least):
		a.actor.Moderator = false
	case !a.actor.Moderator:
		return refuse(RankTooLow)
	case a.actor.Reason == "":
		return fault.New(fault.Invalid, "Moderators have to say why they change a clan").
			WithFields(fault.Field{Name: "reason", Message: "is missing"})
	}
	return nil
}

// standing refuses what cannot be done to a disbanded clan.
func (a *action) standing() error {
	if !a.Disbanded.IsZero() {
		return fault.New(fault.Conflict, "The clan was disbanded")
	}
	return nil
}

// audit records the action; a moderator's with his reason.
func (a *action) audit(what, detail string) error {
	if a.s.options.Audit == nil {
		return nil
	}
	if a.actor.Moderator && a.actor.Reason != "" {
		if detail != "" {
			detail += "; "
		}
		detail += "reason: " + a.actor.Reason
	}
	return a.s.options.Audit(a.ctx, a.tx, what, fmt.Sprintf("clan #%d %s", a.ID, a.Name), detail)
}

// put writes a link and counts the members anew.
func (a *action) put(l Link) error {
	if err := putLink(a.ctx, a.tx, l); err != nil {
		return err
	}
	return countMembers(a.ctx, a.tx, a.ID)
}

// Run ends what gone accounts had to do with clans and frees tags whose
// reservation is over, at the start and then every hour, until ctx ends. It
// returns nil.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		if err := s.Tend(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the clans of deleted accounts could not be tended", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
