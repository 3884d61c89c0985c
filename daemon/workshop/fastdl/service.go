// Package fastdl serves the files of game servers to their players: the HTTP
// download of Source ("sv_downloadurl") and GoldSrc games.
//
// A tree is one or several game folders under one address, /fastdl/<name>/.
// Which files it serves, and under which names, package gametree decides; this
// package answers requests, makes the compressed form of a file or the plain
// one when only the other lies in the folder, remembers what was asked for in
// vain, and reports. The invariants are in DESIGN.md.
package fastdl

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl/bzip"
	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl/gametree"
)

const (
	scanEvery  = time.Minute
	flushEvery = 5 * time.Second
	tidyEvery  = time.Hour
	// scanShare keeps reading large or slow folders from becoming all the
	// disk does: a scan of s seconds is followed by 20 times as many.
	scanShare = 20
	// linesPerSecond bounds the access log.
	linesPerSecond = 200
	stopTimeout    = 3 * time.Second
)

// Options say what a Service is made of. DB and Blobs must not be nil; the
// rest may be left empty.
type Options struct {
	Trees []config.FastDL
	DB    *db.DB
	Blobs blob.Store
	Log   *slog.Logger
	Clock durable.Clock
	// Registerer takes the metrics; nil: none.
	Registerer prometheus.Registerer
	PublicURL  string // http.public_url
	ListenPort int    // of the first plain listener
	// Space returns fault.NoSpace when so many more bytes must not be
	// written; nil: never.
	Space func(ctx context.Context, more int64) error
	// Sent is told of every file that a player got whole. It must not block;
	// nil: nobody.
	Sent func()
}

// Service is all trees. It is safe for concurrent use.
type Service struct {
	options Options
	log     *slog.Logger
	clock   durable.Clock
	store   store
	blobs   blob.Store
	metrics *metrics
	lines   *limit.Keyed[struct{}]

	trees  atomic.Pointer[map[string]*tree]
	wanted chan []config.FastDL // capacity 1: the latest configuration
	rescan chan struct{}        // capacity 1

	made    *madeTable
	pack    *queue
	expand  *queue
	limits  bzip.Limits
	waiting chan struct{} // one element per request that waits for a file
	probing chan struct{} // one element per request that looks on the disk

	loading sync.Mutex
	loaded  bool // guarded by loading
}

// New wires a Service; it does no work. The error is a fault.Invalid that
// names a key when the configuration cannot be used.
func New(o Options) (*Service, error) {
	s := &Service{
		options: o, log: o.Log, clock: o.Clock, store: store{o.DB}, blobs: o.Blobs,
		wanted: make(chan []config.FastDL, 1), rescan: make(chan struct{}, 1),
		limits: bzip.Limits{MaxBytes: maxFile, Ratio: maxRatio, RatioFrom: ratioFrom},
		made:   newMadeTable(), pack: newQueue(), expand: newQueue(),
		waiting: make(chan struct{}, maxWaiting), probing: make(chan struct{}, maxProbing),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("component", "fastdl")
	if s.clock == nil {
		s.clock = durable.System
	}
	s.lines = limit.New[struct{}](linesPerSecond, linesPerSecond, 1, s.clock.Now)
	trees := map[string]*tree{}
	for _, c := range o.Trees {
		t, err := newTree(c)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "workshop.fastdl %q cannot be used", c.Name)
		}
		trees[c.Name] = t
	}
	s.trees.Store(&trees)
	s.metrics = newMetrics(o.Registerer, s)
	return s, nil
}

// Reload takes over another list of trees. What did not change goes on as it
// is; the others are read before they replace the old ones. Transfers under
// way go on.
func (s *Service) Reload(trees []config.FastDL) {
	for {
		select {
		case s.wanted <- trees:
			return
		default:
		}
		select {
		case <-s.wanted: // an older one that nobody took yet
		default:
		}
	}
}

