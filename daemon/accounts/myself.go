package accounts

import (
	"context"
	"log/slog"
	"net/netip"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/mail"
)

// confirm answers fault.Forbidden unless the caller knows the password of his
// account. An account without one was signed in to another way just now.
func (s *Service) confirm(ctx context.Context, p Principal, password string, ip netip.Addr) error {
	r, err := s.record(ctx, p.AccountID)
	if err != nil || r.phc == "" {
		return err
	}
	_, err = s.checkCurrent(ctx, place{nameKey(r.Name), limit.Prefix(ip)}, r.phc, password)
	if fault.Is(err, fault.Unauthenticated) {
		err = fault.New(fault.Forbidden, "The current password is wrong")
	}
	return err
}

// ChangeEmail gives the account of the signed-in caller, who has to know its
// password, another address. While the old one is not proved, the new one
// takes its place at once and a code is mailed there; otherwise the change
// waits for the code. ErrEmailTaken, ErrEmailBlocked, *TooSoon.
func (s *Service) ChangeEmail(ctx context.Context, email, password, lang string, ip netip.Addr) error {
	c := callerFrom(ctx)
	if s.mail == nil || !s.mail.Ready() {
		return fault.New(fault.Unavailable, "The address cannot be changed, because this server cannot send mails").
			WithHint("the operator sets mail.url and mail.from")
	}
	address, err := s.checkNewEmail(email)
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, c.Principal, password, ip); err != nil {
		return err
	}
	err = s.writeNamed(ctx, func(tx *db.Tx) error { return s.changeEmail(ctx, tx, c.AccountID, address, lang) })
	s.changed(c.AccountID)
	if err == nil {
		s.wakeMail()
	}
	return err
}

func (s *Service) changeEmail(ctx context.Context, tx *db.Tx, account int64, address, lang string) error {
	r, err := findRecord(ctx, tx, account)
	if err != nil {
		return err
	}
	if r.Email == address && !r.Verified.IsZero() {
		return ErrEmailVerified
	}
	if taken, err := emailTaken(ctx, tx, emailKey(address), account); err != nil {
		return err
	} else if taken {
		return ErrEmailTaken
	}
	if lang != "" || r.lang == "" {
		r.lang = mail.Language(lang)
	}
	purpose, kind := purposeChange, mail.Change
	if r.Email != "" && r.Verified.IsZero() {
		purpose, kind = purposeVerify, mail.Verify
		// A corrected address needs no pause: the person waits for the mail.
		if ok, wait := s.codes.Allow(account); !ok {
			return &TooSoon{Wait: wait, Every: s.renewEvery}
		}
		// A code for a new password proves the address that it went to, no other.
		if err = deleteMailToken(ctx, tx, account, purposeReset); err == nil {
			err = putEmail(ctx, tx, account, address, r.lang, r.Verified)
		}
	} else {
		err = s.maySendCode(ctx, tx, account, purpose)
	}
	if err != nil {
		return err
	}
	if err := s.mailCode(ctx, tx, r, purpose, kind, address); err != nil {
		return err
	}
	return s.Audit(ctx, tx, "email.change", target(r.account()), purpose)
}

