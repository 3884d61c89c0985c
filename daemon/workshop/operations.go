package workshop

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// ParseItem reads an item id as people write it: decimal digits, "m<hex>",
// "0x<hex>", or the address of a Workshop page. Digits alone are decimal, as
// Steam writes them.
func ParseItem(text string) (ItemID, error) {
	t := strings.TrimSpace(text)
	if id, err := strconv.ParseUint(t, 10, 64); err == nil && id != 0 {
		return ItemID(id), nil
	}
	id, err := config.ParseItem(t)
	if err != nil {
		return 0, fault.New(fault.Invalid, "%q is not a Workshop item", web.Clip(text, 100)).
			WithHint("write the decimal id, m<hex>, 0x<hex> or the address of the Workshop page")
	}
	return ItemID(id), nil
}

// ParseName reads the name of a version: "m<hex>_<version>" with or without
// ".zip".
func ParseName(text string) (Name, error) {
	n, ok := parseNS2("/" + strings.TrimSuffix(strings.TrimSpace(text), ".zip") + ".zip")
	if !ok {
		return n, fault.New(fault.Invalid, "%q is not the name of a version", web.Clip(text, 100)).
			WithHint("write for example m706d242_1348957670")
	}
	return n, nil
}

// Add asks for a version to be brought here, the current one if version is
// 0. Version and job may exist already; the job is returned as it stands. A
// version that is stored gives fault.Conflict.
func (s *Service) Add(ctx context.Context, id ItemID, version int64) (Job, error) {
	n := Name{Item: id, Version: version}
	switch {
	case id == 0 || version < 0:
		return Job{}, fault.New(fault.Invalid, "There is no such item or version")
	case !s.policy.serves(id):
		return Job{}, fault.New(fault.Forbidden, "%s", answerNotServing.reason()).
			WithHint("see workshop.allow and workshop.deny")
	}
	if err := s.load(ctx); err != nil {
		return Job{}, err
	}
	if st := s.index.get(n); st != nil && st.servable() {
		return Job{}, fault.New(fault.Conflict, "%s is stored already", n.File())
	}
	s.peers.Forget(peerName(n))
	return s.changeJob(ctx, "mod.add", func(tx *db.Tx) (Job, error) { return putJob(ctx, tx, n, true) })
}

// audit notes in tx what a person did to a version.
func (s *Service) audit(ctx context.Context, tx *db.Tx, action string, n Name) error {
	if s.options.Audit == nil {
		return nil
	}
	target := n.String()
	if n.Version == 0 {
		target = "m" + n.Item.Hex()
	}
	return s.options.Audit(ctx, tx, action, target, "")
}

// changeJob writes a job that a person changed, notes it and wakes the queue.
func (s *Service) changeJob(ctx context.Context, action string, fn func(tx *db.Tx) (Job, error)) (j Job, err error) {
	err = s.store.db.Write(ctx, func(tx *db.Tx) error {
		if j, err = fn(tx); err != nil {
			return err
		}
		return s.audit(ctx, tx, action, j.Name)
	})
	if err != nil {
		return Job{}, err
	}
	s.noteJob(j)
	signal(s.work)
	return j, nil
}

// Retry sets a job going that waits, failed or was denied.
func (s *Service) Retry(ctx context.Context, id int64) (Job, error) {
	j, err := s.changeJob(ctx, "mod.retry", func(tx *db.Tx) (Job, error) { return retryJob(ctx, tx, id) })
	if err == nil {
		s.peers.Forget(peerName(j.Name))
	}
	if err == nil && s.steamcmd != nil {
		s.steamcmd.Resume(j.Name)
	}
	return j, err
}

// Cancel ends a job. Work under way in this process stops at once, in another
// within seconds.
func (s *Service) Cancel(ctx context.Context, id int64) (Job, error) {
	j, err := s.changeJob(ctx, "mod.cancel", func(tx *db.Tx) (Job, error) { return cancelJob(ctx, tx, id) })
	if err != nil {
		return j, err
	}
	for _, a := range s.running.all() {
		if a.snapshot().ID == id {
			a.cancel(errLost)
		}
	}
	return j, nil
}

// Jobs returns the jobs that are not done, in the order they are worked on.
func (s *Service) Jobs(ctx context.Context) ([]Job, error) {
	jobs := []Job{}
	err := s.store.jobsSince(ctx, time.Time{}, func(j Job) { jobs = append(jobs, j) })
	for i, j := range jobs {
		for _, a := range s.running.all() {
			if now := a.snapshot(); now.ID == j.ID {
				jobs[i] = now
			}
		}
	}
	return jobs, err
}

// Pin keeps a version from being removed automatically.
func (s *Service) Pin(ctx context.Context, n Name) (Version, error) { return s.setPin(ctx, n, true) }