// Rescan asks Run to read the folders soon.
func (s *Service) Rescan() { signal(s.rescan) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run reads the folders, makes files and tidies until ctx ends. It returns
// nil then.
func (s *Service) Run(ctx context.Context) error {
	if err := s.load(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	var g errgroup.Group
	for _, run := range []func(context.Context){s.runScans, s.runPacker, s.runExpander, s.runFlusher, s.runTidier} {
		g.Go(func() error { run(ctx); return nil })
	}
	err := g.Wait()
	final, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	s.flush(final)
	return err
}

// load reads what an earlier run wrote down, once.
func (s *Service) load(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.loaded {
		return nil
	}
	rows, err := s.store.made(ctx)
	if err != nil {
		return err
	}
	s.made.fill(rows)
	for _, t := range s.all() {
		if err := s.loadTree(ctx, t); err != nil {
			return err
		}
	}
	s.loaded = true
	return nil
}

func (s *Service) loadTree(ctx context.Context, t *tree) error {
	misses, err := s.store.misses(ctx, t.config.Name)
	if err == nil {
		t.misses.fill(misses)
		t.seen, err = s.store.seen(ctx, t.config.Name)
	}
	return err
}

// tree returns a tree by its name, nil if there is none.
func (s *Service) tree(name string) *tree { return (*s.trees.Load())[name] }

// all returns the trees in the order of their names.
func (s *Service) all() []*tree {
	var list []*tree
	for _, t := range *s.trees.Load() {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *tree) int {
		if a.config.Name < b.config.Name {
			return -1
		}
		return 1
	})
	return list
}

// runScans keeps the indexes current.
func (s *Service) runScans(ctx context.Context) {
	for {
		began := s.clock.Now()
		for _, t := range s.all() {
			if err := s.scan(ctx, t); err != nil {
				return
			}
		}
		pause := max(scanEvery, scanShare*s.clock.Now().Sub(began))
		select {
		case <-s.clock.After(pause):
		case <-s.rescan:
		case trees := <-s.wanted:
			s.replace(ctx, trees)
		case <-ctx.Done():
			return
		}
	}
}

// scan reads the folders of a tree. Its only error is ctx's.
func (s *Service) scan(ctx context.Context, t *tree) error {
	scan, err := gametree.Read(ctx, t.config.Roots, t.rules)
	if err != nil {
		return err
	}
	s.report(t, t.install(scan, s.clock.Now()))
	if err := s.notice(ctx, t, scan); err != nil && ctx.Err() == nil {
		s.log.Error("what changed in the game folders was not written down", "tree", t.config.Name, "error", err)
	}
	return ctx.Err()
}

// replace puts a new configuration in force.
func (s *Service) replace(ctx context.Context, configs []config.FastDL) {
	old, now := *s.trees.Load(), map[string]*tree{}
	for _, c := range configs {
		if t := old[c.Name]; t != nil && reflect.DeepEqual(t.config, c) {
			now[c.Name] = t
			continue
		}
		t, err := newTree(c)
		if err == nil {
			err = s.loadTree(ctx, t)
		}
		if err == nil {
			err = s.scan(ctx, t)
		}
		if err != nil {
			if ctx.Err() == nil {
				s.log.Error("a FastDL tree keeps its old configuration", "tree", c.Name, "error", err)
			}
			if t := old[c.Name]; t != nil {
				now[c.Name] = t
			}
			continue
		}
		if o := old[c.Name]; o != nil {
			t.requests.Store(o.requests.Load())
			t.missed.Store(o.missed.Load())
			t.sent.Store(o.sent.Load())
			t.misses.fill(o.misses.all())
		}
		now[c.Name] = t
	}
	s.trees.Store(&now)
}

// report logs the problems that are new.
func (s *Service) report(t *tree, problems []gametree.Problem) {
	for _, p := range problems {
		attrs := []any{"tree", t.config.Name, "code", p.Code}
		if p.Hint != "" {
			attrs = append(attrs, "hint", p.Hint)
		}
		s.log.Warn(p.Text, attrs...)
	}
}

// runFlusher writes counts down.
func (s *Service) runFlusher(ctx context.Context) {
	for {
		select {
		case <-s.clock.After(flushEvery):
			s.flush(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (s *Service) flush(ctx context.Context) {
	for _, t := range s.all() {
		changed, gone := t.misses.take()
		if len(changed)+len(gone) == 0 {
			continue
		}
		if err := s.store.putMisses(ctx, t.config.Name, changed, gone); err != nil {
			t.misses.giveBack(changed, gone)
			if ctx.Err() == nil {
				s.log.Error("requests in vain were not written down", "tree", t.config.Name, "error", err)
			}
		}
	}
	if asked := s.made.takeAsked(); len(asked) > 0 {
		if err := s.store.putAsked(ctx, asked); err != nil && ctx.Err() == nil {
			s.log.Error("the last requests were not written down", "error", err)
		}
	}
}
