package workshop

import (
	"context"
	"errors"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// learn takes in what became of asking Steam about items: it is remembered,
// written down, and what clients wait for is put on the list of jobs. It runs
// on the one goroutine that asks Steam.
func (s *Service) learn(answers []DetailsAnswer) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	now := s.clock.Now()
	var told []Item
	var failed []DetailsAnswer
	for _, a := range answers {
		if a.Err != nil {
			failed = append(failed, a)
			continue
		}
		told = append(told, Item{FileDetails: *a.Details, CheckedAt: now})
	}
	if len(told) > 0 {
		s.write(ctx, "details of items", func(tx *db.Tx) error {
			for _, item := range told {
				if err := putItem(ctx, tx, item); err != nil {
					return err
				}
			}
			return nil
		})
	}
	s.shelf.learned(now, told)
	for _, item := range told {
		s.resolved(now, item)
		s.radar.Told(item.ID, steamOf(item))
		s.restock(ItemID(item.ID))
	}
	if len(failed) > 0 {
		s.unresolved(ctx, now, failed)
	}
}

// write runs fn in a transaction and logs if it fails: what it wrote can be
// found out again.
func (s *Service) write(ctx context.Context, what string, fn func(tx *db.Tx) error) bool {
	err := s.store.db.Write(ctx, fn)
	if err != nil && ctx.Err() == nil {
		s.log.Error("the database did not take the "+what, "error", err)
	}
	return err == nil
}

// resolved acts on what Steam said of one item.
func (s *Service) resolved(now time.Time, item Item) {
	r, id := s.records, ItemID(item.ID)
	r.mu.Lock()
	defer r.mu.Unlock()
	versions := r.answered(id)
	if item.Class() != webapi.Usable {
		rejected := item.Class() == webapi.BadParameter
		if rejected {
			s.log.Warn("Steam rejects the id of an item", "item", id)
		}
		r.items.remove(id)
		r.verdicts.put(id, verdict{answer: answerNoSuchMod, until: now.Add(deniedFor), rejected: rejected})
		return
	}
	r.verdicts.remove(id)
	r.rememberLocked(item)
	k, _ := r.items.get(id)
	s.wantVersions(now, k, versions)
}

// wantVersions puts the current version of an item on the list of jobs if
// one of the clients' versions is it, or if the configuration wants it. The
// caller holds the mutex of the records.
func (s *Service) wantVersions(now time.Time, k *known, versions []int64) {
	awaited := false
	for _, v := range versions {
		awaited = awaited || v == k.Updated
		if v != k.Updated && !k.Banned && s.policy.fetches(ItemID(k.ID), k.AppID) {
			s.wantOfPeers(now, Name{Item: ItemID(k.ID), Version: v})
		}
	}
	if awaited {
		s.wantCurrent(now, k, true)
	} else if id := ItemID(k.ID); len(versions) > 0 || s.policy.follows(id) && !s.evicted.has(id) {
		s.wantCurrent(now, k, false)
	}
}

// wantOfPeers asks for a version that Steam does not have, or of an item that
// it does not tell about, if a peer may have it. The caller holds the mutex of
// the records.
func (s *Service) wantOfPeers(now time.Time, n Name) {
	if j := s.records.jobs[n]; j != nil && (j.Moving() || now.Before(j.RetryAt)) {
		return
	}
	if st := s.index.get(n); (st == nil || st.State != Ready) && s.policy.serves(n.Item) && s.peersMay(n) {
		s.records.want(now, n, true)
	}
}

// unresolved acts on items that Steam had no answer about. What is known of
// them from earlier counts until Steam can be asked again.
func (s *Service) unresolved(ctx context.Context, now time.Time, failed []DetailsAnswer) {
	s.recall(ctx, failed)
	r := s.records
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range failed {
		k, ok := r.items.get(a.Item)
		if !ok {
			if p := r.pending[a.Item]; p != nil && s.policy.fetches(a.Item, 0) {
				for _, v := range p.versions {
					s.wantOfPeers(now, Name{Item: a.Item, Version: v})
				}
			}
			r.failed(now, a.Item)
			continue
		}
		wait := freshFor
		if e, ok := errors.AsType[*fault.Error](a.Err); ok {
			wait = max(wait, e.RetryAfter)
		}
		c := *k
		c.trusted = now.Add(wait)
		r.items.put(a.Item, &c)
		s.wantVersions(now, &c, r.answered(a.Item))
	}
}

// recall brings back from the database what memory has forgotten of items.
func (s *Service) recall(ctx context.Context, failed []DetailsAnswer) {
	var ids []ItemID
	s.records.mu.Lock()
	for _, a := range failed {
		if _, ok := s.records.items.get(a.Item); !ok {
			ids = append(ids, a.Item)
		}
	}
	s.records.mu.Unlock()
	for len(ids) > 0 {
		batch := ids[:min(len(ids), 500)]
		ids = ids[len(batch):]
		items, err := s.store.items(ctx, batch)
		if err != nil {
			s.log.Error("the database did not give the details of items", "error", err)
			return
		}
		for _, item := range items {
			if item.Class() == webapi.Usable {
				s.records.remember(item)
			}
		}
	}
}

// lookup returns what Steam says of an item, from memory if that is fresh.
// The error is fault.NotFound when there is no such item and
// fault.Unavailable when Steam cannot be asked.
func (s *Service) lookup(ctx context.Context, id ItemID) (*Item, error) {
	if item, ok := s.records.item(id); ok && s.clock.Now().Sub(item.CheckedAt) < freshFor {
		return &item, nil
	}
	f, err := s.details.Lookup(ctx, id)
	if err != nil {
		return nil, err
	}
	if f.Class() != webapi.Usable {
		return nil, fault.New(fault.NotFound, "%s", answerNoSuchMod.reason())
	}
	return &Item{FileDetails: *f, CheckedAt: s.clock.Now()}, nil
}
