package catalog

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
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

const (
	bodyQueued     = `{"message":"request added to queue","error_id":0,"unsuccessful_attempts":false,"updating":false}`
	bodyUpdating   = `{"message":"request added to queue","error_id":0,"unsuccessful_attempts":false,"updating":true}`
	bodyAgain      = `{"message":"request added to queue","error_id":0,"unsuccessful_attempts":true,"updating":false}`
	bodyNotReady   = `{"message":"the server is not ready to process requests","error_id":1}`
	bodyNotFound   = `{"message":"this mod was not found","error_id":2}`
	bodyProcessing = `{"message":"your request is already being processed","error_id":3}`
	bodyNoSteam    = `{"message":"steam is not reachable","error_id":4}`
	bodyAbsent     = `{"message":"the mod is not on the server","error_id":1}`
	bodyDamaged    = `{"message":"the mod is damaged","error_id":2}`
	bodyLoading    = `{"message":"this mod is still loading","error_id":3}`
)

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

// Every row of the two tables of answers.
func TestDownload_Answers(t *testing.T) {
	const id, old, current = 818773962, 1583056800, 1712827267
	down := fault.New(fault.Unavailable, "Steam cannot be asked at the moment").WithRetryAfter(90 * time.Second)
	put := func(version int64) func(*downloads) {
		return func(x *downloads) { x.lib.put(x.t, id, version, "HugsLib", zipOf(x.t, "a")) }
	}
	steam := func(version int64) func(*downloads) {
		return func(x *downloads) { x.lib.steam[id] = Details{ID: id, App: 294100, Name: "HugsLib", Updated: version} }
	}
	stock := func(change func(*Stock)) func(*downloads) {
		return func(x *downloads) {
			st := x.lib.stock[id]
			change(&st)
			x.lib.stock[id] = st
		}
	}
	queued, fetching := stock(func(s *Stock) { s.Queued = true }), stock(func(s *Stock) { s.Fetching = true })
	away := func(x *downloads) { x.lib.down = down }
	gone := func(x *downloads) { delete(x.lib.steam, id) }
	forbid := func(x *downloads) { x.lib.forbidden[id] = true }
	unready := func(x *downloads) { x.lib.notReady = fault.New(fault.Unavailable, "No source of mods is in use") }
	broken := func(x *downloads) { x.lib.damaged[id] = fault.New(fault.Invalid, "The file of the mod is gone") }
	checked := func(x *downloads) { x.lib.damaged[id] = fault.New(fault.Unavailable, "being checked") }
	failed := func(permanent bool) func(*downloads) {
		return func(x *downloads) {
			err := error(fault.New(fault.Unavailable, "SteamCMD did not bring the item: Timeout"))
			if permanent {
				err = fault.New(fault.NotFound, "SteamCMD did not bring the item: Access Denied")
			}
			x.Ended(id, x.clock.Now(), err)
		}
	}
	type row struct {
		name   string
		setup  []func(*downloads)
		status int
		body   string // "" the archive
		counts map[string]int64
		timing string
		retry  string // Retry-After
	}
	count := func(kinds ...string) map[string]int64 {
		m := map[string]int64{}
		for _, k := range kinds {
			m[k]++
		}
		return m
	}
	type setup = []func(*downloads)
	const reason = `{"message":"this mod was not found","error_id":2,"reason":`
	tables := map[string][]row{
		"/download/steam/" + strconv.Itoa(id): {
			{"fresh", setup{put(current)}, 200, "", count(countSent), timeDownloadSteamOK, ""},
			{"fresh, an older version is being fetched", setup{put(current), fetching}, 200, "", count(countSent), timeDownloadSteamOK, ""},
			{"fresh, nothing can be fetched", setup{put(current), unready}, 200, "", count(countSent), timeDownloadSteamOK, ""},
			{"new", setup{steam(current)}, 202, bodyQueued, nil, "", ""},
			{"stale", setup{put(old), steam(current)}, 202, bodyUpdating, count(countUpdating), "", ""},
			{"newer than at Steam", setup{put(current), steam(old)}, 200, "", count(countSent), timeDownloadSteamOK, ""},
			{"stale, Steam away", setup{put(old), steam(current), away}, 200, "", count(countSent), timeDownloadSteamOK, ""},
			{"stale, update runs", setup{put(old), steam(current), fetching}, 202, bodyProcessing, nil, timeDownloadSteamNo, ""},
			{"stored, gone at Steam", setup{put(old), gone}, 200, "", count(countSent), timeDownloadSteamOK, ""},
			{"stored, not for us any more", setup{put(old), forbid}, 200, "", count(countSent), timeDownloadSteamOK, ""},
			{"not ready", setup{steam(current), unready}, 503, bodyNotReady, nil, timeDownloadSteamNo, "5"},
			{"not ready, stale", setup{put(old), steam(current), unready}, 503, bodyNotReady, nil, timeDownloadSteamNo, "5"},
			{"unknown", nil, 404, bodyNotFound, count(countNotFound), timeDownloadSteamNo, ""},
			{"not for us", setup{forbid}, 404, reason + `"Denied - wrong app_id"}`, count(countNotFound), timeDownloadSteamNo, ""},
			{"queued", setup{steam(current), queued}, 202, bodyProcessing, nil, timeDownloadSteamNo, ""},
			{"fetching", setup{steam(current), fetching}, 202, bodyProcessing, nil, timeDownloadSteamNo, ""},
			{"fetching, Steam away", setup{steam(current), fetching, away}, 202, bodyProcessing, nil, timeDownloadSteamNo, ""},
			{"Steam away", setup{steam(current), away}, 503, bodyNoSteam, nil, timeDownloadSteamNo, "90"},
			{"failed before", setup{steam(current), failed(false)}, 202, bodyAgain, count(countSteamError), timeSteamError, ""},
			{"never to be had", setup{steam(current), failed(true)}, 404, reason + `"SteamCMD did not bring the item: Access Denied"}`,
				count(countSteamError, countNotFound), timeDownloadSteamNo + " " + timeSteamError, ""},
			{"the update is never to be had", setup{put(old), steam(current), failed(true)}, 200, "", count(countSteamError, countSent),
				timeDownloadSteamOK + " " + timeSteamError, ""},
			{"damaged", setup{put(current), broken}, 202, bodyQueued, count(countDamaged), "", ""},
			{"being checked", setup{put(current), checked}, 202, bodyProcessing, nil, timeDownloadSteamNo, ""},
		},
		"/download/" + strconv.Itoa(id): {
			{"stored", setup{put(current)}, 200, "", count(countSent), timeDownloadLocalOK, ""},
			{"stale", setup{put(old), steam(current), away}, 200, "", count(countSent), timeDownloadLocalOK, ""},
			{"update runs", setup{put(old), steam(current), fetching}, 200, "", count(countSent), timeDownloadLocalOK, ""},
			{"unknown here", setup{steam(current)}, 404, bodyAbsent, count(countNotFound), timeDownloadLocalNo, ""},
			{"damaged", setup{put(current), broken}, 404, bodyDamaged, count(countDamaged), timeDownloadLocalNo, ""},
			{"being checked", setup{put(current), checked}, 202, bodyLoading, nil, timeDownloadLocalNo, ""},
			{"queued", setup{queued}, 202, bodyLoading, nil, timeDownloadLocalNo, ""},
			{"fetching", setup{fetching}, 202, bodyLoading, nil, timeDownloadLocalNo, ""},
		},
	}
	for target, rows := range tables {
		kind := countDownload
		if strings.Contains(target, "steam") {
			kind = countDownloadSteam
		}
		for _, c := range rows {
			t.Run(kind+" "+c.name, func(t *testing.T) {
				x := newDownloads(t, dbtest.SQLite(t), nil)
				for _, f := range c.setup {
					f(x)
				}
				var w *httptest.ResponseRecorder
				if c.body != "" {
					w = x.expect(target, c.status, c.body)
				} else if w = x.do(http.MethodGet, target); w.Code != c.status || w.Header().Get("Content-Type") != "application/zip" ||
					!bytes.Equal(w.Body.Bytes(), zipOf(t, "a")) {
					t.Errorf("%d %v", w.Code, w.Header())
				}
				x.open(target, w)
				if got := w.Header().Get("Retry-After"); got != c.retry {
					t.Errorf("Retry-After %q, want %q", got, c.retry)
				}
				want := map[string]int64{kind: 1}
				for k, n := range c.counts {
					want[k] = n
				}
				x.counted(want)
				if got := strings.Join(x.timings(), " "); got != c.timing {
					t.Errorf("timings %q, want %q", got, c.timing)
				}
			})
		}
	}
}

