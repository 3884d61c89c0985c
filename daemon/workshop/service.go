package workshop

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/web"
	"github.com/quartermasterd/quartermaster/daemon/workshop/catalog"
	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl"
	"github.com/quartermasterd/quartermaster/daemon/workshop/peers"
	"github.com/quartermasterd/quartermaster/daemon/workshop/radar"
)

// Options say what a Service is made of. DB, Blobs and Client must not be
// nil; the rest may be left empty.
type Options struct {
	Config config.Workshop
	Steam  config.Steam
	Limits config.Limits
	// SteamCMD configures the source "steamcmd", which works below DataDir,
	// an absolute path that may be empty when the source is off.
	SteamCMD config.SteamCMD
	DataDir  string
	// UserAgent is how we call ourselves to backup servers of others and to
	// webhooks, for example "quartermaster/1.2". Empty: without a version.
	UserAgent string
	// RequestHeaders is log.request_headers: "first" logs the headers of the
	// first requests of each User-Agent on the game-client face.
	RequestHeaders string

	DB     *db.DB
	Blobs  blob.Store
	Client *webapi.Client
	// Games and Pages complete the catalogue. nil: games have no names, and
	// only what Client tells of an item is known.
	Games catalog.Games
	Pages catalog.Pages
	// Quiet keeps the catalogue from asking Steam about mods that nobody asked
	// for.
	Quiet bool

	Log        *slog.Logger
	Clock      durable.Clock
	Hub        *web.Hub              // nil: no events
	Registerer prometheus.Registerer // nil: no metrics
	PublicURL  string                // http.public_url
	ListenHost string                // of the first plain listener; empty: every address
	ListenPort int
	// WebhookTransport sends messages to the webhooks of game servers. nil:
	// the network.
	WebhookTransport http.RoundTripper
	// Received waits until n bytes that a source fetched from elsewhere fit
	// into limits.upload_rate. Every source that reads from the network calls
	// it for all it read. nil: no limit.
	Received func(ctx context.Context, n int) error
	// Audit writes what a person did into the audit log, in the transaction
	// that does it. nil: nothing is written.
	Audit func(ctx context.Context, tx *db.Tx, action, target, detail string) error
	// Owner names this process in the leases of jobs. Empty: one is made up,
	// and jobs that a killed process left behind wait for their lease to end.
	Owner string
}

// Service is the library of mods: what is stored, what is wanted, how it is
// brought here, and who may have it. It is safe for concurrent use.
type Service struct {
	options Options
	config  config.Workshop
	log     *slog.Logger
	clock   durable.Clock
	store   store
	blobs   blob.Store
	steam   steamAPI
	details *Details
	owner   string

	policy  *policy
	index   *index
	records *records
	roots   *Roots
	// rootLevel is warn while Run runs: a command beside the daemon has no
	// reason to repeat what is wrong with the folders.
	rootLevel slog.LevelVar
	sources   []Source
	steamcmd  *SteamCMD // nil: off
	peers     *peers.Service
	suspects  *nameSet // to be checked
	gone      *nameSet // to be forgotten
	budget    *Budget
	hits      hitList
	metrics   *metrics
	problems  problems
	running   progress
	endings   endings
	hub       publisher // nil: nobody listens
	face      *ns2
	fastdl    *fastdl.Service
	radar     *radar.Service
	catalog   *catalog.Service
	shelf     *shelf                  // what the catalogue sees of us
	gameName  func(app uint32) string // "" if it is not known

	jitter   func() float64 // in [0, 1)
	promises *promises
	holds    holds
	evicted  evictedItems
	hashing  chan struct{} // capacity 1: who reads a zip before it is first served
	loading  sync.Mutex
	loaded   bool          // guarded by loading
	synced   time.Time     // what other processes wrote before is known; runQueue only
	tidy     chan struct{} // wakes the tidier
	scrub    chan struct{} // asks for a check of everything
	work     chan struct{} // wakes an idle worker
	relist   chan struct{} // wakes the monitor: there are new collections
	workers  sync.WaitGroup
}

// steamAPI is what we ask Steam.
type steamAPI interface {
	// FileDetails returns one answer per distinct id.
	FileDetails(ctx context.Context, ids []uint64) ([]webapi.FileDetails, error)
	Collection(ctx context.Context, ids []uint64) ([]webapi.CollectionDetails, error)
	State() webapi.State
}

// New wires a Service; it does no work. The error is a fault.Invalid that
// names a key when the configuration cannot be used.
func New(o Options) (*Service, error) {
	if o.DB == nil || o.Blobs == nil || o.Client == nil {
		return nil, errors.New("workshop: DB, Blobs and Client are needed")
	}
	s := &Service{
		options: o, config: o.Config, log: o.Log, clock: o.Clock,
		store: store{o.DB}, blobs: o.Blobs, steam: o.Client, owner: o.Owner,
		index: newIndex(), records: newRecords(), suspects: newNameSet(), gone: newNameSet(),
		budget: NewBudget(o.DB, o.Steam.DailyLimit),
		jitter: rand.Float64, hashing: make(chan struct{}, 1), tidy: make(chan struct{}, 1), scrub: make(chan struct{}, 1), work: make(chan struct{}, 1),
		relist: make(chan struct{}, 1),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("component", "workshop")
	if s.clock == nil {
		s.clock = durable.System
	}
	if o.Hub != nil {
		s.hub = o.Hub
	}
	if s.owner == "" {
		s.owner = newOwner()
	}
	s.policy = newPolicy(o.Config, func(id ItemID) bool { return len(s.index.item(id)) > 0 })
	s.promises = newPromises(s)
	s.metrics = newMetrics(o.Registerer, s)
	if err := s.newSources(); err != nil {
		return nil, err
	}
	if err := s.newFastDL(); err != nil {
		return nil, err
	}
	if err := s.newRadar(); err != nil {
		return nil, err
	}
	if err := s.newFace(); err != nil {
		return nil, err
	}
	return s, s.newCatalog()
}

// newFace wires the game-client face.
func (s *Service) newFace() error {
	exempt, err := limit.ParseNetworks(s.options.Limits.Exempt)
	if err != nil {
		return err
	}
	perMinute := s.options.Limits.MissPerMinute
	s.face = &ns2{
		s: s, mount: strings.TrimRight(s.config.Mount, "/"),
		keepAlive: s.config.NS2.KeepAlive, reasons: s.config.NS2.ReasonPhrases,
		misses: limit.New[netip.Prefix](float64(perMinute)/60, max(perMinute, 1), 1<<16, s.clock.Now), exempt: exempt,
	}
	s.face.log.s, s.face.log.log = s, s.options.Log
	if s.face.log.log == nil {
		s.face.log.log = slog.New(slog.DiscardHandler)
	}
	s.face.log.log = s.face.log.log.With("component", "ns2")
	s.face.log.first = s.options.RequestHeaders == "first"
	s.face.log.seed, s.face.log.agents = maphash.MakeSeed(), map[string][]uint64{}
	for a := range answerCount {
		s.face.canned[a] = can(a)
	}
	return nil
}

// newOwner names a process that nobody named.
func newOwner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return web.Clip(host, 64) + "/" + Name{Item: ItemID(rand.Uint64()), Version: int64(os.Getpid())}.String()
}
