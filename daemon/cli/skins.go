package cli

import (
	"cmp"
	"fmt"
	"text/tabwriter"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/clans"
)

// SkinsCmd groups the commands about skins. SKIN is the number of one.
type SkinsCmd struct {
	List   SkinsListCmd   `cmd:"" help:"List the skins."`
	Show   SkinsShowCmd   `cmd:"" help:"Show a skin and who was given it."`
	Add    SkinsAddCmd    `cmd:"" help:"Make a skin."`
	Edit   SkinsEditCmd   `cmd:"" help:"Change a skin."`
	Remove SkinsRemoveCmd `cmd:"" help:"Delete a skin; it is taken from everybody."`
	Grant  SkinsGrantCmd  `cmd:"" help:"Give a skin to a player or a clan."`
	Revoke SkinsRevokeCmd `cmd:"" help:"Take a skin from a player or a clan."`
}

// SkinsListCmd lists.
type SkinsListCmd struct{}

// Run prints one line per skin.
func (SkinsListCmd) Run(s *session) error {
	return s.withClans(func(_ *daemon.State, service *clans.Service) error {
		all := []clans.SkinView{}
		for after := int64(0); ; {
			page, _, err := service.Skins(s.ctx, after, pageSize)
			if err != nil {
				return err
			}
			for _, k := range page {
				all, after = append(all, k.JSON()), k.ID
			}
			if len(page) < pageSize {
				break
			}
		}
		return s.print(map[string]any{"skins": all}, func() {
			if len(all) == 0 {
				s.printf("there are no skins")
				return
			}
			s.listSkins(all)
		})
	})
}

func (s *session) listSkins(all []clans.SkinView) {
	w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tKIND\tUNIT\tMODEL\tDESCRIPTION")
	for _, k := range all {
		fmt.Fprintf(w, "#%s\t%s\t%s\t%s\t%s\n", k.ID, printable(k.Kind), printable(k.Unit), printable(k.ModelPath), printable(cmp.Or(k.Description, "-")))
	}
	_ = w.Flush() // standard output; there is nowhere to complain to
}

// skinArg names a skin.
type skinArg struct {
	Skin string `arg:"" help:"Number of the skin, as \"skins list\" shows it."`
}

// change changes a skin and shows it.
func (a skinArg) change(s *session, change func(*daemon.State, *clans.Service, int64) error) error {
	id, err := numberOf(a.Skin, "skin")
	if err != nil {
		return err
	}
	return s.withClans(func(state *daemon.State, service *clans.Service) error {
		if err := change(state, service, id); err != nil {
			return err
		}
		v, err := service.DescribeSkin(s.ctx, id)
		if err != nil {
			return absent(err, "skin", id)
		}
		return s.print(v, func() {
			s.listSkins([]clans.SkinView{v.SkinView})
			for _, p := range v.Players {
				s.printf("player #%s %s", p.ID, cmp.Or(p.Name, "(deleted)"))
			}
			for _, c := range v.Clans {
				s.printf("clan   #%s %s", c.ID, c.Name)
			}
		})
	})
}

// SkinsShowCmd shows one.
type SkinsShowCmd struct{ skinArg }

// Run prints the skin and who has it.
func (c SkinsShowCmd) Run(s *session) error {
	return c.change(s, func(*daemon.State, *clans.Service, int64) error { return nil })
}

// SkinsAddCmd makes one.
type SkinsAddCmd struct {
	Kind        string `required:"" placeholder:"K" help:"What it is a skin of, for example shield."`
	Unit        string `required:"" placeholder:"U" help:"Which unit wears it."`
	ModelPath   string `required:"" placeholder:"PATH" help:"Path of the model in the game's files."`
	Description string `placeholder:"TEXT" help:"For players."`
}

// Run makes the skin and prints it.
func (c SkinsAddCmd) Run(s *session) error {
	return s.withClans(func(_ *daemon.State, service *clans.Service) error {
		k, err := service.AddSkin(s.ctx, clans.Skin{Kind: c.Kind, Unit: c.Unit, ModelPath: c.ModelPath, Description: c.Description})
		if err != nil {
			return err
		}
		return s.print(k.JSON(), func() { s.listSkins([]clans.SkinView{k.JSON()}) })
	})
}

// SkinsEditCmd changes one.
type SkinsEditCmd struct {
	skinArg
	Kind        *string `placeholder:"K" help:"What it is a skin of."`
	Unit        *string `placeholder:"U" help:"Which unit wears it."`
	ModelPath   *string `placeholder:"PATH" help:"Path of the model in the game's files."`
	Description *string `placeholder:"TEXT" help:"For players; empty takes it away."`
}

// Run changes what was given.
func (c SkinsEditCmd) Run(s *session) error {
	return c.change(s, func(_ *daemon.State, service *clans.Service, id int64) error {
		k, _, err := service.Skin(s.ctx, id)
		if err != nil {
			return err
		}
		for _, f := range []struct {
			from *string
			to   *string
		}{{c.Kind, &k.Kind}, {c.Unit, &k.Unit}, {c.ModelPath, &k.ModelPath}, {c.Description, &k.Description}} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
		return service.EditSkin(s.ctx, k)
	})
}

// SkinsRemoveCmd deletes one.
type SkinsRemoveCmd struct{ skinArg }

// Run deletes the skin.
func (c SkinsRemoveCmd) Run(s *session) error {
	id, err := numberOf(c.Skin, "skin")
	if err != nil {
		return err
	}
	return s.withClans(func(_ *daemon.State, service *clans.Service) error {
		if err := service.RemoveSkin(s.ctx, id); err != nil {
			return err
		}
		return s.print(map[string]any{"id": fmt.Sprint(id), "removed": true}, func() { s.printf("skin #%d is deleted", id) })
	})
}

// grantee is who gets or loses a skin.
type grantee struct {
	Player string `placeholder:"ACCOUNT" help:"Display name, #number or SteamID."`
	Clan   string `placeholder:"CLAN" help:"Number of a clan."`
}

func (g grantee) find(s *session, state *daemon.State) (clans.Grantee, error) {
	switch {
	case (g.Player == "") == (g.Clan == ""):
		return clans.Grantee{}, fault.New(fault.Invalid, "Give either --player or --clan")
	case g.Clan != "":
		id, err := numberOf(g.Clan, "clan")
		return clans.Grantee{Clan: id}, err
	}
	a, err := state.Accounts.Account(s.ctx, g.Player)
	return clans.Grantee{Account: a.ID}, err
}

// SkinsGrantCmd gives one.
type SkinsGrantCmd struct {
	skinArg
	grantee
}

// Run gives the skin.
func (c SkinsGrantCmd) Run(s *session) error {
	return c.change(s, func(state *daemon.State, service *clans.Service, id int64) error {
		to, err := c.find(s, state)
		if err != nil {
			return err
		}
		return service.Grant(s.ctx, id, to)
	})
}

// SkinsRevokeCmd takes one.
type SkinsRevokeCmd struct {
	skinArg
	grantee
}

// Run takes the skin.
func (c SkinsRevokeCmd) Run(s *session) error {
	return c.change(s, func(state *daemon.State, service *clans.Service, id int64) error {
		from, err := c.find(s, state)
		if err != nil {
			return err
		}
		return service.Revoke(s.ctx, id, from)
	})
}
