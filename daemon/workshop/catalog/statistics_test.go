package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

func TestStatisticsHour(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		for range 14 {
			x.do(http.MethodGet, "/list/mods/")
		}
		x.expect("/statistics/hour", 200, `[{"date_time":"2026-11-20 08:00:00.000000","type":"/list/mods/","count":14},`+
			`{"date_time":"2026-11-20 08:00:00.000000","type":"/statistics/hour/","count":1}]`)
		if err := x.stats.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		// The last moment of the hour, the first of the next, and midnight.
		x.clock.Set(time.Date(2026, 11, 20, 8, 59, 59, 999_999_999, time.UTC))
		x.do(http.MethodGet, "/info/game/1")
		x.clock.Set(time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC))
		x.do(http.MethodGet, "/info/game/1")
		x.clock.Set(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
		x.do(http.MethodGet, "/info/game/1")
		const at8, at9 = `[{"date_time":"2026-11-20 08:00:00.000000","type":"/info/game/","count":1},` +
			`{"date_time":"2026-11-20 08:00:00.000000","type":"/list/mods/","count":14},` +
			`{"date_time":"2026-11-20 08:00:00.000000","type":"/statistics/hour/","count":1}`,
			`{"date_time":"2026-11-20 09:00:00.000000","type":"/info/game/","count":1}`
		x.expect("/statistics/hour?day=2026-11-20", 200, at8+","+at9+"]")
		x.expect("/statistics/hour?select_date=2026-11-20", 200, at8+","+at9+"]")
		x.expect("/statistics/hour?select_date=2026-11-21&day=2026-11-20", 200, at8+","+at9+"]")
		x.expect("/statistics/hour?day=2026-11-20&start_hour=8&end_hour=8", 200, at8+"]")
		x.expect("/statistics/hour?day=2026-11-20&start_hour=9", 200, "["+at9+"]")
		x.expect("/statistics/hour?day=2026-11-20&end_hour=7", 200, "[]")
		x.expect("/statistics/hour?day=2026-11-19", 200, "[]")
		x.expect("/statistics/hour?end_hour=0", 200, `[{"date_time":"2026-11-21 00:00:00.000000","type":"/info/game/","count":1},`+
			`{"date_time":"2026-11-21 00:00:00.000000","type":"/statistics/hour/","count":8}]`)
	})
}

func TestStatistics_BadInput(t *testing.T) {
	x := oneListing(t, nil)
	const startHour = `{"message":"start_hour exits 24 hour format","error_id":1}`
	const endHour = `{"message":"end_hour exits 24 hour format","error_id":2}`
	tests := []struct {
		target string
		status int
		body   string
	}{
		{"/statistics/hour?start_hour=24", 412, startHour},
		{"/statistics/hour?start_hour=-1&end_hour=99", 412, startHour},
		{"/statistics/hour?start_hour=99999999999999999999", 412, startHour},
		{"/statistics/hour?end_hour=24", 412, endHour},
		{"/statistics/hour?start_hour=23&end_hour=-1", 412, endHour},
		{"/statistics/hour?start_hour=5&end_hour=4", 409, bodyConflict},
		{"/statistics/day?start_date=2026-11-21&end_date=2026-11-20", 409, bodyConflict},
		{"/statistics/day?start_date=2026-11-21", 409, bodyConflict},
	}
	for _, tt := range tests {
		x.expect(tt.target, tt.status, tt.body)
	}
	x.counted(map[string]int64{"/statistics/hour/": 6, "/statistics/day/": 2}) // what fails counts
	for _, target := range []string{
		"/statistics/hour?day=20.11.2026", "/statistics/hour?day=", "/statistics/hour?select_date=2026-13-01", "/statistics/hour?start_hour=x",
		"/statistics/hour?end_hour=1.5", "/statistics/day?start_date=2026-02-30", "/statistics/day?end_date=today",
	} {
		w := x.do(http.MethodGet, target)
		if w.Code != 422 || !strings.Contains(w.Body.String(), `"error_id":422`) {
			t.Errorf("GET %s: %d %s", target, w.Code, w.Body)
		}
		checkHeader(t, target, w)
	}
	x.counted(map[string]int64{"/statistics/hour/": 6, "/statistics/day/": 2}) // what cannot be read does not
}

