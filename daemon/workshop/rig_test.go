package workshop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// rig is a Service before a Steam and a source that live in the test. With
// inBubble the time is synctest's.
type rig struct {
	*Service
	t      testing.TB
	steam  *scriptedSteam
	source *fakeSource
	blobs  *blob.Disk
	dir    string
	log    *lockedBuffer
	cancel context.CancelFunc
	ended  chan error
}

// scriptedSteam answers for items.
type scriptedSteam struct {
	mu          sync.Mutex
	items       map[uint64]webapi.FileDetails
	collections map[uint64][]webapi.Child
	down        error
	breaker     bool
	keyless     bool
	calls       [][]uint64
	at          []time.Time
}

func (f *scriptedSteam) FileDetails(_ context.Context, ids []uint64) ([]webapi.FileDetails, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.at = append(f.calls, slices.Clone(ids)), append(f.at, time.Now())
	if f.down != nil {
		return nil, f.down
	}
	var out []webapi.FileDetails
	for _, id := range ids {
		item, ok := f.items[id]
		if !ok {
			item = webapi.FileDetails{Result: webapi.ResultFileNotFound}
		}
		item.ID = id
		out = append(out, item)
	}
	return out, nil
}

func (f *scriptedSteam) Collection(_ context.Context, ids []uint64) ([]webapi.CollectionDetails, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return nil, f.down
	}
	var out []webapi.CollectionDetails
	for _, id := range ids {
		answer := webapi.CollectionDetails{ID: id, Result: webapi.ResultFileNotFound}
		if children, ok := f.collections[id]; ok {
			answer.Result, answer.Children = webapi.ResultOK, children
		}
		out = append(out, answer)
	}
	return out, nil
}

func (f *scriptedSteam) State() webapi.State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return webapi.State{Keyed: !f.keyless, BreakerOpen: f.breaker}
}

func (f *scriptedSteam) put(id uint64, version int64, change func(*webapi.FileDetails)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := webapi.FileDetails{Result: webapi.ResultOK, AppID: 4920, Updated: version, Title: "mod", URL: "http://x/", Size: 1}
	if change != nil {
		change(&d)
	}
	f.items[id] = d
}

func (f *scriptedSteam) set(down error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

func (f *scriptedSteam) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

// fakeSource is a "steam-url" that has what the fake Steam describes.
type fakeSource struct {
	mu     sync.Mutex
	bytes  map[Name][]byte
	err    error
	panics bool
	block  chan struct{} // when set, Fetch waits for it
	asked  []Name
}

func (f *fakeSource) Name() string { return sourceSteamURL }

func (f *fakeSource) Fetch(ctx context.Context, want Want, dst Sink) (Got, error) {
	f.mu.Lock()
	f.asked = append(f.asked, want.Name)
	data, ok := f.bytes[want.Name]
	err, block, panics := f.err, f.block, f.panics
	f.mu.Unlock()
	switch {
	case panics:
		panic("a broken source")
	case err != nil:
		return Got{}, err
	case want.Details == nil:
		return Got{}, fault.New(fault.Unavailable, "no details")
	case want.Details.Updated != want.Name.Version || want.Details.URL == "" || !ok:
		return Got{}, fault.New(fault.NotFound, "not there")
	}
	if err := dst.Expect(int64(len(data))); err != nil {
		return Got{}, err
	}
	if _, err := dst.Write(data[:len(data)/2]); err != nil {
		return Got{}, err
	}
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return Got{}, ctx.Err()
		}
	}
	_, err = dst.Write(data[len(data)/2:])
	return Got{Version: want.Name.Version, Origin: "steam.example", State: Fetching}, err
}

func (f *fakeSource) put(n Name, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bytes[n] = data
}

func (f *fakeSource) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeSource) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Vectors of the game's wire.
const (
	vectorItem    = 0x5f3f7c0
	vectorVersion = 1348957670
)

var vector = Name{Item: vectorItem, Version: vectorVersion}

func testConfig() config.Workshop {
	c := config.Default().Workshop
	c.Deny = []config.Item{0xd15a}
	c.Retention.MinFree = 0
	return c
}

// newRig returns a rig whose service does not run yet.
func newRig(t *testing.T, change func(*config.Workshop)) *rig {
	t.Helper()
	return newRigOn(t, dbtest.SQLite(t), t.TempDir(), change)
}

// newRigOn is newRig on a database and a data directory that exist.
func newRigOn(t testing.TB, d *db.DB, dir string, change func(*config.Workshop)) *rig {
	t.Helper()
	return newRigWith(t, d, dir, func(o *Options) {
		if change != nil {
			change(&o.Config)
		}
	})
}

