package limit

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// Rates are byte rates in bytes per second; 0: no limit.
type Rates struct {
	Download          int64 // all clients together
	DownloadPerClient int64
	Upload            int64 // all that comes in
}

// RatesAt returns the rates that hold at a time, and whether an entry of the
// schedule sets them. l must be valid.
func RatesAt(l config.Limits, t time.Time) (r Rates, scheduled bool) {
	zone, err := l.Location()
	if err != nil {
		zone = time.Local // refused by Validate
	}
	local := t.In(zone)
	down, per, up := l.DownloadRate, l.DownloadRatePerClient, l.UploadRate
	for _, s := range l.Schedule {
		if s.Covers(local) {
			down, per, up, scheduled = s.DownloadRate.Or(down), s.DownloadRatePerClient.Or(per), s.UploadRate.Or(up), true
			break
		}
	}
	return Rates{int64(down), int64(per), int64(up)}, scheduled
}

// Traffic is every byte that the daemon exchanges with the world: it bounds
// them by the rates of the configuration and counts them. Out is what clients
// take from us; In is what they send and what we fetch for ourselves, which is
// one client of In, under the zero Prefix. It is safe for concurrent use.
type Traffic struct {
	Out, In *Shaper

	now            func() time.Time
	log            *slog.Logger
	sent, received atomic.Int64

	mu        sync.Mutex
	limits    config.Limits
	rates     Rates
	scheduled bool
	samples   [meterSeconds + 1]sample // the newest last
}

// meterSeconds is the time over which speeds are averaged.
const meterSeconds = 5

type sample struct {
	at             time.Time
	sent, received int64
}

// NewTraffic applies the limits, which must be valid, as they hold now. Run
// follows their schedule. now is the clock; log says when rates change.
func NewTraffic(l config.Limits, now func() time.Time, log *slog.Logger) *Traffic {
	t := &Traffic{Out: NewShaper(now), In: NewShaper(now), now: now, log: log}
	at := now()
	for i := range t.samples {
		t.samples[i].at = at
	}
	t.limits = l
	t.apply(at)
	return t
}

// Reload takes over the rates and the schedule of other limits, which must be
// valid. Transfers go on and follow within a second.
func (t *Traffic) Reload(l config.Limits) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limits = l
	t.apply(t.now())
}

// Run follows the schedule and measures speeds until ctx ends. It returns nil.
func (t *Traffic) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			t.step()
		}
	}
}

func (t *Traffic) step() {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.now()
	t.apply(at)
	copy(t.samples[:], t.samples[1:])
	t.samples[meterSeconds] = sample{at, t.sent.Load(), t.received.Load()}
}

// apply sets the rates of a time if they are others than before.
func (t *Traffic) apply(at time.Time) {
	rates, scheduled := RatesAt(t.limits, at)
	t.scheduled = scheduled
	if rates == t.rates {
		return
	}
	t.rates = rates
	t.Out.Set(rates.Download, rates.DownloadPerClient)
	t.In.Set(rates.Upload, 0)
	t.log.Info("byte rates in force", "download", config.Rate(rates.Download).String(), "download_per_client", config.Rate(rates.DownloadPerClient).String(),
		"upload", config.Rate(rates.Upload).String(), "scheduled", scheduled)
}

// CountSent counts bytes that were sent to clients, limited or not.
func (t *Traffic) CountSent(n int) { t.sent.Add(int64(n)) }

// CountReceived counts bytes that came in.
func (t *Traffic) CountReceived(n int) { t.received.Add(int64(n)) }

// Fetched counts n bytes that we fetched for ourselves, and waits until they
// fit into the rate. It fails only with the error of ctx.
func (t *Traffic) Fetched(ctx context.Context, n int) error {
	t.CountReceived(n)
	if !t.In.On() {
		return nil
	}
	return t.In.Wait(ctx, netip.Prefix{}, n)
}

// TrafficStatus is how the traffic stands.
type TrafficStatus struct {
	Rates     Rates // in force
	Scheduled bool  // an entry of the schedule sets them
	// Sending and Receiving are bytes per second, over the last seconds.
	Sending, Receiving int64
	// Sent and Received are bytes since the start.
	Sent, Received int64
}

// Status returns how the traffic stands.
func (t *Traffic) Status() TrafficStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	first, last := t.samples[0], t.samples[meterSeconds]
	s := TrafficStatus{Rates: t.rates, Scheduled: t.scheduled, Sent: t.sent.Load(), Received: t.received.Load()}
	if d := last.at.Sub(first.at).Seconds(); d > 0 {
		s.Sending = int64(float64(last.sent-first.sent) / d)
		s.Receiving = int64(float64(last.received-first.received) / d)
	}
	return s
}
