package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var testModTime = time.Date(2012, 9, 29, 22, 27, 50, 123456789, time.UTC)

const testLastModified = "Sat, 29 Sep 2012 22:27:50 GMT"

// testContent is n bytes in which every position can be told from others.
func testContent(n int) []byte {
	b := make([]byte, 0, n+8)
	for i := 0; len(b) < n; i++ {
		b = strconv.AppendInt(append(b, '.'), int64(i), 36)
	}
	return b[:n]
}

// openTestFile returns a File over a new file with this content.
func openTestFile(t testing.TB, content []byte) File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "m5f3f7c0_1348957670.zip")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	sum := sha256.Sum256(content)
	return File{
		Content: f, Size: int64(len(content)), ModTime: testModTime, ETag: "e1", SHA256: sum[:],
		ContentType: "application/zip", CacheControl: "public, max-age=31536000, immutable",
	}
}

func serveOnce(f File, method string, header map[string]string) *http.Response {
	r := httptest.NewRequest(method, "/m5f3f7c0_1348957670.zip", nil)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	ServeFile(w, r, f)
	return w.Result()
}

func body(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestServeFileWhole(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 4 << 10, smallBody, smallBody + 1, 3 << 20} {
		content := testContent(size)
		f := openTestFile(t, content)
		sum := sha256.Sum256(content)
		want := http.Header{
			"Content-Type":           {"application/zip"},
			"Content-Length":         {strconv.Itoa(size)},
			"Last-Modified":          {testLastModified},
			"Etag":                   {`"e1"`},
			"Accept-Ranges":          {"bytes"},
			"X-Content-Type-Options": {"nosniff"},
			"Cache-Control":          {"public, max-age=31536000, immutable"},
			"Repr-Digest":            {"sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"},
		}
		for _, method := range []string{"GET", "HEAD"} {
			res := serveOnce(f, method, nil)
			if res.StatusCode != 200 {
				t.Fatalf("%s of %d bytes: status %d", method, size, res.StatusCode)
			}
			if d := cmp.Diff(want, res.Header); d != "" {
				t.Errorf("%s of %d bytes: header (-want +got):\n%s", method, size, d)
			}
			wantBody := string(content)
			if method == "HEAD" {
				wantBody = ""
			}
			if got := body(t, res); got != wantBody {
				t.Errorf("%s of %d bytes: got %d bytes of body, want %d", method, size, len(got), len(wantBody))
			}
		}
	}
}

func TestServeFileLeavesOutWhatItDoesNotKnow(t *testing.T) {
	f := openTestFile(t, []byte("x"))
	res := serveOnce(File{Content: f.Content, Size: 1}, "GET", map[string]string{"If-Modified-Since": testLastModified})
	want := http.Header{
		"Content-Type": {"application/octet-stream"}, "Content-Length": {"1"},
		"Accept-Ranges": {"bytes"}, "X-Content-Type-Options": {"nosniff"},
	}
	if d := cmp.Diff(want, res.Header); res.StatusCode != 200 || d != "" {
		t.Errorf("status %d, header (-want +got):\n%s", res.StatusCode, d)
	}
	epoch := serveOnce(File{Content: f.Content, Size: 1, ModTime: time.Unix(0, 5)}, "GET", nil)
	if v := epoch.Header.Get("Last-Modified"); v != "" {
		t.Errorf("Last-Modified %q of a file without a date", v)
	}
}

func TestServeFileNamesTheDownload(t *testing.T) {
	f := openTestFile(t, []byte("content"))
	f.ETag, f.Disposition = "tag", `attachment; filename="m1_5.zip"`
	for _, tt := range []struct {
		header, value string
		status        int
		want          string
	}{
		{"", "", 200, f.Disposition},
		{"Range", "bytes=1-2", 206, f.Disposition},
		{"Range", "bytes=0-1,4-5", 206, f.Disposition},
		{"Range", "bytes=50-", 416, ""},
		{"If-None-Match", `"tag"`, 304, ""},
		{"If-Match", `"other"`, 412, ""},
	} {
		res := serveOnce(f, "GET", map[string]string{tt.header: tt.value})
		if got := res.Header.Get("Content-Disposition"); res.StatusCode != tt.status || got != tt.want {
			t.Errorf("%s %s: %d, %q, want %d, %q", tt.header, tt.value, res.StatusCode, got, tt.status, tt.want)
		}
	}
}

