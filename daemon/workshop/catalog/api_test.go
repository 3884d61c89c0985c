package catalog

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// api is a listing behind a whole server.
type api struct {
	*listing
	srv *web.Server
}

func newAPI(t *testing.T) *api {
	t.Helper()
	x := oneListing(t, nil)
	srv, err := web.New(web.Options{HTTP: config.HTTP{PublicURL: "http://mods.example"}})
	if err != nil {
		t.Fatal(err)
	}
	accounts.New(accounts.Options{DB: x.store.db, DataDir: t.TempDir()}).Register(srv)
	x.Register(srv)
	return &api{x, srv}
}

func (a *api) call(method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.srv.ServeHTTP(w, httptest.NewRequest(method, target, http.NoBody))
	return w
}

func (a *api) get(target string, into any) *httptest.ResponseRecorder {
	a.t.Helper()
	w := a.call(http.MethodGet, target)
	if w.Code != 200 {
		a.t.Fatalf("GET %s: %d %s", target, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		a.t.Fatal(err)
	}
	if w.Header().Get("ETag") == "" {
		a.t.Errorf("GET %s: no ETag", target)
	}
	return w
}

type jsonObject = map[string]any

func TestAPI_Mods(t *testing.T) {
	a := newAPI(t)
	var list struct {
		Mods  []jsonObject `json:"mods"`
		Next  string       `json:"next"`
		Total int          `json:"total"`
	}
	a.get("/api/v1/catalog/mods?limit=1", &list)
	want := jsonObject{
		"id": "2009463077", "hex": "77c5f925", "name": "Harmony", "preview": "https://images.example/a.jpg",
		"game": jsonObject{"id": "294100", "name": "RimWorld"}, "size": 2154312.0, "archive_size": 700000.0, "condition": 0.0,
		"created_at": "2020-03-01T10:00:00Z", "updated_at": "2024-04-11T09:21:07Z", "requested_at": "2026-11-20T08:34:10.101512Z",
		"source": "steam", "downloads": 42.0, "dependencies": 0.0,
		"tags": []any{jsonObject{"id": "1", "name": "Mod"}, jsonObject{"id": "2", "name": "1.5"}},
	}
	if len(list.Mods) != 1 || list.Total != 5 || list.Next == "" {
		t.Fatalf("%+v", list)
	}
	if diff := cmp.Diff(want, list.Mods[0]); diff != "" {
		t.Error(diff)
	}
	var ids []string
	for page, next := 0, ""; page == 0 || next != ""; page, next = page+1, list.Next {
		a.get("/api/v1/catalog/mods?limit=2&sort=name&cursor="+next, &list)
		for _, m := range list.Mods {
			ids = append(ids, m["id"].(string))
		}
	}
	if got := strings.Join(ids, " "); got != "735106432 2009463077 1111111111 818773962 4920000001" {
		t.Errorf("by name: %s", got)
	}
	for query, want := range map[string]string{
		"q=harm": "2009463077 1111111111", "game=4920": "4920000001", "tag=1&tag=2": "2009463077", "state=fetching": "1111111111",
		"state=ready&sort=size": "4920000001 735106432 818773962 2009463077", "dependency=2009463077": "818773962", "independent=true&tag=1": "2009463077",
		"source=local": "", "sort=-requested&limit=1": "2009463077", "sort=created&limit=1": "1111111111", "cursor=99.5": "", "sort=name&cursor=0.2009463077": "1111111111 818773962 4920000001",
		"sort=name&q=harm&cursor=0.2009463077": "1111111111", "sort=name&cursor=3.77": "818773962 4920000001",
	} {
		a.get("/api/v1/catalog/mods?"+query, &list)
		ids = nil
		for _, m := range list.Mods {
			ids = append(ids, m["id"].(string))
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for _, query := range []string{"cursor=-1.5", "cursor=%21", "cursor=7", "cursor=1.x", "sort=id", "limit=101", "limit=0", "state=gone", "tag=x"} {
		if w := a.call(http.MethodGet, "/api/v1/catalog/mods?"+query); w.Code != 400 && w.Code != 422 {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

func TestAPI_Mod(t *testing.T) {
	a := newAPI(t)
	var m jsonObject
	w := a.get("/api/v1/catalog/mods/818773962", &m)
	for key, want := range map[string]any{
		"description": "", "version": float64(harmonyUpdated - 1), "download_url": "http://mods.example/download/818773962",
		"page_url": "https://steamcommunity.com/sharedfiles/filedetails/?id=818773962", "dependents": []any{}, "resources": []any{},
		"dependencies": []any{jsonObject{"id": "2009463077", "name": "Harmony", "state": "stored"}},
	} {
		if diff := cmp.Diff(want, m[key]); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
	a.get("/api/v1/catalog/mods/2009463077", &m)
	if diff := cmp.Diff([]any{jsonObject{"id": "818773962", "name": "HugsLib"}}, m["dependents"]); diff != "" || m["description"] != "[b]Library[/b]…" {
		t.Error(diff, m["description"])
	}
	if diff := cmp.Diff(jsonObject{"type": "logo", "url": "https://images.example/a.jpg"}, m["resources"].([]any)[0]); diff != "" {
		t.Error(diff)
	}
	for id, status := range map[string]int{"5": 404, "0": 404, "-1": 404, "x": 400, "99999999999999999999": 400} {
		if w := a.call(http.MethodGet, "/api/v1/catalog/mods/"+id); w.Code != status {
			t.Errorf("%s: %d %s", id, w.Code, w.Body)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/api/v1/catalog/mods/818773962", http.NoBody)
	r.Header.Set("If-None-Match", w.Header().Get("ETag"))
	again := httptest.NewRecorder()
	a.srv.ServeHTTP(again, r)
	if again.Code != 304 {
		t.Errorf("%d for a known answer", again.Code)
	}
	if w := a.call(http.MethodPost, "/api/v1/catalog/mods/818773962/dependencies/fetch"); w.Code != 401 {
		t.Errorf("%d for a stranger who fetches", w.Code)
	}
}

func TestAPI_FetchDependencies(t *testing.T) {
	x := oneListing(t, nil)
	d := x.lib.details[hugsLib]
	d.Dependencies = []int64{harmony, waiting, 10, 11}
	if err := x.record(t.Context(), metadata{Details: d, Complete: true}); err != nil {
		t.Fatal(err)
	}
	x.lib.steam[10] = Details{ID: 10, App: rimWorld, Name: "ten", Dependencies: []int64{12, hugsLib}}
	x.lib.steam[12] = Details{ID: 12, App: rimWorld, Name: "twelve", Dependencies: []int64{10}}
	out, err := x.postFetch(t.Context(), &fetchInput{ID: "818773962"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"10", "12"}, out.Body.Queued); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]skippedView{{"1111111111", "is being fetched"}, {"11", "Denied - no such mod"}, {"2009463077", "is here"}}, out.Body.Skipped,
		cmp.Transformer("sort", func(l []skippedView) map[string]string {
			m := map[string]string{}
			for _, s := range l {
				m[s.ID] = s.Why
			}
			return m
		})); diff != "" {
		t.Error(diff)
	}
}

func TestAPI_GamesGenresTags(t *testing.T) {
	a := newAPI(t)
	var games struct {
		Games []jsonObject `json:"games"`
		Total int          `json:"total"`
		Next  string       `json:"next"`
	}
	a.get("/api/v1/catalog/games?genre=28", &games)
	want := jsonObject{
		"id": "294100", "name": "RimWorld", "type": "game", "logo": "https://cdn.example/header.jpg", "short_description": "A colony sim.",
		"mods": 4.0, "downloads": 49.0, "placeholder": false,
		"genres": []any{jsonObject{"id": "2", "name": "Strategy"}, jsonObject{"id": "28", "name": "Simulation"}},
	}
	if diff := cmp.Diff([]jsonObject{want}, games.Games); diff != "" || games.Total != 1 {
		t.Error(diff)
	}
	a.get("/api/v1/catalog/games?sort=name&limit=1", &games)
	if games.Total != 2 || games.Next == "" || games.Games[0]["placeholder"] != true {
		t.Errorf("%+v", games)
	}
	a.get("/api/v1/catalog/games?sort=name&limit=1&cursor="+games.Next, &games)
	if games.Next != "" || games.Games[0]["id"] != "294100" {
		t.Errorf("%+v", games)
	}
	var game jsonObject
	a.get("/api/v1/catalog/games/294100", &game)
	want["description"] = "<p>HTML…</p>"
	want["tags"] = []any{jsonObject{"id": "1", "name": "Mod", "mods": 2.0}, jsonObject{"id": "2", "name": "1.5", "mods": 1.0}}
	delete(game, "$schema")
	if diff := cmp.Diff(want, game); diff != "" {
		t.Error(diff)
	}
	if w := a.call(http.MethodGet, "/api/v1/catalog/games/5"); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
	var genres struct {
		Genres []jsonObject `json:"genres"`
	}
	a.get("/api/v1/catalog/genres", &genres)
	if diff := cmp.Diff([]jsonObject{{"id": "28", "name": "Simulation", "games": 1.0}, {"id": "2", "name": "Strategy", "games": 1.0}}, genres.Genres); diff != "" {
		t.Error(diff)
	}
	var tags struct {
		Tags []jsonObject `json:"tags"`
	}
	a.get("/api/v1/catalog/tags?game=4920", &tags)
	if diff := cmp.Diff([]jsonObject{{"id": "3", "name": "Must be run on Server", "mods": 1.0}}, tags.Tags); diff != "" {
		t.Error(diff)
	}
	a.get("/api/v1/catalog/tags", &tags)
	if len(tags.Tags) != 3 || tags.Tags[0]["mods"] != 2.0 {
		t.Errorf("%v", tags.Tags)
	}
	a.get("/api/v1/catalog/tags?game=5", &tags)
	if tags.Tags == nil || len(tags.Tags) != 0 {
		t.Errorf("%v", tags.Tags)
	}
}

func TestAPI_Statistics(t *testing.T) {
	a := newAPI(t)
	a.Delivered(harmony, "ns2")
	a.clock.Advance(time.Hour)
	a.count(countSent)
	a.count("someday")
	var s jsonObject
	a.get("/api/v1/catalog/statistics?by=hour", &s)
	delete(s, "$schema")
	want := jsonObject{
		"by": "hour", "time_zone": "UTC", "from": "2026-11-20", "to": "2026-11-20",
		"types": []any{
			jsonObject{"type": "files_sent", "label_en": "Archives sent", "label_ru": "Отправлено архивов"},
			jsonObject{"type": "ns2_sent", "label_en": "Archives sent to game clients", "label_ru": "Отправлено архивов игровым клиентам"},
			jsonObject{"type": "someday", "label_en": "someday", "label_ru": "someday"},
		},
		"rows": []any{
			jsonObject{"time": "2026-11-20T08:00:00Z", "type": "ns2_sent", "count": 1.0},
			jsonObject{"time": "2026-11-20T09:00:00Z", "type": "files_sent", "count": 1.0},
			jsonObject{"time": "2026-11-20T09:00:00Z", "type": "someday", "count": 1.0},
		},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	a.get("/api/v1/catalog/statistics?type=ns2_sent&type=files_sent", &s)
	if s["from"] != "2026-11-13" || s["to"] != "2026-11-20" || len(s["rows"].([]any)) != 2 {
		t.Errorf("%v", s)
	}
	a.get("/api/v1/catalog/statistics?from=2020-01-01&to=2020-01-31&by=hour", &s)
	if rows, ok := s["rows"].([]any); !ok || len(rows) != 0 {
		t.Errorf("%v", s)
	}
	for _, query := range []string{"by=week", "from=x", "from=2026-11-21", "by=hour&from=2026-01-01", "from=1900-01-01", "to=2026-13-01"} {
		if w := a.call(http.MethodGet, "/api/v1/catalog/statistics?"+query); w.Code != 400 && w.Code != 422 {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	a.timing(timeDownloadLocalOK, testNow, 7*time.Millisecond)
	a.get("/api/v1/catalog/statistics/summary", &s)
	for key, want := range (jsonObject{"mods": 5.0, "games": 2.0, "genres": 2.0, "tags": 3.0, "dependencies": 1.0, "days": 1.0, "sent": 2.0, "fast_ms": 7.0, "full_ms": 0.0}) {
		if s[key] != want {
			t.Errorf("%s: %v, want %v", key, s[key], want)
		}
	}
}

// The face wins on its addresses over the server's own forms.
func TestAPI_TheFaceBehindTheServer(t *testing.T) {
	a := newAPI(t)
	for target, want := range map[string]string{
		"/list/nothing": `{"detail":"Not Found"}`, "/condition/mod/7": bodyArraySize, "/list/genres?page_size=0": bodyPageSize,
		"/mods/5/": `{"result":null}`, "/games?name=zz": `{"database_size":0,"offset":0,"offeset":0,"results":[]}`,
	} {
		w := a.call(http.MethodGet, target)
		if w.Body.String() != want {
			t.Errorf("GET %s: %s", target, w.Body)
		}
		checkHeader(t, target, w)
	}
	document := a.call(http.MethodGet, "/openapi.json").Body.String()
	for _, path := range []string{
		"/list/mods/", "/condition/mod/{ids_array}", "/statistics/info/type_map", "/download/steam/{mod_id}", "/api/v1/catalog/mods/{id}",
	} {
		if !strings.Contains(document, `"`+path+`"`) {
			t.Errorf("%s is not documented", path)
		}
	}
}

// What nobody named has no name for clients of the catalogue, and is shown to
// people by what its files are called.
func TestUnnamed(t *testing.T) {
	a := newAPI(t)
	const first, second = 0x706d242, 0x706d243
	for _, id := range []int64{second, first} {
		a.lib.stock[id] = Stock{Stored: true, Version: 100, Bytes: 1, Source: SourceSteam}
		a.Changed(id)
	}
	a.settle()
	var card struct {
		Result struct {
			Name *string `json:"name"`
		} `json:"result"`
	}
	w := a.call(http.MethodGet, "/info/mod/117887554")
	if err := json.Unmarshal(w.Body.Bytes(), &card); err != nil || card.Result.Name == nil || *card.Result.Name != "" {
		t.Errorf("%s, %v", w.Body, err)
	}
	for query, want := range map[string][]string{
		"sort=name":             {"m706d242", "m706d243", "Allow Tool"},
		"sort=name&q=m706d243":  {"m706d243"},
		"sort=-name&q=m706d24":  nil,
		"sort=name&q=harmony":   {"Harmony", "harmony two"},
		"sort=name&q=m77c5f925": nil, // it has a name
	} {
		var list struct {
			Mods []struct{ Name string }
		}
		a.get("/api/v1/catalog/mods?limit=3&"+query, &list)
		var names []string
		for _, m := range list.Mods {
			names = append(names, m.Name)
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	var page struct {
		Results []struct {
			ID   int64
			Name string
		}
	}
	w = a.call(http.MethodGet, "/list/mods/?sort=NAME&page_size=2&dependencies=true")
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page.Results) != 2 || page.Results[0].ID != first || page.Results[1].ID != second ||
		page.Results[0].Name != "" {
		t.Errorf("%s, %v", w.Body, err)
	}
}
