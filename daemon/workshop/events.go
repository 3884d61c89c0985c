package workshop

import (
	"time"

	"github.com/quartermasterd/quartermaster/daemon/web"
)

// eventEvery bounds the events of one job.
const eventEvery = 250 * time.Millisecond

// changedEvent says that the versions of an item changed.
type changedEvent struct {
	Item string `json:"item"`
}

// publisher takes events for who listens.
type publisher interface{ Publish(e web.Event) }

// changed tells listeners that the versions of an item changed.
func (s *Service) changed(id ItemID) {
	s.restock(id)
	if s.hub != nil {
		s.hub.Publish(web.Event{Topic: "mods.changed", Data: changedEvent{id.String()}})
	}
}

// noteJob takes in a new state of a job and tells listeners.
func (s *Service) noteJob(j Job) {
	s.records.setJob(j)
	s.publish(j)
}

func (s *Service) publish(j Job) {
	s.restock(j.Name.Item)
	if s.hub != nil {
		s.hub.Publish(web.Event{Topic: "mods.job", Data: s.jobView(j)})
	}
}

// publishJob tells listeners how an active job stands, now or when the last
// event is old enough.
func (s *Service) publishJob(a *active, now bool) {
	at := s.clock.Now()
	a.mu.Lock()
	due := now || at.Sub(a.told) >= eventEvery
	if due {
		a.told = at
		if took := at.Sub(a.began).Seconds(); took > 0 {
			a.job.Speed = float64(a.job.Bytes) / took
		}
	}
	j := a.job
	a.mu.Unlock()
	if !due {
		return
	}
	if a.report != nil {
		a.report(j)
	}
	if s.records.setProgress(j) {
		s.publish(j)
	}
}

// progressed notes how many bytes have come.
func (s *Service) progressed(a *active, bytes, total int64) {
	a.mu.Lock()
	a.job.Bytes, a.job.Total = bytes, total
	a.mu.Unlock()
	s.publishJob(a, false)
}

// moveOn notes the next state of an active job.
func (s *Service) moveOn(a *active, state State, source string) {
	a.mu.Lock()
	a.job.State, a.job.Source = state, source
	if state != Verifying {
		a.began = s.clock.Now()
	}
	a.mu.Unlock()
	s.publishJob(a, true)
}
