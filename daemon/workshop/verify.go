package workshop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// errSuspect means that a file is not the one that was checked.
var errSuspect = fault.New(fault.Unavailable, "The file changed and is being checked")

// openStored opens the bytes of a version for serving, and only if they are
// the bytes that were checked. It returns the entry as it stands now.
//
// A file that is gone is forgotten at once (fault.NotFound). A blob with
// another fingerprint is not served; it is checked in the background.
func (s *Service) openStored(ctx context.Context, st *stored) (*os.File, *stored, error) {
	if !st.ours() {
		return s.openFound(ctx, st)
	}
	o, err := s.blobs.Open(ctx, st.Key)
	if err != nil {
		switch {
		case fault.Is(err, fault.NotFound):
			s.vanished(st)
		case errors.Is(err, fs.ErrPermission):
			s.problems.set(s.log, Problem{
				Code: problemUnread, Text: "The stored file " + st.Key + " may not be read by the account that runs the daemon",
				Hint: "give the data directory and everything in it to that account",
			})
		}
		return nil, st, err
	}
	info, err := o.File.Stat()
	if err == nil && fingerprintOf(info) != st.Print {
		st.suspect.Store(true)
		s.suspects.add(st.Name)
		s.restock(st.Name.Item)
		err = errSuspect
	}
	if err != nil {
		return nil, st, errors.Join(err, o.Close())
	}
	return o.File, st, nil
}

// openFound opens a zip in one of the operator's folders. Such a file may be
// replaced; then it is described anew.
func (s *Service) openFound(ctx context.Context, st *stored) (*os.File, *stored, error) {
	f, found, err := s.roots.Open(ctx, st.Name)
	if fault.Is(err, fault.NotFound) {
		// Not scanned yet, or gone: look before believing it.
		if _, ok := s.roots.Probe(ctx, st.Name); ok {
			f, found, err = s.roots.Open(ctx, st.Name)
		}
	}
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			s.vanished(st)
		}
		return nil, st, err
	}
	if found.Print != st.Print {
		st = s.adopt(found)
	}
	if st.SHA256 == nil && st.Size <= hashFirst {
		if st, err = s.hashFound(ctx, f, st); err != nil {
			return nil, st, errors.Join(err, f.Close())
		}
	}
	return f, st, nil
}

// hashFirst is the longest zip in one of the operator's folders that is read
// once before it is served for the first time. A client would wait too long
// for the checksum of a longer one; its entity tag changes when the check in
// the background comes to it.
const hashFirst = 50 << 20

// hashFound computes the checksum of a zip that no check has read yet, so
// that its entity tag never changes. Files are read one after the other; who
// asks for the same one meanwhile waits for it.
func (s *Service) hashFound(ctx context.Context, f *os.File, st *stored) (*stored, error) {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-ctx.Done():
		return st, ctx.Err()
	}
	now := s.index.get(st.Name)
	if now != nil && now.Path == st.Path && now.Print == st.Print && now.SHA256 != nil {
		return now, nil
	}
	sum, err := sumOf(ctx, io.NewSectionReader(f, 0, st.Size))
	if err != nil {
		return st, err
	}
	info, err := f.Stat()
	if err != nil {
		return st, err
	}
	if fingerprintOf(info) != st.Print {
		return st, errSuspect
	}
	v := st.Version
	v.SHA256 = sum
	if now != st { // replaced or forgotten meanwhile
		return &stored{Version: v, etagText: v.etag(), hits: st.hits}, nil
	}
	return s.index.put(v), nil
}

// vanished forgets a version whose file is gone, so that the next request
// starts from the beginning.
func (s *Service) vanished(st *stored) {
	if !s.index.drop(st.Name) {
		return
	}
	s.log.Warn("the file of a stored version is gone", "name", st.Name.String(), "key", st.Key, "path", st.Path)
	s.records.setJob(Job{Name: st.Name, State: Removed})
	s.gone.add(st.Name)
	s.restock(st.Name.Item)
}

