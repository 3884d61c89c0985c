package web

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func fileServer(t testing.TB, o connOptions, f File) string {
	return testServer(t, o, func(w http.ResponseWriter, r *http.Request) {
		res := newResponse(w, nil)
		ServeFile(res, r, f)
	})
}

func TestTransferOverTheWire(t *testing.T) {
	for _, size := range []int{0, 1, 600, 4 << 10, smallBody, smallBody + 1, 2<<20 + 1} {
		content := testContent(size)
		address := fileServer(t, connOptions{Slice: 100_000}, openTestFile(t, content))
		requests := []struct{ text, proto string }{
			{"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1"},
			{"GET / HTTP/1.0\r\n\r\n", "HTTP/1.0"},
		}
		for _, rq := range requests {
			raw, err := io.ReadAll(talk(t, address, rq.text))
			if err != nil {
				t.Fatal(err)
			}
			head, got, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
			if !bytes.Equal(got, content) {
				t.Errorf("%s, %d bytes: got %d", rq.proto, size, len(got))
			}
			for _, want := range []string{"200 OK\r\n", fmt.Sprintf("\r\nContent-Length: %d\r\n", size), "\r\nConnection: close"} {
				if !strings.Contains(string(head), want) && !(rq.proto == "HTTP/1.0" && strings.Contains(want, "Connection")) {
					t.Errorf("%s, %d bytes: no %q in %q", rq.proto, size, want, head)
				}
			}
			for _, never := range []string{"Transfer-Encoding", "Content-Encoding"} {
				if strings.Contains(string(head), never) {
					t.Errorf("%s, %d bytes: %s in %q", rq.proto, size, never, head)
				}
			}
		}
	}
}

func TestTransferKeepsHTTP10Alive(t *testing.T) {
	address := fileServer(t, connOptions{}, openTestFile(t, []byte("content")))
	in := talk(t, address, strings.Repeat("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 2)+"GET / HTTP/1.0\r\n\r\n")
	for range 3 {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := body(t, res); got != "content" {
			t.Fatalf("%q", got)
		}
	}
}

func TestTransferPipelined(t *testing.T) {
	content := testContent(1<<20 + 77)
	address := fileServer(t, connOptions{}, openTestFile(t, content))
	type part struct{ method, header, want string }
	var parts []part
	var requests strings.Builder
	for i := range 60 {
		from, to := i*9973, i*9973+[]int{0, 1, 4000, smallBody, 200_000}[i%5]
		p := part{"GET", fmt.Sprintf("Range: bytes=%d-%d\r\n", from, to), string(content[from : to+1])}
		switch i % 7 {
		case 3:
			p.method, p.want = "HEAD", ""
		case 5:
			p.header, p.want = "If-None-Match: \"e1\"\r\n", ""
		case 6:
			p.header, p.want = "Range: bytes=99999999-\r\n", "Requested Range Not Satisfiable\n"
		}
		fmt.Fprintf(&requests, "%s / HTTP/1.1\r\nHost: x\r\n%s\r\n", p.method, p.header)
		parts = append(parts, p)
	}
	in := talk(t, address, requests.String())
	for i, p := range parts {
		res, err := http.ReadResponse(in, &http.Request{Method: p.method})
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if got := body(t, res); got != p.want {
			t.Fatalf("answer %d to %s %q: status %d, %d bytes, want %d", i, p.method, p.header, res.StatusCode, len(got), len(p.want))
		}
	}
}

func TestTransferClosesAfterARequestBody(t *testing.T) {
	address := fileServer(t, connOptions{}, openTestFile(t, []byte("content")))
	in := talk(t, address, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	res, err := http.ReadResponse(in, nil)
	if err != nil || !res.Close || body(t, res) != "content" {
		t.Fatalf("%v %v", res, err)
	}
	if rest, _ := io.ReadAll(in); len(rest) > 0 {
		t.Errorf("more came: %q", rest)
	}
}

// TestTransferResumes breaks off after every tenth of the file and goes on by
// Range, as download programs do.
func TestTransferResumes(t *testing.T) {
	content := testContent(5<<20 + 3)
	f := openTestFile(t, content)
	address := fileServer(t, connOptions{}, f)
	for tenth := range 10 {
		at := len(content) * tenth / 10
		c := talk(t, address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		res, err := http.ReadResponse(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		if _, err := io.CopyN(sum, res.Body, int64(at)); err != nil {
			t.Fatal(err)
		}
		res, err = http.ReadResponse(talk(t, address, fmt.Sprintf("GET / HTTP/1.1\r\nHost: x\r\nIf-Range: %q\r\nRange: bytes=%d-\r\n\r\n", f.ETag, at)), nil)
		if err != nil || res.StatusCode != 206 {
			t.Fatal(res, err)
		}
		if _, err := io.Copy(sum, res.Body); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(sum.Sum(nil), f.SHA256) {
			t.Errorf("resumed at %d: not the same bytes", at)
		}
	}
}

// TestTransferNeverMixesVersions replaces and removes the file while fifty
// clients read it.
func TestTransferNeverMixesVersions(t *testing.T) {
	const size = 600_000
	name := filepath.Join(t.TempDir(), "m1_5.zip")
	var version atomic.Int32
	replace := func() {
		v := byte(version.Add(1))
		if err := os.WriteFile(name+".new", bytes.Repeat([]byte{v}, size+int(v)), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(name+".new", name); err != nil {
			t.Error(err)
		}
	}
	replace()
	address := testServer(t, connOptions{}, func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(name)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Error(err)
			return
		}
		ServeFile(w, r, File{Content: f, Size: info.Size(), ModTime: info.ModTime()})
	})
	var clients sync.WaitGroup
	for range 50 {
		clients.Go(func() {
			for range 6 {
				whole(t, address, size)
			}
		})
	}
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		default:
		}
		if i%10 == 9 {
			_ = os.Remove(name)
		}
		replace()
	}
}

// whole pulls one answer and checks that it is one version, all of it.
func whole(t *testing.T, address string, size int) {
	res, err := http.Get("http://" + address + "/")
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
		return
	}
	if res.StatusCode == 404 {
		return
	}
	if len(got) == 0 || len(got) != size+int(got[0]) || bytes.Count(got, got[:1]) != len(got) {
		t.Errorf("status %d: %d bytes that begin with %v are not one version", res.StatusCode, len(got), got[:min(1, len(got))])
	}
}

// TestTransferOfSharedHandle serves many requests from one handle at once.
func TestTransferOfSharedHandle(t *testing.T) {
	content := testContent(1 << 20)
	f := openTestFile(t, content)
	address := fileServer(t, connOptions{Slice: 10_000}, f)
	var clients sync.WaitGroup
	for i := range 16 {
		clients.Go(func() {
			from := i * 1000
			rq, _ := http.NewRequest("GET", "http://"+address, nil)
			rq.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
			res, err := http.DefaultClient.Do(rq)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, content[from:]) {
				t.Errorf("from %d: %d bytes, %v", from, len(got), err)
			}
		})
	}
	clients.Wait()
}

