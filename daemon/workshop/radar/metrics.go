package radar

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	outdated, mods *prometheus.GaugeVec
	webhooks       *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		outdated: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "quartermaster_mod_server_outdated",
			Help: "Mods of a game server that are out of date.",
		}, []string{"server"}),
		mods: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "quartermaster_mod_server_mods",
			Help: "Mods of a game server.",
		}, []string{"server"}),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quartermaster_mod_server_webhooks_total",
			Help: "Messages sent to the webhooks of game servers, by what came of it.",
		}, []string{"result"}),
	}
	for _, result := range []string{"arrived", "failed", "given_up"} {
		m.webhooks.WithLabelValues(result)
	}
	if reg != nil {
		reg.MustRegister(m.outdated, m.mods, m.webhooks)
	}
	return m
}
