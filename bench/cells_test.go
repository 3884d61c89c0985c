package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMapFile(t *testing.T) {
	const size = 10 << 20
	a := mapFile(size, 1)
	if len(a) != size || !bytes.Equal(a, mapFile(size, 1)) || bytes.Equal(a, mapFile(size, 2)) {
		t.Fatal("a map is not what its length and seed say")
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(a); err != nil {
		t.Fatal(err)
	}
	if share := float64(packed.Len()) / size; share < 0.2 || share > 0.7 {
		t.Errorf("a map packs to %.2f, which is not a mixture", share)
	}
}

func TestDeflatedZip(t *testing.T) {
	const size = 8 << 20
	b, err := deflatedZip(size)
	if err != nil || len(b) > size || len(b) < size-3<<20 {
		t.Fatalf("%d bytes, %v; want up to %d", len(b), err, size)
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil || f.Method != zip.Deflate {
			t.Errorf("%s: method %d, %v", f.Name, f.Method, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestGameFiles(t *testing.T) {
	for exact, asked := range map[string]string{gameSmall: askedSmall, gameMid: askedMid} {
		if exact == asked || !strings.EqualFold(exact, asked) {
			t.Errorf("%q and %q must differ in case, and in nothing else", exact, asked)
		}
	}
	b := &bench{dir: t.TempDir()}
	root, err := b.gameFiles()
	if err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int64{gameSmall: 4 << 10, gameMid: 1 << 20} {
		info, err := os.Stat(filepath.Join(root, filepath.FromSlash(gamePath), filepath.FromSlash(name)))
		if err != nil || info.Size() != size || time.Since(info.ModTime()) < time.Hour {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
}

func TestTimed(t *testing.T) {
	u, err := timed(exec.Command("go", "version"))
	if err != nil || u.seconds <= 0 || u.cpu < 0 {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := timed(exec.Command("go", "no-such-command")); err == nil || !strings.Contains(err.Error(), "unknown command") {
		t.Errorf("%v does not say what go says", err)
	}
	sum := used{1, 2, 30}.then(used{4, 5, 6})
	if sum != (used{5, 7, 30}) {
		t.Errorf("%+v", sum)
	}
}

const metricsText = `# TYPE x counter
x{route="/a"} 3
x_sum{route="/a"} 1.5e-02
quartermaster_http_request_duration_seconds_sum{route="/m{item}_{version}.zip"} 0.25
quartermaster_http_request_duration_seconds_count{route="/m{item}_{version}.zip"} 2
`

func TestMetric(t *testing.T) {
	for series, want := range map[string]float64{`x{route="/a"}`: 3, `x_sum{route="/a"}`: 0.015} {
		if got, ok := metric(metricsText, series); !ok || got != want {
			t.Errorf("%s: %v, %v", series, got, ok)
		}
	}
	for _, series := range []string{"x", `x{route="/b"}`, "TYPE"} {
		if got, ok := metric(metricsText, series); ok {
			t.Errorf("%s: %v", series, got)
		}
	}
}

// answering is a process that answers with each status in turn, the last one
// again and again.
func answering(t *testing.T, body string, statuses ...int) (*process, *[]string) {
	t.Helper()
	methods := &[]string{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(statuses[min(len(*methods), len(statuses)-1)])
		*methods = append(*methods, r.Method)
		if _, err := fmt.Fprint(w, body); err != nil && r.Method != http.MethodHead {
			t.Error(err)
		}
	}))
	t.Cleanup(srv.Close)
	return &process{url: srv.URL}, methods
}

func TestUntil(t *testing.T) {
	p, methods := answering(t, "", 202, 202, 200)
	asked, err := p.until(t.Context(), "/x", nil)
	if err != nil || asked != 3 || !slices.Equal(*methods, []string{"GET", "HEAD", "HEAD"}) {
		t.Errorf("asked %d times, %v: %v", asked, *methods, err)
	}
	p, _ = answering(t, "not yet", 200)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.until(ctx, "/x", func(body string) bool { return body == "now" }); err == nil {
		t.Error("it does not wait for what is wanted")
	}
}

func TestHasSent(t *testing.T) {
	p, _ := answering(t, metricsText, 200)
	if s, err := p.hasSent(t.Context(), 2); err != nil || s != (sent{2, 0.25}) {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := p.hasSent(t.Context(), 1); err == nil {
		t.Error("a request too many is not noticed")
	}
}

func TestFormula(t *testing.T) {
	var prior [1 << 16]float64
	prior[0], prior['a'<<8|'b'], prior['b'<<8|'a'] = 1e9, 3, 1
	// Two pairs of each kind, and zeros that do not count.
	want := math.Sqrt((0.75 + 1e-5) * (0.25 + 1e-5))
	if got := formula(&prior, []byte("ababa")); math.Abs(got-want) > 1e-12 {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSizeOf(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"a": 3, "b": 0, "c": 10_000} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := sizeOf(dir); n != 10_003 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
