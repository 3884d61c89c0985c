package limit_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// who returns the n-th client.
func who(n int) netip.Prefix {
	return limit.Prefix(netip.AddrFrom4([4]byte{203, 0, byte(n >> 8), byte(n)}))
}

// pull takes bytes for a client until ctx ends, and counts them.
func pull(ctx context.Context, s *limit.Shaper, key netip.Prefix, count *atomic.Int64) {
	var f limit.Stream
	for ctx.Err() == nil {
		n, _, err := s.Take(ctx, &f, key, 1<<20)
		if err != nil {
			return
		}
		if !s.On() {
			time.Sleep(time.Millisecond) // a line without a limit is still finite
		}
		count.Add(int64(n))
	}
}

// near fails when got is more than tolerance (0.05: five percent) away.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if got < want*(1-tolerance) || got > want*(1+tolerance) {
		t.Errorf("%s: %.0f, want %.0f ± %.1f %%", what, got, want, tolerance*100)
	}
}

func TestShaperHoldsRates(t *testing.T) {
	tests := []struct {
		name               string
		total, per         int64
		clients, streams   int
		wantTotal, wantPer float64 // bytes per second
	}{
		{"one client", 20e6, 0, 1, 1, 20e6, 20e6},
		{"ten clients", 20e6, 0, 10, 1, 20e6, 2e6},
		{"a hundred clients", 20e6, 0, 100, 1, 20e6, 200e3},
		{"a thousand clients", 20e6, 0, 1000, 1, 20e6, 20e3},
		{"a client with twenty streams", 20e6, 0, 1, 20, 20e6, 20e6},
		{"very slow", 10e3, 0, 1, 1, 10e3, 10e3},
		{"very slow, shared", 10e3, 0, 5, 1, 10e3, 2e3},
		{"very fast", 1e9, 0, 10, 1, 1e9, 1e8},
		{"per client", 0, 1e6, 10, 1, 10e6, 1e6},
		{"per client, many streams", 0, 1e6, 3, 20, 3e6, 1e6},
		{"per client, very slow", 0, 10e3, 10, 2, 100e3, 10e3},
		{"the total is less", 5e6, 1e6, 10, 4, 5e6, 500e3},
		{"the clients are less", 50e6, 1e6, 10, 4, 10e6, 1e6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := limit.NewShaper(time.Now)
				s.Set(tt.total, tt.per)
				counts := make([]atomic.Int64, tt.clients)
				ctx, cancel := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				for i := range tt.clients * tt.streams {
					wg.Go(func() { pull(ctx, s, who(i%tt.clients), &counts[i%tt.clients]) })
				}
				time.Sleep(6 * time.Second) // the first comers had the line for themselves
				before := make([]int64, tt.clients)
				for i := range counts {
					before[i] = counts[i].Load()
				}
				time.Sleep(10 * time.Second)
				after := make([]int64, tt.clients)
				for i := range counts {
					after[i] = counts[i].Load()
				}
				cancel()
				wg.Wait()
				var total float64
				for i := range counts {
					got := float64(after[i]-before[i]) / 10
					total += got
					near(t, "one client", got, tt.wantPer, 0.05)
				}
				near(t, "all", total, tt.wantTotal, 0.02)
				if s.Waiting() != 0 {
					t.Errorf("%d bytes still wait", s.Waiting())
				}
			})
		})
	}
}

// TestShaperSharesByClient sets one client with twenty streams against others
// with one, on machines where timers and goroutines are late.
func TestShaperSharesByClient(t *testing.T) {
	for _, late := range []time.Duration{0, 20 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := limit.NewShaper(time.Now)
			s.Set(20e6, 0)
			ctx, cancel := context.WithCancel(t.Context())
			var greedy, modest atomic.Int64
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() { pull(ctx, s, who(1), &greedy) })
			}
			wg.Go(func() {
				var f limit.Stream
				r := rand.New(rand.NewPCG(1, 1))
				for ctx.Err() == nil {
					n, _, err := s.Take(ctx, &f, who(2), 1<<20)
					if err == nil {
						modest.Add(int64(n))
					}
					if late > 0 {
						time.Sleep(time.Duration(r.Int64N(int64(late))))
					}
				}
			})
			time.Sleep(10 * time.Second)
			cancel()
			wg.Wait()
			near(t, "the client with one stream", float64(modest.Load()), 100e6, 0.05)
			near(t, "the client with twenty", float64(greedy.Load()), 100e6, 0.05)
		})
	}
}

