package main

import (
	"context"
	"strconv"
	"time"
)

// The metrics of samples.
const (
	perSecond   = "req/s"
	megabytes   = "MB/s"
	p50         = "p50 ms"
	p99         = "p99 ms"
	perGB       = "CPU s/GB"
	perRequest  = "CPU µs/req"
	success     = "success"
	bulk        = "bulk MB/s"
	steamCalls  = "Steam calls/s"
	rowsPerSec  = "rows/s"
	sizePercent = "size %"
	firstAnswer = "ms to first answer"
	idlePSS     = "idle PSS MB"
)

// cells are all workloads, in the order they run. Targets are ratios that the
// bare Go server or, for nginx, its neighbourhood reached when the suite was
// designed; against the floor it is always 0.9: our layers may cost a tenth.
func cells() []cell {
	all := []cell{
		small(1, 0.90), small(32, 0.45), small(256, 0.42),
		mid(), big(1, 2.0), big(32, 1.1), open(), ranges(), mixed(), misses(),
		ratesCost(), fastdlSmall(), fastdlMid(), bz2(), peersCell(),
		sinkFrames(16), sinkFrames(1), sinkIdle(),
		sinkClose("sink-close", "at 64 KiB per second each", 64<<10, most(p99, "", 1000)),
		sinkClose("sink-close-flat", "as fast as they are taken", 0, most(longest, "", 4000)),
		sinkScore(),
		metaVerify(true), metaVerify(false),
		metaList(metaFew, "plain"), metaList(metaFew, "gzip"), metaList(metaFew, "304"),
		metaList(metaMany, "plain"), metaList(metaMany, "gzip"), metaList(metaMany, "304"),
		metaHeartbeat(), metaMatch(), metaLogin(),
	}
	return append(all, catalogList(), catalogCondition(), catalogCount(), zipText(), zipPacked(), storeCommit(), cold(), idle())
}

func least(metric, peer string, target float64) goal {
	return goal{Metric: metric, Peer: peer, Target: target}
}

func most(metric, peer string, target float64) goal {
	return goal{Metric: metric, Peer: peer, Target: target, AtMost: true}
}

