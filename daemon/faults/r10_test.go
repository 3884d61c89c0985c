package faults

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// A scanner asks for ever new ids that do not exist. Steam gets at most one
// call a second and never more than the day's budget, and memory stays
// bounded.
func TestR10_DistinctMissingIDs(t *testing.T) {
	t.Parallel()
	random := seed(t)
	ids, within, budget := 20_000, 5*time.Second, 4
	if long() {
		ids, within, budget = 100_000, time.Minute, 40
	}
	steam := steamtest.New(t)
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\ndaily_limit = %d\n[workshop.ns2]\nkeep_alive = true\n[log]\nlevel = \"warn\"\n", steam.URL(), budget))
	p.start()
	p.admin()
	before := residentKB(t, p)
	first := random.Uint64() >> 1
	began := time.Now()
	statuses := flood(t, p, first, ids, within)
	took := time.Since(began)
	eventually(t, within+time.Duration(budget+5)*time.Second, "the day's budget is used up", func() bool { return steam.CallCount() >= budget })
	time.Sleep(2500 * time.Millisecond) // two more calls would fit in here
	grown := residentKB(t, p) - before

	calls := steam.Calls()
	if len(calls) > budget {
		t.Errorf("%d calls to Steam, the daily limit is %d", len(calls), budget)
	}
	asked, closest := 0, time.Hour
	for i, call := range calls {
		asked += len(call.IDs)
		if i > 0 {
			closest = min(closest, call.Time.Sub(calls[i-1].Time))
		}
	}
	// They begin a second apart; how long each takes to arrive differs.
	if span, want := calls[len(calls)-1].Time.Sub(calls[0].Time), time.Duration(len(calls)-1)*time.Second; span < want-500*time.Millisecond || closest < 500*time.Millisecond {
		t.Errorf("%d calls to Steam within %s, the closest %s apart", len(calls), span, closest)
	}
	if grown > 96<<10 {
		t.Errorf("memory grew by %d KB", grown)
	}
	var s struct{ Problems []problem }
	p.must(http.StatusOK, http.MethodGet, "/api/v1/mods/status", nil, &s)
	if !has(s.Problems, "steam_budget") {
		t.Errorf("the used up budget is not named: %v", s.Problems)
	}
	figures(t, "%d distinct ids in %.1f s: %v; %d calls to Steam of at most %d, the closest %.2f s apart, %d ids asked; memory +%d MB",
		ids, took.Seconds(), statuses, len(calls), budget, closest.Seconds(), asked, grown>>10)
}

// flood asks for n ids from first on over eight connections, no faster than
// all within the time, and returns how often each status came.
func flood(t *testing.T, p *program, first uint64, n int, within time.Duration) map[int]int64 {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}, Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var accepted, missing atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range 8 {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				time.Sleep(time.Until(began.Add(within * time.Duration(i) / time.Duration(n))))
				status, err := head(client, p.url("/"+name(first+uint64(i))))
				switch {
				case err != nil:
					t.Error(err)
					return
				case status == http.StatusAccepted:
					accepted.Add(1)
				case status == http.StatusNotFound:
					missing.Add(1)
				default:
					t.Errorf("status %d", status)
					return
				}
			}
		})
	}
	wg.Wait()
	return map[int]int64{http.StatusAccepted: accepted.Load(), http.StatusNotFound: missing.Load()}
}

func head(client *http.Client, url string) (int, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// residentKB returns the memory of the process, 0 where the system does not
// say.
func residentKB(t *testing.T, p *program) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
