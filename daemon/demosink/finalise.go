package demosink

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/demosink/anomaly"
	"github.com/quartermasterd/quartermaster/daemon/demosink/demofile"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	finishWorkers = 4
	finishRetry   = 30 * time.Second
	drainFinish   = 2 * time.Second // of the stop; the rest is done at the next start
)

// finisher makes blobs of recordings that are closed, a few at a time, and
// tries again what failed.
type finisher struct {
	s      *Service
	slots  chan struct{}
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	jobs    map[SessionID]*finishing
	damaged map[SessionID]struct{} // a sync of their file failed
	stopped bool
}

// finishing is a recording that is being made a blob.
type finishing struct {
	done  chan struct{}
	again bool // what is to be done changed meanwhile
}

func (f *finisher) init(s *Service) {
	f.s, f.slots, f.jobs, f.damaged = s, make(chan struct{}, finishWorkers), map[SessionID]*finishing{}, map[SessionID]struct{}{}
	f.ctx, f.cancel = context.WithCancel(context.Background())
}

// start asks for a recording to be finished. The channel is closed when it is,
// or when the service stops.
func (f *finisher) start(id SessionID) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if j := f.jobs[id]; j != nil {
		j.again = true
		return j.done
	}
	j := &finishing{done: make(chan struct{})}
	if f.stopped { // done at the next start
		close(j.done)
		return j.done
	}
	f.jobs[id] = j
	f.wg.Go(func() { f.run(id, j) })
	return j.done
}

// run finishes a recording, however often that takes.
func (f *finisher) run(id SessionID, j *finishing) {
	defer close(j.done)
	for {
		err := f.attempt(id)
		f.mu.Lock()
		switch {
		case f.ctx.Err() != nil, err == nil && !j.again:
			delete(f.jobs, id)
			f.mu.Unlock()
			return
		}
		j.again = false
		f.mu.Unlock()
		if err == nil || errors.Is(err, errLateChanged) {
			continue
		}
		f.s.log.Error("a recording could not be stored yet; it is tried again", slog.String("session", string(id)), slog.Any("error", err))
		select {
		case <-f.ctx.Done():
		case <-f.s.clock.After(finishRetry):
		}
	}
}

func (f *finisher) attempt(id SessionID) error {
	select {
	case f.slots <- struct{}{}:
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
	defer func() { <-f.slots }()
	began := time.Now()
	err := f.s.finalise(f.ctx, id)
	f.s.metrics.finish.Observe(time.Since(began).Seconds())
	return err
}

// drain waits a moment for what is being done and gives the rest up.
func (f *finisher) drain() {
	f.mu.Lock()
	f.stopped = true
	idle := len(f.jobs) == 0
	f.mu.Unlock()
	done := make(chan struct{})
	go func() { f.wg.Wait(); close(done) }()
	if !idle {
		select {
		case <-done:
		case <-f.s.clock.After(drainFinish):
		}
	}
	f.cancel()
	<-done
}

// isDamaged reports whether a sync of the session's file failed. Its content
// may be in memory only, and another sync could lie: it has to be copied.
func (f *finisher) isDamaged(id SessionID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.damaged[id]
	return ok
}

func (f *finisher) damage(id SessionID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.damaged[id] = struct{}{}
}

func (f *finisher) repaired(id SessionID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.damaged, id)
}

// content is where the bytes of a recording are.
type content interface {
	io.ReaderAt
	io.Closer
}

// finalise makes a blob of a closed recording and notes it: the blob first,
// whole and durable under its name, then the row, then the spool is removed.
// It may be cut short anywhere and done again.
func (s *Service) finalise(ctx context.Context, id SessionID) error {
	sess, err := s.store.session(ctx, id)
	if fault.Is(err, fault.NotFound) || err == nil && (sess.Active || sess.Owner != s.spool.owner) {
		return nil
	}
	if err != nil {
		return err
	}
	out, spooled, err := s.examine(ctx, sess)
	if fault.Is(err, fault.NotFound) {
		s.log.Error("nothing is left of a recording", slog.String("session", string(id)), slog.Int64("received", sess.Received))
		return s.store.abandoned(ctx, id, s.clock.Now())
	}
	if err != nil {
		return err
	}
	if !spooled || !s.adopt(ctx, sess, out.size) {
		if err := s.storeCopy(ctx, sess); err != nil {
			return err
		}
	}
	if err := s.store.finished(ctx, id, out, s.clock.Now()); err != nil {
		return err
	}
	if err := s.spool.remove(id); err != nil {
		s.log.Warn("the spool of a stored recording could not be removed; the next start tries again", slog.String("session", string(id)), slog.Any("error", err))
	}
	s.finish.repaired(id)
	s.grown()
	s.publish(sess.Account, id, "stored")
	return nil
}

// examine reads a recording as it will be stored. spooled says that it is in
// the spool still; fault.NotFound: it is nowhere.
func (s *Service) examine(ctx context.Context, sess Session) (out outcome, spooled bool, err error) {
	src, size, spooled, err := s.contentOf(ctx, sess.ID)
	if err != nil {
		return outcome{}, false, err
	}
	defer src.Close() //nolint:errcheck // only read
	out = outcome{size: size, late: sess.Late, received: size, stats: sess.Statistics}
	if err := scoreRest(src, s.model, &out.stats, sess.Received, size); err != nil {
		return outcome{}, false, err
	}
	if err := s.judge(&out, sess, src); err != nil {
		return outcome{}, false, err
	}
	sum := sha256.New()
	err = copyWhole(sum, patched(src, size, sess.Late), size)
	out.sha256 = sum.Sum(nil)
	return out, spooled, err
}

