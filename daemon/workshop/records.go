package workshop

import (
	"slices"
	"sync"
	"time"
)

// Bounds of what a process remembers about items that it does not have.
const (
	maxItems    = 10000 // items whose details are in memory
	maxVerdicts = 1000  // items that were refused for a while
	maxPending  = 8192  // items that wait for Steam's answer
	maxJobs     = 10000 // jobs that are known to this process
	maxWishes   = 4096  // wishes on their way to the database
	maxVersions = 8     // versions remembered of one waiting item
)

// records is what is known of items beyond the stored versions. Everything in
// it is bounded. All methods are safe for concurrent use and never wait for
// anything but the mutex, which is never held over I/O.
type records struct {
	mu       sync.Mutex
	items    *lru[ItemID, *known]
	verdicts *lru[ItemID, verdict]
	pending  map[ItemID]*pending
	jobs     map[Name]*Job
	jobsOf   map[ItemID][]Name    // the keys of jobs; at most a few of each item
	told     *lru[int64, telling] // by the id of the job
	wishes   []wish
	itemHits map[ItemID]int64 // requests for known items, not in the database yet

	dispatch chan struct{} // wakes the one who writes wishes
}

// forgetVerdicts drops every refusal, so that new rules are applied at once.
func (r *records) forgetVerdicts() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verdicts = newLRU[ItemID, verdict](maxVerdicts)
}

// known is what Steam said of an item. trusted extends its life while Steam
// cannot be asked.
type known struct {
	Item
	trusted time.Time
}

// verdict is a refusal of a whole item until a moment. failing means that
// Steam could not be asked about it, so that the next failure refuses again
// at once.
type verdict struct {
	answer  answer
	until   time.Time
	failing bool
	// rejected: Steam did not say that there is no such item, but would not
	// have the id.
	rejected bool
}

// telling is what was last made known of a job. It outlives the job, whose
// row is read again for a while.
type telling struct {
	at    time.Time // Job.UpdatedAt
	state State
}

// pending is an item that waits for Steam's answer.
type pending struct {
	versions    []int64 // that clients asked for
	wanted      time.Time
	attempts    int
	firstFailed time.Time
}

// wish asks for a job: to create it, to put it first, or to retry it.
type wish struct {
	name  Name
	boost bool
}

func newRecords() *records {
	return &records{
		items:    newLRU[ItemID, *known](maxItems),
		verdicts: newLRU[ItemID, verdict](maxVerdicts),
		pending:  map[ItemID]*pending{},
		jobs:     map[Name]*Job{},
		jobsOf:   map[ItemID][]Name{},
		told:     newLRU[int64, telling](maxJobs),
		itemHits: map[ItemID]int64{},
		dispatch: make(chan struct{}, 1),
	}
}

// await notes that a client waits for Steam's answer about an item. The
// caller holds the mutex. It reports false when too many items wait.
func (r *records) await(now time.Time, id ItemID, version int64) bool {
	p := r.pending[id]
	if p == nil {
		if len(r.pending) >= maxPending {
			return false
		}
		p = &pending{}
		if v, ok := r.verdicts.get(id); ok {
			if v.failing {
				p.attempts, p.firstFailed = maxAttempts-1, now
			}
			r.verdicts.remove(id)
		}
		r.pending[id] = p
	}
	p.wanted = now
	if len(p.versions) < maxVersions && !slices.Contains(p.versions, version) {
		p.versions = append(p.versions, version)
	}
	return true
}

// answered takes an item off the list and returns the versions that clients
// wait for. The caller holds the mutex.
func (r *records) answered(id ItemID) []int64 {
	p := r.pending[id]
	if p == nil {
		return nil
	}
	delete(r.pending, id)
	return p.versions
}

// failed notes that Steam had no answer about id. An item that failed for
// too long is refused for a while. The caller holds the mutex.
func (r *records) failed(now time.Time, id ItemID) {
	p := r.pending[id]
	if p == nil {
		return
	}
	p.attempts++
	if p.firstFailed.IsZero() {
		p.firstFailed = now
	}
	if exhausted(now, p.attempts, p.firstFailed) {
		r.giveUp(now, id)
	}
}

// giveUp refuses an item that Steam had no answer about for too long. The
// caller holds the mutex.
func (r *records) giveUp(now time.Time, id ItemID) {
	delete(r.pending, id)
	r.verdicts.put(id, verdict{answer: answerNotFetched, until: now.Add(restFor), failing: true})
}

// prune forgets waiting items that nobody asked for any more, and jobs that
// came to nothing long ago.
func (r *records) prune(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, p := range r.pending {
		if now.Sub(p.wanted) > maxFailing {
			delete(r.pending, id)
		}
	}
	for n, j := range r.jobs {
		if !j.Moving() && now.Sub(j.UpdatedAt) > restingKept {
			r.dropJob(n)
		}
	}
}