func TestStatisticsDay(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		for _, back := range []int{9, 8, 7, 1} {
			x.clock.Set(testNow.AddDate(0, 0, -back))
			x.count(countSent)
			x.count("ns2_sent") // ours, not on this wire
		}
		if err := x.stats.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		x.clock.Set(testNow)
		x.count(countSent)
		x.expect("/statistics/day", 200, `[{"date":"2026-11-13","type":"files_sent","count":1},{"date":"2026-11-19","type":"files_sent","count":1},`+
			`{"date":"2026-11-20","type":"/statistics/day/","count":1},{"date":"2026-11-20","type":"files_sent","count":1}]`)
		x.expect("/statistics/day?end_date=2026-11-19", 200, `[{"date":"2026-11-12","type":"files_sent","count":1},`+
			`{"date":"2026-11-13","type":"files_sent","count":1},{"date":"2026-11-19","type":"files_sent","count":1}]`)
		x.expect("/statistics/day?start_date=2026-11-11&end_date=2026-11-11", 200, `[{"date":"2026-11-11","type":"files_sent","count":1}]`)
		x.expect("/statistics/info/all", 200, `{"mods":5,"games":2,"genres":2,"mods_tags":3,"mods_dependencies":1,"statistics_days":5,"mods_sent_count":49}`)
	})
}

// Days and hours are those of the configured zone, also where the offset is
// no whole hour and where a clock goes back.
func TestStatistics_Zone(t *testing.T) {
	tests := []struct {
		zone     string
		at       []string
		day      string
		hours    string
		perDay   string
		dayRange string
	}{
		{"Asia/Kolkata", []string{"2026-11-20T18:29:59Z", "2026-11-20T18:30:00Z"}, "2026-11-21", "2026-11-21 00:00:00.000000=1", "2026-11-20=1 2026-11-21=1", "2026-11-20"},
		{"Europe/Berlin", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}, "2026-10-25", // 02:30 twice, then 03:30
			"2026-10-25 02:00:00.000000=2 2026-10-25 03:00:00.000000=1", "2026-10-25=3", "2026-10-25"},
		{"Europe/Berlin", []string{"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"}, "2026-03-29", // 01:30, then 03:30
			"2026-03-29 01:00:00.000000=1 2026-03-29 03:00:00.000000=1", "2026-03-29=2", "2026-03-29"},
	}
	for _, tt := range tests {
		x := oneListing(t, func(o *Options) { o.Config.TimeZone = tt.zone })
		for _, text := range tt.at {
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				t.Fatal(err)
			}
			x.clock.Set(at)
			x.count(countSent)
		}
		if err := x.stats.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		read := func(target, key string) string {
			var rows []map[string]any
			if err := json.Unmarshal(x.do(http.MethodGet, target).Body.Bytes(), &rows); err != nil {
				t.Fatal(err)
			}
			var list []string
			for _, r := range rows {
				if r["type"] == countSent {
					list = append(list, fmt.Sprintf("%v=%v", r[key], r["count"]))
				}
			}
			return strings.Join(list, " ")
		}
		if got := read("/statistics/hour?day="+tt.day, "date_time"); got != tt.hours {
			t.Errorf("%s: hours %q, want %q", tt.zone, got, tt.hours)
		}
		if got := read("/statistics/day?start_date="+tt.dayRange+"&end_date="+tt.day, "date"); got != tt.perDay {
			t.Errorf("%s: days %q, want %q", tt.zone, got, tt.perDay)
		}
	}
}

