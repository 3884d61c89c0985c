package demosink

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/demosink/pgcsv"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

const (
	anna   = "MB-anna" // an analyst
	annaID = steam.ID(76561197960265733)
)

// newReadRig is a rig with an analyst.
func newReadRig(t testing.TB, d *db.DB) *rig {
	return newRig(t, d, func(o *Options) {
		o.Accounts.(directory)[anna] = Caller{Account: 3, SteamID: annaID, Analyst: true}
	})
}

// recordedAt is when recordings of tests begin.
var recordedAt = time.Date(2024, 6, 2, 10, 11, 12, 131415000, time.UTC)

// closedSession is a recording that is finished. It was not streamed: those are
// forgotten some time after they brought nothing.
func closedSession(id string) Session {
	return Session{
		ID: SessionID(id), Account: 1, SteamID: aliceID, Source: SourceUpload, DemoName: "a.dem", StartAt: recordedAt,
		EndAt: recordedAt.Add(30 * time.Minute), FakeIP: "169.254.189.228:41928", Map: "pl_pier", Size: 5, HasSize: true,
		CreatedAt: recordedAt, UpdatedAt: recordedAt,
	}
}

// add stores a session, and its blob when content is not nil.
func (r *rig) add(s Session, content []byte) {
	r.t.Helper()
	ctx := context.Background()
	if content != nil {
		sum := sha256.Sum256(content)
		s.Size, s.HasSize, s.SHA256 = int64(len(content)), true, sum[:]
		r.put(s.ID.DemoKey(), string(content))
	}
	if err := r.store.insert(ctx, s); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) put(key, content string) {
	r.t.Helper()
	ctx := context.Background()
	w, err := r.blobs.Create(ctx, key)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		r.t.Fatal(err)
	}
	if _, err := w.Commit(ctx); err != nil {
		r.t.Fatal(err)
	}
}

// TestReadingRefusals has the order in which a request to read is judged.
func TestReadingRefusals(t *testing.T) {
	r := newReadRig(t, lite(t))
	live := r.open(alice)
	r.add(closedSession("7"), []byte("bytes"))
	const active = "Session is still active, cannot retrieve data!"
	for _, c := range []struct {
		method, target, body string
		status               int
		text                 string
	}{
		{"GET", "/list_demos", "", 401, "Unauthorized"},
		{"GET", "/list_demos?api_key=MB-nobody&page_size=x", "", 401, "Unauthorized"},
		{"GET", "/list_demos?api_key=MB-alice&page_size=x", "", 400, "Validation failed for GET /list_demos"},
		{"GET", "/list_demos?api_key=MB-alice&page_number=1.5", "", 400, "Validation failed for GET /list_demos"},
		{"POST", "/list_demos?api_key=MB-alice", "", 405, "Method Not Allowed"},
		{"GET", "/analyst_list_demos", "", 401, "Unauthorized"},
		{"GET", "/analyst_list_demos?api_key=MB-alice&page_size=x", "", 401, "Unauthorized"},
		{"GET", "/analyst_list_demos?api_key=MB-anna&page_size=x", "", 400, "Validation failed for GET /analyst_list_demos"},
		{"GET", "/demodata?session_id=7", "", 401, "Unauthorized"},
		{"GET", "/demodata?api_key=MB-alice", "", 400, "Missing required query parameter 'session_id' for path /demodata"},
		{"GET", "/demodata?api_key=MB-alice&session_id=" + live, "", 403, active},
		{"GET", "/demodata?api_key=MB-anna&session_id=" + live, "", 403, active},
		{"GET", "/demodata?api_key=MB-alice&session_id=7", "", 401, "Unauthorized"},
		{"GET", "/demodata?api_key=MB-alice&session_id=8", "", 401, "Unauthorized"},
		{"GET", "/demodata?api_key=MB-anna&session_id=8", "", 404, "Demo not found!"},
		{"GET", "/demodata?api_key=MB-anna&session_id=../7", "", 404, "Demo not found!"},
		{"HEAD", "/demodata?api_key=MB-anna&session_id=7", "", 405, ""},
		{"GET", "/db_export?table=reports", "", 401, "Unauthorized"},
		{"GET", "/db_export?api_key=MB-alice", "", 401, "Unauthorized"},
		{"GET", "/db_export?api_key=MB-anna", "", 400, "Missing required query parameter 'table' for path /db_export"},
		{"GET", "/db_export?api_key=MB-anna&table=api_keys", "", 400, "Validation failed for GET /db_export"},
		{"GET", "/jobs", "", 401, "Unauthorized"},
		{"GET", "/jobs?api_key=MB-alice&limit=x", "", 401, "Unauthorized"},
		{"GET", "/jobs?api_key=MB-anna&limit=x", "", 400, "Validation failed for GET /jobs"},
		{"POST", "/ingest?api_key=MB-alice", "no JSON", 401, "Unauthorized"},
		{"POST", "/ingest?api_key=MB-anna", "no JSON", 400, "JSON is malformed"},
		{"POST", "/ingest?api_key=MB-anna", "{}", 400, "Validation failed for POST /ingest"},
		{"POST", "/ingest?api_key=MB-anna", `{"session_ids":"7"}`, 400, "Validation failed for POST /ingest"},
		{"POST", "/ingest?api_key=MB-anna", `{"session_ids":[7]}`, 400, "Validation failed for POST /ingest"},
		{"POST", "/ingest?api_key=MB-anna", `{"session_ids":null}`, 400, "Validation failed for POST /ingest"},
		{"PUT", "/analysis?session_id=7", "{}", 401, "Unauthorized"},
		{"PUT", "/analysis?api_key=MB-alice", "{}", 401, "Unauthorized"},
		{"PUT", "/analysis?api_key=MB-anna", "{}", 400, "Missing required query parameter 'session_id' for path /analysis"},
		{"PUT", "/analysis?api_key=MB-anna&session_id=7", "x", 400, "JSON is malformed"},
		{"PUT", "/analysis?api_key=MB-anna&session_id=7", "{}", 400, "Validation failed for PUT /analysis"},
		{"PUT", "/analysis?api_key=MB-anna&session_id=8", analysisJSON, 404, "Demo not found!"},
		{"PUT", "/analysis?api_key=MB-anna&session_id=" + live, analysisJSON, 409, "session is still active"},
	} {
		r.want(c.method, c.target, c.body, c.status, c.text)
	}
	if strings.Contains(r.log.String(), "MB-") {
		t.Errorf("a key is in the log:\n%s", r.log)
	}
}

