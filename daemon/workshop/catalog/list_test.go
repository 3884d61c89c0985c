package catalog

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

const (
	harmonyJSON = `{"id":2009463077,"name":"Harmony","description":"[b]Library[/b]…","size":2154312,"condition":0,` +
		`"date_creation":"2020-03-01 10:00:00","date_update":"2024-04-11 09:21:07","date_request":"2026-11-20 08:34:10.101512",` +
		`"source":"steam","downloads":42,"archive_size":700000}`
	rimWorldJSON = `{"id":294100,"name":"RimWorld","type":"game","logo":"https://cdn.example/header.jpg","short_description":"A colony sim.",` +
		`"description":"<p>HTML…</p>","mods_downloads":49,"mods_count":4,"creation_date":"2026-11-20 08:34:11.141640","source":"steam"}`
	ns2JSON = `{"id":4920,"name":"App 4920","type":"app","logo":"","short_description":"","description":"","mods_downloads":0,` +
		`"mods_count":1,"creation_date":"%s","source":"steam"}`

	bodyPageSize   = `{"message":"incorrect page size","error_id":1}`
	bodyComplexity = `{"message":"the maximum complexity of filters is 30 elements in sum","error_id":2}`
	bodyArraySize  = `{"message":"the size of the array is not correct","error_id":1}`
	bodyConflict   = `{"message":"conflicting request","error_id":3}`
)

func TestListMods_Golden(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		x.expect("/list/mods/?sort=iDOWNLOADS&page_size=1", 200, `{"database_size":4,"offset":0,"offeset":0,"results":[`+harmonyJSON+`]}`)
		x.expect("/list/mods/?sort=iDOWNLOADS&page_size=1&page=20", 200, `{"database_size":4,"offset":20,"offeset":20,"results":[]}`)
	})
}

func TestListMods_Filters(t *testing.T) {
	x := oneListing(t, nil)
	tests := []struct {
		query string
		want  []int64
	}{
		// dependencies=false hides what needs others; the order is that of
		// downloads, ascending, then of ids.
		{"", []int64{allowed, waiting, foreign, harmony}},
		{"dependencies=", []int64{allowed, waiting, foreign, harmony}},
		{"dependencies=false", []int64{allowed, waiting, foreign, harmony}},
		{"dependencies=true", []int64{allowed, waiting, foreign, hugsLib, harmony}},
		{"dependencies=YES", []int64{allowed, waiting, foreign, hugsLib, harmony}},
		{"dependencies=true&independents=true", []int64{allowed, waiting, foreign, harmony}},
		{"dependencies=false&independents=false", []int64{allowed, waiting, foreign, hugsLib, harmony}},
		{"dependencies=true&independents=", []int64{allowed, waiting, foreign, hugsLib, harmony}},
		// games: any of them.
		{"dependencies=1&games=[294100]", []int64{allowed, waiting, hugsLib, harmony}},
		{"dependencies=1&games=%5B294100%5D", []int64{allowed, waiting, hugsLib, harmony}},
		{"dependencies=1&games=[294100,4920]", []int64{allowed, waiting, foreign, hugsLib, harmony}},
		{`dependencies=1&games=["4920"]`, []int64{foreign}},
		{"dependencies=1&games=4920", []int64{foreign}},
		{"dependencies=1&game=4920", []int64{foreign}},
		{"dependencies=1&games=[99999999999999999999999]", []int64{}},
		{"dependencies=1&games=[]", []int64{allowed, waiting, foreign, hugsLib, harmony}},
		{"dependencies=1&games=%5B%5D", []int64{allowed, waiting, foreign, hugsLib, harmony}},
		{"dependencies=1&games=", []int64{allowed, waiting, foreign, hugsLib, harmony}},
		{"dependencies=1&games=[1", []int64{allowed, waiting, foreign, hugsLib, harmony}},
		{`dependencies=1&games={"a":1}`, []int64{allowed, waiting, foreign, hugsLib, harmony}},
		// tags: all of them.
		{"dependencies=1&tags=[1]", []int64{hugsLib, harmony}},
		{"dependencies=1&tags=[1,2]", []int64{harmony}},
		{"dependencies=1&tags=1&tags=2", []int64{harmony}},
		{"dependencies=1&tags=1,2", []int64{harmony}},
		{"dependencies=1&tags=['1','2']", []int64{harmony}},
		{"dependencies=1&tags=[1,999]", []int64{}},
		{"dependencies=1&tags=[1,true]", []int64{}},
		// sources: any of them.
		{`dependencies=1&primary_sources=["steam","local"]`, []int64{allowed, waiting, foreign, hugsLib, harmony}},
		{`dependencies=1&primary_sources=['steam']`, []int64{allowed, waiting, foreign, hugsLib, harmony}},
		{`dependencies=1&primary_sources=["local"]`, []int64{}},
		// name: a part, whatever its case, and nothing is a wildcard.
		{"name=HARM", []int64{waiting, harmony}},
		{"name=y", []int64{waiting, harmony}},
		{"name=on", []int64{waiting, harmony}},
		{"name=" + url.QueryEscape("привет"), []int64{foreign}},
		{"name=100%25", []int64{foreign}},
		{"name=_", []int64{foreign}},
		{"name=%25%25", []int64{}},
		{"name=harmonyx", []int64{}},
		// The successor's.
		{"allowed_ids=[2009463077,5]", []int64{harmony}},
		{"allowed_sources_ids=[2009463077]", []int64{harmony}},
		// Both at once.
		{"dependencies=1&games=[294100]&tags=[1]&name=LIB", []int64{hugsLib}},
	}
	for _, tt := range tests {
		if got := x.ids("/list/mods/?" + tt.query); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %v, want %v", tt.query, got, tt.want)
		}
	}
}

