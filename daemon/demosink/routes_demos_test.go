package demosink

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

// permission is a row of the table: what each of the actors is answered.
type permission struct {
	method, route string // as the OpenAPI document has it
	path, body    string // what is asked for; "" is the route
	statuses      [6]int
}

const target = "76561198000000000"

var permissions = []permission{
	{"GET", "/api/v1/demos", "", "", [6]int{401, 200, 200, 200, 200, 200}},
	{"GET", "/api/v1/demos", "/api/v1/demos?uploader=76561197960287930", "", [6]int{401, 403, 403, 403, 403, 200}},
	{"GET", "/api/v1/demos", "/api/v1/demos?uploader=me", "", [6]int{401, 200, 200, 200, 200, 200}},
	{"GET", "/api/v1/demos/{id}", "/api/v1/demos/7", "", [6]int{401, 200, 404, 200, 200, 200}},
	{"GET", "/api/v1/demos/{id}/file", "/api/v1/demos/7/file", "", [6]int{401, 200, 404, 200, 200, 200}},
	{"GET", "/api/v1/demos/{id}/file", "/api/v1/demos/7/other", "", [6]int{401, 404, 404, 404, 404, 404}},
	{"GET", "/api/v1/demos/queue", "", "", [6]int{401, 403, 403, 200, 200, 200}},
	{"POST", "/api/v1/demos/{id}/lease", "/api/v1/demos/7/lease", "", [6]int{401, 403, 403, 200, 409, 409}},
	{"DELETE", "/api/v1/demos/{id}/lease", "/api/v1/demos/7/lease", "", [6]int{401, 403, 403, 204, 204, 204}},
	{"PUT", "/api/v1/demos/{id}/reviews", "/api/v1/demos/7/reviews", `{"target":"` + target + `","verdict":"benign"}`, [6]int{401, 403, 403, 200, 200, 200}},
	{"PUT", "/api/v1/demos/{id}/analysis", "/api/v1/demos/7/analysis", analysisJSON, [6]int{401, 403, 403, 200, 403, 409}},
	{"GET", "/api/v1/demos/reports", "", "", [6]int{401, 403, 403, 403, 200, 200}},
	{"POST", "/api/v1/demos/reports/{session}/{target}/handled", "/api/v1/demos/reports/7/" + target + "/handled", "", [6]int{401, 403, 403, 403, 204, 204}},
	{"GET", "/api/v1/demos/broadcasts", "", "", [6]int{401, 403, 403, 403, 200, 200}},
	{"POST", "/api/v1/demos/broadcasts", "", `{"message":"m"}`, [6]int{401, 403, 403, 403, 201, 201}},
	{"DELETE", "/api/v1/demos/broadcasts", "/api/v1/demos/broadcasts?message=m", "", [6]int{401, 403, 403, 403, 204, 404}},
	{"GET", "/api/v1/demos/live", "", "", [6]int{401, 200, 200, 200, 200, 200}},
	{"GET", "/api/v1/demos/{id}/evidence", "/api/v1/demos/7/evidence", "", [6]int{401, 403, 403, 200, 200, 200}},
	{"GET", "/api/v1/demos/{id}/evidence", "/api/v1/demos/99/evidence", "", [6]int{401, 403, 403, 404, 404, 404}},
	{"POST", "/api/v1/demos/{id}/evidence", "/api/v1/demos/7/evidence", `{"tick":5,"note":"n","expires_in":60}`, [6]int{401, 403, 403, 201, 201, 201}},
	{"DELETE", "/api/v1/demos/{id}/evidence/{evidence}", "/api/v1/demos/7/evidence/x", "", [6]int{401, 403, 403, 404, 404, 404}},
	{"GET", "/api/v1/evidence/{token}", "/api/v1/evidence/x", "", [6]int{404, 404, 404, 404, 404, 404}},
	{"GET", "/api/v1/evidence/{token}/file", "/api/v1/evidence/x/file", "", [6]int{404, 404, 404, 404, 404, 404}},
	{"DELETE", "/api/v1/demos/{id}", "/api/v1/demos/70", "", [6]int{401, 403, 403, 403, 403, 204}},

	{"POST", "/api/v1/demos/uploads", "", `{"size":0}`, [6]int{401, 422, 422, 422, 422, 422}},
	{"GET", "/api/v1/demos/uploads/{id}", "/api/v1/demos/uploads/x", "", [6]int{401, 404, 404, 404, 404, 404}},
	{"DELETE", "/api/v1/demos/uploads/{id}", "/api/v1/demos/uploads/x", "", [6]int{401, 404, 404, 404, 404, 404}},
	{"PATCH", "/api/v1/demos/uploads/{id}", "/api/v1/demos/uploads/x", "", [6]int{401, 400, 400, 400, 400, 400}},
	{"POST", "/upload", "", "x", [6]int{400, 400, 400, 400, 400, 400}}, // a form brings its key, see TestDemosTF
	{"POST", "/api/v1/demos/matchzy", "", "x", [6]int{401, 400, 400, 400, 400, 400}},
	{"GET", "/api/v1/demos/retention", "", "", [6]int{401, 403, 403, 403, 200, 200}},
	{"PUT", "/api/v1/demos/retention", "", "{}", [6]int{401, 403, 403, 403, 422, 422}},
	{"DELETE", "/api/v1/demos/retention", "", "", [6]int{401, 403, 403, 403, 204, 204}},
	{"POST", "/api/v1/demos/prune", "", `{"dry_run":true}`, [6]int{401, 403, 403, 403, 200, 200}},
	{"GET", "/api/v1/demos/storage", "", "", [6]int{401, 403, 403, 403, 200, 200}},
	{"GET", "/api/v1/demos/calendar", "", "", [6]int{401, 200, 200, 200, 200, 200}},

	// Clients: who has no key is nobody, and who is no analyst is one too.
	{"GET", "/session_id", "", "", [6]int{401, 400, 400, 400, 400, 400}},
	{"GET", "/demos", "", "", [6]int{405, 405, 405, 405, 405, 405}},
	{"POST", "/late_bytes", "", "{}", [6]int{401, 403, 403, 403, 403, 403}},
	{"GET", "/close_session", "", "", [6]int{401, 403, 403, 403, 403, 403}},
	{"POST", "/close_session", "", "{}", [6]int{401, 403, 403, 403, 403, 403}},
	{"POST", "/report", "", "{}", [6]int{401, 400, 400, 400, 400, 400}},
	{"POST", "/report", "", `{"session_id":"7","target_steam_id":"` + target + `","reason":"bot"}`, [6]int{401, 402, 402, 402, 402, 402}}, // ended long ago
	{"GET", "/list_demos", "", "", [6]int{401, 200, 200, 200, 200, 200}},
	{"GET", "/analyst_list_demos", "", "", [6]int{401, 401, 401, 200, 401, 200}},
	{"GET", "/demodata", "/demodata?session_id=7", "", [6]int{401, 401, 401, 200, 401, 200}},
	{"GET", "/db_export", "/db_export?table=demo_sessions", "", [6]int{401, 401, 401, 200, 401, 200}},
	{"GET", "/db_export", "/db_export?table=reports", "", [6]int{401, 401, 401, 200, 401, 200}},
	{"GET", "/jobs", "", "", [6]int{401, 401, 401, 200, 401, 200}},
	{"PUT", "/analysis", "/analysis?session_id=71", analysisJSON, [6]int{401, 401, 401, 200, 401, 200}},
	{"POST", "/ingest", "", `{"session_ids":["71"]}`, [6]int{401, 401, 401, 201, 401, 201}},
	{"GET", "/broadcasts", "", "", [6]int{200, 200, 200, 200, 200, 200}},
}

