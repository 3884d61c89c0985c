package steamcmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// outcome is how a run ended.
type outcome struct {
	run        int
	transcript Transcript
	exit       int
	abort      bool
	stopped    string // the code for which it was stopped; "" when it ended by itself
	grew       bool
	home       string
	log        string // what the run added to SteamCMD's own log
}

// errStuck is a process that not even SIGKILL ends: the kernel waits for a
// disk.
var errStuck = errors.New("steamcmd: a process cannot be ended")

// worker is a worker's place for the time of a run.
type worker struct {
	number int
	home   string
	lock   *os.File
}

// acquire waits for an idle worker and for its home.
func (r *Runner) acquire(ctx context.Context) (*worker, error) {
	r.count(&r.waiting, 1)
	defer r.count(&r.waiting, -1)
	for {
		var n int
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case n = <-r.slots:
		}
		lock, ok, err := r.lockHome(n)
		if ok {
			r.count(&r.running, 1)
			return &worker{n, r.home(n), lock}, nil
		}
		r.slots <- n
		if err != nil {
			return nil, fmt.Errorf("steamcmd: use a home: %w", err)
		}
		// Another process uses it; there is nothing to be told by.
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-r.o.Clock.After(r.o.Tick):
		}
	}
}

func (r *Runner) release(w *worker) {
	w.lock.Close()
	r.count(&r.running, -1)
	r.slots <- w.number
}

func (r *Runner) count(n *int, by int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*n += by
}

// run runs SteamCMD once for the items.
func (s *session) run(ctx context.Context, items []uint64) (*outcome, error) {
	r := s.r
	w, err := r.acquire(ctx)
	if err != nil {
		return nil, err
	}
	hand := &handle{r: r, worker: w}
	defer hand.release()
	if f := r.holding(); f != nil {
		return nil, f // since the job began
	}
	if s.end == nil {
		s.end = r.o.Clock.After(r.o.JobTime)
	}
	if err := r.bootstrap(ctx, s.program, hand); err != nil {
		return nil, err
	}
	if err := forgetStrays(w.home, s.folder.dir); err != nil {
		return nil, fmt.Errorf("steamcmd: clear a home: %w", err)
	}
	before, err := s.measure(w.home)
	if err != nil {
		return nil, fmt.Errorf("steamcmd: measure a folder: %w", err)
	}
	s.runs++
	if r.short(max(0, s.job.Expect-before.bytes)) {
		return &outcome{run: s.runs, stopped: CodeDisk, home: w.home}, nil
	}
	return s.runOn(ctx, hand, items, before)
}

// runOn runs SteamCMD on the worker. before is what is on the disk already.
func (s *session) runOn(ctx context.Context, hand *handle, items []uint64, before usage) (*outcome, error) {
	r, home := s.r, hand.worker.home
	o := &outcome{run: s.runs, home: home}
	after, since := before, logSize(home)
	watch := func() string {
		u, err := s.measure(home)
		if err == nil {
			after = u
		}
		if s.job.Progress != nil {
			s.job.Progress(Progress{Bytes: after.bytes, Run: s.runs})
		}
		switch {
		case u.bytes > s.job.MaxBytes || errors.Is(err, errEntries):
			return CodeTooLarge
		case r.short(0):
			return CodeDisk
		}
		return ""
	}
	limit := r.o.RunTime * time.Duration(len(items))
	cmd := r.command(s.program, s.args(items), home, s.folder.dir)
	var err error
	if o.stopped, err = hand.run(ctx, cmd, limit, s.end, watch); err != nil {
		return nil, err
	}
	if stopped := watch(); o.stopped == "" {
		o.stopped = stopped // what it wrote since the last look
	}
	p := hand.program
	o.transcript, o.exit, o.abort = ParseOutput(p.output.bytes()), p.exit, p.abort
	o.grew, o.log = after.grew(before), readLog(home, since)
	return o, nil
}

// short reports whether the disk lacks room for more bytes.
func (r *Runner) short(more int64) bool {
	if r.o.Free == nil {
		return false
	}
	free, err := r.o.Free(r.o.Dir)
	return err == nil && free-more < r.o.MinFree
}

// handle is a worker with the program that it runs.
type handle struct {
	r       *Runner
	worker  *worker
	program *program // the last one; nil before the first
}

