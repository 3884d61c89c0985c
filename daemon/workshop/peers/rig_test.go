package peers

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// vector is the version of the game's wire that the tests ask for.
var vector = Name{Item: 0x5f3f7c0, Version: 1348957670}

var epoch = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// fakePeer is a server that speaks the game's grammar and does as it is told.
type fakePeer struct {
	t   testing.TB
	srv *httptest.Server

	mu       sync.Mutex
	files    map[string][]byte
	etag     string
	noRange  bool
	handler  http.HandlerFunc // goes before everything
	index    []byte           // nil: 404, as the Python server
	header   http.Header      // of the index
	requests []*http.Request
	cut      int // the next transfers break off after so many bytes
	cuts     int
}

// newPeerAt starts a fake peer on an address of the loopback network, so that
// several are on different hosts.
func newPeerAt(t testing.TB, ip string) *fakePeer {
	t.Helper()
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakePeer{t: t, files: map[string][]byte{}, etag: `"v1"`, header: http.Header{}}
	f.srv = httptest.NewUnstartedServer(f)
	f.srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	_ = f.srv.Listener.Close()
	f.srv.Listener = l
	f.srv.Start()
	t.Cleanup(f.srv.Close)
	return f
}

func newFakePeer(t testing.TB) *fakePeer { return newPeerAt(t, "127.0.0.1") }

func (f *fakePeer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, r.Clone(context.Background()))
	handler, index, header, data, etag, noRange := f.handler, f.index, f.header, f.files[strings.TrimLeft(r.URL.Path, "/")], f.etag, f.noRange
	cut := 0
	if f.cuts > 0 && data != nil {
		cut = f.cut
		f.cuts--
	}
	f.mu.Unlock()
	switch {
	case handler != nil:
		handler(w, r)
	case r.URL.Path == IndexPath && index != nil:
		for k, v := range header {
			w.Header()[k] = v
		}
		if tag := header.Get("ETag"); tag != "" && r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(index)
	case data == nil:
		http.Error(w, "Request not on the correct format", http.StatusNotFound)
	case noRange:
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data[:len(data)-cut])
		if cut > 0 {
			panic(http.ErrAbortHandler)
		}
	default:
		if etag != "" {
			w.Header().Set("ETag", etag)
		}
		if cut > 0 {
			w = &cutter{ResponseWriter: w, left: cut}
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}

// cutter breaks the connection off after some bytes.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	if len(b) >= c.left {
		_, _ = c.ResponseWriter.Write(b[:c.left])
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

func (f *fakePeer) put(n Name, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[n.File()] = data
}

func (f *fakePeer) answer(h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handler = h
}

// publish makes the peer list what is given, signed if key is not nil.
func (f *fakePeer) publish(key ed25519.PrivateKey, entries ...Entry) {
	f.publishText(key, newIndex(entries).Encode())
}

func (f *fakePeer) publishText(key ed25519.PrivateKey, text []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sum := sha256.Sum256(text)
	f.index, f.header = text, http.Header{}
	f.header.Set("ETag", fmt.Sprintf(`"%x"`, sum[:8]))
	f.header.Set("Content-Type", "application/json")
	if key != nil {
		f.header.Set(HeaderSignature, base64.StdEncoding.EncodeToString(ed25519.Sign(key, text)))
		f.header.Set(HeaderKeyID, KeyID(key.Public().(ed25519.PublicKey)))
	}
}

// asked returns the requests for a file.
func (f *fakePeer) asked(n Name) []*http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []*http.Request
	for _, r := range f.requests {
		if strings.HasSuffix(r.URL.Path, "/"+n.File()) {
			out = append(out, r)
		}
	}
	return out
}

func (f *fakePeer) peer(trust string) config.Peer { return config.Peer{URL: f.srv.URL, Trust: trust} }

// rig is a Service over fake peers and a clock that the test moves.
type rig struct {
	*Service
	t     testing.TB
	clock *durabletest.Clock
	log   *lockedBuffer
	reg   *prometheus.Registry
	dir   string
}

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

func newRig(t testing.TB, change func(*Options), list ...config.Peer) *rig {
	t.Helper()
	return newRigOn(t, dbtest.SQLite(t), change, list...)
}

