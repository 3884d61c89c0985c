package accounts

import (
	"context"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// maxKeyText bounds what is looked at as a key; ours have 46 characters.
const maxKeyText = 256

// ByDemosKey returns who a key stands for that came in a query parameter, as
// the clients send it that stream recordings, and the Steam account that is
// linked, 0 when there is none. Any key will do that may read recordings; what
// else it may is told by Principal.May. fault.Unauthenticated for all others.
//
// The lookup is by the key's hash, so that its time says nothing of the key.
func (s *Service) ByDemosKey(ctx context.Context, key string) (Principal, steam.ID, error) {
	if key == "" || len(key) > maxKeyText {
		return Principal{}, 0, errKey
	}
	c, err := s.byKey(ctx, key)
	if err != nil {
		return Principal{}, 0, err
	}
	if !c.May(ScopeDemosRead) {
		return Principal{}, 0, errKey
	}
	return c.Principal, c.SteamID, nil
}

// Limited says whether a person at Steam gets no key for recordings, because
// they never set up a profile, as throw-away accounts do. Once found so it
// stays. Without an API key of Steam only those are limited that were found so
// before. Any error means that Steam could not be asked.
func (s *Service) Limited(ctx context.Context, id steam.ID) (limited bool, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		limited, err = isLimited(ctx, tx, id)
		return err
	})
	if err != nil || limited || s.people == nil {
		return limited, err
	}
	all, err := s.summary(ctx, id)
	if err != nil {
		return false, fault.Wrap(err, fault.Unavailable, "Steam cannot be asked about the account now")
	}
	if len(all) > 0 && all[0].SetUp {
		return false, nil
	}
	return true, s.db.Write(ctx, func(tx *db.Tx) error { return insertLimited(ctx, tx, id, s.now()) })
}

// mayHaveDemosKey decides whether people may make themselves a key for
// recordings. Who holds a role was vouched for by an admin.
func (s *Service) mayHaveDemosKey(ctx context.Context, p Principal) error {
	if len(p.Roles) > 0 {
		return nil
	}
	if p.SteamID == 0 {
		return fault.New(fault.Conflict, "A key for recordings acts for a Steam account, and none is linked").
			WithHint("link your Steam account first")
	}
	limited, err := s.Limited(ctx, p.SteamID)
	if err == nil && limited {
		err = errLimited
	}
	return err
}

var errLimited = fault.New(fault.Forbidden, "Your Steam account is limited: its profile was never set up")
