package webapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

const secret = "0123456789ABCDEF+SECRET/KEY=="

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 20, 8, 30, 53, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// transport answers requests without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestClient_RequestOnTheWire(t *testing.T) {
	steam := steamtest.New(t)
	ask := func(o Options, ids ...uint64) steamtest.Call {
		t.Helper()
		if _, err := New(o).FileDetails(t.Context(), ids); err != nil {
			t.Fatal(err)
		}
		calls := steam.Calls()
		return calls[len(calls)-1]
	}

	c := ask(Options{BaseURL: steam.URL(), Key: "K&Y", UserAgent: "quartermaster/1.0"}, 99874752, 7, 99874752)
	if got, want := c.Method+" "+c.Path+"?"+c.RawQuery, "GET /IPublishedFileService/GetDetails/v1/"+
		"?key=K%26Y&publishedfileids%5B0%5D=99874752&publishedfileids%5B1%5D=7&itemcount=2"+
		"&includetags=true&includechildren=true&includeadditionalpreviews=true"; got != want {
		t.Errorf("keyed call\n got %s\nwant %s", got, want)
	}
	if c.Header.Get("User-Agent") != "quartermaster/1.0" {
		t.Errorf("User-Agent %q", c.Header.Get("User-Agent"))
	}

	c = ask(Options{BaseURL: steam.URL() + "/"}, 18446744073709551615)
	if got, want := c.Method+" "+c.Path+"?"+c.RawQuery, "POST /ISteamRemoteStorage/GetPublishedFileDetails/v1/?"; got != want {
		t.Errorf("key-less call\n got %s\nwant %s", got, want)
	}
	form, err := url.ParseQuery(c.Form)
	want := url.Values{"itemcount": {"1"}, "publishedfileids[0]": {"18446744073709551615"}}
	if err != nil || !cmp.Equal(want, form) || c.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("form %q of type %q, %v", c.Form, c.Header.Get("Content-Type"), err)
	}

	// A mirror that was configured with the whole address of the method is
	// asked there, with or without a key.
	c = ask(Options{BaseURL: steam.URL() + "/IPublishedFileService/GetDetails/v1/"}, 7)
	if got, want := c.Method+" "+c.Path+"?"+c.RawQuery,
		"GET /IPublishedFileService/GetDetails/v1/?publishedfileids%5B0%5D=7&itemcount=1"; got != want {
		t.Errorf("mirror\n got %s\nwant %s", got, want)
	}
}

func TestEndpoints(t *testing.T) {
	const valve = "https://api.steampowered.com"
	for _, c := range []struct {
		base       string
		keyed      bool
		details    string
		collection string
	}{
		{valve, true, "GET " + valve + pathDetails + "/", "POST " + valve + pathCollection + "/"},
		{valve, false, "POST " + valve + pathKeyless + "/", "POST " + valve + pathCollection + "/"},
		{valve + pathDetails + "/", true, "GET " + valve + pathDetails + "/", "POST " + valve + pathCollection + "/"},
		{valve + pathDetails + "/", false, "POST " + valve + pathKeyless + "/", "POST " + valve + pathCollection + "/"},
		{"https://m.example/steam", false, "POST https://m.example/steam" + pathKeyless + "/", "POST https://m.example/steam" + pathCollection + "/"},
		{"https://m.example" + pathDetails, false, "GET https://m.example" + pathDetails + "/", "POST https://m.example" + pathCollection + "/"},
		{"https://m.example" + pathKeyless + "/", true, "POST https://m.example" + pathKeyless + "/", "POST https://m.example" + pathCollection + "/"},
		{"https://m.example" + pathDetails + "/?t=1", true, "GET https://m.example" + pathDetails + "/?t=1", "POST https://m.example" + pathCollection + "/?t=1"},
	} {
		d, col := endpoints(c.base, c.keyed)
		if got := d.method + " " + d.url; got != c.details {
			t.Errorf("%s keyed=%v: details %s, want %s", c.base, c.keyed, got, c.details)
		}
		if got := col.method + " " + col.url; got != c.collection {
			t.Errorf("%s keyed=%v: collection %s, want %s", c.base, c.keyed, got, c.collection)
		}
	}
}

