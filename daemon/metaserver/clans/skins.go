package clans

import (
	"context"
	"fmt"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const skinColumns = "s.id, COALESCE(s.description, ''), s.kind, s.unit, s.model_path, s.created_at"

func selectSkins(ctx context.Context, tx *db.Tx, from string, args ...any) (all []Skin, err error) {
	all = []Skin{}
	rows, err := tx.Query(ctx, "SELECT "+skinColumns+" FROM metaserver_skin s "+from, args...)
	err = db.EachRow(rows, err, func() error {
		var k Skin
		var created int64
		err := rows.Scan(&k.ID, &k.Description, &k.Kind, &k.Unit, &k.ModelPath, &created)
		k.Created = db.Time(created)
		all = append(all, k)
		return err
	})
	return all, err
}

func noSkin() error { return fault.New(fault.NotFound, "There is no such skin") }

// Skins returns up to n skins with ids above after, by id, and how many there
// are in all.
func (s *Service) Skins(ctx context.Context, after int64, n int) (all []Skin, total int64, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM metaserver_skin").Scan(&total); err != nil {
			return err
		}
		all, err = selectSkins(ctx, tx, "WHERE s.id > $1 ORDER BY s.id LIMIT $2", after, n)
		return err
	})
	return all, total, err
}

// SkinsOf returns the skins that an account was given, by id.
func (s *Service) SkinsOf(ctx context.Context, account int64) ([]Skin, error) {
	var all []Skin
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = selectSkins(ctx, tx, "JOIN metaserver_skin_player g ON g.skin_id = s.id WHERE g.account_id = $1 ORDER BY s.id", account)
		return err
	})
	return all, err
}

// SkinsOfClan returns the skins that a clan was given, by id; NoClan.
func (s *Service) SkinsOfClan(ctx context.Context, clan int64) ([]Skin, error) {
	var all []Skin
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if err := hasClan(ctx, tx, clan); err != nil {
			return err
		}
		all, err = selectSkins(ctx, tx, "JOIN metaserver_skin_clan g ON g.skin_id = s.id WHERE g.clan_id = $1 ORDER BY s.id", clan)
		return err
	})
	return all, err
}

// Grants are who was given a skin: accounts and clans, by id.
type Grants struct{ Players, Clans []int64 }

// maxGrants is how many of each Skin returns.
const maxGrants = 1000

// Skin returns a skin and, up to 1000 of each, who was given it;
// fault.NotFound.
func (s *Service) Skin(ctx context.Context, id int64) (k Skin, g Grants, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		all, err := selectSkins(ctx, tx, "WHERE s.id = $1", id)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return noSkin()
		}
		k, g = all[0], Grants{[]int64{}, []int64{}}
		for _, x := range []struct {
			query string
			into  *[]int64
		}{
			{"SELECT account_id FROM metaserver_skin_player WHERE skin_id = $1 ORDER BY account_id LIMIT $2", &g.Players},
			{"SELECT clan_id FROM metaserver_skin_clan WHERE skin_id = $1 ORDER BY clan_id LIMIT $2", &g.Clans},
		} {
			rows, err := tx.Query(ctx, x.query, id, maxGrants)
			err = db.EachRow(rows, err, func() error {
				var id int64
				err := rows.Scan(&id)
				*x.into = append(*x.into, id)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return k, g, err
}

// check trims the texts of a skin and refuses it when one is missing or too
// long; fault.Invalid.
func (s *Skin) check() error {
	s.clean()
	for _, f := range []struct {
		name, text string
		needed     bool
	}{{"kind", s.Kind, true}, {"unit", s.Unit, true}, {"model_path", s.ModelPath, true}, {"description", s.Description, false}} {
		if f.needed && f.text == "" || len(f.text) > maxSkinText || !allShow(f.text) {
			return fault.New(fault.Invalid, "The %s of a skin has to be text of %d bytes at most", f.name, maxSkinText).
				WithFields(fault.Field{Name: f.name, Message: "is missing, too long, or has characters that do not show"})
		}
	}
	return nil
}

// description is NULL for none, which the original wire tells from an empty
// one.
func (s Skin) description() any {
	if s.Description == "" {
		return nil
	}
	return s.Description
}

// AddSkin makes a skin. fault.Invalid.
func (s *Service) AddSkin(ctx context.Context, k Skin) (Skin, error) {
	if err := k.check(); err != nil {
		return Skin{}, err
	}
	k.Created = s.now()
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO metaserver_skin (description, kind, unit, model_path, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
			k.description(), k.Kind, k.Unit, k.ModelPath, db.Micros(k.Created)).Scan(&k.ID)
		if err != nil {
			return err
		}
		return s.auditSkin(ctx, tx, "skin.create", k.ID, k.ModelPath)
	})
	return k, err
}