// TestPermissions asks for everything in everybody's name. What the table does
// not have may not exist. Nobody but an admin is told a SteamID of who sent a
// recording, except by the export, which is there to tell it.
func TestPermissions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newDesk(t, d)
		for _, id := range []string{"7", "70", "71"} {
			x.recording(id, nil)
		}
		if err := x.r.store.putReport(context.Background(), Report{Session: "7", Target: 76561198000000000, Reason: ReasonBot, Account: x.accounts["owner"].ID, CreatedAt: recordedAt}); err != nil {
			t.Fatal(err)
		}
		uploader := x.accounts["owner"].SteamID
		covered := map[string]bool{}
		for _, p := range permissions {
			covered[p.method+" "+p.route] = true
			path := p.path
			if path == "" {
				path = p.route
			}
			for i, who := range actors {
				status, _, text := x.ask(who, p.method, path, p.body)
				if status != p.statuses[i] {
					t.Errorf("%s %s as %s: %d %s, want %d", p.method, path, who, status, text, p.statuses[i])
				}
				if strings.HasPrefix(path, "/db_export?table=demo_sessions") || strings.HasPrefix(path, "/api/") && who == "admin" {
					continue
				}
				for _, form := range []string{uploader.Decimal(), uploader.Steam2(true), uploader.Steam2(false), uploader.Steam3()} {
					if strings.Contains(text, form) {
						t.Errorf("%s %s tells %s who sent a recording: %s", p.method, path, who, text)
					}
				}
			}
		}
		paths := map[string]bool{"/api/v1/demos/{id}/{part}": true} // described as those that it may be
		for path, item := range x.srv.API().OpenAPI().Paths {
			ours := !slices.Contains(x.others, path)
			for method, op := range map[string]any{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "DELETE": item.Delete, "PATCH": item.Patch} {
				paths[path] = true
				if b, _ := json.Marshal(op); string(b) != "null" && ours && !covered[method+" "+path] {
					t.Errorf("%s %s is not in the table", method, path)
				}
			}
		}
		for _, path := range x.paths() {
			if !slices.Contains(x.others, path) && !paths[path] {
				t.Errorf("%s is answered, and is neither described nor in the table", path)
			}
		}
	})
}

