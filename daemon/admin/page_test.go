package admin

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quartermasterd/quartermaster/webui"
)

var sample = fstest.MapFS{
	"index.html":    {Data: []byte(`<link href="/app/static/a.css"><script src="/app/static/b/c.js"></script>` + strings.Repeat(" ", 500))},
	"a.css":         {Data: []byte("a{}")},
	"b/c.js":        {Data: []byte("import './d.js'")},
	"b/secret.json": {Data: []byte("{}")},
}

func ask(t *testing.T, h http.HandlerFunc, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDocumentNamesAnEdition(t *testing.T) {
	p := newPage(sample)
	res := ask(t, p.document, "/app/mods/5")
	m := regexp.MustCompile(`href="(/app/static/[\w-]{12}/)a\.css"`).FindStringSubmatch(body(t, res))
	if res.StatusCode != 200 || m == nil || res.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("status %d, header %v, match %v", res.StatusCode, res.Header, m)
	}
	for target, want := range map[string]string{
		m[1] + "b/c.js":      "public, max-age=31536000, immutable",
		"/app/static/b/c.js": "no-cache",
	} {
		res := ask(t, p.static, target)
		if got := res.Header.Get("Cache-Control"); res.StatusCode != 200 || got != want || res.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("%s: %d %v", target, res.StatusCode, res.Header)
		}
	}
	other := fstest.MapFS{"index.html": sample["index.html"], "a.css": {Data: []byte("b{}")}}
	if strings.Contains(body(t, ask(t, newPage(other).document, "/app/")), m[1]) {
		t.Error("other files have the same edition")
	}
}

func TestStaticRevalidatesAndCompresses(t *testing.T) {
	p := newPage(sample)
	plain, packed := ask(t, p.document, "/app/"), ask(t, p.document, "/app/", "Accept-Encoding", "br, gzip")
	if packed.Header.Get("Content-Encoding") != "gzip" || plain.Header.Get("ETag") == packed.Header.Get("ETag") || packed.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("plain %v\npacked %v", plain.Header, packed.Header)
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != body(t, plain) {
		t.Errorf("the packed form differs: %v", err)
	}
	for _, etag := range []string{plain.Header.Get("ETag"), "W/" + plain.Header.Get("ETag"), `"x", ` + plain.Header.Get("ETag")} {
		if res := ask(t, p.document, "/app/", "If-None-Match", etag); res.StatusCode != http.StatusNotModified {
			t.Errorf("%s: %d", etag, res.StatusCode)
		}
	}
	if res := ask(t, p.document, "/app/", "If-None-Match", packed.Header.Get("ETag")); res.StatusCode != 200 {
		t.Error("the tag of another form matched")
	}
	if res := ask(t, p.document, "/app/", "Accept-Encoding", "gzip;q=0"); res.Header.Get("Content-Encoding") != "" {
		t.Error("gzip was sent although it was refused")
	}
}

func TestStaticRefuses(t *testing.T) {
	p := newPage(sample)
	for _, target := range []string{"/app/static/", "/app/static/none.js", "/app/static/../index.html", "/app/static/b", "/app/static//a.css", "/app/static/b/../a.css"} {
		if res := ask(t, p.static, target); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", target, res.StatusCode)
		}
	}
}

func TestUnknownAddressIsNotFound(t *testing.T) {
	res := ask(t, newPage(sample).unknown, "/nowhere", "If-None-Match", "*")
	if res.StatusCode != http.StatusNotFound || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

// The real page must load only what exists.
func TestRealPageNamesOnlyFilesThatExist(t *testing.T) {
	p := newPage(webui.FS())
	text := body(t, ask(t, p.document, "/app/"))
	names := regexp.MustCompile(`"(/app/static/[^"]+)"`).FindAllStringSubmatch(text, -1)
	if len(names) < 10 {
		t.Fatalf("only %d files are named", len(names))
	}
	for _, n := range names {
		if res := ask(t, p.static, n[1]); res.StatusCode != 200 || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", n[1], res.StatusCode, res.Header.Get("Cache-Control"))
		}
	}
}
