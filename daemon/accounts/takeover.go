package accounts

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/mail"
)

// Arrival is a person of another metaserver who is taken over. A zero time
// means that it has not happened.
type Arrival struct {
	ID          int64 // which must be free
	Email, Name string
	// Salt and Key are what is stored of the password there, see
	// LegacyPassword.
	Salt, Key string
	Created   time.Time
	Verified  time.Time // when the address was proved
	LastOnline,
	Closed time.Time
	ClosedReason string
}

// HolderOf returns the account that an e-mail address belongs to, 0 when there
// is none, and whether it was proved. The address is taken as people type it.
func (s *Service) HolderOf(ctx context.Context, tx *db.Tx, email string) (account int64, verified bool, err error) {
	address, err := NormalEmail(email)
	if err != nil {
		return 0, false, nil //nolint:nilerr // what is no address is nobody's
	}
	r, err := findRecordByEmail(ctx, tx, emailKey(address))
	if fault.Is(err, fault.NotFound) {
		return 0, false, nil
	}
	return r.ID, !r.Verified.IsZero(), err
}

// TakeOver adds a person under his number. The password is the old one until
// its owner signs in. A name that nobody may have here, or that another has,
// is made one that he can have; an address that another has, or that is none,
// is left out. Such changes are told of.
func (s *Service) TakeOver(ctx context.Context, tx *db.Tx, a Arrival) (notes []string, err error) {
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	stored, err := LegacyPassword(a.Salt, a.Key)
	if err != nil {
		note("the password cannot be read; its owner has it reset")
		stored = ""
	}
	name, err := s.freeName(ctx, tx, a)
	if err != nil {
		return nil, err
	}
	if name != a.Name {
		note("the name %q is %q here", shownText(a.Name, 4*maxName), name)
	}
	reason := ""
	if !a.Closed.IsZero() {
		if reason = shownText(a.ClosedReason, maxReason); reason == "" || reason == closedByOwner {
			reason = "deleted at the metaserver before this one"
		}
	}
	if _, err = tx.Exec(ctx, `INSERT INTO accounts_account
		(id, name, name_key, password, created_at, last_login_at, last_online_at, closed_at, closed_reason)
		VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8)`, a.ID, name, nameKey(name), stored,
		db.Micros(a.Created), db.Micros(a.LastOnline), db.Micros(a.Closed), reason); err != nil {
		return nil, err
	}
	address, err := NormalEmail(a.Email)
	if err != nil {
		note("the e-mail address is none; the account is without")
		return notes, nil
	}
	holder, _, err := s.HolderOf(ctx, tx, address)
	if err != nil {
		return nil, err
	}
	if holder != 0 {
		note("the e-mail address belongs to account #%d; this one is without", holder)
		return notes, nil
	}
	return notes, putEmail(ctx, tx, a.ID, address, mail.Language(""), a.Verified)
}

// freeName returns what somebody is called: his name; else his name without
// what does not show; else that with his number behind it; else "player-" and
// his number, with another number behind that for as long as it is taken.
func (s *Service) freeName(ctx context.Context, tx *db.Tx, a Arrival) (string, error) {
	number := fmt.Sprintf("-%d", a.ID)
	shownName := showName(a.Name)
	short := []rune(shownName)
	if most := maxName - len(number); len(short) > most {
		short = short[:most]
	}
	for i := 0; ; i++ {
		var name string
		switch i {
		case 0:
			name = a.Name
		case 1:
			name = shownName
		case 2:
			name = strings.TrimSpace(string(short)) + number
		case 3:
			name = "player" + number
		default:
			name = fmt.Sprintf("player%s-%d", number, i-2)
		}
		clean, err := checkNewName(name)
		if err != nil || i == 2 && shownName == "" {
			continue
		}
		taken, err := nameTakenBut(ctx, tx, clean, 0)
		if err != nil || !taken {
			return clean, err
		}
	}
}

// showName takes from a name what does not show, what is too long, and a #
// that it begins with.
func showName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError, !unicode.IsPrint(r), unicode.Is(unicode.Variation_Selector, r),
			strings.ContainsRune("\u034f\u115f\u1160\u3164\uffa0\u2800", r):
			return -1
		}
		return r
	}, norm.NFC.String(strings.ToValidUTF8(name, "")))
	runes := []rune(strings.TrimLeft(strings.TrimSpace(name), "# "))
	return strings.TrimSpace(string(runes[:min(len(runes), maxName)]))
}
