package metaserver

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/clans"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/matches"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/serverlist"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Accounts is what the metaserver needs of the accounts. *accounts.Service is
// one.
type Accounts interface {
	RegisterPerson(ctx context.Context, p accounts.NewPerson, ip netip.Addr) (accounts.Person, error)
	ByEmail(ctx context.Context, email, password string, ip netip.Addr) (accounts.Person, error)
	VerifyEmail(ctx context.Context, account int64, token string) (accounts.Person, error)
	RenewMailToken(ctx context.Context, account int64) error
	Rename(ctx context.Context, account int64, name string) (accounts.Person, error)
	Persons(ctx context.Context, ids []int64) ([]accounts.Person, error)
	Person(ctx context.Context, id int64) (accounts.Person, bool, error)
	EmailBlocked(address string) bool
	SeenOnline(ctx context.Context, account int64) (time.Time, error)
	SearchPersons(ctx context.Context, f accounts.PersonFilter, cursor string, n int) (accounts.PersonPage, error)
	Account(ctx context.Context, ref string) (accounts.Account, error)
}

// Options say what a Service is made of. DB and Accounts are needed; the rest
// may be left empty.
type Options struct {
	Config   config.Metaserver
	Limits   config.Limits
	DB       *db.DB
	Accounts Accounts
	// PublicURL is the address under which the outside reaches us, which
	// signed proofs name as their issuer; "": they name none.
	PublicURL string
	// NoMail: mails cannot be sent.
	NoMail bool

	Log        *slog.Logger
	Now        func() time.Time
	Hub        *web.Hub              // nil: no events
	Registerer prometheus.Registerer // nil: no metrics
	// Audit writes what a person did into the audit log, in the transaction
	// that does it; nil: nothing is written.
	Audit func(ctx context.Context, tx *db.Tx, action, target, detail string) error
	// ModURL returns the path under which a Workshop item of an application
	// can be downloaded here, "" when it cannot; nil: none can.
	ModURL func(ctx context.Context, app uint32, id uint64) string
	// ProbeA2S asks a game server for A2S_INFO; nil: whether one can be
	// reached is only tried by TCP.
	ProbeA2S func(ctx context.Context, at netip.AddrPort) error
	// Demos returns the recordings made on a game server between two times
	// that the caller may see; nil: there are none.
	Demos func(ctx context.Context, host string, port int, from, to time.Time) ([]matches.Demo, error)
}

// Service is the metaserver. It is safe for concurrent use.
type Service struct {
	options  Options
	config   config.Metaserver
	log      *slog.Logger
	now      func() time.Time
	accounts Accounts
	keys     *keyring
	face     *face
	clans    *clans.Service
	allClans map[bool]*clanList // with icons or without
	matches  *matches.Service
	servers  *serverlist.Service
}

// New wires a Service; it does no work.
func New(o Options) (*Service, error) {
	if o.DB == nil || o.Accounts == nil {
		return nil, errors.New("metaserver: DB and Accounts are needed")
	}
	s := &Service{options: o, config: o.Config, log: o.Log, now: o.Now, accounts: o.Accounts}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("component", "metaserver")
	if s.now == nil {
		s.now = time.Now
	}
	s.options.PublicURL = strings.TrimRight(o.PublicURL, "/")
	s.keys = &keyring{db: o.DB, log: s.log, now: s.now, rotation: o.Config.ProofKeyRotation.Std(), audit: o.Audit}
	exempt, err := limit.ParseNetworks(o.Limits.Exempt)
	if err != nil {
		return nil, err
	}
	if s.clans, err = s.newClans(); err != nil {
		return nil, err
	}
	if s.matches, err = s.newMatches(); err != nil {
		return nil, err
	}
	if s.servers, err = s.newServers(); err != nil {
		return nil, err
	}
	s.face = newFace(s, exempt, o.Limits.PerIPRPS)
	return s, nil
}

// Load prepares what the first request needs. It is called once, before
// requests are served.
func (s *Service) Load(ctx context.Context) error {
	return errors.Join(s.keys.load(ctx), s.servers.Load(ctx))
}

// Run does what has to happen without a request, until ctx ends. Load comes
// first.
func (s *Service) Run(ctx context.Context) error {
	if s.options.PublicURL == "" {
		s.log.Warn("signed proofs name no issuer, and game servers that check them by themselves refuse them; set http.public_url")
	}
	if s.options.NoMail && !s.config.AutoVerify {
		s.log.Warn("nobody can register, because mails cannot be sent; set mail.url and mail.from, or mail.outbox for trials, or metaserver.auto_verify")
	}
	var g errgroup.Group
	g.Go(func() error { s.keys.run(ctx); return nil })
	g.Go(func() error { return s.clans.Run(ctx) })
	g.Go(func() error { return s.servers.Run(ctx) })
	g.Go(func() error { return s.matches.Run(ctx) })
	return g.Wait()
}

// Register adds the face and the operations of the API to the server.
func (s *Service) Register(srv *web.Server) {
	describe(srv.API().OpenAPI())
	srv.First(s.face.match, s.face, s.face.operations()...)
	s.clans.Register(srv)
	s.registerPlayers(srv)
	s.registerProofKeys(srv)
	s.servers.Register(srv)
	s.matches.Register(srv)
}
