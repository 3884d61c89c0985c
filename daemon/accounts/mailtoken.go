package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/mail"
)

// What a mailed code is for.
const (
	purposeVerify = "verify" // the address of a new account
	purposeReset  = "reset"  // a new password
	purposeChange = "change" // another address
)

// Bounds of mailed codes. A code has 24^6 values; with these, guessing one
// takes a stranger years.
const (
	mailTokenLetters  = "ABCDEFGHJKMNOPQRSTUVWXYZ" // without I and L, which look like each other
	mailTokenLength   = 6
	mailTokenLifetime = 24 * time.Hour
	mailTokenTries    = 10 // wrong ones, then the code is void
	mailsPerDay       = 30 // codes that are mailed to one account

	// Codes that are entered and asked for from one address: a burst, then one
	// every two seconds.
	codeBurst     = 60
	codePerSecond = 0.5
)

// Why a code was not taken. ErrNoMailToken also stands for one that expired or
// was tried too often.
var (
	ErrEmailVerified  = fault.New(fault.Forbidden, "The e-mail address is verified already")
	ErrNoMailToken    = fault.New(fault.Forbidden, "There is no valid code; ask for a new one")
	ErrWrongMailToken = fault.New(fault.Forbidden, "The code is wrong")
)

// TooSoon says that a code was mailed only a moment ago. Its cause is a
// fault.TooMany.
type TooSoon struct {
	Wait  time.Duration // until another can be had
	Every time.Duration // the configured pause between two
}

// Error says how long to wait.
func (e *TooSoon) Error() string { return e.Unwrap().Error() }

// Unwrap returns the fault behind it.
func (e *TooSoon) Unwrap() error {
	return fault.New(fault.TooMany, "Wait at least %d seconds before asking for another code", int((e.Wait+time.Second-1)/time.Second)).
		WithRetryAfter(e.Wait)
}

// newMailToken returns six letters.
func newMailToken() string {
	var raw [1]byte
	token := make([]byte, 0, mailTokenLength)
	for len(token) < mailTokenLength {
		rand.Read(raw[:])                                        // never fails, see crypto/rand
		if n := int(raw[0]); n < 256-256%len(mailTokenLetters) { // each letter as likely as the others
			token = append(token, mailTokenLetters[n%len(mailTokenLetters)])
		}
	}
	return string(token)
}

// hashMailToken is what the database holds of a code. Whoever reads the
// database can try all codes; what helps is that they are short-lived.
func hashMailToken(account int64, purpose, token string) []byte {
	h := sha256.Sum256(fmt.Appendf(nil, "%d %s %s", account, purpose, strings.ToUpper(token)))
	return h[:]
}

// mailCode makes a new code for a purpose and mails it, in one transaction
// with what it is for.
func (s *Service) mailCode(ctx context.Context, tx *db.Tx, r record, purpose string, kind mail.Kind, address string) error {
	token, now := newMailToken(), s.now()
	err := putMailToken(ctx, tx, r.ID, purpose, mailToken{
		hash: hashMailToken(r.ID, purpose, token), address: address, created: now,
	})
	if err != nil {
		return err
	}
	return s.mail.Enqueue(ctx, tx, mail.Message{
		Kind: kind, To: address, Lang: r.lang, Name: r.Name, Code: token, Expires: mailTokenLifetime,
	})
}

// maySendCode answers TooSoon when the last code for the purpose was mailed
// just now, or too many were mailed today.
func (s *Service) maySendCode(ctx context.Context, tx *db.Tx, account int64, purpose string) error {
	t, err := findMailToken(ctx, tx, account, purpose)
	switch {
	case fault.Is(err, fault.NotFound):
	case err != nil:
		return err
	default:
		// A clock that was set back must not keep anybody waiting for longer.
		if age := s.now().Sub(t.created); age >= 0 && age <= s.renewEvery {
			return &TooSoon{Wait: s.renewEvery - age, Every: s.renewEvery}
		}
	}
	if ok, wait := s.codes.Allow(account); !ok {
		return &TooSoon{Wait: wait, Every: s.renewEvery}
	}
	return nil
}

// mayUseCodes answers fault.TooMany when too many codes were entered or asked
// for from the address of the caller, be it for many accounts.
func (s *Service) mayUseCodes(ctx context.Context) error {
	ip, err := netip.ParseAddr(callerFrom(ctx).ip)
	if err != nil || s.address.exempt.Contains(ip) { // without one: the command line
		return nil
	}
	if ok, wait := s.codesFrom.Allow(limit.Prefix(ip)); !ok {
		return fault.New(fault.TooMany, "Too many codes from your address; wait a little").WithRetryAfter(wait)
	}
	return nil
}

// useCode compares a code and, if it is right, removes it. refused is why it is
// not taken; tries are counted, so the transaction must be committed.
func (s *Service) useCode(ctx context.Context, tx *db.Tx, account int64, purpose, token string) (t mailToken, refused, err error) {
	// Counted first, which makes tries at the same time wait for each other.
	counted, err := countTokenTry(ctx, tx, account, purpose, mailTokenTries)
	if err != nil {
		return t, nil, err
	}
	if !counted {
		return t, ErrNoMailToken, nil
	}
	if t, err = findMailToken(ctx, tx, account, purpose); err != nil {
		return t, nil, err
	}
	if s.now().Sub(t.created) >= mailTokenLifetime {
		return t, ErrNoMailToken, nil
	}
	if subtle.ConstantTimeCompare(t.hash, hashMailToken(account, purpose, token)) != 1 {
		return t, ErrWrongMailToken, nil
	}
	return t, nil, deleteMailToken(ctx, tx, account, purpose)
}