func TestListMods_OriginalPolarity(t *testing.T) {
	x := oneListing(t, func(o *Options) { o.Config.DependenciesFilter = config.FilterOriginal })
	for query, want := range map[string][]int64{
		"":                                     {allowed, waiting, foreign, hugsLib, harmony},
		"?dependencies=false":                  {allowed, waiting, foreign, hugsLib, harmony},
		"?dependencies=true":                   {allowed, waiting, foreign, harmony},
		"?dependencies=false&independents=yes": {allowed, waiting, foreign, harmony},
	} {
		if got := x.ids("/list/mods/" + query); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", query, got, want)
		}
	}
}

func TestListMods_Sort(t *testing.T) {
	x := oneListing(t, nil)
	tests := []struct {
		sort string
		want []int64
	}{
		{"NAME", []int64{allowed, harmony, waiting, hugsLib, foreign}},
		{"iNAME", []int64{foreign, hugsLib, waiting, harmony, allowed}},
		{"SIZE", []int64{waiting, foreign, allowed, hugsLib, harmony}},
		{"iSIZE", []int64{harmony, hugsLib, allowed, foreign, waiting}},
		{"DATE_CREATION", []int64{waiting, harmony, hugsLib, allowed, foreign}},
		{"iDATE_CREATION", []int64{foreign, allowed, hugsLib, waiting, harmony}},
		{"DATE_UPDATE", []int64{allowed, hugsLib, waiting, harmony, foreign}},
		{"iDATE_UPDATE", []int64{foreign, waiting, harmony, hugsLib, allowed}},
		{"DATE_REQUEST", []int64{allowed, hugsLib, foreign, waiting, harmony}},
		{"iDATE_REQUEST", []int64{harmony, waiting, allowed, hugsLib, foreign}},
		{"SOURCE", []int64{allowed, hugsLib, waiting, harmony, foreign}},
		{"iSOURCE", []int64{allowed, hugsLib, waiting, harmony, foreign}},
		{"DOWNLOADS", []int64{allowed, waiting, foreign, hugsLib, harmony}},
		{"iDOWNLOADS", []int64{harmony, hugsLib, allowed, waiting, foreign}},
		{"downloads", []int64{allowed, waiting, foreign, hugsLib, harmony}},
		{"inothing", []int64{allowed, waiting, foreign, hugsLib, harmony}},
	}
	for _, tt := range tests {
		got := x.ids("/list/mods/?dependencies=true&sort=" + tt.sort)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.sort, got, tt.want)
		}
		var paged []int64 // pages do not overlap
		for page := range 5 {
			_, ids := x.list(fmt.Sprintf("/list/mods/?dependencies=true&page_size=1&page=%d&sort=%s", page, tt.sort))
			paged = append(paged, ids...)
		}
		if !slices.Equal(paged, tt.want) {
			t.Errorf("%s in pages: %v, want %v", tt.sort, paged, tt.want)
		}
	}
}

