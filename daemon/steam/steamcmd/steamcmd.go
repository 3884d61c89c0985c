// Package steamcmd runs SteamCMD, Valve's command line client, to download
// Workshop items whose content has no address: it lives in a depot that only
// a Steam client can read.
//
// SteamCMD is a program for people at a terminal. Its exit status proves
// nothing, its messages run into each other, it gives up on an item after
// about five minutes however much has arrived, and it claims success for
// content that it did not write when its state file says so. A Runner makes
// of that a function that either delivers a folder with files, proven to be
// where it should be, or a Reason. What SteamCMD prints and how it exits was
// learned from its output, as shown on the Valve Developer Community page
// "SteamCMD" and in public bug reports (ValveSoftware/steam-for-linux #6321,
// #11662, #12217, #12339).
//
// Every job has a folder of its own, every worker a private home, every run a
// process group (Unix) or a job object (Windows) that ends with it, with the
// daemon, and with the daemon's death. No password is ever asked for, passed
// or kept: the login is anonymous, or the name of an account whose
// credentials SteamCMD has cached in the worker's home.
//
// DESIGN.md lists what must hold. A Runner is safe for concurrent use.
package steamcmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// Anonymous is the login without an account. Steam lets it download the items
// of some apps only.
const Anonymous = "anonymous"

// maxWorkers bounds Options.Workers: more connections at once make Steam
// limit the rate.
const maxWorkers = 4

// Clock tells and waits for the time.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// Options configures a Runner. Only Dir is required.
type Options struct {
	// Path is the program or the folder that holds it; "" looks for an
	// installed one, see Find.
	Path string
	// Dir is a folder of ours alone, absolute. Homes of workers and folders
	// of jobs are made below it. Several processes may share it.
	Dir string
	// Login is the account name; "" means Anonymous.
	Login string
	// Workers is how many SteamCMD run at once, 1 when it is 0 and at most
	// 4. An account other than Anonymous has one worker: Steam ends the
	// first session of an account when the second begins.
	Workers int
	// MaxBytes bounds what one job may put on the disk when the job names no
	// bound; 0 means 8 GiB.
	MaxBytes int64
	// Free returns the free bytes of the disk of a folder, and MinFree is
	// how many must remain. Without Free the disk is not watched.
	Free    func(dir string) (int64, error)
	MinFree int64
	// Env is added to the environment of SteamCMD, which otherwise holds
	// nothing of ours: "NAME=value".
	Env   []string
	Log   *slog.Logger // nil: no log
	Clock Clock        // nil: the system's

	// JobTime bounds a whole job from its first run, RunTime one run, for
	// each item that the run is to fetch, and BootTime the first run, in
	// which SteamCMD updates itself. 0 means 1 h, 10 min and 10 min.
	JobTime, RunTime, BootTime time.Duration
	// Grace is how long SteamCMD has to end when it is asked to, before it
	// is killed; 0 means 3 s. Tick is how often its folder is measured; 0
	// means 1 s.
	Grace, Tick time.Duration
}

var (
	// ErrNotInstalled is returned when there is no SteamCMD.
	ErrNotInstalled = errors.New("SteamCMD is not installed")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("the SteamCMD runner is closed")
)

// accountName matches what Steam accepts as account names, among them old
// ones that are mail addresses. White space and quotes, which could smuggle in
// a password or another command, do not match.
var accountName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$`)

// Runner downloads through SteamCMD.
type Runner struct {
	o     Options
	slots chan int // the numbers of idle workers
	boot  chan struct{}
	wg    sync.WaitGroup

	closing context.Context
	close   context.CancelFunc

	sweep sync.Once

	mu      sync.Mutex
	closed  bool
	ready   map[int]bool // workers whose SteamCMD has updated itself
	running int
	waiting int
	held    *Failure // why no run is made before held.Until
	last    string   // of the last failure
}

// New returns a Runner. It touches no file and starts nothing.
func New(o Options) (*Runner, error) {
	if !filepath.IsAbs(o.Dir) {
		return nil, fmt.Errorf("steamcmd: the folder %q is not absolute", o.Dir)
	}
	if o.Login == "" {
		o.Login = Anonymous
	}
	if !accountName.MatchString(o.Login) {
		return nil, errors.New("steamcmd: the login is not an account name; a password has no place there")
	}
	o.Workers = min(max(o.Workers, 1), maxWorkers)
	if o.Login != Anonymous {
		o.Workers = 1
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 8 << 30
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{
		{&o.JobTime, time.Hour}, {&o.RunTime, 10 * time.Minute}, {&o.BootTime, 10 * time.Minute},
		{&o.Grace, 3 * time.Second}, {&o.Tick, time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	o.Dir = filepath.Clean(o.Dir)
	r := &Runner{o: o, slots: make(chan int, o.Workers), boot: make(chan struct{}, 1), ready: map[int]bool{}}
	r.closing, r.close = context.WithCancel(context.Background())
	for i := range o.Workers {
		r.slots <- i
	}
	return r, nil
}

// Close ends every run, waits until they are gone and makes further calls
// fail with ErrClosed. Folders of downloads that were not closed are left to
// the next Runner with the same Dir.
func (r *Runner) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.close()
	r.wg.Wait()
	return nil
}

// enter counts a call in, so that Close waits for it. The returned context
// ends with the Runner too.
func (r *Runner) enter(ctx context.Context) (context.Context, func(), error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, ErrClosed
	}
	r.wg.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(r.closing, func() { cancel(ErrClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
		r.wg.Done()
	}, nil
}

// State is what people are shown.
type State struct {
	Path    string // of the program; "" when it is not installed
	Login   string
	Home    string    // of the first worker: where a person logs in by hand
	Running int       // runs under way
	Waiting int       // downloads that wait for a worker
	Reason  Reason    // why no run is made before Until
	Until   time.Time // zero: nothing holds runs back
	// LastError is of the last download that failed; "" after one that did
	// not.
	LastError string
}

// State returns how things are. It looks for the program and does not run it.
func (r *Runner) State() State {
	path, err := Find(r.o.Path)
	if err != nil {
		path = ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := State{
		Path: path, Login: r.o.Login, Home: r.home(0), Running: r.running, Waiting: r.waiting, LastError: r.last,
	}
	if r.held != nil && r.o.Clock.Now().Before(r.held.Until) {
		s.Reason, s.Until = r.held.Reason, r.held.Until
	}
	return s
}

// Resume lets runs be made at once that a refused login or a failed first run
// holds back, after a person has seen to it.
func (r *Runner) Resume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = nil
}

// hold keeps runs from being made until f.Until.
func (r *Runner) hold(f *Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = f
}

// holding returns why no run may be made now.
func (r *Runner) holding() *Failure {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held != nil && r.o.Clock.Now().Before(r.held.Until) {
		return r.held
	}
	r.held = nil
	return nil
}

// remember keeps the text of the last failure.
func (r *Runner) remember(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = ""
	if err != nil {
		r.last = err.Error()
	}
}

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