func newRigOn(t testing.TB, d *db.DB, change func(*Options), list ...config.Peer) *rig {
	t.Helper()
	r := &rig{t: t, clock: durabletest.NewClock(epoch), log: &lockedBuffer{}, reg: prometheus.NewRegistry(), dir: filepath.Join(t.TempDir(), "peers")}
	o := Options{
		Peers: list, DB: d, Dir: r.dir, Clock: r.clock, Log: slog.New(slog.NewTextHandler(r.log, nil)), Registerer: r.reg,
		UserAgent: "quartermaster/1.2", MaxBytes: 1 << 20, Connect: 5 * time.Second, Header: 5 * time.Second, Stall: time.Hour,
	}
	if change != nil {
		change(&o)
	}
	var err error
	if r.Service, err = New(o); err != nil {
		t.Fatal(err)
	}
	return r
}

// memorySink keeps what arrives.
type memorySink struct {
	bytes.Buffer
	expected int64
	progress int64
	full     bool
}

func (m *memorySink) Expect(n int64) error {
	m.expected = n
	if m.full {
		return fault.New(fault.NoSpace, "full")
	}
	return nil
}
func (m *memorySink) Progress(done, _ int64) { m.progress = done }

// fetch asks for n; what came is nil after an error, and nothing may have
// come then.
func (r *rig) fetch(want Want) ([]byte, Got, error) {
	r.t.Helper()
	var sink memorySink
	got, err := r.Fetch(context.Background(), want, &sink)
	if err != nil {
		if sink.Len() > 0 {
			r.t.Errorf("%d bytes were passed on before the error %v", sink.Len(), err)
		}
		return nil, got, err
	}
	if sink.expected != int64(sink.Len()) || sink.progress != sink.expected {
		r.t.Errorf("%d bytes expected, %d of progress, %d came", sink.expected, sink.progress, sink.Len())
	}
	return sink.Bytes(), got, nil
}

// want fails the test unless exactly these bytes come.
func (r *rig) want(w Want, data []byte) Got {
	r.t.Helper()
	b, got, err := r.fetch(w)
	if err != nil || !bytes.Equal(b, data) {
		r.t.Fatalf("%d bytes, %v; want %d bytes\n%s", len(b), err, len(data), r.log)
	}
	if left, _ := os.ReadDir(r.dir); len(left) > 0 {
		r.t.Errorf("%v is left", left)
	}
	return got
}

// refusedFor fails the test unless nothing comes and the first peer is shown
// as refused for this reason.
func (r *rig) refusedFor(w Want, reason string) {
	r.t.Helper()
	_, _, err := r.fetch(w)
	if !fault.Is(err, fault.NotFound) {
		r.t.Fatalf("%v, want fault.NotFound", err)
	}
	st := r.status(0)
	if st.State != Refused || !strings.Contains(st.LastError, reason) || st.Refused == 0 {
		r.t.Errorf("state %s, %q, %d refused; want refused for %q", st.State, st.LastError, st.Refused, reason)
	}
	if !strings.Contains(r.log.String(), "level=WARN") || !strings.Contains(r.log.String(), "refused") {
		r.t.Errorf("the log does not say so:\n%s", r.log)
	}
	if n := r.metric("quartermaster_peer_refused_total"); n == 0 {
		r.t.Error("no metric says so")
	}
}

func (r *rig) status(i int) Status {
	r.t.Helper()
	list, err := r.Service.Status(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	return list[i]
}

// metric returns the sum of a metric over its labels.
func (r *rig) metric(name string) (sum float64) {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.Metric {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// pollAll asks every peer for its index.
func (r *rig) pollAll() {
	r.t.Helper()
	for _, p := range r.peers {
		if err := r.refresh(context.Background(), p, 0); err != nil {
			r.t.Log(err)
		}
	}
}

// archive is a zip of about n bytes that does not compress.
func archive(n int) []byte { return archiveOf("-- a mod", n) }

func archiveOf(text string, n int) []byte {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	noise := make([]byte, n)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	return steamtest.Zip(map[string]string{"lua/mod.lua": text, "noise": string(noise)})
}

func entryOf(n Name, data []byte) Entry {
	return Entry{Name: n, Size: int64(len(data)), SHA256: sha256.Sum256(data)}
}

func newKey(t testing.TB) (ed25519.PrivateKey, string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return private, base64.StdEncoding.EncodeToString(public)
}

var _ io.Writer = (*memorySink)(nil)