// TestDetail has what is shown to whom.
func TestDetail(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newDesk(t, d)
		x.recording("7", func(s *Session) {
			s.Score, s.HasScore, s.Suspicion, s.Player, s.Format, s.Seconds, s.Ticks = 4e-5, true, "odd", "al", "source", 12.5, 800
		})
		x.recording("8", func(s *Session) { // at the same time
			s.Account, s.SteamID, s.StartAt = 99, bobID, recordedAt.Add(29*time.Minute)
		})
		x.recording("9", func(s *Session) { // later
			s.Account, s.StartAt, s.EndAt = 99, recordedAt.Add(31*time.Minute), recordedAt.Add(time.Hour)
		})
		ctx := context.Background()
		if err := x.r.store.putReport(ctx, Report{Session: "7", Target: 76561198000000000, Reason: ReasonBot, Account: 1, CreatedAt: recordedAt}); err != nil {
			t.Fatal(err)
		}
		x.wantStatus("analyst", "PUT", "/api/v1/demos/7/analysis", analysisJSON, 200)
		x.wantStatus("analyst", "POST", "/api/v1/demos/7/lease", "", 200)
		x.wantStatus("moderator", "PUT", "/api/v1/demos/7/reviews", `{"target":"STEAM_0:0:19867136","verdict":"confirmed","note":"spins"}`, 200)

		var got DetailView
		x.get("analyst", "/api/v1/demos/7", &got)
		if got.State != StateAnalysed || got.Score == nil || got.Suspicion != "odd" || got.Mine || got.Uploader != "" || got.DemoView.Detections != 0 || len(got.Reports) != 1 {
			t.Errorf("%+v", got)
		}
		want := []detectionView{
			{9, "viewangles", target, json.RawMessage("null")}, {10, "viewangles", target, json.RawMessage(`{"a":1}`)},
			{11, "aim", target, json.RawMessage("[1]")}, {12, "aim", "76561198000000002", json.RawMessage(`"x"`)},
		}
		if diff := cmp.Diff(want, got.Detections); diff != "" {
			t.Error(diff)
		}
		if len(got.Analysis) != 3 || len(got.Witnesses) != 1 || got.Witnesses[0].ID != "8" {
			t.Errorf("%+v %+v", got.Analysis, got.Witnesses)
		}
		if len(got.Reviews) != 1 || got.Reviews[0].Reviewer != "moderator" || got.Reviews[0].Mine || got.Reviews[0].Target != target || got.Reviews[0].Note != "spins" {
			t.Errorf("%+v", got.Reviews)
		}
		if got.Lease == nil || !got.Lease.Mine || got.Lease.By != "analyst" {
			t.Errorf("%+v", got.Lease)
		}
		var own DetailView
		x.get("owner", "/api/v1/demos/7", &own)
		if !own.Mine || own.Score != nil || own.Suspicion != "" || len(own.Detections)+len(own.Analysis)+len(own.Reviews)+len(own.Witnesses) != 0 || own.Lease != nil || len(own.Reports) != 1 {
			t.Errorf("%+v", own)
		}
		var admin DetailView
		x.get("admin", "/api/v1/demos/7", &admin)
		if admin.Uploader != x.accounts["owner"].SteamID.Decimal() {
			t.Errorf("%+v", admin)
		}
		_, h, _ := x.ask("owner", "GET", "/api/v1/demos/7", "")
		req, _ := http.NewRequest("GET", x.http.URL+"/api/v1/demos/7", nil)
		req.Header.Set("X-API-Key", x.keys["owner"])
		req.Header.Set("If-None-Match", h.Get("ETag"))
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil || res.StatusCode != 304 {
			t.Errorf("%v %+v", err, res)
		}
		_ = res.Body.Close()
	})
}

