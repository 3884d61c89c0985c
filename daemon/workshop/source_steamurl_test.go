package workshop

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

const steamItem, steamVersion = 0x5f3f7c0, 1348957670

// boundedSink keeps what is written, up to a bound.
type boundedSink struct {
	bytes.Buffer
	max, expected int64
}

func (s *boundedSink) Progress(int64, int64) {}

func (s *boundedSink) Expect(total int64) error {
	s.expected = total
	if total > s.max {
		return fault.New(fault.TooLarge, "too large")
	}
	return nil
}

func (s *boundedSink) Write(p []byte) (int, error) {
	if int64(s.Len()+len(p)) > s.max {
		return 0, fault.New(fault.TooLarge, "too large")
	}
	return s.Buffer.Write(p)
}

// offsetClock is the computer's clock, moved by tests.
type offsetClock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *offsetClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *offsetClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

func (c *offsetClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// urlRig is a steam-url source before a fake Steam that has one item.
type urlRig struct {
	*SteamURL
	steam   *steamtest.Steam
	clock   *offsetClock
	log     bytes.Buffer
	content []byte
	lookups int
}

func newURLRig(t *testing.T, file steamtest.Fault) *urlRig {
	t.Helper()
	r := &urlRig{steam: steamtest.New(t), clock: &offsetClock{}}
	r.content = steamtest.Zip(map[string]string{"lua/entry/mod.entry": strings.Repeat("modEntry = {}\n", 500), ".modinfo": "name"})
	r.steam.Put(steamtest.Item{ID: steamItem, Updated: steamVersion, Title: "map", Content: r.content, File: file})
	client := webapi.New(webapi.Options{BaseURL: r.steam.URL()})
	r.SteamURL = NewSteamURL(SteamURLOptions{
		APIURL: r.steam.URL(), Clock: r.clock, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Connect: 2 * time.Second, Header: time.Second, Stall: 150 * time.Millisecond,
		Lookup: func(ctx context.Context, id ItemID) (*webapi.FileDetails, error) {
			r.lookups++
			files, err := client.FileDetails(ctx, []uint64{uint64(id)})
			if err != nil {
				return nil, fault.Wrap(err, fault.Unavailable, "Steam is down")
			}
			return &files[0], nil
		},
	})
	return r
}

func (r *urlRig) details(t *testing.T) *webapi.FileDetails {
	t.Helper()
	files, err := webapi.New(webapi.Options{BaseURL: r.steam.URL()}).FileDetails(t.Context(), []uint64{steamItem})
	if err != nil {
		t.Fatal(err)
	}
	return &files[0]
}

func wantSteam(d *webapi.FileDetails, version int64) Want {
	return Want{Name: Name{Item: steamItem, Version: version}, Details: d, App: 4920}
}

func TestSteamURL_Fetches(t *testing.T) {
	r := newURLRig(t, steamtest.None)
	for _, version := range []int64{steamVersion, 0} {
		sink := &boundedSink{max: 1 << 20}
		got, err := r.Fetch(t.Context(), wantSteam(r.details(t), version), sink)
		if err != nil {
			t.Fatal(err)
		}
		if want := (Got{Version: steamVersion, Origin: "127.0.0.1", State: Fetching}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if !bytes.Equal(sink.Bytes(), r.content) || sink.expected != int64(len(r.content)) {
			t.Errorf("%d bytes arrived, %d expected, %d sent", sink.Len(), sink.expected, len(r.content))
		}
	}
	if r.lookups != 0 || r.log.Len() != 0 {
		t.Errorf("the address proves the content, yet %d lookups; log %s", r.lookups, r.log.String())
	}
	if h := r.steam.Downloads()[0].Header; h.Get("Accept-Encoding") != "identity" || h.Get("User-Agent") != "quartermaster" {
		t.Errorf("request header %v", h)
	}
}

func TestSteamURL_WhatSteamCannotSupply(t *testing.T) {
	r := newURLRig(t, steamtest.None)
	good := r.details(t)
	with := func(change func(*webapi.FileDetails)) *webapi.FileDetails {
		d := *good
		change(&d)
		return &d
	}
	for name, c := range map[string]struct {
		details *webapi.FileDetails
		version int64
		kind    fault.Kind
	}{
		"no details":      {nil, steamVersion, fault.Unavailable},
		"older version":   {good, steamVersion - 1, fault.NotFound},
		"newer version":   {good, steamVersion + 1, fault.NotFound},
		"no address":      {with(func(d *webapi.FileDetails) { d.URL = "" }), steamVersion, fault.NotFound},
		"gone":            {&webapi.FileDetails{ID: steamItem, Result: 9}, steamVersion, fault.NotFound},
		"banned":          {with(func(d *webapi.FileDetails) { d.Banned = true }), steamVersion, fault.NotFound},
		"local file":      {with(func(d *webapi.FileDetails) { d.URL = "file:///etc/passwd" }), steamVersion, fault.Invalid},
		"no host":         {with(func(d *webapi.FileDetails) { d.URL = "http:///x" }), steamVersion, fault.Invalid},
		"not an address":  {with(func(d *webapi.FileDetails) { d.URL = "http://%zz" }), steamVersion, fault.Invalid},
		"metadata":        {with(func(d *webapi.FileDetails) { d.URL = "http://169.254.169.254/x" }), steamVersion, fault.Invalid},
		"own machine":     {with(func(d *webapi.FileDetails) { d.URL = "http://localhost:22/" }), steamVersion, fault.Invalid},
		"private network": {with(func(d *webapi.FileDetails) { d.URL = "http://192.168.0.1/" }), steamVersion, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			sink := &boundedSink{max: 1 << 20}
			if _, err := r.Fetch(t.Context(), wantSteam(c.details, c.version), sink); !fault.Is(err, c.kind) {
				t.Errorf("%v, want kind %v", err, c.kind)
			}
			if sink.Len() != 0 {
				t.Errorf("%d bytes were written", sink.Len())
			}
		})
	}
	if n := len(r.steam.Downloads()); n != 0 {
		t.Errorf("%d downloads", n)
	}
}

func TestR9_DownloadFaults(t *testing.T) {
	kinds := map[steamtest.Fault]fault.Kind{
		steamtest.Hang: fault.Unavailable, steamtest.Stall: fault.Unavailable, steamtest.Drip: fault.Unavailable,
		steamtest.Endless: fault.Invalid, steamtest.Truncated: fault.Unavailable, steamtest.Short: fault.Invalid,
		steamtest.Long: fault.Invalid, steamtest.HTML: fault.Invalid, steamtest.Reset: fault.Unavailable,
		steamtest.ServerError: fault.Unavailable, steamtest.Unavailable: fault.Unavailable, steamtest.TooMany: fault.Unavailable,
		steamtest.Forbidden: fault.Unavailable, steamtest.NotFound: fault.Unavailable, steamtest.RedirectLoopback: fault.Invalid,
		steamtest.RedirectMetadata: fault.Invalid, steamtest.RedirectLoop: fault.Unavailable, steamtest.GzipBomb: fault.Invalid,
	}
	for _, f := range steamtest.Faults() {
		if f == steamtest.Corrupt {
			continue // TestSteamURL_ProofOfVersion
		}
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			kind, ok := kinds[f]
			if !ok {
				t.Fatal("no expectation for this fault")
			}
			r := newURLRig(t, f)
			r.steam.SetDrip(5 * time.Millisecond)
			start, sink := time.Now(), &boundedSink{max: 1 << 20}
			_, err := r.Fetch(t.Context(), wantSteam(r.details(t), steamVersion), sink)
			if !fault.Is(err, kind) {
				t.Errorf("%v, want kind %v", err, kind)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if sink.Len() > len(r.content) {
				t.Errorf("%d bytes were written, %d are stated", sink.Len(), len(r.content))
			}
			if e, ok := errors.AsType[*fault.Error](err); ok && (f == steamtest.TooMany || f == steamtest.Unavailable) && e.RetryAfter != 7*time.Second {
				t.Errorf("RetryAfter %v, want that of the host", e.RetryAfter)
			}
			if n := r.steam.Trapped(); n != 0 {
				t.Errorf("%d requests reached the inner network", n)
			}
		})
	}
}

