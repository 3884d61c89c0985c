package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/mail"
	"github.com/quartermasterd/quartermaster/daemon/steam/openid"
)

// Options wires a Service.
type Options struct {
	DB        *db.DB           // must not be nil
	Log       *slog.Logger     // nil: slog.Default
	Now       func() time.Time // nil: time.Now
	Limits    config.Limits
	DataDir   string // where setup-link.txt is written
	PublicURL string // "" or http(s)://host; its origin is trusted and setup links begin with it

	OpenID *openid.Client // nil: nobody signs in through Steam
	People People         // nil: there is no key to ask Steam about people with

	Demos bool // recordings are taken here, which the page wants to know

	Mail       Mailer        // nil: no mail is ever sent
	AutoVerify bool          // an address is believed when somebody registers with it
	MailRenew  time.Duration // pause between two codes for one account; 0: 30 s
	// UnverifiedFor is how long an account stays whose address is not proved;
	// 0: for ever.
	UnverifiedFor time.Duration
	// BlocklistFile names a file of mail domains whose addresses are refused,
	// BlocklistURL where such a list is fetched from; both may be empty.
	BlocklistFile, BlocklistURL string
	// Metaserver is told to pages: players, clans, matches and the list of game
	// servers are kept here.
	Metaserver bool
}

// Mailer sends mails; *mail.Queue does.
type Mailer interface {
	// Ready reports whether mails go anywhere.
	Ready() bool
	// Enqueue has a mail sent if the transaction is committed.
	Enqueue(ctx context.Context, tx *db.Tx, m mail.Message) error
	// Wake says that a transaction with a mail was committed.
	Wake()
}

// Service is the accounts of one database. It is safe for concurrent use, and
// several processes may work on the same database.
type Service struct {
	db      *db.DB
	log     *slog.Logger
	now     func() time.Time
	dataDir string
	public  string
	openid  *openid.Client
	people  People
	demos   bool

	hasher   *hasher
	throttle *throttle
	address  addressLimit
	cache    *cache
	reloads  *reloads
	steam    *prometheus.CounterVec
	origins  *http.CrossOriginProtection
	ready    atomic.Bool // an admin exists; it stays so

	mail          Mailer // nil: none
	autoVerify    bool
	metaserver    bool // is told to pages
	renewEvery    time.Duration
	unverifiedFor time.Duration
	blocklist     *blocklist
	parts         []Part
	resets        chan string // keys of addresses
	persons       *persons
	logins        *logins
	guesses       *throttle // wrong passwords by address
	registrations *limit.Keyed[netip.Prefix]
	codes         *limit.Keyed[int64]        // mailed codes by account
	codesFrom     *limit.Keyed[netip.Prefix] // codes entered and asked for, by address
}

// New returns a Service. It opens and starts nothing.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Service{
		db: o.DB, log: o.Log.With(slog.String("component", "accounts")), now: o.Now,
		dataDir: o.DataDir, public: strings.TrimRight(o.PublicURL, "/"),
		openid: o.OpenID, people: o.People, demos: o.Demos, reloads: newReloads(o.Now), steam: newSteamCounter(),
		hasher: newHasher(), throttle: newThrottle(o.Now, freeTries, tryStep, "for this name"), cache: newCache(),
		origins: http.NewCrossOriginProtection(),

		mail: o.Mail, metaserver: o.Metaserver, autoVerify: o.AutoVerify, renewEvery: cmp.Or(o.MailRenew, 30*time.Second),
		unverifiedFor: o.UnverifiedFor,
		resets:        make(chan string, resetRequests),
		persons:       newPersons(), logins: newLogins(),
		guesses:       newThrottle(o.Now, freeTriesIP, tryStepIP, "from your address"),
		registrations: limit.New[netip.Prefix](registerPerSecond, registerBurst, maxTracked, o.Now),
		codes:         limit.New[int64](mailsPerDay/(24*time.Hour).Seconds(), mailsPerDay, maxTracked, o.Now),
		codesFrom:     limit.New[netip.Prefix](codePerSecond, codeBurst, maxTracked, o.Now),
	}
	s.blocklist = newBlocklist(o, s.log)
	perMinute := max(1, o.Limits.LoginPerMinute)
	s.address.keyed = limit.New[netip.Prefix](float64(perMinute)/60, perMinute, maxTracked, o.Now)
	exempt, err := limit.ParseNetworks(o.Limits.Exempt)
	if err != nil { // the configuration was validated; without the list everybody is limited
		s.log.Warn("limits.exempt is not used", slog.Any("error", err))
	}
	s.address.exempt = exempt
	if u, err := url.Parse(o.PublicURL); err == nil && u.Host != "" {
		if err := s.origins.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			s.log.Warn("http.public_url is not trusted as an origin", slog.Any("error", err))
		}
	}
	return s
}

