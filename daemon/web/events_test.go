package web

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// eventStream is a client of /api/v1/events.
type eventStream struct {
	t      *testing.T
	res    *http.Response
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

func openStream(t *testing.T, base, query string, headers ...string) *eventStream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", base+"/api/v1/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	e := &eventStream{t: t, res: res, lines: bufio.NewScanner(res.Body), cancel: cancel}
	if res.StatusCode == 200 {
		e.until(": connected")
	}
	return e
}

// until reads lines up to one that begins with prefix and returns that line.
func (e *eventStream) until(prefix string) string {
	e.t.Helper()
	for e.lines.Scan() {
		if strings.HasPrefix(e.lines.Text(), prefix) {
			return e.lines.Text()
		}
	}
	e.t.Fatalf("the stream ended before %q: %v", prefix, e.lines.Err())
	return ""
}

// next returns the next event as "name data" and its id.
func (e *eventStream) next() (event, id string) {
	e.t.Helper()
	var name, data string
	for e.lines.Scan() {
		field, value, _ := strings.Cut(e.lines.Text(), ": ")
		switch field {
		case "event":
			name = value
		case "data":
			data = value
		case "id":
			id = value
		case "":
			if name != "" {
				return name + " " + data, id
			}
		}
	}
	e.t.Fatalf("the stream ended: %v", e.lines.Err())
	return "", ""
}

func (e *eventStream) want(events ...string) (lastID string) {
	e.t.Helper()
	for _, want := range events {
		got, id := e.next()
		if got != want {
			e.t.Fatalf("event %q, want %q", got, want)
		}
		lastID = id
	}
	return lastID
}

func newEventServer(t *testing.T, change ...func(*Hub)) (*Server, string) {
	t.Helper()
	s, _ := newTestServer(t)
	for _, f := range change {
		f(s.events)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Cleanup(s.events.close) // first: Close waits for the streams
	return s, server.URL
}

func TestEventsReachTheirTopics(t *testing.T) {
	s, base := newEventServer(t)
	all, mods, jobs := openStream(t, base, ""), openStream(t, base, "?topics=mods"), openStream(t, base, "?topics=demos,mods.job")
	if got := all.res.Header; got.Get("Content-Type") != "text/event-stream; charset=utf-8" || got.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", got)
	}
	publish := s.Events().Publish
	publish(Event{Topic: "mods.job", Data: map[string]int{"id": 1}})
	publish(Event{Topic: "modsother", Data: 2})
	publish(Event{Topic: "mods.changed", Data: "two\nlines"})
	publish(Event{Topic: "broken", Data: make(chan int)})
	publish(Event{Topic: "demos", Data: nil})
	all.want(`mods.job {"id":1}`, `modsother 2`, `mods.changed "two\nlines"`, `demos null`)
	mods.want(`mods.job {"id":1}`, `mods.changed "two\nlines"`)
	jobs.want(`mods.job {"id":1}`, `demos null`)
}

func TestEventsAreReplayed(t *testing.T) {
	s, base := newEventServer(t, func(h *Hub) { h.limits.replay = 3 })
	first := openStream(t, base, "")
	s.Events().Publish(Event{Topic: "a", Data: 1})
	seen := first.want("a 1")
	for i := 2; i <= 4; i++ {
		s.Events().Publish(Event{Topic: "a", Data: i})
	}
	last := first.want("a 2", "a 3", "a 4")
	first.cancel()
	resumed := openStream(t, base, "", "Last-Event-ID", seen)
	resumed.want("a 2", "a 3", "a 4")
	s.Events().Publish(Event{Topic: "a", Data: 5})
	resumed.want("a 5")
	openStream(t, base, "", "Last-Event-ID", last).want("a 5")
	// One more has now fallen out of the ring of three.
	openStream(t, base, "", "Last-Event-ID", seen).want("reset {}", "a 3", "a 4", "a 5")
	for _, id := range []string{"otherprocess-3", "nonsense", s.events.epoch + "-999", s.events.epoch + "-x"} {
		openStream(t, base, "", "Last-Event-ID", id).want("reset {}")
	}
	s.Events().Publish(Event{Topic: "a", Data: 6})
	openStream(t, base, "?topics=b", "Last-Event-ID", s.events.id(5)).cancel() // topics hold for replays too
}

func TestEventsHaveScopes(t *testing.T) {
	s, base := newEventServer(t)
	secretly := func(n int) {
		s.Events().Publish(Event{Topic: "a", Data: n, Scope: "staff"})
		s.Events().Publish(Event{Topic: "a", Data: -n})
	}
	guest := openStream(t, base, "")
	secretly(1)
	id := guest.want("a -1")
	s.Events().Allow(func(r *http.Request, scope string) bool {
		return scope == "staff" && r.Header.Get("Authorization") == "staff"
	})
	staff := openStream(t, base, "", "Authorization", "staff")
	secretly(2)
	guest.want("a -2")
	staff.want("a 2", "a -2")
	openStream(t, base, "", "Last-Event-ID", id).want("a -2")
	openStream(t, base, "", "Last-Event-ID", id, "Authorization", "staff").want("a 2", "a -2")
}