// TestLists has the pages of both lists, byte for byte.
func TestLists(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newReadRig(t, d)
		r.want("GET", "/list_demos?api_key=MB-alice", "", 200, "[]")
		second := closedSession("20")
		second.StartAt, second.EndAt, second.HasSize, second.DemoName = recordedAt.Add(time.Hour), recordedAt.Truncate(time.Second), false, ""
		r.add(second, nil)
		r.add(closedSession("30"), nil)
		other := closedSession("10")
		other.Account, other.SteamID, other.StartAt, other.Pruned = 2, bobID, recordedAt.Add(time.Minute), true
		r.add(other, nil)
		r.open(alice) // is not closed

		row := func(id, name, start, end, size string, uploader, reader steam.ID) string {
			sum := sha256.Sum256([]byte(strconv.FormatUint(uint64(uploader), 10) + strconv.FormatUint(uint64(reader), 10)))
			return `{"demo_name":"` + name + `","session_id":"` + id + `","map":"pl_pier","start_time":"` + start + `","end_time":` + end +
				`,"demo_size":` + size + `,"anonymous_id":"` + hex.EncodeToString(sum[:]) + `"}`
		}
		first := func(reader steam.ID) string {
			return row("30", "a.dem", "2024-06-02T10:11:12.131415Z", `"2024-06-02T10:41:12.131415Z"`, "5", aliceID, reader)
		}
		last := func(reader steam.ID) string {
			return row("20", "", "2024-06-02T11:11:12.131415Z", `"2024-06-02T10:11:12Z"`, "null", aliceID, reader)
		}
		bobs := row("10", "a.dem", "2024-06-02T10:12:12.131415Z", `"2024-06-02T10:41:12.131415Z"`, "5", bobID, annaID)
		own := "[" + first(aliceID) + "," + last(aliceID) + "]"
		all := "[" + first(annaID) + "," + bobs + "," + last(annaID) + "]"
		for target, want := range map[string]string{
			"/list_demos?api_key=MB-alice":                                              own,
			"/list_demos?api_key=MB-alice&page_size=0&page_number=0":                    own,
			"/list_demos?api_key=MB-alice&page_size=50&page_number=-7":                  own,
			"/list_demos?api_key=MB-alice&page_size=1":                                  "[" + first(aliceID) + "]",
			"/list_demos?api_key=MB-alice&page_size=1&page_number=2":                    "[" + last(aliceID) + "]",
			"/list_demos?api_key=MB-alice&page_size=1&page_number=3":                    "[]",
			"/list_demos?api_key=MB-alice&page_number=99999999999999999999":             "[]",
			"/analyst_list_demos?api_key=MB-anna":                                       all,
			"/analyst_list_demos?api_key=MB-anna&page_size=2&page_number=1":             "[" + first(annaID) + "," + bobs + "]",
			"/analyst_list_demos?api_key=MB-anna&page_size=2&page_number=2&page_size=x": "[" + last(annaID) + "]",
		} {
			r.want("GET", target, "", 200, want)
		}
		if _, text := r.ask("GET", "/analyst_list_demos?api_key=MB-anna", ""); strings.Contains(text, "7656119") {
			t.Errorf("a SteamID is in the list: %s", text)
		}
	})
}