// forgetGone writes down which versions are gone.
func (s *Service) forgetGone(ctx context.Context) {
	names := s.gone.take()
	if len(names) == 0 {
		return
	}
	s.write(ctx, "removal of versions", func(tx *db.Tx) error {
		for _, n := range names {
			if err := removeVersion(ctx, tx, n, "The file is gone"); err != nil {
				return err
			}
		}
		return nil
	})
	for _, n := range names {
		s.changed(n.Item)
	}
}

// Outcome is what checking one version found.
type Outcome struct {
	Name   Name
	Size   int64
	OK     bool
	Reason string // why not
}

// verifyStored checks one version from its first byte to its last: its
// checksum, and the zip if it was never read in full. A damaged one is put
// aside and, if it is still wanted, fetched anew. The error is about
// checking, not about the version.
func (s *Service) verifyStored(ctx context.Context, n Name) (Outcome, error) {
	st := s.index.get(n)
	if st == nil {
		return Outcome{Name: n}, fault.New(fault.NotFound, "%s is not stored here", n.File())
	}
	if !st.ours() {
		c, err := s.roots.Check(ctx, n)
		if err != nil {
			return Outcome{Name: n}, err
		}
		if c.Damage != nil {
			return Outcome{Name: n, Reason: fault.Public(c.Damage)}, nil
		}
		return Outcome{Name: n, OK: true}, nil
	}
	if st.State == Quarantined {
		return Outcome{Name: n, Reason: st.Reason}, nil
	}
	defer s.holds.take(st.Key)() // its row is written again in the end
	v, err := s.checkStored(ctx, st)
	switch {
	case fault.Is(err, fault.NotFound):
		s.vanished(st)
		s.forgetGone(ctx)
		return Outcome{Name: n, Reason: "The file is gone"}, nil
	case fault.Is(err, fault.Invalid):
		return Outcome{Name: n, Reason: fault.Public(err)}, s.quarantine(ctx, st, fault.Public(err))
	case err != nil:
		return Outcome{Name: n}, err
	}
	if err := s.putStored(ctx, v); err != nil {
		return Outcome{Name: n}, err
	}
	return Outcome{Name: n, OK: true}, nil
}

// putStored writes the row of v and takes it into the index.
func (s *Service) putStored(ctx context.Context, v Version) error {
	err := s.store.db.Write(ctx, func(tx *db.Tx) (err error) {
		v, err = putVersion(ctx, tx, v)
		return err
	})
	if err == nil {
		s.index.put(v)
		s.changed(v.Name.Item)
	}
	return err
}

// checkStored reads the blob of st and returns the version with its present
// fingerprint. The error is fault.Invalid when the bytes are not what was
// stored.
func (s *Service) checkStored(ctx context.Context, st *stored) (Version, error) {
	v := st.Version
	o, err := s.blobs.Open(ctx, st.Key)
	if err != nil {
		return v, err
	}
	defer o.Close() //nolint:errcheck // only read
	before, err := o.File.Stat()
	if err != nil {
		return v, err
	}
	if before.Size() != v.Size {
		return v, fault.New(fault.Invalid, "The file has %d bytes, %d were stored", before.Size(), v.Size)
	}
	sum, err := sumOf(ctx, o.File)
	if err != nil {
		return v, err
	}
	if v.SHA256 != nil && !bytes.Equal(sum, v.SHA256) {
		return v, fault.New(fault.Invalid, "The checksum is not that of the stored bytes")
	}
	if v.SHA256 == nil {
		limits := s.zipLimits()
		limits.Bzip2 = true // what has its name was let in once, see ImportPyTorrent
		if err := s.checkBlob(ctx, st.Key, v.Size, limits); err != nil {
			return v, err
		}
	}
	after, err := o.File.Stat()
	if err != nil {
		return v, err
	}
	if fingerprintOf(after) != fingerprintOf(before) {
		return v, fault.New(fault.Unavailable, "The file changed while it was being read")
	}
	v.SHA256, v.Print, v.VerifiedAt = sum, fingerprintOf(after), s.clock.Now()
	return v, nil
}

