package clans

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// tendBatch is how many accounts are looked at in one go.
const tendBatch = 500

// Tend ends what accounts that are gone had to do with clans, and frees tags
// and names whose reservation is over.
func (s *Service) Tend(ctx context.Context) error {
	for after := int64(0); ; {
		var linked []int64
		err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
			linked, err = linkedAccounts(ctx, tx, after, tendBatch)
			return err
		})
		if err != nil {
			return err
		}
		if len(linked) == 0 {
			break
		}
		after = linked[len(linked)-1]
		people, err := s.people.Known(ctx, linked)
		if err != nil {
			return err
		}
		for _, account := range linked {
			i := slices.IndexFunc(people, func(p Person) bool { return p.ID == account })
			if i >= 0 && !people[i].Gone {
				continue
			}
			err := s.db.Write(ctx, func(tx *db.Tx) error { return s.Depart(ctx, tx, account) })
			if err != nil {
				return err
			}
		}
	}
	return s.db.Write(ctx, func(tx *db.Tx) error { return forgetGivenUp(ctx, tx, s.now()) })
}

// Depart ends, within the transaction that deletes an account, what it has to
// do with clans: it leaves them and its invitations are declined. A clan
// whose last owner goes is handed to the admin who joined first, without one
// to the member who joined first; without any it is disbanded. The skins of
// the account are taken back.
func (s *Service) Depart(ctx context.Context, tx *db.Tx, account int64) error {
	defer s.changes.Add(1)
	links, err := selectLinks(ctx, tx, "l.account_id = $1 AND l.closed_at = 0", account)
	if err != nil {
		return err
	}
	for _, l := range links {
		if err := s.departOne(ctx, tx, l); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, "DELETE FROM metaserver_skin_player WHERE account_id = $1", account)
	return err
}

func (s *Service) departOne(ctx context.Context, tx *db.Tx, l Link) error {
	now := s.now()
	if _, err := touchClan(ctx, tx, l.Clan, now); err != nil {
		return err
	}
	c, err := selectClan(ctx, tx, l.Clan)
	if err != nil {
		return err
	}
	a := &action{ctx: ctx, tx: tx, s: s, now: now, Clan: c, actor: by(l.Account)}
	member := l.Member()
	l.Closed, l.Reason = now, Left
	if !member {
		l.Reason = Declined
	}
	if err := a.put(l); err != nil || !member || l.Rank != Owner {
		return err
	}
	_, owners, err := countLinks(ctx, tx, l.Clan)
	if err != nil || owners > 0 {
		return err
	}
	return a.succeed()
}

// succeed finds a clan without an owner a new one.
func (a *action) succeed() error {
	members, err := selectLinks(a.ctx, a.tx, "l.clan_id = $1 AND "+isMember, a.ID)
	if err != nil {
		return err
	}
	if len(members) == 0 {
		a.actor = Actor{} // nobody is left who could want the tag
		return a.disband()
	}
	next := slices.MinFunc(members, func(x, y Link) int {
		return cmp.Or(cmp.Compare(y.Rank.level(), x.Rank.level()), x.Joined.Compare(y.Joined), cmp.Compare(x.Account, y.Account))
	})
	next.Rank = Owner
	if err := a.put(next); err != nil {
		return err
	}
	return a.audit("clan.transfer", fmt.Sprintf("to account #%d, the last owner is gone", next.Account))
}

// Export returns all that is kept of an account, shaped for JSON: what it has
// and had to do with clans, and its skins.
func (s *Service) Export(ctx context.Context, account int64) (any, error) {
	all, err := s.belongings(ctx, "1 = 1", account)
	if err != nil {
		return nil, err
	}
	skins, err := s.SkinsOf(ctx, account)
	if err != nil {
		return nil, err
	}
	type kept struct {
		BelongingView
		Closed time.Time `json:"closed_at,omitzero"`
		Reason Closing   `json:"closed_reason,omitempty"`
	}
	links := make([]kept, len(all))
	for i, v := range ViewBelongings(all) {
		links[i] = kept{v, all[i].Closed, all[i].Reason}
	}
	return map[string]any{"clans": links, "skins": viewSkins(skins)}, nil
}
