package catalog

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
)

func TestInfoMod(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		x.expect("/info/mod/2009463077", 200, `{"result":`+harmonyJSON+`}`)
		x.expect("/info/mod/2009463077/", 200, `{"result":`+harmonyJSON+`}`)
		x.expect("/mods/2009463077", 200, `{"result":`+harmonyJSON+`}`)
		x.expect("/info/mod/2009463077?dependencies=true", 200, `{"result":`+harmonyJSON+`,"dependencies":[],"dependencies_count":0}`)
		x.expect("/info/mod/2009463077?game=true", 200, `{"result":`+strings.TrimSuffix(harmonyJSON, "}")+`,"game":{"id":294100,"name":"RimWorld"}}}`)
		for _, unknown := range []string{"5", "0", "-1", "9223372036854775807", "9223372036854775808", "18446744073709551617"} {
			x.expect("/info/mod/"+unknown, 200, `{"result":null}`)
			x.expect("/info/mod/"+unknown+"?dependencies=1", 200, `{"result":null,"dependencies":[],"dependencies_count":0}`)
		}
		const hugs = `{"id":818773962,"name":"HugsLib","description":"","size":1000,"condition":0,"date_creation":"2020-03-01 10:00:01",` +
			`"date_update":"2024-04-11 09:21:06","date_request":"2026-11-20 07:34:11.155080","source":"steam","downloads":7,"archive_size":300}`
		x.expect("/info/mod/818773962?dependencies=on", 200, `{"result":`+hugs+`,"dependencies":[2009463077],"dependencies_count":1}`)
		x.expect("/info/mod/Harmony", 422, `{"message":"mod_id: value is not a valid integer","error_id":422,"detail":[{"loc":["path","mod_id"],`+
			`"msg":"value is not a valid integer","type":"value_error"}]}`)
		x.expect("/info/mod/1.5?dependencies=maybe", 422, `{"message":"mod_id: value is not a valid integer","error_id":422,"detail":[`+
			`{"loc":["path","mod_id"],"msg":"value is not a valid integer","type":"value_error"},`+
			`{"loc":["query","dependencies"],"msg":"value could not be parsed to a boolean","type":"value_error"}]}`)
		x.counted(map[string]int64{"/info/mod/": 18})
	})
}

func TestInfoMod_AtMost20Dependencies(t *testing.T) {
	x := oneListing(t, nil)
	d := x.lib.details[allowed]
	for i := range 25 {
		d.Dependencies = append(d.Dependencies, int64(1000+i))
	}
	if err := x.record(t.Context(), metadata{Details: d}); err != nil {
		t.Fatal(err)
	}
	var body struct {
		Dependencies []int64 `json:"dependencies"`
		Count        int     `json:"dependencies_count"`
	}
	w := x.do(http.MethodGet, "/info/mod/735106432?dependencies=true")
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || len(body.Dependencies) != 20 || body.Count != 25 || body.Dependencies[0] != 1000 {
		t.Errorf("%s %v", w.Body, err)
	}
}

func TestCondition(t *testing.T) {
	many := func(n int) string {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprint(2009463077)
		}
		return "[" + strings.Join(ids, ",") + "]"
	}
	eachListing(t, nil, func(t *testing.T, x *listing) {
		x.expect("/condition/mod/[2009463077,735106432,1111111111,5]", 200, `{"2009463077":0,"735106432":1,"1111111111":2}`)
		x.expect("/condition/mod/%5B2009463077%2C1111111111%5D", 200, `{"2009463077":0,"1111111111":2}`)
		x.expect("/condition/mod/%5B2009463077%2C%201111111111%5D/", 200, `{"2009463077":0,"1111111111":2}`)
		x.expect(`/condition/mod/%5B%222009463077%22%5D`, 200, `{"2009463077":0}`)
		x.expect("/condition/mod/[5]", 200, `{}`)
		x.expect("/condition/mod/[99999999999999999999999999,-3,0,true,null]", 200, `{}`)
		x.expect("/condition/mod/"+many(50), 200, `{"2009463077":0}`)
		x.expect("/condition/mod/"+many(51), 413, bodyArraySize) // doubles count
		for _, wrong := range []string{"7", "7,8", "[]", "%5B%5D", "abc", "[7", "{}", "null", "%22%22"} {
			x.expect("/condition/mod/"+wrong, 413, bodyArraySize)
		}
		x.counted(map[string]int64{"/condition/mod/": 17})
	})
}

