package demosink

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/demosink/demofile"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Two players.
const (
	alice, bob = "MB-alice", "MB-bob"
	aliceID    = steam.ID(76561197960287930)
	bobID      = steam.ID(76561198000000001)
)

// directory is a Directory of a few keys.
type directory map[string]Caller

func (d directory) ByKey(_ context.Context, key string) (Caller, error) {
	c, ok := d[key]
	if !ok {
		return Caller{}, fault.New(fault.Unauthenticated, "This API key is not valid")
	}
	return c, nil
}

// verifier is a Verifier that answers what it is told.
type verifier struct {
	mu      sync.Mutex
	servers map[string]bool
	persons map[steam.ID]bool
	err     error
	asked   []string
}

func (v *verifier) Server(_ context.Context, address string, fake bool) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if fake {
		address = "fake " + address
	}
	v.asked = append(v.asked, address)
	return v.servers[address], v.err
}

func (v *verifier) Person(_ context.Context, id steam.ID) (bool, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.persons[id], false, v.err
}

func (v *verifier) set(change func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change()
}

// rig is a demo sink that serves on the loopback.
type rig struct {
	*Service
	t     testing.TB
	o     Options
	base  string
	log   *lockedWriter
	blobs *blob.Disk
	stop  func()
}

// newRig starts a sink on a database.
func newRig(t testing.TB, d *db.DB, change func(*Options)) *rig {
	t.Helper()
	dir := t.TempDir()
	store, err := blob.OpenDisk(durable.Disk, filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	r := &rig{t: t, blobs: store, log: &lockedWriter{}}
	r.o = Options{
		Config: config.Default().Demos, Limits: config.Default().Limits, DB: d, Blobs: store, DataDir: dir,
		Accounts: directory{alice: {Account: 1, SteamID: aliceID}, bob: {Account: 2, SteamID: bobID}},
		Log:      slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			if host == "game.example" {
				return []netip.Addr{netip.MustParseAddr("203.0.113.9")}, nil
			}
			return nil, errors.New("no such host")
		},
	}
	if change != nil {
		change(&r.o)
	}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

type lockedWriter struct {
	mu sync.Mutex
	w  bytes.Buffer
}

func (l *lockedWriter) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.String()
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// start begins to serve; stop ends it in order.
func (r *rig) start() {
	r.t.Helper()
	var err error
	if r.Service, err = New(r.o); err != nil {
		r.t.Fatal(err)
	}
	srv, err := web.New(web.Options{HTTP: config.HTTP{Listen: []string{"127.0.0.1:0"}}, Limits: config.Default().Limits, Log: r.o.Log})
	if err != nil {
		r.t.Fatal(err)
	}
	r.Register(srv)
	ctx := context.Background()
	if err := srv.Listen(ctx); err != nil {
		r.t.Fatal(err)
	}
	if err := r.Load(ctx); err != nil {
		r.t.Fatal(err)
	}
	r.base = "http://" + srv.Addrs()[0]
	serving, stopServing := context.WithCancel(ctx)
	running, stopRunning := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.Run(serving); err != nil {
			r.t.Errorf("serve: %v", err)
		}
	})
	wg.Go(func() {
		if err := r.Service.Run(running); err != nil {
			r.t.Errorf("run: %v", err)
		}
	})
	r.stop = sync.OnceFunc(func() {
		stopRunning()
		stopServing()
		wg.Wait()
	})
}

// restart stops the sink and starts it again on what it left.
func (r *rig) restart() {
	r.t.Helper()
	r.stop()
	r.start()
	r.t.Cleanup(r.stop)
}

// ask sends a request and returns status and body.
func (r *rig) ask(method, target, body string) (int, string) {
	r.t.Helper()
	status, _, text := r.askAll(method, target, body)
	return status, text
}

