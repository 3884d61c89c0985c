package accounts

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/mail"
)

// Registrations from one address: a burst, then a few a minute.
const (
	registerBurst     = 30
	registerPerSecond = 0.2
)

// NewPerson is somebody who registers with an e-mail address.
type NewPerson struct {
	Email    string // as typed
	Name     string // display name
	Password string // 8 to 128 characters
	Lang     string // IETF language tag of the mails; "": English
}

// Why somebody cannot register.
var (
	ErrNameTaken    = fault.New(fault.Conflict, "This display name is taken")
	ErrEmailTaken   = fault.New(fault.Conflict, "This e-mail address belongs to another account")
	ErrEmailBlocked = fault.New(fault.Invalid, "Addresses of this mail service are not accepted here")
	errNoMail       = fault.New(fault.Unavailable, "Nobody can register, because this server cannot send mails").
			WithHint("the operator sets mail.url and mail.from, or metaserver.auto_verify")
)

// longestPassword is the most characters a person's password has.
const longestPassword = 128

// CheckNewName refuses (fault.Invalid) what nobody may be called, and returns
// the name as it would be stored. Whether it is free is another question.
func CheckNewName(name string) (string, error) { return checkNewName(name) }

// EmailBlocked reports whether addresses of the domain of a text that looks
// like an address are not accepted. It looks at the part after the last @.
func (s *Service) EmailBlocked(text string) bool {
	domain := strings.ToLower(strings.TrimSpace(text[strings.LastIndexByte(text, '@')+1:]))
	if ascii, ok := asciiDomain(domain); ok {
		domain = ascii
	}
	return s.blocklist.has(domain)
}

// RegisterPerson makes an account with an e-mail address and mails a code that
// proves it. ErrNameTaken comes before ErrEmailTaken; fault.Invalid when name,
// address or password will not do, fault.Unavailable when no mail can be sent,
// fault.TooMany when too many register at once or from one address.
//
// Any password of 8 characters is taken: who registers from a game cannot be
// asked again. Pages ask for a better one.
func (s *Service) RegisterPerson(ctx context.Context, n NewPerson, ip netip.Addr) (Person, error) {
	if !s.autoVerify && (s.mail == nil || !s.mail.Ready()) {
		return Person{}, errNoMail
	}
	n, err := s.checkNew(n)
	if err != nil {
		return Person{}, err
	}
	if !s.address.exempt.Contains(ip) {
		if ok, wait := s.registrations.Allow(limit.Prefix(ip)); !ok {
			return Person{}, fault.New(fault.TooMany, "Too many accounts were made from your address").WithRetryAfter(wait)
		}
	}
	// Before the costly hash; it is looked at again with it.
	err = s.db.Read(ctx, func(tx *db.Tx) error { return free(ctx, tx, n) })
	if err != nil {
		return Person{}, err
	}
	phc, err := s.hasher.hash(ctx, normalPassword(n.Password))
	if err != nil {
		return Person{}, err
	}
	var r record
	err = s.writeNamed(ctx, func(tx *db.Tx) error {
		r, err = s.register(ctx, tx, n, phc, ip)
		return err
	})
	if err != nil {
		return Person{}, err
	}
	s.wakeMail()
	s.log.Info("somebody registered", slog.Int64("account", r.ID), slog.String("ip", ipText(ip)))
	return r.Person, nil
}

// wakeMail has mails sent that were queued just now.
func (s *Service) wakeMail() {
	if s.mail != nil {
		s.mail.Wake()
	}
}

// checkNew refuses what will not do, and returns the rest as it is stored.
func (s *Service) checkNew(n NewPerson) (_ NewPerson, err error) {
	if n.Email, err = s.checkNewEmail(n.Email); err != nil {
		return n, err
	}
	if n.Name, err = checkNewName(n.Name); err != nil {
		return n, err
	}
	n.Lang = mail.Language(n.Lang)
	return n, checkLength(n.Password)
}

// checkNewEmail returns an address as it is stored.
func (s *Service) checkNewEmail(text string) (string, error) {
	address, err := NormalEmail(text)
	if err == nil && s.EmailBlocked(address) {
		err = ErrEmailBlocked
	}
	return address, err
}

// checkLength refuses passwords that are too short or too long for a person.
func checkLength(password string) error {
	if n := utf8.RuneCountInString(normalPassword(password)); n < minPassword || n > longestPassword {
		return fault.New(fault.Invalid, "The password needs %d to %d characters", minPassword, longestPassword)
	}
	return nil
}

// free answers ErrNameTaken or ErrEmailTaken.
func free(ctx context.Context, tx *db.Tx, n NewPerson) error {
	if taken, err := nameTaken(ctx, tx, n.Name); err != nil {
		return err
	} else if taken {
		return ErrNameTaken
	}
	if taken, err := emailTaken(ctx, tx, emailKey(n.Email), 0); err != nil {
		return err
	} else if taken {
		return ErrEmailTaken
	}
	return nil
}