// A damaged archive is told of once; then the mod is not there.
func TestDownload_DamagedOnce(t *testing.T) {
	x := newDownloads(t, dbtest.SQLite(t), nil)
	x.lib.put(t, 7, 100, "x", zipOf(t, "a"))
	x.lib.damaged[7] = fault.New(fault.Invalid, "gone")
	x.expect("/download/7", 404, bodyDamaged)
	x.expect("/download/7", 404, bodyAbsent)
	x.counted(map[string]int64{countDownload: 2, countDamaged: 1, countNotFound: 1})
}

// Ids that no item has are not found, and Steam is not asked about them.
func TestDownload_Ids(t *testing.T) {
	x := newDownloads(t, dbtest.SQLite(t), nil)
	x.lib.down = fault.New(fault.Unavailable, "must not be asked")
	for _, id := range []string{"0", "-1", "-5", "9223372036854775807", "9223372036854775808", "99999999999999999999999999", "-99999999999999999999"} {
		x.expect("/download/steam/"+id, 404, bodyNotFound)
		x.expect("/download/"+id, 404, bodyAbsent)
		x.expect("/download/"+id+"/", 404, bodyAbsent)
	}
	x.counted(map[string]int64{countDownloadSteam: 7, countDownload: 14, countNotFound: 21})
	const wrong = `{"message":"mod_id: value is not a valid integer","error_id":422,"detail":[{"loc":["path","mod_id"],` +
		`"msg":"value is not a valid integer","type":"value_error"}]}`
	for _, id := range []string{"abc", "1.5", "0x10", "1e3", "%5B1%5D", "--1", "steam"} {
		x.expect("/download/"+id, 422, wrong)
		x.expect("/download/steam/"+id, 422, wrong)
	}
	x.expect("/download/steam/1/2", 404, `{"detail":"Not Found"}`)
	x.counted(map[string]int64{countDownloadSteam: 7, countDownload: 14, countNotFound: 21})
}