func TestServeFileMethods(t *testing.T) {
	f := openTestFile(t, []byte("content"))
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"} {
		res := serveOnce(f, method, nil)
		if res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", method, res.StatusCode, res.Header)
		}
		if got := body(t, res); strconv.Itoa(len(got)) != res.Header.Get("Content-Length") || strings.Contains(got, "content") {
			t.Errorf("%s: body %q of length %s", method, got, res.Header.Get("Content-Length"))
		}
	}
}

const rangeContent = "0123456789abcdefghij" // 20 bytes

var rangeTests = []struct {
	header       string
	status       int
	contentRange string
	body         string
}{
	{"bytes=0-4", 206, "bytes 0-4/20", "01234"},
	{"bytes=0-0", 206, "bytes 0-0/20", "0"},
	{"bytes=5-", 206, "bytes 5-19/20", rangeContent[5:]},
	{"bytes=0-", 206, "bytes 0-19/20", rangeContent},
	{"bytes=19-", 206, "bytes 19-19/20", "j"},
	{"bytes=-3", 206, "bytes 17-19/20", "hij"},
	{"bytes=-20", 206, "bytes 0-19/20", rangeContent},
	{"bytes=-21", 206, "bytes 0-19/20", rangeContent},
	{"bytes=10-1000", 206, "bytes 10-19/20", rangeContent[10:]},
	{"bytes=10-99999999999999999999999", 206, "bytes 10-19/20", rangeContent[10:]},
	{"BYTES=0-1", 206, "bytes 0-1/20", "01"},
	{"bytes= 0-1 , ", 206, "bytes 0-1/20", "01"},
	{"bytes=0-1,50-60", 206, "bytes 0-1/20", "01"}, // one satisfiable: no multipart
	// nothing of it exists
	{"bytes=20-", 416, "bytes */20", ""},
	{"bytes=20-30,40-", 416, "bytes */20", ""},
	{"bytes=-0", 416, "bytes */20", ""},
	{"bytes=99999999999999999999999-", 416, "bytes */20", ""},
	{"bytes=99999999999999999999998-99999999999999999999999", 416, "bytes */20", ""},
	// invalid, or another unit: as if absent
	{"bytes=x", 200, "", rangeContent},
	{"bytes=", 200, "", rangeContent},
	{"bytes", 200, "", rangeContent},
	{"", 200, "", rangeContent},
	{"bytes=-", 200, "", rangeContent},
	{"bytes=5-4", 200, "", rangeContent},
	{"bytes=99999999999999999999999-99999999999999999999998", 200, "", rangeContent},
	{"bytes=0-4,5-4", 200, "", rangeContent},
	{"bytes=+1-2", 200, "", rangeContent},
	{"bytes=1 - 2", 200, "", rangeContent},
	{"bytes=1-2-3", 200, "", rangeContent},
	{"bytes=--1", 200, "", rangeContent},
	{"bytes=0x1-", 200, "", rangeContent},
	{"bytes=٠-1", 200, "", rangeContent},
	{"items=0-4", 200, "", rangeContent},
	{"0-4", 200, "", rangeContent},
	// overlapping, or too many
	{"bytes=0-4,4-5", 200, "", rangeContent},
	{"bytes=10-,-5", 200, "", rangeContent},
	{"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,19-19", 200, "", rangeContent},
	{"bytes=50-,51-,52-,53-,54-,55-,56-,57-,58-,59-,60-", 200, "", rangeContent},
}

func TestServeFileRanges(t *testing.T) {
	f := openTestFile(t, []byte(rangeContent))
	for _, tt := range rangeTests {
		for _, method := range []string{"GET", "HEAD"} {
			res := serveOnce(f, method, map[string]string{"Range": tt.header})
			if res.StatusCode != tt.status || res.Header.Get("Content-Range") != tt.contentRange {
				t.Errorf("%s %q: %d %q, want %d %q", method, tt.header, res.StatusCode, res.Header.Get("Content-Range"), tt.status, tt.contentRange)
				continue
			}
			if tt.status == 416 {
				if res.Header.Get("Etag") != "" || res.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %q: header of an error %v", method, tt.header, res.Header)
				}
				continue
			}
			if n := res.Header.Get("Content-Length"); n != strconv.Itoa(len(tt.body)) {
				t.Errorf("%s %q: Content-Length %s, want %d", method, tt.header, n, len(tt.body))
			}
			if got := body(t, res); method == "GET" && got != tt.body || method == "HEAD" && got != "" {
				t.Errorf("%s %q: body %q", method, tt.header, got)
			}
		}
	}
}

