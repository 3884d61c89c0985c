package accounts

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// maxReason bounds what moderators write, in bytes.
const maxReason = 500

// CloseAccount makes an account unusable for a reason that its owner is told:
// its sessions end, its keys and its password open nothing. Everything is kept.
// Closing again replaces the reason. fault.Conflict for the last admin and for
// an account that its owner deleted.
func (s *Service) CloseAccount(ctx context.Context, id int64, reason string) error {
	reason = shownText(reason, maxReason)
	if reason == "" {
		return fault.New(fault.Invalid, "Closing an account needs a reason")
	}
	if reason == closedByOwner {
		return fault.New(fault.Invalid, "This reason stands for something else")
	}
	return s.change(ctx, id, "account.close", reason, func(tx *db.Tx, a Account) (bool, error) {
		if err := mayModerate(ctx, a); err != nil {
			return false, err
		}
		if a.Has(RoleAdmin) {
			if err := keepsAdmin(ctx, tx, a); err != nil {
				return false, err
			}
		}
		if err := updateClosed(ctx, tx, id, s.now(), reason); err != nil {
			return false, err
		}
		return true, deleteOtherSessions(ctx, tx, id, 0)
	})
}

// OpenAccount makes a closed account usable again; an open one stays so.
func (s *Service) OpenAccount(ctx context.Context, id int64) error {
	return s.change(ctx, id, "account.open", "", func(tx *db.Tx, a Account) (bool, error) {
		if err := mayModerate(ctx, a); err != nil || a.ClosedAt.IsZero() {
			return false, err
		}
		return true, updateClosed(ctx, tx, id, time.Time{}, "")
	})
}

// mayModerate refuses what moderators may not do: an admin's account is an
// admin's business, and a deleted one nobody's.
func mayModerate(ctx context.Context, a Account) error {
	if a.ClosedReason == closedByOwner {
		return errDeleted
	}
	if by := From(ctx); len(a.Roles) > 0 && !by.Is(RoleAdmin) && by.AccountID != a.ID {
		return fault.New(fault.Forbidden, "Only an admin may do this to an account with a role")
	}
	return nil
}

// VerifyAccount counts an account's address as proved, without a code.
func (s *Service) VerifyAccount(ctx context.Context, id int64) error {
	return s.change(ctx, id, "email.verify", "without a code", func(tx *db.Tx, a Account) (bool, error) {
		switch {
		case a.Email == "":
			return false, errNoEmail
		case !a.VerifiedAt.IsZero():
			return false, nil
		}
		if err := deleteMailToken(ctx, tx, id, purposeVerify); err != nil {
			return false, err
		}
		return true, markVerified(ctx, tx, id, s.now())
	})
}

// Part is what a feature keeps of people. Both functions may be nil.
type Part struct {
	Name string // key in an export
	// Export returns what is kept of an account, as JSON has it.
	Export func(ctx context.Context, account int64) (any, error)
	// Leave removes or hands on what an account that is deleted leaves behind,
	// or refuses with a fault that says what to do first.
	Leave func(ctx context.Context, tx *db.Tx, account int64) error
}

// AddPart has a feature take part in exports and deletions. It must be called
// before anything is served.
func (s *Service) AddPart(p Part) { s.parts = append(s.parts, p) }

// DeleteSelf empties the account of the signed-in caller, who has to know its
// password unless it has none: the name and the address are free, the
// password, keys, sessions and links are gone. The number stays, so that what
// others share with it (matches, clans) keeps its sense. fault.Conflict for the
// last admin.
func (s *Service) DeleteSelf(ctx context.Context, password string, ip netip.Addr) error {
	c := callerFrom(ctx)
	if err := s.confirm(ctx, c.Principal, password, ip); err != nil {
		return err
	}
	return s.EmptyAccount(ctx, c.AccountID)
}

// EmptyAccount does what DeleteSelf does, for any account.
func (s *Service) EmptyAccount(ctx context.Context, id int64) error {
	return s.change(ctx, id, "account.empty", "", func(tx *db.Tx, a Account) (bool, error) {
		if a.ClosedReason == closedByOwner {
			return false, nil
		}
		if a.Has(RoleAdmin) {
			if err := keepsAdmin(ctx, tx, a); err != nil {
				return false, err
			}
		}
		if err := s.leave(ctx, tx, id); err != nil {
			return false, err
		}
		return true, emptyAccount(ctx, tx, id, s.now())
	})
}

// leave has the features let go of an account.
func (s *Service) leave(ctx context.Context, tx *db.Tx, id int64) error {
	for _, p := range s.parts {
		if p.Leave == nil {
			continue
		}
		if err := p.Leave(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}

// emptyAccount leaves the number alone of an account, and a name that nobody
// can take.
func emptyAccount(ctx context.Context, tx *db.Tx, id int64, now time.Time) error {
	for _, table := range []string{"accounts_email", "accounts_mail_token", "accounts_session", "accounts_key", "accounts_role", "accounts_steam"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE account_id = $1`, id); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `UPDATE accounts_account SET name = $1, name_key = $1, password = '', closed_at = $2, closed_reason = $3
		WHERE id = $4`, fmt.Sprintf("#%d", id), db.Micros(now), closedByOwner, id)
	return err
}

func updateClosed(ctx context.Context, tx *db.Tx, id int64, at time.Time, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE accounts_account SET closed_at = $1, closed_reason = $2 WHERE id = $3`,
		db.Micros(at), reason, id)
	return err
}

// Export returns everything that is kept of an account, for its owner: what
// this package keeps, and what the features add under their names. Secrets and
// their hashes are not in it.
func (s *Service) Export(ctx context.Context, id int64) (map[string]any, error) {
	a, err := s.Account(ctx, fmt.Sprintf("#%d", id))
	if err != nil {
		return nil, err
	}
	p, _, err := s.Person(ctx, id)
	if err != nil {
		return nil, err
	}
	sessions, err := s.Sessions(ctx, id)
	if err != nil {
		return nil, err
	}
	keys, _, err := s.Keys(ctx, id, "", maxKeys*2)
	if err != nil {
		return nil, err
	}
	var did []AuditEntry
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		did, err = listAuditOf(ctx, tx, id, 10*maxAudit)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := map[string]any{
		"exported_at": s.now().UTC().Truncate(time.Second), "account": a, "last_online": timeOrNil(p.LastOnline),
		"sessions": sessions, "keys": keys, "actions": did,
	}
	for _, part := range s.parts {
		if part.Export == nil {
			continue
		}
		if all[part.Name], err = part.Export(ctx, id); err != nil {
			return nil, fmt.Errorf("export %s: %w", part.Name, err)
		}
	}
	return all, nil
}

func timeOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}