// Run removes what has expired, once at the start and then every hour, until
// ctx ends. It returns nil.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	shown := time.NewTicker(time.Minute)
	defer shown.Stop()
	online := time.NewTicker(onlineEvery)
	defer online.Stop()
	defer s.flushOnline(ctx)
	var lists sync.WaitGroup
	lists.Go(func() { s.blocklist.run(ctx) })
	defer lists.Wait()
	for due := true; ; {
		if due {
			if err := errors.Join(s.prune(ctx), s.pruneUnverified(ctx)); err != nil && ctx.Err() == nil {
				s.log.Warn("what has expired could not be removed", slog.Any("error", err))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			due = true
		case <-shown.C:
			due = false
			s.reloads.forget()
		case <-online.C:
			due = false
			s.writeOnline(ctx)
		case <-s.persons.full:
			due = false
			s.writeOnline(ctx)
		case key := <-s.resets:
			due = false
			s.mailReset(ctx, key)
		}
	}
}

// writeOnline writes who was online, unless the database cannot.
func (s *Service) writeOnline(ctx context.Context) {
	if err := s.saveOnline(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("who was online could not be written; it is tried again", slog.Any("error", err))
	}
}

// flushOnline writes what waits when the daemon stops.
func (s *Service) flushOnline(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	s.writeOnline(ctx)
}

func (s *Service) prune(ctx context.Context) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		now := s.now()
		if err := deleteExpiredSessions(ctx, tx, now); err != nil {
			return err
		}
		if err := deleteExpiredNonces(ctx, tx, now); err != nil {
			return err
		}
		if err := deleteExpiredMailTokens(ctx, tx, now); err != nil {
			return err
		}
		return deleteOldAudit(ctx, tx, now)
	})
}

// Account returns the account that ref names: "#" and its number, a SteamID in
// any form, its e-mail address, or its display name. What reads as a SteamID is one, so that a
// name cannot pass for somebody else. fault.NotFound.
func (s *Service) Account(ctx context.Context, ref string) (a Account, err error) {
	if number, ok := strings.CutPrefix(ref, "#"); ok {
		id, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return Account{}, fault.New(fault.Invalid, "%q is not an account number", ref)
		}
		err = s.db.Read(ctx, func(tx *db.Tx) error {
			a, _, err = findAccount(ctx, tx, id)
			return err
		})
		return a, err
	}
	id, ok, err := parsePerson(ref)
	switch {
	case err != nil:
		return Account{}, err
	case ok:
		err = s.db.Read(ctx, func(tx *db.Tx) error {
			a, _, err = findAccountBySteam(ctx, tx, id)
			return err
		})
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.NotFound, "No account belongs to the SteamID %s", id.Decimal())
		}
		return a, err
	}
	a, _, _, err = s.lookUpSignIn(ctx, Attempt{Name: ref})
	if err == nil && a.ID == 0 {
		err = fault.New(fault.NotFound, "There is no account %q", ref).
			WithHint("quartermaster admin list shows the accounts")
	}
	return a, err
}