// TestDemoData has how recordings are handed out.
func TestDemoData(t *testing.T) {
	r := newReadRig(t, lite(t))
	r.add(closedSession("7"), []byte("0123456789"))
	empty := closedSession("8")
	empty.HasSize = false
	r.add(empty, nil)
	pruned := closedSession("9")
	pruned.Pruned = true
	r.add(pruned, []byte("x"))
	r.add(closedSession("11"), nil) // its blob is lost
	for _, id := range []string{"8", "9", "11"} {
		r.want("GET", "/demodata?api_key=MB-anna&session_id="+id, "", 404, "Demo not found!")
	}
	status, h, text := r.askAll("GET", "/demodata?api_key=MB-anna&session_id=7", "")
	if status != 200 || text != "0123456789" {
		t.Errorf("%d %q", status, text)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/octet-stream", "Content-Disposition": `attachment; filename="7.dem"`, "Content-Length": "10", "Accept-Ranges": "bytes",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	req, _ := http.NewRequest("GET", r.base+"/demodata?api_key=MB-anna&session_id=7", nil)
	req.Header.Set("Range", "bytes=3-5")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || res.StatusCode != 206 || res.Header.Get("Content-Range") != "bytes 3-5/10" {
		t.Fatalf("%v %+v", err, res)
	}
	_ = res.Body.Close()

	id := r.open(alice) // and one that is closed a moment before
	c := r.dial(alice, id)
	sent := demo(70_000)
	send(t, c, sent)
	r.spooled(id, int64(len(sent)))
	r.want("POST", "/late_bytes?api_key=MB-alice", `{"late_bytes":"`+lateHex+`"}`, 201, `{"late_bytes":true}`)
	drop(c)
	r.want("GET", "/close_session?api_key=MB-alice", "", 200, `{"closed_successfully":true}`)
	if status, text := r.ask("GET", "/demodata?api_key=MB-anna&session_id="+id, ""); status != 200 || text != string(withLate(sent)) {
		t.Errorf("%d, %d bytes", status, len(text))
	}
}

// The rows of TestExport are PostgreSQL's.
const (
	exportedSessions = "steam_id,session_id,demo_name,active,open,start_time,end_time,fake_ip,map,steam_api_data,ingested,demo_size,late_bytes,markov_score,created_at,updated_at,pruned\n" +
		`76561197960287930,240110,"a,""b"".dem",f,f,2024-06-02 10:11:12.131415+00,2024-06-02 10:41:12+00,169.254.189.228:41928,pl_pier,,f,1234567,\x7031cf44a7af0100cea70100f5e00400,5.504555168670354e-05,2024-06-02 10:11:12.131415+00,2024-06-02 10:41:12+00,f` + "\n"
	exportedReports = "session_id,target_steam_id,created_at,reason\n240110,76561198000000000,2026-11-20 08:35:55.282007+00,cheater\n"
)

func TestExport(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newReadRig(t, d)
		s := closedSession("240110")
		s.DemoName, s.EndAt, s.Size, s.Late = `a,"b".dem`, time.Date(2024, 6, 2, 10, 41, 12, 0, time.UTC), 1234567, lateValue
		s.Score, s.HasScore, s.UpdatedAt = 5.504555168670354e-05, true, s.EndAt
		r.add(s, nil)
		if err := r.store.putReport(context.Background(), Report{
			Session: s.ID, Target: 76561198000000000, Reason: ReasonCheater, Account: 1, CreatedAt: time.Date(2026, 11, 20, 8, 35, 55, 282007000, time.UTC),
		}); err != nil {
			t.Fatal(err)
		}
		status, h, text := r.askAll("GET", "/db_export?api_key=MB-anna&table=demo_sessions", "")
		if diff := cmp.Diff(exportedSessions, text); status != 200 || diff != "" {
			t.Errorf("%d %s", status, diff)
		}
		got := h.Get("Content-Disposition")
		at, ok := strings.CutPrefix(got, `attachment; filename="demo_sessions-`)
		if _, err := time.Parse(`2006-01-02 15:04:05.000000.csv"`, at); !ok || err != nil || h.Get("Content-Type") != "text/csv" {
			t.Errorf("%q %q %v", got, h.Get("Content-Type"), err)
		}
		if n := h.Get("Content-Length"); n != "" {
			t.Errorf("%s bytes are announced; an export is chunked", n)
		}
		r.want("GET", "/db_export?api_key=MB-anna&table=reports", "", 200, exportedReports)
	})
}