func TestLists_Bounds(t *testing.T) {
	x := oneListing(t, nil)
	thirty := strings.TrimSuffix(strings.Repeat("294100,", 30), ",")
	lists := []string{"/list/mods/", "/list/games/", "/list/tags/294100", "/list/genres", "/list/resources_mods/2009463077"}
	for _, path := range lists {
		for _, size := range []string{"0", "-1", "51", "9223372036854775807", "100000000000000000000000"} {
			x.expect(path+"?page_size="+size, 413, bodyPageSize)
		}
		x.expect(path+"?page=1x", 422, `{"message":"page: value is not a valid integer","error_id":422,"detail":[{"loc":["query","page"],`+
			`"msg":"value is not a valid integer","type":"value_error"}]}`)
		for _, ok := range []string{"page_size=1", "page_size=50", "page=-3", "page_size=50&page=1000000000000000000", "page=100000000000000000000000000"} {
			if w := x.do(http.MethodGet, path+"?"+ok); w.Code != 200 {
				t.Errorf("GET %s?%s: %d %s", path, ok, w.Code, w.Body)
			}
		}
	}
	x.expect("/list/mods/?page_size=50&page=1000000000000000000", 200, `{"database_size":4,"offset":9223372036854775807,"offeset":9223372036854775807,"results":[]}`)
	x.expect("/list/tags/294100?page=-7&page_size=1", 200, `{"database_size":2,"offset":0,"results":[{"id":1,"name":"Mod"}]}`)

	tests := []struct {
		target string
		status int
	}{
		{"/list/mods/?games=[" + thirty + "]", 200},
		{"/list/mods/?games=[" + thirty + ",1]", 413},
		{"/list/mods/?games=[" + thirty + "]&tags=[1]", 413},
		{`/list/mods/?games=[` + thirty + `]&primary_sources=["steam"]`, 413},
		{`/list/games/?genres=[` + thirty + `]`, 200},
		{`/list/games/?genres=[` + thirty + `]&type_app=["game"]`, 413},
		{`/list/games/?genres=[` + thirty + `]&primary_sources=["steam"]`, 413},
		{`/list/resources_mods/1?types_resources=[` + strings.TrimSuffix(strings.Repeat(`"logo",`, 20), ",") + `]`, 200},
		{`/list/resources_mods/1?types_resources=[` + strings.TrimSuffix(strings.Repeat(`"logo",`, 21), ",") + `]`, 413},
	}
	for _, tt := range tests {
		w := x.do(http.MethodGet, tt.target)
		if w.Code != tt.status || tt.status == 413 && w.Body.String() != bodyComplexity {
			t.Errorf("GET %s: %d %s, want %d", tt.target, w.Code, w.Body, tt.status)
		}
	}
	// The size of the page is looked at first.
	x.expect("/list/mods/?page_size=51&games=["+thirty+",1]", 413, bodyPageSize)
}