// EditSkin replaces the texts of a skin. fault.Invalid, fault.NotFound.
func (s *Service) EditSkin(ctx context.Context, k Skin) error {
	if err := k.check(); err != nil {
		return err
	}
	return s.changeSkin(ctx, "skin.edit", k.ID, k.ModelPath, `UPDATE metaserver_skin SET description = $1, kind = $2, unit = $3, model_path = $4 WHERE id = $5`,
		k.description(), k.Kind, k.Unit, k.ModelPath, k.ID)
}

// RemoveSkin deletes a skin and takes it from everybody. fault.NotFound.
func (s *Service) RemoveSkin(ctx context.Context, id int64) error {
	return s.changeSkin(ctx, "skin.remove", id, "", "DELETE FROM metaserver_skin WHERE id = $1", id)
}

func (s *Service) changeSkin(ctx context.Context, what string, id int64, detail, query string, args ...any) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, query, args...)
		if err != nil {
			return err
		}
		if n == 0 {
			return noSkin()
		}
		return s.auditSkin(ctx, tx, what, id, detail)
	})
}

func (s *Service) auditSkin(ctx context.Context, tx *db.Tx, what string, id int64, detail string) error {
	if s.options.Audit == nil {
		return nil
	}
	return s.options.Audit(ctx, tx, what, fmt.Sprintf("skin #%d", id), detail)
}

// Grantee is who gets a skin: an account or a clan.
type Grantee struct{ Account, Clan int64 }

func (g Grantee) column() (table, column string, id int64) {
	if g.Clan != 0 {
		return "metaserver_skin_clan", "clan_id", g.Clan
	}
	return "metaserver_skin_player", "account_id", g.Account
}

func (g Grantee) String() string {
	if g.Clan != 0 {
		return fmt.Sprintf("clan #%d", g.Clan)
	}
	return fmt.Sprintf("account #%d", g.Account)
}

// Grant gives somebody a skin; giving it again does nothing. fault.NotFound
// when there is no such skin, clan or account.
func (s *Service) Grant(ctx context.Context, skin int64, to Grantee) error {
	if to.Clan == 0 {
		if err := s.exists(ctx, to.Account); err != nil {
			return err
		}
	}
	table, column, id := to.column()
	return s.db.Write(ctx, func(tx *db.Tx) error {
		if all, err := selectSkins(ctx, tx, "WHERE s.id = $1", skin); err != nil {
			return err
		} else if len(all) == 0 {
			return noSkin()
		}
		if to.Clan != 0 {
			if err := hasClan(ctx, tx, to.Clan); err != nil {
				return err
			}
		}
		n, err := tx.Exec(ctx, "INSERT INTO "+table+" (skin_id, "+column+", granted_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", skin, id, db.Micros(s.now()))
		if err != nil || n == 0 {
			return err
		}
		return s.auditSkin(ctx, tx, "skin.grant", skin, to.String())
	})
}

// exists returns NoPlayer when there is no such account.
func (s *Service) exists(ctx context.Context, account int64) error {
	people, err := s.people.Known(ctx, []int64{account})
	if err == nil && len(people) == 0 {
		err = refuse(NoPlayer)
	}
	return err
}

// Revoke takes a skin from somebody. fault.NotFound when he does not have it.
func (s *Service) Revoke(ctx context.Context, skin int64, from Grantee) error {
	table, column, id := from.column()
	return s.db.Write(ctx, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE skin_id = $1 AND "+column+" = $2", skin, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "The skin was not given to %s", from)
		}
		return s.auditSkin(ctx, tx, "skin.revoke", skin, from.String())
	})
}
