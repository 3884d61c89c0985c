package workshop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest/fakecmd"
)

// These tests are the programs that use the catalogue, written down as they
// behave, before a whole server: the web stack, a Web API and a SteamCMD.

const (
	hugsLib     = 818773962
	queuedBody  = `{"message":"request added to queue","error_id":0,"unsuccessful_attempts":false,"updating":false}`
	updateBody  = `{"message":"request added to queue","error_id":0,"unsuccessful_attempts":false,"updating":true}`
	processBody = `{"message":"your request is already being processed","error_id":3}`
	queryHugs   = "/condition/mod/%5B818773962%5D"
)

// A mod is asked for, fetched, sent, updated by its author and sent again;
// the counters are those that this takes, and no others.
func TestCatalog_Exchange(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newCatalogServer(t, d)
		x.publish(hugsLib, "HugsLib [1.5]", 1583056800)
		x.steam.PutApp(steamtest.App{ID: 294100, Type: "game", Name: "RimWorld"})
		x.store.shut()
		x.wait.shut()

		x.expect("/download/steam/818773962", 202, queuedBody)
		x.expect("/download/steam/818773962", 202, processBody)
		x.expect(queryHugs, 200, `{"818773962":2}`)
		x.says("/info/mod/818773962", `{"result":{"id":818773962,"condition":2,"downloads":0,"name":"HugsLib [1.5]","source":"steam"}}`)
		x.wait.lift()
		x.arrived(hugsLib, 1583056800)
		x.expect(queryHugs, 200, `{"818773962":1}`)
		first := x.get("/download/818773962")
		if first.status != 200 || first.header.Get("Content-Type") != "application/zip" ||
			first.header.Get("Content-Disposition") != "attachment; filename*=utf-8''HugsLib%20%5B1.5%5D.zip" ||
			first.header.Get("Content-Length") != strconv.Itoa(len(first.body)) || first.header.Get("ETag") == "" ||
			first.header.Get("Last-Modified") != "Sun, 01 Mar 2020 10:00:00 GMT" || first.header.Get("Accept-Ranges") != "bytes" {
			t.Fatalf("%d %v", first.status, first.header)
		}
		x.store.lift()
		x.complete(hugsLib)
		x.says("/info/mod/818773962", `{"result":{"condition":0,"downloads":1}}`)

		x.wait.shut()
		x.publish(hugsLib, "HugsLib [1.6]", 1712827267)
		x.outdate()
		x.expect("/download/steam/818773962", 202, updateBody)
		second := x.get("/download/818773962")
		if second.status != 200 || !bytes.Equal(second.body, first.body) {
			t.Errorf("while the update is fetched: %d, %d bytes", second.status, len(second.body))
		}
		want := map[string]int64{
			"start": 1, "/download/steam/": 3, "/download/": 2, "/condition/mod/": 2, "/info/mod/": 2, "files_sent": 2, "updating_mod": 1,
			"download_from_steam_ok": 1, "/statistics/day/": 1,
		}
		if diff := cmp.Diff(want, x.counters()); diff != "" {
			t.Errorf("counters (-want +got):\n%s", diff)
		}
		// Who waits for the update goes by the condition.
		x.expect("/condition/mod/%5B818773962%5D", 200, `{"818773962":2}`)
		x.wait.lift()
		x.arrived(hugsLib, 1712827267)
		want["download_from_steam_ok"], want["/statistics/day/"], want["/condition/mod/"] = 2, 2, 3
		if diff := cmp.Diff(want, x.counters()); diff != "" {
			t.Errorf("counters after the update (-want +got):\n%s", diff)
		}
		third := x.get("/download/steam/818773962")
		if third.status != 200 || third.header.Get("ETag") == first.header.Get("ETag") {
			t.Errorf("after the update: %d %v", third.status, third.header)
		}
		x.complete(hugsLib)
		var info struct {
			Result struct {
				Downloads   int64  `json:"downloads"`
				Name        string `json:"name"`
				DateUpdate  string `json:"date_update"`
				DateRequest string `json:"date_request"`
			} `json:"result"`
		}
		if err := json.Unmarshal(x.get("/info/mod/818773962").body, &info); err != nil || info.Result.Downloads != 3 ||
			info.Result.DateUpdate != "2024-04-11 09:21:07" || info.Result.Name != "HugsLib [1.6]" ||
			!regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$`).MatchString(info.Result.DateRequest) {
			t.Errorf("%+v %v", info, err)
		}
		x.says("/info/game/294100", `{"result":{"id":294100,"name":"RimWorld","mods_downloads":3,"mods_count":1}}`)
	})
}

// telegram is the bot: it asks for a mod, then polls its state, and reports
// what it would tell its user.
func (x *catalogServer) telegram(id uint64) (told string, file []byte) {
	x.t.Helper()
	path := strconv.FormatUint(id, 10)
	answer := x.get("/download/steam/" + path)
	if answer.header.Get("Content-Type") == "application/zip" {
		return "sent", answer.body
	}
	var said struct {
		ErrorID  int  `json:"error_id"`
		Failures bool `json:"unsuccessful_attempts"`
	}
	if answer.header.Get("Content-Type") != "application/json" {
		return "no JSON", nil
	}
	if err := json.Unmarshal(answer.body, &said); err != nil {
		x.t.Fatal(err)
	}
	if said.ErrorID != 0 && said.ErrorID != 3 {
		return "error " + strconv.Itoa(said.ErrorID), nil
	}
	warning := ""
	if said.Failures {
		warning = "warned, "
	}
	key := fmt.Sprint(id)
	for range 600 {
		var states map[string]int
		if err := json.Unmarshal(x.get("/condition/mod/%5B"+path+"%5D").body, &states); err != nil {
			x.t.Fatal(err)
		}
		state, known := states[key]
		switch {
		case !known:
			return warning + "failed", nil
		case state <= 1:
			answer := x.get("/download/" + path)
			if answer.header.Get("Content-Type") != "application/zip" {
				return "lost", nil
			}
			return warning + "fetched", answer.body
		}
		time.Sleep(20 * time.Millisecond) // the bot's own pace, fifty times faster
	}
	return "gave up", nil
}

func TestCatalog_Telegram(t *testing.T) {
	t.Parallel()
	x := newCatalogServer(t, dbtest.SQLite(t))
	x.publish(hugsLib, "HugsLib", 1583056800)
	told, file := x.telegram(hugsLib)
	if told != "fetched" || !slices.Contains(entries(t, file), "mod.info") {
		t.Errorf("%s, %d bytes", told, len(file))
	}
	if told, again := x.telegram(hugsLib); told != "sent" || !bytes.Equal(again, file) {
		t.Errorf("again: %s", told)
	}

	// Steam knows it, SteamCMD may not have it.
	const private = 5001
	x.publish(private, "Private", 1583056800)
	if err := x.fake.Put(private, fakecmd.Item{App: 294100, Scenario: fakecmd.Fail, Reason: "Access Denied"}); err != nil {
		t.Fatal(err)
	}
	if told, _ := x.telegram(private); told != "failed" {
		t.Errorf("a private mod: %s", told)
	}
	x.expect("/info/mod/5001", 200, `{"result":null}`)
	x.expect("/download/5001", 404, `{"message":"the mod is not on the server","error_id":1}`)
	x.expect("/download/steam/5001", 404,
		`{"message":"this mod was not found","error_id":2,"reason":"not here; Steam offers no download address for the item; SteamCMD did not bring the item: Access Denied"}`)

	if told, _ := x.telegram(7777); told != "error 2" {
		t.Errorf("a mod that Steam does not know: %s", told)
	}
	x.steam.FailAPI(steamtest.Unavailable, -1)
	if told, _ := x.telegram(8888); told != "error 4" {
		t.Errorf("Steam away: %s", told)
	}
	got := x.counters()
	for kind, n := range map[string]int64{"download_from_steam_ok": 1, "download_from_steam_error": 1, "files_sent": 2, "mod_not_found_local": 3} {
		if got[kind] != n {
			t.Errorf("%s: %d, want %d", kind, got[kind], n)
		}
	}
}

// extension is the browser extension on a page of mods: it asks for their
// states, starts those that are missing, and waits for what is under way. It
// returns what it shows of each.
func (x *catalogServer) extension(ids []int) map[int]string {
	x.t.Helper()
	shown, waiting := map[int]string{}, slices.Clone(ids)
	started := &sync.Map{}
	for range 600 {
		list, err := json.Marshal(waiting)
		if err != nil {
			x.t.Fatal(err)
		}
		var states map[string]int
		if err := json.Unmarshal(x.get("/condition/mod/"+strings.NewReplacer("[", "%5B", "]", "%5D", ",", "%2C").Replace(string(list))).body, &states); err != nil {
			x.t.Fatal(err)
		}
		var mu sync.Mutex
		var answers sync.WaitGroup
		for _, id := range waiting {
			state, known := states[strconv.Itoa(id)]
			answers.Go(func() {
				shows := x.step(id, state, known, started)
				mu.Lock()
				defer mu.Unlock()
				if shows != "" {
					shown[id] = shows
				}
			})
		}
		answers.Wait()
		waiting = slices.DeleteFunc(waiting, func(id int) bool { return shown[id] != "" })
		if len(waiting) == 0 {
			return shown
		}
		time.Sleep(20 * time.Millisecond) // its own pace is two seconds
	}
	return shown
}

// step is what the extension does about one mod after it learnt its state. It
// returns what it shows of it in the end, "" while it waits.
func (x *catalogServer) step(id, state int, known bool, started *sync.Map) string {
	_, asked := started.Load(id)
	switch {
	case known && state <= 1:
		return x.save("/download/" + strconv.Itoa(id))
	case known:
		return ""
	case asked:
		return "failed"
	}
	switch answer := x.get("/download/steam/" + strconv.Itoa(id)); answer.status {
	case 200, 202:
		started.Store(id, true)
		return ""
	case 404:
		return "not found"
	default:
		return "lost with " + strconv.Itoa(answer.status)
	}
}

// save downloads as the extension does: it shows progress, so it needs the
// length, and it takes no other type of file.
func (x *catalogServer) save(path string) string {
	x.t.Helper()
	answer := x.get(path)
	name := answer.header.Get("Content-Disposition")
	switch {
	case answer.header.Get("Content-Type") != "application/zip":
		return "not a zip: " + answer.header.Get("Content-Type")
	case answer.header.Get("Content-Length") != strconv.Itoa(len(answer.body)):
		return "no length"
	case answer.header.Get("Access-Control-Allow-Origin") != "*":
		return "not for pages of others"
	}
	if quoted, ok := strings.CutPrefix(name, `attachment; filename="`); ok {
		return strings.TrimSuffix(quoted, `"`)
	}
	encoded, _ := strings.CutPrefix(name, "attachment; filename*=utf-8''")
	return encoded
}

