package workshop

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	surveyTime  = 5 * time.Second // how long a command waits for the lists of peers
	pollEvery   = 2 * time.Second // what other processes wrote, and what is due
	syncOverlap = time.Minute     // a transaction may commit so much later than its time says
	tidyEvery   = time.Hour
	leftOver    = 10 * time.Minute // files of a crash that are older are removed
	restingKept = 24 * time.Hour   // jobs that failed or were denied, and tombstones of versions
	stopTimeout = 3 * time.Second
)

// probeItem is asked about at the start when there is no API key. Steam has
// closed the call that needs none before, and the operator should read so in
// the log at the start and not when the first client waits.
const probeItem ItemID = 1

// Run loads the index, then does all background work until ctx ends: asking
// Steam, scanning folders, fetching, checking, monitoring and tidying. It
// returns nil then, after jobs under way were given back and request counts
// written.
func (s *Service) Run(ctx context.Context) error {
	if err := s.resume(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if !s.steam.State().Keyed {
		s.details.Ask(probeItem)
	}
	s.running.attached.Store(true)
	s.rootLevel.Set(slog.LevelWarn)
	defer s.running.attached.Store(false)
	s.sweep(ctx)
	s.sweepSteamCMD()
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{
		s.details.Run, s.runRoots, s.runQueue, s.runRenewer, s.runFlusher, s.runVerifier, s.runMonitor, s.runTidier,
		s.fastdl.Run, s.peers.Run, s.radar.Run, s.catalog.Run,
	} {
		g.Go(func() error { return run(ctx) })
	}
	err := g.Wait()
	s.workers.Wait()
	if s.steamcmd != nil {
		err = errors.Join(err, s.steamcmd.Close())
	}
	final, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	s.settleAgain(final)
	s.flush(final)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// resume loads what is stored and takes up what the last run left.
func (s *Service) resume(ctx context.Context) error {
	if err := s.load(ctx); err != nil {
		return err
	}
	n, err := s.store.releaseJobs(ctx, s.owner)
	if n > 0 && err == nil {
		s.log.Info("jobs of the last run go on", "jobs", n)
	}
	return err
}

// runRoots keeps up with the operator's folders. What another run knew of
// them is put right after the first scan.
func (s *Service) runRoots(ctx context.Context) error {
	if err := s.roots.Scan(ctx); err != nil {
		return err
	}
	s.reconcileRoots()
	return s.roots.Run(ctx)
}

// load reads the index and what is known of items and jobs, once.
func (s *Service) load(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.loaded {
		return nil
	}
	began := s.clock.Now()
	if err := s.store.versionsSince(ctx, time.Time{}, func(v Version) { s.index.merge(v) }); err != nil {
		return err
	}
	if err := s.store.recentItems(ctx, maxItems, time.Time{}, s.recallItem); err != nil {
		return err
	}
	if err := s.store.jobsSince(ctx, time.Time{}, s.records.setJob); err != nil {
		return err
	}
	s.synced, s.loaded = began.Add(-syncOverlap), true
	return nil
}

// recallItem takes in what the database knows of an item.
func (s *Service) recallItem(item Item) {
	s.radar.Told(item.ID, steamOf(item))
	if item.Result == 1 {
		s.records.remember(item)
	}
}

// sync takes in what other processes wrote.
func (s *Service) sync(ctx context.Context) error {
	now := s.clock.Now()
	err := s.store.versionsSince(ctx, s.synced, func(v Version) {
		if s.index.merge(v) {
			s.changed(v.Name.Item)
		}
	})
	if err == nil {
		err = s.store.jobsSince(ctx, s.synced, s.takeJob)
	}
	if err == nil {
		err = s.store.recentItems(ctx, maxItems, s.synced, s.recallItem)
	}
	if err == nil {
		s.synced = now.Add(-syncOverlap)
	}
	return err
}

// takeJob takes in the state of a job that this process does not work on.
func (s *Service) takeJob(j Job) {
	if s.running.has(j.ID) {
		return
	}
	if s.records.setRow(j) {
		s.publish(j)
	}
}

// runQueue writes wishes down, hands jobs to workers and takes in what other
// processes did.
func (s *Service) runQueue(ctx context.Context) error {
	slots := make(chan struct{}, max(s.config.Parallel, 1))
	poll := s.clock.After(0)
	for {
		select {
		case <-poll:
			poll = s.clock.After(pollEvery)
			if err := s.sync(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("the database did not tell what changed", "error", err)
			}
			s.settleAgain(ctx)
		case <-s.records.dispatch:
		case <-s.work:
		case <-ctx.Done():
			return nil
		}
		s.writeWishes(ctx)
		s.startJobs(ctx, slots)
	}
}

// writeWishes turns wishes into rows.
func (s *Service) writeWishes(ctx context.Context) {
	wishes := s.records.takeWishes()
	if len(wishes) == 0 {
		return
	}
	var jobs []Job
	ok := s.write(ctx, "jobs", func(tx *db.Tx) error {
		jobs = jobs[:0]
		for _, w := range wishes {
			if st := s.index.get(w.name); st != nil && st.State == Ready {
				jobs = append(jobs, Job{Name: w.name, State: Ready})
				continue
			}
			j, err := putJob(ctx, tx, w.name, w.boost)
			if err != nil {
				return err
			}
			jobs = append(jobs, j)
		}
		return nil
	})
	if !ok { // forget them: whoever still wants one asks again
		for _, w := range wishes {
			s.records.setJob(Job{Name: w.name, State: Removed})
			s.restock(w.name.Item)
		}
		return
	}
	for _, j := range jobs {
		s.noteJob(j)
	}
}

// startJobs gives free workers something to do.
func (s *Service) startJobs(ctx context.Context, slots chan struct{}) {
	for {
		select {
		case slots <- struct{}{}:
		default:
			return // all busy; the first to end wakes us
		}
		j, ok := s.claim(ctx, 0)
		if !ok {
			<-slots
			return
		}
		s.workers.Go(func() {
			free := sync.OnceFunc(func() { <-slots; signal(s.work) })
			defer free()
			s.workOn(ctx, j, nil, free)
		})
	}
}

// claim takes a job, the next one if id is 0.
func (s *Service) claim(ctx context.Context, id int64) (j Job, ok bool) {
	some, err := s.store.anyClaimable(ctx)
	if err == nil && some {
		err = s.store.db.Write(ctx, func(tx *db.Tx) (err error) {
			j, err = claimJob(ctx, tx, s.owner, id)
			return err
		})
		ok = err == nil
	}
	if err != nil && !fault.Is(err, fault.NotFound) && ctx.Err() == nil {
		s.log.Error("the database gave no job", "error", err)
	}
	return j, ok
}

// runRenewer keeps the leases of our jobs and writes down their progress.
func (s *Service) runRenewer(ctx context.Context) error {
	for {
		select {
		case <-s.clock.After(pollEvery):
			s.renew(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Service) renew(ctx context.Context) {
	active := s.running.all()
	if len(active) == 0 {
		return
	}
	lost := make(map[int64]bool)
	ok := s.write(ctx, "progress of jobs", func(tx *db.Tx) error {
		clear(lost)
		for _, a := range active {
			j := a.snapshot()
			ours, err := renewJob(ctx, tx, j)
			if err != nil {
				return err
			}
			lost[j.ID] = !ours
		}
		return nil
	})
	for _, a := range active {
		if ok && lost[a.snapshot().ID] {
			a.cancel(errLost)
		}
	}
}
