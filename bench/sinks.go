package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
)

// sinkKeys is how many players there are.
const sinkKeys = 4100

// sink is the daemon that takes recordings, or what it is compared with.
// There is no page to ask the bare TCP one for.
func (b *bench) sink(ctx context.Context, subject, dir, address string) (cmd *exec.Cmd, ready string, err error) {
	if kind, ok := strings.CutPrefix(subject, "sink-"); ok && kind != "daemon" {
		path, err := b.program(ctx, "sink", "./bench/sink")
		if err != nil {
			return nil, "", err
		}
		files := b.sinkFiles(subject)
		ready = map[string]string{"websocket": "/"}[kind]
		return exec.Command(path, kind, address, files), ready, os.MkdirAll(files, 0o755)
	}
	cmd, err = b.daemon(ctx, dir, address, b.files, "\n[limits]\nmax_conns = 20000\n")
	if err != nil {
		return nil, "", err
	}
	return cmd, "/readyz", b.makeKeys(ctx, filepath.Join(dir, "config.toml"), filepath.Join(dir, "data"))
}

// sinkFiles is the folder in which the files of a sink grow.
func (b *bench) sinkFiles(subject string) string {
	if subject == "sink-daemon" {
		return filepath.Join(b.dir, subject, "data", "spool")
	}
	return filepath.Join(b.dir, subject, "files")
}

func (b *bench) keysFile() string { return filepath.Join(b.dir, "keys") }

// makeKeys gives each player an account and a key, beside the daemon.
func (b *bench) makeKeys(ctx context.Context, file, data string) (err error) {
	loaded, err := config.Load(config.Options{File: file, DataDir: data})
	if err != nil {
		return err
	}
	state, err := daemon.OpenState(ctx, daemon.Options{Loaded: loaded, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	keys := make([]string, sinkKeys)
	var g errgroup.Group
	g.SetLimit(64) // they share their commits
	for i := range keys {
		g.Go(func() error {
			a, err := state.Accounts.AccountFor(ctx, strconv.Itoa(76561198000000001+i))
			if err != nil {
				return err
			}
			_, keys[i], err = state.Accounts.CreateKey(ctx, accounts.NewKey{AccountID: a.ID, Kind: accounts.KindDemos})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return os.WriteFile(b.keysFile(), []byte(strings.Join(keys, "\n")), 0o600)
}

// streamed is what a sink did with streams.
type streamed struct {
	loadResult
	written float64 // bytes that came to be in the files meanwhile
	seconds float64
	cpu     float64
	pss     float64
}

// warmUp is for how long streams run before it counts.
const warmUp = time.Second

// streams sends recordings to a sink for a while and looks at its files.
func (b *bench) streams(ctx context.Context, subject string, flags ...string) (s streamed, err error) {
	p, err := b.server(ctx, subject)
	if err != nil {
		return s, err
	}
	path, err := b.program(ctx, "load", "./bench/load")
	if err != nil {
		return s, err
	}
	args := append([]string{"stream", "-duration", (b.settings.duration + warmUp + time.Second).String()}, flags...)
	switch subject {
	case "sink-daemon":
		args = append(args, "-keys", b.keysFile())
	case "sink-tcp":
		args = append(args, "-tcp")
	}
	load := exec.CommandContext(ctx, path, append(args, p.url+"/")...)
	out, err := load.StdoutPipe()
	if err != nil {
		return s, err
	}
	var complaint strings.Builder
	load.Stderr = &complaint
	if err := load.Start(); err != nil {
		return s, err
	}
	lines := bufio.NewReader(out)
	_, err = lines.ReadString('\n')
	if err == nil {
		err = s.window(ctx, p, b.sinkFiles(subject), b.settings.duration)
	}
	if err == nil {
		err = json.NewDecoder(lines).Decode(&s.loadResult)
	}
	if werr := load.Wait(); werr != nil {
		return s, fmt.Errorf("%s: %w: %s", path, werr, complaint.String())
	}
	return s, errors.Join(err, b.sweepSink(subject))
}

// window measures from after the warm-up for d.
func (s *streamed) window(ctx context.Context, p *process, files string, d time.Duration) error {
	if err := rest(ctx, warmUp); err != nil {
		return err
	}
	cpu, _, err := usage(p.cmd.Process.Pid)
	if err != nil {
		return err
	}
	start := time.Now()
	before, err := sizeOf(files)
	if err != nil {
		return err
	}
	if err := rest(ctx, d); err != nil {
		return err
	}
	after, err := sizeOf(files)
	if err != nil {
		return err
	}
	s.seconds, s.written = time.Since(start).Seconds(), float64(after-before)
	s.cpu, s.pss, err = usage(p.cmd.Process.Pid)
	s.cpu -= cpu
	return err
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d): // the length of the measurement
		return nil
	}
}

// sizeOf sums up the files in a folder.
func sizeOf(dir string) (size int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // its session was closed
		}
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return size, nil
}

// sweepSink deletes what the streams left: the next have the disk to
// themselves.
func (b *bench) sweepSink(subject string) error {
	dir := b.sinkFiles(subject)
	if subject == "sink-daemon" {
		dir = filepath.Join(b.dir, subject, "data", "blobs", "demoblobs")
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
	}
	return err
}
