package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
)

// PlayersCmd groups the commands about people with an e-mail address. PLAYER is
// a display name, "#" and a number, an e-mail address or a SteamID.
type PlayersCmd struct {
	List   PlayersListCmd   `cmd:"" help:"List the players."`
	Show   PlayersShowCmd   `cmd:"" help:"Show one player."`
	Close  PlayersCloseCmd  `cmd:"" help:"Close an account: nobody can use it, nothing of it is lost."`
	Open   PlayersOpenCmd   `cmd:"" help:"Open a closed account."`
	Rename PlayersRenameCmd `cmd:"" help:"Give a player another display name."`
	Verify PlayersVerifyCmd `cmd:"" help:"Count a player's e-mail address as proved."`
	Export PlayersExportCmd `cmd:"" help:"Print everything that is kept of a player, as JSON."`
	Delete PlayersDeleteCmd `cmd:"" help:"Delete what a player is, but the number. Cannot be undone."`
}

// PlayersListCmd lists players.
type PlayersListCmd struct {
	Search string `placeholder:"TEXT" help:"Only those with this in their name or e-mail address."`
}

// Run prints a line for each.
func (c PlayersListCmd) Run(s *session) error {
	return s.withAccounts(func(ctx context.Context, service *accounts.Service) error {
		all, err := everyPage(func(cursor string) ([]accounts.Account, string, error) {
			return service.Accounts(ctx, c.Search, cursor, pageSize)
		})
		if err != nil {
			return err
		}
		return s.print(all, func() {
			if len(all) == 0 {
				s.printf("no players")
				return
			}
			w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tNAME\tE-MAIL\tSTATE\tCREATED")
			for _, a := range all {
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", a.ID, printable(a.Name), printable(orDash(a.Email)), stateText(a), dateText(a.CreatedAt))
			}
			w.Flush()
		})
	})
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// stateText says in a word how an account stands.
func stateText(a accounts.Account) string {
	switch {
	case !a.ClosedAt.IsZero():
		return "closed"
	case a.Email != "" && a.VerifiedAt.IsZero():
		return "unverified"
	}
	return "open"
}

// onePlayer is the argument of the commands about one player.
type onePlayer struct {
	Player string `arg:"" help:"Display name, #number, e-mail address or SteamID."`
}

// do finds the player, has something done, and prints how the account stands.
func (c onePlayer) do(s *session, done func(accounts.Account) string, fn func(context.Context, *accounts.Service, accounts.Account) error) error {
	return s.withAccounts(func(ctx context.Context, service *accounts.Service) error {
		a, err := service.Account(ctx, c.Player)
		if err != nil {
			return err
		}
		if err := fn(ctx, service, a); err != nil {
			return err
		}
		now, err := service.Account(ctx, fmt.Sprintf("#%d", a.ID))
		if err != nil {
			return err
		}
		return s.print(now, func() { s.printf("%s", done(now)) })
	})
}

// PlayersShowCmd shows a player.
type PlayersShowCmd struct{ onePlayer }

// Run prints the account.
func (c PlayersShowCmd) Run(s *session) error {
	return s.withAccounts(func(ctx context.Context, service *accounts.Service) error {
		a, err := service.Account(ctx, c.Player)
		if err != nil {
			return err
		}
		return s.print(a, func() {
			s.printf("#%d %s (%s)", a.ID, printable(a.Name), rolesText(a.Roles))
			state := stateText(a)
			if a.ClosedReason != "" {
				state += ": " + printable(a.ClosedReason)
			}
			s.printf("state: %s", state)
			s.printf("e-mail: %s, verified %s", printable(orDash(a.Email)), dateText(a.VerifiedAt))
			s.printf("Steam: %s", steamText(a.SteamID))
			s.printf("created %s, last sign-in %s", dateText(a.CreatedAt), dateText(a.LastLogin))
		})
	})
}

// PlayersCloseCmd closes an account.
type PlayersCloseCmd struct {
	onePlayer
	Reason string `required:"" placeholder:"TEXT" help:"Why; the player is told."`
}

// Run closes it and ends its sessions.
func (c PlayersCloseCmd) Run(s *session) error {
	return c.do(s, func(a accounts.Account) string { return fmt.Sprintf("#%d %s is closed", a.ID, printable(a.Name)) },
		func(ctx context.Context, service *accounts.Service, a accounts.Account) error {
			return service.CloseAccount(ctx, a.ID, c.Reason)
		})
}

// PlayersOpenCmd opens a closed account.
type PlayersOpenCmd struct{ onePlayer }

// Run opens it; an open one stays so.
func (c PlayersOpenCmd) Run(s *session) error {
	return c.do(s, func(a accounts.Account) string { return fmt.Sprintf("#%d %s is open", a.ID, printable(a.Name)) },
		func(ctx context.Context, service *accounts.Service, a accounts.Account) error {
			return service.OpenAccount(ctx, a.ID)
		})
}

// PlayersRenameCmd renames a player.
type PlayersRenameCmd struct {
	onePlayer
	Name string `arg:"" help:"The new display name."`
}

// Run gives the new name.
func (c PlayersRenameCmd) Run(s *session) error {
	return c.do(s, func(a accounts.Account) string { return fmt.Sprintf("#%d is now called %s", a.ID, printable(a.Name)) },
		func(ctx context.Context, service *accounts.Service, a accounts.Account) error {
			_, err := service.Rename(ctx, a.ID, c.Name)
			return err
		})
}

// PlayersVerifyCmd verifies an address.
type PlayersVerifyCmd struct{ onePlayer }

// Run counts the address as proved.
func (c PlayersVerifyCmd) Run(s *session) error {
	return c.do(s, func(a accounts.Account) string {
		return fmt.Sprintf("the e-mail address of #%d %s counts as proved", a.ID, printable(a.Name))
	},
		func(ctx context.Context, service *accounts.Service, a accounts.Account) error {
			return service.VerifyAccount(ctx, a.ID)
		})
}

// PlayersDeleteCmd empties an account.
type PlayersDeleteCmd struct {
	onePlayer
	Yes bool `required:"" help:"Really; it cannot be undone."`
}

// Run empties the account.
func (c PlayersDeleteCmd) Run(s *session) error {
	return c.do(s, func(a accounts.Account) string { return fmt.Sprintf("nothing but the number is left of #%d", a.ID) },
		func(ctx context.Context, service *accounts.Service, a accounts.Account) error {
			return service.EmptyAccount(ctx, a.ID)
		})
}

// PlayersExportCmd exports a player's data.
type PlayersExportCmd struct{ onePlayer }

// Run prints JSON, with and without --json.
func (c PlayersExportCmd) Run(s *session) error {
	return s.withAccounts(func(ctx context.Context, service *accounts.Service) error {
		a, err := service.Account(ctx, c.Player)
		if err != nil {
			return err
		}
		all, err := service.Export(ctx, a.ID)
		if err != nil {
			return err
		}
		e := json.NewEncoder(s.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(all)
	})
}
