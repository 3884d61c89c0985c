package demosink

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/demosink/anomaly"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Options say what a Service is made of. DB, Blobs, DataDir and Accounts are
// needed; the rest may be left empty.
type Options struct {
	Config   config.Demos
	Limits   config.Limits
	DB       *db.DB
	Blobs    blob.Store
	DataDir  string // absolute; recordings that are not closed lie below it
	Accounts Directory
	Steam    Verifier // nil: Steam is never asked

	Log        *slog.Logger
	Clock      durable.Clock
	FS         durable.FS            // nil: the disk
	Hub        *web.Hub              // nil: no events
	Registerer prometheus.Registerer // nil: no metrics
	// Audit writes what a person did into the audit log, in the transaction
	// that does it; nil: nothing is written.
	Audit func(ctx context.Context, tx *db.Tx, action, target, detail string) error
	// Names returns the display names of accounts; nil: nobody has one.
	Names func(ctx context.Context, accounts []int64) (map[int64]string, error)
	// Resolve looks the IPv4 addresses of a host up; nil: by the system.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// MinFree is how many bytes the disk must have free for a new recording
	// to begin.
	MinFree int64
}

// Service is the demo sink. It is safe for concurrent use.
type Service struct {
	options Options
	config  config.Demos
	log     *slog.Logger
	clock   durable.Clock
	store   store
	blobs   blob.Store
	spool   *spool
	ballast *ballast
	model   *anomaly.Model
	metrics *metrics

	players players
	syncer  syncer
	flow    flow
	finish  finisher
	steam   *steamCache
	face    *face
	wake    chan struct{} // a grace timer was set
	ending  chan struct{} // closed: connections are to end
	stop    sync.Once

	uploads uploads
	watcher *watcher
	more    chan struct{} // something was stored
	taking  chan struct{} // a slot for each file that is being made a recording
	direct  chan struct{} // and for each that comes in one piece
}

// New wires a Service; it does no work.
func New(o Options) (*Service, error) {
	if o.DB == nil || o.Blobs == nil || o.DataDir == "" || o.Accounts == nil {
		return nil, errors.New("demosink: DB, Blobs, DataDir and Accounts are needed")
	}
	s := &Service{
		options: o, config: o.Config, log: o.Log, clock: o.Clock, store: store{o.DB}, blobs: o.Blobs,
		model: anomaly.Demos(), wake: make(chan struct{}, 1), ending: make(chan struct{}),
		more: make(chan struct{}, 1), taking: make(chan struct{}, maxTaking), direct: make(chan struct{}, maxDirect),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	log := s.log
	s.log = log.With("component", "demos")
	if s.clock == nil {
		s.clock = durable.System
	}
	fs := o.FS
	if fs == nil {
		fs = durable.Disk
	}
	s.spool = newSpool(fs, o.DataDir)
	s.ballast = newBallast(s.spool, o.MinFree)
	s.uploads.init(s, fs, o.DataDir)
	s.watcher = newWatcher(s, fs, o.DataDir)
	s.players.all = map[int64]*player{}
	s.syncer.init(s)
	s.flow.init()
	s.finish.init(s)
	s.steam = newSteamCache(s)
	s.metrics = newMetrics(o.Registerer)
	var err error
	s.face, err = newFace(s, log)
	return s, err
}

// Load takes the spool and everything in it over from whoever had it before.
// It is called once, before requests are served. fault.Conflict: another
// process has the spool.
func (s *Service) Load(ctx context.Context) error {
	if err := s.spool.take(ctx); err != nil {
		return err
	}
	return s.recover(ctx)
}

// Run does what has to happen without a request, until ctx ends; then it ends
// the connections, stores what they brought and gives the spool back. Load
// comes first.
func (s *Service) Run(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { s.runGrace(ctx); return nil })
	g.Go(func() error { s.runHeartbeat(ctx); return nil })
	g.Go(func() error { s.runChecks(ctx); return nil })
	g.Go(func() error { s.runEmpty(ctx); return nil })
	g.Go(func() error { s.runUploads(ctx); return nil })
	g.Go(func() error { s.runRetention(ctx); return nil })
	g.Go(func() error { s.watcher.run(ctx); return nil })
	g.Go(func() error { s.runBallast(ctx); return nil })
	g.Go(func() error { s.runRelief(ctx); return nil })
	syncing, stopSyncing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSyncing()
	g.Go(func() error { s.syncer.run(syncing); return nil })
	<-ctx.Done()
	s.endStreams()
	s.finish.drain()
	stopSyncing()
	err := g.Wait()
	return errors.Join(err, s.spool.release())
}

// Times of the life of a session.
const (
	createdGrace = 10 * time.Minute // for a session that never had a connection
	recentFor    = 10 * time.Minute // after its end: late bytes and reports are still taken
	drainFor     = 2 * time.Second  // for the end of a connection whose session is being closed
	holdFor      = 3 * time.Second  // a new session waits for the old one to be closed
	silentFor    = time.Minute      // after which another connection takes a session over
	finishFor    = 700 * time.Millisecond
	lateFor      = 2 * time.Second
	leaseFor     = 30 * time.Second
	stopFor      = 1500 * time.Millisecond // of the stop, for connections to end
)

// runHeartbeat shows others that the owner of the spool is alive.
func (s *Service) runHeartbeat(ctx context.Context) {
	for {
		if err := s.store.heartbeat(ctx, s.spool.owner, s.clock.Now().Add(leaseFor)); err != nil && ctx.Err() == nil {
			s.log.Warn("the heartbeat of the recordings could not be written", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.clock.After(leaseFor / 3):
		}
	}
}

// published is the shape of events about live sessions.
type published struct {
	ID    SessionID `json:"id"`
	State string    `json:"state"` // open, streaming, idle, closed, stored
}

// publish tells a recording's player and the staff what became of it.
func (s *Service) publish(account int64, id SessionID, state string) {
	if s.options.Hub != nil {
		scope := accounts.ScopeDemosAnalyse + " " + accounts.ScopeDemosModerate + " " + accounts.OwnScope(accounts.ScopeDemosRead, account)
		s.options.Hub.Publish(web.Event{Topic: "demos.live", Scope: scope, Data: published{id, state}})
	}
}

// Stream is a connection that brings a recording.
type Stream struct {
	Session  SessionID
	Account  int64
	Bytes    int64     // of the recording so far, with those not yet on stable storage
	LastByte time.Time // when the last came, or the connection began
	Rate     int64     // bytes per second, lately
}

// Streams returns the connections there are, in no order.
func (s *Service) Streams() []Stream {
	all := []Stream{}
	for _, p := range s.players.snapshot() {
		p.mu.Lock()
		if st := p.live; st != nil {
			st.mu.Lock()
			all = append(all, Stream{st.id, p.account, st.size, st.last, st.meter.rate(s.clock.Now(), st.size)})
			st.mu.Unlock()
		}
		p.mu.Unlock()
	}
	return all
}