func TestRouting(t *testing.T) {
	x := oneListing(t, nil)
	const notFound, notAllowed = `{"detail":"Not Found"}`, `{"detail":"Method Not Allowed"}`
	for _, path := range []string{
		"/list", "/list/", "/list/mod", "/list/mods/x", "/info", "/info/mod", "/info/mod/", "/info/mod/1/2", "/condition", "/condition/mod/",
		"/statistics", "/statistics/", "/statistics/info", "/statistics/hour/x", "/list//mods/", "/download", "/download/",
	} {
		if !matches(path) {
			t.Errorf("%s is left to others", path)
			continue
		}
		x.expect(path, 404, notFound)
	}
	for _, path := range []string{"/", "/mods/m1_2.zip", "/mods/m1_2.zip/", "/mod", "/listing", "/app/mods", "/api/v1/mods", "//list/mods/", "/modsx", "/LIST/mods/", "/games/x", "list/mods", "/docs"} {
		if matches(path) {
			t.Errorf("%s is taken", path)
		}
	}
	for _, path := range []string{"/mods", "/mods/", "/mods/5", "/mods/5/", "/mods/5/download", "/games", "/games/4920", "/list/mods", "/list/mods/"} {
		if !matches(path) {
			t.Errorf("%s is left to others", path)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
		w := x.do(method, "/list/mods/")
		if w.Code != 405 || w.Body.String() != notAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d %s %v", method, w.Code, w.Body, w.Header())
		}
		checkHeader(t, method, w)
		if w = x.do(method, "/list/nothing"); w.Code != 404 {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	x.counted(map[string]int64{})

	// HEAD is GET without a body and without a trace.
	for _, path := range []string{"/list/mods/", "/list/mods", "/info/mod/2009463077", "/condition/mod/[5]", "/statistics/info/type_map", "/list/mods/?page_size=0"} {
		get, head := x.do(http.MethodGet, path), x.do(http.MethodHead, path)
		if head.Code != get.Code || head.Body.Len() != 0 || head.Header().Get("Content-Length") != fmt.Sprint(get.Body.Len()) {
			t.Errorf("HEAD %s: %d, %d bytes, %v", path, head.Code, head.Body.Len(), head.Header())
		}
		checkHeader(t, path, head)
	}
	x.counted(map[string]int64{"/list/mods/": 3, "/info/mod/": 1, "/condition/mod/": 1, "/statistics/info/type_map/": 1})
}

func TestRateOfRequests(t *testing.T) {
	x := oneListing(t, func(o *Options) { o.Limits = config.Limits{PerIPRPS: 1} })
	for i := range 3 {
		w := x.do(http.MethodGet, "/condition/mod/[5]")
		if want := map[bool]int{true: 200, false: 429}[i < 2]; w.Code != want {
			t.Errorf("request %d: %d %s", i, w.Code, w.Body)
		}
		checkHeader(t, "429", w)
	}
	x.counted(map[string]int64{"/condition/mod/": 2})
}

func TestRequestsWaitForTheStart(t *testing.T) {
	d := oneListing(t, nil).store.db
	x := emptyListing(t, d, nil)
	answered := make(chan int, 1)
	go func() { answered <- x.do(http.MethodGet, "/condition/mod/[2009463077]").Code }()
	x.clock.Await(1)
	x.clock.Advance(startPatience)
	if code := <-answered; code != 503 {
		t.Errorf("%d before the start", code)
	}
	go func() { answered <- x.do(http.MethodGet, "/condition/mod/[2009463077]").Code }()
	x.clock.Await(1)
	if err := x.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := <-answered; code != 200 {
		t.Errorf("%d after the start", code)
	}
}

// A restart keeps what was counted, and rows of other processes are seen.
func TestTwins(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		twin := emptyListing(t, x.store.db, nil)
		twin.lib = x.lib
		twin.library = x.lib
		if err := twin.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		x.Delivered(harmony, "ns2")
		x.Delivered(harmony, "ns2")
		if err := x.stats.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		x.Delivered(harmony, "ns2") // not written yet
		d := x.lib.details[allowed]
		d.Tags, d.Description, d.Dependencies = []string{"New tag"}, "told", []int64{harmony}
		if err := x.record(t.Context(), metadata{Details: d, Complete: true}); err != nil {
			t.Fatal(err)
		}
		if err := twin.readChanges(t.Context(), testNow.Add(-pollBack)); err != nil {
			t.Fatal(err)
		}
		for who, want := range map[*listing]int64{x: 45, twin: 44} {
			who.settle()
			if e := who.index.get(harmony); e.downloads != want {
				t.Errorf("%d downloads, want %d", e.downloads, want)
			}
			if g := who.shelf.game(rimWorld); g.Downloads != want+7 {
				t.Errorf("%d downloads of the game, want %d", g.Downloads, want+7)
			}
			w := who.do(http.MethodGet, "/info/mod/735106432?dependencies=1")
			if !strings.Contains(w.Body.String(), `"description":"told"`) || !strings.Contains(w.Body.String(), `"dependencies":[2009463077]`) {
				t.Error(w.Body)
			}
			if tags := who.shelf.tagNames(who.index.get(allowed).tags); len(tags) != 1 || tags[0].Name != "New tag" {
				t.Error(tags)
			}
		}
		if err := x.readChanges(t.Context(), testNow.Add(-pollBack)); err != nil {
			t.Fatal(err)
		}
		x.settle()
		if e := x.index.get(harmony); e.downloads != 45 {
			t.Errorf("%d downloads after a poll", e.downloads)
		}
	})
}