// Unpin undoes Pin.
func (s *Service) Unpin(ctx context.Context, n Name) (Version, error) { return s.setPin(ctx, n, false) }

func (s *Service) setPin(ctx context.Context, n Name, pinned bool) (v Version, err error) {
	err = s.store.db.Write(ctx, func(tx *db.Tx) error {
		if v, err = setPinned(ctx, tx, n, pinned); err != nil {
			return err
		}
		if pinned {
			return s.audit(ctx, tx, "mod.pin", n)
		}
		return s.audit(ctx, tx, "mod.unpin", n)
	})
	if err != nil {
		return v, err
	}
	s.index.put(v)
	s.changed(n.Item)
	return v, nil
}

// Delete removes a stored version of our own. The only sound copy of an item
// is kept unless force is set (fault.Conflict).
func (s *Service) Delete(ctx context.Context, n Name, force bool) error {
	if err := s.load(ctx); err != nil {
		return err
	}
	st := s.index.get(n)
	if st == nil {
		return fault.New(fault.NotFound, "%s is not stored here", n.File())
	}
	others := slices.ContainsFunc(s.index.item(n.Item), func(o *stored) bool { return o != st && o.servable() })
	if !others && st.servable() && !force {
		return fault.New(fault.Conflict, "%s is the only copy of the item", n.File()).WithHint("force removes it all the same")
	}
	if err := s.remove(ctx, st, "Deleted"); err != nil {
		return err
	}
	return s.store.db.Write(ctx, func(tx *db.Tx) error { return s.audit(ctx, tx, "mod.delete", n) })
}

// Fetch brings a version here and waits for it: in this process if the job
// is free, else by watching the process that has it. report, which may be
// nil, is called as it goes on. Version 0 stands for the current one.
func (s *Service) Fetch(ctx context.Context, n Name, report func(Job)) (Version, error) {
	if err := s.loadAll(ctx); err != nil {
		return Version{}, err
	}
	if s.running.attached.Load() {
		return s.fetch(ctx, n, report)
	}
	// No Run in this process: what a job needs runs for as long as it takes.
	var v Version
	done := errors.New("done")
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.details.Run(gctx) })
	g.Go(func() error { return s.runRenewer(gctx) })
	g.Go(func() (err error) {
		if v, err = s.fetch(gctx, n, report); err == nil {
			err = done
		}
		return err
	})
	err := g.Wait()
	if errors.Is(err, done) {
		err = nil
	}
	return v, err
}

func (s *Service) fetch(ctx context.Context, n Name, report func(Job)) (Version, error) {
	if n.Version == 0 {
		item, err := s.describe(ctx, n.Item)
		if err != nil {
			return Version{}, publicRefusal(err)
		}
		n.Version = item.Updated
	}
	if st := s.index.get(n); st != nil && st.servable() {
		return st.Version, nil
	}
	j, err := s.Add(ctx, n.Item, n.Version)
	if err != nil {
		return Version{}, err
	}
	for {
		if mine, ok := s.claim(ctx, j.ID); ok {
			j = s.workOn(ctx, mine, report, nil)
		} else if j, err = s.reread(ctx, j.ID); err != nil {
			return Version{}, err
		} else if report != nil {
			report(j)
		}
		switch {
		case ctx.Err() != nil:
			return Version{}, ctx.Err()
		case j.State == Ready:
			return s.storedVersion(ctx, n)
		case j.State == Denied:
			return Version{}, publicRefusal(refusal(answerOf(j.Error)))
		case j.Over(), j.State == Failed:
			return Version{}, fault.New(fault.Unavailable, "%s", j.Error)
		}
		select {
		case <-s.clock.After(pollEvery / 4):
		case <-ctx.Done():
		}
	}
}

func (s *Service) reread(ctx context.Context, id int64) (j Job, err error) {
	err = s.store.db.Read(ctx, func(tx *db.Tx) error {
		j, err = findJob(ctx, tx, id)
		return err
	})
	return j, err
}

// storedVersion reads a version that another process may have stored.
func (s *Service) storedVersion(ctx context.Context, n Name) (v Version, err error) {
	err = s.store.db.Read(ctx, func(tx *db.Tx) error {
		v, err = findVersion(ctx, tx, n)
		return err
	})
	if err == nil {
		s.index.put(v)
	}
	return v, err
}

// publicRefusal gives a refusal a kind for people and programs.
func publicRefusal(err error) error {
	r, ok := errors.AsType[refusal](err)
	if !ok {
		return err
	}
	kind := fault.NotFound
	if answer(r) == answerWrongApp || answer(r) == answerNotServing {
		kind = fault.Forbidden
	}
	return fault.New(kind, "%s", r.Error())
}
