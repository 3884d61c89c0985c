package catalog

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

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
				if c.status == 416 || c.status == 412 {
					x.isRefusal(w, len(data))
				}
			})
		}
	}
}

// isRefusal expects an answer about a file of so many bytes in the form that all
// errors have.
func (x *downloads) isRefusal(w *httptest.ResponseRecorder, size int) {
	x.t.Helper()
	want := `{"message":"the archive is another one","error_id":412}`
	length := ""
	if w.Code == 416 {
		want, length = `{"message":"the range lies outside of the archive","error_id":416}`, "bytes */"+strconv.Itoa(size)
	}
	h := w.Header()
	if w.Body.String() != want || h.Get("Content-Type") != "application/json" || h.Get("Content-Length") != strconv.Itoa(len(want)) ||
		h.Get("Content-Range") != length || h.Get("Content-Disposition") != "" {
		x.t.Errorf("%d %s %v", w.Code, w.Body, h)
	}
	x.open("a refusal", w)
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

// Every archive that is asked for has a line, also one that breaks off.
func TestDownload_Log(t *testing.T) {
	var log bytes.Buffer
	x := newDownloads(t, dbtest.SQLite(t), func(o *Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "ms" || a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
	})
	data := zipOf(t, "a")
	x.lib.put(t, 7, 5, "Harmony", data)
	x.do(http.MethodGet, "/download/7", "Range", "bytes=0-9", "User-Agent", "client/1")
	x.do(http.MethodGet, "/download/8")
	w := &shortWriter{ResponseRecorder: httptest.NewRecorder(), left: 10}
	x.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/download/7", http.NoBody))
	x.do(http.MethodHead, "/download/7")
	want := []string{
		`status=206 bytes=10 item=7 version=5 title=Harmony complete=true range="bytes=0-9" user_agent=client/1`,
		`status=200 bytes=10 item=7 version=5 title=Harmony complete=false user_agent=""`,
		`status=200 bytes=0 item=7 version=5 title=Harmony complete=true user_agent=""`,
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines:\n%s", len(lines), &log)
	}
	for i, line := range lines {
		if _, rest, _ := strings.Cut(line, "status="); "status="+rest != want[i] {
			t.Errorf("%s\nwant %s", line, want[i])
		}
	}
}
