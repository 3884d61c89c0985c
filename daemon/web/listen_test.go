package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// start listens and runs s until the test or stop ends it.
func start(t *testing.T, s *Server) (address string, stop func() error) {
	t.Helper()
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	ended := false
	stop = func() error {
		cancel()
		if ended {
			return nil
		}
		ended = true
		select {
		case err := <-done:
			return err
		case <-time.After(20 * time.Second):
			return errors.New("Run did not end")
		}
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s.Addrs()[0], stop
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

func TestTakenPort(t *testing.T) {
	holder, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	taken := holder.Addr().String()
	s, _ := newTestServer(t, func(o *Options) { o.HTTP.Listen = []string{"127.0.0.1:0", taken} })
	err = s.Listen(t.Context())
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Public(err), taken) || fault.Hint(err) == "" {
		t.Fatalf("Listen = %v", err)
	}
	if runtime.GOOS == "linux" && !strings.Contains(fault.Public(err), fmt.Sprintf("(process %d)", os.Getpid())) {
		t.Errorf("the holder is not named: %v", err)
	}
	if len(s.Addrs()) != 0 {
		t.Errorf("still bound: %v", s.Addrs())
	}
}

func TestListenFaults(t *testing.T) {
	for _, address := range []string{"192.0.2.1:27020", "nonsense", "127.0.0.1:99999", ":27020x"} {
		s, _ := newTestServer(t, func(o *Options) { o.HTTP.Listen = []string{address} })
		if err := s.Listen(t.Context()); !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Public(err), address) || fault.Hint(err) == "" {
			t.Errorf("Listen on %s = %v", address, err)
		}
	}
	s, _ := newTestServer(t, func(o *Options) { o.HTTP.Listen = nil })
	if err := s.Listen(t.Context()); !fault.Is(err, fault.Invalid) {
		t.Errorf("Listen on nothing = %v", err)
	}
}

func TestPortHolder(t *testing.T) {
	proc := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(proc, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	write("net/tcp", head+
		"   0: 0100007F:698C 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 111 1\n"+ // established
		"   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1\n")
	write("net/tcp6", head+
		"   0: 00000000000000000000000000000000:698C 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 333 1\n")
	write("812/comm", "nginx\n")
	write("813/comm", "sshd\n")
	for link, target := range map[string]string{"812/fd/5": "socket:[333]", "813/fd/3": "socket:[111]", "813/fd/4": "/dev/null"} {
		path := filepath.Join(proc, filepath.FromSlash(link))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
	}
	for address, want := range map[string]string{
		":27020": "nginx (process 812)", "0.0.0.0:27020": "nginx (process 812)",
		":8080": "", ":9": "", "": "", ":x": "", ":99999": "",
	} {
		if got := portHolder(proc, address); got != want {
			t.Errorf("portHolder(%q) = %q, want %q", address, got, want)
		}
	}
	if got := portHolder(filepath.Join(proc, "absent"), ":27020"); got != "" {
		t.Errorf("without /proc: %q", got)
	}
}

func TestEmptyHostMeansBothFamilies(t *testing.T) {
	probe, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Logf("this machine has no IPv6: %v", err)
	} else {
		_ = probe.Close()
	}
	hasIPv6 := err == nil
	s, _ := newTestServer(t, func(o *Options) { o.HTTP.Listen = []string{":0"} })
	address, _ := start(t, s)
	_, port, _ := net.SplitHostPort(address)
	get(t, "http://127.0.0.1:"+port+"/healthz")
	if hasIPv6 {
		get(t, "http://[::1]:"+port+"/healthz")
	}
	for address, want := range map[string]string{
		":80": "tcp", "0.0.0.0:80": "tcp4", "127.0.0.1:80": "tcp4", "[::]:80": "tcp", "[::1]:80": "tcp", "localhost:80": "tcp", "x": "tcp",
	} {
		if got := networkOf(address); got != want {
			t.Errorf("networkOf(%q) = %q, want %q", address, got, want)
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("GET %s: %d %v", url, res.StatusCode, err)
	}
	return string(body)
}

// closedAtOnce reports whether the server has closed c without an answer.
func closedAtOnce(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := c.Read(make([]byte, 1))
	return n == 0 && err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

func served(t *testing.T, c net.Conn) {
	t.Helper()
	fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("not served: %v", err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
}

func TestR6_ConnectionCaps(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Options)
		full   bool // the third connection is refused
	}{
		{"per address", func(o *Options) { o.Limits.MaxConnsPerIP = 2; o.Limits.Exempt = nil }, true},
		{"exempt", func(o *Options) { o.Limits.MaxConnsPerIP = 2; o.Limits.Exempt = []string{"127.0.0.0/8"} }, false},
		{"trusted proxy", func(o *Options) {
			o.Limits.MaxConnsPerIP, o.Limits.Exempt, o.HTTP.TrustedProxies = 2, nil, []string{"127.0.0.1"}
		}, false},
		{"in all", func(o *Options) { o.Limits.MaxConns = 2 }, true},
		{"no limit", func(o *Options) { o.Limits.MaxConns, o.Limits.MaxConnsPerIP, o.Limits.Exempt = 0, 0, nil }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := newTestServer(t, c.change)
			address, _ := start(t, s)
			first, second := dial(t, address), dial(t, address)
			served(t, first)
			served(t, second)
			third := dial(t, address)
			if !c.full {
				served(t, third)
				return
			}
			if !closedAtOnce(third) {
				t.Error("one too many is not closed")
			}
			if n := testutil.ToFloat64(s.metrics.open); n != 2 {
				t.Errorf("%v open", n)
			}
			_ = first.Close()
			waitFor(t, func() bool { return testutil.ToFloat64(s.metrics.open) == 1 })
			served(t, dial(t, address))
			if total := testutil.ToFloat64(s.metrics.rejected.total) + testutil.ToFloat64(s.metrics.rejected.perIP); total != 1 {
				t.Errorf("%v counted as rejected", total)
			}
		})
	}
}

