package catalog

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// The item of the tables, and two of its versions.
const (
	answeredItem = 818773962
	answeredOld  = 1583056800
	answeredNow  = 1712827267
)

// setups make a state.
type setups []func(*downloads)

// answerRow is a state and what is answered in it.
type answerRow struct {
	name   string
	setup  setups
	status int
	body   string // "" the archive
	counts map[string]int64
	timing string
	retry  string // Retry-After
}

func ofEach(kinds ...string) map[string]int64 {
	m := map[string]int64{}
	for _, k := range kinds {
		m[k]++
	}
	return m
}

const (
	bodyQueued     = `{"message":"request added to queue","error_id":0,"unsuccessful_attempts":false,"updating":false}`
	bodyUpdating   = `{"message":"request added to queue","error_id":0,"unsuccessful_attempts":false,"updating":true}`
	bodyAgain      = `{"message":"request added to queue","error_id":0,"unsuccessful_attempts":true,"updating":false}`
	bodyNotReady   = `{"message":"the server is not ready to process requests","error_id":1}`
	bodyNotFound   = `{"message":"this mod was not found","error_id":2}`
	bodyProcessing = `{"message":"your request is already being processed","error_id":3}`
	bodyNoSteam    = `{"message":"steam is not reachable","error_id":4}`
	bodyAbsent     = `{"message":"the mod is not on the server","error_id":1}`
	bodyDamaged    = `{"message":"the mod is damaged","error_id":2}`
	bodyLoading    = `{"message":"this mod is still loading","error_id":3}`
)

// answers are the parts of states.
type answers struct{}

func (answers) put(x *downloads, version int64) {
	x.lib.put(x.t, answeredItem, version, "HugsLib", zipOf(x.t, "a"))
}

func (a answers) putOld(x *downloads)     { a.put(x, answeredOld) }
func (a answers) putCurrent(x *downloads) { a.put(x, answeredNow) }

func (answers) steam(x *downloads, version int64) {
	x.lib.steam[answeredItem] = Details{ID: answeredItem, App: 294100, Name: "HugsLib", Updated: version}
}

func (a answers) steamOld(x *downloads)     { a.steam(x, answeredOld) }
func (a answers) steamCurrent(x *downloads) { a.steam(x, answeredNow) }

func (answers) stock(x *downloads, change func(*Stock)) {
	st := x.lib.stock[answeredItem]
	change(&st)
	x.lib.stock[answeredItem] = st
}

func (a answers) queued(x *downloads)   { a.stock(x, func(s *Stock) { s.Queued = true }) }
func (a answers) fetching(x *downloads) { a.stock(x, func(s *Stock) { s.Fetching = true }) }

func (answers) away(x *downloads) {
	x.lib.down = fault.New(fault.Unavailable, "Steam cannot be asked at the moment").WithRetryAfter(90 * time.Second)
}
func (answers) gone(x *downloads)   { delete(x.lib.steam, answeredItem) }
func (answers) forbid(x *downloads) { x.lib.forbidden[answeredItem] = true }
func (answers) unready(x *downloads) {
	x.lib.notReady = fault.New(fault.Unavailable, "No source of mods is in use")
}
func (answers) broken(x *downloads) {
	x.lib.damaged[answeredItem] = fault.New(fault.Invalid, "The file of the mod is gone")
}
func (answers) checked(x *downloads) {
	x.lib.damaged[answeredItem] = fault.New(fault.Unavailable, "being checked")
}

func (answers) failed(permanent bool) func(*downloads) {
	return func(x *downloads) {
		err := error(fault.New(fault.Unavailable, "SteamCMD did not bring the item: Timeout"))
		if permanent {
			err = fault.New(fault.NotFound, "SteamCMD did not bring the item: Access Denied")
		}
		x.Ended(answeredItem, x.clock.Now(), err)
	}
}

