package workshop

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// ns2Grammar is the grammar of the wire, written independently of the parser.
var ns2Grammar = regexp.MustCompile(`^/+m([0-9A-Fa-f]{1,16})_([0-9]{1,12})\.zip$`)

// malformed are the targets that the original and everybody after it refuses.
var malformed = []string{
	"/m0x1_5.zip", "/m+1_+5.zip", "/m1_-5.zip", "/m-1_0.zip", "/m11112222333344445_5.zip", "/M1_5.zip", "/m1_5.ZIP",
	"/m1_5.zip?x=1", "/m1_5.zip?", "/m1_5.zip#f", "/m1_5%2ezip", "/m1_5.zip/", "/m1.zip", "/m1_5_6.zip",
	"/m1_5.zip.downloading", "/mzz_5.zip", "/m_5.zip", "/m1_.zip", "/m%31_5.zip", "/m\u0661_5.zip", "/m1_\u0665.zip",
	"/m1_1234567890123.zip", "//", "//log.txt", "//m1_5.zip/..", "/m1_5.zip\x00", "/m1_5 .zip", "/m1_5.zip.zip",
	"/m" + strings.Repeat("a", 10<<10) + "_1.zip", "/m.zip", "/m1_5zip",
}

func TestParseNS2(t *testing.T) {
	for target, want := range map[string]Name{
		"/m1_5.zip": {1, 5}, "//m1_5.zip": {1, 5}, "///m1_5.zip": {1, 5},
		"/m5f3f7c0_1348957670.zip": vector, "/m5F3F7C0_1.zip": {vectorItem, 1},
		"/m01_5.zip": {1, 5}, "/m1_05.zip": {1, 5}, "/m0_0.zip": {},
		"/mffffffffffffffff_999999999999.zip": {1<<64 - 1, 999999999999},
	} {
		if n, ok := parseNS2(target); !ok || n != want {
			t.Errorf("%s: %v, %v; want %v", target, n, ok, want)
		}
	}
	for _, target := range append(malformed, "", "/", "m1_5.zip", "/log.txt") {
		if path, _, query := strings.Cut(target, "?"); !query {
			if n, ok := parseNS2(path); ok {
				t.Errorf("%q is taken for %v", target, n)
			}
		}
	}
}

func FuzzParseNS2(f *testing.F) {
	for _, seed := range append(malformed, "/m5f3f7c0_1348957670.zip", "//m01_05.zip") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		n, ok := parseNS2(path)
		m := ns2Grammar.FindStringSubmatch(path)
		if ok != (m != nil) {
			t.Fatalf("%q: parser says %v, the grammar %v", path, ok, m != nil)
		}
		if !ok {
			return
		}
		item, err := strconv.ParseUint(m[1], 16, 64)
		version, err2 := strconv.ParseInt(m[2], 10, 64)
		if err != nil || err2 != nil || n != (Name{ItemID(item), version}) {
			t.Fatalf("%q: %v, want %d %d", path, n, item, version)
		}
		again, ok := parseNS2("/" + n.File())
		if !ok || again != n {
			t.Fatalf("%q: the canonical name %s reads as %v", path, n.File(), again)
		}
	})
}

func TestNS2_Match(t *testing.T) {
	f := &ns2{mount: "/ns2"}
	for _, path := range append(malformed, "/m1_5.zip", "/ns2", "/ns2/", "/ns2/m1_5.zip", "/ns2//m1_5.zip", "/ns2/log.txt") {
		path, _, _ = strings.Cut(path, "?")
		if !f.match(path) {
			t.Errorf("%.40q is not ours", path)
		}
	}
	for _, path := range []string{
		"/", "", "/healthz", "/readyz", "/metrics", "/api/v1/mods", "/api/v1/mods/m1/versions/5", "/app/mods", "/openapi.json",
		"/docs", "/ns2x/m1_5.zip", "/log.txt", "/m", "/mods", "/app/static/m1_5.zip", "/fastdl/tf2/maps/x.zip",
	} {
		if f.match(path) {
			t.Errorf("%q is taken from its owner", path)
		}
	}
}

// The order and the texts of the original's answers.
func TestNS2_Table(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		data := r.offer(vector)
		r.steam.put(0xbad, 5, nil)
		r.steam.items[0xbad] = withApp(r.steam.items[0xbad], 4000)

		for _, target := range malformed {
			r.expect(target, 404, "Request not on the correct format")
		}
		r.expect("/md15a_1.zip", 403, "Denied - not serving that mod")
		r.expect("/mD15A_1.zip", 403, "Denied - not serving that mod")
		r.expect("/m5f3f7c0_1348957670.zip", 202, "Downloading")
		r.expect("/mdead_1.zip", 202, "Downloading")
		r.expect("/mbad_5.zip", 202, "Downloading")
		pass(2e9)
		w := r.expect("/m5f3f7c0_1348957670.zip", 200, "")
		if string(bodyOf(t, w)) != string(data) {
			t.Error("other bytes than Steam's are served")
		}
		r.expect("//m5F3F7C0_01348957670.zip", 200, "")
		r.expect("/m5f3f7c0_1348957669.zip", 404, "Denied - old version and not backed up")
		r.expect("/m5f3f7c0_1348957671.zip", 404, "Denied - old version and not backed up")
		r.expect("/mdead_1.zip", 404, "Denied - no such mod")
		r.expect("/mbad_5.zip", 403, "Denied - wrong app_id")
		r.expect("/mbad_1.zip", 403, "Denied - wrong app_id")
		r.expect("/m0_1.zip", 404, "Denied - no such mod")

		calls := r.steam.count()
		r.expect("/mabc_999999999999.zip", 404, "Denied - old version and not backed up")
		pass(60e9)
		if r.steam.count() != calls {
			t.Error("a version from the far future made Steam be asked")
		}
		r.expect("/m5f3f7c0_1348957671.zip", 202, "Downloading") // details are 60 s old
		pass(2e9)
		r.expect("/m5f3f7c0_1348957671.zip", 404, "Denied - old version and not backed up")
		if r.steam.count() != calls+1 {
			t.Errorf("%d calls to Steam, want one more than %d", r.steam.count(), calls)
		}
	})
}

