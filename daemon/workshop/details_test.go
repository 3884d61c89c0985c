package workshop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// fakeSteam is a DetailsClient that answers from a function and remembers
// when it was asked what.
type fakeSteam struct {
	mu     sync.Mutex
	calls  []fakeCall
	answer func(ids []uint64) ([]webapi.FileDetails, error)
	state  webapi.State
	delay  time.Duration
}

type fakeCall struct {
	at  time.Time
	ids []uint64
}

func (f *fakeSteam) FileDetails(ctx context.Context, ids []uint64) ([]webapi.FileDetails, error) {
	f.mu.Lock()
	f.calls = append(f.calls, fakeCall{time.Now(), slices.Clone(ids)})
	answer, delay := f.answer, f.delay
	f.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if answer == nil {
		answer = func(ids []uint64) ([]webapi.FileDetails, error) {
			return withResult(ids, webapi.ResultFileNotFound), nil
		}
	}
	return answer(ids)
}

func (f *fakeSteam) State() webapi.State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

func (f *fakeSteam) retryIn(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state.RetryAt = time.Now().Add(d)
}

func (f *fakeSteam) made() []fakeCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *fakeSteam) set(answer func(ids []uint64) ([]webapi.FileDetails, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

func withResult(ids []uint64, result int) []webapi.FileDetails {
	out := make([]webapi.FileDetails, len(ids))
	for i, id := range ids {
		out[i] = webapi.FileDetails{ID: id, Result: result}
		if result == webapi.ResultOK {
			out[i].Updated = 100
		}
	}
	return out
}

// detailsRig runs a Details in a bubble of fake time.
type detailsRig struct {
	*Details
	log bytes.Buffer

	mu      sync.Mutex
	answers []DetailsAnswer
	stop    context.CancelFunc
	ended   chan error
}

func startDetails(t *testing.T, client DetailsClient) *detailsRig {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &detailsRig{stop: stop, ended: make(chan error, 1)}
	log := slog.New(slog.NewTextHandler(&r.log, nil))
	r.Details = NewDetails(client, durable.System, log, func(a []DetailsAnswer) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.answers = append(r.answers, a...)
	})
	go func() { r.ended <- r.Run(ctx) }()
	return r
}

// finish stops Run and returns what was delivered.
func (r *detailsRig) finish(t *testing.T) []DetailsAnswer {
	t.Helper()
	r.stop()
	if err := <-r.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
	return r.delivered()
}

func (r *detailsRig) delivered() []DetailsAnswer {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.answers)
}

func TestDetails_GathersIntoFewCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steam, start := &fakeSteam{}, time.Now()
		d := startDetails(t, steam)
		for id := range ItemID(100) {
			for range 10 { // ten clients want the same
				if !d.Ask(id + 1) {
					t.Fatal("refused")
				}
			}
		}
		time.Sleep(200 * time.Millisecond)
		for id := range ItemID(50) {
			d.Ask(id + 101)
		}
		time.Sleep(5 * time.Second)
		answers, calls := d.finish(t), steam.made()
		if len(calls) != 2 || len(calls[0].ids) != 100 || len(calls[1].ids) != 50 {
			t.Fatalf("%d calls", len(calls))
		}
		if first, second := calls[0].at.Sub(start), calls[1].at.Sub(start); first != 250*time.Millisecond || second != 1250*time.Millisecond {
			t.Errorf("calls after %v and %v", first, second)
		}
		if len(answers) != 150 || answers[0].Item != 1 || answers[149].Item != 150 {
			t.Errorf("%d answers, oldest question first expected", len(answers))
		}
		for _, a := range answers {
			if a.Err != nil || a.Details.ID != uint64(a.Item) || a.Details.Class() != webapi.Gone {
				t.Errorf("%+v", a)
			}
		}
	})
}

func TestDetails_OncePerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steam := &fakeSteam{}
		d := startDetails(t, steam)
		for range 1800 { // three minutes of one client that polls
			d.Ask(7)
			time.Sleep(100 * time.Millisecond)
		}
		d.finish(t)
		calls := steam.made()
		if len(calls) != 3 {
			t.Errorf("%d calls in three minutes, want 3", len(calls))
		}
		for i := range calls[1:] {
			if gap := calls[i+1].at.Sub(calls[i].at); gap < time.Minute {
				t.Errorf("asked again after %v", gap)
			}
		}
	})
}

