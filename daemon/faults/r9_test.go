package faults

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// Steam answers 503 for a while and a client asks ten times a second. It is
// told to come back, Steam is asked ever more rarely, and afterwards the mod
// comes.
func TestR9_SteamOutage(t *testing.T) {
	t.Parallel()
	random := seed(t)
	outage, most := 8*time.Second, 3
	if long() {
		outage, most = 60*time.Second, 15
	}
	steam := steamtest.New(t)
	steam.SetRetryAfter(0)
	steam.FailAPI(steamtest.Unavailable, -1)
	want := newContents()
	want.offer(random, steam, 0x100, 100_000)
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL()))
	p.start()
	asked, denied := 0, 0
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(outage); time.Now().Before(end); <-tick.C {
		status, _, err := get(p.url("/" + name(0x100)))
		if err != nil || status != http.StatusAccepted && status != http.StatusNotFound {
			t.Fatalf("status %d, %v", status, err)
		}
		if asked++; status == http.StatusNotFound {
			denied++
		}
	}
	calls := steam.CallCount()
	if calls > most {
		t.Errorf("%d calls to Steam in %s, want at most %d", calls, outage, most)
	}
	steam.FailAPI(steamtest.None, 0)
	back := eventually(t, 100*time.Second, "the mod comes after the outage", func() bool {
		want.ask(t, p, name(0x100), http.StatusNotFound)
		return want.missing() == 0 || t.Failed()
	})
	figures(t, "%d polls in %s of 503: %d calls to Steam (at most %d allowed), %d polls answered 404, mod here %d s after the outage",
		asked, outage, calls, most, denied, int(back.Seconds()))
}

// Every item's download goes wrong in another way at once. What is here is
// served as before, nothing broken is ever served, no more than four
// downloads run, and no redirect leads inwards.
func TestR9_EveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	random := seed(t)
	steam := steamtest.New(t)
	here := newContents()
	here.offer(random, steam, 0x100, 20_000)
	host, most := countingHost(t)
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL()))
	p.start()
	here.poll(t, p, time.Now().Add(20*time.Second))
	// Faults that end by themselves come first, so that the slow ones do not
	// hold every slot for the whole test.
	var quick, slow []uint64
	for i, f := range steamtest.Faults() {
		id := uint64(0x200 + i)
		steam.Put(steamtest.Item{ID: id, Updated: version, Content: steamtest.Zip(map[string]string{"a": randomText(random, 100_000)}), File: f})
		if f == steamtest.Hang || f == steamtest.Stall || f == steamtest.Drip || f == steamtest.Endless {
			slow = append(slow, id)
		} else {
			quick = append(quick, id)
		}
	}
	for i := range uint64(12) {
		content := steamtest.Zip(map[string]string{"a": fmt.Sprint(i)})
		steam.Put(steamtest.Item{ID: 0x300 + i, Updated: version, Content: content, URL: fmt.Sprintf("%s/%d", host, i)})
		quick = append(quick, 0x300+i)
	}
	ids := append(quick, slow...)
	before := latencies(t, p, here, 400, nil)
	polls := 500
	if long() {
		polls = 5000
	}
	during := latencies(t, p, here, polls, func(i int) {
		time.Sleep(5 * time.Millisecond)
		id := ids[i%len(ids)]
		status, body, err := get(p.url("/" + name(id)))
		if err != nil || status != http.StatusAccepted && status != http.StatusNotFound {
			t.Errorf("%s: status %d, %v, %d bytes", name(id), status, err, len(body))
		}
	})
	began := make(map[uint64]bool)
	for _, d := range steam.Downloads() {
		began[d.ID] = true
	}
	if n := most.Load(); n > 4 {
		t.Errorf("%d downloads at once, want at most 4", n)
	}
	if n := steam.Trapped(); n > 0 {
		t.Errorf("%d redirects led to an address inside", n)
	}
	b, d := percentile(before, 99), percentile(during, 99)
	// Whatever else runs on the machine makes the slowest answers slower; the
	// usual one tells whether requests wait for what is slow.
	if usual, was := percentile(during, 50), percentile(before, 50); usual > 5*was+50*time.Millisecond {
		t.Errorf("a stored mod usually takes %s, %s before", usual, was)
	}
	took, code := p.stop()
	if took > 10*time.Second || code != 0 {
		t.Errorf("stopped after %s with exit code %d", took, code)
	}
	figures(t, "%d faults (%d reached) and %d items on a slow host at once: 0 broken zips served, %d downloads at once, 0 inward redirects, p99 of a stored mod %s (%s before), stopped in %d ms",
		len(steamtest.Faults()), len(began)-1, 12, most.Load(), d.Round(10*time.Microsecond), b.Round(10*time.Microsecond), took.Milliseconds())
}

// countingHost has nothing, says so slowly, and remembers how many requests
// were under way at once.
func countingHost(t *testing.T) (url string, most *atomic.Int64) {
	t.Helper()
	var now atomic.Int64
	most = new(atomic.Int64)
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-r.Context().Done():
		}
		http.Error(w, "not yet", http.StatusNotFound)
	}))
	t.Cleanup(host.Close)
	return host.URL, most
}

// latencies asks n times for a stored mod, with beside after each, and
// returns how long each answer took.
func latencies(t *testing.T, p *program, c *contents, n int, beside func(int)) []time.Duration {
	t.Helper()
	var all []time.Duration
	for i := range n {
		began := time.Now()
		if !c.ask(t, p, name(0x100)) {
			break
		}
		all = append(all, time.Since(began))
		if beside != nil {
			beside(i)
		}
	}
	return all
}

func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)*p/100, len(all)-1)]
}