func TestRecord_KeepsWhatIsNotTold(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		var before []int64
		ids := func() (list []int64) {
			_, rs, err := x.store.resources(t.Context(), []int64{harmony}, nil, 50, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rs {
				list = append(list, r.ID)
			}
			return list
		}
		before = ids()
		d := x.lib.details[harmony]
		d.Tags, d.Dependencies, d.Screenshots, d.Logo = nil, nil, nil, ""
		if err := x.record(t.Context(), metadata{Details: d, Complete: true, Game: &Game{ID: rimWorld, Name: "App 294100", Type: "app", Placeholder: true}}); err != nil {
			t.Fatal(err)
		}
		if after := ids(); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("resources %v, were %v", after, before)
		}
		x.settle()
		if e := x.index.get(harmony); len(e.tags) != 2 {
			t.Errorf("tags %v", e.tags)
		}
		if g := x.shelf.game(rimWorld); g.Name != "RimWorld" || g.Placeholder || len(g.Genres) != 2 {
			t.Errorf("%+v", g)
		}
		// What is told to be empty is removed, and the same picture stays.
		d.Tags, d.Screenshots = []string{}, []string{"https://images.example/c.jpg", "https://images.example/d\x00.jpg"}
		if err := x.record(t.Context(), metadata{Details: d, Complete: true}); err != nil {
			t.Fatal(err)
		}
		after := ids()
		if len(after) != 3 || after[0] != before[0] || after[1] != before[2] {
			t.Errorf("resources %v, were %v", after, before)
		}
		x.settle()
		if e := x.index.get(harmony); len(e.tags) != 0 || e.condition != 0 {
			t.Errorf("%+v", e)
		}
	})
}

func TestDescriptions_AreNotKeptTooLong(t *testing.T) {
	x := oneListing(t, nil)
	x.expect("/info/mod/2009463077", 200, `{"result":`+harmonyJSON+`}`)
	found := make([][]byte, 1)
	if missing, mark := x.texts.get([]int64{harmony}, found); len(missing) != 0 {
		t.Error("the description was not kept")
	} else { // what was read before the change must not come back after it
		x.texts.forget(harmony)
		x.texts.put(harmony, []byte(`"old"`), mark)
	}
	if missing, _ := x.texts.get([]int64{harmony}, found); len(missing) != 1 {
		t.Error("an old description came back")
	}
	small := newTexts(1000)
	for i := range int64(100) {
		small.put(i, make([]byte, 100), 0)
	}
	if small.bytes > 1000 || len(small.items) != 4 || small.items[99] == nil {
		t.Errorf("%d bytes, %d texts", small.bytes, len(small.items))
	}
}

func TestFailures(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		want := failure{Item: 5, Attempts: 2, Reason: "Access Denied", LastAt: testNow, Permanent: true, RetryAt: testNow.Add(1)}
		for range 2 {
			if err := x.store.putFailure(t.Context(), want); err != nil {
				t.Fatal(err)
			}
		}
		want.RetryAt = db.Time(db.Micros(want.RetryAt))
		if f, ok, err := x.store.failure(t.Context(), 5); err != nil || !ok || f != want {
			t.Errorf("%+v %v %v", f, ok, err)
		}
		if err := x.store.clearFailure(t.Context(), 5); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := x.store.failure(t.Context(), 5); err != nil || ok {
			t.Errorf("%v %v", ok, err)
		}
	})
}