func TestServeFileIgnoresTwoRangeFields(t *testing.T) {
	f := openTestFile(t, []byte("content"))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Range"] = []string{"bytes=0-1", "bytes=2-3"}
	w := httptest.NewRecorder()
	ServeFile(w, r, f)
	if w.Code != 200 || w.Body.String() != "content" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestServeFileRangesOfNothing(t *testing.T) {
	f := openTestFile(t, nil)
	for _, header := range []string{"bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=5-6,7-8", "x"} {
		res := serveOnce(f, "GET", map[string]string{"Range": header})
		if res.StatusCode != 200 || res.Header.Get("Content-Length") != "0" || body(t, res) != "" {
			t.Errorf("%q: %d %v", header, res.StatusCode, res.Header)
		}
	}
}

func TestServeFileMultipart(t *testing.T) {
	content := testContent(300 << 10)
	f := openTestFile(t, content)
	ranges := []byteRange{{0, 5}, {100_000, 100_000}, {5, 1}, {300<<10 - 7, 7}}
	header := "bytes=0-4,100000-199999,5-5,-7"
	res := serveOnce(f, "GET", map[string]string{"Range": header})
	if res.StatusCode != 206 || res.Header.Get("Content-Range") != "" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	all := body(t, res)
	if res.Header.Get("Content-Length") != strconv.Itoa(len(all)) {
		t.Errorf("Content-Length %s of %d bytes", res.Header.Get("Content-Length"), len(all))
	}
	head := serveOnce(f, "HEAD", map[string]string{"Range": header})
	if head.StatusCode != 206 || head.Header.Get("Content-Length") != res.Header.Get("Content-Length") || body(t, head) != "" {
		t.Errorf("HEAD: %d %v", head.StatusCode, head.Header)
	}
	kind, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/byteranges" {
		t.Fatalf("Content-Type %q", res.Header.Get("Content-Type"))
	}
	parts := multipart.NewReader(strings.NewReader(all), params["boundary"])
	for i, ra := range ranges {
		p, err := parts.NextRawPart()
		if err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
		got, err := io.ReadAll(p)
		if err != nil || !bytes.Equal(got, content[ra.start:ra.start+ra.length]) {
			t.Errorf("part %d: %d bytes, %v", i, len(got), err)
		}
		if p.Header.Get("Content-Range") != ra.contentRange(f.Size) || p.Header.Get("Content-Type") != "application/zip" {
			t.Errorf("part %d: %v", i, p.Header)
		}
	}
	if _, err := parts.NextRawPart(); err != io.EOF {
		t.Errorf("after the last part: %v", err)
	}
}

const (
	aSecondBefore = "Sat, 29 Sep 2012 22:27:49 GMT"
	aSecondAfter  = "Sat, 29 Sep 2012 22:27:51 GMT"
)

type cond = map[string]string