func TestEventStreamsAreBounded(t *testing.T) {
	s, base := newEventServer(t, func(h *Hub) { h.limits.perIP, h.limits.total = 2, 3 })
	a := openStream(t, base, "")
	openStream(t, base, "")
	third := openStream(t, base, "")
	if third.res.StatusCode != 429 || third.res.Header.Get("Retry-After") == "" {
		t.Errorf("third of one address: %d", third.res.StatusCode)
	}
	if w := call(s, "GET", "/api/v1/events?topics="+strings.Repeat("a,", 40)+"a", ""); w.Code != 400 {
		t.Errorf("many topics: %d", w.Code)
	}
	if w := call(s, "GET", "/api/v1/events?topics=a,,b", ""); w.Code != 400 {
		t.Errorf("empty topic: %d", w.Code)
	}
	if w := call(s, "HEAD", "/api/v1/events", ""); w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
		t.Errorf("HEAD: %d %v", w.Code, w.Header())
	}
	if n := testutil.ToFloat64(s.metrics.events.subscribers); n != 2 {
		t.Errorf("%v subscribers", n)
	}
	a.cancel()
	waitFor(t, func() bool { return testutil.ToFloat64(s.metrics.events.subscribers) == 1 })
	if again := openStream(t, base, ""); again.res.StatusCode != 200 {
		t.Errorf("after one left: %d", again.res.StatusCode)
	}
	s.events.mu.Lock()
	s.events.limits.total = 2
	s.events.mu.Unlock()
	if w := call(s, "GET", "/api/v1/events", ""); w.Code != 503 || w.Header().Get("Retry-After") != "30" {
		t.Errorf("when full: %d %v", w.Code, w.Header())
	}
}

// waitFor polls what another goroutine brings about soon.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen")
		}
	}
}

func TestSlowSubscriberIsDropped(t *testing.T) {
	s, _ := newTestServer(t)
	h := s.Events()
	h.limits.queue = 4
	slow, _, _, _ := h.subscribe(nil, prefix{}, "")
	quick, _, _, _ := h.subscribe([]string{"b"}, prefix{}, "")
	for i := range 6 {
		h.Publish(Event{Topic: "a", Data: i})
	}
	var got []string
	for m := range slow.queue { // ends: the hub closed it
		got = append(got, string(m.data))
	}
	if diff := cmp.Diff([]string{"0", "1", "2", "3"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := testutil.ToFloat64(s.metrics.events.dropped); n != 1 {
		t.Errorf("%v dropped", n)
	}
	h.Publish(Event{Topic: "b"})
	if m := <-quick.queue; m.topic != "b" {
		t.Errorf("the other subscriber got %v", m)
	}
	h.unsubscribe(slow) // its handler ends later; nothing is closed twice
	h.unsubscribe(quick)
	h.unsubscribe(quick)
	if len(h.subscribers) != 0 || len(h.perIP) != 0 {
		t.Errorf("left behind: %v %v", h.subscribers, h.perIP)
	}
}

func TestHeartbeatAndEndOfStream(t *testing.T) {
	s, base := newEventServer(t, func(h *Hub) { h.stream.heartbeat = 5 * time.Millisecond })
	e := openStream(t, base, "")
	e.until(": still here")
	e.until(": still here")
	s.events.close()
	for e.lines.Scan() {
		continue // must end
	}
	if w := call(s, "GET", "/api/v1/events", ""); w.Code != 503 {
		t.Errorf("after the end: %d", w.Code)
	}
	s.Events().Publish(Event{Topic: "a"}) // does nothing

	_, base = newEventServer(t, func(h *Hub) { h.stream.life = 10 * time.Millisecond })
	for e := openStream(t, base, ""); e.lines.Scan(); {
		continue // must end by itself
	}
}

func TestRingNeverGrows(t *testing.T) {
	s, _ := newTestServer(t)
	h := s.Events()
	for i := range 10 * h.limits.replay {
		h.Publish(Event{Topic: "a", Data: i})
	}
	missed, complete := h.since(h.id(h.last - 2))
	if !complete || len(missed) != 2 || string(missed[1].data) != fmt.Sprint(10*h.limits.replay-1) {
		t.Errorf("since: %v %v", missed, complete)
	}
	if len(h.ring) != h.limits.replay || cap(h.ring) > 2*h.limits.replay {
		t.Errorf("ring of %d, capacity %d", len(h.ring), cap(h.ring))
	}
}
