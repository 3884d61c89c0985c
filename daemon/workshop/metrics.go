package workshop

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters of the workshop. Those of the hot path are looked
// up once.
type metrics struct {
	refused  [answerCount]prometheus.Counter
	ok       prometheus.Counter
	partial  prometheus.Counter
	notMod   prometheus.Counter
	requests *prometheus.CounterVec
	sent     *prometheus.CounterVec
	folder   prometheus.Counter
	steamURL prometheus.Counter
	got      *prometheus.CounterVec
	damaged  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, s *Service) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quartermaster_mod_requests_total",
			Help: "Requests of game clients by status and reason.",
		}, []string{"status", "reason"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quartermaster_mod_sent_bytes_total",
			Help: "Bytes of mods sent to clients, by the source the mod came from.",
		}, []string{"source"}),
		got: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quartermaster_mod_fetched_bytes_total",
			Help: "Bytes of mods brought here, by source.",
		}, []string{"source"}),
		damaged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "quartermaster_mod_damaged_total",
			Help: "Stored versions that were found damaged.",
		}),
	}
	for a := range answerCount {
		m.refused[a] = m.requests.WithLabelValues(strconv.Itoa(a.status()), a.reason())
	}
	m.ok = m.refused[answerServed]
	m.partial = m.requests.WithLabelValues("206", "OK")
	m.notMod = m.requests.WithLabelValues("304", "OK")
	m.folder = m.sent.WithLabelValues(sourceFolder)
	m.steamURL = m.sent.WithLabelValues(sourceSteamURL)
	if reg == nil {
		return m
	}
	reg.MustRegister(m.requests, m.sent, m.got, m.damaged)
	for _, g := range []struct {
		name, help string
		value      func() float64
	}{
		{"quartermaster_mod_jobs_waiting", "Jobs that wait for a worker or a retry.", func() float64 { w, _, _ := s.queueTotals(); return float64(w) }},
		{"quartermaster_mod_jobs_running", "Jobs that are worked on.", func() float64 { _, r, _ := s.queueTotals(); return float64(r) }},
		{"quartermaster_mod_jobs_failed", "Jobs that failed or were denied.", func() float64 { _, _, f := s.queueTotals(); return float64(f) }},
		{"quartermaster_mod_versions", "Stored versions.", func() float64 { _, v, _ := s.index.totals(); return float64(v) }},
		{"quartermaster_mod_store_bytes", "Bytes of mods in the data directory.", func() float64 { _, _, b := s.index.totals(); return float64(b) }},
		{"quartermaster_steam_details_waiting", "Items that Steam is yet to be asked about.", func() float64 { return float64(s.details.Waiting()) }},
		{"quartermaster_steam_breaker_open", "1 while Steam is not asked because it failed.", func() float64 { return oneIf(s.steam.State().BreakerOpen) }},
		{"quartermaster_steam_calls_left", "Steam Web API calls left of today's.", func() float64 { return float64(s.callsLeft()) }},
	} {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.name, Help: g.help}, g.value))
	}
	return m
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// served counts an answer with a file.
func (m *metrics) served(status int, source string, bytes int64) {
	switch status {
	case http.StatusOK:
		m.ok.Inc()
	case http.StatusPartialContent:
		m.partial.Inc()
	case http.StatusNotModified:
		m.notMod.Inc()
	default:
		m.requests.WithLabelValues(strconv.Itoa(status), http.StatusText(status)).Inc()
	}
	switch source {
	case sourceFolder:
		m.folder.Add(float64(bytes))
	case sourceSteamURL:
		m.steamURL.Add(float64(bytes))
	default:
		m.sent.WithLabelValues(source).Add(float64(bytes))
	}
}

// answered counts an answer without a file.
func (m *metrics) answered(a answer) { m.refused[a].Inc() }

// fetched counts bytes brought here.
func (m *metrics) fetched(source string, bytes int64) {
	m.got.WithLabelValues(source).Add(float64(bytes))
}
