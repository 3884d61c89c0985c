//go:build unix

package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// watch makes a cluster and runs its server until its standard input ends,
// which the kernel sees to however the test binary ends, and then removes
// everything. All of it is one process group.
const watch = `
( "$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C --no-sync --no-instructions &&
  exec "$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c full_page_writes=off \
	-c max_connections=200 -c shared_buffers=32MB -c autovacuum=off -c timezone=UTC ) >"$2/log" 2>&1 &
while read -r _; do :; done
trap "" QUIT TERM
kill -QUIT 0
kill -TERM 0
wait
rm -rf "$2"
`

// startCluster starts a private server in a folder of its own, reachable by
// a unix socket only, and returns the URL of its maintenance database.
func startCluster() (string, error) {
	bin, err := binaries()
	if err != nil {
		return "", err
	}
	as, err := serverUser()
	if err != nil {
		return "", err
	}
	// Not os.TempDir: the path of a socket has room for 107 bytes only.
	dir, err := os.MkdirTemp("/tmp", "qm-pg-*")
	if err != nil {
		return "", err
	}
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return "", err
		}
	}
	if err := startWatch(bin, dir, as); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres",
		RawQuery: url.Values{"host": {dir}}.Encode()}
	return u.String(), waitReady(u.String(), filepath.Join(dir, "log"))
}

// startWatch leaves the write end of the pipe open for the rest of the
// process's life, on purpose.
func startWatch(bin, dir string, as *syscall.Credential) error {
	cmd := exec.Command("/bin/sh", "-c", watch, "sh", bin, dir)
	// A session of its own: an interrupt from the keyboard ends the tests
	// first and the server after them.
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as, Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	alive.pipes = append(alive.pipes, in)
	return cmd.Start()
}

// alive keeps the pipes from being collected and so closed.
var alive struct{ pipes []io.Closer }

func waitReady(address, log string) error {
	pool, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		err := pool.PingContext(ctx)
		if err == nil {
			return pool.Close()
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(log) // it only adds to the error
			return errors.Join(fmt.Errorf("PostgreSQL does not start: %w\n%s", err, text), pool.Close())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// binaries finds the folder of the newest installed version.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			return "", errNoPostgres
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", err
		}
		return filepath.Dir(path), nil
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // others sort first
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

// serverUser returns who the server runs as: it refuses to be root.
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL cannot run as root: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
