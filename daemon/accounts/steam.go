package accounts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// People answers what Steam says of persons. *webapi.Client implements it.
type People interface {
	PlayerSummaries(ctx context.Context, ids []steam.ID) ([]webapi.PlayerSummary, error)
}

// askSteam bounds a question about a person.
const askSteam = 4 * time.Second

// parsePerson reads a SteamID in any form. ok is false when text is none, or
// not a person's; err is for text that means one and cannot be used.
func parsePerson(text string) (id steam.ID, ok bool, err error) {
	id, err = steam.Parse(text)
	if v, custom := errors.AsType[*steam.VanityError](err); custom {
		return 0, false, fault.New(fault.Invalid, "%q is a custom name at Steam, which can be given to somebody else", v.Name).
			WithHint("write the SteamID itself, for example 76561197960287930")
	}
	if err != nil || !id.Person() {
		return 0, false, nil
	}
	return steam.FromAccount(id.Account()), true, nil
}

// AccountFor is Account, and makes the account when ref is a SteamID that has
// none yet. It asks Steam for the person's name when it can.
func (s *Service) AccountFor(ctx context.Context, ref string) (Account, error) {
	a, err := s.Account(ctx, ref)
	if !fault.Is(err, fault.NotFound) {
		return a, err
	}
	id, ok, parseErr := parsePerson(ref)
	if parseErr != nil || !ok {
		return Account{}, err
	}
	return s.AccountForSteam(ctx, id, s.persona(ctx, id))
}

// AccountForSteam returns the account of a person at Steam and makes it when
// there is none, with a free name near persona, which may be empty.
func (s *Service) AccountForSteam(ctx context.Context, id steam.ID, persona string) (a Account, err error) {
	if !id.Person() {
		return Account{}, fault.New(fault.Invalid, "%s is not the SteamID of a person", id.Decimal())
	}
	id = steam.FromAccount(id.Account())
	err = s.writeNamed(ctx, func(tx *db.Tx) error {
		a, err = s.accountForSteam(ctx, tx, id, persona)
		return err
	})
	return a, err
}

// writeNamed is Write for what makes an account with a name that was free a
// moment ago: when another process takes it meanwhile, it is tried again.
func (s *Service) writeNamed(ctx context.Context, fn func(*db.Tx) error) (err error) {
	for range 3 {
		err = s.db.Write(ctx, fn)
		if !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return err
}

// accountForSteam finds the account of a person or makes it.
func (s *Service) accountForSteam(ctx context.Context, tx *db.Tx, id steam.ID, persona string) (Account, error) {
	a, _, err := findAccountBySteam(ctx, tx, id)
	if !fault.Is(err, fault.NotFound) {
		return a, err
	}
	name, err := freeName(ctx, tx, persona)
	if err != nil {
		return Account{}, err
	}
	if a, err = s.create(ctx, tx, name, "", RolePlayer); err != nil {
		return Account{}, err
	}
	a.SteamID = id
	return a, s.linkSteam(ctx, tx, a, id, persona)
}

// freeName returns a display name that nobody has: the persona, the persona
// with a number, or player-<n>.
func freeName(ctx context.Context, tx *db.Tx, persona string) (string, error) {
	if base := cleanPersona(persona); base != "" {
		for n := 1; n <= 20; n++ {
			name := base
			if n > 1 {
				name = fmt.Sprintf("%s-%d", base, n)
			}
			if taken, err := nameTaken(ctx, tx, name); err != nil || !taken {
				return name, err
			}
		}
	}
	n, err := lastAccount(ctx, tx)
	for ; err == nil; n++ {
		name := fmt.Sprintf("player-%d", n+1)
		if taken, err := nameTaken(ctx, tx, name); err != nil || !taken {
			return name, err
		}
	}
	return "", err
}

// cleanPersona makes a name of a persona, "" when nothing fit is left of it. A
// name that reads as a SteamID would pass for somebody else.
func cleanPersona(persona string) string {
	visible := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if _, err := CleanName(string(r)); err != nil && r != ' ' && r != '#' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(persona, ""))
	visible = strings.TrimLeft(strings.Join(strings.Fields(visible), " "), "# ")
	if runes := []rune(visible); len(runes) > maxName-4 { // room for a number
		visible = string(runes[:maxName-4])
	}
	name, err := checkNewName(visible)
	if err != nil {
		return ""
	}
	return name
}