// TestLongExport has more rows than are read at a time, each of them once.
func TestLongExport(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newReadRig(t, d)
		err := d.Write(context.Background(), func(tx *db.Tx) error {
			return insertRows(context.Background(), tx, "INSERT INTO demos_session (id, account_id, steam_id, source, demo_name, active, open, start_at, fake_ip, map, created_at, updated_at) VALUES ",
				func(yield func([]any) bool) {
					for i := range 2*exportBatch + 7 {
						if !yield([]any{strconv.Itoa(i), 1, int64(aliceID), "upload", "", false, false, 1, "", "", 1, 1}) {
							return
						}
					}
				})
		})
		if err != nil {
			t.Fatal(err)
		}
		_, text := r.ask("GET", "/db_export?api_key=MB-anna&table=demo_sessions", "")
		seen := map[string]bool{}
		for line := range strings.Lines(text) {
			seen[line] = true
		}
		if n := strings.Count(text, "\n"); n != 2*exportBatch+8 || len(seen) != n {
			t.Errorf("%d lines, %d of them different", n, len(seen))
		}
	})
}

// TestBrokenExport wants that nobody takes half a table for a whole one.
func TestBrokenExport(t *testing.T) {
	r := newReadRig(t, lite(t))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		x := &exchange{s: r.Service, w: w, r: req}
		x.sendExport("reports", &export{first: []byte("header\n"), more: true, rows: func(context.Context, *pgcsv.Writer) (bool, error) {
			return false, errors.New("the database is gone")
		}})
	}))
	defer srv.Close()
	res, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("%q ended as if it were whole", b)
	}
}

const analysisJSON = `{"author":"a","detections":[` +
	`{"tick":10,"algorithm":"viewangles","player":76561198000000000,"data":{"a":1}},` +
	`{"tick":9,"algorithm":"viewangles","player":76561198000000000,"data":null},` +
	`{"tick":11,"algorithm":"aim","player":76561198000000000,"data":[1]},` +
	`{"tick":12,"algorithm":"aim","player":76561198000000002,"data":"x"}],"duration":30,"map":"pl_pier","server_ip":"169.254.189.228:41928"}`

// TestJobsAndIngest is the way of a worker.
func TestJobsAndIngest(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newReadRig(t, d)
		ctx := context.Background()
		r.want("GET", "/jobs?api_key=MB-anna", "", 200, "[]")
		for i, id := range []string{"9", "8", "7", "6", "5", "4"} {
			s := closedSession(id)
			s.CreatedAt = recordedAt.Add(time.Duration(i) * time.Second)
			switch id {
			case "6":
				s.HasSize = false
			case "5":
				s.Size = 0
			case "4":
				s.Pruned = true
			}
			r.add(s, nil)
		}
		live := r.open(bob)
		for target, want := range map[string]string{
			"": `["9"]`, "&limit=2": `["9","8"]`, "&limit=99999999999999999999": `["9","8","7"]`, "&limit=-1": "[]", "&limit=0": "[]",
		} {
			r.want("GET", "/jobs?api_key=MB-anna"+target, "", 200, want)
		}
		r.want("PUT", "/analysis?api_key=MB-anna&session_id=9", analysisJSON, 200, `{"session_id":"9","stored":true}`)
		r.put(SessionID("8").AnalysisKey(), `{"author":"a"}`)
		r.put(SessionID("7").AnalysisKey(), "no JSON")
		r.put(SessionID(live).AnalysisKey(), analysisJSON)
		r.put(SessionID("77").AnalysisKey(), analysisJSON)
		if err := d.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO demos_review (session_id, target, reviewer, verdict, created_at) VALUES ('9', 1, 3, 'benign', 1)")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		r.want("POST", "/ingest?api_key=MB-anna", `{"session_ids":["9","8","7","6","`+live+`","77","../9","9"],"more":1}`, 201,
			`[{"session_id":"9","ingested":true},`+
				`{"session_id":"8","ingested":false,"error":"Analysis data does not conform to schema."},`+
				`{"session_id":"7","ingested":false,"error":"Malformed JSON data in analysis blob."},`+
				`{"session_id":"6","ingested":false,"error":"No analysis blob was found."},`+
				`{"session_id":"`+live+`","ingested":false,"error":"session is still active"},`+
				`{"session_id":"77","ingested":false,"error":"Unknown session ID 77"},`+
				`{"session_id":"../9","ingested":false,"error":"No analysis blob was found."},`+
				`{"session_id":"9","ingested":false,"error":"demo already ingested"}]`)
		r.want("GET", "/jobs?api_key=MB-anna", "", 200, `["8"]`)
		if diff := cmp.Diff([]string{"viewangles 76561198000000000 2", "aim 76561198000000000 1", "aim 76561198000000002 1"}, r.counts("9")); diff != "" {
			t.Error(diff)
		}
		if n := r.count("SELECT COUNT(*) FROM demos_detection WHERE session_id = '9'"); n != 4 {
			t.Errorf("%d detections", n)
		}
		if n := r.count("SELECT COUNT(*) FROM demos_review"); n != 0 {
			t.Errorf("%d reviews are left", n)
		}
		r.want("PUT", "/analysis?api_key=MB-anna&session_id=9", analysisJSON, 409, "demo already ingested")
	})
}

