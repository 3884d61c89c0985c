package workshop

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// Names of sources.
const (
	sourceFolder   = "folder"
	sourceSteamURL = "steam-url"
	sourcePeers    = "peers"
	sourceSteamCMD = "steamcmd"
)

// errLost ends the work on a job that was cancelled or taken over.
var errLost = errors.New("the job is not ours any more")

// refusal is the end of a job that trying again soon will not change.
type refusal answer

func (r refusal) Error() string { return answer(r).reason() }

// unpackable is why a folder cannot be packed: a link that leaves it, or a
// name that fits into no zip. Trying again helps only after somebody mended
// it.
type unpackable struct{ error }

// Unwrap returns the reason.
func (u unpackable) Unwrap() error { return u.error }

// workOn runs a claimed job to its end and returns it as it was settled. free,
// which may be nil, gives the place among the downloads back early.
func (s *Service) workOn(ctx context.Context, j Job, report func(Job), free func()) Job {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := &active{job: j, began: s.clock.Now(), cancel: cancel, report: report, free: free}
	s.running.add(a)
	defer s.running.remove(j.ID)
	defer a.letGo()
	s.records.setJob(j)
	s.publishJob(a, true)
	v, err := s.attempt(ctx, a)
	j = s.settle(ctx, a, v, err)
	if report != nil {
		report(j)
	}
	return j
}

// attempt tries once to bring the version here. A panic is an error like any
// other: it must not cost a worker.
func (s *Service) attempt(ctx context.Context, a *active) (v Version, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("work on a job panicked", "job", a.job.ID, "panic", p, "stack", string(debug.Stack()))
			err = fault.New(fault.Unavailable, "The work on it broke off")
		}
	}()
	if a.job.Name.Version == 0 {
		return Version{}, s.redirect(ctx, a.job)
	}
	return s.obtain(ctx, a)
}

// redirect turns a job for whatever is current into one for that version.
func (s *Service) redirect(ctx context.Context, j Job) error {
	item, err := s.describe(ctx, j.Name.Item)
	if err != nil {
		return err
	}
	n := Name{Item: j.Name.Item, Version: item.Updated}
	if st := s.index.get(n); st != nil && st.State == Ready {
		return nil
	}
	var next Job
	err = s.store.db.Write(ctx, func(tx *db.Tx) error {
		next, err = putJob(ctx, tx, n, j.Boost)
		return err
	})
	if err != nil {
		return err
	}
	s.noteJob(next)
	signal(s.work)
	return nil
}

// describe asks Steam about an item that is to be fetched. It returns a
// refusal when it must not be.
func (s *Service) describe(ctx context.Context, id ItemID) (*Item, error) {
	item, err := s.lookup(ctx, id)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, refusal(answerNoSuchMod)
	case err != nil:
		return nil, err
	case !s.policy.fetches(id, item.AppID):
		return nil, refusal(answerWrongApp)
	}
	return item, nil
}

// obtain asks the sources in their order for the job's version. Bytes that
// turn out to be another version are kept under that; then both a version and
// an error are returned.
func (s *Service) obtain(ctx context.Context, a *active) (Version, error) {
	want := Want{Name: a.job.Name}
	var failed error
	note := func(err error) {
		if !fault.Is(failed, fault.Invalid) { // what the operator can mend is told first
			failed = err
		}
	}
	asked := false
	var absent []error
	for _, src := range s.sources {
		if src.Name() != sourceFolder && !asked {
			asked = true
			item, err := s.describe(ctx, want.Name.Item)
			if _, refused := errors.AsType[refusal](err); refused {
				if failed != nil { // the folder will be ready soon, whatever Steam says
					err = failed
				}
				return Version{}, err
			}
			if err != nil {
				note(err) // a source that needs no details may still have it
			} else {
				want.Details, want.App = &item.FileDetails, item.AppID
			}
		}
		v, err := s.fetchFrom(ctx, a, src, want)
		switch {
		case err == nil && v.Name.Version > want.Name.Version:
			return v, refusal(answerOldVersion)
		case err == nil && v.Name != want.Name:
			return v, otherVersion(want.Name, v.Name.Version)
		case err == nil:
			return v, nil
		case ctx.Err() != nil, fault.Is(err, fault.NoSpace):
			return Version{}, err
		case fault.Is(err, fault.NotFound):
			if src.Name() != sourceFolder {
				absent = append(absent, err)
			}
			continue
		}
		if src.Name() == sourceFolder && (fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge)) {
			err = unpackable{err}
		}
		if !early(err) {
			s.log.Warn("a source failed", "source", src.Name(), "name", want.Name.String(), "error", err)
		}
		note(err)
	}
	if failed != nil {
		return Version{}, failed
	}
	return Version{}, s.refuseJob(want, absent)
}