// TestShaperFollowsNewRates changes the rates under transfers.
func TestShaperFollowsNewRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := limit.NewShaper(time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		var count atomic.Int64
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() { pull(ctx, s, who(i), &count) })
		}
		steps := []struct {
			total, per int64
			want       float64
		}{{20e6, 0, 20e6}, {10e3, 0, 10e3}, {50e6, 0, 50e6}, {0, 100e3, 1e6}, {0, 1e6, 10e6}, {1e6, 1e6, 1e6}}
		for _, step := range steps {
			s.Set(step.total, step.per)
			time.Sleep(time.Second)
			before := count.Load()
			time.Sleep(5 * time.Second)
			near(t, "after a change", float64(count.Load()-before)/5, step.want, 0.05)
		}
		s.Set(0, 0)
		before := count.Load()
		time.Sleep(10 * time.Millisecond)
		if n := count.Load() - before; n < 50<<20 { // ten streams of a MiB each millisecond
			t.Errorf("after the limits were lifted only %d bytes passed", n)
		}
		if s.On() {
			t.Error("On without limits")
		}
		cancel()
		wg.Wait()
	})
}

func TestShaperShortAnswersGoAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := limit.NewShaper(time.Now)
		s.Set(100e3, 0)
		ctx, cancel := context.WithCancel(t.Context())
		var bulk atomic.Int64
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() { pull(ctx, s, who(i), &bulk) })
		}
		passed, refused := 0, 0
		for range 1000 { // 200 kB/s of short answers, for 10 s
			if s.Small(who(99), 2000) {
				passed += 2000
			} else {
				refused += 2000
			}
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
		wg.Wait()
		if passed < 450e3 || passed > 600e3 {
			t.Errorf("%d bytes of short answers went ahead, want about half of the rate", passed)
		}
		if refused == 0 {
			t.Error("short answers alone may pass the rate")
		}
		near(t, "all together", float64(bulk.Load())+float64(passed), 1000e3, 0.08)
		if bulk.Load() < 400e3 {
			t.Errorf("long transfers got only %d bytes", bulk.Load())
		}
	})
}

func TestShaperLeavingAndReturning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := limit.NewShaper(time.Now)
		s.Set(10e3, 0)
		var f limit.Stream
		n, waited, err := s.Take(t.Context(), &f, who(1), 1<<20)
		if n != 1024 || waited != 0 || err != nil { // the smallest slice
			t.Fatal(n, waited, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if n, waited, err := s.Take(ctx, &f, who(1), 1<<20); n != 0 || waited != 10*time.Millisecond || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(n, waited, err)
		}
		if s.Waiting() != 0 || s.Waited() != 10*time.Millisecond {
			t.Errorf("%d waiting, %v waited", s.Waiting(), s.Waited())
		}
		s.Return(who(1), 1024) // and now it may pass again
		if n, waited, err := s.Take(t.Context(), &f, who(1), 1<<20); n != 1024 || waited != 0 || err != nil {
			t.Error(n, waited, err)
		}
		start := time.Now()
		if err := s.Wait(t.Context(), who(1), 20_000); err != nil {
			t.Fatal(err)
		}
		near(t, "Wait for 20 kB at 10 kB/s, ms", float64(time.Since(start).Milliseconds()), 2000, 0.05)
	})
}

// TestShaperForgets shows that the number of remembered clients is bounded
// by those that were here in the last second.
func TestShaperForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := limit.NewShaper(time.Now)
		s.Set(0, 1e6)
		var f limit.Stream
		for i := range 50_000 {
			key := limit.Prefix(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
			if _, _, err := s.Take(t.Context(), &f, key, 100); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Millisecond)
		}
		if n := s.Clients(); n > 2048 {
			t.Errorf("%d clients are remembered", n)
		}
	})
}