func TestClient_Answers(t *testing.T) {
	steam := steamtest.New(t)
	content := []byte("zip")
	steam.Put(
		steamtest.Item{ID: 1, Updated: 100, Title: "legacy", Content: content},
		steamtest.Item{
			ID: 2, Updated: 200, Title: "depot", UGC: true, Manifest: 77, Size: 5, Created: 150, Description: "[b]x[/b]", Tags: []string{"Map"},
			Preview: "https://images.example/p.jpg", Children: []uint64{9, 8}, Screenshots: []string{"https://images.example/s.jpg"},
		},
		steamtest.Item{ID: 3, Result: 15}, steamtest.Item{ID: 4, Updated: 1, Omit: true},
		steamtest.Item{ID: 5, Updated: 1, Malformed: true}, steamtest.Item{ID: 6, Updated: 6, Banned: true, Untold: true},
	)
	want := []FileDetails{
		{ID: 1, Result: 1, AppID: 4920, Updated: 100, Created: 100, Title: "legacy", Size: 3, URL: steam.FileURL(1), Tags: []string{}},
		{
			ID: 2, Result: 1, AppID: 4920, Updated: 200, Created: 150, Title: "depot", Size: 5, Manifest: "77",
			Description: "[b]x[/b]", Tags: []string{"Map"}, Preview: "https://images.example/p.jpg",
		},
		{ID: 3, Result: 15},
		{ID: 4, Problem: "Steam left the item out of its answer"},
		{ID: 5, Problem: "Steam gave no result for the item"},
		{ID: 6, Result: 1, AppID: 4920, Updated: 6, Created: 6, Banned: true, URL: steam.FileURL(6)},
		{ID: 7, Result: 9},
	}
	for _, key := range []string{"", "k"} {
		if key != "" { // what an item needs is told to those with a key
			want[0].Children, want[0].Screenshots = []Child{}, []string{}
			want[1].Children, want[1].Screenshots = []Child{{ID: 9}, {ID: 8}}, []string{"https://images.example/s.jpg"}
			want[5].Children, want[5].Screenshots = []Child{}, []string{}
		}
		c := New(Options{BaseURL: steam.URL(), Key: key})
		got, err := c.FileDetails(t.Context(), []uint64{1, 2, 3, 4, 5, 6, 7})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("key %q (-want +got):\n%s", key, diff)
		}
		if s := c.State(); s.Keyed != (key != "") || s.BreakerOpen || s.LastError != "" || s.Calls != 1 {
			t.Errorf("state %+v", s)
		}
	}
	steam.PutCollection(50, 1, 51)
	steam.PutCollection(51)
	got, err := New(Options{BaseURL: steam.URL()}).Collection(t.Context(), []uint64{50, 52})
	if err != nil {
		t.Fatal(err)
	}
	wantColl := []CollectionDetails{{ID: 50, Result: 1, Children: []Child{{ID: 1}, {ID: 51, Type: 2}}}, {ID: 52, Result: 9}}
	if diff := cmp.Diff(wantColl, got); diff != "" {
		t.Errorf("collection (-want +got):\n%s", diff)
	}
}

func TestClient_BoundOnIDs(t *testing.T) {
	steam := steamtest.New(t)
	ids := make([]uint64, MaxIDs+1)
	for i := range ids {
		ids[i] = uint64(i + 1)
	}
	for n, ok := range map[int]bool{0: false, 1: true, MaxIDs: true, MaxIDs + 1: false} {
		got, err := New(Options{BaseURL: steam.URL()}).FileDetails(t.Context(), ids[:n])
		if ok != (err == nil) || ok && len(got) != n {
			t.Errorf("%d ids: %d answers, %v", n, len(got), err)
		}
	}
	if n := steam.CallCount(); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

func TestClient_TenSecondsInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			body, drip := io.Pipe()
			go func() { // a byte per second, for ever
				for r.Context().Err() == nil {
					_, _ = drip.Write([]byte(" "))
					time.Sleep(time.Second)
				}
				drip.CloseWithError(r.Context().Err())
			}()
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: body}, nil
		})}})
		start := time.Now()
		_, err := c.FileDetails(t.Context(), []uint64{1})
		if took := time.Since(start); err == nil || took > 11*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// TestR9_EveryFault plays each failure against both calls: it must end
