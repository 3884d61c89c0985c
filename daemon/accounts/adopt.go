package accounts

import (
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// Adoption is what another program knew of a person at Steam.
type Adoption struct {
	SteamID steam.ID
	// DemosKey is a key for recordings in clear text, "" for none, and
	// KeyCreated when it was made.
	DemosKey   string
	KeyCreated time.Time
	Analyst    bool
	Limited    bool // gets no key and no account
	Origin     string
	DryRun     bool // find out what would change
}

// Adopted says what became of an Adoption: what is false was so before.
type Adopted struct {
	Account int64 // 0: nobody's, or it was a dry run that would have made it
	Made    bool  // the account
	Key     bool
	Analyst bool
	Limited bool
	Refused string // why the key is not taken, "" = it is
}

// errDryRun ends a transaction that was only tried.
var errDryRun = errors.New("a dry run")

// demosKeyForm is what the keys of programs look like that make them of 32
// random bytes. A plain hash keeps such a key safe, and no other.
var demosKeyForm = regexp.MustCompile(`^MB-[0-9A-Za-z_-]{43}$`)

// Adopt takes over what another program knew of a person, in one transaction:
// the account, made when it is missing, the key, of which only a hash is kept
// and which works on beside others, and the role. A key that was taken over
// before stays as it is, even if it was revoked since.
func (s *Service) Adopt(ctx context.Context, a Adoption) (got Adopted, err error) {
	if !a.SteamID.Person() {
		return Adopted{}, fault.New(fault.Invalid, "%s is not the SteamID of a person", a.SteamID.Decimal())
	}
	a.SteamID = steam.FromAccount(a.SteamID.Account())
	err = s.writeNamed(ctx, func(tx *db.Tx) error {
		if got, err = s.adopt(ctx, tx, a); err != nil {
			return err
		}
		if a.DryRun {
			return errDryRun
		}
		return nil
	})
	s.cache.clear()
	if errors.Is(err, errDryRun) {
		if got.Made {
			got.Account = 0
		}
		return got, nil
	}
	return got, err
}

func (s *Service) adopt(ctx context.Context, tx *db.Tx, a Adoption) (got Adopted, err error) {
	if a.Limited {
		known, err := isLimited(ctx, tx, a.SteamID)
		if err == nil && !known {
			err = insertLimited(ctx, tx, a.SteamID, s.now())
		}
		return Adopted{Limited: !known}, err
	}
	account, _, err := findAccountBySteam(ctx, tx, a.SteamID)
	if fault.Is(err, fault.NotFound) {
		got.Made = true
		account, err = s.accountForSteam(ctx, tx, a.SteamID, "")
	}
	if err != nil {
		return got, err
	}
	got.Account = account.ID
	if a.Analyst {
		if got.Analyst, err = insertRole(ctx, tx, account.ID, RoleAnalyst, s.now()); err != nil {
			return got, err
		}
		if got.Analyst {
			if err := s.Audit(ctx, tx, "role.grant", target(account), string(RoleAnalyst)); err != nil {
				return got, err
			}
		}
	}
	if a.DemosKey != "" {
		got.Key, got.Refused, err = s.adoptKey(ctx, tx, account, a)
	}
	return got, err
}

// adoptKey stores the hash of a key unless it is here already.
func (s *Service) adoptKey(ctx context.Context, tx *db.Tx, account Account, a Adoption) (added bool, refused string, err error) {
	if !demosKeyForm.MatchString(a.DemosKey) {
		return false, "the key is not of the form MB- and 43 characters", nil
	}
	known, err := findKey(ctx, tx, hashToken(a.DemosKey))
	switch {
	case err == nil && known.AccountID != account.ID:
		return false, "the key belongs to somebody else", nil
	case !fault.Is(err, fault.NotFound):
		return false, "", err
	}
	have, err := countKeys(ctx, tx, account.ID)
	if err != nil || have >= maxKeys {
		return false, "the account has too many keys", err
	}
	k := APIKey{
		AccountID: account.ID, Kind: KindDemos, Label: shownText(a.Origin, 4*maxLabel), Prefix: a.DemosKey[:keyShown], CreatedAt: a.KeyCreated,
	}
	if k.CreatedAt.IsZero() {
		k.CreatedAt = s.now()
	}
	if k.Scopes, err = grantable(account, KindDemos, nil); err != nil {
		return false, "", err
	}
	if k.ID, err = insertKey(ctx, tx, k, hashToken(a.DemosKey)); err != nil {
		return false, "", err
	}
	return true, "", s.Audit(ctx, tx, "key.create", keyTarget(k.ID, k.Prefix, account.Name), "from "+k.Label)
}
