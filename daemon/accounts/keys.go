package accounts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// NewKey says what API key to make.
type NewKey struct {
	AccountID int64
	Kind      string        // "" or KindAPI
	Label     string        // what its owner calls it; may be empty
	Scopes    []string      // empty: every scope the account's roles carry now
	Expires   time.Duration // from now; 0: never
}

// CreateKey makes an API key and returns it beside its description; it is
// never to be had again. A scope that the account's roles do not carry is
// fault.Forbidden, an unknown one fault.Invalid.
func (s *Service) CreateKey(ctx context.Context, n NewKey) (k APIKey, secret string, err error) {
	if n.Kind != "" && n.Kind != KindAPI {
		return APIKey{}, "", fault.New(fault.Invalid, "This version makes no API keys of the kind %q", n.Kind).
			WithHint("the supported kind is %s", KindAPI)
	}
	if n.Expires < 0 {
		return APIKey{}, "", fault.New(fault.Invalid, "An API key cannot expire in the past")
	}
	if utf8.RuneCountInString(n.Label) > maxLabel {
		return APIKey{}, "", fault.New(fault.Invalid, "The label is longer than %d characters", maxLabel)
	}
	now := db.Time(db.Micros(s.now()))
	secret = newKey()
	k = APIKey{
		AccountID: n.AccountID, Kind: KindAPI, Label: shownText(n.Label, 4*maxLabel),
		Prefix: secret[:keyShown], CreatedAt: now,
	}
	if n.Expires > 0 {
		k.ExpiresAt = now.Add(n.Expires)
	}
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		a, _, err := findAccount(ctx, tx, n.AccountID)
		if err != nil {
			return err
		}
		k.Account = a.Name
		if k.Scopes, err = grantable(a, n.Scopes); err != nil {
			return err
		}
		if have, err := countKeys(ctx, tx, a.ID); err != nil {
			return err
		} else if have >= maxKeys {
			return fault.New(fault.Conflict, "%s has %d API keys already", a.Name, have).WithHint("revoke those that are not used")
		}
		if k.ID, err = insertKey(ctx, tx, k, hashToken(secret)); err != nil {
			return err
		}
		return s.Audit(ctx, tx, "key.create", keyTarget(k.ID, k.Prefix, a.Name), strings.Join(k.Scopes, " "))
	})
	if err != nil {
		return APIKey{}, "", err
	}
	return k, secret, nil
}

func keyTarget(id int64, prefix, owner string) string {
	return fmt.Sprintf("key #%d %s… of %s", id, prefix, owner)
}

// grantable returns the scopes a new key of the account gets.
func grantable(a Account, wanted []string) ([]string, error) {
	have := scopesOf(a.Roles)
	if len(wanted) == 0 {
		wanted = have
	}
	scopes := slices.Compact(slices.Sorted(slices.Values(wanted)))
	for _, scope := range scopes {
		if !slices.Contains(roleScopes[RoleAdmin], scope) {
			return nil, fault.New(fault.Invalid, "%q is not a scope", scope).
				WithHint("the scopes are %s", strings.Join(roleScopes[RoleAdmin], ", "))
		}
		if !slices.Contains(have, scope) {
			return nil, fault.New(fault.Forbidden, "The owner of the key may not do what the scope %s allows", scope).
				WithHint("the owner's roles allow %s", strings.Join(have, ", "))
		}
	}
	return scopes, nil
}

// Keys returns up to n API keys of an account (0: of all accounts), the
// newest first, revoked and expired ones included, from the cursor on, and
// the cursor of the next page.
func (s *Service) Keys(ctx context.Context, account int64, cursor string, n int) (all []APIKey, next string, err error) {
	before, err := parseCursor(cursor, newest)
	if err != nil {
		return nil, "", err
	}
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		all, err = listKeys(ctx, tx, account, before, n+1)
		return err
	})
	all, next = page(all, n, func(k APIKey) int64 { return k.ID })
	return all, next, err
}

// RevokeKey makes an API key of an account (0: of any) invalid for good;
// other processes follow within five seconds. Revoking it again does nothing.
// fault.NotFound.
func (s *Service) RevokeKey(ctx context.Context, id, account int64) error {
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		prefix, owner, err := revokeKey(ctx, tx, id, account, s.now())
		if err != nil {
			return err
		}
		return s.Audit(ctx, tx, "key.revoke", keyTarget(id, prefix, owner), "")
	})
	s.cache.clear()
	return err
}
