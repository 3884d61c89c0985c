package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/clans"
)

// ClansCmd groups the commands about clans. CLAN is the number of one.
type ClansCmd struct {
	List      ClansListCmd      `cmd:"" help:"List the clans."`
	Show      ClansShowCmd      `cmd:"" help:"Show a clan with its members and invitations."`
	Add       ClansAddCmd       `cmd:"" help:"Found a clan for somebody."`
	Rename    ClansRenameCmd    `cmd:"" help:"Change the tag or the name of a clan."`
	IconReset ClansIconResetCmd `cmd:"" name:"icon-reset" help:"Take the icon of a clan away."`
	Transfer  ClansTransferCmd  `cmd:"" help:"Make a member the only owner of a clan."`
	Disband   ClansDisbandCmd   `cmd:"" help:"Disband a clan."`
}

// withClans opens the state, runs fn on the clans and closes.
func (s *session) withClans(fn func(*daemon.State, *clans.Service) error) error {
	return s.withState(func(state *daemon.State) error {
		service, err := state.Metaserver(nil)
		if err != nil {
			return err
		}
		return fn(state, service.Clans())
	})
}

// moderation is why a clan is changed from outside.
type moderation struct {
	Reason string `required:"" placeholder:"TEXT" help:"Why; it is kept in the audit log."`
}

func (m moderation) actor() clans.Actor { return clans.Actor{Moderator: true, Reason: m.Reason} }

// ClansListCmd lists.
type ClansListCmd struct {
	Query string `arg:"" optional:"" help:"Part of the tag, without its colours, or of the name."`
	State string `default:"standing" enum:"standing,disbanded,all" help:"standing, disbanded or all."`
	Sort  string `default:"name" enum:"name,members,created" help:"name, members or created."`
}

// Run prints one line per clan.
func (c ClansListCmd) Run(s *session) error {
	return s.withClans(func(_ *daemon.State, service *clans.Service) error {
		all, err := everyPage(func(cursor string) ([]clans.View, string, error) {
			rows, next, _, err := service.List(s.ctx, clans.Query{Text: c.Query, State: c.State, Sort: c.Sort, Limit: pageSize, Cursor: cursor})
			views := make([]clans.View, len(rows))
			for i, row := range rows {
				views[i] = row.JSON()
			}
			return views, next, err
		})
		if err != nil {
			return err
		}
		return s.print(map[string]any{"clans": all}, func() {
			if len(all) == 0 {
				s.printf("no clan matches")
				return
			}
			s.listClans(all)
		})
	})
}

func (s *session) listClans(all []clans.View) {
	w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tTAG\tNAME\tMEMBERS\tFOUNDED\tSTATE")
	for _, c := range all {
		state := "standing"
		if !c.Disbanded.IsZero() {
			state = "disbanded " + dateText(c.Disbanded)
		}
		fmt.Fprintf(w, "#%s\t%s\t%s\t%d\t%s\t%s\n", c.ID, printable(c.Visible), printable(c.Name), c.Members, dateText(c.Created), state)
	}
	_ = w.Flush() // standard output; there is nowhere to complain to
}

// clanArg names a clan.
type clanArg struct {
	Clan string `arg:"" help:"Number of the clan, as \"clans list\" shows it."`
}

func (a clanArg) id() (int64, error) { return numberOf(a.Clan, "clan") }

// ClansShowCmd shows one.
type ClansShowCmd struct{ clanArg }

// Run prints the clan and its people.
func (c ClansShowCmd) Run(s *session) error {
	return s.changeClan(c.clanArg, func(*daemon.State, *clans.Service, int64) error { return nil })
}

// changeClan changes a clan and shows it.
func (s *session) changeClan(arg clanArg, change func(*daemon.State, *clans.Service, int64) error) error {
	id, err := arg.id()
	if err != nil {
		return err
	}
	return s.withClans(func(state *daemon.State, service *clans.Service) error {
		err := change(state, service, id)
		v, missing := service.Describe(s.ctx, clans.Actor{Moderator: true}, id)
		if missing != nil {
			return absent(missing, "clan", id)
		}
		if err != nil {
			return err
		}
		return s.print(v, func() { s.showClan(v) })
	})
}