// refuseJob says why nobody has the wanted version. absent is what the sources
// said.
func (s *Service) refuseJob(want Want, absent []error) error {
	d := want.Details
	switch {
	case d == nil:
		return refusal(answerNoSource)
	case d.Banned:
		return refusal(answerNoSuchMod)
	case d.Updated != want.Name.Version:
		return refusal(answerOldVersion)
	}
	var said []string
	hint := s.hintNoSource()
	for _, err := range absent {
		said = append(said, fault.Public(err))
		if h := fault.Hint(err); h != "" {
			hint = strings.TrimRight(h, ".") + "; or " + hint
		}
	}
	text := fmt.Sprintf("no source can supply m%s (%s)", want.Name.Item.Hex(), d.Title)
	if len(said) == 0 {
		s.log.Warn(text, "hint", hint)
		return refusal(answerNoSource)
	}
	why := strings.Join(said, "; ")
	s.log.Warn(text+": "+why, "hint", hint)
	return fault.Wrap(refusal(answerNoSource), fault.NotFound, "%s", why)
}

// fetchFrom takes the version from one source: into a blob of its own first,
// which becomes the version only after it was checked.
func (s *Service) fetchFrom(ctx context.Context, a *active, src Source, want Want) (v Version, err error) {
	state := Fetching
	if src.Name() == sourceFolder {
		state = Zipping
	}
	if err := s.promises.Reserve(ctx, 0); err != nil {
		return v, err
	}
	incoming := fmt.Sprintf("incoming/%d-%s", a.job.ID, want.Name.File())
	if q, ok := src.(interface{ enter() (func(), error) }); ok {
		leave, err := q.enter()
		if err != nil {
			return v, err
		}
		defer leave()
		a.giveBack()
	}
	w, err := s.blobs.Create(ctx, incoming)
	s.noteWritable(err)
	if err != nil {
		return v, err
	}
	k := &sink{
		ctx: ctx, dst: w, sum: sha256.New(), max: int64(s.config.MaxItemBytes), room: s.promises,
		progress: func(bytes, total int64) { s.progressed(a, bytes, total) },
	}
	defer k.release()
	got, err := src.Fetch(ctx, want, &lateState{k, func() { s.moveOn(a, state, src.Name()) }})
	if err == nil && k.bytes == 0 {
		err = fault.New(fault.Invalid, "The source delivered nothing")
	}
	if err != nil {
		return v, errors.Join(err, w.Abort())
	}
	s.moveOn(a, Verifying, src.Name())
	if _, err := w.Commit(ctx); err != nil {
		return v, err
	}
	v = Version{
		Name: Name{Item: want.Name.Item, Version: got.Version}, State: Ready, Size: k.bytes,
		SHA256: k.sum.Sum(nil), Source: src.Name(), Origin: got.Origin, Peer: got.Peer, VerifiedBy: got.VerifiedBy,
		FetchedAt: s.clock.Now(),
	}
	if st := s.index.get(v.Name); v.Name != want.Name && st != nil && st.servable() {
		return st.Version, s.blobs.Delete(context.WithoutCancel(ctx), incoming) // a sound version is not replaced
	}
	if err := s.install(ctx, func(key string) { a.hold(s, key) }, incoming, &v, s.zipLimits()); err != nil {
		return Version{}, errors.Join(err, s.blobs.Delete(context.WithoutCancel(ctx), incoming))
	}
	s.metrics.fetched(src.Name(), v.Size)
	return v, nil
}

