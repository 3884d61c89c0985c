package demosink

import (
	"context"
	"log/slog"
	"time"
)

const (
	// starvedFor is how long a client may be held up before somebody has to go.
	starvedFor = time.Minute
	// enough bytes per second are several times what the recording of a match
	// grows by. Who gets them is not held up by a lack of anything, but sends
	// what he has as fast as it is taken.
	enough = 256 << 10
	// reliefEvery is the time between two that have to go: one may suffice.
	reliefEvery = 10 * time.Second
	// dryFor is how long nothing comes when a client's bytes are used up.
	dryFor = time.Millisecond
)

// ranDry says that nothing more of the client is there.
func (st *stream) ranDry() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.dry = true
}

// goesOn says that something came, and whether that had to be waited for: if
// it was there already, the client is as far behind as before.
func (st *stream) goesOn(waited bool) {
	now := st.s.clock.Now()
	st.mu.Lock()
	defer st.mu.Unlock()
	st.dry = false
	if waited {
		st.behind = sizeAt{now, st.size}
	}
}

// starved reports whether the client has had more than was taken, for long,
// and how little per second that was.
func (st *stream) starved(now time.Time) (rate int64, yes bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	took := now.Sub(st.behind.at)
	if st.socket == nil || st.dry || took < starvedFor {
		return 0, false
	}
	rate = int64(float64(st.size-st.behind.size) / took.Seconds())
	return rate, rate < enough
}

// runRelief ends streams when the disk is too slow for all of them, so that
// those that stay are whole.
func (s *Service) runRelief(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.clock.After(reliefEvery):
		}
		s.relieve()
	}
}

// relieve ends the slowest of the streams that are starved, if there are any.
func (s *Service) relieve() {
	var slowest *stream
	var least int64
	now := s.clock.Now()
	for _, p := range s.players.snapshot() {
		p.mu.Lock()
		if st := p.live; st != nil {
			if rate, yes := st.starved(now); yes && (slowest == nil || rate < least) {
				slowest, least = st, rate
			}
		}
		p.mu.Unlock()
	}
	if slowest == nil {
		return
	}
	s.log.Error("the disk is too slow for all recordings; the connection of the slowest is ended", slog.String("session", string(slowest.id)),
		slog.Int64("bytes_per_second", least))
	slowest.cut(endSlow, 0)
}