func TestStatisticsDelay(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		x.expect("/statistics/delay", 200, `{"fast":0,"full":0}`)
		note := func(kind string, second, ms int) {
			x.timing(kind, testNow.Add(time.Duration(second)*time.Second), time.Duration(ms)*time.Millisecond)
		}
		for i := range 19 {
			note(timeDownloadLocalOK, 100+i, 7)
		}
		note(timeDownloadSteamOK, 200, 10) // the newest by its start
		note(timeDownloadLocalOK, 1, 5000) // the 21st
		note(timeSteamOK, 1, 1017)
		note(timeSteamOK, 2, 1018)
		note(timeSteamError, 3, 9)
		note(timeDownloadLocalNo, 4, 9)
		x.expect("/statistics/delay", 200, `{"fast":7,"full":1017}`)
		if err := x.stats.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		x.expect("/statistics/delay", 200, `{"fast":7,"full":1017}`)
		note(timeSteamOK, 5, 4)
		x.expect("/statistics/delay", 200, `{"fast":7,"full":679}`) // 2039 / 3
	})
}

func TestStatistics_Timings_ArePruned(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		for i := range keepTimings + 200 {
			x.timing(timeSteamOK, testNow.Add(time.Duration(i)*time.Second), time.Millisecond)
		}
		x.timing(timeSteamError, testNow, 0)
		if err := x.stats.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, err := x.store.newestTimings(t.Context(), 5000, timeSteamOK, timeSteamError)
		if err != nil || len(list) != keepTimings+1 {
			t.Fatalf("%d timings are kept, %v", len(list), err)
		}
		if oldest := list[len(list)-2].at; !oldest.Equal(testNow.Add(200 * time.Second)) {
			t.Errorf("the oldest is of %v", oldest)
		}
	})
}