// soon, open the breaker, and name the key nowhere.
func TestR9_EveryFault(t *testing.T) {
	for _, fault := range steamtest.Faults() {
		if fault == steamtest.Corrupt || fault == steamtest.Long || fault == steamtest.Short {
			continue // what they make of JSON is up to chance; the decoder's tests cover it
		}
		for _, key := range []string{secret, ""} {
			t.Run(fmt.Sprintf("%s/keyed=%v", fault, key != ""), func(t *testing.T) {
				steam := steamtest.New(t)
				steam.FailAPI(fault, -1)
				c := New(Options{BaseURL: steam.URL(), Key: key})
				c.timeout = 200 * time.Millisecond
				_, err := c.FileDetails(t.Context(), []uint64{1, 2})
				if err == nil {
					t.Fatal("no error")
				}
				s := c.State()
				if !s.BreakerOpen || s.LastError == "" {
					t.Errorf("the breaker is closed: %+v", s)
				}
				if text := fmt.Sprintf("%v %+v %#v %+v", err, err, err, s); key != "" &&
					(strings.Contains(text, key) || strings.Contains(text, url.QueryEscape(key)) || strings.Contains(text, "key=")) {
					t.Errorf("the key shows: %s", text)
				}
				if _, err := c.FileDetails(t.Context(), []uint64{1}); !errors.Is(err, ErrBreakerOpen) {
					t.Errorf("second call: %v, want ErrBreakerOpen", err)
				}
				if n := steam.Trapped(); n != 0 {
					t.Errorf("%d requests followed a redirect inward", n)
				}
				if n := steam.CallCount(); n > 4 {
					t.Errorf("%d calls", n)
				}
			})
		}
	}
}

func TestClient_ErrorKinds(t *testing.T) {
	steam := steamtest.New(t)
	for _, c := range []struct {
		fault  steamtest.Fault
		status int
		after  time.Duration
		is     error
	}{
		{fault: steamtest.TooMany, status: 429, after: 7 * time.Second},
		{fault: steamtest.Unavailable, status: 503, after: 7 * time.Second},
		{fault: steamtest.ServerError, status: 500},
		{fault: steamtest.Forbidden, status: 403},
		{fault: steamtest.HTML, is: ErrNonsense},
		{fault: steamtest.GzipBomb, is: ErrNonsense},
		{fault: steamtest.Endless, is: ErrNonsense},
		{fault: steamtest.Hang, is: context.DeadlineExceeded},
	} {
		steam.FailAPI(c.fault, 1)
		client := New(Options{BaseURL: steam.URL()})
		if c.fault == steamtest.Hang {
			client.timeout = 100 * time.Millisecond
		}
		_, err := client.FileDetails(t.Context(), []uint64{1})
		if c.is != nil {
			if !errors.Is(err, c.is) {
				t.Errorf("%s: %v, want %v", c.fault, err, c.is)
			}
			continue
		}
		s, ok := errors.AsType[*StatusError](err)
		if !ok || s.Status != c.status || s.RetryAfter != c.after {
			t.Errorf("%s: %v, want status %d, Retry-After %v", c.fault, err, c.status, c.after)
		}
	}
}

// TestClient_KeyStaysInside greps for the key in what becomes of a transport
// that repeats the whole URL in its error.
func TestClient_KeyStaysInside(t *testing.T) {
	c := New(Options{Key: secret, HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("cannot reach %s with %s", r.URL, secret)
	})}})
	_, err := c.FileDetails(t.Context(), []uint64{1})
	text := fmt.Sprintf("%v|%+v|%#v|%+v", err, err, errors.Unwrap(err), c.State())
	if err == nil || strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
		t.Errorf("the key shows: %s", text)
	}
	for _, base := range []string{"http://[::1", "http://a b/", "://", "http://h/%zz"} {
		if _, err := New(Options{BaseURL: base, Key: secret}).FileDetails(t.Context(), []uint64{1}); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("base %q: %v", base, err)
		}
	}
}