// TestSteamURL_UnknownSize: without a stated size the sink's bound decides.
func TestSteamURL_UnknownSize(t *testing.T) {
	r := newURLRig(t, steamtest.Endless)
	d := r.details(t)
	d.Size = 0
	sink := &boundedSink{max: 100_000}
	if _, err := r.Fetch(t.Context(), wantSteam(d, steamVersion), sink); !fault.Is(err, fault.TooLarge) {
		t.Errorf("endless: %v, want TooLarge", err)
	}
	r = newURLRig(t, steamtest.None)
	d = r.details(t)
	d.Size = 0
	sink = &boundedSink{max: 10}
	if _, err := r.Fetch(t.Context(), wantSteam(d, steamVersion), sink); !fault.Is(err, fault.TooLarge) || sink.Len() != 0 {
		t.Errorf("stated by the host alone: %v after %d bytes, want TooLarge before the first", err, sink.Len())
	}
}

func TestSteamURL_ProofOfVersion(t *testing.T) {
	// plain makes the address one without a SHA-1 in it, so that only
	// Steam's details can tell.
	plain := func(r *urlRig) { r.steam.ServePlain(steamItem) }
	change := func(r *urlRig) {
		r.steam.Put(steamtest.Item{ID: steamItem, Updated: steamVersion + 5, Content: r.content})
	}
	for name, c := range map[string]struct {
		file          steamtest.Fault
		before, after func(*urlRig)
		ok            bool
		lookups       int
		log           string
	}{
		"address names the content":            {ok: true},
		"address names it, item changed":       {after: change, ok: true},
		"plain address, nothing changed":       {before: plain, ok: true, lookups: 1},
		"plain address, item changed":          {before: plain, after: change, lookups: 1},
		"plain address, item removed":          {before: plain, after: func(r *urlRig) { r.steam.Remove(steamItem) }, lookups: 1},
		"plain address, Steam down":            {before: plain, after: func(r *urlRig) { r.steam.FailAPI(steamtest.Unavailable, -1) }, lookups: 1},
		"other content than the address names": {file: steamtest.Corrupt, ok: true, lookups: 1, log: "SHA-1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newURLRig(t, c.file)
			if c.before != nil {
				c.before(r)
			}
			d, sink := r.details(t), &boundedSink{max: 1 << 20}
			hook := &hookedSink{boundedSink: sink}
			if c.after != nil {
				hook.once = func() { c.after(r) }
			}
			_, err := r.Fetch(t.Context(), wantSteam(d, steamVersion), hook)
			if c.ok != (err == nil) || err != nil && !fault.Is(err, fault.Unavailable) {
				t.Errorf("%v, want success %v or Unavailable", err, c.ok)
			}
			if r.lookups != c.lookups {
				t.Errorf("%d lookups, want %d", r.lookups, c.lookups)
			}
			if log := r.log.String(); c.log != "" != strings.Contains(log, "SHA-1") {
				t.Errorf("log %q", log)
			}
		})
	}
}