// readsAsSteamID reports whether a display name would be taken for a SteamID.
func readsAsSteamID(name string) bool {
	_, ok, err := parsePerson(name)
	return ok || err != nil
}

// persona asks Steam what a person calls themselves; "" when it cannot be had.
func (s *Service) persona(ctx context.Context, id steam.ID) string {
	all, err := s.summary(ctx, id)
	if err != nil || len(all) == 0 {
		return ""
	}
	return all[0].Persona
}

// summary asks Steam about one person. Both results are nil when there is no
// API key to ask with.
func (s *Service) summary(ctx context.Context, id steam.ID) ([]webapi.PlayerSummary, error) {
	if s.people == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askSteam)
	defer cancel()
	all, err := s.people.PlayerSummaries(ctx, []steam.ID{id})
	if err != nil {
		s.log.Info("Steam did not say who somebody is", slog.String("steam_id", id.Decimal()), slog.Any("error", err))
		return nil, err
	}
	return append([]webapi.PlayerSummary{}, all...), nil
}

// linkSteam stores the link and records it.
func (s *Service) linkSteam(ctx context.Context, tx *db.Tx, a Account, id steam.ID, persona string) error {
	if err := insertSteam(ctx, tx, a.ID, id, shownText(persona, 4*maxName), s.now()); err != nil {
		return err
	}
	return s.Audit(ctx, tx, "steam.link", target(a), id.Decimal())
}

// Why a Steam account cannot be linked.
var (
	errSteamTaken = fault.New(fault.Conflict, "This Steam account belongs to another account here").
			WithHint("sign in through Steam to reach that account")
	errSteamOther = fault.New(fault.Conflict, "Another Steam account is linked to this account already").
			WithHint("unlink it first")
)

// link links a Steam account; doing it again does nothing.
func (s *Service) link(ctx context.Context, tx *db.Tx, account int64, id steam.ID, persona string) error {
	owner, _, err := findAccountBySteam(ctx, tx, id)
	switch {
	case err == nil && owner.ID == account:
		return nil
	case err == nil:
		return errSteamTaken
	case !fault.Is(err, fault.NotFound):
		return err
	}
	a, _, err := findAccount(ctx, tx, account)
	if err != nil {
		return err
	}
	if a.SteamID != 0 {
		return errSteamOther
	}
	return s.linkSteam(ctx, tx, a, id, persona)
}

// UnlinkSteam takes the Steam account off an account. The account's keys for
// recordings, which act for it, end as well. fault.NotFound when none is
// linked, fault.Conflict when the account has no password: nobody could sign
// in any more.
func (s *Service) UnlinkSteam(ctx context.Context, account int64) error {
	return s.change(ctx, account, "steam.unlink", "", func(tx *db.Tx, a Account) (bool, error) {
		_, phc, err := findAccount(ctx, tx, account)
		switch {
		case err != nil:
			return false, err
		case a.SteamID == 0:
			return false, errNoSteam
		case phc == "":
			return false, fault.New(fault.Conflict, "This account has no password, so nobody could sign in any more").
				WithHint("an admin can set one: quartermaster admin reset-password '#%d'", account)
		}
		if _, err := revokeKind(ctx, tx, account, KindDemos, s.now()); err != nil {
			return false, err
		}
		return true, deleteSteam(ctx, tx, account)
	})
}

// SteamIDs returns the Steam accounts of those accounts that have one.
func (s *Service) SteamIDs(ctx context.Context, accounts []int64) (found map[int64]steam.ID, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		found, err = lookUpMany[steam.ID](ctx, tx, `SELECT account_id, steam_id FROM accounts_steam WHERE account_id`, accounts)
		return err
	})
	return found, err
}

// Names returns the display names of those accounts that exist.
func (s *Service) Names(ctx context.Context, accounts []int64) (found map[int64]string, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		found, err = lookUpMany[string](ctx, tx, `SELECT id, name FROM accounts_account WHERE id`, accounts)
		return err
	})
	return found, err
}
