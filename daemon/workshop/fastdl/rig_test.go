package fastdl

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/web"
	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl/gametree"
)

// rig is a running Service behind a real listener.
type rig struct {
	*Service
	t     testing.TB
	db    *db.DB
	blobs *blob.Disk
	dir   string // data directory
	game  string // game folder of the tree "tf2"
	addr  string
	log   *lockedBuffer
	stop  func()
}

// hour ago, so that nothing waits for a file to settle.
func old() time.Time { return time.Now().Add(-time.Hour).Truncate(time.Second) }

func (r *rig) put(name string, content []byte) string {
	r.t.Helper()
	return put(r.t, r.game, name, content, old())
}

func put(t testing.TB, dir, name string, content []byte, at time.Time) string {
	t.Helper()
	full := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(full, at, at); err != nil {
		t.Fatal(err)
	}
	return full
}

// treeConfig is a tree as the configuration makes it.
func treeConfig(name, profile string, roots ...string) config.FastDL {
	return config.FastDL{Name: name, Roots: roots, Profile: profile, Level: 9, MaxBytes: 1 << 30, LargeFile: 1 << 30, BlankReferer: true}
}

// newRig starts a service over the game folder that fill has written to.
func newRig(t testing.TB, fill func(r *rig), change func(*Options)) *rig {
	t.Helper()
	return newRigOn(t, dbtest.SQLite(t), t.TempDir(), t.TempDir(), fill, change)
}

func newRigOn(t testing.TB, d *db.DB, dir, game string, fill func(r *rig), change func(*Options)) *rig {
	t.Helper()
	blobs, err := blob.OpenDisk(durable.Disk, filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	r := &rig{t: t, db: d, blobs: blobs, dir: dir, game: game, log: &lockedBuffer{}}
	if fill != nil {
		fill(r)
	}
	o := Options{
		Trees: []config.FastDL{treeConfig("tf2", config.ProfileSource, game), treeConfig("cs", config.ProfileGoldSrc, game)},
		DB:    d, Blobs: blobs, Log: slog.New(slog.NewTextHandler(r.log, nil)), Registerer: prometheus.NewRegistry(), ListenPort: 27020,
	}
	if change != nil {
		change(&o)
	}
	if r.Service, err = New(o); err != nil {
		t.Fatal(err)
	}
	r.serve()
	return r
}

// serve runs the service and a server before it until the test ends or stop
// is called.
func (r *rig) serve() {
	r.t.Helper()
	srv, err := web.New(web.Options{
		HTTP:   config.HTTP{Listen: []string{"127.0.0.1:0"}},
		Limits: config.Limits{MaxConns: 1000, MaxConnsPerIP: 1000, PerIPRPS: 100_000, Exempt: []string{"127.0.0.0/8"}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	accounts.New(accounts.Options{DB: r.db, DataDir: r.t.TempDir()}).Register(srv)
	r.Register(srv)
	ctx, cancel := context.WithCancel(context.Background())
	if err := srv.Listen(ctx); err != nil {
		r.t.Fatal(err)
	}
	r.addr = srv.Addrs()[0]
	var both sync.WaitGroup
	both.Go(func() {
		if err := srv.Run(ctx); err != nil {
			r.t.Errorf("server: %v", err)
		}
	})
	both.Go(func() {
		if err := r.Run(ctx); err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
	var once sync.Once
	r.stop = func() { once.Do(func() { cancel(); both.Wait() }) }
	r.t.Cleanup(r.stop)
	for _, t := range r.all() {
		<-t.ready
	}
}

// settle waits until nothing is being made.
func (r *rig) settle() {
	r.t.Helper()
	for _, q := range []*queue{r.Service.pack, r.Service.expand} {
		q.mu.Lock()
		var jobs []*job
		for _, j := range q.pending {
			jobs = append(jobs, j)
		}
		q.mu.Unlock()
		for _, j := range jobs {
			select {
			case <-j.done:
			case <-time.After(30 * time.Second):
				r.t.Fatalf("%v is not made", j.key)
			}
		}
	}
}

// get asks for a path below /fastdl/ as it is written.
func (r *rig) get(path string, header ...string) (*http.Response, []byte) {
	r.t.Helper()
	return r.ask("GET", "/fastdl/"+path, header...)
}

func (r *rig) ask(method, target string, header ...string) (*http.Response, []byte) {
	r.t.Helper()
	res, body, _ := r.raw(method, target, header...)
	return res, body
}

// raw sends a request byte by byte and also returns the head of the answer.
func (r *rig) raw(method, target string, header ...string) (*http.Response, []byte, []byte) {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // the test is over
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n", method, target, r.addr, strings.Join(append(header, ""), "\r\n"))
	all, err := io.ReadAll(c)
	if err != nil {
		r.t.Fatal(err)
	}
	head, _, _ := bytes.Cut(all, []byte("\r\n\r\n"))
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(all)), &http.Request{Method: method})
	if err != nil {
		r.t.Fatalf("%s %s: %v in %q", method, target, err, all)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, target, err)
	}
	return res, body, append(head, "\r\n\r\n"...)
}

func (r *rig) expect(path string, status int, content []byte, header ...string) {
	r.t.Helper()
	res, body := r.get(path, header...)
	if res.StatusCode != status || !bytes.Equal(body, content) {
		r.t.Errorf("%s: %d with %d bytes, want %d with %d", path, res.StatusCode, len(body), status, len(content))
	}
}

// noise is content that shrinks to about three quarters.
func noise(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, seed))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.IntN(64))
	}
	return b
}

func unpack(t testing.TB, b []byte) []byte {
	t.Helper()
	plain, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(b)))
	if err != nil {
		t.Fatal(err)
	}
	return plain
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

func fileAt(p string) gametree.File { return gametree.File{Path: p} }