// TestFilters has which recordings a filter selects.
func TestFilters(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newDesk(t, d)
		hour := func(n int) time.Time { return recordedAt.Add(time.Duration(n) * time.Hour) }
		x.recording("1", func(s *Session) { s.StartAt, s.DemoName, s.Player = hour(1), "50%_a.dem", "Al Pha" })
		x.recording("2", func(s *Session) {
			s.StartAt, s.Map, s.FakeIP, s.Server = hour(2), "cp_dustbowl", "203.0.113.5:27015", "h"
		})
		x.recording("3", func(s *Session) {
			s.StartAt, s.Ingested, s.Source, s.Score, s.HasScore = hour(3), true, SourceWatch, 1e-5, true
		})
		x.recording("4", func(s *Session) {
			s.StartAt, s.Pruned, s.Account, s.SteamID, s.Suspicion = hour(4), true, 99, bobID, "odd"
		})
		x.r.add(func() Session {
			s := closedSession("5")
			s.StartAt, s.HasSize, s.Size, s.Account = hour(5), false, 0, 99
			return s
		}(), nil)
		x.r.add(func() Session {
			s := closedSession("6")
			s.StartAt, s.EndAt, s.Active, s.Open, s.HasSize, s.Size, s.Account = hour(6), time.Time{}, true, true, false, 0, 99
			return s
		}(), nil)
		x.r.add(func() Session {
			s := closedSession("7")
			s.StartAt, s.EndAt, s.Active, s.HasSize, s.Size, s.Account = hour(7), time.Time{}, true, false, 0, 98
			return s
		}(), nil)
		ctx := context.Background()
		if err := x.r.store.putReport(ctx, Report{Session: "1", Target: 76561198000000000, Reason: ReasonBot, CreatedAt: recordedAt}); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]string{
			"": "7654321", "map=cp_dustbowl": "2", "server=203.0.113.5:27015": "2", "server=h": "2", "player=al": "1", "player=76561198000000000": "1",
			"player=STEAM_0:0:19867136": "1", "uploader=" + bobID.Decimal(): "4", "uploader=me": "", "from=2024-06-02T14:11:12.131415Z": "7654",
			"to=2024-06-02T12:11:12.131415Z": "1", "from=2024-06-02T12:11:12%2B00:00&to=2024-06-02T13:11:12Z": "2",
			"state=live": "6", "state=idle": "7", "state=closed": "21", "state=empty": "5", "state=analysed": "3", "state=pruned": "4",
			"source=watch": "3", "flagged=true": "41", "flagged=false": "76532", "q=DUST": "2", "q=%25": "1", "q=_A": "1", "q=203.0": "2", "q=al+p": "1", "q=nothing": "",
			"sort=oldest": "1234567", "sort=score": "3124567",
		} {
			var all []string
			for cursor := ""; ; {
				var page demoList
				x.get("admin", "/api/v1/demos?limit=2&"+query+"&cursor="+url.QueryEscape(cursor), &page)
				if page.Total != int64(len(want)) || len(page.Demos) > 2 {
					t.Errorf("%s: %d in all, %d on the page", query, page.Total, len(page.Demos))
				}
				for _, v := range page.Demos {
					all = append(all, v.ID)
				}
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			if got := strings.Join(all, ""); got != want {
				t.Errorf("%s selects %s, want %s", query, got, want)
			}
		}
		for who, want := range map[string]int64{"owner": 3, "player": 0, "analyst": 7, "moderator": 7} {
			var page demoList
			x.get(who, "/api/v1/demos", &page)
			if page.Total != want || int64(len(page.Demos)) != want {
				t.Errorf("%s sees %d", who, page.Total)
			}
		}
		for _, query := range []string{"cursor=x", "cursor=1_x", "cursor=x_1", "player=76561198000000000&uploader=zz"} {
			x.wantStatus("admin", "GET", "/api/v1/demos?"+query, "", 400)
		}
	})
}