// want asks for a job. The caller holds the mutex. It reports false when
// there is no room for it.
func (r *records) want(now time.Time, n Name, boost bool) bool {
	if len(r.wishes) >= maxWishes {
		return false
	}
	j := r.jobs[n]
	if j == nil {
		if len(r.jobs) >= maxJobs && !r.dropDenied() {
			return false
		}
		j = &Job{Name: n, CreatedAt: now}
	} else {
		c := *j
		j = &c
	}
	j.State, j.Resting, j.RetryAt = Queued, false, time.Time{}
	j.Boost = j.Boost || boost
	r.putJob(j)
	r.wishes = append(r.wishes, wish{name: n, boost: boost})
	signal(r.dispatch)
	return true
}

// dropDenied makes room by forgetting a job that was refused. The caller holds
// the mutex.
func (r *records) dropDenied() bool {
	for n, j := range r.jobs {
		if j.State == Denied {
			delete(r.jobs, n)
			return true
		}
	}
	return false
}

// takeWishes empties the list of wishes.
func (r *records) takeWishes() []wish {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.wishes
	r.wishes = nil
	return w
}

// setJob notes the state of a job; one that is over without a refusal is
// forgotten.
func (r *records) setJob(j Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setJobLocked(j)
}

func (r *records) setJobLocked(j Job) {
	r.tell(j)
	if j.State == Ready || j.State == Removed {
		r.dropJob(j.Name)
		return
	}
	r.putJob(&j)
}

// putJob and dropJob keep the two maps of jobs alike. The caller holds the
// mutex.
func (r *records) putJob(j *Job) {
	if r.jobs[j.Name] == nil {
		r.jobsOf[j.Name.Item] = append(r.jobsOf[j.Name.Item], j.Name)
	}
	r.jobs[j.Name] = j
}

func (r *records) dropJob(n Name) {
	if r.jobs[n] == nil {
		return
	}
	delete(r.jobs, n)
	if left := slices.DeleteFunc(r.jobsOf[n.Item], func(o Name) bool { return o == n }); len(left) > 0 {
		r.jobsOf[n.Item] = left
	} else {
		delete(r.jobsOf, n.Item)
	}
}

// tell notes what is made known of a job. The caller holds the mutex.
func (r *records) tell(j Job) {
	if j.ID != 0 {
		r.told.put(j.ID, telling{at: j.UpdatedAt, state: j.State})
	}
}

// setRow notes the state of a job as its row has it. It reports false, having
// done nothing, when that is no news.
func (r *records) setRow(j Job) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, told := r.told.get(j.ID)
	switch {
	case told && j.UpdatedAt.Before(t.at),
		told && j.UpdatedAt.Equal(t.at) && (j.State == t.state || j.State.Moving()),
		r.jobs[j.Name] == nil && (j.State == Ready || j.State == Removed):
		return false
	}
	r.setJobLocked(j)
	return true
}

// setProgress notes how far a job of this process is. It reports false,
// having done nothing, when the job was ended meanwhile and the worker does
// not know yet.
func (r *records) setProgress(j Job) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t, ok := r.told.get(j.ID); ok && (t.state == Ready || t.state == Removed) {
		return false
	}
	r.setJobLocked(j)
	return true
}

// reopen forgets that n was denied: there is something new to try.
func (r *records) reopen(n Name) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if j := r.jobs[n]; j != nil && j.State == Denied {
		r.dropJob(n)
	}
}

// denied returns the jobs that are refused with the answer a at now.
func (r *records) denied(now time.Time, a answer) []Job {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Job
	for _, j := range r.jobs {
		if j.State == Denied && now.Before(j.RetryAt) && j.Error == a.reason() {
			list = append(list, *j)
		}
	}
	return list
}

// job returns a copy of what is known of the job for n.
func (r *records) job(n Name) (Job, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.jobs[n]
	if j == nil {
		return Job{}, false
	}
	return *j, true
}

// refuse notes a refusal of an item.
func (r *records) refuse(id ItemID, v verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verdicts.put(id, v)
}

// remember notes what Steam said of an item.
func (r *records) remember(d Item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rememberLocked(d)
}

func (r *records) rememberLocked(d Item) {
	id := ItemID(d.ID)
	d.Description, d.Screenshots = "", nil // the catalogue keeps them
	if old, ok := r.items.get(id); ok && old.CheckedAt.After(d.CheckedAt) {
		return
	}
	r.items.put(id, &known{Item: d})
}

// item returns what is known of an item.
func (r *records) item(id ItemID) (Item, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.items.get(id)
	if !ok {
		return Item{}, false
	}
	return k.Item, true
}