var conditionTests = []struct {
	header cond
	status int
}{
	{cond{"If-None-Match": `"e1"`}, 304},
	{cond{"If-None-Match": `W/"e1"`}, 304},
	{cond{"If-None-Match": `"x", "e1"`}, 304},
	{cond{"If-None-Match": `"a,b" , W/"e1"`}, 304},
	{cond{"If-None-Match": `*`}, 304},
	{cond{"If-None-Match": `"e2"`}, 200},
	{cond{"If-None-Match": `e1`}, 200},
	{cond{"If-None-Match": `"e1`}, 200},
	{cond{"If-None-Match": `""`}, 200},
	{cond{"If-None-Match": `"e2"`, "If-Modified-Since": testLastModified}, 200}, // the tag decides
	{cond{"If-Modified-Since": testLastModified}, 304},
	{cond{"If-Modified-Since": aSecondAfter}, 304},
	{cond{"If-Modified-Since": aSecondBefore}, 200},
	{cond{"If-Modified-Since": "yesterday"}, 200},
	{cond{"If-Match": `"e1"`}, 200},
	{cond{"If-Match": `*`}, 200},
	{cond{"If-Match": `"x","e1"`}, 200},
	{cond{"If-Match": `"e2"`}, 412},
	{cond{"If-Match": `W/"e1"`}, 412}, // weak never matches strongly
	{cond{"If-Match": ``}, 412},
	{cond{"If-Match": `"e1"`, "If-Unmodified-Since": aSecondBefore}, 200},
	{cond{"If-Unmodified-Since": testLastModified}, 200},
	{cond{"If-Unmodified-Since": aSecondAfter}, 200},
	{cond{"If-Unmodified-Since": aSecondBefore}, 412},
	{cond{"If-Unmodified-Since": "never"}, 200},
	{cond{"If-Match": `"e2"`, "If-None-Match": `"e1"`}, 412},
	{cond{"If-None-Match": `"e1"`, "Range": "bytes=0-1"}, 304},
	{cond{"If-Match": `"e2"`, "Range": "bytes=0-1"}, 412},

	{cond{"Range": "bytes=0-1", "If-Range": `"e1"`}, 206},
	{cond{"Range": "bytes=0-1", "If-Range": testLastModified}, 206},
	{cond{"Range": "bytes=0-1", "If-Range": `"e2"`}, 200},
	{cond{"Range": "bytes=0-1", "If-Range": `W/"e1"`}, 200},
	{cond{"Range": "bytes=0-1", "If-Range": `"e1", "e1"`}, 200},
	{cond{"Range": "bytes=0-1", "If-Range": aSecondBefore}, 200},
	{cond{"Range": "bytes=0-1", "If-Range": aSecondAfter}, 200},
	{cond{"Range": "bytes=0-1", "If-Range": `e1`}, 200},
	{cond{"Range": "bytes=50-", "If-Range": `"e2"`}, 200},
	{cond{"Range": "bytes=50-", "If-Range": `"e1"`}, 416},
	{cond{"If-Range": `"e2"`}, 200},
}

func TestServeFileConditions(t *testing.T) {
	f := openTestFile(t, []byte("0123456789"))
	for _, tt := range conditionTests {
		for _, method := range []string{"GET", "HEAD"} {
			res := serveOnce(f, method, tt.header)
			if res.StatusCode != tt.status {
				t.Errorf("%s %v: %d, want %d", method, tt.header, res.StatusCode, tt.status)
				continue
			}
			if tt.status == 304 {
				want := http.Header{
					"Etag": {`"e1"`}, "Last-Modified": {testLastModified},
					"Cache-Control": {"public, max-age=31536000, immutable"},
				}
				if d := cmp.Diff(want, res.Header); d != "" || body(t, res) != "" {
					t.Errorf("%s %v: 304 (-want +got):\n%s", method, tt.header, d)
				}
			}
		}
	}
}

func TestServeFileWithoutTagMatchesNone(t *testing.T) {
	f := openTestFile(t, []byte("0123456789"))
	f.ETag = ""
	if res := serveOnce(f, "GET", map[string]string{"If-None-Match": `""`}); res.StatusCode != 200 {
		t.Errorf("If-None-Match: %d", res.StatusCode)
	}
	if res := serveOnce(f, "GET", map[string]string{"If-Range": `""`, "Range": "bytes=0-1"}); res.StatusCode != 200 {
		t.Errorf("If-Range: %d", res.StatusCode)
	}
}

func BenchmarkServeFileSmall(b *testing.B) {
	f := openTestFile(b, testContent(4<<10))
	r := httptest.NewRequest("GET", "/", nil)
	w := &discardResponse{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		ServeFile(w, r, f)
	}
}

type discardResponse struct{ header http.Header }

func (w *discardResponse) Header() http.Header         { return w.header }
func (w *discardResponse) WriteHeader(int)             {}
func (w *discardResponse) Write(p []byte) (int, error) { return len(p), nil }
func (w *discardResponse) Flush()                      {}
func (w *discardResponse) ReadFrom(io.Reader) (int64, error) {
	return 0, nil
}
