package limit_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// clock is a hand that tests move.
type clock struct{ t time.Time }

func newClock() *clock                                  { return &clock{time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)} }
func (c *clock) now() time.Time                         { return c.t }
func (c *clock) advance(d time.Duration)                { c.t = c.t.Add(d) }
func allow[K comparable](k *limit.Keyed[K], key K) bool { ok, _ := k.Allow(key); return ok }

func TestKeyedSpendsTheBurstAndRefills(t *testing.T) {
	c := newClock()
	k := limit.New[string](2, 3, 10, c.now) // two a second, three at once
	steps := []struct {
		advance time.Duration
		ok      bool
		wait    time.Duration
	}{
		{0, true, 0}, {0, true, 0}, {0, true, 0},
		{0, false, 500 * time.Millisecond},
		{250 * time.Millisecond, false, 250 * time.Millisecond},
		{250 * time.Millisecond, true, 0},
		{0, false, 500 * time.Millisecond},
		{time.Hour, true, 0}, {0, true, 0}, {0, true, 0}, // never more than the burst
		{0, false, 500 * time.Millisecond},
		{-time.Minute, false, 500 * time.Millisecond}, // the clock was set back
		{500 * time.Millisecond, true, 0},             // and goes on from there
	}
	for i, s := range steps {
		c.advance(s.advance)
		ok, wait := k.Allow("a")
		if ok != s.ok || wait != s.wait {
			t.Fatalf("step %d: Allow = %v, %v; want %v, %v", i, ok, wait, s.ok, s.wait)
		}
	}
	if !allow(k, "b") {
		t.Error("another key shares the bucket")
	}
}

func TestKeyedWithoutLimit(t *testing.T) {
	for _, rate := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		k := limit.New[int](rate, 1, 1, newClock().now)
		for range 1000 {
			if !allow(k, 1) {
				t.Fatalf("rate %v refuses", rate)
			}
		}
		if k.Len() != 0 {
			t.Errorf("rate %v remembers %d buckets", rate, k.Len())
		}
	}
}

func TestKeyedForgetsTheLeastRecentlyUsed(t *testing.T) {
	c := newClock()
	k := limit.New[string](1, 1, 2, c.now)
	for _, key := range []string{"a", "b"} {
		if !allow(k, key) {
			t.Fatalf("first of %s refused", key)
		}
	}
	if allow(k, "a") { // refused, but used: b is now the oldest
		t.Fatal("a has no token left")
	}
	if !allow(k, "c") { // pushes b out
		t.Fatal("first of c refused")
	}
	if allow(k, "a") {
		t.Error("a was forgotten although b was older")
	}
	if !allow(k, "b") {
		t.Error("b was not forgotten")
	}
	if k.Len() != 2 {
		t.Errorf("Len = %d, want 2", k.Len())
	}
}

func TestKeyedSmallestValues(t *testing.T) {
	c := newClock()
	k := limit.New[string](1e-9, 0, 0, c.now)
	if !allow(k, "a") {
		t.Fatal("a burst of zero counts as one")
	}
	if ok, wait := k.Allow("a"); ok || wait <= 0 {
		t.Fatalf("Allow = %v, %v", ok, wait)
	}
	if k := limit.New[string](1e-30, 1, 1, c.now); allow(k, "a") {
		if _, wait := k.Allow("a"); wait != math.MaxInt64 {
			t.Errorf("wait = %v, want the longest there is", wait)
		}
	}
}

// TestKeyedHoldsItsPromise checks, for random traffic, what a bucket is for:
// in no stretch of time does a key get more than burst + rate·time, and who
// waits as long as told gets a token.
func TestKeyedHoldsItsPromise(t *testing.T) {
	for seed := range uint64(50) {
		checkPromise(t, rand.New(rand.NewPCG(seed, 1)))
	}
}

func FuzzKeyed(f *testing.F) {
	f.Add(uint64(1))
	f.Add(uint64(1 << 40))
	f.Fuzz(func(t *testing.T, seed uint64) { checkPromise(t, rand.New(rand.NewPCG(seed, 2))) })
}

func checkPromise(t *testing.T, r *rand.Rand) {
	t.Helper()
	rate, burst := 0.1+r.Float64()*50, 1+r.IntN(20)
	c := newClock()
	k := limit.New[int](rate, burst, 8, c.now)
	granted := map[int][]time.Time{}
	for range 400 {
		c.advance(time.Duration(r.Int64N(int64(200 * time.Millisecond))))
		key := r.IntN(8) // as many as are remembered: none is forgotten
		ok, wait := k.Allow(key)
		if !ok && r.IntN(4) == 0 {
			c.advance(wait)
			if ok = allow(k, key); !ok {
				t.Fatalf("rate %v burst %d: no token after waiting %v", rate, burst, wait)
			}
		}
		if ok {
			granted[key] = append(granted[key], c.now())
		}
	}
	for key, times := range granted {
		for from := range times {
			for to := from; to < len(times); to++ {
				most := float64(burst) + rate*times[to].Sub(times[from]).Seconds() + 1e-6
				if got := float64(to - from + 1); got > most {
					t.Fatalf("rate %v burst %d: key %d got %v tokens, at most %v", rate, burst, key, got, most)
				}
			}
		}
	}
}

func TestKeyedIsBoundedUnderConcurrentUse(t *testing.T) {
	k := limit.New[int](10, 2, 100, time.Now)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 5000 {
				k.Allow(g*5000 + i%700)
			}
		})
	}
	wg.Wait()
	if k.Len() != 100 {
		t.Errorf("Len = %d, want 100", k.Len())
	}
}

func BenchmarkAllow(b *testing.B) {
	k := limit.New[int](1e9, 1, 1<<16, time.Now)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		k.Allow(i & 0xffff)
	}
}
