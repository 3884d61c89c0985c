package workshop

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/web"
	"github.com/quartermasterd/quartermaster/daemon/workshop/catalog"
)

const (
	// describeFor is how long the catalogue waits for Steam. Its clients give
	// up after five seconds.
	describeFor = 4 * time.Second
	// maxTold bounds the items whose texts are remembered for who describes
	// them next.
	maxTold = 500
)

// shelf is the library as the catalogue sees it.
type shelf struct {
	s      *Service
	flight singleflight.Group

	mu   sync.Mutex
	told *lru[ItemID, toldItem]
	next map[ItemID]Item // what Each is about to tell of and the records have forgotten
}

// toldItem is a whole answer of Steam. records keep it without its texts.
type toldItem struct {
	webapi.FileDetails
	at time.Time
}

var _ catalog.Library = (*shelf)(nil)

// Stock says how an item stands. A version whose file changed under our hands
// counts as being fetched until it was checked.
func (l *shelf) Stock(id int64) catalog.Stock {
	item := ItemID(id)
	if id <= 0 || !l.s.policy.serves(item) {
		return catalog.Stock{}
	}
	st := catalog.Stock{Source: catalog.SourceSteam}
	for _, v := range l.s.index.item(item) {
		if st.AddedAt.IsZero() || v.StoredAt.Before(st.AddedAt) {
			st.AddedAt = v.StoredAt
		}
		switch {
		case !v.servable():
			st.Fetching = st.Fetching || v.State == Ready
		case !st.Stored:
			st.Stored, st.Version, st.Bytes = true, v.Name.Version, v.Size
		}
	}
	r := l.s.records
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.jobsOf[item] {
		j := r.jobs[n]
		if !j.Moving() {
			continue
		}
		if working := j.State == Fetching || j.State == Zipping || j.State == Verifying; working {
			st.Fetching = true
		} else {
			st.Queued = true
		}
		st.Updating = st.Updating || st.Stored && n.Version > st.Version && r.published(n)
		if st.AddedAt.IsZero() || j.CreatedAt.Before(st.AddedAt) {
			st.AddedAt = j.CreatedAt
		}
	}
	return st
}

// published reports whether Steam told of the version, or nothing is known of
// the item. Anybody can ask for versions that there never will be. The caller
// holds the mutex.
func (r *records) published(n Name) bool {
	k, ok := r.items.get(n.Item)
	return !ok || n.Version <= k.Updated
}

// Each calls fn with everything that is stored or being fetched. Details of
// what memory has forgotten are read for many items at once.
func (l *shelf) Each(fn func(id int64, s catalog.Stock)) {
	for batch := range slices.Chunk(l.items(), 500) {
		ahead := l.ahead(batch)
		l.mu.Lock()
		l.next = ahead
		l.mu.Unlock()
		for _, id := range batch {
			if st := l.Stock(int64(id)); st.Stored || st.Fetching || st.Queued {
				fn(int64(id), st)
			}
		}
	}
	l.mu.Lock()
	l.next = nil
	l.mu.Unlock()
}

