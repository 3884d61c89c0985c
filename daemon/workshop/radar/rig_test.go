package radar

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// start is when the tests begin; versions are around it.
var start = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// at is a version published d after start.
func at(d time.Duration) int64 { return start.Add(d).Unix() }

// rig is a Service whose parts are called by the test, one after the other,
// before a library, a receiver of webhooks and a clock of the test.
type rig struct {
	*Service
	t       *testing.T
	clock   *durabletest.Clock
	db      *db.DB
	library *fakeLibrary
	hook    *fakeHook
	hub     *fakeHub
	log     *bytes.Buffer
}

// each runs a test on a fresh rig over each database.
func each(t *testing.T, servers []config.Server, test func(t *testing.T, r *rig)) {
	t.Helper()
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		clock := durabletest.NewClock(start)
		o.Now = clock.Now
		d, err := db.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		r := &rig{
			t: t, clock: clock, db: d, hub: &fakeHub{}, log: &bytes.Buffer{},
			library: &fakeLibrary{steam: map[uint64]Steam{}, folders: map[string]*fakeFolder{}, cycles: map[string][]uint64{}},
			hook:    &fakeHook{status: http.StatusNoContent},
		}
		r.restart(servers)
		test(t, r)
	})
}

// restart replaces the service by a new one over the same state.
func (r *rig) restart(servers []config.Server) {
	r.t.Helper()
	s, err := New(Options{
		Servers: servers, DB: r.db, Library: r.library, Clock: r.clock, Hub: r.hub, Transport: r.hook,
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	s.running.Store(true)
	r.Service = s
	r.library.service = s
}

// tick does what Run does after so much time.
func (r *rig) tick(d time.Duration) {
	r.t.Helper()
	r.clock.Advance(d)
	if err := errors.Join(r.refresh(r.t.Context()), r.settle(r.t.Context())); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.deliver(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// publish has Steam tell of a version.
func (r *rig) publish(id uint64, version int64) {
	r.say(id, Steam{Title: "mod " + strconv.FormatUint(id, 10), Version: version})
}

func (r *rig) say(id uint64, said Steam) {
	said.CheckedAt = r.clock.Now()
	r.library.steam[id] = said
	r.Told(id, said)
}

// states returns "id state running current basis" of the mods of a server.
func (r *rig) standing(name string) []string {
	r.t.Helper()
	server, err := r.server(r.t.Context(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	ago := func(v int64) string {
		if v == 0 {
			return "0"
		}
		return time.Unix(v, 0).Sub(start).String()
	}
	var out []string
	for _, m := range server.Mods {
		line := []string{strconv.FormatUint(m.ID, 10), string(m.State), ago(m.Running), ago(m.Current), string(m.Basis)}
		if m.Since != 0 {
			line = append(line, "since "+ago(m.Since), "noticed "+m.NoticedAt.Sub(start).String())
		}
		if m.Tried {
			line = append(line, "tried")
		}
		out = append(out, strings.Join(line, " "))
	}
	return out
}

func (r *rig) expect(name string, want ...string) {
	r.t.Helper()
	if got := r.standing(name); !slices.Equal(got, want) {
		r.t.Errorf("%s:\n got %q\nwant %q", name, got, want)
	}
}

// told returns what the webhook got since the last call, "event ids…" each.
func (r *rig) told() []string {
	r.t.Helper()
	var out []string
	for _, p := range r.hook.take() {
		var m message
		if err := json.Unmarshal(p.body, &m); err != nil {
			r.t.Fatalf("%v in %s", err, p.body)
		}
		line := m.Server + " " + m.Event
		for _, x := range m.Mods {
			line += " " + x.ID
		}
		out = append(out, line)
	}
	return out
}

func (r *rig) expectTold(want ...string) {
	r.t.Helper()
	if got := r.told(); !slices.Equal(got, want) {
		r.t.Errorf("told %q, want %q", got, want)
	}
}

// fakeLibrary knows what the test says.
type fakeLibrary struct {
	service *Service
	steam   map[uint64]Steam
	ids     []uint64
	sets    []uint64
	watches int
	folders map[string]*fakeFolder
	cycles  map[string][]uint64
}

func (l *fakeLibrary) Known(_ context.Context, ids []uint64) (map[uint64]Steam, error) {
	out := map[uint64]Steam{}
	for _, id := range ids {
		if said, ok := l.steam[id]; ok {
			out[id] = said
		}
	}
	return out, nil
}

func (l *fakeLibrary) Watch(ids, sets []uint64) { l.ids, l.sets, l.watches = ids, sets, l.watches+1 }

func (l *fakeLibrary) Folder(path string) Folder {
	if l.folders[path] == nil {
		l.folders[path] = &fakeFolder{whole: true}
	}
	return l.folders[path]
}

func (l *fakeLibrary) Mapcycle(path string) ([]uint64, error) {
	ids, ok := l.cycles[path]
	if !ok {
		return nil, errors.New("no such file")
	}
	return ids, nil
}

func (l *fakeLibrary) ParseItem(text string) (uint64, error) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fault.New(fault.Invalid, "%q is not a Workshop item", text)
	}
	return id, nil
}

type fakeFolder struct {
	versions map[uint64]int64
	whole    bool
}

func (f *fakeFolder) Read(context.Context) (map[uint64]int64, bool, error) {
	return f.versions, f.whole, nil
}

// post is one request to a webhook.
type post struct {
	url    string
	header http.Header
	body   []byte
}

// fakeHook is the network behind the webhooks.
type fakeHook struct {
	mu     sync.Mutex
	status int
	header http.Header
	err    error
	posts  []post
}

func (h *fakeHook) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	h.posts = append(h.posts, post{req.URL.String(), req.Header, body})
	if h.err != nil {
		return nil, h.err
	}
	header := h.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: h.status, Header: header, Body: http.NoBody, Request: req}, nil
}

func (h *fakeHook) take() []post {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.posts
	h.posts = nil
	return p
}

func (h *fakeHook) answer(status int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status, h.err = status, err
}

type fakeHub struct {
	mu     sync.Mutex
	events []web.Event
}

func (h *fakeHub) Publish(e web.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

func (h *fakeHub) take() []web.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.events
	h.events = nil
	return e
}
