package workshop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// server is a rig behind a real listener and before a Steam on loopback.
func server(t *testing.T, change func(*config.Workshop)) (*rig, *steamtest.Steam, string) {
	t.Helper()
	r := newRig(t, change)
	steam := steamtest.New(t)
	client := webapi.New(webapi.Options{BaseURL: steam.URL()})
	r.Service.steam = client
	r.Service.details = NewDetails(client, r.clock, r.Service.log, r.learn)
	r.Service.sources = []Source{NewSteamURL(SteamURLOptions{APIURL: steam.URL(), Lookup: r.details.Lookup, Clock: r.clock, Log: r.Service.log})}
	srv, err := web.New(web.Options{
		Limits:  config.Limits{MaxConns: 100, MaxConnsPerIP: 100, PerIPRPS: 1000, Exempt: []string{"127.0.0.0/8"}},
		Metrics: config.Metrics{Enabled: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	acc := accounts.New(accounts.Options{DB: r.store.db, DataDir: t.TempDir()})
	acc.Register(srv)
	r.Register(srv)
	ts := httptest.NewServer(srv)
	t.Cleanup(ts.Close)
	r.start()
	return r, steam, ts.URL
}

// raw sends a request byte by byte and returns everything that comes back.
func raw(t *testing.T, base, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // the test is over
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWire_ReasonPhrases(t *testing.T) {
	t.Parallel()
	r, _, base := server(t, nil)
	for _, c := range []struct{ request, line string }{
		{"GET /mzz_5.zip HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.0 404 Request not on the correct format\r\n"},
		{"GET //m1_5.zip?x=1 HTTP/1.0\r\n\r\n", "HTTP/1.0 404 Request not on the correct format\r\n"},
		{"GET //mD15A_1.zip HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.0 403 Denied - not serving that mod\r\n"},
		{"GET /m77_1.zip HTTP/1.0\r\n\r\n", "HTTP/1.0 202 Downloading\r\n"},
		{"HEAD /m77_1.zip HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.0 202 Downloading\r\n"},
		{"POST /m77_1.zip HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.0 405 Method Not Allowed\r\n"},
		{"GET http://x/md15a_1.zip HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.0 403 Denied - not serving that mod\r\n"},
		{"POST /m77_1.zip HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 Method Not Allowed\r\n"},
	} {
		answer := raw(t, base, c.request)
		if !strings.HasPrefix(answer, c.line) {
			t.Errorf("%q:\n%s", c.request, answer)
			continue
		}
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), &http.Request{Method: c.request[:strings.IndexByte(c.request, ' ')]})
		if err != nil {
			t.Errorf("%q: %v", c.request, err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Errorf("%q: %v", c.request, err)
		}
		if resp.Header.Get("X-Reason") == "" || resp.Header.Get("Date") == "" || resp.Header.Get("Cache-Control") != "no-store" ||
			resp.ContentLength <= 0 || !strings.HasPrefix(c.request, "HEAD") && int64(len(body)) != resp.ContentLength {
			t.Errorf("%q: %v %q", c.request, resp.Header, body)
		}
	}
	if metrics := raw(t, base, "GET /metrics HTTP/1.0\r\n\r\n"); !strings.Contains(metrics, "quartermaster_http_requests_total") || strings.Contains(metrics, "taken_over") {
		t.Error("the metrics do not know what was answered")
	}
	r.face.keepAlive = true
	answer := raw(t, base, "GET /mzz_5.zip HTTP/1.1\r\nHost: x\r\n\r\nGET /mD15A_1.zip HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 404 Not Found\r\n") || !strings.Contains(answer, "HTTP/1.0 403 Denied - not serving that mod\r\n") {
		t.Errorf("pipelined with keep_alive:\n%s", answer)
	}
}

func TestWire_FromSteamToClient(t *testing.T) {
	t.Parallel()
	_, steam, base := server(t, func(c *config.Workshop) { c.Mount = "/ns2" })
	content := steamtest.Zip(map[string]string{"lua/a.lua": strings.Repeat("print(1)\n", 1000)})
	steam.Put(steamtest.Item{ID: vectorItem, Updated: vectorVersion, Title: "map", Content: content})
	deadline := time.Now().Add(20 * time.Second)
	for {
		resp, err := http.Get(base + "/ns2//" + vector.File())
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode == 200 && err == nil {
			if string(body) != string(content) {
				t.Fatal("other bytes")
			}
			break
		}
		if resp.StatusCode != 202 || time.Now().After(deadline) {
			t.Fatalf("%s %q", resp.Status, body)
		}
		time.Sleep(50 * time.Millisecond) // as a client does
	}
	if n := len(steam.Downloads()); n != 1 {
		t.Errorf("%d downloads", n)
	}
	// What the API says of it.
	var list struct {
		Mods []struct {
			ID, Hex, Title, State, Reason string
			Current                       int64 `json:"current_version"`
			Versions                      []struct {
				Name, URL, State, Source string
				Size                     int64
				Current                  bool
			}
		}
		Total int
	}
	resp := getJSON(t, base+"/api/v1/mods?q=map", &list)
	if list.Total != 1 || list.Mods[0].ID != "99874752" || list.Mods[0].Hex != "5f3f7c0" || list.Mods[0].State != "ready" ||
		list.Mods[0].Current != vectorVersion || list.Mods[0].Versions[0].URL != base+"/ns2/"+vector.File() ||
		list.Mods[0].Versions[0].Source != "steam-url" || !list.Mods[0].Versions[0].Current {
		t.Errorf("%+v", list)
	}
	req, _ := http.NewRequestWithContext(t.Context(), "GET", base+"/api/v1/mods?q=map", http.NoBody)
	req.Header.Set("If-None-Match", resp.Header.Get("ETag"))
	again, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if again.Body.Close(); again.StatusCode != 304 {
		t.Errorf("If-None-Match: %s", again.Status)
	}
	for _, spelling := range []string{"99874752", "m5f3f7c0", "0x5F3F7C0"} {
		var m struct{ ID string }
		if getJSON(t, base+"/api/v1/mods/"+spelling, &m); m.ID != "99874752" {
			t.Errorf("%s: %+v", spelling, m)
		}
	}
}

// The log tells which downloads did not reach their end.
func TestWire_CutDownload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	big := steamtest.Zip(map[string]string{"noise.bin": noise(16 << 20)})
	if err := os.WriteFile(filepath.Join(dir, vector.File()), big, 0o644); err != nil {
		t.Fatal(err)
	}
	r, _, base := server(t, func(c *config.Workshop) { c.Roots = []string{dir} })
	if err := r.roots.Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	if answer := raw(t, base, "HEAD /"+vector.File()+" HTTP/1.0\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.0 200 ") {
		t.Fatal(answer)
	}
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "GET /%s HTTP/1.0\r\n\r\n", vector.File()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.(*net.TCPConn).SetLinger(0), c.Close()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); !strings.Contains(r.log.String(), "complete=false"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the log does not say that the download was cut off")
		}
	}
	if n := strings.Count(r.log.String(), "complete=true"); n != 1 {
		t.Errorf("%d complete answers in the log, want that to HEAD alone", n)
	}
}

