// Package catalog is the catalogue of the mods that the library has: a
// searchable list with games, tags, dependencies and pictures, and statistics
// of its use. It answers the clients that were written for PyTorrent, in the
// files compat_pytorrent*.go, and our own API.
//
// It imports nothing of the library: the library fills in the interface
// Library and tells of changes by Changed, Ended and Delivered. The
// invariants are in DESIGN.md.
package catalog

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// Options say what a Service is made of. DB and Library must not be nil; the
// rest may be left empty.
type Options struct {
	Config  config.Catalog
	Limits  config.Limits
	DB      *db.DB
	Library Library
	Log     *slog.Logger
	Clock   durable.Clock
	// Games describes games; nil: they stay placeholders.
	Games Games
	// Pages reads what an item needs and its pictures from its page; nil: only
	// what the library tells is known.
	Pages Pages
	// Quiet takes what Steam says of mods for other reasons and asks nothing
	// for the catalogue's sake.
	Quiet      bool
	Registerer prometheus.Registerer // nil: no metrics
	// Admit asks the limiter of requests that start work on behalf of a
	// stranger; wait is when to come back. nil: everybody may.
	Admit func(r *http.Request) (ok bool, wait time.Duration)
}

// Service is the catalogue. It is safe for concurrent use.
type Service struct {
	options Options
	log     *slog.Logger
	clock   durable.Clock
	zone    *time.Location
	library Library
	store   store
	stats   *statistics
	routes  map[string]endpoint
	exempt  limit.Networks // whom rate does not touch
	rate    *limit.Keyed[netip.Prefix]
	lines   *limit.Keyed[struct{}] // of the log of what was sent

	index   *index
	shelf   *shelf
	dirt    *dirt
	texts   *texts
	buffers sync.Pool // of *[]byte, for long answers
	filler  *filler
	loading sync.Mutex
	loaded  chan struct{} // closed when Load is done
}

// New wires a Service; it does no work. The error is a fault.Invalid that
// names a key when the configuration cannot be used.
func New(o Options) (*Service, error) {
	if o.DB == nil || o.Library == nil {
		return nil, errors.New("catalog: DB and Library are needed")
	}
	s := &Service{options: o, log: o.Log, clock: o.Clock, library: o.Library, store: store{o.DB}, routes: routes(),
		index: newIndex(), shelf: newShelf(), dirt: newDirt(), texts: newTexts(maxTexts), loaded: make(chan struct{})}
	s.buffers.New = func() any { return new([]byte) }
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("component", "catalog")
	if s.clock == nil {
		s.clock = durable.System
	}
	var err error
	if s.zone, err = o.Config.Location(); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "workshop.catalog.time_zone is not a time zone").
			WithHint("write for example UTC or Europe/Berlin")
	}
	if s.exempt, err = limit.ParseNetworks(o.Limits.Exempt); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "limits.exempt cannot be read")
	}
	s.rate = limit.New[netip.Prefix](o.Limits.PerIPRPS, int(2*o.Limits.PerIPRPS), 1<<16, s.clock.Now)
	s.lines = limit.New[struct{}](linesPerSecond, linesPerSecond, 1, s.clock.Now)
	s.stats = newStatistics(s.store, s.clock.Now, s.zone)
	s.filler = newFiller(s, o.Games, o.Pages)
	if o.Registerer != nil {
		s.filler.register(o.Registerer)
	}
	return s, nil
}

// Run counts, keeps the index current and writes counters until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	s.count(countStart)
	if err := s.Load(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.filler.run(ctx) })
	g.Go(func() error {
		return s.stats.run(ctx, s.clock.After, func(err error) { s.log.Error("the statistics were not written", slog.Any("error", err)) })
	})
	g.Go(func() error {
		return s.poll(ctx, func(err error) { s.log.Error("the catalogue was not read again", slog.Any("error", err)) })
	})
	return g.Wait()
}

// count adds one to the counter of a type. It does not wait for the database.
func (s *Service) count(kind string) { s.stats.count(kind) }

// timing notes that something that began at start took so long.
func (s *Service) timing(kind string, start time.Time, took time.Duration) {
	s.stats.timing(kind, start, took)
}

// Changed tells that the stock or the details of an item may have changed. It
// never blocks, and whoever asks the catalogue afterwards sees the change.
func (s *Service) Changed(id int64) {
	if id > 0 {
		s.dirt.add(id)
		s.filler.note(id)
	}
}

// Sent counts a complete file that another face sent: "ns2", "fastdl".
func (s *Service) Sent(face string) { s.count(face + "_sent") }

// Damaged counts an archive that a check found to be damaged. What Open finds
// is counted by who called it.
func (s *Service) Damaged() { s.count(countDamaged) }

// Delivered counts a complete archive of an item that another face sent.
func (s *Service) Delivered(id int64, face string) {
	s.Sent(face)
	d, _ := s.library.Details(id)
	s.delivered(id, int64(d.App))
}