// A repeat after failures is put off: a minute, doubled by each of them, an
// hour at most; after a success nothing is held against the mod.
func TestDownload_Backoff(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const id = 42
		x := newDownloads(t, d, nil)
		x.lib.steam[id] = Details{ID: id, Updated: 5}
		for i, want := range []time.Duration{2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
			x.Ended(id, x.clock.Now(), fault.New(fault.Unavailable, "Timeout"))
			f, ok, err := x.store.failure(t.Context(), id)
			if err != nil || !ok || f.RetryAt.Sub(f.LastAt) != want || f.Attempts != i+1 || f.Permanent || f.Reason != "Timeout" {
				t.Errorf("after %d: %+v %v", i+1, f, err)
			}
			x.lib.stock = map[int64]Stock{}
			x.expect("/download/steam/42", 202, bodyAgain)
			if got := x.lib.wanted[len(x.lib.wanted)-1]; !got.notBefore.Equal(f.RetryAt) || got.version != 5 {
				t.Errorf("after %d: %+v, want not before %v", i+1, got, f.RetryAt)
			}
		}
		x.Ended(id, x.clock.Now(), nil)
		x.lib.stock = map[int64]Stock{}
		x.expect("/download/steam/42", 202, bodyQueued)
		if got := x.lib.wanted[len(x.lib.wanted)-1]; !got.notBefore.IsZero() {
			t.Errorf("put off until %v", got.notBefore)
		}
	})
}

// A verdict on an item holds for an hour, also over a restart.
func TestDownload_PermanentForAnHour(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newDownloads(t, d, nil)
		x.Ended(9, x.clock.Now(), fault.New(fault.NotFound, "Access Denied"))
		f, ok, err := x.store.failure(t.Context(), 9)
		if err != nil || !ok || !f.Permanent || f.RetryAt.Sub(f.LastAt) != time.Hour {
			t.Fatalf("%+v %v", f, err)
		}
		x = newDownloads(t, d, nil)
		x.lib.steam[9] = Details{ID: 9, Updated: 5}
		x.expect("/download/steam/9", 404, `{"message":"this mod was not found","error_id":2,"reason":"Access Denied"}`)
		f.LastAt, f.RetryAt = f.LastAt.Add(-time.Hour), f.RetryAt.Add(-time.Hour-time.Second)
		if err := x.store.putFailure(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		x.expect("/download/steam/9", 202, bodyAgain)
	})
}

