package steamtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest/fakecmd"
)

// commandPackage is the program of the fake SteamCMD.
const commandPackage = "github.com/quartermasterd/quartermaster/daemon/steam/steamtest/fakecmd/steamcmd"

// Layout is how a SteamCMD is installed.
type Layout uint8

// The layouts.
const (
	// Archive is Valve's: steamcmd.sh beside the program, which it runs as a
	// child. On Windows it is steamcmd.exe alone.
	Archive Layout = iota
	// Debian is a script in games that copies Valve's layout into the home
	// and runs it there. It does not exist on Windows.
	Debian
)

// SteamCMD is a fake SteamCMD on the disk. It plays a fakecmd.Script, records
// its runs and never uses the network. Its methods are safe for concurrent
// use.
type SteamCMD struct {
	dir  string
	path string

	mu     sync.Mutex
	script fakecmd.Script
}

// NewSteamCMD installs a fake for the time of a test. See InstallSteamCMD.
func NewSteamCMD(t TB, dir string, layout Layout) *SteamCMD {
	t.Helper()
	c, err := InstallSteamCMD(dir, layout)
	if err != nil {
		t.Fatalf("steamtest: %v", err)
	}
	return c
}

// InstallSteamCMD installs a fake into dir, which must be absolute. The first
// call of a process builds the program, so the working directory must be in
// this module and the go command at hand.
func InstallSteamCMD(dir string, layout Layout) (*SteamCMD, error) {
	program, err := commandBinary()
	if err != nil {
		return nil, err
	}
	for _, d := range []string{fakecmd.RunsDir, fakecmd.CountsDir, "linux32", "games"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, err
		}
	}
	c := &SteamCMD{dir: dir}
	if runtime.GOOS == "windows" {
		// The program finds its files one level above its folder.
		c.path = filepath.Join(dir, "linux32", "steamcmd.exe")
		return c, install(c.path, program)
	}
	c.path = filepath.Join(dir, "steamcmd.sh")
	err = errors.Join(install(filepath.Join(dir, fakecmd.Program), program), install(c.path, []byte(archiveScript)))
	if layout == Debian {
		c.path = filepath.Join(dir, "games", "steamcmd")
		err = errors.Join(err, install(c.path, fmt.Appendf(nil, debianScript, dir)))
	}
	return c, err
}

// archiveScript does what Valve's does: it runs the program, again when that
// says 42, and passes its exit code on.
const archiveScript = `#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd -P)
code=42
while [ "$code" -eq 42 ]; do
    "$here/linux32/steamcmd" "$@"
    code=$?
done
exit "$code"
`

// debianScript does what Debian's does: it puts the program into the home.
const debianScript = `#!/bin/sh
at="$HOME/.local/share/Steam/steamcmd"
if [ ! -e "$at/steamcmd.sh" ]; then
    mkdir -p "$at"
    cp '%[1]s/steamcmd.sh' "$at/"
    ln -s '%[1]s/linux32' "$at/linux32"
fi
exec "$at/steamcmd.sh" "$@"
`

// commandBinary builds the program once.
var commandBinary = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "steamcmd")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	at := filepath.Join(dir, "steamcmd.exe")
	build := exec.Command("go", "build", "-o", at, commandPackage)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: %w\n%s", commandPackage, err, out)
	}
	return os.ReadFile(at)
})

// install writes a program. No process may be forked meanwhile: it would hold
// the file open for writing, and then it cannot be run.
func install(path string, content []byte) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, content, 0o700)
}

// Path is the program, what steamcmd.path is set to.
func (c *SteamCMD) Path() string { return c.path }

// Put adds or replaces an item. Runs that follow find it.
func (c *SteamCMD) Put(item uint64, it fakecmd.Item) error {
	return c.Script(func(s *fakecmd.Script) { s.Items[item] = it })
}

// Script changes how the runs that follow go.
func (c *SteamCMD) Script(change func(*fakecmd.Script)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.script.Items == nil {
		c.script.Items = map[uint64]fakecmd.Item{}
	}
	change(&c.script)
	return fakecmd.WriteScript(c.dir, c.script)
}

// Runs returns the records of the runs so far, oldest first.
func (c *SteamCMD) Runs() ([]fakecmd.Run, error) { return fakecmd.Runs(c.dir) }