// Accounts returns up to n accounts by number, from the cursor on ("" the
// first), and the cursor of the next page ("" after the last). search is part of
// the name or of the e-mail address, without regard to case; "": all.
func (s *Service) Accounts(ctx context.Context, search, cursor string, n int) (all []Account, next string, err error) {
	after, err := parseCursor(cursor, 0)
	if err != nil {
		return nil, "", err
	}
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		all, err = listAccounts(ctx, tx, searchPattern(search), after, n+1)
		return err
	})
	all, next = page(all, n, func(a Account) int64 { return a.ID })
	return all, next, err
}

// searchPattern is what LIKE looks for in keys of addresses.
func searchPattern(search string) string {
	search = shownText(strings.TrimSpace(search), 4*maxEmail)
	if search == "" {
		return ""
	}
	folded := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(search)))
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(folded) + "%"
}

// skeletonPattern is a searchPattern for keys of names.
func skeletonPattern(pattern string) string { return skeleton(pattern) }

// page cuts a list that was asked for with one row more than the n wanted.
func page[T any](all []T, n int, id func(T) int64) ([]T, string) {
	if len(all) <= n || n < 1 {
		return all, ""
	}
	return all[:n], strconv.FormatInt(id(all[n-1]), 10)
}

func parseCursor(text string, first int64) (int64, error) {
	if text == "" {
		return first, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 0 {
		return 0, fault.New(fault.Invalid, "The cursor is not one of ours")
	}
	return id, nil
}

// newest is the cursor of the first page of lists that begin with the newest.
const newest = math.MaxInt64

// Create makes an account with a password and, unless role is RolePlayer, a
// role. fault.Conflict when the name is taken, fault.Invalid when the name or
// password will not do.
func (s *Service) Create(ctx context.Context, name, password string, role Role) (Account, error) {
	name, phc, err := s.prepare(ctx, name, password)
	if err != nil {
		return Account{}, err
	}
	var a Account
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		a, err = s.create(ctx, tx, name, phc, role)
		return err
	})
	if err == nil && role == RoleAdmin {
		s.setupDone()
	}
	return a, err
}

// prepare cleans and checks a new account's name and hashes its password.
func (s *Service) prepare(ctx context.Context, name, password string) (clean, phc string, err error) {
	if clean, err = checkNewName(name); err != nil {
		return "", "", err
	}
	if err = checkPassword(clean, password); err != nil {
		return "", "", err
	}
	phc, err = s.hasher.hash(ctx, normalPassword(password))
	return clean, phc, err
}

// create inserts the account, its role and the audit row.
func (s *Service) create(ctx context.Context, tx *db.Tx, name, phc string, role Role) (Account, error) {
	now := s.now()
	id, err := insertAccount(ctx, tx, name, phc, now)
	if err != nil {
		return Account{}, err
	}
	a := Account{ID: id, Name: name, Roles: []Role{}, CreatedAt: db.Time(db.Micros(now))}
	detail := "player"
	if role != RolePlayer {
		a.Roles, detail = append(a.Roles, role), string(role)
		if _, err := insertRole(ctx, tx, id, role, now); err != nil {
			return Account{}, err
		}
	}
	if role == RoleAdmin {
		if err := deleteSetup(ctx, tx); err != nil {
			return Account{}, err
		}
	}
	return a, s.Audit(ctx, tx, "account.create", target(a), detail)
}

// target names an account in the audit record.
func target(a Account) string { return fmt.Sprintf("account #%d %s", a.ID, a.Name) }

// change loads an account, lets fn change it, records that, and forgets what
// is cached. fn returns whether there was anything to do.
func (s *Service) change(ctx context.Context, id int64, action, detail string, fn func(*db.Tx, Account) (bool, error)) error {
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		a, _, err := findAccount(ctx, tx, id)
		if err != nil {
			return err
		}
		changed, err := fn(tx, a)
		if err != nil || !changed {
			return err
		}
		return s.Audit(ctx, tx, action, target(a), detail)
	})
	s.cache.clear()
	s.persons.drop(id)
	return err
}