// hookedSink does something at the first byte, in the middle of a download.
type hookedSink struct {
	*boundedSink
	once func()
}

func (h *hookedSink) Write(p []byte) (int, error) {
	if h.once != nil {
		h.once()
		h.once = nil
	}
	return h.boundedSink.Write(p)
}

func TestSteamURL_LeavesAFailingHostAlone(t *testing.T) {
	r := newURLRig(t, steamtest.ServerError)
	d := r.details(t)
	for range 20 {
		_, err := r.Fetch(t.Context(), wantSteam(d, steamVersion), &boundedSink{max: 1 << 20})
		if !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
	}
	if n := len(r.steam.Downloads()); n != 1 {
		t.Errorf("%d requests to a failing host, want 1", n)
	}
	r.steam.Put(steamtest.Item{ID: steamItem, Updated: steamVersion, Content: r.content})
	r.clock.advance(time.Minute)
	if _, err := r.Fetch(t.Context(), wantSteam(d, steamVersion), &boundedSink{max: 1 << 20}); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	// What is wrong with one item says nothing about its host.
	r.steam.Put(steamtest.Item{ID: steamItem, Updated: steamVersion, Content: r.content, File: steamtest.NotFound})
	for range 3 {
		_, _ = r.Fetch(t.Context(), wantSteam(d, steamVersion), &boundedSink{max: 1 << 20})
	}
	if n := len(r.steam.Downloads()); n != 5 {
		t.Errorf("%d requests, want 5", n)
	}
}

func TestSteamURL_Cancelled(t *testing.T) {
	r := newURLRig(t, steamtest.Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Fetch(ctx, wantSteam(r.details(t), steamVersion), &boundedSink{max: 1 << 20}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if err := r.breaker("127.0.0.1").Enter(); err != nil {
		t.Errorf("the host was blamed: %v", err)
	}
}

var _ Source = (*SteamURL)(nil)

var _ durable.Clock = (*offsetClock)(nil)