func TestLists_NestedArrays(t *testing.T) {
	x := oneListing(t, nil)
	for _, target := range []string{
		"/list/mods/?tags=[[1]]", "/list/mods/?games=[{}]", "/list/mods/?primary_sources=[[]]", "/list/games/?genres=[1,[2]]",
		"/list/games/?type_app=[{}]", "/list/resources_mods/1?types_resources=[[]]",
	} {
		w := x.do(http.MethodGet, target)
		var body struct {
			ErrorID int              `json:"error_id"`
			Detail  []map[string]any `json:"detail"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != 422 || body.ErrorID != 422 || len(body.Detail) != 1 {
			t.Errorf("GET %s: %d %s %v", target, w.Code, w.Body, err)
		}
		checkHeader(t, target, w)
	}
	x.expect("/condition/mod/[[1]]", 422, `{"message":"ids_array: a list must not hold lists or objects","error_id":422,`+
		`"detail":[{"loc":["path","ids_array"],"msg":"a list must not hold lists or objects","type":"value_error"}]}`)
	x.counted(map[string]int64{})
}

func TestListGames(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		x.expect("/list/games/?page_size=1&sort=iMODS_COUNT", 200, `{"database_size":2,"offset":0,"offeset":0,"results":[`+rimWorldJSON+`]}`)
		x.expect("/info/game/294100", 200, `{"result":`+rimWorldJSON+`}`)
		registered := x.shelf.game(ns2).CreatedAt.UTC().Format("2006-01-02 15:04:05.000000")
		x.expect("/info/game/4920", 200, `{"result":`+fmt.Sprintf(ns2JSON, registered)+`}`)
		x.expect("/info/game/5", 200, `{"result":null}`)
		tests := []struct {
			query string
			want  []int64
		}{
			{"", []int64{ns2, rimWorld}},
			{"sort=MODS_DOWNLOADS", []int64{ns2, rimWorld}},
			{"sort=iMODS_DOWNLOADS", []int64{rimWorld, ns2}},
			{"sort=whatever", []int64{rimWorld, ns2}},
			{"sort=NAME", []int64{ns2, rimWorld}},
			{"sort=iNAME", []int64{rimWorld, ns2}},
			{"sort=TYPE", []int64{ns2, rimWorld}},
			{"sort=CREATION_DATE", nil},
			{"sort=MODS_COUNT", []int64{ns2, rimWorld}},
			{"sort=iMODS_COUNT", []int64{rimWorld, ns2}},
			{"sort=SOURCE", []int64{ns2, rimWorld}},
			{`type_app=["game"]`, []int64{rimWorld}},
			{`type_app=["game","app"]`, []int64{ns2, rimWorld}},
			{`type_app=["dlc"]`, []int64{}},
			{`genres=[28]`, []int64{rimWorld}},
			{`genres=[28,2]`, []int64{rimWorld}},
			{`genres=[28,3]`, []int64{}},
			{`primary_sources=["steam"]`, []int64{ns2, rimWorld}},
			{`primary_sources=["local"]`, []int64{}},
			{`name=RIMW`, []int64{rimWorld}},
			{`name=%25`, []int64{}},
		}
		for _, tt := range tests {
			if got := x.ids("/list/games/?" + tt.query); tt.want != nil && !slices.Equal(got, tt.want) {
				t.Errorf("%q: %v, want %v", tt.query, got, tt.want)
			}
		}
	})
}

func TestListTagsAndGenres(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		x.expect("/list/tags/294100", 200, `{"database_size":2,"offset":0,"results":[{"id":1,"name":"Mod"},{"id":2,"name":"1.5"}]}`)
		x.expect("/list/tags/4920", 200, `{"database_size":1,"offset":0,"results":[{"id":3,"name":"Must be run on Server"}]}`)
		x.expect("/list/tags/5", 200, `{"database_size":0,"offset":0,"results":[]}`)
		x.expect("/list/tags/0", 200, `{"database_size":0,"offset":0,"results":[]}`)
		x.expect("/list/tags/x", 422, `{"message":"game_id: value is not a valid integer","error_id":422,"detail":[{"loc":["path","game_id"],`+
			`"msg":"value is not a valid integer","type":"value_error"}]}`)
		x.expect("/list/genres", 200, `{"database_size":2,"offset":0,"results":[{"id":2,"name":"Strategy"},{"id":28,"name":"Simulation"}]}`)
		x.expect("/list/genres/?page_size=1&page=1", 200, `{"database_size":2,"offset":1,"results":[{"id":28,"name":"Simulation"}]}`)
		x.expect("/list/tags/mods/[2009463077,818773962,7]", 200, `{"818773962":[{"id":1,"name":"Mod"}],"2009463077":[{"id":1,"name":"Mod"},{"id":2,"name":"1.5"}]}`)
		x.expect("/list/genres/games/[294100]", 200, `{"294100":[{"id":2,"name":"Strategy"},{"id":28,"name":"Simulation"}]}`)
		x.expect("/mods/2009463077/tags", 200, `{"database_size":2,"offset":0,"results":[{"id":1,"name":"Mod"},{"id":2,"name":"1.5"}]}`)
		x.expect("/mods/818773962/dependencies", 200, `{"database_size":1,"offset":0,"results":[2009463077]}`)
	})
}

func TestListResources(t *testing.T) {
	const (
		logo  = `{"id":1,"type":"logo","url":"https://images.example/a.jpg","owner_id":2009463077,"date_event":"2026-11-20 08:34:11.155080"}`
		first = `{"id":2,"type":"screenshot","url":"https://images.example/b.jpg","owner_id":2009463077,"date_event":"2026-11-20 08:34:11.155080"}`
		other = `{"id":3,"type":"screenshot","url":"https://images.example/c.jpg","owner_id":2009463077,"date_event":"2026-11-20 08:34:11.155080"}`
	)
	eachListing(t, nil, func(t *testing.T, x *listing) {
		x.expect("/list/resources_mods/2009463077", 200, `{"database_size":3,"offset":0,"results":[`+logo+`,`+first+`,`+other+`]}`)
		x.expect("/list/resources_mods/2009463077?page_size=1&page=1", 200, `{"database_size":3,"offset":1,"results":[`+first+`]}`)
		x.expect(`/list/resources_mods/2009463077?types_resources=["logo"]`, 200, `{"database_size":1,"offset":0,"results":[`+logo+`]}`)
		x.expect(`/list/resources_mods/2009463077?types_resources=["logo","screenshot"]&page_size=1`, 200, `{"database_size":3,"offset":0,"results":[`+logo+`]}`)
		x.expect(`/list/resources_mods/2009463077?types_resources=["video"]`, 200, `{"database_size":0,"offset":0,"results":[]}`)
		x.expect("/list/resources_mods/818773962", 200, `{"database_size":0,"offset":0,"results":[]}`)
		x.expect("/list/resources_mods/99999999999999999999999", 200, `{"database_size":0,"offset":0,"results":[]}`)
		x.expect(`/list/resources_mods/%5B818773962%2C2009463077%5D?types_resources=%5B%22logo%22%5D`, 200, `{"database_size":1,"offset":0,"results":[`+logo+`]}`)
		x.expect("/list/resources_mods/abc", 422, `{"message":"mod_id: value is not a valid integer","error_id":422,"detail":[{"loc":["path","mod_id"],`+
			`"msg":"value is not a valid integer","type":"value_error"}]}`)
		x.counted(map[string]int64{"/list/resources_mods/": 8})
		logos, err := x.store.logos(t.Context(), []int64{harmony, hugsLib})
		if diff := cmp.Diff(map[int64]string{harmony: "https://images.example/a.jpg"}, logos); err != nil || diff != "" {
			t.Error(diff, err)
		}
	})
}

// Groups of keys that the successor lets clients leave out.
func TestListMods_Fields(t *testing.T) {
	x := oneListing(t, nil)
	keys := func(target string) []string {
		var body struct {
			Results []map[string]any `json:"results"`
		}
		w := x.do(http.MethodGet, target)
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err, w.Body)
		}
		var names []string
		for k := range body.Results[0] {
			names = append(names, k)
		}
		slices.Sort(names)
		return names
	}
	for query, want := range map[string][]string{
		"description=false&dates=false&general=false":         {"id"},
		"description=false&general=false":                     {"date_creation", "date_request", "date_update", "id"},
		"dates=0&general=0":                                   {"description", "id"},
		"dates=0&general=0&description=0&short_description=1": {"id", "short_description"},
	} {
		if diff := cmp.Diff(want, keys("/list/mods/?"+query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	if diff := cmp.Diff([]string{"id"}, keys("/list/games/?description=0&dates=0&general=0&statistics=0")); diff != "" {
		t.Error(diff)
	}
	w := x.do(http.MethodGet, "/list/mods/?allowed_ids=[2009463077]&short_description=true")
	if !strings.Contains(w.Body.String(), `"short_description":"Library…"`) {
		t.Error(w.Body)
	}
}

// What one request sees, the next sees too: changes told by the library are
// there at once.
func TestList_FollowsTheLibrary(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		const id = 3700000000
		x.expect("/info/mod/3700000000", 200, `{"result":null}`)
		d := Details{ID: id, App: rimWorld, Name: "New", Size: 1, Created: harmonyCreated, Updated: harmonyUpdated}
		x.put(id, Stock{Queued: true, Source: SourceSteam, AddedAt: testNow}, d)
		x.expect("/condition/mod/[3700000000]", 200, `{"3700000000":2}`)
		x.expect("/condition/mod/[3700000000]?extended=1", 200, `{"3700000000":3}`)
		x.expect("/info/mod/3700000000", 200, `{"result":{"id":3700000000,"name":"New","description":"","size":1,"condition":2,`+
			`"date_creation":"2020-03-01 10:00:00","date_update":"2024-04-11 09:21:07","date_request":"2026-11-20 08:34:11.155080",`+
			`"source":"steam","downloads":0,"archive_size":0}}`)
		x.put(id, Stock{Fetching: true, AddedAt: testNow}, d)
		x.expect("/condition/mod/[3700000000]?extended=1", 200, `{"3700000000":2}`)
		x.put(id, Stock{Stored: true, Version: harmonyUpdated, AddedAt: testNow}, d)
		x.expect("/condition/mod/[3700000000]", 200, `{"3700000000":1}`)
		if err := x.record(t.Context(), metadata{Details: d, Complete: true, Version: harmonyUpdated}); err != nil {
			t.Fatal(err)
		}
		x.expect("/condition/mod/[3700000000]", 200, `{"3700000000":0}`)
		// An update keeps the old version, its date and its state.
		d.Updated++
		x.put(id, Stock{Stored: true, Fetching: true, Version: harmonyUpdated, AddedAt: testNow}, d)
		x.expect("/condition/mod/[3700000000]", 200, `{"3700000000":0}`)
		if w := x.do(http.MethodGet, "/info/mod/3700000000"); !strings.Contains(w.Body.String(), `"date_update":"2024-04-11 09:21:07"`) {
			t.Error(w.Body)
		}
		x.put(id, Stock{}, d)
		x.expect("/condition/mod/[3700000000]", 200, `{}`)
		x.expect("/info/mod/3700000000", 200, `{"result":null}`)
		// What the library has and did not tell is found all the same.
		x.lib.mu.Lock()
		x.lib.stock[id] = Stock{Queued: true, AddedAt: time.Unix(1, 0)}
		x.lib.mu.Unlock()
		x.expect("/condition/mod/[3700000000]", 200, `{"3700000000":2}`)
	})
}