// items returns the items that may be listed.
func (l *shelf) items() []ItemID {
	ids := map[ItemID]struct{}{}
	for _, st := range l.s.index.all() {
		ids[st.Name.Item] = struct{}{}
	}
	l.s.records.mu.Lock()
	for id := range l.s.records.jobsOf {
		ids[id] = struct{}{}
	}
	l.s.records.mu.Unlock()
	list := make([]ItemID, 0, len(ids))
	for id := range ids {
		if id <= math.MaxInt64 {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// ahead reads the details of those items that the records do not hold.
func (l *shelf) ahead(ids []ItemID) map[ItemID]Item {
	var forgotten []ItemID
	l.s.records.mu.Lock()
	for _, id := range ids {
		if _, ok := l.s.records.items.entries[id]; !ok {
			forgotten = append(forgotten, id)
		}
	}
	l.s.records.mu.Unlock()
	found := make(map[ItemID]Item, len(forgotten))
	for _, item := range l.read(forgotten) {
		found[ItemID(item.ID)] = item
	}
	return found
}

// read returns what the database knows of items.
func (l *shelf) read(ids []ItemID) []Item {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	items, err := l.s.store.items(ctx, ids)
	if err != nil {
		l.s.log.Error("the database did not give the details of items", "error", err)
	}
	return items
}

// Details returns what is known of an item: the last answer of Steam if it
// was lately, else what the records hold of it.
func (l *shelf) Details(id int64) (catalog.Details, bool) {
	item := ItemID(id)
	if id <= 0 {
		return catalog.Details{}, false
	}
	if t, ok := l.lately(item); ok {
		return detailsOf(&t.FileDetails), true
	}
	known, ok := l.s.records.item(item)
	if !ok {
		l.mu.Lock()
		known, ok = l.next[item]
		l.mu.Unlock()
	}
	if !ok {
		for _, known = range l.read([]ItemID{item}) {
			ok = true
		}
	}
	// What Steam has no more keeps the name that it had.
	if !ok || known.Class() != webapi.Usable && known.AppID == 0 {
		return catalog.Details{}, false
	}
	return detailsOf(&known.FileDetails), true
}

func (l *shelf) lately(id ItemID) (toldItem, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told.get(id)
}

// learned remembers whole answers of Steam.
func (l *shelf) learned(now time.Time, items []Item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, item := range items {
		if item.Class() == webapi.Usable {
			l.told.put(ItemID(item.ID), toldItem{item.FileDetails, now})
		} else {
			l.told.remove(ItemID(item.ID))
		}
	}
}

// detailsOf translates an answer of Steam.
func detailsOf(f *webapi.FileDetails) catalog.Details {
	d := catalog.Details{
		ID: int64(f.ID), App: f.AppID, Name: f.Title, Description: f.Description, Size: f.Size,
		Created: f.Created, Updated: f.Updated, Tags: f.Tags, Logo: f.Preview, Screenshots: f.Screenshots,
	}
	if f.Children != nil {
		d.Dependencies = make([]int64, 0, len(f.Children))
		for _, c := range f.Children {
			if c.ID != 0 && c.ID <= math.MaxInt64 {
				d.Dependencies = append(d.Dependencies, int64(c.ID))
			}
		}
	}
	return d
}

// Describe returns what Steam says of an item, asking it unless it answered
// within a minute. However many ask about an item, Steam is asked once.
func (l *shelf) Describe(ctx context.Context, id int64) (catalog.Details, error) {
	item := ItemID(id)
	if id <= 0 {
		return catalog.Details{}, fault.New(fault.NotFound, "%s", answerNoSuchMod.reason())
	}
	if !l.s.policy.serves(item) {
		return catalog.Details{}, fault.New(fault.Forbidden, "%s", answerNotServing.reason())
	}
	result := l.flight.DoChan(strconv.FormatInt(id, 10), func() (any, error) {
		// Whoever asked first may leave; the others still wait.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), describeFor)
		defer cancel()
		return l.describe(ctx, item)
	})
	select {
	case r := <-result:
		if r.Err != nil {
			return catalog.Details{}, r.Err
		}
		return r.Val.(catalog.Details), nil
	case <-ctx.Done():
		return catalog.Details{}, ctx.Err()
	}
}

func (l *shelf) describe(ctx context.Context, id ItemID) (catalog.Details, error) {
	now := l.s.clock.Now()
	if t, ok := l.lately(id); ok && now.Sub(t.at) < freshFor {
		return l.admitted(&t.FileDetails)
	}
	if err := l.refusedLately(now, id); err != nil {
		return catalog.Details{}, err
	}
	f, err := l.s.details.Lookup(ctx, id)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return catalog.Details{}, fault.Wrap(err, fault.Unavailable, "Steam has not answered in time").WithRetryAfter(detailsRetry)
	case err != nil:
		return catalog.Details{}, err
	}
	// learn is told as well, perhaps later. A job that is begun now must not
	// go by what was known before, and nobody is to ask again at once.
	item := Item{FileDetails: *f, CheckedAt: l.s.clock.Now()}
	l.learned(item.CheckedAt, []Item{item})
	if f.Class() != webapi.Usable {
		v := verdict{answer: answerNoSuchMod, until: item.CheckedAt.Add(deniedFor), rejected: f.Class() == webapi.BadParameter}
		l.s.records.refuse(id, v)
		return catalog.Details{}, v.ofSteam()
	}
	l.s.records.remember(item)
	return l.admitted(f)
}

// ofSteam is what the catalogue makes of Steam's refusal to tell of an item.
// Clients take 404 for the end of it, and that an id was rejected may be
// Steam's fault, so then it counts as not having answered.
func (v verdict) ofSteam() error {
	if v.rejected {
		return fault.New(fault.Unavailable, "Steam has no answer about the item at the moment").WithRetryAfter(freshFor)
	}
	return fault.New(fault.NotFound, "%s", answerNoSuchMod.reason())
}

// refusedLately returns what Steam said of an item within a minute if it did
// not describe it.
func (l *shelf) refusedLately(now time.Time, id ItemID) error {
	r := l.s.records
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.verdicts.get(id)
	if ok && v.answer == answerNoSuchMod && now.Before(v.until.Add(freshFor-deniedFor)) {
		return v.ofSteam()
	}
	return nil
}

// admitted applies our own rules to what Steam said.
func (l *shelf) admitted(f *webapi.FileDetails) (catalog.Details, error) {
	switch {
	case f.Banned:
		return catalog.Details{}, fault.New(fault.NotFound, "%s", answerNoSuchMod.reason())
	case !l.s.policy.fetches(ItemID(f.ID), f.AppID):
		return catalog.Details{}, fault.New(fault.Forbidden, "%s", answerWrongApp.reason())
	}
	return detailsOf(f), nil
}

// Want puts a version on the list of jobs, not to be begun before notBefore.
func (l *shelf) Want(ctx context.Context, id, version int64, asked, notBefore time.Time) (began bool, err error) {
	s, n := l.s, Name{Item: ItemID(id), Version: version}
	if id <= 0 || version < 0 || !s.policy.serves(n.Item) {
		return false, fault.New(fault.Forbidden, "%s", answerNotServing.reason())
	}
	switch under, full := l.underWay(n); {
	case under:
		return false, nil
	case full:
		return false, fault.New(fault.Unavailable, "Too many mods are waiting").WithRetryAfter(restFor)
	}
	var job Job
	err = s.store.db.Write(ctx, func(tx *db.Tx) (err error) {
		job, began, err = wantJob(ctx, tx, n, asked, notBefore)
		return err
	})
	if err != nil || !began {
		return false, err
	}
	s.noteJob(job)
	signal(s.work)
	return true, nil
}

// underWay reports whether a job for n is in the database and not over, which
// then is put before those that no client waits for, and whether there is no
// room for another one.
func (l *shelf) underWay(n Name) (under, full bool) {
	r := l.s.records
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.jobs[n]
	if under = j != nil && j.ID != 0 && j.Moving(); under && !j.Boost {
		r.want(l.s.clock.Now(), n, true)
	}
	return under, len(r.jobs) >= maxJobs
}

// Queue returns how many jobs wait or run.
func (l *shelf) Queue() (n int) {
	r := l.s.records
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.jobs {
		if j.Moving() {
			n++
		}
	}
	return n
}

// Ready reports whether anything can be fetched.
func (l *shelf) Ready() error {
	s := l.s
	if !s.running.attached.Load() {
		return fault.New(fault.Unavailable, "The library of mods is not running")
	}
	if s.problems.has(problemUnwrit) {
		return fault.New(fault.Unavailable, "The store takes no files")
	}
	for _, src := range s.sources {
		switch src.Name() {
		case sourceFolder: // has what the operator put there, and no more
		case sourceSteamCMD:
			if s.steamcmd.status().State != SteamCMDMissing {
				return nil
			}
		default:
			return nil
		}
	}
	return fault.New(fault.Unavailable, "No source of mods is in use")
}

// Open opens the newest version that can be served, and only if its bytes are
// those that were checked.
func (l *shelf) Open(ctx context.Context, id int64) (catalog.Archive, error) {
	s := l.s
	err := error(fault.New(fault.NotFound, "The mod is not stored here"))
	if id <= 0 || !s.policy.serves(ItemID(id)) {
		return catalog.Archive{}, err
	}
	for _, st := range s.index.item(ItemID(id)) {
		if !st.servable() {
			continue
		}
		file, st, failed := s.openStored(ctx, st)
		switch {
		case failed == nil:
			now := s.clock.Now()
			return catalog.Archive{
				Version: st.Name.Version,
				File: web.File{
					Content: file, Size: st.Print.Size, ModTime: st.lastModified(now), ETag: st.etagText,
					SHA256: st.SHA256, ContentType: "application/zip", CacheControl: "no-cache",
				},
				Served: func(status int, bytes int64) {
					s.hit(st, now)
					s.metrics.served(status, st.Source, bytes)
				},
			}, nil
		case fault.Is(failed, fault.NotFound):
			err = fault.Wrap(failed, fault.Invalid, "The file of the mod is gone")
		case errors.Is(failed, fs.ErrPermission) && !st.ours():
			s.index.drop(st.Name) // tried again by the checks in the background
			s.restock(st.Name.Item)
			err = fault.Wrap(failed, fault.Invalid, "The file of the mod may not be read")
		default: // being checked, or no file handle left
			return catalog.Archive{}, fault.Wrap(failed, fault.Unavailable, "The file of the mod cannot be opened now")
		}
	}
	return catalog.Archive{}, err
}
