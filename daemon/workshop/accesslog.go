package workshop

import (
	"hash/maphash"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Bounds of the header log.
const (
	sampledAgents   = 200
	samplesPerAgent = 3
)

// linesPerSecond bounds the log: a flood of requests must fill neither the
// disk nor the processor. What is left out is counted, and the metrics count
// everything.
const linesPerSecond = 500

// accessLog writes one line per request of a game client, and, if asked to,
// the headers of the first requests of each User-Agent, each kind once:
// nobody wrote down what the game's own client sends.
type accessLog struct {
	s     *Service
	log   *slog.Logger
	first bool

	second  atomic.Int64 // Unix time of the lines being counted
	lines   atomic.Int64
	skipped atomic.Int64

	seed   maphash.Seed
	mu     sync.Mutex
	agents map[string][]uint64 // shapes of the headers that were logged
}

func (l *accessLog) write(x *exchange, a answer, status int, bytes int64) {
	ctx := x.r.Context()
	if l.first {
		l.sample(x.r)
	}
	if !l.log.Enabled(ctx, slog.LevelInfo) || !l.admit(x.start) {
		return
	}
	var list [13]slog.Attr
	attrs := append(list[:0],
		slog.Any("ip", web.ClientIP(x.r)), slog.Int("status", status), slog.String("reason", a.reason()),
		slog.Int64("bytes", bytes), slog.Int64("ms", l.s.clock.Now().Sub(x.start).Milliseconds()))
	if x.name != (Name{}) {
		attrs = append(attrs, slog.String("item", "m"+x.name.Item.Hex()), slog.Int64("version", x.name.Version))
		if item, ok := l.s.records.item(x.name.Item); ok && item.Title != "" {
			attrs = append(attrs, slog.String("title", item.Title))
		}
	} else {
		attrs = append(attrs, slog.String("path", web.Clip(web.RawPath(x.r), 200)))
	}
	if x.item != nil {
		attrs = append(attrs, slog.String("source", x.item.Source), slog.Bool("complete", !x.cut))
	}
	attrs = web.AppendClient(attrs, x.r)
	l.log.LogAttrs(ctx, slog.LevelInfo, x.r.Method, attrs...)
}

// admit reports whether there is room for another line in this second.
func (l *accessLog) admit(now time.Time) bool {
	second := now.Unix()
	if old := l.second.Load(); old != second && l.second.CompareAndSwap(old, second) {
		l.lines.Store(0)
		l.report()
	}
	if l.lines.Add(1) <= linesPerSecond {
		return true
	}
	l.skipped.Add(1)
	return false
}

// report says how many requests were left out of the log.
func (l *accessLog) report() {
	if n := l.skipped.Swap(0); n > 0 {
		l.log.Info("requests that have no line of their own", "requests", n)
	}
}

// sample logs the headers of a request unless its User-Agent has sent the
// like before.
func (l *accessLog) sample(r *http.Request) {
	agent := web.Clip(r.UserAgent(), 200)
	if !l.unseen(agent, r) {
		return
	}
	attrs := []slog.Attr{slog.String("user_agent", agent), slog.String("proto", r.Proto), slog.String("host", web.Clip(r.Host, 200))}
	for name, values := range r.Header {
		if secret(name) {
			continue
		}
		for _, v := range values {
			attrs = append(attrs, slog.String("header."+web.Clip(name, 100), web.Clip(v, 200)))
		}
	}
	l.log.LogAttrs(r.Context(), slog.LevelInfo, "request headers", attrs...)
}

// unseen reports whether headers of this shape are to be logged, and notes
// that they were.
func (l *accessLog) unseen(agent string, r *http.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen, known := l.agents[agent]
	if len(seen) >= samplesPerAgent || !known && len(l.agents) >= sampledAgents {
		return false
	}
	shape := l.shape(r)
	if slices.Contains(seen, shape) {
		return false
	}
	l.agents[agent] = append(seen, shape)
	return true
}

// shape sums up the protocol and the headers of a request, which have no
// order. Of what depends on the file that is asked for, or on who asks, only
// the name counts.
func (l *accessLog) shape(r *http.Request) uint64 {
	sum := maphash.String(l.seed, r.Proto)
	for name, values := range r.Header {
		if secret(name) {
			continue
		}
		var h maphash.Hash
		h.SetSeed(l.seed)
		_, _ = h.WriteString(name) // never fails
		if !varies(name) {
			for _, v := range values {
				_ = h.WriteByte(0)
				_, _ = h.WriteString(v)
			}
		}
		sum += h.Sum64()
	}
	return sum
}

// secret reports whether a header stays out of the log.
func secret(name string) bool {
	switch name {
	case "Cookie", "Authorization", "Proxy-Authorization", "X-Api-Key", "X-Csrf-Token":
		return true
	}
	return false
}

// varies reports whether the value of a header says more about the single
// request than about the program that sends it.
func varies(name string) bool {
	switch name {
	case "Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Referer",
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-Ip", "X-Request-Id", "Traceparent":
		return true
	}
	return false
}