// loaded runs a load against a subject's server and adds what the server used
// for it.
func loaded(ctx context.Context, b *bench, subject string, load func(p *process) (loadResult, error)) (sample, error) {
	p, err := b.server(ctx, subject)
	if err != nil {
		return sample{}, err
	}
	before, _, err := usage(p.cmd.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	r, err := load(p)
	if err != nil {
		return sample{}, err
	}
	after, pss, err := usage(p.cmd.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	s := sample{Values: map[string]float64{}, Errors: r.Errors, First: r.First, CPU: after - before, PSS: pss}
	s.Values[p99] = r.P99
	s.Values[perSecond] = float64(r.Requests) / r.Seconds
	if r.Requests > 0 {
		s.Values[perRequest] = s.CPU * 1e6 / float64(r.Requests)
	}
	if r.Bytes > 0 {
		s.Values[megabytes] = float64(r.Bytes) / r.Seconds / 1e6
		s.Values[perGB] = s.CPU * 1e9 / float64(r.Bytes)
	}
	return s, nil
}

// keep drops the metrics that say nothing in this cell.
func keep(s sample, err error, metrics ...string) (sample, error) {
	values := map[string]float64{}
	for _, m := range metrics {
		if v, ok := s.Values[m]; ok {
			values[m] = v
		}
	}
	s.Values = values
	return s, err
}

func small(conns int, nginx float64) cell {
	return cell{
		name: "mod-small-" + strconv.Itoa(conns), about: "4 KiB zip, keep-alive, " + strconv.Itoa(conns) + " connections, wrk",
		subjects: []string{"nginx", "floor", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			s, err := loaded(ctx, b, subject, func(p *process) (loadResult, error) { return b.wrk(ctx, conns, p.url+"/"+smallFile) })
			return keep(s, err, perSecond, p99, perRequest)
		},
		goals: []goal{least(perSecond, "nginx", nginx), least(perSecond, "floor", 0.9), most(perRequest, "floor", 1.1)},
	}
}

func mid() cell {
	return cell{
		name: "mod-mid", about: "1 MiB zip, 32 connections, wrk",
		subjects: []string{"nginx", "caddy", "floor", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			s, err := loaded(ctx, b, subject, func(p *process) (loadResult, error) { return b.wrk(ctx, 32, p.url+"/"+midFile) })
			return keep(s, err, megabytes, p99, perGB)
		},
		goals: []goal{
			least(megabytes, "nginx", 0.95), most(perGB, "nginx", 0.6), least(megabytes, "caddy", 2), least(megabytes, "floor", 0.9),
		},
	}
}

func big(conns int, nginx float64) cell {
	return cell{
		name: "mod-big-" + strconv.Itoa(conns), about: "50 MiB zip, " + strconv.Itoa(conns) + " connections, a client that drops the bytes in the kernel",
		subjects: []string{"nginx", "floor", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			s, err := loaded(ctx, b, subject, func(p *process) (loadResult, error) {
				return b.load(ctx, b.settings.duration, p.url+"/"+bigFile, "drain", "-conns", strconv.Itoa(conns))
			})
			return keep(s, err, megabytes, perGB)
		},
		goals: []goal{least(megabytes, "nginx", nginx), most(perGB, "nginx", 1.3), least(megabytes, "floor", 0.9), most(perGB, "floor", 1.1)},
	}
}

func open() cell {
	return cell{
		name: "mod-open", about: "4 000 requests per second, each on a new connection, 4 KiB",
		subjects: []string{"nginx", "floor", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			s, err := loaded(ctx, b, subject, func(p *process) (loadResult, error) {
				return b.load(ctx, b.settings.duration, p.url+"/"+smallFile, "open", "-fresh", "-rate", "4000")
			})
			if err == nil {
				sent := s.Values[perSecond]*b.settings.duration.Seconds() + float64(s.Errors)
				s.Values[success] = 1 - float64(s.Errors)/sent
			}
			return keep(s, err, p99, success, perRequest)
		},
		goals: []goal{least(success, "", 1), most(p99, "nginx", 1.5), most(p99, "floor", 1.1), most(perRequest, "floor", 1.1)},
	}
}

func ranges() cell {
	return cell{
		name: "mod-range", about: "64 KiB ranges at random offsets of 50 MiB, 32 connections",
		subjects: []string{"nginx", "nginx-nopush-off", "floor", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			s, err := loaded(ctx, b, subject, func(p *process) (loadResult, error) {
				return b.load(ctx, b.settings.duration, p.url+"/"+bigFile, "ranges", "-conns", "32", "-size", strconv.Itoa(bigSize))
			})
			return keep(s, err, perSecond, p99, perRequest)
		},
		goals: []goal{least(perSecond, "nginx", 0.45), least(perSecond, "nginx-nopush-off", 0.45), least(perSecond, "floor", 0.9)},
	}
}

func mixed() cell {
	return cell{
		name: "mod-mixed", about: "500 requests per second of 4 KiB while 16 connections pull 50 MiB",
		subjects: []string{"nginx", "floor", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			var pulled loadResult
			s, err := loaded(ctx, b, subject, func(p *process) (loadResult, error) {
				done := make(chan error, 1)
				go func() {
					var err error
					pulled, err = b.load(ctx, b.settings.duration+time.Second, p.url+"/"+bigFile, "drain", "-conns", "16")
					done <- err
				}()
				r, err := b.load(ctx, b.settings.duration, p.url+"/"+smallFile, "open", "-rate", "500")
				if bulkErr := <-done; err == nil {
					err = bulkErr
				}
				return r, err
			})
			if err == nil {
				s.Errors += pulled.Errors
				s.Values[bulk] = float64(pulled.Bytes) / pulled.Seconds / 1e6
			}
			return keep(s, err, p99, bulk)
		},
		goals: []goal{most(p99, "nginx", 1.5), least(bulk, "nginx", 0.8), most(p99, "floor", 1), least(bulk, "floor", 0.8)},
	}
}

func misses() cell {
	return cell{
		name: "mod-202", about: "50 000 different mods that are not there, 32 connections, a Steam on loopback",
		subjects: []string{"floor", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			calls := b.steam.CallCount()
			s, err := loaded(ctx, b, subject, func(p *process) (loadResult, error) {
				return b.load(ctx, b.settings.duration, p.url+"/", "misses", "-conns", "32")
			})
			if err == nil {
				s.Values[steamCalls] = float64(b.steam.CallCount()-calls) / b.settings.duration.Seconds()
			}
			return keep(s, err, perSecond, p99, perRequest, steamCalls)
		},
		goals: []goal{
			{Metric: perSecond, Peer: "floor", Target: 0.51, Comment: "that is 40 times the original"},
			least(perSecond, "floor", 0.9), most(steamCalls, "", 1),
		},
	}
}
