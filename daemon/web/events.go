package web

import (
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
)

// Event is something that happened and that an open page should show.
type Event struct {
	Topic string // dot-separated, for example "mods.job"
	Data  any    // becomes JSON
	Scope string // "" = everybody, else whom Hub.Allow lets hear it, such as "staff"
}

// Hub hands events to those who listen at /api/v1/events. Publish never waits:
// a subscriber that does not read is dropped and may come back with
// Last-Event-ID. The last events are kept for such returns. A Hub is safe for
// concurrent use.
type Hub struct {
	log     *slog.Logger
	metrics eventMetrics
	limits  hubLimits
	stream  streamTimes

	mu          sync.Mutex
	epoch       string // differs in every process, so that old ids are recognised
	last        uint64
	ring        []message // in order of number, at most limits.replay
	subscribers map[*subscriber]struct{}
	perIP       map[netip.Prefix]int
	allow       func(r *http.Request, scope string) bool
	closed      bool
}

type hubLimits struct {
	replay, queue, total, perIP int
}

type message struct {
	number       uint64
	topic, scope string
	data         []byte
}

// subscriber is one open stream. Its queue is closed by the hub when it is
// dropped or the hub ends.
type subscriber struct {
	queue  chan message
	topics []string
	ip     netip.Prefix
}

func newHub(log *slog.Logger, m eventMetrics) *Hub {
	return &Hub{
		log: log, metrics: m, epoch: rand.Text()[:8],
		limits:      hubLimits{replay: 256, queue: 64, total: 1024, perIP: 16},
		stream:      defaultStreamTimes(),
		subscribers: map[*subscriber]struct{}{}, perIP: map[netip.Prefix]int{},
	}
}

// Allow sets who may see events of a scope other than "". Without it nobody
// does. It is asked for every event, with the request that opened the stream.
func (h *Hub) Allow(f func(r *http.Request, scope string) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.allow = f
}

// Publish hands the event to every stream that asked for its topic. Data that
// cannot become JSON is logged and dropped.
func (h *Hub) Publish(e Event) {
	data, err := json.Marshal(e.Data)
	if err != nil {
		h.log.Error("an event cannot be written as JSON", "topic", e.Topic, "error", err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.metrics.published.Inc()
	h.last++
	m := message{number: h.last, topic: e.Topic, scope: e.Scope, data: data}
	if len(h.ring) >= h.limits.replay {
		n := copy(h.ring, h.ring[1:])
		h.ring = h.ring[:n]
	}
	h.ring = append(h.ring, m)
	for s := range h.subscribers {
		if !s.wants(m.topic) {
			continue
		}
		select {
		case s.queue <- m:
		default:
			h.metrics.dropped.Inc()
			h.remove(s)
		}
	}
}

// wants reports whether the topic is one of those asked for or lies below one
// of them: "mods" covers "mods.job".
func (s *subscriber) wants(topic string) bool {
	if len(s.topics) == 0 {
		return true
	}
	for _, t := range s.topics {
		if rest, ok := strings.CutPrefix(topic, t); ok && (rest == "" || rest[0] == '.') {
			return true
		}
	}
	return false
}

type refusal int

const (
	admitted refusal = iota
	hubClosed
	hubFull
	tooManyStreams
)

// subscribe adds a stream and returns what it missed since lastID. complete is
// false when lastID names events that are no longer kept.
func (h *Hub) subscribe(topics []string, ip netip.Prefix, lastID string) (s *subscriber, missed []message, complete bool, why refusal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, nil, false, hubClosed
	case len(h.subscribers) >= h.limits.total:
		return nil, nil, false, hubFull
	case h.perIP[ip] >= h.limits.perIP:
		return nil, nil, false, tooManyStreams
	}
	s = &subscriber{queue: make(chan message, h.limits.queue), topics: topics, ip: ip}
	h.subscribers[s] = struct{}{}
	h.perIP[ip]++
	h.metrics.subscribers.Inc()
	missed, complete = h.since(lastID)
	return s, missed, complete, admitted
}

// since returns the kept events after lastID.
func (h *Hub) since(lastID string) (missed []message, complete bool) {
	if lastID == "" {
		return nil, true
	}
	number, ok := h.number(lastID)
	if !ok || number > h.last {
		return nil, false
	}
	first := h.last + 1 - uint64(len(h.ring)) // number of the oldest kept event
	if number+1 < first {
		return append([]message(nil), h.ring...), false
	}
	return append([]message(nil), h.ring[number+1-first:]...), true
}

func (h *Hub) id(number uint64) string { return h.epoch + "-" + strconv.FormatUint(number, 10) }

func (h *Hub) number(id string) (uint64, bool) {
	text, ok := strings.CutPrefix(id, h.epoch+"-")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}

// unsubscribe removes a stream that ended by itself.
func (h *Hub) unsubscribe(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remove(s)
}

// remove closes the queue exactly once: whoever is in the map is not closed.
func (h *Hub) remove(s *subscriber) {
	if _, ok := h.subscribers[s]; !ok {
		return
	}
	delete(h.subscribers, s)
	if h.perIP[s.ip]--; h.perIP[s.ip] <= 0 {
		delete(h.perIP, s.ip)
	}
	h.metrics.subscribers.Dec()
	close(s.queue)
}

// close ends every stream; Publish does nothing from then on.
func (h *Hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subscribers {
		h.remove(s)
	}
}

func (h *Hub) mayRead(r *http.Request, scope string) bool {
	if scope == "" {
		return true
	}
	h.mu.Lock()
	allow := h.allow
	h.mu.Unlock()
	return allow != nil && allow(r, scope)
}