func TestCatalog_BrowserExtension(t *testing.T) {
	t.Parallel()
	x := newCatalogServer(t, dbtest.SQLite(t))
	want := map[int]string{}
	final := []fakecmd.Item{ // what no waiting helps against
		{Scenario: fakecmd.Fail, Reason: "File Not Found"},
		{Scenario: fakecmd.Fail, Reason: "Failure"}, // of games that must be owned
		{Scenario: fakecmd.Fail, Reason: "Nobody knows"},
		{Scenario: fakecmd.SuccessNoFiles},
		{Scenario: fakecmd.WrongID},
		{Scenario: fakecmd.SymlinkEscape},
	}
	var ids []int
	for i := range 50 {
		id := 9000 + i
		ids = append(ids, id)
		switch {
		case i < 4:
			x.publish(uint64(id), fmt.Sprintf("mod %d", id), 1583056800)
			want[id] = fmt.Sprintf("mod%%20%d.zip", id)
		case i-4 < len(final):
			x.publish(uint64(id), "not to be had", 1583056800)
			item := final[i-4]
			item.App = 294100
			if err := x.fake.Put(uint64(id), item); err != nil {
				t.Fatal(err)
			}
			want[id] = "failed"
		default:
			want[id] = "not found"
		}
	}
	if diff := cmp.Diff(want, x.extension(ids)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	x.expect("/info/queue/size", 200, "0")
	for i, reason := range []string{"File Not Found", "Failure", "unknown", "no files", "unknown", "escape"} {
		x.expect(fmt.Sprintf("/download/steam/%d", 9004+i), 404,
			`{"message":"this mod was not found","error_id":2,"reason":"not here; Steam offers no download address for the item; SteamCMD did not bring the item: `+reason+`"}`)
	}
	x.expect("/update/steam/9000", 200, `{"message":"the mod is up to date","error_id":0,"updating":false}`)
	x.publish(9000, "mod 9000", 1712827267)
	x.outdate()
	x.expect("/update/steam/9000", 202, updateBody)
	x.arrived(9000, 1712827267)
}
