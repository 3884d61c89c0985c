package catalog

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quartermasterd/quartermaster/daemon/steam/paced"
)

// Problem is a state that an operator should know.
type Problem struct{ Code, Text, Hint string }

// siteAway is how long a site may refuse us before it is a problem.
const siteAway = time.Hour

// Problems returns what keeps the catalogue incomplete at the moment.
func (s *Service) Problems() (list []Problem) {
	now := s.clock.Now()
	if f := s.filler; f.apps != nil {
		if st := f.apps.State(); failing(st, now) {
			list = append(list, Problem{
				Code: "store_unavailable", Text: "The Steam store does not say which games there are: " + st.LastError,
				Hint: "nothing needs to be done if it passes; games are called \"App\" and their number meanwhile",
			})
		}
	}
	if f := s.filler; f.pages != nil {
		if st := f.pages.State(); failing(st, now) {
			list = append(list, Problem{
				Code: "pages_unavailable", Text: "The pages of items on Steam's community site cannot be read: " + st.LastError,
				Hint: "set steam.api_key, with which Steam tells the same, or switch steam.community_pages off",
			})
		}
	}
	return list
}

func failing(st paced.State, now time.Time) bool {
	return !st.FailingFrom.IsZero() && now.Sub(st.FailingFrom) >= siteAway
}

// register makes the metrics of the filler.
func (f *filler) register(reg prometheus.Registerer) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "quartermaster_catalog_incomplete", Help: "Stored mods of which not everything is known yet.",
	}, func() float64 { return float64(f.incomplete()) }))
	for _, x := range []struct {
		calls, failures prometheus.CounterOpts
		state           func() paced.State
	}{
		{
			prometheus.CounterOpts{Name: "quartermaster_steam_store_calls_total", Help: "Calls to the Steam store."},
			prometheus.CounterOpts{Name: "quartermaster_steam_store_failures_total", Help: "Calls to the Steam store that failed."},
			func() paced.State {
				if f.apps == nil {
					return paced.State{}
				}
				return f.apps.State()
			},
		},
		{
			prometheus.CounterOpts{Name: "quartermaster_steam_pages_calls_total", Help: "Pages of items that were asked for."},
			prometheus.CounterOpts{Name: "quartermaster_steam_pages_failures_total", Help: "Pages of items that could not be read."},
			func() paced.State {
				if f.pages == nil {
					return paced.State{}
				}
				return f.pages.State()
			},
		},
	} {
		reg.MustRegister(
			prometheus.NewCounterFunc(x.calls, func() float64 { return float64(x.state().Calls) }),
			prometheus.NewCounterFunc(x.failures, func() float64 { return float64(x.state().Failures) }),
		)
	}
}

// incomplete counts the stored items that are not described for their version.
func (f *filler) incomplete() (n int) {
	for _, e := range storedEntries(f.s.index) {
		if e.condition == conditionBare {
			n++
		}
	}
	return n
}
