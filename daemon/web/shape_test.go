package web

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// shapedServer serves f at /f, and byte rates hold for loopback too.
func shapedServer(t *testing.T, f File, change func(*Options)) (s *Server, address string, log *logBuffer) {
	t.Helper()
	s, log = newTestServer(t, func(o *Options) {
		o.Limits.Exempt, o.Limits.MaxConnsPerIP, o.Limits.PerIPRPS = nil, 1000, 1e6
		change(o)
	})
	s.timeouts.drain = 50 * time.Millisecond
	s.Handle("GET /f", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ServeFile(w, r, f) }))
	s.Handle("GET /short", text("short"))
	upload := huma.Operation{OperationID: "up"}
	MaxBody(64 << 20)(&upload)
	s.Handle("POST /up", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d %v", n, err)
	}), &upload)
	address, _ = start(t, s)
	return s, address, log
}

// rates returns a change that sets byte rates.
func rates(total, perClient, upload config.Rate) func(*Options) {
	return func(o *Options) {
		o.Limits.DownloadRate, o.Limits.DownloadRatePerClient, o.Limits.UploadRate = total, perClient, upload
	}
}

// drain pulls /f from the address again and again until stop is closed, and
// counts what came.
func drain(t *testing.T, from net.Dialer, address string, stop <-chan struct{}, count *atomic.Int64) {
	buf := make([]byte, 64<<10)
	for {
		select {
		case <-stop:
			return
		default:
		}
		c, err := from.Dial("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		end := make(chan struct{})
		go func() {
			select {
			case <-stop:
			case <-end:
			}
			_ = c.Close()
		}()
		_, err = io.WriteString(c, "GET /f HTTP/1.0\r\n\r\n")
		for err == nil {
			var n int
			n, err = c.Read(buf)
			count.Add(int64(n))
		}
		close(end)
	}
}

// within repeats a measurement that a busy machine may spoil, three times at
// the most, until it is within tolerance (0.05: five percent) of want.
func within(t *testing.T, what string, want, tolerance float64, measure func() float64) {
	t.Helper()
	var got float64
	for range 3 {
		if got = measure(); got >= want*(1-tolerance) && got <= want*(1+tolerance) {
			t.Logf("%s: %.4g (%+.2f %%)", what, got, (got/want-1)*100)
			return
		}
		t.Logf("%s: %.4g, again", what, got)
	}
	t.Errorf("%s: %.4g, want %.4g ± %g %%", what, got, want, tolerance*100)
}

// speed is what a counter gains per second.
func speed(over time.Duration, count func() int64) float64 {
	before, start := count(), time.Now()
	time.Sleep(over)
	return float64(count()-before) / time.Since(start).Seconds()
}

// TestRatesHold measures 20 MB/s over ten seconds at the counter of the
// server, through real sockets.
func TestRatesHold(t *testing.T) {
	t.Parallel()
	f := openTestFile(t, testContent(8<<20))
	stop := make(chan struct{})
	var load, measuring sync.WaitGroup
	for _, clients := range []int{1, 10, 100} {
		s, address, _ := shapedServer(t, f, rates(20e6, 0, 0))
		var count atomic.Int64
		for range clients {
			load.Go(func() { drain(t, net.Dialer{}, address, stop, &count) })
		}
		waitFor(t, func() bool { return count.Load() > 5e6 })
		measuring.Go(func() {
			var read int64
			within(t, fmt.Sprintf("bytes per second sent to %d clients", clients), 20e6, 0.05, func() float64 {
				read = -count.Load()
				sent := speed(10*time.Second, func() int64 { return s.Traffic().Sent })
				read += count.Load()
				return sent
			})
			if read < 180e6 {
				t.Errorf("%d clients read only %d bytes in 10 s", clients, read)
			}
		})
	}
	measuring.Wait()
	close(stop)
	load.Wait()
}

// TestRatesChangeUnderATransfer changes the rate while one file is on its
// way, which arrives whole.
func TestRatesChangeUnderATransfer(t *testing.T) {
	content := testContent(8 << 20)
	l := config.Default().Limits
	l.DownloadRate = 1e6
	traffic := limit.NewTraffic(l, time.Now, slog.New(slog.DiscardHandler))
	s, address, log := shapedServer(t, openTestFile(t, content), func(o *Options) { o.Traffic = traffic })
	sum := sha256.New()
	done := make(chan error, 1)
	go func() {
		res, err := http.Get("http://" + address + "/f")
		if err == nil {
			_, err = io.Copy(sum, res.Body)
			_ = res.Body.Close()
		}
		done <- err
	}()
	sent := func() int64 { return s.Traffic().Sent }
	waitFor(t, func() bool { return sent() > 0 })
	within(t, "before", 1e6, 0.1, func() float64 { return speed(time.Second, sent) })
	l.DownloadRate = 300e3
	traffic.Reload(l)
	time.Sleep(200 * time.Millisecond)
	within(t, "slower", 300e3, 0.15, func() float64 { return speed(time.Second, sent) })
	if n := testutil.ToFloat64(s.metrics.open); n != 1 {
		t.Errorf("%v connections", n)
	}
	l.DownloadRate = 0
	traffic.Reload(l)
	select {
	case err := <-done:
		if want := sha256.Sum256(content); err != nil || !bytes.Equal(sum.Sum(nil), want[:]) {
			t.Errorf("the file did not arrive whole: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the transfer did not speed up")
	}
	waitFor(t, func() bool { return strings.Contains(log.String(), `"limiter_wait"`) })
	if w := traffic.Out.Waited(); w < time.Second {
		t.Errorf("only %v of waiting were counted", w)
	}
}

// TestRatesSpareWhomTheyShould: short answers come at once beside bulk, and
// so does a long upload beside downloads.
func TestRatesSpareShortAnswers(t *testing.T) {
	_, address, _ := shapedServer(t, openTestFile(t, testContent(4<<20)), rates(200e3, 0, 0))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var count atomic.Int64
	for range 16 {
		wg.Go(func() { drain(t, net.Dialer{}, address, stop, &count) })
	}
	waitFor(t, func() bool { return count.Load() > 100_000 })
	slow := 0
	for range 50 {
		start := time.Now()
		if got := get(t, "http://"+address+"/short"); got != "short" {
			t.Fatal(got)
		}
		if time.Since(start) > 100*time.Millisecond { // in the queue it would be seconds
			slow++
		}
	}
	if slow > 5 {
		t.Errorf("%d of 50 short answers waited behind long transfers", slow)
	}
	close(stop)
	wg.Wait()
}

func TestRatesOfUploads(t *testing.T) {
	s, address, _ := shapedServer(t, openTestFile(t, nil), rates(0, 0, 400e3))
	// Reading in turns takes longer than a body without a limit may.
	s.timeouts.upload = 300 * time.Millisecond
	start := time.Now()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			res, err := http.Post("http://"+address+"/up", "application/octet-stream", bytes.NewReader(make([]byte, 500_000)))
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			if got := body(t, res); got != "500000 <nil>" {
				t.Error(got)
			}
		})
	}
	wg.Wait()
	if took := time.Since(start); took < 2300*time.Millisecond || took > 6*time.Second {
		t.Errorf("1 MB at 400 kB/s took %v", took)
	}
	if got := s.Traffic().Received; got != 1_000_000 {
		t.Errorf("%d bytes counted", got)
	}
	start = time.Now()
	if err := s.traffic.Fetched(t.Context(), 200_000); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 300*time.Millisecond {
		t.Errorf("200 kB fetched at 400 kB/s in %v", took)
	}
}