// ConfirmEmail takes the code that was mailed to an address the account of the
// caller is to have: a changed one, or the one it registered with. The address
// it had before is told. ErrNoMailToken, ErrWrongMailToken, ErrEmailTaken;
// fault.TooMany as VerifyEmail.
func (s *Service) ConfirmEmail(ctx context.Context, token string) (Person, error) {
	if err := s.mayUseCodes(ctx); err != nil {
		return Person{}, err
	}
	id := callerFrom(ctx).AccountID
	var refused error
	var waiting bool
	err := s.writeNamed(ctx, func(tx *db.Tx) error {
		refused, waiting = nil, false
		r, err := findRecord(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := findMailToken(ctx, tx, id, purposeChange); fault.Is(err, fault.NotFound) {
			return nil // then it is the first address's
		} else if err != nil {
			return err
		}
		waiting = true
		t, why, err := s.useCode(ctx, tx, id, purposeChange, token)
		if refused = why; err != nil || why != nil {
			return err
		}
		return s.replaceEmail(ctx, tx, r, t.address)
	})
	s.changed(id)
	switch {
	case err != nil:
		return Person{}, err
	case refused != nil:
		return Person{}, refused
	case !waiting:
		return s.verifyEmail(ctx, id, token)
	}
	s.wakeMail()
	p, _, err := s.Person(ctx, id)
	return p, err
}

// replaceEmail makes a proved address the account's.
func (s *Service) replaceEmail(ctx context.Context, tx *db.Tx, r record, address string) error {
	if taken, err := emailTaken(ctx, tx, emailKey(address), r.ID); err != nil {
		return err
	} else if taken {
		return ErrEmailTaken
	}
	lang := mail.Language(r.lang)
	if err := putEmail(ctx, tx, r.ID, address, lang, s.now()); err != nil {
		return err
	}
	// A code to set a new password that went to the old address is void.
	for _, purpose := range []string{purposeReset, purposeVerify} {
		if err := deleteMailToken(ctx, tx, r.ID, purpose); err != nil {
			return err
		}
	}
	if r.Email != "" && !r.Verified.IsZero() && emailKey(address) != r.key {
		err := s.mail.Enqueue(ctx, tx, mail.Message{Kind: mail.Changed, To: r.Email, Lang: lang, Name: r.Name, Address: address})
		if err != nil {
			return err
		}
	}
	return s.Audit(ctx, tx, "email.verify", target(r.account()), "changed")
}

// pendingEmail returns the address that waits for its code, "" when there is
// none.
func (s *Service) pendingEmail(ctx context.Context, account int64) (string, error) {
	var t mailToken
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		t, err = findMailToken(ctx, tx, account, purposeChange)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && s.now().Sub(t.created) >= mailTokenLifetime {
		return "", nil
	}
	return t.address, err
}

// openFresh opens a session for an account that was made just now.
func (s *Service) openFresh(ctx context.Context, id int64, a Attempt) (Opened, error) {
	o := Opened{Token: newToken()}
	err := s.db.Write(ctx, func(tx *db.Tx) (err error) {
		if o.Account, _, err = findAccount(ctx, tx, id); err != nil {
			return err
		}
		o.ID, err = s.openSession(ctx, tx, o.Account, o.Token, a, ViaSession)
		return err
	})
	return o, err
}

// resetRequests bounds how many wait to be looked at.
const resetRequests = 1000

// RequestReset mails a code that sets a new password, if an account has the
// address. The answer is the same if none has, and takes the same time: what
// there is to do is done later. fault.TooMany when too many ask from one
// address or at once; fault.Invalid for what is no address.
func (s *Service) RequestReset(email string, ip netip.Addr) error {
	if s.mail == nil || !s.mail.Ready() {
		return fault.New(fault.Unavailable, "Passwords cannot be reset, because this server cannot send mails").
			WithHint("the operator sets mail.url and mail.from, or a new password: quartermaster admin reset-password")
	}
	address, err := NormalEmail(email)
	if err != nil {
		return err
	}
	if err := s.address.take(ip); err != nil {
		return err
	}
	select {
	case s.resets <- emailKey(address):
		return nil
	default:
		return fault.New(fault.TooMany, "Too many people ask for new passwords right now")
	}
}

// mailReset does what RequestReset promised.
func (s *Service) mailReset(ctx context.Context, key string) {
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		r, err := findRecordByEmail(ctx, tx, key)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil || !r.Closed.IsZero() {
			return err
		}
		if err := s.maySendCode(ctx, tx, r.ID, purposeReset); err != nil {
			return err
		}
		if err := s.mailCode(ctx, tx, r, purposeReset, mail.Reset, r.Email); err != nil {
			return err
		}
		return s.Audit(ctx, tx, "password.reset", target(r.account()), "a code was mailed")
	})
	s.wakeMail()
	if err != nil && ctx.Err() == nil && !fault.Is(err, fault.TooMany) {
		s.log.Warn("a code for a new password could not be mailed", slog.Any("error", err))
	}
}

// errReset is the same for an unknown address and for every wrong code.
var errReset = fault.New(fault.Forbidden, "The code is wrong, or it is not valid any more").
	WithHint("ask for a new one; each is good for ten tries and a day")

// ResetPassword sets a new password with the code that was mailed, ends the
// account's sessions, and counts the address as proved. fault.Forbidden for an
// unknown address and a wrong code alike.
func (s *Service) ResetPassword(ctx context.Context, email, token, password string, ip netip.Addr) error {
	if err := s.address.take(ip); err != nil {
		return err
	}
	address, err := NormalEmail(email)
	if err != nil {
		return err
	}
	r, err := s.findByEmail(ctx, emailKey(address))
	if err != nil {
		return err
	}
	// Only the holder of the code learns what the name has to do with it.
	if err := checkPassword("", password); err != nil {
		return err
	}
	if err := checkLength(password); err != nil {
		return err
	}
	phc, err := s.hasher.hash(ctx, normalPassword(password))
	if err != nil {
		return err
	}
	var refused error
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		t, why, err := s.useCode(ctx, tx, r.ID, purposeReset, token)
		if refused = why; err != nil || why != nil {
			return err
		}
		if emailKey(t.address) != emailKey(address) {
			refused = errReset
			return nil
		}
		if err := checkPassword(r.Name, password); err != nil {
			return err
		}
		if err := updatePassword(ctx, tx, r.ID, phc); err != nil {
			return err
		}
		if err := markVerified(ctx, tx, r.ID, s.now()); err != nil {
			return err
		}
		if err := deleteOtherSessions(ctx, tx, r.ID, 0); err != nil {
			return err
		}
		return s.Audit(s.self(ctx, r), tx, "account.password", target(r.account()), "with a mailed code")
	})
	s.changed(r.ID)
	if err == nil && refused != nil {
		err = errReset
	}
	return err
}