func TestStatisticsTypeMap(t *testing.T) {
	x := oneListing(t, nil)
	tests := []struct{ header, want string }{
		{"", "ru"}, {"*", "ru"}, {"de", "ru"}, {"de, fr;q=0.5", "ru"}, {"ru", "ru"}, {"en", "en"}, {"en-US", "en"}, {"EN-gb", "en"}, {"ru-RU", "ru"},
		{"ru, en", "ru"}, {"en, ru", "en"}, {"ru;q=0.5, en", "en"}, {"en;q=0.5, ru;q=0.6", "ru"}, {"en;q=0.1", "en"},
		{"en;q=0", "ru"}, {"ru;q=0, en;q=0.1", "en"}, {"ru;q=0", "ru"}, {"ru;q=0, *", "en"}, {"de, en;q=0.8, ru;q=0.7", "en"},
		{"de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "en"}, {"en;q=x, ru;q=0.1", "ru"}, {";;;", "ru"}, {"english", "ru"}, {"*;q=0.1, en;q=0.2", "en"},
		{"en_US", "ru"}, {" en ; q = 1.0 ", "en"}, {"en;q=2", "ru"}, {"en;q=NaN", "ru"},
	}
	for _, tt := range tests {
		var args []string
		if tt.header != "" {
			args = []string{"Accept-Language", tt.header}
		}
		w := x.do(http.MethodGet, "/statistics/info/type_map", args...)
		var body struct {
			Language string            `json:"language"`
			Result   map[string]string `json:"result"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != 200 {
			t.Fatal(w.Code, err)
		}
		if body.Language != tt.want || len(body.Result) != 23 {
			t.Errorf("%q: %s with %d labels, want %s", tt.header, body.Language, len(body.Result), tt.want)
		}
		if w.Header().Get("Vary") != "Accept-Language" {
			t.Errorf("Vary: %q", w.Header().Values("Vary"))
		}
		checkHeader(t, tt.header, w)
	}
	if w := x.do(http.MethodGet, "/statistics/info/type_map", "Accept-Language", "de", "Accept-Language", "en"); !strings.HasPrefix(w.Body.String(),
		`{"language":"en","result":{"start":"Service starts","/":"Redirects to the docs","/download/steam/":"Steam download requests",`) {
		t.Error(w.Body)
	}
}

// Every endpoint counts itself first, also when it then fails.
func TestStatistics_WhatIsCounted(t *testing.T) {
	x := oneListing(t, nil)
	want := map[string]int64{}
	for target, kind := range map[string]string{
		"/list/mods/": "/list/mods/", "/list/mods/?page_size=0": "/list/mods/", "/mods": "/list/mods/", "/list/games/": "/list/games/",
		"/list/games/?page_size=0": "/list/games/", "/list/tags/1": "/list/tags/", "/list/genres": "/list/genres/",
		"/list/resources_mods/1": "/list/resources_mods/", "/info/mod/1": "/info/mod/", "/info/game/1": "/info/game/",
		"/condition/mod/[1]": "/condition/mod/", "/condition/mod/1": "/condition/mod/", "/statistics/delay": "/statistics/delay/",
		"/statistics/hour": "/statistics/hour/", "/statistics/day": "/statistics/day/", "/statistics/info/all": "/statistics/info/all/",
		"/statistics/info/type_map": "/statistics/info/type_map/",
	} {
		x.do(http.MethodGet, target)
		want[kind]++
	}
	x.counted(want)
}

func TestStatistics_ConcurrentIncrementsAddUp(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		var all sync.WaitGroup
		stop := make(chan struct{})
		var flusher sync.WaitGroup
		flusher.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := x.stats.flush(context.Background()); err != nil {
					t.Error(err)
					return
				}
			}
		})
		for range 10 {
			all.Go(func() {
				for range 100 {
					x.do(http.MethodGet, "/condition/mod/[1]")
					x.Delivered(harmony, "ns2")
				}
			})
			all.Go(func() {
				for range 20 {
					x.counters() // a reader never sees more than there is
					x.settle()
				}
			})
		}
		all.Wait()
		x.counted(map[string]int64{"/condition/mod/": 1000, "ns2_sent": 1000})
		close(stop)
		flusher.Wait()
		if err := x.stats.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		x.counted(map[string]int64{"/condition/mod/": 1000, "ns2_sent": 1000})
		r, _, err := x.store.record(t.Context(), harmony)
		if err != nil || r.Downloads != 1042 {
			t.Errorf("%+v %v", r, err)
		}
		g, _, err := x.store.game(t.Context(), rimWorld)
		if err != nil || g.Downloads != 1049 {
			t.Errorf("%+v %v", g, err)
		}
		x.settle()
		if e := x.index.get(harmony); e.downloads != 1042 {
			t.Errorf("%d downloads in the list", e.downloads)
		}
	})
}

// What a database does not take is written when it does.
func TestStatistics_SurviveAFailedWrite(t *testing.T) {
	x := oneListing(t, nil)
	x.exec(`ALTER TABLE workshop_statistic_day RENAME TO away`)
	x.count(countSent)
	x.Delivered(harmony, "ns2")
	x.timing(timeSteamOK, testNow, time.Second)
	if err := x.stats.flush(t.Context()); err == nil {
		t.Fatal("a flush into nothing succeeded")
	}
	x.count(countSent)
	x.Delivered(harmony, "ns2")
	x.exec(`ALTER TABLE away RENAME TO workshop_statistic_day`)
	if err := x.stats.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.counted(map[string]int64{countSent: 2, "ns2_sent": 2})
	if r, _, err := x.store.record(t.Context(), harmony); err != nil || r.Downloads != 44 || !r.DeliveredAt.Equal(db.Time(db.Micros(testNow))) {
		t.Errorf("%+v %v", r, err)
	}
	x.expect("/statistics/delay", 200, `{"fast":0,"full":1000}`)
}

// Run counts the start, and what was counted is written at the end.
func TestRun_CountsStartAndFlushesAtTheEnd(t *testing.T) {
	eachListing(t, nil, func(t *testing.T, x *listing) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- x.Run(ctx) }()
		x.clock.Await(2) // the flusher and the poll
		x.count(countSent)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		got := map[string]int64{}
		if err := x.store.days(t.Context(), "2026-11-20", "2026-11-20", func(k dayKey, n int64) { got[k.kind] += n }); err != nil {
			t.Fatal(err)
		}
		if got[countStart] != 1 || got[countSent] != 1 {
			t.Errorf("%v", got)
		}
	})
}