// TestTransferOfAShrunkFile promises more than there is.
func TestTransferOfAShrunkFile(t *testing.T) {
	for _, size := range []int{100, smallBody, 2 << 20} {
		f := openTestFile(t, testContent(size))
		f.Size += 10
		address := fileServer(t, connOptions{}, f)
		in := talk(t, address, strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 2))
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(res.Body); err != io.ErrUnexpectedEOF || len(got) != size {
			t.Errorf("%d bytes of a file of %d, %v", len(got), size, err)
		}
	}
}

// TestTransferToManyStalledReaders lets two hundred clients ask for a big file
// and read no more than its header.
func TestTransferToManyStalledReaders(t *testing.T) {
	const readers = 200
	f := openTestFile(t, nil)
	if err := os.Truncate(f.Content.Name(), 1<<30); err != nil {
		t.Fatal(err)
	}
	f.Size = 1 << 30
	var running sync.WaitGroup
	var sent atomic.Int64
	address := testServer(t, connOptions{Stall: 300 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		res := newResponse(w, nil)
		ServeFile(res, r, f)
		sent.Add(res.bytes)
		if res.bytes >= f.Size {
			t.Error("a stalled reader was sent everything")
		}
	})
	before := heap()
	for range readers {
		in := talk(t, address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := in.Peek(1); err != nil {
			t.Fatal(err)
		}
	}
	// net/http holds a copy buffer of 32 KiB during a transfer, whatever is
	// done with it; the test's own side holds 4 KiB.
	if grown := (heap() - before) / readers; grown > 96<<10 {
		t.Errorf("each reader takes %d bytes of memory", grown)
	}
	running.Wait() // all are cut
	if sent.Load() == 0 {
		t.Error("nothing was counted as sent")
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// TestTransferTooSlow reads steadily, but more slowly than is allowed.
func TestTransferTooSlow(t *testing.T) {
	f := openTestFile(t, nil)
	if err := os.Truncate(f.Content.Name(), 1<<30); err != nil {
		t.Fatal(err)
	}
	f.Size = 1 << 30
	o := connOptions{Stall: 400 * time.Millisecond, MinRate: 1 << 30, MinRateWindow: 300 * time.Millisecond}
	ended := make(chan time.Duration, 1)
	address := testServer(t, o, func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ServeFile(w, r, f)
		ended <- time.Since(start)
	})
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case took := <-ended:
			if took < o.MinRateWindow {
				t.Errorf("cut after %v", took)
			}
			return
		case <-tick.C:
			if _, err := io.CopyN(io.Discard, c, 256<<10); err != nil {
				continue // what is left of a cut stream
			}
		}
	}
}