func TestNS2_Methods(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.offer(vector)
		w := r.do(http.MethodHead, "/m5f3f7c0_1348957670.zip", nil)
		if w.Code != 202 || w.Body.Len() != 0 || w.Header().Get("Retry-After") != "5" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("HEAD: %d %v %q", w.Code, w.Header(), w.Body)
		}
		pass(2e9)
		r.expect("/m5f3f7c0_1348957670.zip", 200, "") // HEAD started the fetch
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
			for _, target := range []string{"/m5f3f7c0_1348957670.zip", "/mzz_5.zip"} {
				w := r.do(method, target, nil)
				if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
					t.Errorf("%s %s: %d, Allow %q", method, target, w.Code, w.Header().Get("Allow"))
				}
			}
		}
	})
}

func TestNS2_FileHeaders(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.offer(vector)
		w := r.get(vector, 10e9)
		h := w.Header()
		if w.Code != 200 || h.Get("Content-Type") != "application/zip" || h.Get("Content-Length") != strconv.Itoa(w.Body.Len()) ||
			h.Get("Last-Modified") != "Sat, 29 Sep 2012 22:27:50 GMT" || h.Get("Connection") != "close" ||
			h.Get("Cache-Control") != "public, max-age=31536000, immutable" || !regexp.MustCompile(`^"[0-9a-f]{32}"$`).MatchString(h.Get("ETag")) ||
			!strings.HasPrefix(h.Get("Repr-Digest"), "sha-256=:") || h.Get("Accept-Ranges") != "bytes" {
			t.Errorf("%d %v", w.Code, h)
		}
		if w := r.do("GET", "/"+vector.File(), map[string]string{"If-None-Match": h.Get("ETag")}); w.Code != 304 || w.Body.Len() != 0 {
			t.Errorf("If-None-Match: %d", w.Code)
		}
		if w := r.do("GET", "/"+vector.File(), map[string]string{"Range": "bytes=0-3"}); w.Code != 206 || w.Body.String() != "PK\x03\x04" {
			t.Errorf("Range: %d %q", w.Code, w.Body)
		}
	})
}

func TestNS2_OnlyIfCached(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.offer(vector)
		only := map[string]string{"Cache-Control": "no-transform, Only-If-Cached"}
		if w := r.do("GET", "/"+vector.File(), only); w.Code != 504 {
			t.Errorf("not stored: %d", w.Code)
		}
		pass(5e9)
		if r.steam.count() != 0 {
			t.Error("only-if-cached made Steam be asked")
		}
		r.get(vector, 10e9)
		if w := r.do("GET", "/"+vector.File(), only); w.Code != 200 {
			t.Errorf("stored: %d", w.Code)
		}
		if w := r.do("GET", "/md15a_1.zip", only); w.Code != 403 {
			t.Errorf("denied: %d", w.Code)
		}
	})
}

func TestR10_MissLimit(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.offer(vector)
		r.get(vector, 10e9)
		stranger := map[string]string{"remote": "203.0.113.7:4000"}
		limited := 0
		for i := range 200 {
			w := r.do("GET", "/"+Name{Item: ItemID(1000 + i), Version: 1}.File(), stranger)
			if w.Code == 429 {
				limited++
				if w.Header().Get("Retry-After") == "" {
					t.Fatal("429 without Retry-After")
				}
			}
		}
		if limited != 80 {
			t.Errorf("%d of 200 requests were limited, want 80", limited)
		}
		if w := r.do("GET", "/"+Name{Item: 1000, Version: 1}.File(), stranger); w.Code != 202 {
			t.Errorf("asking again for what is under way: %d", w.Code)
		}
		if w := r.do("GET", "/"+vector.File(), stranger); w.Code != 200 {
			t.Errorf("a stored mod: %d", w.Code)
		}
		if w := r.do("GET", "/"+Name{Item: 5000, Version: 1}.File(), nil); w.Code != 202 {
			t.Errorf("an exempt address: %d", w.Code)
		}
	})
}

func TestNS2_AllowList(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *config.Workshop) { c.Allow = []config.Item{vectorItem} })
	if a, _ := r.decide(r.clock.Now(), request{name: Name{1, 1}, mayStart: func() bool { return true }}); a != answerNotServing {
		t.Errorf("not in the allow list: %v", a.reason())
	}
	if a, _ := r.decide(r.clock.Now(), request{name: vector, mayStart: func() bool { return true }}); a != answerDownloading {
		t.Errorf("in the allow list: %v", a.reason())
	}
}
