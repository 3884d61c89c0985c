package store

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// The store's answer for a game, in the shape that it has had for years: ids
// of genres are texts, ids of categories numbers.
const rimWorld = `{"294100":{"success":true,"data":{"type":"game","name":"RimWorld","steam_appid":294100,"short_description":"A colony sim.",
	"detailed_description":"<h1>About</h1>","header_image":"https://cdn.example/header.jpg","genres":[{"id":"28","description":"Simulation"},
	{"id":"2","description":"Strategy"}],"categories":[{"id":2,"description":"Single-player"}]}}}`

func TestDecode(t *testing.T) {
	got, err := decode([]byte(rimWorld), 294100)
	if err != nil {
		t.Fatal(err)
	}
	want := App{
		ID: 294100, Type: "game", Name: "RimWorld", Logo: "https://cdn.example/header.jpg", ShortDescription: "A colony sim.",
		Description: "<h1>About</h1>", Genres: []Genre{{28, "Simulation"}, {2, "Strategy"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecode_Lenient(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want App
	}{
		"no genres":    {`{"name":"A","type":"dlc"}`, App{ID: 7, Name: "A", Type: "dlc"}},
		"null genres":  {`{"name":"A","genres":null}`, App{ID: 7, Name: "A"}},
		"empty genres": {`{"name":"A","genres":[]}`, App{ID: 7, Name: "A", Genres: []Genre{}}},
		"genres of all kinds": {
			`{"name":"A","genres":[{"id":3,"description":"C"},7,{"id":"x","description":"D"},{"id":"4"},{"id":"3","description":"E"},{"id":"99999999999","description":"F"}]}`,
			App{ID: 7, Name: "A", Genres: []Genre{{3, "C"}}},
		},
		"texts of other kinds": {`{"name":"A","type":7,"header_image":{},"short_description":null,"detailed_description":[]}`, App{ID: 7, Name: "A"}},
		"script for a picture": {`{"name":"A","header_image":"javascript:alert(1)"}`, App{ID: 7, Name: "A"}},
		"unicode":              {`{"name":"Теперь 模拟","type":"Game"}`, App{ID: 7, Name: "Теперь 模拟", Type: "game"}},
		"control characters":   {"{\"name\":\"A\\u0000\\u001bB\"}", App{ID: 7, Name: "A  B"}},
	} {
		got, err := decode([]byte(`{"7":{"success":true,"data":`+c.data+`}}`), 7)
		if err != nil || !cmp.Equal(c.want, got) {
			t.Errorf("%s: %v %s", name, err, cmp.Diff(c.want, got))
		}
	}
}

func TestDecode_Refusals(t *testing.T) {
	for body, want := range map[string]error{
		`{"7":{"success":false}}`:                       ErrUnknown,
		`{"7":{"success":true,"data":{"type":"game"}}}`: ErrUnknown,
		`{"7":{"success":true}}`:                        ErrUnknown,
		`null`:                                          webapi.ErrNonsense,
		``:                                              webapi.ErrNonsense,
		`{}`:                                            webapi.ErrNonsense,
		`[]`:                                            webapi.ErrNonsense,
		`{"8":{"success":true,"data":{"name":"A"}}}`: webapi.ErrNonsense,
		`{"7":7}`:                          webapi.ErrNonsense,
		`{"7":{"success":true,"data":[]}}`: webapi.ErrNonsense,
		`<html>busy</html>`:                webapi.ErrNonsense,
	} {
		if _, err := decode([]byte(body), 7); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", body, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		rimWorld, `{"294100":{"success":false}}`, `null`, `{"294100":{"success":true,"data":{"name":"\u0000\ud800","genres":[null,{}]}}}`,
		`{"294100":{"success":1,"data":{"name":"A","genres":{"id":"1"}}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		app, err := decode(body, 294100)
		switch {
		case err != nil && !errors.Is(err, ErrUnknown) && !errors.Is(err, webapi.ErrNonsense):
			t.Fatalf("error %v", err)
		case err != nil && !cmp.Equal(app, App{}), err == nil && (app.Name == "" || app.ID != 294100 || len(app.Genres) > maxGenres):
			t.Fatalf("%+v, %v", app, err)
		}
		all := app.Name + app.Type + app.Logo + app.ShortDescription + app.Description
		for _, g := range app.Genres {
			all += g.Name
		}
		if !utf8.ValidString(all) || strings.ContainsRune(all, 0) {
			t.Fatalf("broken text: %q", all)
		}
	})
}

func TestClient(t *testing.T) {
	steam := steamtest.New(t)
	steam.PutApp(
		steamtest.App{ID: 294100, Type: "game", Name: "RimWorld", Image: "https://cdn.example/h.jpg", Genres: [][2]string{{"28", "Simulation"}}},
		steamtest.App{ID: 4920, Type: "game", Name: "Natural Selection 2"},
	)
	c := New(Options{BaseURL: steam.StoreURL(), Country: "de", Spacing: -1, UserAgent: "quartermaster/1.0"})
	got, err := c.App(t.Context(), 294100)
	want := App{ID: 294100, Type: "game", Name: "RimWorld", Logo: "https://cdn.example/h.jpg", Genres: []Genre{{28, "Simulation"}}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = c.App(t.Context(), 4920); err != nil || got.Genres != nil {
		t.Errorf("an app without genres: %+v, %v", got, err)
	}
	if _, err = c.App(t.Context(), 1); !errors.Is(err, ErrUnknown) {
		t.Errorf("an app that is not sold: %v", err)
	}
	v := steam.StoreVisits()
	if len(v) != 3 || v[0].Path != "/api/appdetails" || v[0].Query != "appids=294100&cc=de&l=english" || v[0].UserAgent != "quartermaster/1.0" {
		t.Errorf("asked %+v", v)
	}
	if s := c.State(); s.Calls != 3 || s.Failures != 0 || s.BreakerOpen || s.LastError != "" {
		t.Errorf("state %+v", s)
	}
}

// TestClient_Faults has the store go wrong in each way: the error says what
// happened, the next call is held back, and a later one closes the breaker.
func TestClient_Faults(t *testing.T) {
	steam := steamtest.New(t)
	steam.PutApp(steamtest.App{ID: 7, Name: "A"})
	for _, c := range []struct {
		fault      steamtest.Fault
		status     int
		retryAfter time.Duration
		nonsense   bool
	}{
		{fault: steamtest.TooMany, status: 429, retryAfter: 7 * time.Second}, {fault: steamtest.Unavailable, status: 503, retryAfter: 7 * time.Second},
		{fault: steamtest.ServerError, status: 500}, {fault: steamtest.Forbidden, status: 403},
		{fault: steamtest.HTML, nonsense: true}, {fault: steamtest.Null, nonsense: true}, {fault: steamtest.Empty, nonsense: true},
		{fault: steamtest.Truncated}, {fault: steamtest.Reset}, {fault: steamtest.Short, nonsense: true}, {fault: steamtest.GzipBomb, nonsense: true},
		{fault: steamtest.RedirectLoopback}, {fault: steamtest.RedirectMetadata},
	} {
		now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
		client := New(Options{BaseURL: steam.StoreURL(), Spacing: -1, Now: func() time.Time { return now }})
		steam.FailStore(c.fault, 1)
		_, err := client.App(t.Context(), 7)
		status, isStatus := errors.AsType[*webapi.StatusError](err)
		if err == nil || isStatus != (c.status != 0) || isStatus && (status.Status != c.status || status.RetryAfter != c.retryAfter) ||
			errors.Is(err, webapi.ErrNonsense) != c.nonsense {
			t.Errorf("%s: %v", c.fault, err)
		}
		s := client.State()
		if !s.BreakerOpen || s.LastError == "" || s.FailingFrom != now || s.Failures != 1 {
			t.Errorf("%s: state %+v", c.fault, s)
		}
		before := len(steam.StoreVisits())
		if _, err := client.App(t.Context(), 7); !errors.Is(err, webapi.ErrBreakerOpen) || len(steam.StoreVisits()) != before {
			t.Errorf("%s: asked again at once: %v", c.fault, err)
		}
		now = s.RetryAt
		if app, err := client.App(t.Context(), 7); err != nil || app.Name != "A" || client.State().BreakerOpen || !client.State().FailingFrom.IsZero() {
			t.Errorf("%s: afterwards %+v, %v", c.fault, app, err)
		}
	}
	if steam.Trapped() != 0 {
		t.Error("a redirect was followed to another port")
	}
}

// roundTrip answers without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestClient_Distance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		c := New(Options{HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			at = append(at, time.Now())
			return nil, context.Cause(r.Context())
		})}})
		for range 2 {
			go func() {
				_, _ = c.App(t.Context(), 7)
			}()
		}
		time.Sleep(time.Minute)
		_, _ = c.App(t.Context(), 7)
		if len(at) < 2 || at[len(at)-1].Sub(at[0]) < Spacing {
			t.Errorf("calls at %v", at)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.App(ctx, 7); !errors.Is(err, context.Canceled) && !errors.Is(err, webapi.ErrBreakerOpen) {
			t.Errorf("a caller that gave up: %v", err)
		}
	})
}

// TestClient_Silent has the store accept a call and never answer.
func TestClient_Silent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}})
		began := time.Now()
		if _, err := c.App(t.Context(), 7); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
