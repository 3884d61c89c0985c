package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/demosink/anomaly"
)

const (
	toDisk     = "MB/s to disk"
	cores      = "cores"
	longest    = "max ms"
	difference = "relative difference"
)

func sinkCell(name, about string, subjects []string, flags []string, goals ...goal) cell {
	return cell{
		name: name, about: about, subjects: subjects, goals: goals,
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			s, err := b.streams(ctx, "sink-"+subject, flags...)
			if err != nil {
				return sample{}, err
			}
			out := sample{Errors: s.Errors, First: s.First, CPU: s.cpu, PSS: s.pss, Values: map[string]float64{
				toDisk: s.written / s.seconds / 1e6, cores: s.cpu / s.seconds, peakPSS: s.pss,
			}}
			if s.written > 0 {
				out.Values[perGB] = s.cpu * 1e9 / s.written
			}
			if s.Requests > 0 {
				out.Values[p50], out.Values[p99], out.Values[longest] = s.P50, s.P99, s.Max
			}
			return out, nil
		},
	}
}

func sinkFrames(kib int) cell {
	return sinkCell(fmt.Sprintf("sink-%dk", kib), fmt.Sprintf("500 streams of recordings in frames of %d KiB, as fast as they are taken", kib),
		[]string{"tcp", "websocket", "daemon"},
		[]string{"-conns", "500", "-rate", "0", "-frame", strconv.Itoa(kib << 10)},
		least(toDisk, "tcp", 0.55), least(toDisk, "websocket", 0.85))
}

// idleFiles are the files that a sink has open for 4 000 streams, and some.
const idleFiles = 9000

func sinkIdle() cell {
	c := sinkCell("sink-idle", "4 000 streams of 4 KiB per second each",
		[]string{"websocket", "daemon"},
		[]string{"-conns", "4000", "-rate", "4096", "-frame", "4096"},
		most(peakPSS, "", 200), least(toDisk, "websocket", 0.95))
	run := c.run
	c.run = func(ctx context.Context, b *bench, subject string) (sample, error) {
		n, err := openFiles()
		if err != nil {
			return sample{}, err
		}
		if n < idleFiles {
			return sample{}, &missingError{fmt.Sprintf("permission for %d open files", idleFiles), "ulimit -n 10000"}
		}
		return run(ctx, b, subject)
	}
	return c
}

// sinkClose closes sessions while streams come four times as fast as
// recordings of matches grow, and while they come as fast as they are taken.
func sinkClose(name, load string, rate int, goals ...goal) cell {
	return sinkCell(name, "32 players close a session of 1 MiB each second while 500 streams come "+load,
		[]string{"daemon"},
		[]string{"-conns", "500", "-rate", strconv.Itoa(rate), "-closers", "32"}, goals...)
}

// sinkScore scores chunks of 16 KiB on one core, beside the formula as it is
// written down.
func sinkScore() cell {
	const size = 16 << 10
	random := rand.New(rand.NewPCG(3, 4))
	prior := new([1 << 16]float64)
	for i := range prior {
		prior[i] = 2100 + random.ExpFloat64()*10_000
	}
	chunks := make([][]byte, 64)
	for i := range chunks {
		chunks[i] = mapFile(size, uint64(i)+1)
	}
	return cell{
		name: "sink-score", about: "the statistical score of chunks of 16 KiB, by one goroutine",
		subjects: []string{"formula", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			model := anomaly.FromPairs(prior)
			score := func(d []byte) float64 {
				var s anomaly.State
				s.Add(model, d)
				return s.Score
			}
			if subject == "formula" {
				score = func(d []byte) float64 { return formula(prior, d) }
			}
			before, err := ownCPU()
			if err != nil {
				return sample{}, err
			}
			start, n := time.Now(), 0
			for ; time.Since(start) < b.settings.duration && ctx.Err() == nil; n++ {
				score(chunks[n%len(chunks)])
			}
			took := time.Since(start).Seconds()
			after, err := ownCPU()
			worst := 0.0
			for _, d := range chunks {
				want := formula(prior, d)
				worst = max(worst, math.Abs(score(d)-want)/want)
			}
			return sample{CPU: after - before, Values: map[string]float64{megabytes: float64(n*size) / took / 1e6, difference: worst}}, err
		},
		goals: []goal{least(megabytes, "", 500), most(difference, "", 1e-9)},
	}
}

// formula is the geometric mean of the smoothed joint probabilities of
// neighbouring bytes, the pair of zeros left out, by counting them all.
func formula(prior *[1 << 16]float64, d []byte) float64 {
	var counts [1 << 16]float64
	for i := 1; i < len(d); i++ {
		counts[int(d[i-1])<<8|int(d[i])]++
	}
	var n, total, sum float64
	for i := 1; i < 1<<16; i++ {
		n, total = n+counts[i], total+prior[i]
	}
	for i := 1; i < 1<<16; i++ {
		if counts[i] > 0 {
			sum += counts[i] / n * math.Log(prior[i]/total+1e-5)
		}
	}
	return math.Exp(sum)
}