// TestR9_SteamAnswers503 is a minute of outage with a client that polls
// ten times a second, through the real client and its breaker.
func TestR9_SteamAnswers503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls, status atomic.Int64
		status.Store(http.StatusServiceUnavailable)
		client := webapi.New(webapi.Options{Key: "0123456789SECRET", HTTP: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			calls.Add(1)
			body := `{"response":{"publishedfiledetails":[{"publishedfileid":"7","result":1,"time_updated":100}]}}`
			return &http.Response{StatusCode: int(status.Load()), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		})}})
		d := startDetails(t, client)
		for range 600 {
			d.Ask(7)
			time.Sleep(100 * time.Millisecond)
		}
		answers := d.delivered()
		during := calls.Load()
		if during < 2 || during > 5 {
			t.Errorf("%d calls in a minute of 503, want 2 to 5", during)
		}
		for _, a := range answers {
			if f, ok := errors.AsType[*fault.Error](a.Err); !ok || f.Kind != fault.Unavailable || f.RetryAfter < 4*time.Second || a.Details != nil {
				t.Errorf("during the outage: %+v", a)
			}
		}
		if len(answers) != int(during) {
			t.Errorf("%d failures reported of %d calls", len(answers), during)
		}
		status.Store(http.StatusOK)
		time.Sleep(2 * time.Minute) // nobody asks again: the question is still open
		answers = d.finish(t)
		if last := answers[len(answers)-1]; last.Err != nil || last.Details.Updated != 100 || calls.Load() != during+1 {
			t.Errorf("after the outage: %+v, %d calls", last, calls.Load()-during)
		}
		if log := d.log.String(); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "answers again") || strings.Contains(log, "SECRET") || strings.Contains(log, `hint=""`) {
			t.Errorf("log:\n%s", log)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestR10_DetailsFlood asks for 50 000 items that do not exist, over and over.
func TestR10_DetailsFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steam, start := &fakeSteam{}, time.Now()
		d := startDetails(t, steam)
		refused := false
		for i := range 2 * 60 * 10 { // two minutes, 20 000 questions a second
			for j := range 2000 {
				refused = !d.Ask(ItemID((i*2000+j)%50_000+1)) || refused
			}
			if n := d.Waiting(); n > 10_000 {
				t.Fatalf("%d items wait", n)
			}
			time.Sleep(100 * time.Millisecond)
		}
		elapsed := time.Since(start)
		d.finish(t)
		if !refused {
			t.Error("nothing was ever refused")
		}
		calls, asked := steam.made(), map[uint64]time.Time{}
		if max := int(elapsed/time.Second) + 1; len(calls) > max || len(calls) < max-5 {
			t.Errorf("%d calls in %v", len(calls), elapsed)
		}
		for i, c := range calls {
			if i > 0 && c.at.Sub(calls[i-1].at) < time.Second {
				t.Errorf("call %d came %v after the one before", i, c.at.Sub(calls[i-1].at))
			}
			if len(c.ids) > 100 {
				t.Errorf("call %d names %d ids", i, len(c.ids))
			}
			for _, id := range c.ids {
				if before, ok := asked[id]; ok && c.at.Sub(before) < time.Minute {
					t.Fatalf("item %d asked again after %v", id, c.at.Sub(before))
				}
				asked[id] = c.at
			}
		}
		d.Details.mu.Lock()
		defer d.Details.mu.Unlock()
		if n := len(d.asked); n > 6200 {
			t.Errorf("%d answered items are remembered", n)
		}
	})
}

func TestDetails_OneItemWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steam := &fakeSteam{answer: func(ids []uint64) ([]webapi.FileDetails, error) {
			out := withResult(ids, webapi.ResultOK)
			for i := range out {
				if out[i].ID == 13 {
					out[i] = webapi.FileDetails{ID: 13}
				}
			}
			return out, nil
		}}
		d := startDetails(t, steam)
		d.Ask(12)
		d.Ask(13)
		d.Ask(14)
		time.Sleep(10 * time.Minute)
		var failures []time.Duration
		for _, a := range d.finish(t) {
			switch f, _ := errors.AsType[*fault.Error](a.Err); {
			case a.Item == 13 && f != nil && f.Kind == fault.Unavailable:
				failures = append(failures, f.RetryAfter)
			case a.Item == 13 || a.Err != nil || a.Details.Updated != 100:
				t.Errorf("%+v", a)
			}
		}
		if n := len(failures); n < 5 || n > 8 {
			t.Errorf("%d attempts in ten minutes, want 5 to 8", n)
		}
		want := 5 * time.Second
		for i, got := range failures {
			if got < want || got > want*6/5 {
				t.Errorf("wait %d: %v, want %v plus at most a fifth", i, got, want)
			}
			want = min(2*want, 10*time.Minute)
		}
		if first := steam.made()[0].ids; len(first) != 3 {
			t.Errorf("first call: %v", first)
		}
	})
}