// newRigWith is newRigOn with other options.
func newRigWith(t testing.TB, d *db.DB, dir string, change func(*Options)) *rig {
	t.Helper()
	blobs, err := blob.OpenDisk(durable.Disk, filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	r := &rig{
		t: t, blobs: blobs, dir: dir, log: &lockedBuffer{},
		steam:  &scriptedSteam{items: map[uint64]webapi.FileDetails{}, collections: map[uint64][]webapi.Child{}},
		source: &fakeSource{bytes: map[Name][]byte{}},
	}
	limits := config.Default().Limits
	limits.Exempt = []string{"127.0.0.0/8"}
	o := Options{
		Config: testConfig(), Limits: limits, Steam: config.Default().Steam, RequestHeaders: "first", DB: d, Blobs: blobs,
		Client: webapi.New(webapi.Options{BaseURL: "http://127.0.0.1:1"}), Owner: "test",
		Log: slog.New(slog.NewTextHandler(r.log, nil)), Registerer: prometheus.NewRegistry(), DataDir: dir, Quiet: true,
	}
	change(&o)
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.steam, s.jitter = r.steam, func() float64 { return 0.5 }
	s.details = NewDetails(r.steam, s.clock, s.log, s.learn)
	at := slices.IndexFunc(s.sources, func(x Source) bool { return x.Name() == sourceSteamURL })
	s.sources[at] = r.source
	r.Service = s
	return r
}

// start runs the service until the test ends or stop is called.
func (r *rig) start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.ended = cancel, make(chan error, 1)
	go func() { r.ended <- r.Run(ctx) }()
	r.t.Cleanup(r.stop)
}

func (r *rig) stop() {
	if r.cancel == nil {
		return
	}
	r.cancel()
	r.cancel = nil
	if err := <-r.ended; err != nil {
		r.t.Errorf("Run: %v", err)
	}
}

// inBubble runs a test on a running rig in virtual time.
func inBubble(t *testing.T, change func(*config.Workshop), test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC))) // a bubble begins in 2000
		r := newRig(t, change)
		r.start()
		synctest.Wait()
		test(t, r)
	})
}

// pass lets virtual time go by and everything settle.
func pass(d time.Duration) {
	time.Sleep(d) // in a bubble this takes no time
	synctest.Wait()
}

// offer makes Steam describe a version and the source have it.
func (r *rig) offer(n Name) []byte {
	data := steamtest.Zip(map[string]string{"lua/mod.lua": "-- " + n.String(), ".modinfo": "name"})
	r.steam.put(uint64(n.Item), n.Version, func(d *webapi.FileDetails) { d.Size = int64(len(data)) })
	r.source.put(n, data)
	return data
}

// do sends a request to the face.
func (r *rig) do(method, target string, header map[string]string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(method, "/", http.NoBody)
	req.RequestURI = target
	path, query, _ := bytes.Cut([]byte(target), []byte("?"))
	req.URL.Path, req.URL.RawQuery = string(path), string(query)
	req.URL.ForceQuery = bytes.HasSuffix([]byte(target), []byte("?"))
	req.RemoteAddr = "127.0.0.1:5000"
	for k, v := range header {
		if k == "remote" {
			req.RemoteAddr = v
			continue
		}
		req.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	r.face.ServeHTTP(w, req)
	return w
}

// expect asks for a path and compares status and reason.
func (r *rig) expect(target string, status int, reason string) *httptest.ResponseRecorder {
	r.t.Helper()
	w := r.do(http.MethodGet, target, nil)
	if w.Code != status || status != http.StatusOK && w.Header().Get("X-Reason") != reason {
		r.t.Errorf("GET %s: %d %q, want %d %q", target, w.Code, w.Header().Get("X-Reason"), status, reason)
	}
	return w
}

// get asks for a version until it is served or refused, at most for limit.
func (r *rig) get(n Name, limit time.Duration) *httptest.ResponseRecorder {
	r.t.Helper()
	for waited := time.Duration(0); ; waited += time.Second {
		w := r.do(http.MethodGet, "/"+n.File(), nil)
		if w.Code != http.StatusAccepted || waited >= limit {
			return w
		}
		pass(time.Second)
	}
}

func bodyOf(t *testing.T, w *httptest.ResponseRecorder) []byte {
	t.Helper()
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var errSteamDown = errors.New("steam is down")

// keys returns the stored blobs.
func (r *rig) keys() []string {
	r.t.Helper()
	found := map[string]struct{}{}
	for info, err := range r.blobs.List(context.Background(), "") {
		if err != nil {
			r.t.Fatal(err)
		}
		found[info.Key] = struct{}{}
	}
	return slices.Sorted(maps.Keys(found))
}

func withApp(d webapi.FileDetails, app uint32) webapi.FileDetails {
	d.AppID = app
	return d
}
