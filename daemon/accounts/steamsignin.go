package accounts

import (
	"context"
	"net/netip"
	"net/url"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
	"github.com/quartermasterd/quartermaster/daemon/steam/openid"
)

// signInThroughSteam opens a session for whoever Steam says came back, and
// makes their account the first time.
func (s *Service) signInThroughSteam(ctx context.Context, e errand, query url.Values, attempt Attempt) (o Opened, err error) {
	a, err := s.verify(ctx, e, query)
	if err != nil {
		return Opened{}, err
	}
	persona, err := s.personaOfNew(ctx, a.ID)
	if err != nil {
		return Opened{}, err
	}
	o.Token = newToken()
	ctx = byStranger(ctx, a.ID, attempt.IP)
	err = s.writeNamed(ctx, func(tx *db.Tx) error {
		if err := s.once(ctx, tx, a, e); err != nil {
			return err
		}
		if o.Account, err = s.accountForSteam(ctx, tx, a.ID, persona); err != nil {
			return err
		}
		o.ID, err = s.openSession(ctx, tx, o.Account, o.Token, attempt, viaSteam)
		return err
	})
	if err != nil {
		return Opened{}, s.refusedSteam(err)
	}
	s.countSteam("signed_in")
	s.cache.clear()
	return o, nil
}

// linkThroughSteam links the Steam account that came back to the account that
// is signed in.
func (s *Service) linkThroughSteam(ctx context.Context, e errand, query url.Values) error {
	a, err := s.verify(ctx, e, query)
	if err != nil {
		return err
	}
	persona := s.persona(ctx, a.ID)
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		if err := s.once(ctx, tx, a, e); err != nil {
			return err
		}
		return s.link(ctx, tx, e.account, a.ID, persona)
	})
	s.cache.clear()
	if err != nil {
		return s.refusedSteam(err)
	}
	s.countSteam("linked")
	return nil
}

// refusedSteam counts what was refused after Steam had confirmed it.
func (s *Service) refusedSteam(err error) error {
	if fault.Is(err, fault.Forbidden) || fault.Is(err, fault.Conflict) {
		s.countSteam("refused")
	}
	return err
}

// personaOfNew asks Steam for the name of a person without an account here.
func (s *Service) personaOfNew(ctx context.Context, id steam.ID) (string, error) {
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		_, _, err := findAccountBySteam(ctx, tx, id)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return s.persona(ctx, id), nil
	}
	return "", err
}

// byStranger names a person whom only Steam knows yet in the audit record.
func byStranger(ctx context.Context, id steam.ID, ip netip.Addr) context.Context {
	return withCaller(ctx, caller{Principal: Principal{Name: id.Decimal(), Via: viaSteam}, ip: ipText(ip)})
}

// issued is what /provision tells a person.
type issued struct {
	key      string
	replaced bool // a key before this one ended
	limited  bool // there is no key
}

// provision makes a key for recordings for the person behind an assertion, and
// the account if there is none. Earlier keys for recordings end.
func (s *Service) provision(ctx context.Context, a openid.Assertion, e errand, ip netip.Addr) (got issued, err error) {
	limited, err := s.Limited(ctx, a.ID)
	if err != nil || limited {
		return issued{limited: limited}, err
	}
	persona, err := s.personaOfNew(ctx, a.ID)
	if err != nil {
		return issued{}, err
	}
	secret := newDemosKey()
	ctx = byStranger(ctx, a.ID, ip)
	err = s.writeNamed(ctx, func(tx *db.Tx) error {
		if err := s.once(ctx, tx, a, e); err != nil {
			return err
		}
		account, err := s.accountForSteam(ctx, tx, a.ID, persona)
		if err != nil {
			return err
		}
		_, replaced, err := s.addKey(ctx, tx, NewKey{AccountID: account.ID, Kind: KindDemos, Replace: true}, secret)
		got = issued{key: secret, replaced: replaced > 0}
		return err
	})
	s.cache.clear()
	if err != nil {
		return issued{}, s.refusedSteam(err)
	}
	return got, nil
}
