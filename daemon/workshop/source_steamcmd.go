package workshop

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamcmd"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// SteamCMDOptions configures the source "steamcmd".
type SteamCMDOptions struct {
	Config config.SteamCMD
	// Dir is the folder below the data directory that is SteamCMD's alone.
	Dir string
	// Limits bound the content of an item.
	Limits modzip.Limits
	// Space returns fault.NoSpace unless so many more bytes fit on the disk;
	// Free returns how many do. Both leave the reserve of the disk alone.
	Space func(ctx context.Context, more int64) error
	Free  func(dir string) (int64, error)
	Clock durable.Clock
	Log   *slog.Logger
}

const (
	// steamcmdStop is how long SteamCMD has to end by itself when the daemon
	// stops, which waits 3 s for all jobs together.
	steamcmdStop = time.Second
	// steamcmdRoom is how many jobs may wait for SteamCMD. They hold no place
	// of workshop.parallel meanwhile.
	steamcmdRoom = 32
	// otherVersionFor is how long to wait when SteamCMD had another version
	// than Steam announced, or did not say which.
	otherVersionFor = 10 * time.Minute
	brokenFor       = time.Hour // content that cannot be packed
	maxRests        = 1000      // versions that SteamCMD is not run for
)

// errBusy means that so many jobs wait for a source that one more would not
// come to its turn soon. It is no failure.
var errBusy = errors.New("many jobs wait for the source already")

// SteamCMD downloads the current version of an item through Valve's SteamCMD,
// which is the only way to those that Steam names no download address for. It
// is safe for concurrent use.
type SteamCMD struct {
	o      SteamCMDOptions
	runner *steamcmd.Runner
	room   chan struct{}

	mu    sync.Mutex
	rests *lru[Name, rest]
}

// rest is a version that SteamCMD is not run for until a moment, and why.
type rest struct {
	until time.Time
	why   *fault.Error
}

// NewSteamCMD returns the source. Nothing is run or touched yet.
func NewSteamCMD(o SteamCMDOptions) (*SteamCMD, error) {
	r, err := steamcmd.New(steamcmd.Options{
		Path: o.Config.Path, Dir: o.Dir, Login: o.Config.Login, Workers: o.Config.Workers, MaxBytes: o.Limits.Bytes,
		Free: o.Free, Log: o.Log, Clock: o.Clock, Grace: steamcmdStop,
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "SteamCMD cannot be used as it is configured")
	}
	return &SteamCMD{o: o, runner: r, room: make(chan struct{}, steamcmdRoom), rests: newLRU[Name, rest](maxRests)}, nil
}

// Name is "steamcmd".
func (s *SteamCMD) Name() string { return sourceSteamCMD }

// Close ends every run and waits until it is gone.
func (s *SteamCMD) Close() error { return s.runner.Close() }

// enter takes a place in the waiting room; leave gives it back. It never
// waits itself. The error wraps errBusy.
func (s *SteamCMD) enter() (leave func(), err error) {
	select {
	case s.room <- struct{}{}:
		return func() { <-s.room }, nil
	default:
		return nil, fault.Wrap(errBusy, fault.Unavailable, "Many mods wait for SteamCMD already").WithRetryAfter(modzip.QuietFor)
	}
}

// Fetch runs SteamCMD, when it has a worker free, if the wanted version is
// the one that Steam has. Which version the bytes are is what SteamCMD's state
// file says after the run. A version that could not be had is not tried again
// before the time that the reason is worth.
func (s *SteamCMD) Fetch(ctx context.Context, want Want, dst Sink) (Got, error) {
	if err := s.obtainable(want); err != nil {
		return Got{}, err
	}
	if err := s.resting(want.Name); err != nil {
		return Got{}, err
	}
	// Content and zip are on the disk at the same time.
	size := want.Details.Size
	if err := s.o.Space(ctx, 2*size); err != nil {
		return Got{}, err
	}
	d, err := s.runner.Download(ctx, steamcmd.Job{
		App: want.App, Items: []uint64{uint64(want.Name.Item)}, Expect: 2 * size,
		Progress: func(p steamcmd.Progress) { dst.Progress(p.Bytes, size) },
	})
	if err != nil {
		return Got{}, s.refused(ctx, err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			s.o.Log.Warn("the folder of a SteamCMD job was not removed", "error", err)
		}
	}()
	if f := d.Results[0].Err; f != nil {
		err := s.failed(f)
		if f.Reason.Class != steamcmd.Account { // the runner itself waits then
			s.rest(want.Name, err)
		}
		return Got{}, err
	}
	return s.deliver(ctx, want, d.Results[0].Content, dst)
}

