package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	mapSize = 40 << 20
	peakPSS = "PSS MB"
)

func bz2() cell {
	return cell{
		name: "bz2", about: "compress a map of 40 MiB for FastDL, level 9; the encoder as a program of its own beside bzip2",
		subjects: []string{"bzip2", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			in, out := filepath.Join(b.dir, "map.bsp"), filepath.Join(b.dir, "map.bsp.bz2")
			if _, err := os.Stat(in); errors.Is(err, os.ErrNotExist) {
				if err := os.WriteFile(in, mapFile(mapSize, 1), 0o644); err != nil {
					return sample{}, err
				}
			}
			path, level, err := b.encoder(ctx, subject)
			if err != nil {
				return sample{}, err
			}
			var sum used
			times := 0
			for ; sum.seconds < b.settings.duration.Seconds(); times++ {
				once, err := filtered(exec.CommandContext(ctx, path, level), in, out)
				if err != nil {
					return sample{}, err
				}
				sum = sum.then(once)
			}
			info, err := os.Stat(out)
			if err != nil {
				return sample{}, err
			}
			bytes := float64(mapSize * times)
			return sample{CPU: sum.cpu, PSS: sum.pss, Values: map[string]float64{
				megabytes: bytes / sum.seconds / 1e6, sizePercent: float64(info.Size()) * 100 / mapSize,
				perGB: sum.cpu * 1e9 / bytes, peakPSS: sum.pss,
			}}, nil
		},
		goals: []goal{
			least(megabytes, "bzip2", 0.9), most(sizePercent, "bzip2", 1.1), most(perGB, "bzip2", 1.2), most(peakPSS, "", 64),
		},
	}
}

// encoder returns the program that compresses from its input to its output,
// and how it is told to do its best.
func (b *bench) encoder(ctx context.Context, subject string) (path, level string, err error) {
	if subject == "daemon" {
		path, err = b.program(ctx, "bz2", "./bench/bz2")
		return path, "9", err
	}
	path, err = installed("bzip2", "bzip2")
	return path, "-9", err
}

// filtered runs a program that reads one file and writes another.
func filtered(cmd *exec.Cmd, in, out string) (_ used, err error) {
	from, err := os.Open(in)
	if err != nil {
		return used{}, err
	}
	defer from.Close()
	to, err := os.Create(out)
	if err != nil {
		return used{}, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	cmd.Stdin, cmd.Stdout = from, to
	return timed(cmd)
}