// Requests for what is not here cost; who spends too much is told to wait.
func TestDownload_Limiter(t *testing.T) {
	left := 2
	x := newDownloads(t, dbtest.SQLite(t), func(o *Options) {
		o.Admit = func(*http.Request) (bool, time.Duration) {
			left--
			return left >= 0, 1500 * time.Millisecond
		}
	})
	x.lib.put(t, 1, 5, "stored", zipOf(t, "a"))
	x.expect("/download/steam/2", 404, bodyNotFound)
	x.lib.steam[3] = Details{ID: 3, Updated: 5}
	x.expect("/download/steam/3", 202, bodyQueued)
	w := x.expect("/download/steam/4", 429, `{"message":"too many requests for mods that are not here","error_id":429}`)
	if got := w.Header().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %q", got)
	}
	x.expect("/download/steam/3", 202, bodyProcessing) // looking after one's own costs nothing
	x.expect("/download/steam/0", 404, bodyNotFound)
	if w := x.do(http.MethodGet, "/download/steam/1"); w.Code != 200 {
		t.Errorf("what is here: %d", w.Code)
	}
}

func TestDownload_UpdateSteam(t *testing.T) {
	x := newDownloads(t, dbtest.SQLite(t), nil)
	x.lib.put(t, 1, 5, "stored", zipOf(t, "a"))
	x.expect("/update/steam/1", 200, `{"message":"the mod is up to date","error_id":0,"updating":false}`)
	x.lib.steam[1] = Details{ID: 1, Updated: 6}
	x.expect("/update/steam/1", 202, bodyUpdating)
	x.expect("/update/steam/1/", 202, bodyProcessing)
	x.lib.steam[2] = Details{ID: 2, Updated: 6}
	x.expect("/update/steam/2", 404, `{"message":"the mod is not on the server","error_id":2}`)
	x.expect("/info/queue/size", 200, "1")
	x.counted(map[string]int64{countUpdateSteam: 4, countUpdating: 1, countQueueSize: 1})
	if len(x.lib.wanted) != 1 || len(x.timings()) != 0 {
		t.Errorf("%v %v", x.lib.wanted, x.timings())
	}
}

// What counts as a download, and what does not.
func TestDownload_WhatCounts(t *testing.T) {
	data := zipOf(t, strings.Repeat("all your base", 99))
	whole := strconv.Itoa(len(data))
	for _, c := range []struct {
		name, method string
		header       []string
		status       int
		counts       bool
	}{
		{"whole", http.MethodGet, nil, 200, true},
		{"HEAD", http.MethodHead, nil, 200, false},
		{"from the first byte", http.MethodGet, []string{"Range", "bytes=0-"}, 206, true},
		{"first part", http.MethodGet, []string{"Range", "bytes=0-9"}, 206, true},
		{"resumed", http.MethodGet, []string{"Range", "bytes=10-"}, 206, false},
		{"the end", http.MethodGet, []string{"Range", "bytes=-5"}, 206, false},
		{"several", http.MethodGet, []string{"Range", "bytes=0-1,5-6"}, 206, false},
		{"beyond", http.MethodGet, []string{"Range", "bytes=" + whole + "-"}, 416, false},
		{"known", http.MethodGet, []string{"If-None-Match", `"tag5"`}, 304, false},
		{"not newer", http.MethodGet, []string{"If-Modified-Since", time.Unix(5, 0).UTC().Format(http.TimeFormat)}, 304, false},
		{"another", http.MethodGet, []string{"If-Match", `"other"`}, 412, false},
		{"resumed, changed", http.MethodGet, []string{"Range", "bytes=10-", "If-Range", `"other"`}, 200, true},
	} {
		for _, path := range []string{"/download/steam/7", "/download/7", "/mods/7/download"} {
			t.Run(c.name+" "+path, func(t *testing.T) {
				x := newDownloads(t, dbtest.SQLite(t), nil)
				x.lib.put(t, 7, 5, "Harmony", data)
				w := x.do(c.method, path, c.header...)
				if w.Code != c.status {
					t.Errorf("%d, want %d", w.Code, c.status)
				}
				sent := x.counters()[countSent]
				r, _, err := x.store.record(t.Context(), 7)
				if err != nil {
					t.Fatal(err)
				}
				g, _, err := x.store.game(t.Context(), 294100)
				if err != nil {
					t.Fatal(err)
				}
				want := int64(0)
				if c.counts {
					want = 1
				}
				var downloads, game int64
				if r != nil {
					downloads = r.Downloads
				}
				if g != nil {
					game = g.Downloads
				}
				if sent != want || downloads != want || game != want || len(x.timings()) != int(want) {
					t.Errorf("files_sent %d, downloads %d, of the game %d, timings %v, want %d", sent, downloads, game, x.timings(), want)
				}
				if c.method == http.MethodHead {
					x.counted(map[string]int64{})
				}
			})
		}
	}
}

