package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// bench is the place where cells run: directories, built programs and the
// servers that are up. It is used by one goroutine.
type bench struct {
	settings settings
	repo     string // root of the repository
	cache    string // survives between runs: programs built for the peers
	dir      string // temporary
	files    string // what every server serves
	programs map[string]string
	servers  map[string]*process
	steam    *steamtest.Steam
	rows     map[string]commits
	held     held // what the holder has, once it was started
	metas    map[string]*metas
}

// missingError says that something is not installed.
type missingError struct{ what, remedy string }

func (e *missingError) Error() string { return e.what + " is missing: " + e.remedy }

func newBench(ctx context.Context, s settings) (*bench, error) {
	repo, err := repository(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "quartermaster-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{
		settings: s, repo: repo, cache: filepath.Join(repo, ".cache", "bench"), dir: dir,
		files: filepath.Join(dir, "files"), programs: map[string]string{}, servers: map[string]*process{},
		rows: map[string]commits{}, metas: map[string]*metas{},
	}
	if err := errors.Join(os.MkdirAll(b.cache, 0o755), os.Mkdir(b.files, 0o755), makeFiles(b.files)); err != nil {
		return nil, errors.Join(err, b.close())
	}
	if b.steam, err = steamtest.Start(); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// stopServers ends those that are up; they start again when they are needed.
func (b *bench) stopServers() {
	for _, p := range b.servers {
		p.stop()
	}
	clear(b.servers)
}

// close stops everything and removes the temporary directory.
func (b *bench) close() error {
	b.stopServers()
	for _, c := range b.rows {
		c.close()
	}
	if b.steam != nil {
		b.steam.Close()
	}
	return os.RemoveAll(b.dir)
}

// repository finds the root of the module we belong to.
func repository(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/quartermasterd/quartermaster").Output()
	if err != nil {
		return "", fmt.Errorf("run this inside the repository: %w", err)
	}
	return string(out[:len(out)-1]), nil
}

// program builds one of our own programs into the temporary directory.
func (b *bench) program(ctx context.Context, name, pkg string) (string, error) {
	if path := b.programs[name]; path != "" {
		return path, nil
	}
	path := filepath.Join(b.dir, "bin", name)
	// As it is released: what is in the file costs memory.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, pkg)
	cmd.Dir = b.repo
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	b.programs[name] = path
	return path, nil
}

// tool builds a program of bench/tools, once for all runs.
func (b *bench) tool(ctx context.Context, name, pkg string) (string, error) {
	path := filepath.Join(b.cache, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fmt.Fprintf(os.Stderr, "building %s, this takes minutes the first time\n", name)
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, pkg)
	cmd.Dir = filepath.Join(b.repo, "bench", "tools")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &missingError{name, fmt.Sprintf("it could not be built through the module proxy: %v: %.300s", err, out)}
	}
	return path, nil
}

// installed finds a program of the system.
func installed(name, pkg string, also ...string) (string, error) {
	for _, candidate := range append([]string{name}, also...) {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, nil
		}
	}
	return "", &missingError{name, "apt-get install " + pkg}
}