// adopt makes the spool of a recording its blob, which costs neither room nor
// time. It reports false when that is not possible; a copy is made then. The
// late bytes are in the row before they are written here, so that a crash in
// the middle does no harm.
func (s *Service) adopt(ctx context.Context, sess Session, size int64) bool {
	adopter, ok := s.blobs.(blob.Adopter)
	if !ok || s.finish.isDamaged(sess.ID) {
		return false
	}
	err := s.spool.patch(sess.ID, sess.Late, size)
	if err == nil {
		_, err = adopter.Adopt(ctx, s.spool.path(sess.ID), sess.ID.DemoKey())
	}
	if err != nil {
		s.log.Debug("a recording is copied because its file cannot be moved", slog.String("session", string(sess.ID)), slog.Any("error", err))
	}
	return err == nil
}

// contentOf opens the spool of a recording, or its blob when that is what is
// to be patched; fault.NotFound when there is neither.
func (s *Service) contentOf(ctx context.Context, id SessionID) (src content, size int64, spooled bool, err error) {
	f, size, err := s.spool.open(id)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, size, true, err
	}
	o, err := s.blobs.Open(ctx, id.DemoKey())
	if err != nil {
		return nil, 0, false, err
	}
	return o, o.Info.Size, false, nil
}

// patched is the content with the late bytes in their place. A demo that ends
// before them stays as it is.
func patched(src io.ReaderAt, size int64, late []byte) io.Reader {
	const after = demofile.LateOffset + demofile.LateSize
	if late == nil || size < after {
		return io.NewSectionReader(src, 0, size)
	}
	return io.MultiReader(io.NewSectionReader(src, 0, demofile.LateOffset), strings.NewReader(string(late)), io.NewSectionReader(src, after, size-after))
}

// storeCopy stores a copy of the recording with its late bytes.
func (s *Service) storeCopy(ctx context.Context, sess Session) error {
	src, size, _, err := s.contentOf(ctx, sess.ID)
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // only read
	w, err := s.blobs.Create(ctx, sess.ID.DemoKey())
	if err != nil {
		return err
	}
	defer w.Abort() //nolint:errcheck // the first error says more
	if err := copyWhole(w, patched(src, size, sess.Late), size); err != nil {
		return err
	}
	_, err = w.Commit(ctx)
	return err
}

// copyWhole copies size bytes, no fewer.
func copyWhole(w io.Writer, r io.Reader, size int64) error {
	buf := chunks.Get().(*chunk)
	defer chunks.Put(buf)
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, buf[:])
	if err == nil && n != size {
		err = fmt.Errorf("%d of %d bytes of the recording could be read", n, size)
	}
	return err
}

const (
	gameDir      = "tf" // of Team Fortress 2
	demoProtocol = 3
	maxSuspicion = 500 // bytes
)

// judge reads the header and says what is unusual about the recording. It
// refuses nothing.
func (s *Service) judge(out *outcome, sess Session, src io.ReaderAt) error {
	if out.size == 0 {
		return nil
	}
	head := make([]byte, min(out.size, demofile.HeaderSize))
	if _, err := io.ReadFull(patched(src, out.size, sess.Late), head); err != nil {
		return err
	}
	why := unlike(out.stats)
	h, err := demofile.Parse(head)
	out.header = h
	switch {
	case errors.Is(err, demofile.ErrFormat):
		why = append(why, "it does not begin as a demo does")
	case err != nil:
		why = append(why, "it is shorter than the header of a demo")
	case h.Format == demofile.Source:
		if h.DemoProtocol != demoProtocol {
			why = append(why, fmt.Sprintf("the demo protocol is %d", h.DemoProtocol))
		}
		why = append(append(why, h.Problems...), h.Mismatch(gameDir, sameKind(h.Server, sess.FakeIP), sess.Map)...)
	}
	out.suspicion = strings.Join(why, "; ")
	out.suspicion = out.suspicion[:min(len(out.suspicion), maxSuspicion)]
	return nil
}

// unlike says why bytes are not as those of a demo; nil: they are.
func unlike(stats anomaly.State) []string {
	why, yes := stats.Suspicious()
	switch {
	case !yes:
		return nil
	case why == "zeros":
		return []string{"it has a long run of zeros"}
	}
	return []string{"its bytes are not distributed as those of a demo"}
}

// sameKind returns the address of the session if the header has an address
// too, not a name that was looked up.
func sameKind(header, session string) string {
	if _, err := netip.ParseAddrPort(header); err != nil {
		return ""
	}
	return session
}

// seconds is the length of the recording as its header says, 0 when that is
// impossible.
func (o outcome) seconds() float64 {
	if s := float64(o.header.Late.Seconds); s > 0 && !math.IsInf(s, 0) {
		return s
	}
	return 0
}

// ticks is the same in ticks of the game.
func (o outcome) ticks() int64 { return max(0, int64(o.header.Late.Ticks)) }