// TestRatesAreNotTheClientsFault: waiting for a turn counts neither as
// silence of the client nor as slowness.
func TestRatesAreNotTheClientsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := config.Default().Limits
		l.DownloadRate = 10e3
		o := connOptions{Stall: time.Second, MinRate: 5e3, MinRateWindow: time.Second, Traffic: limit.NewTraffic(l, time.Now, slog.New(slog.DiscardHandler))}.withDefaults()
		var wg sync.WaitGroup
		start := time.Now()
		for i := range 30 { // each at a fifteenth of the lowest speed, with three seconds between slices
			here, there := net.Pipe()
			c := newConn(here, &o)
			c.shape.client = limit.Prefix(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}))
			c.shape.answer = 1 << 20
			wg.Go(func() { _, _ = io.Copy(io.Discard, there) })
			wg.Go(func() {
				if n, err := c.Write(make([]byte, 10_000)); err != nil {
					t.Errorf("cut after %d bytes: %v", n, err)
				}
				_ = c.Close()
			})
		}
		wg.Wait()
		if took := time.Since(start); took < 28*time.Second || took > 32*time.Second {
			t.Errorf("300 kB at 10 kB/s took %v", took)
		}
	})
}

// TestRatesEndWithTheConnection: whoever waits for a turn does not outlive
// the connection, and what it was granted is there for others.
func TestRatesEndWithTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := config.Default().Limits
		l.DownloadRate = 1e3
		o := connOptions{Traffic: limit.NewTraffic(l, time.Now, slog.New(slog.DiscardHandler))}.withDefaults()
		here, there := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, there) }()
		c := newConn(here, &o)
		c.shape.answer = 1 << 20
		done := make(chan error, 1)
		go func() {
			_, err := c.Write(make([]byte, 1<<20))
			done <- err
		}()
		time.Sleep(10 * time.Second)
		_ = c.Close()
		synctest.Wait()
		select {
		case err := <-done:
			if !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		default:
			t.Error("the write still waits")
		}
		if n := o.Traffic.Out.Waiting(); n != 0 {
			t.Errorf("%d bytes wait", n)
		}
	})
}