// TestOldIngest is the form of older workers.
func TestOldIngest(t *testing.T) {
	r := newReadRig(t, lite(t))
	for _, id := range []string{"7", "8"} {
		r.add(closedSession(id), nil)
	}
	r.put(SessionID("7").AnalysisKey(), "no JSON")
	const old = "/ingest?api_key=MB-anna&session_id="
	r.want("POST", old+"7", `{"session_id":"7"}`, 500, "Internal Error Occured: Malformed JSON data in analysis blob.")
	r.want("PUT", "/analysis?api_key=MB-anna&session_id=8", analysisJSON, 200, `{"session_id":"8","stored":true}`)
	r.want("POST", old+"8", `{"session_id":"8"}`, 201, `{"ingested":true}`)
	r.want("POST", old+"8", `{"session_id":"8"}`, 500, "Internal Error Occured: demo already ingested")
	r.want("POST", old+"7", `{"session_id":"8"}`, 400, "Validation failed for POST /ingest")
}

// counts are what is stored of an analysis.
func (r *rig) counts(id string) (all []string) {
	r.t.Helper()
	ctx := context.Background()
	err := r.o.DB.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = rowsOf(ctx, tx, func(row scanner) (string, error) {
			var target, n int64
			var algorithm string
			err := row.Scan(&target, &algorithm, &n)
			return algorithm + " " + strconv.FormatInt(target, 10) + " " + strconv.FormatInt(n, 10), err
		}, "SELECT target, algorithm, detections FROM demos_analysis WHERE session_id = $1 ORDER BY detections DESC, target", id)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func (r *rig) count(query string) (n int64) {
	r.t.Helper()
	ctx := context.Background()
	if err := r.o.DB.Read(ctx, func(tx *db.Tx) error { return tx.QueryRow(ctx, query).Scan(&n) }); err != nil {
		r.t.Fatal(err)
	}
	return n
}

func TestBroadcastsOfClients(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newReadRig(t, d)
		ctx := context.Background()
		r.want("GET", "/broadcasts", "", 200, "[]")
		for at, message := range map[time.Time]string{
			time.Date(2025, 2, 10, 17, 3, 28, 0, time.UTC): "new", time.Date(2025, 2, 9, 0, 0, 0, 5000, time.UTC): "old",
		} {
			if err := d.Write(ctx, func(tx *db.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO demos_broadcast (message, importance, created_at) VALUES ($1, 'high', $2)", message, db.Micros(at))
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		r.want("GET", "/broadcasts?api_key=bad", "", 200, `[{"message":"new","importance":"high","post_date":"2025-02-10T17:03:28Z"},`+
			`{"message":"old","importance":"high","post_date":"2025-02-09T00:00:00.000005Z"}]`)
	})
}

// FuzzAnalysis wants of every analysis that is taken that it can be stored:
// text that PostgreSQL takes, and data that is JSON.
func FuzzAnalysis(f *testing.F) {
	f.Add([]byte(analysisJSON))
	f.Add([]byte(`{"author":"","detections":[],"duration":0,"map":"","server_ip":""}`))
	f.Add([]byte(`{"author":"","detections":[{"tick":1,"algorithm":"\u0000","player":1,"data":"` + "\xff" + `"}],"duration":0,"map":"","server_ip":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := parseAnalysis(b)
		if err != nil {
			return
		}
		for _, d := range all {
			if !json.Valid(d.Data) || text(d.Algorithm) != d.Algorithm || strings.ToValidUTF8(string(d.Data), "") != string(d.Data) {
				t.Errorf("%+v", d)
			}
		}
	})
}