func TestHijackedConnectionsAreCounted(t *testing.T) {
	s, _ := newTestServer(t)
	hijacked := make(chan net.Conn, 1)
	s.Handle("GET /x", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		hijacked <- c
	}))
	address, _ := start(t, s)
	fmt.Fprintf(dial(t, address), "GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
	c := <-hijacked
	if n := testutil.ToFloat64(s.metrics.open); n != 1 {
		t.Errorf("%v open", n)
	}
	_ = c.Close()
	_ = c.Close() // twice must count once
	if n := testutil.ToFloat64(s.metrics.open); n != 0 {
		t.Errorf("%v open after Close", n)
	}
}

// A handler that takes the connection over says what it sent. Whoever answers
// programs at unknown addresses writes to the log itself, so that there is one
// line and not two.
func TestSent(t *testing.T) {
	s, log := newTestServer(t)
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		fmt.Fprint(c, "HTTP/1.0 404 Not on the correct format\r\nContent-Length: 5\r\n\r\nhello")
		Sent(w, 404, 5)
		_ = c.Close()
	})
	s.First(func(raw string) bool { return raw == "/first" }, hello)
	s.Handle("GET /mux", hello)
	s.NotFoundProgram(hello)
	address, _ := start(t, s)
	for _, path := range []string{"/first", "/mux", "/unknown"} {
		c := dial(t, address)
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		if answer, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.0 404 Not on") {
			t.Errorf("%s: %q %v", path, answer, err)
		}
	}
	waitFor(t, func() bool {
		return testutil.ToFloat64(s.metrics.inFlight) == 0 && strings.Contains(log.String(), "/mux") && strings.Contains(log.String(), "/unknown")
	})
	for _, route := range []string{"first", "/mux", "unmatched"} {
		if n := testutil.ToFloat64(s.metrics.requests.WithLabelValues(route, "GET", "4xx")); n != 1 {
			t.Errorf("%s: %v requests with 4xx, want 1", route, n)
		}
	}
	for path, level := range map[string]string{"/mux": "INFO", "/unknown": "DEBUG"} {
		want := fmt.Sprintf(`"level":%q,"msg":"request","method":"GET","path":%q,"status":404,"bytes":5,`, level, path)
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s: no line with %s in\n%s", path, want, log)
		}
	}
}

func TestR6_SlowHeadersAreCutOff(t *testing.T) {
	s, _ := newTestServer(t)
	s.http.ReadHeaderTimeout = 100 * time.Millisecond
	address, _ := start(t, s)
	conns := make([]net.Conn, 20)
	for i := range conns {
		conns[i] = dial(t, address)
		fmt.Fprintf(conns[i], "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	}
	served(t, dial(t, address)) // others are served meanwhile
	for i, c := range conns {
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("connection %d is still open", i)
		}
	}
	waitFor(t, func() bool { return testutil.ToFloat64(s.metrics.open) <= 1 })
}

// The head of a request may have 16 KiB, which net/http rounds up to its
// buffer.
func TestHugeHeader(t *testing.T) {
	s, _ := newTestServer(t)
	address, _ := start(t, s)
	for size, status := range map[int]int{
		12 << 10: http.StatusOK,
		17 << 10: http.StatusRequestHeaderFieldsTooLarge,
		40 << 10: http.StatusRequestHeaderFieldsTooLarge,
	} {
		c := dial(t, address)
		go func() {
			fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: %s\r\n\r\n", strings.Repeat("x", size))
		}()
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != status {
			t.Errorf("%d bytes: %v %v, want %d", size, res, err, status)
		}
	}
}

func TestSlowBodyIsCutOff(t *testing.T) {
	s, _ := newTestServer(t)
	s.timeouts.api = 100 * time.Millisecond
	s.Handle("POST /api/v1/x", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
	}))
	address, _ := start(t, s)
	c := dial(t, address)
	fmt.Fprintf(c, "POST /api/v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
	if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("still open")
	}
}

