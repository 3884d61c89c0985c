package catalog

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// warehouse is a Library that does what a test says.
type warehouse struct {
	mu        sync.Mutex
	dir       string
	stock     map[int64]Stock
	details   map[int64]Details // what is known
	steam     map[int64]Details // what Steam says
	down      error
	forbidden map[int64]bool
	notReady  error
	damaged   map[int64]error
	wanted    []wanted
	served    int
	described int // how often Steam was asked
}

type wanted struct {
	id, version      int64
	asked, notBefore time.Time
}

func newWarehouse(t testing.TB) *warehouse {
	return &warehouse{
		dir: t.TempDir(), stock: map[int64]Stock{}, details: map[int64]Details{}, steam: map[int64]Details{},
		forbidden: map[int64]bool{}, damaged: map[int64]error{},
	}
}

func (l *warehouse) Stock(id int64) Stock {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stock[id]
}

func (l *warehouse) Each(fn func(int64, Stock)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, st := range l.stock {
		fn(id, st)
	}
}

func (l *warehouse) Details(id int64) (Details, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, ok := l.details[id]
	return d, ok
}

func (l *warehouse) Describe(_ context.Context, id int64) (Details, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.described++
	d, ok := l.steam[id]
	switch {
	case l.down != nil:
		return Details{}, l.down
	case l.forbidden[id]:
		return Details{}, fault.New(fault.Forbidden, "Denied - wrong app_id")
	case !ok:
		return Details{}, fault.New(fault.NotFound, "Denied - no such mod")
	}
	l.details[id] = d
	return d, nil
}

func (l *warehouse) Want(_ context.Context, id, version int64, asked, notBefore time.Time) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	st := l.stock[id]
	if st.Queued || st.Fetching {
		return false, nil
	}
	st.Queued, st.Source = true, SourceSteam
	l.stock[id] = st
	l.wanted = append(l.wanted, wanted{id, version, asked, notBefore})
	return true, nil
}

func (l *warehouse) Queue() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, st := range l.stock {
		if st.Queued || st.Fetching {
			n++
		}
	}
	return n
}

func (l *warehouse) Ready() error { return l.notReady }

func (l *warehouse) Open(_ context.Context, id int64) (Archive, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	st := l.stock[id]
	if err := l.damaged[id]; err != nil {
		if fault.Is(err, fault.Invalid) {
			delete(l.stock, id) // forgotten at once
			delete(l.damaged, id)
		}
		return Archive{}, err
	}
	if !st.Stored {
		return Archive{}, fault.New(fault.NotFound, "The mod is not stored here")
	}
	f, err := os.Open(l.path(id))
	if err != nil {
		return Archive{}, err
	}
	return Archive{Version: st.Version, Served: func(int, int64) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.served++
	}, File: web.File{Content: f, Size: st.Bytes, ModTime: time.Unix(st.Version, 0), ETag: "tag" + strconv.FormatInt(st.Version, 10)}}, nil
}

func (l *warehouse) path(id int64) string {
	return filepath.Join(l.dir, strconv.FormatInt(id, 10)+".zip")
}

// put stores a version whose archive is data.
func (l *warehouse) put(t testing.TB, id, version int64, name string, data []byte) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := os.WriteFile(l.path(id), data, 0o600); err != nil {
		t.Fatal(err)
	}
	l.stock[id] = Stock{Stored: true, Version: version, Bytes: int64(len(data)), Source: SourceSteam}
	l.details[id] = Details{ID: id, App: 294100, Name: name, Updated: version}
	l.steam[id] = l.details[id]
}

// zipOf is a small archive.
func zipOf(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("About/About.xml")
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// downloads is a catalogue over a warehouse, behind its face.
type downloads struct {
	*Service
	t   *testing.T
	lib *warehouse
}

func newDownloads(t *testing.T, d *db.DB, change func(*Options)) *downloads {
	t.Helper()
	x := &downloads{t: t, lib: newWarehouse(t)}
	o := Options{Config: config.Default().Workshop.Catalog, DB: d, Library: x.lib}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	x.Service = s
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *downloads) do(method, target string, header ...string) *httptest.ResponseRecorder {
	x.t.Helper()
	r := httptest.NewRequest(method, target, http.NoBody)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	x.ServeHTTP(w, r)
	return w
}

// expect compares status, body and the headers that every answer has.
func (x *downloads) expect(target string, status int, body string) *httptest.ResponseRecorder {
	x.t.Helper()
	w := x.do(http.MethodGet, target)
	if w.Code != status || w.Body.String() != body {
		x.t.Errorf("GET %s: %d %s, want %d %s", target, w.Code, w.Body, status, body)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		x.t.Errorf("GET %s: content type %q", target, got)
	}
	x.open(target, w)
	return w
}

func (x *downloads) open(target string, w *httptest.ResponseRecorder) {
	x.t.Helper()
	if h := w.Header(); h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Expose-Headers") != "Content-Type,Content-Disposition" {
		x.t.Errorf("GET %s: headers %v", target, h)
	}
}

// counters returns what was counted of each type today.
func (x *downloads) counters() map[string]int64 {
	x.t.Helper()
	if err := x.stats.flush(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	all := map[string]int64{}
	if err := x.store.days(x.t.Context(), "0000-01-01", "9999-12-31", func(k dayKey, n int64) { all[k.kind] += n }); err != nil {
		x.t.Fatal(err)
	}
	return all
}

func (x *downloads) counted(want map[string]int64) {
	x.t.Helper()
	got := x.counters()
	for kind, n := range want {
		if got[kind] != n {
			x.t.Errorf("%s is counted %d times, want %d", kind, got[kind], n)
		}
	}
	for kind, n := range got {
		if _, ok := want[kind]; !ok {
			x.t.Errorf("%s is counted %d times", kind, n)
		}
	}
}

// timings returns the types of the timings, newest last.
func (x *downloads) timings() (kinds []string) {
	x.t.Helper()
	if err := x.stats.flush(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	for _, kind := range []string{timeDownloadLocalNo, timeDownloadLocalOK, timeDownloadSteamNo, timeDownloadSteamOK, timeSteamError, timeSteamOK} {
		list, err := x.store.newestTimings(x.t.Context(), 100, kind)
		if err != nil {
			x.t.Fatal(err)
		}
		for range list {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
