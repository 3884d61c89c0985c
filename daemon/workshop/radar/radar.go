// Package radar watches the mods of game servers: which of them are out of
// date, since when, and who is to be told.
//
// A server is a list of Workshop items, given by the configuration or the
// API. Which versions it runs it says itself, or its folder does; otherwise a
// documented guess is made. What Steam has, the library of mods knows anyway,
// since the items are added to those it keeps current: the radar asks Steam
// nothing of its own. The invariants are in DESIGN.md.
package radar

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const (
	pollEvery   = 10 * time.Second // what other processes wrote, and the servers' files
	gatherFor   = 30 * time.Second // changes that are one message
	maxServers  = 200              // that the API may add
	maxMods     = 5000             // of one server
	readTimeout = 30 * time.Second
	// collectionKept is how long what a collection holds is kept after it
	// last changed, if no server names the collection any more.
	collectionKept = 30 * 24 * time.Hour
)

// Steam is what Steam last said of an item.
type Steam struct {
	Title   string
	Version int64 // Unix seconds of the current content, 0 if never known
	// Gone means that there is no such item any more, or that it is banned.
	Gone      bool
	CheckedAt time.Time
}

// Library is what the radar needs of the library of mods.
// Implementations are safe for concurrent use.
type Library interface {
	// Known returns what Steam said of the items, also before a restart.
	// Items it never answered about are missing.
	Known(ctx context.Context, ids []uint64) (map[uint64]Steam, error)
	// Watch replaces the items and collections that are to be kept current.
	// It does not block. The library calls Told and Holds with what it learns.
	Watch(ids, collections []uint64)
	// Folder returns a reader of a folder in which a game server keeps mods.
	Folder(path string) Folder
	// Mapcycle returns the items that a MapCycle.json names.
	Mapcycle(path string) ([]uint64, error)
	// ParseItem reads an id as people write it, or returns fault.Invalid.
	ParseItem(text string) (uint64, error)
}

// Folder reads one folder.
type Folder interface {
	// Read returns the newest version of each item in the folder. whole is
	// false when something could not be read, so that an item that is missing
	// may be there. The only error is ctx's.
	Read(ctx context.Context) (versions map[uint64]int64, whole bool, err error)
}

// Options say what a Service is made of. DB and Library must not be nil; the
// rest may be left empty.
type Options struct {
	Servers    []config.Server
	DB         *db.DB
	Library    Library
	Log        *slog.Logger
	Clock      durable.Clock
	Hub        Publisher             // nil: no events
	Registerer prometheus.Registerer // nil: no metrics
	UserAgent  string                // of webhooks
	// Transport sends webhooks. nil: the network, except for addresses that
	// belong to the machine or the cloud it runs in.
	Transport http.RoundTripper
	// Audit notes what a person did, in the transaction that does it. nil:
	// nothing is noted.
	Audit func(ctx context.Context, tx *db.Tx, action, target, detail string) error
}

// Publisher takes events.
type Publisher interface{ Publish(e web.Event) }

// Service is the radar. It is safe for concurrent use.
type Service struct {
	library Library
	store   store
	log     *slog.Logger
	clock   durable.Clock
	hub     Publisher
	audit   func(ctx context.Context, tx *db.Tx, action, target, detail string) error
	metrics *metrics
	hooks   *hooks

	running atomic.Bool
	wake    chan struct{} // something changed
	due     chan struct{} // there may be something to deliver

	working sync.Mutex // one refresh at a time

	mu          sync.Mutex
	config      map[string]config.Server
	sources     map[string]*sources // files, by the server's name
	states      map[string]*state   // values are never changed in place
	collections map[uint64][]uint64
	steam       map[uint64]Steam
	watched     []uint64 // sorted
	watchedSets []uint64 // collections, sorted
	announced   bool     // the library was told to watch these
	changedAt   map[string]time.Time
	published   map[string]summary
}

// sources is what the files of a server say.
type sources struct {
	folder  Folder // nil: none
	found   map[uint64]int64
	whole   bool // folder was read in full
	cycle   []uint64
	cycleOK bool
}

