package webapi

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestBreaker_Waits(t *testing.T) {
	for _, j := range []float64{0, 0.999999} {
		clk := newClock()
		b := NewBreaker(breakerFirst, breakerMost, clk.now)
		b.jitter = func() float64 { return j }
		want := breakerFirst
		for i := range 12 {
			if err := b.Enter(); err != nil {
				t.Fatalf("attempt %d: %v", i, err)
			}
			b.Fail(0)
			open, until := b.State()
			wait := until.Sub(clk.now())
			low, high := min(want, breakerMost*5/6), min(want*6/5, breakerMost)
			if !open || wait < low || wait > high {
				t.Errorf("attempt %d: wait %v, want %v to %v", i, wait, low, high)
			}
			clk.add(wait - time.Millisecond)
			if err := b.Enter(); !errors.Is(err, ErrBreakerOpen) {
				t.Errorf("attempt %d: let through too early: %v", i, err)
			}
			clk.add(time.Millisecond)
			want = min(want*2, breakerMost)
		}
	}
}

func TestBreaker_RetryAfter(t *testing.T) {
	for _, c := range []struct{ asked, low, high time.Duration }{
		{0, 5 * time.Second, 6 * time.Second},
		{time.Second, 5 * time.Second, 6 * time.Second},
		{2 * time.Minute, 2 * time.Minute, 2 * time.Minute},
		{20 * time.Minute, 20 * time.Minute, 20 * time.Minute},
		{48 * time.Hour, time.Hour, time.Hour},
	} {
		clk := newClock()
		b := NewBreaker(breakerFirst, breakerMost, clk.now)
		b.Fail(c.asked)
		if _, until := b.State(); until.Sub(clk.now()) < c.low || until.Sub(clk.now()) > c.high {
			t.Errorf("Retry-After %v: wait %v", c.asked, until.Sub(clk.now()))
		}
	}
}

func TestBreaker_HalfOpenLetsOneThrough(t *testing.T) {
	clk := newClock()
	b := NewBreaker(breakerFirst, breakerMost, clk.now)
	b.Fail(0)
	clk.add(time.Minute)
	if err := b.Enter(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := b.Enter(); !errors.Is(err, ErrBreakerOpen) {
			t.Fatalf("second request: %v", err)
		}
	}
	b.Cancel()
	if err := b.Enter(); err != nil {
		t.Fatalf("after a cancelled probe: %v", err)
	}
	b.Succeed()
	for range 3 {
		if err := b.Enter(); err != nil {
			t.Fatalf("closed again: %v", err)
		}
	}
	// Failures of requests that ran at the same time count once.
	b.Fail(0)
	_, first := b.State()
	b.Fail(0)
	if _, until := b.State(); !until.Equal(first) {
		t.Errorf("the same failure counted twice: %v, then %v", first, until)
	}
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 30, 53, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, " 5 ": 5 * time.Second, "-5": 0, "soon": 0, "1.5": 0, "99999999999999": 0,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := ParseRetryAfter(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}
