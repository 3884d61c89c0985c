package fastdl

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what happens in all trees.
type metrics struct {
	requests *prometheus.CounterVec
	sent     *prometheus.CounterVec
	makings  *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, s *Service) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quartermaster_fastdl_requests_total",
			Help: "Requests of game clients for game files by tree and status. The tree is empty for names that are not configured.",
		}, []string{"tree", "status"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quartermaster_fastdl_sent_bytes_total",
			Help: "Bytes of game files sent to clients.",
		}, []string{"tree"}),
		makings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quartermaster_fastdl_made_total",
			Help: "Files that were compressed (bz2) or decompressed (plain), by what came of it.",
		}, []string{"tree", "form", "result"}),
	}
	if reg == nil {
		return m
	}
	reg.MustRegister(m.requests, m.sent, m.makings, &gauges{s: s,
		files: prometheus.NewDesc("quartermaster_fastdl_files", "Game files that are served.", []string{"tree"}, nil),
		kept:  prometheus.NewDesc("quartermaster_fastdl_kept_bytes", "Bytes of compressed and decompressed files in the data directory.", []string{"tree"}, nil),
		queue: prometheus.NewDesc("quartermaster_fastdl_queue", "Files that are compressed or decompressed or wait for it.", []string{"tree", "form"}, nil),
	})
	return m
}

func (m *metrics) answered(tree string, status int, bytes int64) {
	m.requests.WithLabelValues(tree, strconv.Itoa(status)).Inc()
	if bytes > 0 {
		m.sent.WithLabelValues(tree).Add(float64(bytes))
	}
}

// gauges are read from the trees when they are asked for, because trees come
// and go with the configuration.
type gauges struct {
	s                  *Service
	files, kept, queue *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(c chan<- *prometheus.Desc) { c <- g.files; c <- g.kept; c <- g.queue }

// Collect implements prometheus.Collector.
func (g *gauges) Collect(c chan<- prometheus.Metric) {
	for _, t := range g.s.all() {
		st := g.s.status(t)
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{st.Name}, labels...)...)
		}
		gauge(g.files, float64(st.Files))
		gauge(g.kept, float64(st.Kept.Bytes))
		gauge(g.queue, float64(st.Compressing), string(packed))
		gauge(g.queue, float64(st.Decompressing), string(expanded))
	}
}
