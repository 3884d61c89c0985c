package steamcmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// MaxItems is how many items one job may name: their command line stays far
// below the limit of every system.
const MaxItems = 100

// Job names what to download.
type Job struct {
	App   uint32
	Items []uint64 // of the app, each once
	// Validate makes SteamCMD check files that it already has. A new job has
	// none, so it costs time only where runs are repeated.
	Validate bool
	// MaxBytes bounds what the job may put on the disk and what one item may
	// hold; 0 means Options.MaxBytes.
	MaxBytes int64
	// Expect is how many bytes will arrive, when it is known. Nothing is
	// run when the disk has no room for them.
	Expect int64
	// Progress is called now and then while the job runs, in the goroutine
	// that called Download. It should return soon.
	Progress func(Progress)
}

// Progress says how far a job is.
type Progress struct {
	Bytes int64 // in the folder of the job; what is thrown away makes it fall
	Run   int   // from 1
}

// Result is what became of one item.
type Result struct {
	Item    uint64
	Content *Content // nil when Err is not
	Err     *Failure
}

// Download is a finished job. Close it when the content is no longer needed.
type Download struct {
	Results []Result // in the order of Job.Items
	Runs    int      // how often SteamCMD was run for it

	folder *folder
}

// Close removes the content.
func (d *Download) Close() error { return d.folder.remove() }

// Download fetches the items and returns what became of each. The error is
// not nil only when nothing can be said about the items: ErrNotInstalled,
// ErrClosed, the context's, a *Failure that holds all runs back, or that
// Options.Dir cannot be used.
//
// It waits for an idle worker, and again before each further run; a pause
// between two runs occupies no worker.
func (r *Runner) Download(ctx context.Context, job Job) (*Download, error) {
	if err := job.check(); err != nil {
		return nil, err
	}
	ctx, leave, err := r.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if f := r.holding(); f != nil {
		return nil, f
	}
	program, err := Find(r.o.Path)
	if err != nil {
		return nil, err
	}
	r.sweep.Do(func() {
		if n, err := sweepJobs(r.o.Dir); n > 0 || err != nil {
			r.o.Log.Info("removed folders of interrupted SteamCMD jobs", "folders", n, "err", err)
		}
	})
	f, err := newFolder(r.o.Dir)
	if err != nil {
		return nil, fmt.Errorf("steamcmd: make a folder: %w", err)
	}
	d := &Download{folder: f}
	defer func() {
		if d == nil || d.Results == nil { // failed or panicking
			if err := f.remove(); err != nil {
				r.o.Log.Warn("cannot remove the folder of a SteamCMD job", "folder", f.dir, "err", err)
			}
		}
	}()
	if job.MaxBytes <= 0 {
		job.MaxBytes = r.o.MaxBytes
	}
	s := &session{r: r, job: job, program: program, folder: f, ledgers: map[uint64]*ledger{}, results: map[uint64]Result{}}
	if err := s.fetch(ctx); err != nil {
		return nil, err
	}
	d.Runs = s.runs
	for _, id := range job.Items {
		d.Results = append(d.Results, s.results[id])
	}
	return d, nil
}

func (j Job) check() error {
	if j.App == 0 || len(j.Items) == 0 || len(j.Items) > MaxItems {
		return fmt.Errorf("steamcmd: a job has an app and 1 to %d items", MaxItems)
	}
	sorted := slices.Sorted(slices.Values(j.Items))
	if sorted[0] == 0 || len(slices.Compact(sorted)) != len(j.Items) {
		return errors.New("steamcmd: an item is 0 or named twice")
	}
	return nil
}

// session is one job under way.
type session struct {
	r       *Runner
	job     Job
	program string
	folder  *folder
	runs    int
	end     <-chan time.Time // the job has taken too long; nil before the first run
	ledgers map[uint64]*ledger
	results map[uint64]Result
}

// fetch runs SteamCMD until each item has a result.
func (s *session) fetch(ctx context.Context) error {
	pending := slices.Clone(s.job.Items)
	for len(pending) > 0 {
		o, err := s.run(ctx, pending)
		if f, ok := errors.AsType[*Failure](err); ok && s.runs > 0 {
			// What was delivered before is not lost.
			for _, id := range pending {
				s.results[id] = Result{Item: id, Err: f}
			}
			return nil
		}
		if err != nil {
			return err
		}
		again, p := s.settle(pending, o)
		if len(again) == 0 {
			return nil
		}
		if err := s.folder.clear(p.clear); err != nil {
			return fmt.Errorf("steamcmd: clear a folder: %w", err)
		}
		if late, err := s.pause(ctx, p.wait); err != nil {
			return err
		} else if late {
			s.giveUp(again, reason(CodeTooLong), "", o)
			return nil
		}
		pending = again
	}
	return nil
}

// pause waits, and reports whether the job has no more time.
func (s *session) pause(ctx context.Context, d time.Duration) (late bool, err error) {
	var over <-chan time.Time
	if d > 0 {
		over = s.r.o.Clock.After(d)
	} else {
		now := make(chan time.Time)
		close(now)
		over = now
	}
	select {
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-s.end:
		return true, nil
	case <-over:
	}
	select {
	case <-s.end:
		return true, nil
	default:
		return false, nil
	}
}