// TestShaperInRealTime looks for races and lost wakeups.
func TestShaperInRealTime(t *testing.T) {
	s := limit.NewShaper(time.Now)
	s.Set(50e6, 5e6)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			var f limit.Stream
			for range 40 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+r.IntN(20))*time.Millisecond)
				n, _, err := s.Take(ctx, &f, who(r.IntN(5)), 1+r.IntN(1<<20))
				cancel()
				if err == nil && r.IntN(2) == 0 {
					s.Return(who(r.IntN(5)), r.IntN(n+1))
				}
				if r.IntN(10) == 0 {
					s.Set(r.Int64N(2)*50e6, r.Int64N(2)*5e6)
				}
				s.Small(who(r.IntN(5)), 500)
			}
		})
	}
	wg.Wait()
	s.Set(1e9, 0)
	if err := s.Wait(t.Context(), who(7), 1<<20); err != nil || s.Waiting() != 0 {
		t.Error(err, s.Waiting())
	}
}

func BenchmarkShaper(b *testing.B) {
	for name, rate := range map[string]int64{"off": 0, "on": 1 << 50} {
		b.Run(name, func(b *testing.B) {
			s := limit.NewShaper(time.Now)
			s.Set(rate, rate)
			var f limit.Stream
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.Take(b.Context(), &f, who(1), 1<<10); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestShaperKeepsItsPromise checks, for random traffic, what a byte rate is
// for: in no stretch of time does more pass than the rate allows, with a
// quarter of a second made up for, and the reserve of short answers.
func TestShaperKeepsItsPromise(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) { checkShaper(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func FuzzShaper(f *testing.F) {
	f.Add(uint64(1))
	f.Add(uint64(1 << 40))
	f.Fuzz(func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) { checkShaper(t, rand.New(rand.NewPCG(seed, 2))) })
	})
}

func checkShaper(t *testing.T, r *rand.Rand) {
	total, per := 1000*(1+r.Int64N(20_000)), 1000*(1+r.Int64N(5_000))
	s := limit.NewShaper(time.Now)
	s.Set(total, per)
	var mu sync.Mutex
	var grants []grant
	note := func(client, n int) {
		mu.Lock()
		defer mu.Unlock()
		grants = append(grants, grant{time.Now(), client, n})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for i := range 12 {
		own := rand.New(rand.NewPCG(r.Uint64(), uint64(i)))
		wg.Go(func() {
			var f limit.Stream
			for ctx.Err() == nil {
				client := i % 5
				if own.IntN(8) == 0 {
					if n := own.IntN(5000); s.Small(who(client), n) {
						note(client, n)
					}
				}
				n, _, err := s.Take(ctx, &f, who(client), 1+own.IntN(1<<20))
				if err != nil {
					return
				}
				unused := 0
				if own.IntN(5) == 0 {
					unused = own.IntN(n + 1)
				}
				note(client, n-unused)
				s.Return(who(client), unused)
				time.Sleep(time.Duration(own.Int64N(int64(40 * time.Millisecond))))
			}
		})
	}
	wg.Wait()
	checkGrants(t, "all", grants, total, func(grant) bool { return true })
	for client := range 5 {
		checkGrants(t, "one client", grants, per, func(g grant) bool { return g.client == client })
	}
	if s.Waiting() != 0 {
		t.Errorf("%d bytes still wait", s.Waiting())
	}
}

// checkGrants looks at every window of those grants that of admits: no more
// may go through than the rate, a burst and one piece.
func checkGrants(t *testing.T, what string, grants []grant, rate int64, of func(grant) bool) {
	t.Helper()
	most := func(d time.Duration) float64 {
		kept := max(float64(rate)/4, 2048)
		return float64(rate)*d.Seconds() + kept + max(float64(rate)/4, 64<<10) + 1
	}
	for from := 0; from < len(grants); from += 1 + len(grants)/200 {
		var sum float64
		for _, g := range grants[from:] {
			if !of(g) {
				continue
			}
			sum += float64(g.n)
			if d := g.at.Sub(grants[from].at); sum > most(d) {
				t.Fatalf("%s: %.0f bytes in %v at %d/s, at most %.0f", what, sum, d, rate, most(d))
			}
		}
	}
}

// grant is how many bytes a client was granted when.
type grant struct {
	at     time.Time
	client int
	n      int
}
