package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// KeyCmd groups the commands about API keys.
type KeyCmd struct {
	Create KeyCreateCmd `cmd:"" help:"Make an API key and print it; it is shown this once."`
	List   KeyListCmd   `cmd:"" help:"List API keys."`
	Revoke KeyRevokeCmd `cmd:"" help:"Make an API key invalid for good."`
}

// KeyCreateCmd makes an API key.
type KeyCreateCmd struct {
	Account string          `arg:"" help:"Owner: display name, #number or SteamID; a SteamID without an account gets one."`
	Kind    string          `default:"api" help:"api, or demos: a key MB-… for the clients that send recordings."`
	Scope   []string        `placeholder:"S" help:"What the key may do: mods:read, mods:write, demos:read, demos:analyse, demos:moderate, meta:read, meta:write, meta:moderate, admin. May be given several times. Default: everything its owner may."`
	Expires config.Duration `placeholder:"D" help:"How long it is valid, for example 90d. Default: for ever."`
	Label   string          `help:"What it is for, to tell keys apart."`
}

// Run prints the key alone, or with --json an object that describes it.
func (c KeyCreateCmd) Run(s *session) error {
	return s.withAccounts(func(ctx context.Context, service *accounts.Service) error {
		a, err := service.AccountFor(ctx, c.Account)
		if err != nil {
			return err
		}
		k, secret, err := service.CreateKey(ctx, accounts.NewKey{
			AccountID: a.ID, Kind: c.Kind, Label: c.Label, Scopes: c.Scope, Expires: c.Expires.Std(),
		})
		if err != nil {
			return err
		}
		answer := struct {
			accounts.APIKey
			Secret string `json:"key"`
		}{k, secret}
		return s.print(answer, func() { s.printf("%s", secret) })
	})
}

// KeyListCmd lists API keys.
type KeyListCmd struct {
	Account string `arg:"" optional:"" help:"Only this account's: display name, #number or SteamID."`
}

// Run prints the keys, the newest first.
func (c KeyListCmd) Run(s *session) error {
	return s.withAccounts(func(ctx context.Context, service *accounts.Service) error {
		var owner int64
		if c.Account != "" {
			a, err := service.Account(ctx, c.Account)
			if err != nil {
				return err
			}
			owner = a.ID
		}
		all, err := everyPage(func(cursor string) ([]accounts.APIKey, string, error) {
			return service.Keys(ctx, owner, cursor, pageSize)
		})
		if err != nil {
			return err
		}
		return s.print(map[string]any{"keys": all}, func() {
			w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tKEY\tACCOUNT\tSCOPES\tLAST USED\tSTATE\tLABEL")
			for _, k := range all {
				fmt.Fprintf(w, "%d\t%s…\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Prefix, k.Account,
					strings.Join(k.Scopes, " "), dateText(k.LastUsed), keyState(k, time.Now()), k.Label)
			}
			_ = w.Flush() // standard output; there is nowhere to complain to
		})
	})
}

func keyState(k accounts.APIKey, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked"
	case k.ExpiresAt.IsZero():
		return "valid"
	case k.ExpiresAt.After(now):
		return "valid until " + dateText(k.ExpiresAt)
	}
	return "expired"
}

// KeyRevokeCmd revokes an API key.
type KeyRevokeCmd struct {
	ID string `arg:"" help:"Number of the key, as \"key list\" shows it."`
}

// Run revokes the key; running daemons follow within five seconds.
func (c KeyRevokeCmd) Run(s *session) error {
	id, err := strconv.ParseInt(strings.TrimPrefix(c.ID, "#"), 10, 64)
	if err != nil || id < 1 {
		return fault.New(fault.Invalid, "%q is not the number of a key", c.ID).WithHint("quartermaster key list shows the numbers")
	}
	return s.withAccounts(func(ctx context.Context, service *accounts.Service) error {
		if err := service.RevokeKey(ctx, id, 0); err != nil {
			return err
		}
		return s.print(map[string]any{"id": id, "revoked": true}, func() { s.printf("key #%d is revoked", id) })
	})
}