// fromSteam are the answers of /download/steam/.
func (a answers) fromSteam() []answerRow {
	const reason = `{"message":"this mod was not found","error_id":2,"reason":`
	return []answerRow{
		{"fresh", setups{a.putCurrent}, 200, "", ofEach(countSent), timeDownloadSteamOK, ""},
		{"fresh, an older version is being fetched", setups{a.putCurrent, a.fetching}, 200, "", ofEach(countSent), timeDownloadSteamOK, ""},
		{"fresh, nothing can be fetched", setups{a.putCurrent, a.unready}, 200, "", ofEach(countSent), timeDownloadSteamOK, ""},
		{"new", setups{a.steamCurrent}, 202, bodyQueued, nil, "", ""},
		{"stale", setups{a.putOld, a.steamCurrent}, 202, bodyUpdating, ofEach(countUpdating), "", ""},
		{"newer than at Steam", setups{a.putCurrent, a.steamOld}, 200, "", ofEach(countSent), timeDownloadSteamOK, ""},
		{"stale, Steam away", setups{a.putOld, a.steamCurrent, a.away}, 200, "", ofEach(countSent), timeDownloadSteamOK, ""},
		{"stale, update runs", setups{a.putOld, a.steamCurrent, a.fetching}, 202, bodyProcessing, nil, timeDownloadSteamNo, ""},
		{"stored, gone at Steam", setups{a.putOld, a.gone}, 200, "", ofEach(countSent), timeDownloadSteamOK, ""},
		{"stored, not for us any more", setups{a.putOld, a.forbid}, 200, "", ofEach(countSent), timeDownloadSteamOK, ""},
		{"not ready", setups{a.steamCurrent, a.unready}, 503, bodyNotReady, nil, timeDownloadSteamNo, "5"},
		{"not ready, stale", setups{a.putOld, a.steamCurrent, a.unready}, 503, bodyNotReady, nil, timeDownloadSteamNo, "5"},
		{"unknown", nil, 404, bodyNotFound, ofEach(countNotFound), timeDownloadSteamNo, ""},
		{"not for us", setups{a.forbid}, 404, reason + `"Denied - wrong app_id"}`, ofEach(countNotFound), timeDownloadSteamNo, ""},
		{"queued", setups{a.steamCurrent, a.queued}, 202, bodyProcessing, nil, timeDownloadSteamNo, ""},
		{"fetching", setups{a.steamCurrent, a.fetching}, 202, bodyProcessing, nil, timeDownloadSteamNo, ""},
		{"fetching, Steam away", setups{a.steamCurrent, a.fetching, a.away}, 202, bodyProcessing, nil, timeDownloadSteamNo, ""},
		{"Steam away", setups{a.steamCurrent, a.away}, 503, bodyNoSteam, nil, timeDownloadSteamNo, "90"},
		{"failed before", setups{a.steamCurrent, a.failed(false)}, 202, bodyAgain, ofEach(countSteamError), timeSteamError, ""},
		{"never to be had", setups{a.steamCurrent, a.failed(true)}, 404, reason + `"SteamCMD did not bring the item: Access Denied"}`,
			ofEach(countSteamError, countNotFound), timeDownloadSteamNo + " " + timeSteamError, ""},
		{"the update is never to be had", setups{a.putOld, a.steamCurrent, a.failed(true)}, 200, "", ofEach(countSteamError, countSent),
			timeDownloadSteamOK + " " + timeSteamError, ""},
		{"damaged", setups{a.putCurrent, a.broken}, 202, bodyQueued, ofEach(countDamaged), "", ""},
		{"being checked", setups{a.putCurrent, a.checked}, 202, bodyProcessing, nil, timeDownloadSteamNo, ""},
	}
}

// fromCache are the answers of /download/.
func (a answers) fromCache() []answerRow {
	return []answerRow{
		{"stored", setups{a.putCurrent}, 200, "", ofEach(countSent), timeDownloadLocalOK, ""},
		{"stale", setups{a.putOld, a.steamCurrent, a.away}, 200, "", ofEach(countSent), timeDownloadLocalOK, ""},
		{"update runs", setups{a.putOld, a.steamCurrent, a.fetching}, 200, "", ofEach(countSent), timeDownloadLocalOK, ""},
		{"unknown here", setups{a.steamCurrent}, 404, bodyAbsent, ofEach(countNotFound), timeDownloadLocalNo, ""},
		{"damaged", setups{a.putCurrent, a.broken}, 404, bodyDamaged, ofEach(countDamaged), timeDownloadLocalNo, ""},
		{"being checked", setups{a.putCurrent, a.checked}, 202, bodyLoading, nil, timeDownloadLocalNo, ""},
		{"queued", setups{a.queued}, 202, bodyLoading, nil, timeDownloadLocalNo, ""},
		{"fetching", setups{a.fetching}, 202, bodyLoading, nil, timeDownloadLocalNo, ""},
	}
}

