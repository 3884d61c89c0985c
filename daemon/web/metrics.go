package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// metrics holds this package's own metrics. All names begin with
// quartermaster_ and use base units; labels come from our route table and
// from fixed lists, never from a request.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	open     prometheus.Gauge
	panics   prometheus.Counter
	rejected struct{ rate, total, perIP prometheus.Counter }
	events   eventMetrics

	mu        sync.Mutex
	routes    map[string]*routeMetrics
	unmatched *routeMetrics
}

type eventMetrics struct {
	subscribers prometheus.Gauge
	published   prometheus.Counter
	dropped     prometheus.Counter
}

// durationBuckets reach from a cached answer to a long download.
var durationBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120, 600}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), routes: map[string]*routeMetrics{}}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		m.registry.MustRegister(c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		m.registry.MustRegister(g)
		return g
	}
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quartermaster_http_requests_total", Help: "HTTP requests answered.",
	}, []string{"route", "method", "status"})
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "quartermaster_http_request_duration_seconds", Help: "Time from the head of a request to the end of its handler.",
		Buckets: durationBuckets,
	}, []string{"route"})
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quartermaster_http_rejected_total", Help: "Connections and requests refused by a limit.",
	}, []string{"reason"})
	m.registry.MustRegister(m.requests, m.duration, refused)
	m.rejected.rate = refused.WithLabelValues("request_rate")
	m.rejected.total = refused.WithLabelValues("connections")
	m.rejected.perIP = refused.WithLabelValues("connections_per_ip")
	m.inFlight = gauge("quartermaster_http_requests_in_flight", "HTTP requests being handled.")
	m.open = gauge("quartermaster_http_connections_open", "Client connections that are open.")
	m.panics = counter("quartermaster_http_panics_total", "Handlers that panicked.")
	m.events = eventMetrics{
		subscribers: gauge("quartermaster_events_subscribers", "Open event streams."),
		published:   counter("quartermaster_events_published_total", "Events published."),
		dropped:     counter("quartermaster_events_dropped_subscribers_total", "Event streams closed because they read too slowly."),
	}
	m.unmatched = m.route("unmatched")
	return m
}

// routeMetrics keeps the series of one route resolved: finding them by label
// costs more than counting.
type routeMetrics struct {
	m        *metrics
	name     string
	duration prometheus.Observer
	requests [len(methodNames)][len(statusNames)]atomic.Pointer[prometheus.Counter]
}

var (
	methodNames = [...]string{"other", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	statusNames = [...]string{"taken_over", "1xx", "2xx", "3xx", "4xx", "5xx"}
)

func (m *metrics) route(name string) *routeMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	rt := m.routes[name]
	if rt == nil {
		rt = &routeMetrics{m: m, name: name, duration: m.duration.WithLabelValues(name)}
		m.routes[name] = rt
	}
	return rt
}

// observe counts a request. status 0 means that nothing was written through
// us and nobody told: the connection was taken over.
func (rt *routeMetrics) observe(method string, status int, took time.Duration) {
	class := status / 100
	if class < 0 || class >= len(statusNames) {
		class = 0
	}
	index := 0
	for i, name := range methodNames {
		if name == method {
			index = i
		}
	}
	slot := &rt.requests[index][class]
	c := slot.Load()
	if c == nil {
		counter := rt.m.requests.WithLabelValues(rt.name, methodNames[index], statusNames[class])
		c = &counter
		slot.Store(c)
	}
	(*c).Inc()
	rt.duration.Observe(took.Seconds())
}

// watchTraffic registers the figures of the byte rates.
func (m *metrics) watchTraffic(t *limit.Traffic) {
	counter := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
	}
	gauge := func(name, help string, labels prometheus.Labels, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
	}
	counter("quartermaster_sent_bytes_total", "Bytes sent to clients over HTTP, heads included.", func() float64 { return float64(t.Status().Sent) })
	counter("quartermaster_received_bytes_total", "Bytes of request bodies, and of mods that were fetched.", func() float64 { return float64(t.Status().Received) })
	for direction, shaper := range map[string]*limit.Shaper{"download": t.Out, "upload": t.In} {
		labels := prometheus.Labels{"direction": direction}
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "quartermaster_rate_wait_seconds_total", Help: "Time that transfers have waited for a byte rate, added up.", ConstLabels: labels,
		}, func() float64 { return shaper.Waited().Seconds() }))
		gauge("quartermaster_rate_waiting_bytes", "Bytes that transfers ask for now and that wait for a byte rate.", labels,
			func() float64 { return float64(shaper.Waiting()) })
	}
	for name, rate := range map[string]func(limit.Rates) int64{
		"download":            func(r limit.Rates) int64 { return r.Download },
		"download_per_client": func(r limit.Rates) int64 { return r.DownloadPerClient },
		"upload":              func(r limit.Rates) int64 { return r.Upload },
	} {
		gauge("quartermaster_rate_limit_bytes_per_second", "Byte rates in force; 0: no limit.", prometheus.Labels{"limit": name},
			func() float64 { return float64(rate(t.Status().Rates)) })
	}
}

func (s *Server) registerMetrics() {
	if !s.options.Metrics.Enabled {
		return
	}
	// The runtime's collectors are costly to make and only matter here.
	var once sync.Once
	h := promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{
		ErrorLog: promLog{s}, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
	})
	s.handle("GET /metrics", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.mayReadMetrics(r); err != nil {
			WriteError(w, r, err)
			return
		}
		once.Do(func() {
			s.metrics.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		})
		h.ServeHTTP(w, r)
	}), ownOperation("get-metrics", "/metrics", "Metrics in the Prometheus text format")).probe()
}

// mayReadMetrics admits the machine itself and whoever holds the token. A
// proxy on this machine also comes from loopback, so a request that was
// forwarded does not count as local.
func (s *Server) mayReadMetrics(r *http.Request) error {
	if peerIP(r).IsLoopback() && !forwarded(r) {
		return nil
	}
	token := s.options.Metrics.Token
	if token == "" {
		return fault.New(fault.Forbidden, "Metrics are only for this machine").
			WithHint("Set metrics.token and send it as a bearer token to read them from elsewhere")
	}
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(strings.TrimSpace(given)))
	if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		return fault.New(fault.Unauthenticated, "Metrics need the bearer token")
	}
	return nil
}

type promLog struct{ s *Server }

func (l promLog) Println(v ...any) { l.s.log.Warn("metrics cannot be gathered", "error", v) }
