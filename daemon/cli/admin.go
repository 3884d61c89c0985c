package cli

import (
	"context"
	"fmt"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// AdminCmd groups the commands about accounts. ACCOUNT is a display name, "#"
// and the account's number, or a SteamID.
type AdminCmd struct {
	Create        AdminCreateCmd        `cmd:"" help:"Make an account; an admin unless --role says otherwise."`
	ResetPassword AdminResetPasswordCmd `cmd:"" name:"reset-password" help:"Set a new password and end the account's sessions."`
	List          AdminListCmd          `cmd:"" help:"List the accounts."`
	Grant         AdminGrantCmd         `cmd:"" help:"Give an account a role."`
	Revoke        AdminRevokeCmd        `cmd:"" help:"Take a role away. The last admin stays one."`
}

// AdminCreateCmd makes an account.
type AdminCreateCmd struct {
	Name string `arg:"" help:"Display name."`
	Role string `default:"admin" enum:"admin,moderator,analyst,player" help:"admin, moderator, analyst or player."`
	passwordFlag
}

// Run makes the account and prints it.
func (c AdminCreateCmd) Run(s *session) error {
	return s.withAccounts(func(ctx context.Context, service *accounts.Service) error {
		if _, err := accounts.CleanName(c.Name); err != nil {
			return err
		}
		password, err := c.read(s)
		if err != nil {
			return err
		}
		role := accounts.Role(c.Role)
		if c.Role == "player" {
			role = accounts.RolePlayer
		}
		a, err := service.Create(ctx, c.Name, password, role)
		if err != nil {
			return err
		}
		return s.print(a, func() { s.printf("made account #%d %s (%s)", a.ID, a.Name, rolesText(a.Roles)) })
	})
}

// AdminResetPasswordCmd sets a password.
type AdminResetPasswordCmd struct {
	Account string `arg:"" help:"Display name, #number or SteamID."`
	passwordFlag
}

// Run sets the password and ends every session of the account.
func (c AdminResetPasswordCmd) Run(s *session) error {
	return s.withAccounts(func(ctx context.Context, service *accounts.Service) error {
		a, err := service.Account(ctx, c.Account)
		if err != nil {
			return err
		}
		password, err := c.read(s)
		if err != nil {
			return err
		}
		if err := service.SetPassword(ctx, a.ID, password, 0); err != nil {
			return err
		}
		return s.print(a, func() {
			s.printf("the password of #%d %s is changed and its sessions are ended; its API keys stay valid", a.ID, a.Name)
		})
	})
}

// AdminListCmd lists accounts.
type AdminListCmd struct{}

// Run prints all accounts by number.
func (AdminListCmd) Run(s *session) error {
	return s.withAccounts(func(ctx context.Context, service *accounts.Service) error {
		all, err := everyPage(func(cursor string) ([]accounts.Account, string, error) {
			return service.Accounts(ctx, "", cursor, pageSize)
		})
		if err != nil {
			return err
		}
		return s.print(map[string]any{"accounts": all}, func() {
			w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tNAME\tROLES\tSTEAMID\tMADE\tLAST SIGN-IN")
			for _, a := range all {
				fmt.Fprintf(w, "#%d\t%s\t%s\t%s\t%s\t%s\n", a.ID, a.Name, rolesText(a.Roles), steamText(a.SteamID), dateText(a.CreatedAt), dateText(a.LastLogin))
			}
			_ = w.Flush() // standard output; there is nowhere to complain to
		})
	})
}

// roleArgs are the arguments of grant and revoke.
type roleArgs struct {
	Role    string `arg:"" help:"admin, moderator or analyst."`
	Account string `arg:"" help:"Display name, #number or SteamID."`
}

// AdminGrantCmd gives a role.
type AdminGrantCmd struct{ roleArgs }

// Run gives the role; giving it again is no error. A SteamID that has no
// account yet gets one.
func (c AdminGrantCmd) Run(s *session) error {
	return c.change(s, (*accounts.Service).AccountFor, (*accounts.Service).Grant)
}

// AdminRevokeCmd takes a role away.
type AdminRevokeCmd struct{ roleArgs }

// Run takes the role; taking it again is no error.
func (c AdminRevokeCmd) Run(s *session) error {
	return c.change(s, (*accounts.Service).Account, (*accounts.Service).Revoke)
}

func (c roleArgs) change(s *session, find func(*accounts.Service, context.Context, string) (accounts.Account, error),
	do func(*accounts.Service, context.Context, int64, accounts.Role) error) error {
	role, err := accounts.ParseRole(c.Role)
	if err != nil {
		return err
	}
	return s.withAccounts(func(ctx context.Context, service *accounts.Service) error {
		a, err := find(service, ctx, c.Account)
		if err != nil {
			return err
		}
		if err := do(service, ctx, a.ID, role); err != nil {
			return err
		}
		if a, err = service.Account(ctx, fmt.Sprintf("#%d", a.ID)); err != nil {
			return err
		}
		return s.print(a, func() { s.printf("#%d %s is now: %s", a.ID, a.Name, rolesText(a.Roles)) })
	})
}

// withAccounts opens the state and calls fn in the name of the operating
// system's user.
func (s *session) withAccounts(fn func(context.Context, *accounts.Service) error) error {
	return s.withState(func(state *daemon.State) error {
		// What it keeps of people is part of exports and deletions.
		if _, err := state.Metaserver(nil); err != nil {
			return err
		}
		return fn(s.ctx, state.Accounts)
	})
}

// systemUser is who runs this command, for the audit record.
func systemUser() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}

// pageSize is how many rows one query of a listing command reads.
const pageSize = 500

// everyPage collects all pages of a list.
func everyPage[T any](next func(cursor string) ([]T, string, error)) ([]T, error) {
	all, cursor := []T{}, ""
	for {
		rows, after, err := next(cursor)
		if err != nil {
			return nil, err
		}
		if all = append(all, rows...); after == "" {
			return all, nil
		}
		cursor = after
	}
}

func rolesText(roles []accounts.Role) string {
	if len(roles) == 0 {
		return "player"
	}
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// steamText is a SteamID as lists show it; "-" for none.
func steamText(id steam.ID) string {
	if id == 0 {
		return "-"
	}
	return id.Decimal()
}

// dateText is a time as lists show it, in UTC; "-" for never.
func dateText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
