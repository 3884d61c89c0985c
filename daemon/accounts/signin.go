package accounts

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// Attempt is one try to sign in with a password.
type Attempt struct {
	Name, Password string
	IP             netip.Addr
	Agent          string // User-Agent
	// Replaces is the token of a session that this one takes the place of;
	// may be empty.
	Replaces string
}

// Opened is a session that was just made. The token exists nowhere else.
type Opened struct {
	Account Account
	Token   string
	ID      int64
}

// errWrong is the same for an unknown name and a wrong password.
var errWrong = fault.New(fault.Unauthenticated, "The name or the password is wrong")

// SignIn checks a password and opens a session. Unknown names take as long
// and answer the same as wrong passwords (fault.Unauthenticated). Too many
// tries, or too many at once, are fault.TooMany with RetryAfter.
func (s *Service) SignIn(ctx context.Context, a Attempt) (Opened, error) {
	if err := s.address.take(a.IP); err != nil {
		return Opened{}, err
	}
	if len(a.Name) > 16*maxName {
		return Opened{}, errWrong
	}
	account, phc, at, err := s.lookUpSignIn(ctx, a)
	if err != nil {
		return Opened{}, err
	}
	stale, err := s.checkCurrent(ctx, at, phc, a.Password)
	if err != nil {
		// The name is not logged: people type passwords into that field.
		s.log.Info("sign-in refused", slog.String("ip", ipText(a.IP)),
			slog.Int64("account", account.ID), slog.String("reason", fault.Public(err)))
		return Opened{}, err
	}
	o := Opened{Account: account, Token: newToken()}
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		if account, err = stillHas(ctx, tx, account.ID, phc); err != nil {
			return err
		}
		o.Account = account
		o.ID, err = s.openSession(ctx, tx, account, o.Token, a, ViaSession)
		return err
	})
	if err != nil {
		return Opened{}, err
	}
	s.cache.clear()
	if stale {
		s.upgrade(ctx, account.ID, phc, a.Password)
	}
	return o, nil
}

// lookUpSignIn returns whom somebody wants to be signed in as, by the name or
// by the e-mail address; zero values when there is nobody.
func (s *Service) lookUpSignIn(ctx context.Context, a Attempt) (account Account, phc string, p place, err error) {
	p = place{nameKey(a.Name), limit.Prefix(a.IP)}
	if address, err := NormalEmail(a.Name); err == nil {
		key := emailKey(address)
		r, err := s.findByEmail(ctx, key)
		if err != nil {
			return Account{}, "", p, err
		}
		if r.ID != 0 {
			p.name = "@" + key
			err = s.db.Read(ctx, func(tx *db.Tx) error {
				account, phc, err = findAccount(ctx, tx, r.ID)
				return err
			})
			if !fault.Is(err, fault.NotFound) {
				return account, phc, p, err
			}
		}
	}
	account, phc, err = s.lookUp(ctx, a.Name) // old accounts may be called like an address
	return account, phc, p, err
}

// lookUp returns the account of that name and its hash, zero values when there
// is none.
func (s *Service) lookUp(ctx context.Context, name string) (a Account, phc string, err error) {
	clean, err := CleanName(name)
	if err != nil {
		return Account{}, "", nil // no account has such a name
	}
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		a, phc, err = findAccountByName(ctx, tx, clean)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return a, phc, err
}

// stillHas returns the account anew, and answers errWrong when the password was
// changed while the old one was being checked: no session may come out of a
// password that is gone.
func stillHas(ctx context.Context, tx *db.Tx, id int64, phc string) (Account, error) {
	a, now, err := findAccount(ctx, tx, id)
	if fault.Is(err, fault.NotFound) || err == nil && now != phc {
		return Account{}, errWrong
	}
	return a, err
}

// openFor answers fault.Forbidden when the account is closed.
func openFor(a Account) error {
	if a.ClosedAt.IsZero() {
		return nil
	}
	err := fault.New(fault.Forbidden, "This account is closed")
	if a.ClosedReason != "" {
		err = err.WithHint("the reason is: %s", a.ClosedReason)
	}
	return err
}

// checkCurrent compares a password with a stored hash ("" = no such account)
// under the throttle and reports whether the hash should be renewed.
func (s *Service) checkCurrent(ctx context.Context, p place, phc, password string) (stale bool, err error) {
	if len(password) > maxPasswordBytes { // no account can have it
		return false, errWrong
	}
	if err := s.throttle.take(p); err != nil {
		return false, err
	}
	match, stale, err := s.hasher.verify(ctx, phc, normalPassword(password))
	switch {
	case err != nil:
		s.throttle.giveBack(p)
		return false, err
	case !match:
		return false, errWrong
	}
	s.throttle.succeed(p)
	return stale, nil
}