// A transfer that breaks off is no download.
func TestDownload_CutShort(t *testing.T) {
	x := newDownloads(t, dbtest.SQLite(t), nil)
	x.lib.put(t, 7, 5, "Harmony", zipOf(t, "a"))
	w := &shortWriter{ResponseRecorder: httptest.NewRecorder(), left: 10}
	x.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/download/7", http.NoBody))
	x.counted(map[string]int64{countDownload: 1})
}

type shortWriter struct {
	*httptest.ResponseRecorder
	left int
}

func (w *shortWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.left -= n
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// Downloads add up, whoever comes at the same time.
func TestDownload_CountsAddUp(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const clients, items = 1000, 10
		x := newDownloads(t, d, nil)
		for id := range int64(items) {
			x.lib.put(t, id+1, 5, "mod", zipOf(t, "a"))
		}
		ctx, cancel := context.WithCancel(t.Context())
		flushed := make(chan struct{})
		go func() { // readers and the database see parts of it meanwhile
			defer close(flushed)
			for ctx.Err() == nil {
				if err := x.stats.flush(ctx); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		}()
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				w := httptest.NewRecorder()
				x.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/download/"+strconv.Itoa(i%items+1), http.NoBody))
				if w.Code != 200 {
					t.Errorf("%d", w.Code)
				}
			})
		}
		wg.Wait()
		cancel()
		<-flushed
		x.counted(map[string]int64{countDownload: clients, countSent: clients})
		for id := range int64(items) {
			r, _, err := x.store.record(t.Context(), id+1)
			if err != nil || r.Downloads != clients/items || r.DeliveredAt.IsZero() {
				t.Errorf("%d: %+v %v", id+1, r, err)
			}
		}
		if g, _, err := x.store.game(t.Context(), 294100); err != nil || g.Downloads != clients {
			t.Errorf("%+v %v", g, err)
		}
		if x.lib.served != clients {
			t.Errorf("the library was told of %d", x.lib.served)
		}
	})
}

func TestDisposition(t *testing.T) {
	for title, want := range map[string]string{
		"Harmony":                     `attachment; filename="Harmony.zip"`,
		"a.b-c_d~1":                   `attachment; filename="a.b-c_d~1.zip"`,
		"plain mod":                   `attachment; filename*=utf-8''plain%20mod.zip`,
		"HugsLib [1.5]":               `attachment; filename*=utf-8''HugsLib%20%5B1.5%5D.zip`,
		"Мод":                         `attachment; filename*=utf-8''%D0%9C%D0%BE%D0%B4.zip`,
		`a"b`:                         `attachment; filename*=utf-8''a%22b.zip`,
		"a/b\\c":                      `attachment; filename="a_b_c.zip"`,
		"../../etc":                   `attachment; filename="___.._etc.zip"`,
		".hidden":                     `attachment; filename="_hidden.zip"`,
		"a\r\nSet-Cookie":             `attachment; filename="a__Set-Cookie.zip"`,
		"\x00\x7f\u0085":              `attachment; filename="___.zip"`,
		"a\xffb":                      `attachment; filename="a_b.zip"`,
		"":                            `attachment; filename="7.zip"`,
		"100% 'x'*":                   `attachment; filename*=utf-8''100%25%20%27x%27%2A.zip`,
		strings.Repeat("a", 200):      `attachment; filename="` + strings.Repeat("a", 120) + `.zip"`,
		"x" + strings.Repeat("é", 99): `attachment; filename*=utf-8''x` + strings.Repeat("%C3%A9", 59) + `.zip`,
	} {
		if got := disposition(title, 7); got != want {
			t.Errorf("%q:\n got %s\nwant %s", title, got, want)
		}
	}
}

func FuzzDisposition(f *testing.F) {
	f.Add("HugsLib [1.5]")
	f.Add("../\x00é")
	f.Fuzz(func(t *testing.T, title string) {
		got := disposition(title, math.MaxInt64)
		if strings.Count(got, ";") != 1 || strings.ContainsAny(got, "\r\n\\/") || len(got) > 3*(maxFileName+4)+40 {
			t.Errorf("%q", got)
		}
	})
}
