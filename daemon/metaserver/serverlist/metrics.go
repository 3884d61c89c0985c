package serverlist

import "github.com/prometheus/client_golang/prometheus"

// metrics are what an operator watches.
type metrics struct {
	heartbeats *prometheus.CounterVec // by result
}

// newMetrics makes them, and registers them unless r is nil.
func newMetrics(r prometheus.Registerer, s *Service) *metrics {
	m := &metrics{heartbeats: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quartermaster_serverlist_heartbeats_total", Help: "Heartbeats of game servers, by what came of them.",
	}, []string{"result"})}
	if r == nil {
		return m
	}
	gauge := func(name, help string, value func(Totals) int64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value(s.Totals())) })
	}
	r.MustRegister(m.heartbeats,
		gauge("quartermaster_serverlist_servers", "Game servers that are listed.", func(t Totals) int64 { return t.Servers }),
		gauge("quartermaster_serverlist_players", "Players on the listed game servers.", func(t Totals) int64 { return t.Players }))
	return m
}

// count counts a heartbeat.
func (m *metrics) count(err error) {
	result := "stored"
	if err != nil {
		result = "refused"
	}
	m.heartbeats.WithLabelValues(result).Inc()
}