func TestDetails_BudgetUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steam := &fakeSteam{answer: func([]uint64) ([]webapi.FileDetails, error) { return nil, webapi.ErrBudget }}
		d := startDetails(t, steam)
		d.Ask(1)
		time.Sleep(time.Second)
		d.Ask(2) // asked while nothing can be done: told at once
		time.Sleep(time.Second)
		answers := d.delivered()
		if len(answers) != 2 || answers[1].Item != 2 || !fault.Is(answers[1].Err, fault.Unavailable) {
			t.Fatalf("%+v", answers)
		}
		steam.set(nil)
		for range 23 * 60 {
			d.Ask(1)
			time.Sleep(time.Minute)
		}
		if n := len(steam.made()); n != 1 {
			t.Errorf("%d calls before midnight", n)
		}
		time.Sleep(time.Hour) // the bubble's time began at midnight UTC
		d.Ask(1)
		time.Sleep(time.Minute)
		d.finish(t)
		if n := len(steam.made()); n != 2 {
			t.Errorf("%d calls after midnight", n)
		}
		if !strings.Contains(d.log.String(), "steam.daily_limit") {
			t.Errorf("no hint in the log:\n%s", d.log.String())
		}
	})
}

func TestDetails_RefusedKeyIsExplained(t *testing.T) {
	for keyed, hint := range map[bool]string{true: "check steam.api_key", false: "set steam.api_key"} {
		synctest.Test(t, func(t *testing.T) {
			steam := &fakeSteam{state: webapi.State{Keyed: keyed}}
			steam.set(func([]uint64) ([]webapi.FileDetails, error) { return nil, &webapi.StatusError{Status: 403} })
			d := startDetails(t, steam)
			d.Ask(1)
			time.Sleep(time.Second)
			d.finish(t)
			if !strings.Contains(d.log.String(), hint) {
				t.Errorf("keyed %v: no hint in the log:\n%s", keyed, d.log.String())
			}
		})
	}
}

func TestDetails_RateLimitedItemHoldsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steam := &fakeSteam{}
		steam.retryIn(30 * time.Second)
		steam.set(func(ids []uint64) ([]webapi.FileDetails, error) {
			return withResult(ids, webapi.ResultRateLimited), nil
		})
		d := startDetails(t, steam)
		d.Ask(1)
		time.Sleep(time.Second)
		steam.set(nil)
		d.Ask(2)
		time.Sleep(28 * time.Second)
		if n := len(steam.made()); n != 1 {
			t.Errorf("%d calls while held", n)
		}
		time.Sleep(3 * time.Second)
		answers := d.finish(t)
		last := answers[len(answers)-2:]
		if len(steam.made()) != 2 || last[0].Err != nil || last[1].Err != nil {
			t.Errorf("%d calls, last answers %+v", len(steam.made()), last)
		}
	})
}

func TestDetails_ForgetsTheForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steam := &fakeSteam{state: webapi.State{RetryAt: time.Now().Add(time.Hour)}}
		steam.set(func([]uint64) ([]webapi.FileDetails, error) { return nil, &webapi.StatusError{Status: 503} })
		d := startDetails(t, steam)
		d.Ask(1)
		time.Sleep(50 * time.Minute)
		d.Ask(2)
		time.Sleep(9 * time.Minute)
		steam.set(nil)
		time.Sleep(2 * time.Minute)
		d.finish(t)
		calls := steam.made()
		if len(calls) != 2 || !slices.Equal(calls[1].ids, []uint64{2}) {
			t.Errorf("calls %v", calls)
		}
	})
}

func TestDetails_Lookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steam := &fakeSteam{delay: 2 * time.Second}
		d := startDetails(t, steam)
		d.Ask(7)
		time.Sleep(time.Second) // in flight
		got, err := d.Lookup(t.Context(), 7)
		if err != nil || got.Class() != webapi.Gone || len(steam.made()) != 2 {
			t.Errorf("%+v, %v after %d calls: an answer from before the question does not do", got, err, len(steam.made()))
		}
		start := time.Now()
		if _, err = d.Lookup(t.Context(), 7); err != nil || time.Since(start) > 4*time.Second {
			t.Errorf("a moment later: %v after %v", err, time.Since(start))
		}
		steam.retryIn(10 * time.Minute)
		steam.set(func([]uint64) ([]webapi.FileDetails, error) { return nil, &webapi.StatusError{Status: 503} })
		for i := range 2 { // the call that fails, then the hold
			start = time.Now()
			if _, err = d.Lookup(t.Context(), 7); !fault.Is(err, fault.Unavailable) || time.Since(start) > 4*time.Second {
				t.Errorf("outage %d: %v after %v", i, err, time.Since(start))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err = d.Lookup(ctx, 8); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("impatient: %v", err)
		}
		d.finish(t)
	})
}