// TestDeadlineDoesNotOutliveItsRequest: a later request on the same
// connection must not be cut by the deadline of an API call before it.
func TestDeadlineDoesNotOutliveItsRequest(t *testing.T) {
	s, _ := newTestServer(t)
	s.timeouts.api = 50 * time.Millisecond
	s.Handle("GET /api/v1/x", text("x"))
	s.Handle("GET /long", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(120 * time.Millisecond) // longer than the deadline of the call before
		_, _ = w.Write([]byte("long"))
	}))
	address, _ := start(t, s)
	c := dial(t, address)
	in := bufio.NewReader(c)
	for _, path := range []string{"/api/v1/x", "/long"} {
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if body, err := io.ReadAll(res.Body); err != nil || len(body) == 0 {
			t.Errorf("%s: %q %v", path, body, err)
		}
	}
}

func TestShutdownDrains(t *testing.T) {
	s, _ := newTestServer(t)
	s.SetReady(true)
	entered, release := make(chan struct{}), make(chan struct{})
	s.Handle("GET /slow", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		_, _ = w.Write([]byte("finished"))
	}))
	address, stop := start(t, s)
	idle, fresh := dial(t, address), dial(t, address)
	served(t, idle)
	stream := openStream(t, "http://"+address, "")
	slow := dial(t, address)
	fmt.Fprintf(slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered

	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for stream.lines.Scan() {
		continue // the stream ends at once
	}
	if w := call(s, "GET", "/readyz", ""); w.Code != 503 || decode[readiness](t, w).Status != "stopping" {
		t.Errorf("readyz while stopping: %d %s", w.Code, w.Body)
	}
	if !closedAtOnce(idle) || !closedAtOnce(fresh) {
		t.Error("idle connections stay open")
	}
	if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		if !closedAtOnce(c) {
			t.Error("new connections are accepted")
		}
		_ = c.Close()
	}
	close(release)
	res, err := http.ReadResponse(bufio.NewReader(slow), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "finished" {
		t.Errorf("the request under way got %q, %v", body, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestShutdownCutsWhatDoesNotEnd(t *testing.T) {
	s, log := newTestServer(t)
	s.timeouts.drain = 50 * time.Millisecond
	entered := make(chan struct{})
	s.Handle("GET /never", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done() // the connection is cut
	}))
	address, stop := start(t, s)
	fmt.Fprintf(dial(t, address), "GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	if err := stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
	log.line(t, "requests were cut off at the end of the drain time")
}

func TestFailingListenerEndsRun(t *testing.T) {
	s, _ := newTestServer(t, func(o *Options) { o.HTTP.Listen = []string{"127.0.0.1:0", "127.0.0.1:0"} })
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(t.Context()) }()
	get(t, "http://"+s.Addrs()[1]+"/healthz")
	_ = s.listeners[0].Close()
	select {
	case err := <-done:
		if err == nil || !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), s.Addrs()[0]) {
			t.Errorf("Run = %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run goes on with one listener")
	}
}

// TestFilesKeepSendfile: what sends files must find the socket below every
// layer, on routes of both kinds.
func TestFilesKeepSendfile(t *testing.T) {
	s, _ := newTestServer(t)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := requestConn(r)
		if c == nil || c.raw == nil {
			t.Errorf("%s: the socket is hidden", r.URL.Path)
		} else if _, ok := c.Conn.(io.ReaderFrom); !ok {
			t.Errorf("%s: %T hides ReadFrom", r.URL.Path, c.Conn)
		}
		if _, ok := w.(io.ReaderFrom); !ok {
			t.Errorf("%s: %T hides ReadFrom", r.URL.Path, w)
		}
	})
	s.First(func(raw string) bool { return raw == "/first" }, h)
	s.Handle("GET /mux", h)
	address, _ := start(t, s)
	get(t, "http://"+address+"/first")
	get(t, "http://"+address+"/mux")
}