// settle gives a result to each item that has one now, and returns the others
// with what to do before they are tried again.
func (s *session) settle(pending []uint64, o *outcome) (again []uint64, p plan) {
	for _, id := range pending {
		c, why, text := s.judge(id, o)
		if c != nil {
			s.results[id] = Result{Item: id, Content: c}
			s.r.remember(nil)
			continue
		}
		l := s.ledgers[id]
		if l == nil {
			l = &ledger{}
			s.ledgers[id] = l
		}
		next := l.next(why, o.grew)
		if !next.again || o.stopped == CodeTooLong {
			s.giveUp([]uint64{id}, why, text, o)
			continue
		}
		again = append(again, id)
		p.wait, p.clear = max(p.wait, next.wait), max(p.clear, next.clear)
		s.r.o.Log.Debug("SteamCMD is run again", "item", id, "reason", why.Code, "text", text, "run", o.run, "wait", p.wait)
	}
	return again, p
}

// giveUp makes the reason the result of the items.
func (s *session) giveUp(items []uint64, why Reason, text string, o *outcome) {
	for _, id := range items {
		f := &Failure{
			Reason: why, Text: text, Runs: s.runs, Tail: o.transcript.Tail,
			Until: s.r.o.Clock.Now().Add(cooldown(why)),
		}
		if why.Class == Account {
			s.r.hold(f)
		}
		s.results[id] = Result{Item: id, Err: f}
		s.r.remember(f)
		s.r.o.Log.Warn("SteamCMD did not deliver", "item", id, "app", s.job.App, "reason", why.Code, "text", text,
			"runs", s.runs, "exit", o.exit, "output", f.Tail)
	}
}

// judge returns the content of the item, or why there is none.
func (s *session) judge(id uint64, o *outcome) (*Content, Reason, string) {
	v, said := o.transcript.Last(id)
	if said && v.OK {
		c, err := s.folder.take(v.Path, s.job.App, id, s.job.MaxBytes, o.home)
		if err == nil {
			return c, Reason{}, ""
		}
		why, text := s.explain(err)
		return nil, why, text
	}
	switch {
	case o.stopped != "":
		return nil, reason(o.stopped), ""
	case said:
		why := ReasonFor(v.Text)
		better, text := s.refine(id, why, o)
		if text == "" {
			text = v.Text
		}
		return nil, better, text
	case o.transcript.Login != "":
		return nil, loginReason(o.transcript.Login), o.transcript.Login
	}
	why := exitReason(o.exit, o.abort)
	better, text := s.refine(id, why, o)
	if text == "" {
		text = fmt.Sprintf("exit code %d", o.exit)
	}
	return nil, better, text
}

// explain turns an error about delivered content into a reason.
func (s *session) explain(err error) (Reason, string) {
	switch escape, ok := errors.AsType[*escapeError](err); {
	case ok:
		return reason(CodeEscape), escape.what
	case errors.Is(err, errNoFiles):
		return reason(CodeNoFiles), ""
	case errors.Is(err, errTooLarge):
		return reason(CodeTooLarge), err.Error()
	}
	// The text of a path error names our own folder and nothing secret.
	return reason(CodeIO), err.Error()
}

// refine looks for a better reason where SteamCMD's word says little: in its
// own log, and on the disk.
func (s *session) refine(id uint64, why Reason, o *outcome) (Reason, string) {
	switch why.Code {
	case CodeFailure, CodeIO, CodeUnknown:
	default:
		return why, ""
	}
	if err := s.folder.writable(); err != nil {
		return reason(CodeDisk), err.Error()
	}
	return diagnose(o.log, s.job.App, id, why)
}

// exitReason reads an exit code, which says something only when no message
// does. The codes are SteamCMD's own.
func exitReason(code int, abort bool) Reason {
	switch {
	case code == 134 || abort: // 128 + SIGABRT, as a shell reports it
		return reason(CodeAborted)
	case code == 7 || code == 42: // it has updated itself
		return reason(CodeRestart)
	case code == 10:
		return reason(CodeTimeout)
	case code == 5:
		return reason(CodeLogin)
	}
	return reason(CodeUnknown)
}

// args is the command line for the items. +force_install_dir must come before
// +login to be heeded.
func (s *session) args(items []uint64) []string {
	args := []string{"+force_install_dir", s.folder.root(), "+login", s.r.o.Login}
	for _, id := range items {
		args = append(args, "+workshop_download_item", fmt.Sprint(s.job.App), fmt.Sprint(id))
		if s.job.Validate {
			args = append(args, "validate")
		}
	}
	return append(args, "+quit")
}

// measure adds up what the job has on the disk, in its folder and, for builds
// that do not heed force_install_dir, in the home.
func (s *session) measure(home string) (usage, error) {
	job, err := measure(s.folder.dir)
	if err != nil {
		return job, err
	}
	strays, err := measure(strayDir(home))
	return job.add(strays), err
}

// strayDir is where SteamCMD installs to when it heeds no other folder.
func strayDir(home string) string { return filepath.Join(home, "Steam", "steamapps") }

// forgetStrays removes what another job left there: its state file would
// make SteamCMD claim success without writing anything. What the same job left
// stays, so that its next run continues.
func forgetStrays(home, job string) error {
	owner := filepath.Join(home, "job")
	if last, err := os.ReadFile(owner); err == nil && string(last) == job {
		return nil
	}
	if err := os.RemoveAll(strayDir(home)); err != nil {
		return err
	}
	return os.WriteFile(owner, []byte(job), 0o600)
}