// Grant gives an account a role; giving it again does nothing.
func (s *Service) Grant(ctx context.Context, id int64, role Role) error {
	if _, err := ParseRole(string(role)); err != nil {
		return err
	}
	err := s.change(ctx, id, "role.grant", string(role), func(tx *db.Tx, a Account) (bool, error) {
		if role == RoleAdmin {
			if err := deleteSetup(ctx, tx); err != nil {
				return false, err
			}
		}
		return insertRole(ctx, tx, id, role, s.now())
	})
	if err == nil && role == RoleAdmin {
		s.setupDone()
	}
	return err
}

// Revoke takes a role away; taking it again does nothing. fault.Conflict when
// it would leave nobody who is an admin.
func (s *Service) Revoke(ctx context.Context, id int64, role Role) error {
	if _, err := ParseRole(string(role)); err != nil {
		return err
	}
	return s.change(ctx, id, "role.revoke", string(role), func(tx *db.Tx, a Account) (bool, error) {
		if role == RoleAdmin && a.Has(role) {
			if err := keepsAdmin(ctx, tx, a); err != nil {
				return false, err
			}
		}
		return deleteRole(ctx, tx, id, role)
	})
}

// Delete removes an account with its sessions and keys; the audit record
// stays. fault.Conflict when it is the last admin, or when a feature says that
// something must be handed on first.
func (s *Service) Delete(ctx context.Context, id int64) error {
	return s.change(ctx, id, "account.delete", "", func(tx *db.Tx, a Account) (bool, error) {
		if a.Has(RoleAdmin) {
			if err := keepsAdmin(ctx, tx, a); err != nil {
				return false, err
			}
		}
		if err := s.leave(ctx, tx, id); err != nil {
			return false, err
		}
		return true, deleteAccount(ctx, tx, id)
	})
}

// keepsAdmin answers fault.Conflict when nobody but a can sign in as an admin.
func keepsAdmin(ctx context.Context, tx *db.Tx, a Account) error {
	n, err := countOtherAdmins(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Conflict, "%s is the last admin", a.Name).
			WithHint("make somebody else an admin first")
	}
	return nil
}

// SetPassword replaces an account's password and ends its sessions except
// keep (0: all). API keys stay valid.
func (s *Service) SetPassword(ctx context.Context, id int64, password string, keep int64) error {
	var name string
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		a, _, err := findAccount(ctx, tx, id)
		name = a.Name
		return err
	})
	if err != nil {
		return err
	}
	if err := checkPassword(name, password); err != nil {
		return err
	}
	phc, err := s.hasher.hash(ctx, normalPassword(password))
	if err != nil {
		return err
	}
	return s.change(ctx, id, "account.password", "", func(tx *db.Tx, a Account) (bool, error) {
		if err := updatePassword(ctx, tx, id, phc); err != nil {
			return false, err
		}
		return true, deleteOtherSessions(ctx, tx, id, keep)
	})
}

// Audit records that the caller of ctx did something. It belongs into the
// transaction that does it, so that neither exists without the other.
func (s *Service) Audit(ctx context.Context, tx *db.Tx, action, target, detail string) error {
	c := callerFrom(ctx)
	e := AuditEntry{
		At: s.now(), AccountID: c.AccountID, Who: c.Name, Via: c.Via,
		Action: action, Target: shownText(target, maxAudit), Detail: shownText(detail, maxAudit), IP: c.ip,
	}
	if e.Via == "" {
		e.Who, e.Via = "quartermaster", viaSystem
	}
	return insertAudit(ctx, tx, e)
}

// AuditLog returns up to n entries, the newest first, from the cursor on (""
// the newest), and the cursor of the next page ("" after the last). action
// "" means every action.
func (s *Service) AuditLog(ctx context.Context, action, cursor string, n int) (all []AuditEntry, next string, err error) {
	before, err := parseCursor(cursor, newest)
	if err != nil {
		return nil, "", err
	}
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		all, err = listAudit(ctx, tx, action, before, n+1)
		return err
	})
	all, next = page(all, n, func(e AuditEntry) int64 { return e.ID })
	return all, next, err
}