// quarantine puts a damaged blob aside and asks for the version anew.
func (s *Service) quarantine(ctx context.Context, st *stored, why string) error {
	st.suspect.Store(true)
	s.log.Error("a stored version is damaged and will not be served", "name", st.Name.String(), "reason", why)
	s.metrics.damaged.Inc()
	v := st.Version
	v.State, v.Reason, v.Key = Quarantined, why, quarantineKey(st.Name)
	if err := s.blobs.Rename(ctx, st.Key, v.Key); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err := s.putStored(ctx, v); err != nil {
		return err
	}
	s.catalog.Damaged()
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	if j := s.records.jobs[st.Name]; j == nil || !j.Moving() {
		s.records.want(s.clock.Now(), st.Name, true)
	}
	return nil
}

// runVerifier checks versions whose file changed under our hands, as soon as
// somebody asked for them.
func (s *Service) runVerifier(ctx context.Context) error {
	for {
		for _, n := range s.suspects.take() {
			if _, err := s.verifyStored(ctx, n); err != nil && ctx.Err() == nil && !fault.Is(err, fault.NotFound) {
				s.log.Error("a stored version cannot be checked", "name", n.String(), "error", err)
			}
		}
		s.forgetGone(ctx)
		select {
		case <-s.suspects.some:
		case <-s.scrub:
			if err := s.Verify(ctx, Filter{}, nil); err != nil && ctx.Err() == nil {
				s.log.Error("not everything could be checked", "error", err)
			}
		case <-s.gone.some:
		case <-ctx.Done():
			return nil
		}
	}
}

// Verify checks the stored versions that f selects, all if it is empty, and
// calls report after each. It returns the first error about checking after
// having gone through all.
func (s *Service) Verify(ctx context.Context, f Filter, report func(Outcome)) error {
	if err := s.loadAll(ctx); err != nil {
		return err
	}
	var failed error
	for _, st := range s.index.all() {
		if !f.admits(s, st.Name.Item) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		o, err := s.verifyStored(ctx, st.Name)
		o.Size = st.Size
		if err != nil {
			o.Reason = fault.Public(err)
			failed = errors.Join(failed, err)
		}
		if report != nil {
			report(o)
		}
	}
	return failed
}

// VerifyVersion checks one version; see Verify.
func (s *Service) VerifyVersion(ctx context.Context, n Name) (Outcome, error) {
	if err := s.loadAll(ctx); err != nil {
		return Outcome{Name: n}, err
	}
	return s.verifyStored(ctx, n)
}

// loadAll is load, and in a process without Run also a scan of the operator's
// folders, which otherwise goes on in the background.
func (s *Service) loadAll(ctx context.Context) error {
	if err := s.load(ctx); err != nil || s.running.attached.Load() {
		return err
	}
	return s.roots.Scan(ctx)
}

// Survey brings together, in a process without Run, what a running daemon
// knows of who could supply a version again: what is stored, the operator's
// folders and the lists of the peers. What could not be seen is logged; it
// counts as having nothing.
func (s *Service) Survey(ctx context.Context) error {
	if err := s.loadAll(ctx); err != nil || s.running.attached.Load() {
		return err
	}
	for _, r := range s.roots.Status() {
		if !r.OK {
			s.log.Warn("a folder cannot be read; versions that are only there count as not to be had again", "folder", r.Path)
		}
	}
	if !s.asksPeers() {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, surveyTime)
	defer cancel()
	for _, url := range s.peers.Consult(limited) {
		s.log.Warn("a peer did not give its list; versions that only it has count as not to be had again", "peer", url)
	}
	return ctx.Err()
}

// nameSet is a set of versions that wait for something, bounded by what is
// stored. It is safe for concurrent use.
type nameSet struct {
	mu    sync.Mutex
	names map[Name]struct{}
	some  chan struct{}
}

func newNameSet() *nameSet {
	return &nameSet{names: map[Name]struct{}{}, some: make(chan struct{}, 1)}
}

func (s *nameSet) add(n Name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.names) < maxWishes {
		s.names[n] = struct{}{}
		signal(s.some)
	}
}

func (s *nameSet) take() []Name {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Name, 0, len(s.names))
	for n := range s.names {
		out = append(out, n)
	}
	clear(s.names)
	return out
}

const writeTimeout = 10 * time.Second