// New wires a Service; it does no work.
func New(o Options) (*Service, error) {
	if o.DB == nil || o.Library == nil {
		return nil, errors.New("radar: DB and Library are needed")
	}
	s := &Service{
		library: o.Library, store: store{o.DB}, log: o.Log, clock: o.Clock, hub: o.Hub, audit: o.Audit,
		wake: make(chan struct{}, 1), due: make(chan struct{}, 1),
		states: map[string]*state{}, collections: map[uint64][]uint64{}, steam: map[uint64]Steam{},
		changedAt: map[string]time.Time{}, published: map[string]summary{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("component", "radar")
	if s.clock == nil {
		s.clock = durable.System
	}
	s.hooks = newHooks(o.Transport, o.UserAgent)
	s.metrics = newMetrics(o.Registerer)
	s.configure(o.Servers)
	return s, nil
}

// configure takes over the servers of a configuration.
func (s *Service) configure(servers []config.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.sources
	was := s.config
	s.config, s.sources = map[string]config.Server{}, map[string]*sources{}
	for _, c := range servers {
		s.config[c.Name] = c
		if x := old[c.Name]; x != nil && was[c.Name].Folder == c.Folder && was[c.Name].Mapcycle == c.Mapcycle {
			s.sources[c.Name] = x
			continue
		}
		x := &sources{}
		if c.Folder != "" {
			x.folder = s.library.Folder(c.Folder)
		}
		s.sources[c.Name] = x
	}
}

// Reload takes over the servers of another configuration.
func (s *Service) Reload(servers []config.Server) {
	s.configure(servers)
	signal(s.wake)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Told takes in what Steam said of an item. It does not block.
func (s *Service) Told(id uint64, said Steam) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := slices.BinarySearch(s.watched, id); !ok {
		return
	}
	old := s.steam[id]
	if said.CheckedAt.Before(old.CheckedAt) {
		return
	}
	if said.Gone { // keeps what was known of it
		said.Title, said.Version = old.Title, old.Version
	}
	s.steam[id] = said
	if old.Version != said.Version || old.Gone != said.Gone || old.CheckedAt.IsZero() {
		signal(s.wake)
	}
}

// Holds takes in what Steam said that collections hold, with everything in
// collections within them.
func (s *Service) Holds(ctx context.Context, collections map[uint64][]uint64) {
	s.mu.Lock()
	changed := map[uint64][]uint64{}
	watched := slices.Clone(s.watchedSets)
	for id, items := range collections {
		if old, ok := s.collections[id]; !ok || !slices.Equal(old, items) {
			changed[id] = items
		}
	}
	s.mu.Unlock()
	if len(changed) == 0 {
		return
	}
	if err := s.store.putCollections(ctx, changed, watched, s.clock.Now().Add(-collectionKept)); err != nil {
		if ctx.Err() == nil {
			s.log.Error("what collections hold was not written down", "error", err)
		}
		return
	}
	s.mu.Lock()
	maps.Copy(s.collections, changed)
	s.mu.Unlock()
	signal(s.wake)
}

// Run watches and tells until ctx ends. It returns nil then.
func (s *Service) Run(ctx context.Context) error {
	s.running.Store(true)
	defer s.running.Store(false)
	var g errgroup.Group
	g.Go(func() error { s.runWatch(ctx); return nil })
	g.Go(func() error { s.runDeliveries(ctx); return nil })
	return g.Wait()
}

func (s *Service) runWatch(ctx context.Context) {
	failing := false
	for {
		err := s.refresh(ctx)
		if err == nil {
			err = s.settle(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			s.log.Error("the servers' mods were not compared", "error", err)
		case err == nil && failing:
			s.log.Info("the servers' mods are compared again")
		}
		failing = err != nil
		select {
		case <-s.clock.After(s.pause()):
		case <-s.wake:
		case <-ctx.Done():
			return
		}
	}
}

// pause is how long there is nothing to do.
func (s *Service) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait, now := pollEvery, s.clock.Now()
	for _, at := range s.changedAt {
		wait = min(wait, max(at.Add(gatherFor).Sub(now), time.Second))
	}
	return wait
}