// release ends what still runs, whatever happened, and gives the worker back.
func (h *handle) release() {
	if h.program == nil || h.program.stop(0) {
		h.r.release(h.worker)
		return
	}
	h.r.o.Log.Error("a SteamCMD process cannot be ended; its worker waits for it")
	go func() {
		<-h.program.done
		h.r.release(h.worker)
	}()
}

// run runs the command to its end, which comes by itself, with the context,
// after the limit, at end, when the output is too long, or when watch returns
// a code. It returns the code of the reason, "" for an end by itself.
func (h *handle) run(ctx context.Context, cmd *exec.Cmd, limit time.Duration, end <-chan time.Time, watch func() string) (string, error) {
	clock, grace := h.r.o.Clock, h.r.o.Grace
	p, err := start(cmd)
	if err != nil {
		return "", fmt.Errorf("steamcmd: start: %w", err)
	}
	h.program = p
	over, tick := clock.After(limit), h.r.o.Tick
	code := ""
	for code == "" {
		select {
		case <-p.done:
			return "", nil
		case <-ctx.Done():
			p.stop(grace)
			return "", context.Cause(ctx)
		case <-over:
			code = CodeHang
		case <-end:
			code = CodeTooLong
		case <-p.output.full:
			code = CodeOutput
		case <-clock.After(tick):
			began := clock.Now()
			code = watch()
			// A folder with very many files takes its time to measure.
			tick = max(h.r.o.Tick, 10*clock.Now().Sub(began))
		}
	}
	if !p.stop(grace) {
		return "", errStuck
	}
	return code, nil
}

// command makes the command with an environment that holds nothing of ours:
// no proxy, no secret, no name of a desktop.
func (r *Runner) command(program string, args []string, home, dir string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	tmp := filepath.Join(home, "tmp")
	// Other languages than English would be those of its messages too.
	cmd.Env = []string{"HOME=" + home, "LANG=en_US.UTF-8", "TMPDIR=" + tmp}
	if runtime.GOOS == "windows" {
		cmd.Env = append(cmd.Env, "USERPROFILE="+home, "TEMP="+tmp, "TMP="+tmp)
		for _, name := range []string{"SystemRoot", "SystemDrive", "windir", "ComSpec", "PATH"} {
			cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
		}
	} else {
		cmd.Env = append(cmd.Env, "PATH=/usr/local/bin:/usr/bin:/bin:/usr/games")
	}
	cmd.Env = append(cmd.Env, r.o.Env...)
	return cmd
}

// bootTries is how often the first run is repeated: SteamCMD exits with 7 or
// 42 after it has updated itself.
const bootTries = 3

// bootstrap makes sure, once for each worker, that SteamCMD runs and is up to
// date. Workers take turns, because they may share its files.
func (r *Runner) bootstrap(ctx context.Context, program string, h *handle) error {
	select {
	case r.boot <- struct{}{}:
		defer func() { <-r.boot }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.mu.Lock()
	ready := r.ready[h.worker.number]
	r.mu.Unlock()
	if ready {
		return nil
	}
	f := &Failure{Reason: reason(CodeBootstrap)}
	for f.Runs = 1; f.Runs <= bootTries; f.Runs++ {
		cmd := r.command(program, []string{"+quit"}, h.worker.home, h.worker.home)
		stopped, err := h.run(ctx, cmd, r.o.BootTime, nil, func() string { return "" })
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, errStuck):
			return err
		case err != nil:
			f.Text = err.Error()
			continue
		}
		f.Tail = ParseOutput(h.program.output.bytes()).Tail
		if stopped == "" && h.program.exit == 0 {
			r.mu.Lock()
			r.ready[h.worker.number] = true
			r.mu.Unlock()
			return nil
		}
		if f.Text = stopped; stopped == "" {
			f.Text = fmt.Sprintf("exit code %d", h.program.exit)
		}
	}
	f.Runs = bootTries
	f.Until = r.o.Clock.Now().Add(cooldown(f.Reason))
	r.hold(f)
	r.remember(f)
	r.o.Log.Warn("SteamCMD does not run", "program", program, "text", f.Text, "output", f.Tail, "hint", f.Reason.Hint)
	return f
}
