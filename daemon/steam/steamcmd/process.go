package steamcmd

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// maxOutput bounds the output of a run. A run of a hundred items prints less
// than 64 KiB.
const maxOutput = 1 << 20

// drain is how long the output may stay open after everything was killed,
// killed how long a killed process may take to end.
const drain, killed = 2 * time.Second, 10 * time.Second

// program is a run of SteamCMD with all that it starts.
type program struct {
	group  *group
	output *output
	done   chan struct{} // closed when it has ended and its group was killed
	exit   int           // valid after done; -1 when a signal ended it, see aborted
	abort  bool          // valid after done: it ended itself by SIGABRT
}

// start runs the command. The caller must call stop, on every path.
func start(cmd *exec.Cmd) (*program, error) {
	g, err := newGroup()
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		g.kill()
		return nil, err
	}
	p := &program{group: g, output: &output{full: make(chan struct{})}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = w, w
	started := make(chan error)
	go func() {
		// Linux ends the child with the thread that started it, so the
		// thread must live as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		p.supervise(cmd, r, w, started)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// supervise starts the command and waits for its end.
func (p *program) supervise(cmd *exec.Cmd, r, w *os.File, started chan<- error) {
	defer r.Close()
	err := p.group.start(cmd)
	w.Close()
	if err != nil {
		p.group.kill()
		started <- err
		return
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.output.readFrom(r)
	}()
	started <- nil
	err = cmd.Wait()
	p.exit = cmd.ProcessState.ExitCode()
	p.abort = aborted(cmd.ProcessState)
	// What the program leaves behind would go on writing to the folder.
	p.group.kill()
	select {
	case <-read:
	case <-time.After(drain):
		// Something left the group and holds the pipe; do not wait for it.
		r.Close()
		<-read
	}
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		p.exit = -1
	}
	close(p.done)
}

// stop asks the program to end, kills it with its group after the grace, and
// waits. It reports false when even that did not end it.
func (p *program) stop(grace time.Duration) bool {
	select {
	case <-p.done:
		return true
	default:
	}
	p.group.terminate()
	select {
	case <-p.done:
		return true
	case <-time.After(grace):
	}
	p.group.kill()
	select {
	case <-p.done:
		return true
	case <-time.After(killed):
		return false
	}
}

// output keeps what a program prints, up to maxOutput.
type output struct {
	mu   sync.Mutex
	text []byte
	full chan struct{} // closed when there was more
	over bool
}

func (o *output) readFrom(r *os.File) {
	block := make([]byte, 32<<10)
	for {
		n, err := r.Read(block)
		o.add(block[:n])
		if err != nil {
			return // the end; there is nobody else to tell
		}
	}
}

func (o *output) add(text []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	room := maxOutput - len(o.text)
	o.text = append(o.text, text[:min(room, len(text))]...)
	if len(text) > room && !o.over {
		o.over = true
		close(o.full)
	}
}

func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text
}
