package clans

import (
	"context"
	"fmt"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Found makes a clan whose owner is the account. Tag, name and icon have been
// checked by ParseTag, ParseName and CheckIcon. TagTaken, NameTaken, TooMany.
func (s *Service) Found(ctx context.Context, account int64, n Founding) (c Clan, err error) {
	if n.Icon == "" {
		n.Icon = DefaultIcon
	}
	defer s.changes.Add(1)
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		now := s.now()
		c = Clan{Tag: n.Tag, Name: n.Name, Icon: n.Icon, Founder: account, Members: 1, Created: now}
		if most := s.options.MaxPerUser; most > 0 {
			have, err := countFounded(ctx, tx, account, now)
			if err != nil {
				return err
			}
			if have >= most {
				return refuse(TooMany)
			}
		}
		if err := insertClan(ctx, tx, &c, now); err != nil {
			return err
		}
		a := &action{ctx: ctx, tx: tx, s: s, now: now, Clan: c, actor: by(account)}
		if err := a.claim(handleTag, c.Tag.Visible(), TagTaken); err != nil {
			return err
		}
		if err := a.claim(handleName, c.Name, NameTaken); err != nil {
			return err
		}
		if err := a.put(Link{Clan: c.ID, Account: account, Rank: Owner, Invited: now, Joined: now}); err != nil {
			return err
		}
		return a.audit("clan.create", string(c.Tag))
	})
	return c, err
}

// claim takes a tag or a name for the clan.
func (a *action) claim(kind, text string, taken Reason) error {
	ok, err := claim(a.ctx, a.tx, kind, key(text), a.ID, a.actor.Account, a.now)
	if err == nil && !ok {
		err = refuse(taken)
	}
	return err
}

// exchange gives up what the clan has of a kind and takes another, unless the
// two look the same.
func (a *action) exchange(kind, before, after string, taken Reason) error {
	if key(before) == key(after) {
		return nil
	}
	if err := giveUp(a.ctx, a.tx, kind, a.ID, a.heir(0), a.now.Add(a.s.options.Reserve)); err != nil {
		return err
	}
	return a.claim(kind, after, taken)
}

// heir is for whom what a clan gives up is reserved besides itself: for
// nobody, not even itself, when a moderator took it.
func (a *action) heir(otherwise int64) int64 {
	if a.actor.Moderator {
		return nobody
	}
	return otherwise
}

// Edit changes tag or name of a clan that stands; what it had stays reserved
// for it. For owners and moderators. NotMember, RankTooLow, TagTaken,
// NameTaken.
func (s *Service) Edit(ctx context.Context, who Actor, clan int64, change Change) (c Clan, err error) {
	err = s.on(ctx, who, clan, func(a *action) error {
		if err := a.needs(Owner); err != nil {
			return err
		}
		if err := a.standing(); err != nil {
			return err
		}
		if change == (Change{}) {
			return fault.New(fault.Invalid, "There is nothing to change")
		}
		before := a.Clan
		if change.Tag != nil {
			a.Tag = *change.Tag
		}
		if change.Name != nil {
			a.Name = *change.Name
		}
		if err := a.exchange(handleTag, before.Tag.Visible(), a.Tag.Visible(), TagTaken); err != nil {
			return err
		}
		if err := a.exchange(handleName, before.Name, a.Name, NameTaken); err != nil {
			return err
		}
		if err := updateText(ctx, a.tx, a.Clan); err != nil {
			return err
		}
		c = a.Clan
		return a.audit("clan.rename", fmt.Sprintf("before: %s %s", before.Tag, before.Name))
	})
	return c, err
}

// SetIcon changes the icon, which CheckIcon has seen. For admins and owners,
// and for moderators. NotMember, RankTooLow.
func (s *Service) SetIcon(ctx context.Context, who Actor, clan int64, icon string) (c Clan, err error) {
	err = s.on(ctx, who, clan, func(a *action) error {
		if err := a.needs(Admin); err != nil {
			return err
		}
		if err := updateIcon(ctx, a.tx, a.ID, icon); err != nil {
			return err
		}
		a.Icon = icon
		c = a.Clan
		if a.actor.Moderator {
			return a.audit("clan.icon-reset", "")
		}
		return nil
	})
	return c, err
}

// Disband ends a clan: its members leave, its invitations are retracted, its
// tag and name stay reserved for whoever does it, and for nobody when that is
// a moderator. For owners and moderators. NotMember, RankTooLow.
func (s *Service) Disband(ctx context.Context, who Actor, clan int64) error {
	return s.on(ctx, who, clan, func(a *action) error {
		if err := a.needs(Owner); err != nil {
			return err
		}
		if err := a.standing(); err != nil {
			return err
		}
		return a.disband()
	})
}

func (a *action) disband() error {
	if err := closeAll(a.ctx, a.tx, a.ID, a.now); err != nil {
		return err
	}
	if err := countMembers(a.ctx, a.tx, a.ID); err != nil {
		return err
	}
	until := a.now.Add(a.s.options.Reserve)
	for _, kind := range []string{handleTag, handleName} {
		if err := giveUp(a.ctx, a.tx, kind, a.ID, a.heir(a.actor.Account), until); err != nil {
			return err
		}
	}
	reason := ""
	if a.actor.Moderator {
		reason = a.actor.Reason
	}
	if err := disbandClan(a.ctx, a.tx, a.ID, reason, a.now); err != nil {
		return err
	}
	return a.audit("clan.disband", string(a.Tag))
}

// Transfer makes another member an owner. An owner who does it becomes an
// admin; that is also how one of several owners steps down. With a moderator
// all who were owners become admins. For owners and moderators. NotMember, RankTooLow, TargetNotMember.
func (s *Service) Transfer(ctx context.Context, who Actor, clan, account int64) error {
	return s.on(ctx, who, clan, func(a *action) error {
		if err := a.needs(Owner); err != nil {
			return err
		}
		to, err := selectLink(ctx, a.tx, a.ID, account)
		if err != nil {
			return err
		}
		if !to.Member() {
			return refuse(TargetNotMember)
		}
		if account == who.Account {
			return fault.New(fault.Invalid, "A clan cannot be transferred to oneself")
		}
		if err := a.stepDown(); err != nil {
			return err
		}
		to.Rank = Owner
		if err := a.put(to); err != nil {
			return err
		}
		return a.audit("clan.transfer", fmt.Sprintf("to account #%d", account))
	})
}

// stepDown makes an admin of the owner who acts, or for a moderator of every
// owner.
func (a *action) stepDown() error {
	former := []Link{a.own}
	if !a.own.may(Owner) {
		var err error
		if former, err = selectLinks(a.ctx, a.tx, "l.clan_id = $1 AND l.rank = 'owner' AND "+isMember, a.ID); err != nil {
			return err
		}
	}
	for _, l := range former {
		l.Rank = Admin
		if err := a.put(l); err != nil {
			return err
		}
	}
	return nil
}
