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
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
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
}

// New wires a Service; it does no work. The error is a fault.Invalid that
// names a key when the configuration cannot be used.
func New(o Options) (*Service, error) {
	if o.DB == nil || o.Library == nil {
		return nil, errors.New("catalog: DB and Library are needed")
	}
	s := &Service{options: o, log: o.Log, clock: o.Clock, library: o.Library, store: store{o.DB}, routes: routes()}
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
	s.stats = newStatistics(s.store, s.clock.Now, s.zone)
	return s, nil
}

// Run counts, keeps the index current and writes counters until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	s.count(countStart)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return s.stats.run(ctx, s.clock.After, func(err error) { s.log.Error("the statistics were not written", slog.Any("error", err)) })
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
	_ = id
}

// Delivered counts a complete archive that another face sent: "ns2",
// "fastdl".
func (s *Service) Delivered(id int64, face string) {
	s.count(face + "_sent")
	d, _ := s.library.Details(id)
	s.delivered(id, int64(d.App))
}

// delivered counts a complete archive of an item of a game, 0 if unknown.
func (s *Service) delivered(id, game int64) {
	s.stats.delivered(id, game, s.clock.Now())
	s.Changed(id)
}

// record writes what became known of an item and makes it visible.
func (s *Service) record(ctx context.Context, m metadata) error {
	err := s.store.db.Write(ctx, func(tx *db.Tx) error { return putMetadata(ctx, tx, m) })
	if err == nil {
		s.Changed(m.Details.ID)
	}
	return err
}