// TestRatesOfProxiedClients: behind a trusted proxy the client counts, not
// the connection.
func TestRatesOfProxiedClients(t *testing.T) {
	s, address, _ := shapedServer(t, openTestFile(t, testContent(300_000)), func(o *Options) {
		rates(0, 50e3, 0)(o)
		o.HTTP.TrustedProxies = []string{"127.0.0.0/8"}
		o.Limits.Exempt = []string{"127.0.0.0/8", "192.0.2.0/24"}
	})
	pull := func(client string, n int) time.Duration {
		start := time.Now()
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+"/f", nil)
		req.Header.Set("Range", fmt.Sprintf("bytes=0-%d", n-1))
		req.Header.Set("X-Forwarded-For", client)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got := body(t, res); len(got) != n {
			t.Fatalf("%d bytes", len(got))
		}
		return time.Since(start)
	}
	if took := pull("192.0.2.1", 300_000); took > 2*time.Second {
		t.Errorf("an exempt client waited %v", took)
	}
	if took := pull("203.0.113.1", 60_000); took < time.Second {
		t.Errorf("60 kB at 50 kB/s in %v", took)
	}
	if n := s.traffic.Out.Clients(); n != 1 {
		t.Errorf("%d clients are shaped", n)
	}
}

func TestRatesMetrics(t *testing.T) {
	s, _ := newTestServer(t, rates(12e6, 3e6, 0))
	w := call(s, "GET", "/metrics", "", "RemoteAddr", "127.0.0.1:1")
	for _, want := range []string{
		`quartermaster_rate_limit_bytes_per_second{limit="download"} 1.2e+07`,
		`quartermaster_rate_limit_bytes_per_second{limit="download_per_client"} 3e+06`,
		`quartermaster_rate_limit_bytes_per_second{limit="upload"} 0`,
		`quartermaster_rate_wait_seconds_total{direction="download"} 0`,
		`quartermaster_rate_waiting_bytes{direction="upload"} 0`,
		"quartermaster_sent_bytes_total 0", "quartermaster_received_bytes_total 0",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
}
