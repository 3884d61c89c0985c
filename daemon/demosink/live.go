package demosink

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/web"
)

const (
	maxLive = 500
	rateFor = 5 * time.Second // the rate is that of the last 5 to 10 seconds
)

// meter measures how fast something grows. Its owner guards it.
type meter struct{ before, last sizeAt }

type sizeAt struct {
	at   time.Time
	size int64
}

func newMeter(now time.Time, size int64) meter { return meter{sizeAt{now, size}, sizeAt{now, size}} }

// see notes a size.
func (m *meter) see(now time.Time, size int64) {
	if now.Sub(m.last.at) >= rateFor {
		m.before, m.last = m.last, sizeAt{now, size}
	}
}

// rate is the growth per second; when nothing comes any more it fades.
func (m *meter) rate(now time.Time, size int64) int64 {
	took := now.Sub(m.before.at)
	return int64(float64(size-m.before.size) / max(took, time.Second).Seconds())
}

// Live returns the recordings that still grow and that the caller may read, at
// most 500, the newest first.
func (s *Service) Live(ctx context.Context, c Caller) ([]Demo, error) {
	var w condition
	w.and("active")
	if !c.Staff() {
		w.and("account_id = ? AND account_id <> 0", c.Account)
	}
	all, _, err := s.store.demos(ctx, w, w.clone(), "start_at DESC, id DESC", maxLive)
	return all, err
}

type liveView struct {
	DemoView
	Rate int64 `json:"rate" doc:"Bytes per second, 0 without a connection."`
}

type liveList struct {
	Demos []liveView `json:"demos" nullable:"false"`
}

type liveInput struct{ web.Known }

func (s *Service) getLive(ctx context.Context, in *liveInput) (*web.Tagged[liveList], error) {
	c := callerOf(ctx)
	all, err := s.Live(ctx, c)
	if err != nil {
		return nil, err
	}
	rates := map[SessionID]int64{}
	for _, st := range s.Streams() {
		rates[st.Session] = st.Rate
	}
	out := liveList{make([]liveView, 0, len(all))}
	for _, d := range all {
		out.Demos = append(out.Demos, liveView{viewDemo(c, d), rates[d.ID]})
	}
	return web.Tag(in.Known, out)
}