func (r *rig) askAll(method, target, body string) (int, http.Header, string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // a handler that waits for a fake clock would wait for ever
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.base+target, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

// want asks and compares.
func (r *rig) want(method, target, body string, status int, text string) {
	r.t.Helper()
	gotStatus, gotText := r.ask(method, target, body)
	if gotStatus != status || gotText != text {
		r.t.Errorf("%s %s %s: %d %q, want %d %q", method, target, body, gotStatus, gotText, status, text)
	}
}

// open opens a session and returns its id.
func (r *rig) open(key string) string {
	r.t.Helper()
	status, text := r.ask("GET", "/session_id?api_key="+key+"&fake_ip=169.254.189.228%3A41928&map=pl_pier&demo_name=a.dem", "")
	if status != 200 {
		r.t.Fatalf("/session_id: %d %s", status, text)
	}
	id := idIn(text)
	if !SessionID(id).Valid() {
		r.t.Fatalf("session id %q in %s", id, text)
	}
	return id
}

// idIn is the id in an answer of /session_id.
func idIn(text string) string {
	return strings.TrimSuffix(strings.TrimPrefix(text, `{"session_id":`), "}")
}

// dial connects a websocket.
func (r *rig) dial(key, id string) *websocket.Conn {
	r.t.Helper()
	c, res, err := r.tryDial(key, id)
	if err != nil {
		r.t.Fatalf("dial: %v %v", err, res)
	}
	r.t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

func (r *rig) tryDial(key, id string) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return websocket.Dial(ctx, "ws"+strings.TrimPrefix(r.base, "http")+"/demos?"+url.Values{"api_key": {key}, "session_id": {id}}.Encode(), nil)
}

func send(t *testing.T, c *websocket.Conn, data []byte) {
	t.Helper()
	if err := c.Write(context.Background(), websocket.MessageBinary, data); err != nil {
		t.Fatal(err)
	}
}

// reads is the close that the server sends.
func reads(t *testing.T, c *websocket.Conn) websocket.CloseError {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _, err := c.Read(ctx)
	var ce websocket.CloseError
	if !errors.As(err, &ce) {
		t.Fatalf("the connection ended with %v, not with a close", err)
	}
	return ce
}

// eventually waits for what other goroutines do.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("did not happen: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// row is a session as stored.
func (r *rig) row(id string) Session {
	r.t.Helper()
	s, err := r.store.session(context.Background(), SessionID(id))
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// blob is what is stored of a session.
func (r *rig) blob(id string) []byte {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.o.DataDir, "blobs", "demoblobs", id+".dem"))
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// wantBlob waits until a session is finished and compares its blob.
func (r *rig) wantBlob(id string, want []byte) {
	r.t.Helper()
	eventually(r.t, "the recording is finished", func() bool { s := r.row(id); return !s.Active && s.Owner == "" })
	if got := r.blob(id); !bytes.Equal(got, want) {
		r.t.Errorf("the blob has %d bytes, want %d; they differ at %d", len(got), len(want), differAt(got, want))
	}
	if s := r.row(id); s.Size != int64(len(want)) || !s.HasSize {
		r.t.Errorf("size %d %t, want %d", s.Size, s.HasSize, len(want))
	}
	eventually(r.t, "the spool is removed", func() bool { ok, err := r.spool.has(SessionID(id)); return !ok && err == nil })
}

func differAt(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// spooled waits until n bytes of a session are written.
func (r *rig) spooled(id string, n int64) {
	r.t.Helper()
	eventually(r.t, "the bytes are written", func() bool {
		info, err := os.Stat(r.spool.path(SessionID(id)))
		return err == nil && info.Size() >= n
	})
}

// demo makes a recording of n bytes with a header as the game writes it.
func demo(n int) []byte {
	d := make([]byte, max(n, demofile.HeaderSize))
	random := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range min(len(d), 1<<16) {
		if random.IntN(3) > 0 {
			d[i] = byte(random.IntN(64))
		}
	}
	for done := 1 << 16; done < len(d); done += 1 << 16 { // alike, each part with its number
		copy(d[done:], d[:1<<16])
		binary.LittleEndian.PutUint32(d[done-4:], uint32(done))
	}
	clear(d[:demofile.HeaderSize])
	copy(d, "HL2DEMO\x00\x03\x00\x00\x00\x18\x00\x00\x00")
	copy(d[0x010:], "169.254.189.228:41928")
	copy(d[0x114:], "player")
	copy(d[0x218:], "pl_pier")
	copy(d[0x31C:], "tf")
	return d[:n]
}

const lateHex = "7031cf44a7af0100cea70100f5e00400"

var lateValue = []byte{0x70, 0x31, 0xcf, 0x44, 0xa7, 0xaf, 0x01, 0x00, 0xce, 0xa7, 0x01, 0x00, 0xf5, 0xe0, 0x04, 0x00}

// withLate is a demo with its late bytes in their place.
func withLate(d []byte) []byte {
	d = bytes.Clone(d)
	copy(d[0x420:0x430], lateValue)
	return d
}

// drop ends a connection as a process that dies: without a Close.
func drop(c *websocket.Conn) { _ = c.CloseNow() }

// fakeClock gives a rig a clock that stands.
func fakeClock(c **durabletest.Clock) func(*Options) {
	return func(o *Options) {
		*c = durabletest.NewClock(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
		o.Clock = *c
	}
}

// pass moves a clock on in steps until something has happened.
func pass(t *testing.T, c *durabletest.Clock, step time.Duration, what string, ok func() bool) {
	t.Helper()
	eventually(t, what, func() bool {
		if ok() {
			return true
		}
		c.Advance(step)
		return false
	})
}

func lite(t *testing.T) *db.DB { return dbtest.SQLite(t) }

// rawHandshake connects without a websocket library, so that a test decides
// every byte.
func (r *rig) rawHandshake(key, id string) net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.base, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	_, err = io.WriteString(c, "GET /demos?api_key="+key+"&session_id="+id+" HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	if err != nil {
		r.t.Fatal(err)
	}
	head := make([]byte, 0, 512)
	for one := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, one[0]) {
		if _, err := c.Read(one); err != nil {
			r.t.Fatal(err)
		}
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
		r.t.Fatalf("handshake: %s", head)
	}
	return c
}

// frame is a masked frame of a client (RFC 6455 §5.2).
func frame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	default:
		b = append(b, 0x80|127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	mask := []byte{1, 2, 3, 4}
	b = append(b, mask...)
	for i, c := range payload {
		b = append(b, c^mask[i%4])
	}
	return b
}