// TestQueue has what waits to be judged, and for whom.
func TestQueue(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newDesk(t, d)
		for i, id := range []string{"1", "2", "3", "4"} {
			x.recording(id, func(s *Session) { s.CreatedAt = recordedAt.Add(time.Duration(i) * time.Second) })
		}
		x.wantStatus("analyst", "PUT", "/api/v1/demos/1/analysis", analysisJSON, 200)
		ctx := context.Background()
		for _, id := range []SessionID{"2", "3"} {
			if err := x.r.store.putReport(ctx, Report{Session: id, Target: 76561198000000000, Reason: ReasonCheater, CreatedAt: recordedAt}); err != nil {
				t.Fatal(err)
			}
		}
		queue := func(who, query, want string) {
			t.Helper()
			var list queueList
			x.get(who, "/api/v1/demos/queue?"+query, &list)
			got := ""
			for _, v := range list.Demos {
				got += v.ID
			}
			if got != want {
				t.Errorf("the queue of %s is %s, want %s", who, got, want)
			}
		}
		queue("analyst", "", "123")
		queue("analyst", "algorithm=aim", "1")
		queue("analyst", "algorithm=other", "")
		x.wantStatus("analyst", "POST", "/api/v1/demos/1/lease", "", 200)
		x.wantStatus("analyst", "POST", "/api/v1/demos/1/lease", "", 200)
		x.wantStatus("moderator", "POST", "/api/v1/demos/1/lease", "", 409)
		x.wantStatus("moderator", "DELETE", "/api/v1/demos/1/lease", "", 204) // not his
		queue("moderator", "", "23")
		queue("analyst", "limit=1", "1")
		if err := d.Write(ctx, func(tx *db.Tx) error { _, err := tx.Exec(ctx, "UPDATE demos_lease SET until = 1"); return err }); err != nil {
			t.Fatal(err)
		}
		x.wantStatus("moderator", "POST", "/api/v1/demos/1/lease", "", 200) // its time was over
		x.wantStatus("analyst", "POST", "/api/v1/demos/1/lease", "", 409)
		x.wantStatus("admin", "DELETE", "/api/v1/demos/1/lease", "", 204)
		queue("analyst", "", "123")
		x.wantStatus("analyst", "PUT", "/api/v1/demos/1/reviews", `{"target":"`+target+`","verdict":"benign"}`, 200)
		x.wantStatus("analyst", "PUT", "/api/v1/demos/1/reviews", `{"target":"7","verdict":"benign"}`, 400)
		x.wantStatus("analyst", "PUT", "/api/v1/demos/1/reviews", `{"target":"`+target+`","verdict":"guilty"}`, 422)
		x.wantStatus("moderator", "POST", "/api/v1/demos/reports/2/"+target+"/handled", "", 204)
		queue("analyst", "", "3")

		var list reportList
		x.get("moderator", "/api/v1/demos/reports?limit=1&state=all", &list)
		if len(list.Reports) != 1 || list.Total != 2 || list.Reports[0].Demo != "3" || list.Reports[0].Times != 2 || list.Reports[0].Map != "pl_pier" {
			t.Errorf("%+v", list)
		}
		x.get("moderator", "/api/v1/demos/reports?limit=1&state=all&cursor="+list.Next, &list)
		if len(list.Reports) != 1 || list.Next != "" || list.Reports[0].Demo != "2" || list.Reports[0].HandledBy != "moderator" {
			t.Errorf("%+v", list)
		}
		for query, want := range map[string]int64{
			"": 1, "?state=handled": 1, "?state=all&reason=cheater": 2, "?state=all&reason=bot": 0, "?target=" + target: 1, "?target=76561198000000002": 0,
		} {
			x.get("moderator", "/api/v1/demos/reports"+query, &list)
			if list.Total != want || int64(len(list.Reports)) != want {
				t.Errorf("%q selects %d, want %d", query, list.Total, want)
			}
		}
		x.wantStatus("moderator", "POST", "/api/v1/demos/reports/4/"+target+"/handled", "", 404)
		x.wantStatus("moderator", "GET", "/api/v1/demos/reports?cursor=1_x_2", "", 400)
	})
}