// openSession inserts the session and what belongs to it.
func (s *Service) openSession(ctx context.Context, tx *db.Tx, account Account, token string, a Attempt, via string) (int64, error) {
	now := s.now()
	if err := openFor(account); err != nil {
		return 0, err
	}
	if a.Replaces != "" {
		if err := deleteSessionByHash(ctx, tx, hashToken(a.Replaces)); err != nil {
			return 0, err
		}
	}
	id, err := insertSession(ctx, tx, account.ID, hashToken(token), Session{
		CreatedAt: now, IP: ipText(a.IP), Agent: shownText(a.Agent, maxAgent),
	})
	if err != nil {
		return 0, err
	}
	if err := trimSessions(ctx, tx, account.ID, maxSessions); err != nil {
		return 0, err
	}
	if err := updateLogin(ctx, tx, account.ID, now); err != nil {
		return 0, err
	}
	ctx = withCaller(ctx, caller{
		Principal: Principal{AccountID: account.ID, Name: account.Name, Via: via}, ip: ipText(a.IP),
	})
	return id, s.Audit(ctx, tx, "session.create", target(account), "")
}

// ipText is "" for a caller without an address, as on a unix socket.
func ipText(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}

// shownText makes text from outside fit to store and show: valid UTF-8, no
// control characters, at most n bytes.
func shownText(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(text) > n {
		text = strings.ToValidUTF8(text[:n], "")
	}
	return text
}

// upgrade stores the password's hash at the present cost and returns what is
// stored now. The sign-in has succeeded already: a failure here only waits for
// the next one.
func (s *Service) upgrade(ctx context.Context, id int64, old, password string) string {
	phc, err := s.hasher.hash(ctx, normalPassword(password))
	if err == nil {
		err = s.db.Write(ctx, func(tx *db.Tx) error { return replacePassword(ctx, tx, id, old, phc) })
	}
	s.persons.drop(id)
	if err != nil {
		s.log.Warn("password hash not renewed", slog.Int64("account", id), slog.Any("error", err))
		return old
	}
	return phc
}

// ChangePassword replaces the password of the signed-in caller, who has to
// know the current one, and ends all his sessions but this one.
func (s *Service) ChangePassword(ctx context.Context, old, password string, ip netip.Addr) error {
	c := callerFrom(ctx)
	var phc string
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		_, phc, err = findAccount(ctx, tx, c.AccountID)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := s.checkCurrent(ctx, place{nameKey(c.Name), limit.Prefix(ip)}, phc, old); err != nil {
		if fault.Is(err, fault.Unauthenticated) {
			err = fault.New(fault.Forbidden, "The current password is wrong")
		}
		return err
	}
	return s.SetPassword(ctx, c.AccountID, password, c.sessionID)
}

// SignOut ends the caller's session; nothing happens when there is none.
func (s *Service) SignOut(ctx context.Context) error {
	c := callerFrom(ctx)
	if c.sessionID == 0 {
		return nil
	}
	err := s.RevokeSession(ctx, c.AccountID, c.sessionID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// Sessions returns the account's sessions that are still valid, the last seen
// first; the caller's own is marked.
func (s *Service) Sessions(ctx context.Context, account int64) (all []Session, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		all, err = listSessions(ctx, tx, account)
		return err
	})
	now, current, valid := s.now(), callerFrom(ctx).sessionID, []Session{}
	for _, one := range all {
		if sessionEnd(one.CreatedAt, one.LastSeen).After(now) {
			one.Current = one.ID == current
			valid = append(valid, one)
		}
	}
	return valid, err
}

// sessionEnd is when a session stops being valid if it is not seen again.
func sessionEnd(created, seen time.Time) time.Time {
	idle, absolute := seen.Add(sessionIdle), created.Add(sessionAbsolute)
	if idle.Before(absolute) {
		return idle
	}
	return absolute
}

// RevokeSession ends one session of an account; fault.NotFound.
func (s *Service) RevokeSession(ctx context.Context, account, id int64) error {
	return s.change(ctx, account, "session.revoke", "", func(tx *db.Tx, _ Account) (bool, error) {
		found, err := deleteSession(ctx, tx, account, id)
		if err == nil && !found {
			err = fault.New(fault.NotFound, "There is no such session")
		}
		return found, err
	})
}