// obtainable returns nil if Steam offers the wanted version at all.
func (s *SteamCMD) obtainable(want Want) error {
	d := want.Details
	switch {
	case d == nil:
		return fault.New(fault.Unavailable, "Steam has not described the item yet")
	case d.Class() != webapi.Usable || want.App == 0:
		return fault.New(fault.NotFound, "Steam does not offer the item")
	case d.Banned:
		return fault.New(fault.NotFound, "Steam banned the item")
	case want.Name.Version != d.Updated:
		return fault.New(fault.NotFound, "Steam only has version %d of the item", d.Updated)
	case d.Size > s.o.Limits.Bytes:
		return tooLarge(s.o.Limits.Bytes)
	}
	return nil
}

// deliver writes the zip of delivered content.
func (s *SteamCMD) deliver(ctx context.Context, want Want, c *steamcmd.Content, dst Sink) (Got, error) {
	if c.Updated <= 0 || c.Updated > maxVersion {
		err := fault.New(fault.Invalid, "SteamCMD does not say which version of the item it has").WithRetryAfter(otherVersionFor)
		s.rest(want.Name, err)
		return Got{}, err
	}
	if c.Updated != want.Name.Version {
		s.rest(want.Name, otherVersion(want.Name, c.Updated))
	}
	root, err := os.OpenRoot(c.Path)
	if err != nil {
		return Got{}, err
	}
	defer root.Close() //nolint:errcheck // only read
	list, err := modzip.Scan(ctx, root, s.o.Limits)
	if err == nil {
		err = packItem(ctx, dst, root, list, c.Updated, s.o.Limits)
	}
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge) { // another run would bring the same
		kind := fault.NotFound // and a job that waits for it would never end
		if fault.Is(err, fault.TooLarge) {
			kind = fault.TooLarge
		}
		why := fault.Wrap(err, kind, "%s", fault.Public(err)).WithRetryAfter(brokenFor)
		s.rest(want.Name, why)
		err = why
	}
	if err != nil {
		return Got{}, err
	}
	return Got{Version: c.Updated, Origin: "SteamCMD", State: Fetching}, nil
}

// otherVersion is why the wanted version is not to be had when the bytes that
// came are another one: an older one when Steam has announced an update and
// does not give it out yet.
func otherVersion(want Name, got int64) *fault.Error {
	if got > want.Version {
		return fault.New(fault.NotFound, "Steam only has version %d of the item", got).WithRetryAfter(otherVersionFor)
	}
	return fault.New(fault.Unavailable, "Steam has announced version %d of the item and still gives out %d", want.Version, got).
		WithRetryAfter(otherVersionFor)
}

// resting returns why SteamCMD is not run for n now.
func (s *SteamCMD) resting(n Name) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rests.get(n)
	left := r.until.Sub(s.o.Clock.Now())
	if !ok || left <= 0 {
		return nil
	}
	return r.why.WithRetryAfter(left)
}

// rest leaves n alone for the time that why carries.
func (s *SteamCMD) rest(n Name, why *fault.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rests.put(n, rest{s.o.Clock.Now().Add(why.RetryAfter), why})
}

// Resume lets n be tried at once, after a person has seen to what was wrong.
func (s *SteamCMD) Resume(n Name) {
	s.runner.Resume()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rests.remove(n)
}
