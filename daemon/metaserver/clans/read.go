package clans

import (
	"context"
	"strconv"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// All returns every clan by id, disbanded ones too, with icons if asked.
func (s *Service) All(ctx context.Context, icons bool) (all []Clan, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		all, err = selectClans(ctx, tx, icons, "1 = 1 ORDER BY id")
		return err
	})
	return all, err
}

// Clan returns a clan with its icon, also a disbanded one; NoClan.
func (s *Service) Clan(ctx context.Context, id int64) (c Clan, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		c, err = selectClan(ctx, tx, id)
		return err
	})
	return c, err
}

// Clans returns the clans with these ids, with icons, by id; unknown ids are
// left out.
func (s *Service) Clans(ctx context.Context, ids []int64) (all []Clan, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		all, err = selectClans(ctx, tx, true, "id IN ("+db.In(1, len(ids))+") ORDER BY id", params(ids)...)
		return err
	})
	return all, err
}

func params(ids []int64) []any {
	all := make([]any, len(ids))
	for i, id := range ids {
		all[i] = id
	}
	return all
}

// Membership reports whether the account belongs to the clan; false also when
// there is none.
func (s *Service) Membership(ctx context.Context, clan, account int64) (bool, error) {
	l, err := s.Link(ctx, clan, account)
	return l.Member(), err
}

// Link returns what the account has to do with the clan; the zero Link when
// that is nothing.
func (s *Service) Link(ctx context.Context, clan, account int64) (l Link, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		l, err = selectLink(ctx, tx, clan, account)
		return err
	})
	return l, err
}

// ClansOf returns the clans that the account belongs to, by id.
func (s *Service) ClansOf(ctx context.Context, account int64) ([]Belonging, error) {
	return s.belongings(ctx, isMember, account)
}

// ClansOfAll returns what ClansOf does for many accounts at once; accounts in
// no clan are left out.
func (s *Service) ClansOfAll(ctx context.Context, accounts []int64) (map[int64][]Belonging, error) {
	all, err := s.belongings(ctx, isMember, accounts...)
	found := map[int64][]Belonging{}
	for _, b := range all {
		found[b.Account] = append(found[b.Account], b)
	}
	return found, err
}

// InvitesOf returns the invitations that the account has not answered, by
// clan.
func (s *Service) InvitesOf(ctx context.Context, account int64) ([]Belonging, error) {
	return s.belongings(ctx, isInvited, account)
}

func (s *Service) belongings(ctx context.Context, what string, accounts ...int64) (all []Belonging, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		all, err = selectBelongings(ctx, tx, what+" AND l.account_id IN ("+db.In(1, len(accounts))+")", params(accounts)...)
		return err
	})
	return all, err
}

// Members returns the memberships of a clan, by account; NoClan.
func (s *Service) Members(ctx context.Context, clan int64) ([]Link, error) {
	return s.links(ctx, clan, isMember)
}

// Invites returns the open invitations of a clan, by account. They are for
// its members and for moderators; NotMember.
func (s *Service) Invites(ctx context.Context, who Actor, clan int64) ([]Link, error) {
	if !who.Moderator {
		ok, err := s.Membership(ctx, clan, who.Account)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, refuse(NotMember)
		}
	}
	return s.links(ctx, clan, isInvited)
}

func (s *Service) links(ctx context.Context, clan int64, what string) (all []Link, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		if err := hasClan(ctx, tx, clan); err != nil {
			return err
		}
		all, err = selectLinks(ctx, tx, "l.clan_id = $1 AND "+what, clan)
		return err
	})
	return all, err
}

// Query selects a part of the clans.
type Query struct {
	Text   string // part of the visible tag or the name
	State  string // standing, disbanded, or all; empty: standing
	Sort   string // name, members or created; empty: name
	Limit  int
	Cursor string // next of the part before
}

// order is how a list is sorted; the id decides between equals.
type order struct {
	column string
	desc   bool
	key    func(Clan) string
	read   func(string) (any, error)
}

func orderOf(sort string) (order, error) {
	number := func(s string) (any, error) { return strconv.ParseInt(s, 10, 64) }
	switch sort {
	case "", "name":
		return order{"name_key", false, func(c Clan) string { return Fold(c.Name) }, func(s string) (any, error) { return s, nil }}, nil
	case "members":
		return order{"members", true, func(c Clan) string { return strconv.FormatInt(c.Members, 10) }, number}, nil
	case "created":
		return order{"created_at", true, func(c Clan) string { return strconv.FormatInt(db.Micros(c.Created), 10) }, number}, nil
	}
	return order{}, fault.New(fault.Invalid, "Clans are not sorted by %q", sort).WithHint("name, members or created")
}

// List returns a part of the clans without their icons, the cursor of the
// next part, "" after the last, and how many there are in all.
func (s *Service) List(ctx context.Context, q Query) (all []Clan, next string, total int64, err error) {
	o, err := orderOf(q.Sort)
	if err != nil {
		return nil, "", 0, err
	}
	where, args := "1 = 1", []any{}
	switch q.State {
	case "", "standing":
		where = "disbanded_at = 0"
	case "disbanded":
		where = "disbanded_at <> 0"
	}
	if text := Fold(trim(strings.ToValidUTF8(q.Text, ""))); text != "" {
		args = append(args, "%"+strings.NewReplacer("!", "!!", "%", "!%", "_", "!_", "\x00", "").Replace(text)+"%")
		where += " AND search LIKE $1 ESCAPE '!'"
	}
	counted, countedArgs := where, args
	if q.Cursor != "" {
		if where, args, err = o.after(where, args, q.Cursor); err != nil {
			return nil, "", 0, err
		}
	}
	by := o.column + ", id"
	if o.desc {
		by = o.column + " DESC, id DESC"
	}
	args = append(args[:len(args):len(args)], q.Limit+1)
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM metaserver_clan WHERE "+counted, countedArgs...).Scan(&total); err != nil {
			return err
		}
		all, err = selectClans(ctx, tx, false, where+" ORDER BY "+by+" LIMIT $"+strconv.Itoa(len(args)), args...)
		return err
	})
	if err == nil && len(all) > q.Limit {
		all = all[:q.Limit]
		last := all[q.Limit-1]
		next = strconv.FormatInt(last.ID, 10) + "_" + o.key(last)
	}
	return all, next, total, err
}

// after adds to a condition that rows come after the cursor, which is an id
// and what is sorted by.
func (o order) after(where string, args []any, cursor string) (string, []any, error) {
	id, text, _ := strings.Cut(cursor, "_")
	n, err := strconv.ParseInt(id, 10, 64)
	value, e := o.read(text)
	if err != nil || e != nil || !allShow(text) {
		return "", nil, fault.New(fault.Invalid, "The cursor is not one of ours")
	}
	sign := ">"
	if o.desc {
		sign = "<"
	}
	v, i := "$"+strconv.Itoa(len(args)+1), "$"+strconv.Itoa(len(args)+2)
	where += " AND (" + o.column + " " + sign + " " + v + " OR " + o.column + " = " + v + " AND id " + sign + " " + i + ")"
	return where, append(args[:len(args):len(args)], value, n), nil
}

// clanNames returns the names of clans.
func (s *Service) clanNames(ctx context.Context, ids []int64) (map[int64]string, error) {
	names := map[int64]string{}
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		all, err := selectClans(ctx, tx, false, "id IN ("+db.In(1, len(ids))+")", params(ids)...)
		for _, c := range all {
			names[c.ID] = c.Name
		}
		return err
	})
	return names, err
}
