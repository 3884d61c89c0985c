package serverlist

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Options say what a Service is made of. DB and Wire are needed; the rest may
// be left empty.
type Options struct {
	DB *db.DB
	// Wire returns a server as the public list shows it, one JSON value.
	Wire func(*Server) []byte

	MaxPerUser      int           // servers of one account; 0: as many as it likes
	MaxPerIP        int           // servers registered from one address; 0: as many as it likes
	Window          time.Duration // for which a heartbeat counts; 0: a minute
	ListUnreachable bool          // list servers that the last check did not reach
	ProbePrivate    bool          // check private addresses too

	Log *slog.Logger
	Now func() time.Time
	Hub *web.Hub // nil: no events
	// Registerer takes the metrics; nil: there are none.
	Registerer prometheus.Registerer
	// Audit writes what a person did into the audit log, in the transaction
	// that does it; nil: nothing is written.
	Audit func(ctx context.Context, tx *db.Tx, action, target, detail string) error
	// Names returns the display names of accounts; nil: nobody has one.
	Names func(ctx context.Context, accounts []int64) (map[int64]string, error)
	// Closed reports whether an account was closed: its servers are then nobody.
	// nil: none is.
	Closed func(ctx context.Context, account int64) (bool, error)
	// ModURL returns the path under which a Workshop item of an application
	// can be downloaded here, "" when it cannot; nil: none can.
	ModURL func(ctx context.Context, app uint32, id uint64) string
	// ProbeA2S asks a server for A2S_INFO; nil: only TCP is tried.
	ProbeA2S func(ctx context.Context, at netip.AddrPort) error
	// ProbeTCP opens and closes a connection; nil: by the system.
	ProbeTCP func(ctx context.Context, at netip.AddrPort) error
	// Resolve looks the addresses of a host up; nil: by the system.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Service keeps the registered servers and the list. It is safe for
// concurrent use.
type Service struct {
	options Options
	store   store
	log     *slog.Logger
	board   *board
	prober  *prober
	metrics *metrics

	mu    sync.Mutex
	known map[int64]known // credentials that were looked up a moment ago

	published Totals // of the last event; of Run alone

	legacyQueued, legacyRunning chan struct{} // see right
}

// known is a credential as it was in the database.
type known struct {
	Credential
	at time.Time
}

const (
	// keepCredential bounds how long what another process changed is not seen.
	keepCredential = 3 * time.Second
	maxKnown       = 16384
)

// New wires a Service; it does no work.
func New(o Options) (*Service, error) {
	if o.DB == nil || o.Wire == nil {
		return nil, errors.New("serverlist: DB and Wire are needed")
	}
	if o.Window <= 0 {
		o.Window = time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Service{options: o, store: store{o.DB}, log: o.Log.With("component", "serverlist"), known: map[int64]known{}}
	s.legacyQueued, s.legacyRunning = make(chan struct{}, legacyQueue), make(chan struct{}, legacyAtOnce)
	s.board = newBoard(o.Window, o.ListUnreachable, o.Wire, s.now)
	s.prober = newProber(&o, s.now)
	s.metrics = newMetrics(o.Registerer, s)
	return s, nil
}

// now is exact to the microsecond, as everything that is stored.
func (s *Service) now() time.Time { return s.options.Now().UTC().Truncate(time.Microsecond) }

func (s *Service) audit(ctx context.Context, tx *db.Tx, action, target, detail string) error {
	if s.options.Audit == nil {
		return nil
	}
	return s.options.Audit(ctx, tx, action, target, detail)
}

// Authenticate returns the server that these credentials belong to. The id is
// compared as text, decimal without leading zeros. ErrCredentials.
func (s *Service) Authenticate(ctx context.Context, id, password string) (Credential, error) {
	number, ok := parseID(id)
	if !ok {
		return Credential{}, ErrCredentials
	}
	// 128 random bits need no slow hash.
	hash := sha256.Sum256([]byte(password))
	s.mu.Lock()
	k, ok := s.known[number]
	s.mu.Unlock()
	age := s.now().Sub(k.at)
	if ok && age >= 0 && age < keepCredential && subtle.ConstantTimeCompare(k.hash[:], hash[:]) == 1 {
		return k.Credential, nil
	}
	c, stored, err := s.store.credential(ctx, number)
	if fault.Is(err, fault.NotFound) {
		return Credential{}, ErrCredentials
	}
	if err != nil {
		return Credential{}, err
	}
	right, legacy, err := s.right(ctx, stored, password, hash)
	if err != nil {
		return Credential{}, err
	}
	if !right {
		return Credential{}, ErrCredentials
	}
	if s.options.Closed != nil {
		closed, err := s.options.Closed(ctx, c.Owner)
		if err != nil {
			return Credential{}, err
		}
		if closed {
			return Credential{}, ErrCredentials
		}
	}
	if legacy {
		if err := s.upgrade(ctx, number, stored, hash); err != nil {
			return Credential{}, err
		}
	}
	c.hash = hash
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxKnown {
		clear(s.known)
	}
	s.known[number] = known{c, s.now()}
	return c, nil
}

// forget drops what is remembered of a server's password.
func (s *Service) forget(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, id)
}

// Add registers a server of an account and returns it with its password,
// which is shown this once. It is not listed before its first heartbeat.
// fault.Invalid: the details will not do, the account has as many servers as
// it may, or as many were registered from this address as may be.
func (s *Service) Add(ctx context.Context, owner int64, d Details, extras ExtrasChange, from netip.Addr) (Server, string, error) {
	if err := d.check(); err != nil {
		return Server{}, "", err
	}
	e, err := extras.apply(Extras{}, false)
	if err != nil {
		return Server{}, "", err
	}
	network := ""
	if p := limit.Prefix(from); p.IsValid() {
		network = p.String()
	}
	password, hash := newPassword()
	var made Server
	err = s.store.db.Write(ctx, func(tx *db.Tx) error {
		if err := s.room(ctx, tx, owner, network); err != nil {
			return err
		}
		var err error
		made, err = insert(ctx, tx, Server{Owner: owner, Details: d, Extras: e, Created: s.now()}, hash, network)
		return err
	})
	if err != nil {
		return Server{}, "", err
	}
	s.board.put(made)
	return made, password, nil
}

// room answers fault.Invalid when there are as many servers as there may be.
func (s *Service) room(ctx context.Context, tx *db.Tx, owner int64, network string) error {
	owned, near, err := counts(ctx, tx, owner, network)
	if err != nil {
		return err
	}
	if most := s.options.MaxPerUser; most > 0 && owned >= most {
		return fault.New(fault.Invalid, "User has reached the max number of servers of %d", most).
			WithHint("Delete one that is not used any more.")
	}
	if most := s.options.MaxPerIP; most > 0 && network != "" && near >= most {
		return fault.New(fault.Invalid, "This address has reached the max number of servers of %d", most)
	}
	return nil
}

// Heartbeat stores what a server says of itself and puts it on the list. When
// it returns, that is on stable storage and in the next list. ErrCredentials:
// its password was changed meanwhile, or it was closed or deleted.
func (s *Service) Heartbeat(ctx context.Context, c Credential, st Status) (Server, error) {
	if err := st.check(); err != nil {
		return Server{}, err
	}
	st.Map = Clean(st.Map)
	var now Server
	err := s.store.db.Write(ctx, func(tx *db.Tx) error {
		var err error
		now, err = heartbeat(ctx, tx, c, st, s.now())
		return err
	})
	s.metrics.count(err)
	if err != nil {
		s.forget(c.Server)
		return Server{}, err
	}
	s.board.put(now)
	return now, nil
}

// List returns the list as it is now.
func (s *Service) List() *Page { return s.board.current() }

// Gzip returns the compressed body of a page of List; ok is false when the
// page is to be sent as it is.
func (s *Service) Gzip(p *Page) (body []byte, ok bool) { return s.board.gzip(p) }

// Owned returns the servers of an account, by id.
func (s *Service) Owned(ctx context.Context, owner int64) ([]Server, error) {
	return s.store.owned(ctx, owner)
}

// Server returns a server that is not deleted; fault.NotFound.
func (s *Service) Server(ctx context.Context, id int64) (Server, error) {
	return s.store.server(ctx, id)
}