// register inserts the account and what belongs to it.
func (s *Service) register(ctx context.Context, tx *db.Tx, n NewPerson, phc string, ip netip.Addr) (record, error) {
	if err := free(ctx, tx, n); err != nil {
		return record{}, err
	}
	now := db.Time(db.Micros(s.now()))
	id, err := insertAccount(ctx, tx, n.Name, phc, now)
	if err != nil {
		return record{}, err
	}
	r := record{Person: Person{ID: id, Name: n.Name, Email: n.Email, Created: now}, phc: phc, key: emailKey(n.Email), lang: n.Lang}
	if s.autoVerify {
		r.Verified = now
	}
	if err := putEmail(ctx, tx, id, n.Email, n.Lang, r.Verified); err != nil {
		return record{}, err
	}
	if !s.autoVerify {
		s.codes.Allow(id)
		if err := s.mailCode(ctx, tx, r, purposeVerify, mail.Verify, n.Email); err != nil {
			return record{}, err
		}
	}
	by := withCaller(ctx, caller{Principal: Principal{AccountID: id, Name: n.Name, Via: viaRegister}, ip: ipText(ip)})
	return r, s.Audit(by, tx, "account.register", target(Account{ID: id, Name: n.Name}), "")
}

// VerifyEmail proves an account's address with the code that was mailed to it,
// in upper or lower case. ErrEmailVerified, ErrNoMailToken and
// ErrWrongMailToken are looked for in this order; fault.TooMany when too many
// codes come from the address of the caller.
func (s *Service) VerifyEmail(ctx context.Context, account int64, token string) (Person, error) {
	if err := s.mayUseCodes(ctx); err != nil {
		return Person{}, err
	}
	return s.verifyEmail(ctx, account, token)
}

func (s *Service) verifyEmail(ctx context.Context, account int64, token string) (Person, error) {
	var refused error
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		r, err := findRecord(ctx, tx, account)
		if err != nil {
			return err
		}
		if !r.Verified.IsZero() {
			refused = ErrEmailVerified
			return nil
		}
		if _, refused, err = s.useCode(ctx, tx, account, purposeVerify, token); err != nil || refused != nil {
			return err
		}
		if err := markVerified(ctx, tx, account, s.now()); err != nil {
			return err
		}
		return s.Audit(s.self(ctx, r), tx, "email.verify", target(r.account()), "")
	})
	s.changed(account)
	if err == nil {
		err = refused
	}
	if err != nil {
		return Person{}, err
	}
	p, _, err := s.Person(ctx, account)
	return p, err
}

// RenewMailToken mails another code that proves an account's address; the one
// before is void. ErrEmailVerified; *TooSoon; fault.Conflict for an account
// without an address; fault.TooMany when too many codes are asked for from the
// address of the caller.
func (s *Service) RenewMailToken(ctx context.Context, account int64) error {
	if err := s.mayUseCodes(ctx); err != nil {
		return err
	}
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		r, err := findRecord(ctx, tx, account)
		switch {
		case err != nil:
			return err
		case !r.Verified.IsZero():
			return ErrEmailVerified
		case r.Email == "":
			return errNoEmail
		case s.mail == nil || !s.mail.Ready():
			return errNoMail
		}
		if err := s.maySendCode(ctx, tx, account, purposeVerify); err != nil {
			return err
		}
		return s.mailCode(ctx, tx, r, purposeVerify, mail.Verify, r.Email)
	})
	if err == nil {
		s.wakeMail()
	}
	return err
}

var errNoEmail = fault.New(fault.Conflict, "This account has no e-mail address")

// Rename gives an account another display name; its own in other letters is
// one. ErrNameTaken; fault.Invalid.
func (s *Service) Rename(ctx context.Context, account int64, name string) (Person, error) {
	clean, err := checkNewName(name)
	if err != nil {
		return Person{}, err
	}
	err = s.writeNamed(ctx, func(tx *db.Tx) error {
		r, err := findRecord(ctx, tx, account)
		if err != nil || r.Name == clean {
			return err
		}
		if r.ClosedReason == closedByOwner {
			return errDeleted
		}
		if taken, err := nameTakenBut(ctx, tx, clean, account); err != nil {
			return err
		} else if taken {
			return ErrNameTaken
		}
		if err := updateName(ctx, tx, account, clean); err != nil {
			return err
		}
		return s.Audit(s.self(ctx, r), tx, "account.rename", target(r.account()), clean)
	})
	s.changed(account)
	if err != nil {
		return Person{}, err
	}
	p, _, err := s.Person(ctx, account)
	return p, err
}

var errDeleted = fault.New(fault.Conflict, "This account was deleted by its owner")

// changed forgets what is cached of an account.
func (s *Service) changed(account int64) {
	s.cache.clear()
	s.persons.drop(account)
}

// account is the record as the rest of the package knows accounts.
func (r record) account() Account { return Account{ID: r.ID, Name: r.Name} }

// self is ctx in the name of a person who proved who they are with a password
// or a code, unless somebody is signed in.
func (s *Service) self(ctx context.Context, r record) context.Context {
	if !From(ctx).Guest() {
		return ctx
	}
	return withCaller(ctx, caller{Principal: Principal{AccountID: r.ID, Name: r.Name, Via: ViaEmail}})
}
