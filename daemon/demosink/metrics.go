package demosink

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	live   prometheus.Gauge
	bytes  prometheus.Counter
	closed prometheus.Counter
	lag    prometheus.Histogram
	finish prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		live: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "quartermaster_demos_streams", Help: "Connections that bring recordings."}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "quartermaster_demos_received_bytes_total", Help: "Bytes of recordings written to the spool."}),
		closed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "quartermaster_demos_closed_total", Help: "Sessions that were closed."}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quartermaster_demos_sync_lag_seconds", Help: "Time from a byte of a recording to its being on stable storage.",
			Buckets: []float64{.1, .5, .75, 1, 1.5, 2, 5, 10, 30}}),
		finish: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quartermaster_demos_finish_seconds", Help: "Time to make a blob of a closed recording.",
			Buckets: []float64{.005, .02, .1, .5, 1, 2.5, 10, 60}}),
	}
	if reg != nil {
		reg.MustRegister(m.live, m.bytes, m.closed, m.lag, m.finish)
	}
	return m
}