// noise returns n bytes that do not compress.
func noise(n int) string {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	return string(b)
}

func getJSON(t *testing.T, url string, into any) *http.Response {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: %s %s", url, resp.Status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%s: %v in %s", url, err, body)
	}
	return resp
}

func TestWire_API(t *testing.T) {
	t.Parallel()
	r, _, base := server(t, nil)
	for i := range 5 {
		r.keep(Name{ItemID(i + 1), 10}, 1, 1, float64(i+1), nil)
	}
	var page struct {
		Mods  []struct{ ID string }
		Next  string
		Total int
	}
	var ids []string
	for cursor := ""; ; cursor = page.Next {
		page.Mods = nil
		getJSON(t, base+"/api/v1/mods?sort=requested&limit=2&cursor="+cursor, &page)
		for _, m := range page.Mods {
			ids = append(ids, m.ID)
		}
		if page.Next == "" {
			break
		}
	}
	if fmt.Sprint(ids, page.Total) != "[1 2 3 4 5] 5" {
		t.Errorf("paged: %v, %d in all", ids, page.Total)
	}
	for path, status := range map[string]int{
		"GET /api/v1/mods?cursor=x": 400, "GET /api/v1/mods?sort=no": 422, "GET /api/v1/mods?state=no": 422, "GET /api/v1/mods/zzz": 400,
		"GET /api/v1/mods/777": 404, "GET /api/v1/mods?state=ready&state=failed": 200, "GET /api/v1/mods/status": 200,
		"GET /api/v1/mods/queue": 200, "GET /api/v1/mods/backup-servers": 200, "POST /api/v1/mods/gc": 401, "POST /api/v1/mods": 401,
		"POST /api/v1/mods/verify": 401, "DELETE /api/v1/mods/1/versions/10": 401, "PUT /api/v1/mods/1/versions/10/pin": 401,
		"DELETE /api/v1/mods/queue/1": 401, "POST /api/v1/mods/queue/1/retry": 401, "POST /api/v1/mods/1/versions/10/verify": 401,
	} {
		method, target, _ := strings.Cut(path, " ")
		req, err := http.NewRequestWithContext(t.Context(), method, base+target, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%s: %s, want %d: %s", path, resp.Status, status, body)
		}
	}
	var doc struct {
		Paths map[string]map[string]struct{ Summary string }
	}
	getJSON(t, base+"/openapi.json", &doc)
	if doc.Paths["/m{item}_{version}.zip"]["get"].Summary == "" || doc.Paths["/api/v1/mods/{item}"]["get"].Summary == "" {
		t.Error("the OpenAPI document does not show the face or the API")
	}
}
