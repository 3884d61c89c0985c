//go:build unix

package steamcmd

import (
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// guard is the first process of every group. It waits for the end of its
// input, whose other side only we hold, and then kills the group: when we die,
// however we die, nothing of SteamCMD is left. SIGTERM is for the others.
const guard = `trap '' HUP INT QUIT TERM; read -r _; kill -KILL 0`

// group is a process group.
type group struct {
	guard *exec.Cmd
	hold  *os.File // the other side of the guard's input

	mu   sync.Mutex
	dead bool
}

func newGroup() (*group, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	g := &group{guard: exec.Command("/bin/sh", "-c", guard), hold: w}
	g.guard.Stdin, g.guard.Dir, g.guard.Env = r, "/", []string{}
	g.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := g.guard.Start(); err != nil {
		w.Close()
		return nil, err
	}
	return g, nil
}

// start runs the command in the group.
func (g *group) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: g.guard.Process.Pid}
	dieWithUs(cmd.SysProcAttr)
	return cmd.Start()
}

// terminate asks every process to end.
func (g *group) terminate() { g.signal(syscall.SIGTERM, false) }

// kill ends every process, now and no later ones. It may be called often.
func (g *group) kill() { g.signal(syscall.SIGKILL, true) }

// signal sends to the group. Its number belongs to it until the guard has
// been waited for; then it may be another's.
func (g *group) signal(s syscall.Signal, last bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dead {
		return
	}
	_ = syscall.Kill(-g.guard.Process.Pid, s) // gone is fine
	if last {
		g.dead = true
		g.hold.Close()
		_ = g.guard.Wait() // it was killed
	}
}

func aborted(s *os.ProcessState) bool {
	w, ok := s.Sys().(syscall.WaitStatus)
	return ok && w.Signaled() && w.Signal() == syscall.SIGABRT
}
