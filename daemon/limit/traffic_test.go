package limit_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// window returns an entry of the schedule that sets the download rate.
func window(t *testing.T, when string, rate config.ScheduledRate) config.LimitSchedule {
	t.Helper()
	s := config.LimitSchedule{DownloadRate: rate, DownloadRatePerClient: config.AsUsual, UploadRate: config.AsUsual}
	if err := s.When.UnmarshalText([]byte(when)); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRatesAt(t *testing.T) {
	l := config.Limits{DownloadRate: 100, DownloadRatePerClient: 10, UploadRate: 50, TimeZone: "Europe/Berlin"}
	evening := window(t, "18:00-23:00", 40)
	weekend := config.LimitSchedule{
		When: config.Window{From: 20 * 60, To: 60}, Days: []config.Day{config.Day(time.Saturday)},
		DownloadRate: 0, DownloadRatePerClient: 5, UploadRate: 1,
	}
	l.Schedule = []config.LimitSchedule{weekend, evening}
	base := limit.Rates{Download: 100, DownloadPerClient: 10, Upload: 50}
	tests := []struct {
		at        string // UTC; Berlin is an hour ahead in winter, two in summer
		want      limit.Rates
		scheduled bool
	}{
		{"2026-11-20T16:59:59Z", base, false},
		{"2026-11-20T17:00:00Z", limit.Rates{Download: 40, DownloadPerClient: 10, Upload: 50}, true},
		{"2026-11-20T22:00:00Z", base, false},
		{"2026-07-20T16:00:00Z", limit.Rates{Download: 40, DownloadPerClient: 10, Upload: 50}, true},
		{"2026-11-21T18:59:59Z", limit.Rates{Download: 40, DownloadPerClient: 10, Upload: 50}, true}, // a Saturday
		{"2026-11-21T19:00:00Z", limit.Rates{Download: 0, DownloadPerClient: 5, Upload: 1}, true},    // the first entry wins
		{"2026-11-21T23:59:59Z", limit.Rates{Download: 0, DownloadPerClient: 5, Upload: 1}, true},    // past midnight
		{"2026-11-22T00:00:00Z", base, false},
		{"2026-11-22T17:00:00Z", limit.Rates{Download: 40, DownloadPerClient: 10, Upload: 50}, true},
		// The night in which the clock goes back from 3 to 2: 2:30 comes twice.
		{"2026-10-25T00:30:00Z", base, false},
	}
	for _, tt := range tests {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		got, scheduled := limit.RatesAt(l, at)
		if diff := cmp.Diff(tt.want, got); diff != "" || scheduled != tt.scheduled {
			t.Errorf("%s, scheduled %v (-want +got):\n%s", tt.at, scheduled, diff)
		}
	}
}

// TestTrafficFollowsTheSchedule runs into a window and out of it under a
// transfer, and through a reload.
func TestTrafficFollowsTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight UTC
		l := config.Limits{DownloadRate: 10e6, TimeZone: "UTC", Schedule: []config.LimitSchedule{window(t, "00:01-00:02", 1e6)}}
		var log bytes.Buffer
		tr := limit.NewTraffic(l, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- tr.Run(ctx) }()
		var count atomic.Int64
		var wg sync.WaitGroup
		wg.Go(func() { pull(ctx, tr.Out, who(1), &count) })
		measure := func(what string, want float64, scheduled bool) {
			t.Helper()
			time.Sleep(time.Second) // the time a change may take
			before := count.Load()
			time.Sleep(10 * time.Second)
			near(t, what, float64(count.Load()-before)/10, want, 0.05)
			if s := tr.Status(); s.Scheduled != scheduled {
				t.Errorf("%s: scheduled is %v", what, s.Scheduled)
			}
		}
		at := func(second int) { time.Sleep(time.Until(time.Date(2000, 1, 1, 0, 0, second, 0, time.UTC))) }
		measure("before", 10e6, false)
		at(60)
		measure("in the window", 1e6, true)
		at(120)
		measure("after it", 10e6, false)
		l.DownloadRate, l.Schedule = 2e6, nil
		tr.Reload(l)
		measure("after a reload", 2e6, false)
		tr.Reload(config.Limits{})
		if tr.Out.On() || tr.In.On() {
			t.Error("limits without rates")
		}
		cancel()
		wg.Wait()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "byte rates in force"); n != 5 {
			t.Errorf("%d lines about changes:\n%s", n, &log)
		}
	})
}

func TestTrafficMeasures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := limit.NewTraffic(config.Limits{UploadRate: 2e6}, time.Now, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- tr.Run(ctx) }()
		start := time.Now()
		for range 100 {
			tr.CountSent(300_000)
			if err := tr.Fetched(ctx, 200_000); err != nil {
				t.Fatal(err)
			}
		}
		near(t, "20 MB fetched at 2 MB/s, ms", float64(time.Since(start).Milliseconds()), 10_000, 0.05)
		s := tr.Status()
		near(t, "sending", float64(s.Sending), 3e6, 0.15)
		near(t, "receiving", float64(s.Receiving), 2e6, 0.15)
		if s.Sent != 30e6 || s.Received != 20e6 {
			t.Errorf("%d sent, %d received", s.Sent, s.Received)
		}
		time.Sleep(10 * time.Second)
		if s := tr.Status(); s.Sending != 0 || s.Receiving != 0 {
			t.Errorf("nothing passes, but %+v", s)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
