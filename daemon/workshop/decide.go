package workshop

import (
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// farFuture is how far ahead of the clock a version may lie.
const farFuture = 24 * time.Hour

// request is one well-formed request for a version.
type request struct {
	name Name
	// diskOnly: the client only wants what is here (Cache-Control:
	// only-if-cached), so nothing may be started for it.
	diskOnly bool
	// mayStart is asked once before work is started on behalf of the client.
	mayStart func() bool
}

// decide says how a request is to be answered and starts what has to happen
// for it. It waits for nothing but short mutexes. The stored version is given
// with answerServed only.
func (s *Service) decide(now time.Time, q request) (answer, *stored) {
	if !s.policy.serves(q.name.Item) {
		return answerNotServing, nil
	}
	if st := s.index.get(q.name); st != nil && st.State == Ready {
		if st.suspect.Load() {
			s.suspects.add(q.name)
			return answerDownloading, nil
		}
		return answerServed, st
	}
	if q.name.Item == 0 {
		return answerNoSuchMod, nil
	}
	if found, ok := s.roots.Lookup(q.name); ok && found.Kind == Zip {
		return answerServed, s.adopt(found)
	} else if ok {
		return s.decideFolder(now, q), nil
	}
	if q.diskOnly {
		return answerNotCached, nil
	}
	if q.name.Version > now.Add(farFuture).Unix() {
		return answerOldVersion, nil
	}
	return s.decideRecord(now, q), nil
}

// decideWithout decides anew after the zip of st turned out to be closed to
// this account, as if it were not there. Its file is tried again by the checks
// in the background.
func (s *Service) decideWithout(now time.Time, q request, st *stored) answer {
	s.index.drop(st.Name)
	s.restock(st.Name.Item)
	a, _ := s.decide(now, q)
	if a == answerServed { // it was opened to us this very moment
		return answerDownloading
	}
	return a
}

// decideFolder answers for a version that lies unpacked in one of the
// operator's folders.
func (s *Service) decideFolder(now time.Time, q request) answer {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	a := s.decideJob(now, q)
	if a == answerDownloading {
		return answerZipping
	}
	return a
}

// decideRecord answers from what is known of the item.
func (s *Service) decideRecord(now time.Time, q request) answer {
	r, id := s.records, q.name.Item
	r.mu.Lock()
	defer r.mu.Unlock()
	v, refused := r.verdicts.get(id)
	if refused && now.Before(v.until) {
		return v.answer
	}
	if k, ok := r.items.get(id); ok {
		r.itemHits[id]++
		if a, ok := s.decideKnown(now, q, k); ok {
			return a
		}
	} else if j := r.jobs[q.name]; j != nil && (j.Moving() || now.Before(j.RetryAt)) {
		return s.decideJob(now, q) // the details were forgotten, the job was not
	}
	return s.decidePending(now, q, refused && v.failing)
}

// decidePending has Steam asked about the item. failing: it could not be
// asked for a long while. The caller holds the mutex of the records.
func (s *Service) decidePending(now time.Time, q request, failing bool) answer {
	r, id := s.records, q.name.Item
	p := r.pending[id]
	switch {
	case p != nil && exhausted(now, p.attempts, p.firstFailed),
		p == nil && failing && s.steam.State().BreakerOpen:
		r.giveUp(now, id)
		return answerNotFetched
	case p == nil && !q.mayStart():
		return answerTooMany
	}
	if r.await(now, id, q.name.Version) {
		s.details.Ask(id) // no room: the client comes back
	}
	return answerDownloading
}

// decideKnown answers from what Steam said of the item, or reports false
// when Steam has to be asked again.
func (s *Service) decideKnown(now time.Time, q request, k *known) (answer, bool) {
	holds := func(d time.Duration) bool { return now.Before(k.CheckedAt.Add(d)) || now.Before(k.trusted) }
	switch {
	case !s.policy.fetches(q.name.Item, k.AppID):
		return answerWrongApp, holds(wrongAppFor)
	case k.Updated > q.name.Version:
		if !holds(deniedFor) {
			return 0, false
		}
		s.wantCurrent(now, k, false)
		return s.decideOther(now, q, k), true
	case k.Updated < q.name.Version && now.Before(k.trusted): // Steam may have it, and is away
		return s.decideOther(now, q, k), true
	case k.Updated < q.name.Version:
		return answerOldVersion, holds(freshFor)
	case k.Banned:
		return answerNoSuchMod, holds(deniedFor)
	}
	return s.decideJob(now, q), true
}

// decideOther answers for a version that Steam does not have: only a peer may.
// The caller holds the mutex of the records.
func (s *Service) decideOther(now time.Time, q request, k *known) answer {
	j := s.records.jobs[q.name]
	if j != nil && (j.Moving() || now.Before(j.RetryAt)) || !k.Banned && s.peersMay(q.name) {
		return s.decideJob(now, q)
	}
	return answerOldVersion
}

// decideJob answers for a version that a source may have. The caller holds
// the mutex of the records.
func (s *Service) decideJob(now time.Time, q request) answer {
	j := s.records.jobs[q.name]
	switch {
	case j == nil:
	case j.State == Zipping:
		return answerZipping
	case j.State.Moving() && j.Boost:
		return answerDownloading
	case j.State.Moving():
		s.records.want(now, q.name, true)
		return answerDownloading
	case j.State == Failed && !exhausted(now, j.Attempts, j.FirstFailedAt):
		return answerDownloading
	case j.State == Failed && now.Before(j.RetryAt):
		return answerNotFetched
	case j.State == Denied && now.Before(j.RetryAt):
		return answerOf(j.Error)
	}
	if !q.mayStart() {
		return answerTooMany
	}
	s.records.want(now, q.name, true)
	return answerDownloading
}

// wantCurrent asks for the current version of an item although another was
// asked for, if the configuration says so. The caller holds the mutex of the
// records.
func (s *Service) wantCurrent(now time.Time, k *known, always bool) {
	n := Name{Item: ItemID(k.ID), Version: k.Updated}
	if !always && !s.config.FetchCurrentOnMiss && !s.policy.follows(n.Item) {
		return
	}
	if k.Banned || k.Result != webapi.ResultOK || !s.policy.serves(n.Item) || !s.policy.fetches(n.Item, k.AppID) {
		return
	}
	if st := s.index.get(n); st != nil && st.State == Ready {
		return
	}
	if j := s.records.jobs[n]; j != nil && (j.Moving() || now.Before(j.RetryAt)) {
		return
	}
	s.records.want(now, n, always)
}
