package accounts

import (
	"cmp"
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
	Kind      string        // KindAPI or KindDemos; "": KindAPI
	Label     string        // what its owner calls it; may be empty
	Scopes    []string      // empty: every scope the account's roles carry now; of KindDemos, also later
	Expires   time.Duration // from now; 0: never
	Replace   bool          // revoke the account's other keys of this kind
}

func (n NewKey) check() error {
	switch {
	case n.Kind != KindAPI && n.Kind != KindDemos:
		return fault.New(fault.Invalid, "%q is not a kind of API key", n.Kind).
			WithHint("the kinds are %s and %s", KindAPI, KindDemos)
	case n.Expires < 0:
		return fault.New(fault.Invalid, "An API key cannot expire in the past")
	case utf8.RuneCountInString(n.Label) > maxLabel:
		return fault.New(fault.Invalid, "The label is longer than %d characters", maxLabel)
	}
	return nil
}

// CreateKey makes an API key and returns it beside its description; it is
// never to be had again. A scope that the account's roles do not carry is
// fault.Forbidden, an unknown one fault.Invalid.
func (s *Service) CreateKey(ctx context.Context, n NewKey) (k APIKey, secret string, err error) {
	n.Kind = cmp.Or(n.Kind, KindAPI)
	if err := n.check(); err != nil {
		return APIKey{}, "", err
	}
	secret = newSecret(n.Kind)
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		k, _, err = s.addKey(ctx, tx, n, secret)
		return err
	})
	if n.Replace {
		s.cache.clear()
	}
	if err != nil {
		return APIKey{}, "", err
	}
	return k, secret, nil
}

func newSecret(kind string) string {
	if kind == KindDemos {
		return newDemosKey()
	}
	return newKey()
}

// addKey stores a key that was checked and returns how many others it
// replaced. Whoever replaces clears the cache afterwards.
func (s *Service) addKey(ctx context.Context, tx *db.Tx, n NewKey, secret string) (k APIKey, replaced int64, err error) {
	now := db.Time(db.Micros(s.now()))
	k = APIKey{
		AccountID: n.AccountID, Kind: n.Kind, Label: shownText(n.Label, 4*maxLabel),
		Prefix: secret[:keyShown], CreatedAt: now,
	}
	if n.Expires > 0 {
		k.ExpiresAt = now.Add(n.Expires)
	}
	a, _, err := findAccount(ctx, tx, n.AccountID)
	if err != nil {
		return APIKey{}, 0, err
	}
	if err := openFor(a); err != nil {
		return APIKey{}, 0, err
	}
	k.Account = a.Name
	if k.Scopes, err = grantable(a, n.Kind, n.Scopes); err != nil {
		return APIKey{}, 0, err
	}
	if n.Replace {
		if replaced, err = revokeKind(ctx, tx, a.ID, n.Kind, now); err != nil {
			return APIKey{}, 0, err
		}
	}
	if have, err := countKeys(ctx, tx, a.ID); err != nil {
		return APIKey{}, 0, err
	} else if have >= maxKeys {
		return APIKey{}, 0, fault.New(fault.Conflict, "%s has %d API keys already", a.Name, have).
			WithHint("revoke those that are not used")
	}
	if k.ID, err = insertKey(ctx, tx, k, hashToken(secret)); err != nil {
		return APIKey{}, 0, err
	}
	detail := strings.Join(k.Scopes, " ")
	if replaced > 0 {
		detail += fmt.Sprintf(" (%d replaced)", replaced)
	}
	return k, replaced, s.Audit(ctx, tx, "key.create", keyTarget(k.ID, k.Prefix, a.Name), detail)
}

func keyTarget(id int64, prefix, owner string) string {
	return fmt.Sprintf("key #%d %s… of %s", id, prefix, owner)
}

// grantable returns the scopes a new key of the account gets.
func grantable(a Account, kind string, wanted []string) ([]string, error) {
	have, known := scopesOf(a.Roles), roleScopes[RoleAdmin]
	if kind == KindDemos {
		known = demosScopes
		if len(wanted) == 0 {
			return slices.Clone(demosScopes), nil
		}
	}
	if len(wanted) == 0 {
		wanted = have
	}
	scopes := slices.Compact(slices.Sorted(slices.Values(wanted)))
	for _, scope := range scopes {
		if !slices.Contains(known, scope) {
			return nil, fault.New(fault.Invalid, "%q is not a scope of a key of the kind %s", scope, kind).
				WithHint("the scopes are %s", strings.Join(known, ", "))
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