// giveBack lets another job have this one's place among the downloads.
func (a *active) giveBack() {
	if a.free != nil {
		a.free()
	}
}

// lateState announces the state when the first byte comes, so that asking a
// source that has nothing does not flicker on the page.
type lateState struct {
	*sink
	begin func()
}

func (l *lateState) start() {
	if l.begin != nil {
		l.begin()
		l.begin = nil
	}
}

// Expect announces the total number of bytes.
func (l *lateState) Expect(total int64) error {
	l.start()
	return l.sink.Expect(total)
}

// Progress tells how far the work before the first byte is.
func (l *lateState) Progress(done, total int64) {
	l.start()
	l.sink.Progress(done, total)
}

// Write takes the next bytes.
func (l *lateState) Write(p []byte) (int, error) {
	l.start()
	return l.sink.Write(p)
}

// install checks the blob at incoming from its first to its last byte and
// gives it its name, or drops it for a blob with the same bytes. hold is called
// with the key that v gets before anything relies on the blob.
func (s *Service) install(ctx context.Context, hold func(key string), incoming string, v *Version, limits modzip.Limits) error {
	if err := s.checkBlob(ctx, incoming, v.Size, limits); err != nil {
		return err
	}
	v.VerifiedAt = s.clock.Now()
	v.StoredAt = v.VerifiedAt
	if s.share(ctx, hold, v) {
		return s.blobs.Delete(ctx, incoming)
	}
	v.Key = blobKey(v.Name)
	hold(v.Key)
	if err := s.blobs.Rename(ctx, incoming, v.Key); err != nil {
		return err
	}
	print, err := s.printOf(ctx, v.Key)
	v.Print = print
	return err
}

// share lets v use the blob of another version with the same bytes, if there
// is one that nobody touched since it was checked.
func (s *Service) share(ctx context.Context, hold func(key string), v *Version) bool {
	twin := s.index.twin(*v)
	if twin == nil {
		return false
	}
	hold(twin.Key)
	print, err := s.printOf(ctx, twin.Key)
	if err != nil || print != twin.Print {
		twin.suspect.Store(true)
		s.suspects.add(twin.Name)
		s.restock(twin.Name.Item)
		return false
	}
	v.Key, v.Print = twin.Key, print
	return true
}

// checkBlob checks a whole zip. The error is fault.Invalid when it is broken.
func (s *Service) checkBlob(ctx context.Context, key string, size int64, limits modzip.Limits) error {
	o, err := s.blobs.Open(ctx, key)
	if err != nil {
		return err
	}
	defer o.Close() //nolint:errcheck // only read
	if o.Info.Size != size {
		return fault.New(fault.Invalid, "%d bytes are stored of %d", o.Info.Size, size)
	}
	return modzip.Verify(ctx, o, size, modzip.Full, limits)
}

func (s *Service) zipLimits() modzip.Limits {
	return modzip.Limits{Bytes: int64(s.config.MaxItemBytes)}
}

// printOf returns the fingerprint of a blob.
func (s *Service) printOf(ctx context.Context, key string) (Fingerprint, error) {
	o, err := s.blobs.Open(ctx, key)
	if err != nil {
		return Fingerprint{}, err
	}
	defer o.Close() //nolint:errcheck // only read
	info, err := o.File.Stat()
	if err != nil {
		return Fingerprint{}, err
	}
	return fingerprintOf(info), nil
}

// sumOf returns the checksum of an open file.
func sumOf(ctx context.Context, r io.Reader) ([]byte, error) {
	h := sha256.New()
	_, err := io.Copy(h, contextReader{ctx, r})
	return h.Sum(nil), err
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
