package clans

import (
	"context"
	"fmt"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// Invite asks an account into the clan. A link that was closed is opened anew.
// For admins and owners. NotMember, RankTooLow, NoPlayer, AlreadyRelated,
// Full, in this order.
func (s *Service) Invite(ctx context.Context, who, clan, account int64) error {
	people, err := s.people.Known(ctx, []int64{account})
	if err != nil {
		return err
	}
	exists := len(people) == 1 && !people[0].Closed
	return s.on(ctx, by(who), clan, func(a *action) error {
		if err := a.needs(Admin); err != nil {
			return err
		}
		if !exists {
			return refuse(NoPlayer)
		}
		l, err := selectLink(ctx, a.tx, clan, account)
		if err != nil {
			return err
		}
		if l.Member() || l.Open() {
			return refuse(AlreadyRelated)
		}
		n, _, err := countLinks(ctx, a.tx, clan)
		if err != nil {
			return err
		}
		if n >= maxPeople {
			return refuse(Full)
		}
		return a.put(Link{Clan: clan, Account: account, Rank: Member, Invited: a.now})
	})
}

// Answer accepts or declines an invitation. AlreadyMember, WasDeclined,
// WasRetracted, HasLeft, WasKicked, NotInvited.
func (s *Service) Answer(ctx context.Context, account, clan int64, accept bool) error {
	return s.alone(ctx, clan, func(tx *db.Tx) error {
		now := s.now()
		known, err := touchClan(ctx, tx, clan, now)
		if err != nil {
			return err
		}
		if !known {
			return refuse(NotInvited)
		}
		l, err := selectLink(ctx, tx, clan, account)
		if err != nil {
			return err
		}
		if !l.Open() {
			return refuse(l.unanswerable())
		}
		if accept {
			l.Joined = now
		} else {
			l.Closed, l.Reason = now, Declined
		}
		a := &action{ctx: ctx, tx: tx, s: s, now: now, Clan: Clan{ID: clan}}
		return a.put(l)
	})
}

// unanswerable says why there is no invitation to answer.
func (l Link) unanswerable() Reason {
	joined := !l.Joined.IsZero()
	switch {
	case l.Member():
		return AlreadyMember
	case l.Reason == Declined && !joined:
		return WasDeclined
	case l.Reason == Retracted && !joined:
		return WasRetracted
	case l.Reason == Left && joined:
		return HasLeft
	case l.Reason == Kicked && joined:
		return WasKicked
	}
	return NotInvited
}

// Kick ends another's membership, or retracts his invitation. For admins and
// owners. NotMember, TargetNotMember, RankTooLow, TargetProtected, in this
// order.
func (s *Service) Kick(ctx context.Context, who, clan, account int64) error {
	return s.kick(ctx, who, clan, account, true)
}

// Retract takes an invitation back, and does nothing to members. For admins
// and owners. NotMember, TargetNotMember, RankTooLow.
func (s *Service) Retract(ctx context.Context, who, clan, account int64) error {
	return s.kick(ctx, who, clan, account, false)
}

func (s *Service) kick(ctx context.Context, who, clan, account int64, members bool) error {
	return s.on(ctx, by(who), clan, func(a *action) error {
		l, err := selectLink(ctx, a.tx, clan, account)
		if err != nil {
			return err
		}
		if !l.Open() && (!members || !l.Member()) {
			return refuse(TargetNotMember)
		}
		if err := a.needs(Admin); err != nil {
			return err
		}
		if l.Rank != Member {
			return refuse(TargetProtected)
		}
		if l.Open() {
			l.Closed, l.Reason = a.now, Retracted
			return a.put(l)
		}
		l.Closed, l.Reason = a.now, Kicked
		if err := a.put(l); err != nil {
			return err
		}
		return a.audit("clan.kick", fmt.Sprintf("account #%d", account))
	})
}

// SetRank gives a member another rank. NotMember, TargetNotMember,
// NotOutranked, RankTooHigh, in this order.
func (s *Service) SetRank(ctx context.Context, who, clan, account int64, rank Rank) (l Link, err error) {
	err = s.on(ctx, by(who), clan, func(a *action) error {
		if l, err = selectLink(ctx, a.tx, clan, account); err != nil {
			return err
		}
		switch {
		case !l.Member():
			return refuse(TargetNotMember)
		case a.own.Rank.level() <= l.Rank.level():
			return refuse(NotOutranked)
		case rank.level() > a.own.Rank.level():
			return refuse(RankTooHigh)
		}
		before := l.Rank
		l.Rank = rank
		if err := a.put(l); err != nil {
			return err
		}
		return a.audit("clan.rank", fmt.Sprintf("account #%d: %s, before %s", account, rank, before))
	})
	return l, err
}

// Leave ends the caller's own membership. NotMember, LastOwner.
func (s *Service) Leave(ctx context.Context, account, clan int64) error {
	return s.on(ctx, by(account), clan, func(a *action) error {
		if a.own.Rank == Owner {
			_, owners, err := countLinks(ctx, a.tx, clan)
			if err != nil {
				return err
			}
			if owners < 2 {
				return refuse(LastOwner)
			}
		}
		a.own.Closed, a.own.Reason = a.now, Left
		return a.put(a.own)
	})
}