func TestClient_RedirectKeepsTheKeyHome(t *testing.T) {
	var leaked []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { leaked = append(leaked, r.RequestURI) }))
	defer other.Close()
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
	}))
	defer home.Close()
	_, err := New(Options{BaseURL: home.URL, Key: secret}).FileDetails(t.Context(), []uint64{1})
	if err == nil || len(leaked) > 0 {
		t.Errorf("error %v, other host got %q", err, leaked)
	}
}

type budget func() error

func (b budget) Take(context.Context) error { return b() }

func TestClient_Budget(t *testing.T) {
	steam := steamtest.New(t)
	left := 1
	c := New(Options{BaseURL: steam.URL(), Budget: budget(func() error {
		if left == 0 {
			return ErrBudget
		}
		left--
		return nil
	})})
	if _, err := c.FileDetails(t.Context(), []uint64{1}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := c.FileDetails(t.Context(), []uint64{1}); !errors.Is(err, ErrBudget) {
			t.Errorf("%v, want ErrBudget", err)
		}
	}
	if steam.CallCount() != 1 || c.State().BreakerOpen {
		t.Errorf("%d calls, state %+v", steam.CallCount(), c.State())
	}
}

func TestClient_CancelledCallerSaysNothingAboutSteam(t *testing.T) {
	steam := steamtest.New(t)
	steam.FailAPI(steamtest.Hang, 1)
	c := New(Options{BaseURL: steam.URL()})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.FileDetails(ctx, []uint64{1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if c.State().BreakerOpen {
		t.Error("the breaker opened")
	}
}

// TestClient_BreakerRecovers is the whole life of an outage: one call per
// wait, the waits doubling, and a single success ends it.
func TestClient_BreakerRecovers(t *testing.T) {
	clk, status, calls := newClock(), 503, 0
	c := New(Options{Now: clk.now, HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		calls++
		w := httptest.NewRecorder()
		w.WriteHeader(status)
		w.WriteString(`{"response":{}}`)
		return w.Result(), nil
	})}})
	for range 600 { // a minute of requests, ten per second
		_, _ = c.FileDetails(t.Context(), []uint64{1})
		clk.add(100 * time.Millisecond)
	}
	if calls < 3 || calls > 5 {
		t.Errorf("%d calls in a minute of 503, want 3 to 5", calls)
	}
	status = 200
	clk.add(15 * time.Minute)
	if _, err := c.FileDetails(t.Context(), []uint64{1}); err != nil {
		t.Fatal(err)
	}
	if s := c.State(); s.BreakerOpen || s.LastError != "" || !s.RetryAt.IsZero() {
		t.Errorf("after recovery: %+v", s)
	}
}

func TestClient_RateLimitedItemOpensTheBreaker(t *testing.T) {
	steam := steamtest.New(t)
	steam.Put(steamtest.Item{ID: 1, Result: 84}, steamtest.Item{ID: 2, Updated: 9})
	c := New(Options{BaseURL: steam.URL()})
	got, err := c.FileDetails(t.Context(), []uint64{1, 2})
	if err != nil || got[0].Class() != RateLimited || got[1].Class() != Usable {
		t.Fatalf("%+v, %v", got, err)
	}
	if s := c.State(); !s.BreakerOpen || s.LastError == "" {
		t.Errorf("state %+v", s)
	}
}

// TestClient_Unreachable tells a machine without internet from a Steam that
// fails.
func TestClient_Unreachable(t *testing.T) {
	steam := steamtest.New(t)
	steam.Put(steamtest.Item{ID: 1, Updated: 9})
	url := steam.URL()
	for _, tt := range []struct {
		name, url string
		want      bool
	}{{"answers", url, false}, {"answers 404", url + "/elsewhere", false}, {"nobody there", "http://127.0.0.1:1", true}} {
		c := New(Options{BaseURL: tt.url})
		_, err := c.FileDetails(t.Context(), []uint64{1})
		if got := c.State().Unreachable; got != tt.want || Unreachable(err) != tt.want {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
}
