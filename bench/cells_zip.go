package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

func zipText() cell {
	return zipCell("mod-zip-text", "zip a mod folder of 1 051 text files, 16.6 MB", makeTextFolder,
		least(megabytes, "python", 3), most(sizePercent, "python", 1.03))
}

func zipPacked() cell {
	return zipCell("mod-zip-packed", "zip a mod folder of 40 MB that does not compress", makePackedFolder,
		least(megabytes, "python", 20), most(sizePercent, "python", 1.03))
}

func zipCell(name, about string, folder func(dir string) error, goals ...goal) cell {
	return cell{
		name: name, about: about, subjects: []string{"python", "daemon"}, goals: goals,
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			dir := filepath.Join(b.dir, name)
			if _, err := os.Stat(dir); err != nil {
				if err := folder(dir); err != nil {
					return sample{}, err
				}
			}
			out := filepath.Join(b.dir, name+".zip")
			pack := packOurs
			if subject == "python" {
				pack = packPython
			}
			var p packed
			for p.seconds < b.settings.duration.Seconds() {
				once, err := pack(ctx, dir, out)
				if err != nil {
					return sample{}, err
				}
				p.bytes, p.seconds, p.cpu, p.times = p.bytes+once.bytes, p.seconds+once.seconds, p.cpu+once.cpu, p.times+1
			}
			info, err := os.Stat(out)
			if err != nil {
				return sample{}, err
			}
			return sample{CPU: p.cpu, Values: map[string]float64{
				megabytes:   float64(p.bytes) / p.seconds / 1e6,
				sizePercent: float64(info.Size()) * 100 * float64(p.times) / float64(p.bytes),
			}}, nil
		},
	}
}

// packed says how long packing a folder some times took.
type packed struct {
	times        int
	bytes        int64
	seconds, cpu float64
}

func packOurs(ctx context.Context, dir, out string) (p packed, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return p, err
	}
	defer root.Close()
	f, err := os.Create(out)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	before, err := ownCPU()
	if err != nil {
		return p, err
	}
	start := time.Now()
	list, err := modzip.Scan(ctx, root, modzip.Limits{})
	if err != nil {
		return p, err
	}
	stats, err := modzip.Pack(ctx, f, root, list, 1348957670, modzip.Limits{})
	if err != nil {
		return p, err
	}
	p.bytes, p.seconds = stats.Bytes, time.Since(start).Seconds()
	after, err := ownCPU()
	p.cpu = after - before
	return p, err
}

// pythonZip is what the original does with a folder: zipfile, deflated. The
// start of the interpreter is not counted.
const pythonZip = `
import os, sys, time, zipfile
folder, out = sys.argv[1:]
start, total = time.perf_counter(), 0
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            total += os.path.getsize(path)
            z.write(path, os.path.relpath(path, folder))
print(total, time.perf_counter() - start, sum(os.times()[:2]))
`

func packPython(ctx context.Context, dir, out string) (p packed, err error) {
	path, err := installed("/usr/bin/python3", "python3", "python3")
	if err != nil {
		return p, err
	}
	text, err := output(exec.CommandContext(ctx, path, "-c", pythonZip, dir, out))
	if err != nil {
		return p, err
	}
	_, err = fmt.Sscan(string(text), &p.bytes, &p.seconds, &p.cpu)
	return p, err
}

// makeTextFolder writes what a mod of scripts looks like: lines of words from
// a small vocabulary, some of which come again and again. It packs to about a
// third, and is the same in every run.
func makeTextFolder(dir string) error {
	random := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 250)
	for i := range words {
		for range 2 + random.IntN(8) {
			words[i] += string(rune('a' + random.IntN(26)))
		}
	}
	for i := range 1051 {
		var text strings.Builder
		var lines []string
		for text.Len() < 15_800 {
			line := textLine(random, words)
			if len(lines) > 0 && random.IntN(100) < 15 {
				line = lines[random.IntN(len(lines))]
			}
			lines = append(lines, line)
			text.WriteString(line)
		}
		name := filepath.Join(dir, "lua", fmt.Sprintf("part%02d", i%20), fmt.Sprintf("file%04d.lua", i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text.String()), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

func textLine(random *rand.Rand, words []string) string {
	var line strings.Builder
	for range 3 + random.IntN(8) {
		line.WriteString(words[int(random.ExpFloat64()*50)%len(words)])
		line.WriteByte(" ,(=."[random.IntN(5)])
	}
	line.WriteByte('\n')
	return line.String()
}

func makePackedFolder(dir string) error {
	for i := range 20 {
		name := filepath.Join(dir, "materials", fmt.Sprintf("texture%02d.dds", i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, noise(2_000_000+i), 0o644)); err != nil {
			return err
		}
	}
	return nil
}