func (s *session) showClan(v clans.DetailView) {
	s.listClans([]clans.View{v.View})
	if v.Reason != "" {
		s.printf("disbanded because: %s", printable(v.Reason))
	}
	for _, m := range v.Roster {
		s.printf("%-8s #%s %s, since %s", m.Rank, m.Account, cmp.Or(m.Name, "(deleted)"), dateText(m.Joined))
	}
	for _, i := range v.Invites {
		s.printf("invited  #%s %s, on %s", i.Account, cmp.Or(i.Name, "(deleted)"), dateText(i.Invited))
	}
	for _, k := range v.Skins {
		s.printf("skin     #%s %s %s", k.ID, printable(k.Kind), printable(k.ModelPath))
	}
}

// ClansAddCmd founds one.
type ClansAddCmd struct {
	Owner string `arg:"" help:"Account that owns it: display name, #number or SteamID."`
	Tag   string `arg:"" help:"Up to four characters, and colour codes: ^ and three digits or one of rgbwkycm."`
	Name  string `arg:"" help:"Name, up to 100 characters."`
	Icon  string `placeholder:"FILE" help:"Square PNG image of at most 64 by 64 pixels."`
}

// Run founds the clan and shows it.
func (c ClansAddCmd) Run(s *session) error {
	tag, err := clans.ParseTag(c.Tag)
	if err != nil {
		return err
	}
	name, err := clans.ParseName(c.Name)
	if err != nil {
		return err
	}
	icon, err := readIcon(c.Icon)
	if err != nil {
		return err
	}
	return s.withClans(func(state *daemon.State, service *clans.Service) error {
		owner, err := state.Accounts.Account(s.ctx, c.Owner)
		if err != nil {
			return err
		}
		made, err := service.Found(s.ctx, owner.ID, clans.Founding{Tag: tag, Name: name, Icon: icon})
		if err != nil {
			return err
		}
		return s.print(made.JSON(), func() { s.listClans([]clans.View{made.JSON()}) })
	})
}

// readIcon reads an image for a clan; "" without a file.
func readIcon(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return "", fault.New(fault.NotFound, "There is no file %s", path)
	}
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(f, clans.MaxIconBytes+1))
	if err != nil {
		return "", err
	}
	return clans.EncodeIcon(b)
}

// ClansRenameCmd renames one.
type ClansRenameCmd struct {
	clanArg
	moderation
	Tag  string `placeholder:"TAG" help:"New tag."`
	Name string `placeholder:"NAME" help:"New name."`
}

// Run changes what was given.
func (c ClansRenameCmd) Run(s *session) error {
	var change clans.Change
	if c.Tag != "" {
		tag, err := clans.ParseTag(c.Tag)
		if err != nil {
			return err
		}
		change.Tag = &tag
	}
	if c.Name != "" {
		name, err := clans.ParseName(c.Name)
		if err != nil {
			return err
		}
		change.Name = &name
	}
	if change == (clans.Change{}) {
		return fault.New(fault.Invalid, "There is nothing to change").WithHint("give --tag or --name")
	}
	return s.changeClan(c.clanArg, func(_ *daemon.State, service *clans.Service, id int64) error {
		_, err := service.Edit(s.ctx, c.actor(), id, change)
		return err
	})
}

// ClansIconResetCmd takes an icon away.
type ClansIconResetCmd struct {
	clanArg
	moderation
}

// Run gives the clan the icon of those without one.
func (c ClansIconResetCmd) Run(s *session) error {
	return s.changeClan(c.clanArg, func(_ *daemon.State, service *clans.Service, id int64) error {
		_, err := service.SetIcon(s.ctx, c.actor(), id, clans.DefaultIcon)
		return err
	})
}

// ClansTransferCmd hands a clan over.
type ClansTransferCmd struct {
	clanArg
	Account string `arg:"" help:"Member who is to own it: display name, #number or SteamID."`
	moderation
}

// Run makes the member the owner.
func (c ClansTransferCmd) Run(s *session) error {
	return s.changeClan(c.clanArg, func(state *daemon.State, service *clans.Service, id int64) error {
		to, err := state.Accounts.Account(s.ctx, c.Account)
		if err != nil {
			return err
		}
		return service.Transfer(s.ctx, c.actor(), id, to.ID)
	})
}

// ClansDisbandCmd ends one.
type ClansDisbandCmd struct {
	clanArg
	moderation
}

// Run disbands the clan.
func (c ClansDisbandCmd) Run(s *session) error {
	return s.changeClan(c.clanArg, func(_ *daemon.State, service *clans.Service, id int64) error {
		return service.Disband(s.ctx, c.actor(), id)
	})
}