// Every row of the two tables of answers.
func TestDownload_Answers(t *testing.T) {
	var a answers
	for _, c := range a.fromSteam() {
		t.Run("from Steam "+c.name, func(t *testing.T) { c.check(t, "/download/steam/", countDownloadSteam) })
	}
	for _, c := range a.fromCache() {
		t.Run("from here "+c.name, func(t *testing.T) { c.check(t, "/download/", countDownload) })
	}
}

func (c answerRow) check(t *testing.T, path, kind string) {
	target := path + strconv.Itoa(answeredItem)
	x := newDownloads(t, dbtest.SQLite(t), nil)
	for _, f := range c.setup {
		f(x)
	}
	var w *httptest.ResponseRecorder
	if c.body != "" {
		w = x.expect(target, c.status, c.body)
	} else if w = x.do(http.MethodGet, target); w.Code != c.status || w.Header().Get("Content-Type") != "application/zip" ||
		!bytes.Equal(w.Body.Bytes(), zipOf(t, "a")) {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	x.open(target, w)
	if got := w.Header().Get("Retry-After"); got != c.retry {
		t.Errorf("Retry-After %q, want %q", got, c.retry)
	}
	want := map[string]int64{kind: 1}
	for k, n := range c.counts {
		want[k] = n
	}
	x.counted(want)
	if got := strings.Join(x.timings(), " "); got != c.timing {
		t.Errorf("timings %q, want %q", got, c.timing)
	}
}

// A HEAD is answered by what is known: Steam is not asked, and nothing is queued
// or counted.
func TestDownload_Head(t *testing.T) {
	var a answers
	known := func(x *downloads) {
		x.lib.details[answeredItem] = Details{ID: answeredItem, App: 294100, Updated: answeredNow}
	}
	for _, c := range []struct {
		name   string
		setup  setups
		status int
		body   string // that a GET would have
	}{
		{"stored", setups{a.putCurrent}, 200, ""},
		{"stored, Steam has a newer one", setups{a.putOld, a.steamCurrent}, 200, ""},
		{"never heard of", nil, 404, bodyNotFound},
		{"only Steam knows it", setups{a.steamCurrent}, 404, bodyNotFound},
		{"known", setups{known}, 202, bodyQueued},
		{"known, and failed", setups{known, a.failed(false)}, 202, bodyAgain},
		{"known, and never to be had", setups{known, a.failed(true)}, 404,
			`{"message":"this mod was not found","error_id":2,"reason":"SteamCMD did not bring the item: Access Denied"}`},
		{"known, and nothing can be fetched", setups{known, a.unready}, 503, bodyNotReady},
		{"queued", setups{a.queued}, 202, bodyProcessing},
		{"fetching", setups{known, a.fetching}, 202, bodyProcessing},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newDownloads(t, dbtest.SQLite(t), func(o *Options) {
				o.Admit = func(*http.Request) (bool, time.Duration) {
					t.Error("it was taken for a request that starts something")
					return true, 0
				}
			})
			for _, f := range c.setup {
				f(x)
			}
			before := x.counters()
			w := x.do(http.MethodHead, "/download/steam/"+strconv.Itoa(answeredItem))
			length := len(c.body)
			if c.status == 200 {
				length = len(zipOf(t, "a"))
			}
			if w.Code != c.status || w.Body.Len() != 0 || w.Header().Get("Content-Length") != strconv.Itoa(length) {
				t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
			}
			x.open("HEAD", w)
			x.counted(before)
			if len(x.lib.wanted) != 0 || x.lib.described != 0 {
				t.Errorf("queued %v, Steam was asked %d times", x.lib.wanted, x.lib.described)
			}
		})
	}
}
