package peers

import "github.com/prometheus/client_golang/prometheus"

// metrics are the counters of the peers.
type metrics struct {
	fetched, bytes, refused *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, s *Service) *metrics {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"peer"})
	}
	m := &metrics{
		fetched: counter("quartermaster_peer_fetched_total", "Versions that a peer gave and that were proven."),
		bytes:   counter("quartermaster_peer_received_bytes_total", "Bytes of versions received from a peer, proven or not."),
		refused: counter("quartermaster_peer_refused_total", "Versions and indexes of a peer that were not believed."),
	}
	for _, p := range s.peers {
		for _, v := range []*prometheus.CounterVec{m.fetched, m.bytes, m.refused} {
			v.WithLabelValues(p.url)
		}
	}
	if reg == nil || len(s.peers) == 0 {
		return m
	}
	reg.MustRegister(m.fetched, m.bytes, m.refused)
	for _, p := range s.peers {
		labels := prometheus.Labels{"peer": p.url}
		for _, g := range []struct {
			name, help string
			value      func(Status) float64
		}{
			{"quartermaster_peer_up", "1 while the peer answers.", func(st Status) float64 { return oneIf(!st.LastSeen.IsZero() && st.FailingSince.IsZero()) }},
			{"quartermaster_peer_versions", "Versions that the index of the peer lists.", func(st Status) float64 { return float64(st.Versions) }},
		} {
			reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: g.name, Help: g.help, ConstLabels: labels,
			}, func() float64 { return g.value(p.status(s.clock.Now())) }))
		}
	}
	return m
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