// TestDeleteDemo removes everything of a recording that is finished, and notes
// who did.
func TestDeleteDemo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newDesk(t, d)
		x.recording("7", nil)
		x.r.put(SessionID("7").AnalysisKey(), analysisJSON)
		x.recording("8", func(s *Session) { s.Active, s.EndAt = true, time.Time{} })
		x.wantStatus("admin", "DELETE", "/api/v1/demos/8", "", 409)
		x.wantStatus("admin", "DELETE", "/api/v1/demos/7", "", 204)
		x.wantStatus("admin", "DELETE", "/api/v1/demos/7", "", 404)
		keys := map[string]bool{}
		for info, err := range x.r.blobs.List(context.Background(), "") {
			if err != nil {
				t.Fatal(err)
			}
			keys[info.Key] = true
		}
		if got := slices.Sorted(maps.Keys(keys)); !cmp.Equal(got, []string{"demoblobs/8.dem"}) {
			t.Errorf("left: %v", got)
		}
		if n := x.r.count("SELECT COUNT(*) FROM accounts_audit WHERE action = 'demo.delete' AND target = '7' AND who = 'admin'"); n != 1 {
			t.Errorf("%d entries in the record", n)
		}
	})
}

// TestBroadcasts adds and deletes messages.
func TestBroadcasts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newDesk(t, d)
		x.wantStatus("moderator", "POST", "/api/v1/demos/broadcasts", `{"message":" we move ","importance":"high"}`, 201)
		x.wantStatus("moderator", "POST", "/api/v1/demos/broadcasts", `{"message":"we move","importance":"low"}`, 201)
		x.wantStatus("moderator", "POST", "/api/v1/demos/broadcasts", `{"message":" "}`, 400)
		var list broadcastList
		x.get("moderator", "/api/v1/demos/broadcasts", &list)
		if list.Total != 1 || list.Broadcasts[0].Message != "we move" || list.Broadcasts[0].Importance != "low" {
			t.Errorf("%+v", list)
		}
		if _, _, text := x.ask("guest", "GET", "/broadcasts", ""); !strings.HasPrefix(text, `[{"message":"we move","importance":"low","post_date":"20`) {
			t.Errorf("%s", text)
		}
		x.wantStatus("moderator", "DELETE", "/api/v1/demos/broadcasts?message=we+move", "", 204)
		x.wantStatus("moderator", "DELETE", "/api/v1/demos/broadcasts?message=we+move", "", 404)
		x.wantStatus("moderator", "DELETE", "/api/v1/demos/broadcasts", "", 422)
	})
}
