package web

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestWhoMayReadMetrics(t *testing.T) {
	for _, c := range []struct {
		name, token, peer string
		headers           []string
		status            int
	}{
		{"this machine", "", "127.0.0.1:1", nil, 200},
		{"this machine, IPv6", "", "[::1]:1", nil, 200},
		{"this machine, mapped", "", "[::ffff:127.0.0.1]:1", nil, 200},
		{"this machine although there is a token", "t0ken", "127.0.0.1:1", nil, 200},
		{"elsewhere", "", "198.51.100.7:1", nil, 403},
		{"elsewhere with some token", "", "198.51.100.7:1", []string{"Authorization", "Bearer x"}, 403},
		{"elsewhere with an empty token", "", "198.51.100.7:1", []string{"Authorization", "Bearer "}, 403},
		{"a proxy on this machine", "", "127.0.0.1:1", []string{"X-Forwarded-For", "203.0.113.1"}, 403},
		{"a proxy that lies", "", "127.0.0.1:1", []string{"X-Forwarded-For", "127.0.0.1"}, 403},
		{"a proxy by RFC 7239", "", "127.0.0.1:1", []string{"Forwarded", "for=203.0.113.1"}, 403},
		{"a proxy by Via", "", "127.0.0.1:1", []string{"Via", "1.1 edge"}, 403},
		{"a trusted proxy forwards loopback", "", "10.0.0.1:1", []string{"X-Forwarded-For", "127.0.0.1"}, 403},
		{"the token", "t0ken", "198.51.100.7:1", []string{"Authorization", "Bearer t0ken"}, 200},
		{"the token through a proxy", "t0ken", "127.0.0.1:1", []string{"X-Forwarded-For", "203.0.113.1", "Authorization", "bearer t0ken"}, 200},
		{"no token", "t0ken", "198.51.100.7:1", nil, 401},
		{"wrong token", "t0ken", "198.51.100.7:1", []string{"Authorization", "Bearer t0ken2"}, 401},
		{"wrong scheme", "t0ken", "198.51.100.7:1", []string{"Authorization", "Basic t0ken"}, 401},
	} {
		s, log := newTestServer(t, func(o *Options) {
			o.Metrics.Token, o.HTTP.TrustedProxies = c.token, []string{"10.0.0.0/8"}
		})
		w := call(s, "GET", "/metrics", "", append(c.headers, "RemoteAddr", c.peer)...)
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d", c.name, w.Code, c.status)
		}
		if w.Code != 200 && strings.Contains(w.Body.String(), "quartermaster_") || strings.Contains(log.String(), "t0ken") {
			t.Errorf("%s: something leaked", c.name)
		}
	}
	s, _ := newTestServer(t, func(o *Options) { o.Metrics.Enabled = false })
	if w := call(s, "GET", "/metrics", "", "RemoteAddr", "127.0.0.1:1"); w.Code != 404 {
		t.Errorf("switched off: %d", w.Code)
	}
}

func TestMetricsOfRequests(t *testing.T) {
	s, _ := newTestServer(t)
	s.Handle("GET /download/{name}", text("x"))
	s.First(func(raw string) bool { return raw == "/m" }, text("x"))
	s.First(func(raw string) bool { return raw == "/z" }, text("x"),
		&huma.Operation{OperationID: "z", Path: "/z"}, &huma.Operation{OperationID: "z2", Path: "/mount/z"})
	for i := range 3 {
		call(s, "GET", fmt.Sprintf("/download/%d", i), "")
		call(s, "GET", fmt.Sprintf("/nothing/%d", i), "")
	}
	call(s, "DELETE", "/download/1", "")
	call(s, "BREW", "/nothing", "")
	call(s, "GET", "/m", "")
	call(s, "GET", "/z", "")
	want := `
# HELP quartermaster_http_requests_total HTTP requests answered.
# TYPE quartermaster_http_requests_total counter
quartermaster_http_requests_total{method="DELETE",route="unmatched",status="4xx"} 1
quartermaster_http_requests_total{method="GET",route="/download/{name}",status="2xx"} 3
quartermaster_http_requests_total{method="GET",route="/z",status="2xx"} 1
quartermaster_http_requests_total{method="GET",route="first",status="2xx"} 1
quartermaster_http_requests_total{method="GET",route="unmatched",status="4xx"} 3
quartermaster_http_requests_total{method="other",route="unmatched",status="4xx"} 1
`
	if err := testutil.GatherAndCompare(s.metrics.registry, strings.NewReader(want), "quartermaster_http_requests_total"); err != nil {
		t.Error(err)
	}
	if n := testutil.ToFloat64(s.metrics.inFlight); n != 0 {
		t.Errorf("%v requests in flight", n)
	}
}

func TestMetricsText(t *testing.T) {
	s, _ := newTestServer(t)
	s.Registerer().MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "quartermaster_mods_served_total", Help: "x"}))
	for range 2 { // the runtime's collectors are added once
		body := call(s, "GET", "/metrics", "", "RemoteAddr", "127.0.0.1:1").Body.String()
		for _, name := range []string{
			"quartermaster_http_requests_total", "quartermaster_http_request_duration_seconds_bucket",
			"quartermaster_http_requests_in_flight", "quartermaster_http_connections_open",
			`quartermaster_http_rejected_total{reason="connections_per_ip"}`, "quartermaster_events_subscribers",
			"quartermaster_mods_served_total", "go_goroutines",
		} {
			if strings.Contains(name, "http_requests_total") || strings.Contains(name, "duration") {
				continue // appear with the first request; covered above
			}
			if !strings.Contains(body, name) {
				t.Errorf("%s is missing", name)
			}
		}
		own := regexp.MustCompile(`(?m)^# TYPE (quartermaster_\S+) (\S+)`)
		for _, m := range own.FindAllStringSubmatch(body, -1) {
			if m[2] == "counter" && !strings.HasSuffix(m[1], "_total") {
				t.Errorf("counter %s does not end in _total", m[1])
			}
			if m[2] == "histogram" && !strings.HasSuffix(m[1], "_seconds") {
				t.Errorf("histogram %s is not in seconds", m[1])
			}
		}
	}
}

func BenchmarkFirst(b *testing.B) {
	s, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	s.First(func(string) bool { return true }, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	benchmarkCall(b, s, "/m1_5.zip")
}

func BenchmarkMux(b *testing.B) {
	s, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	s.Handle("GET /x/{id}", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	benchmarkCall(b, s, "/x/7")
}
