package fastdl

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl/bzip"
)

func compressed(t testing.TB, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := bzip.Compress(context.Background(), &b, bytes.NewReader(plain), 9); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const (
	sourceAgent = "User-Agent: Half-Life 2"
	sourceFrom  = "Referer: hl2://203.0.113.5:27015"
)

// A Source client asks for the compressed file and then for the plain one.
func TestSourceClient(t *testing.T) {
	surf := noise(1, 50_000)
	r := newRig(t, func(r *rig) { r.put("maps/surf_x.bsp", surf) }, nil)
	r.expect("tf2/maps/surf_x.bsp.bz2", 404, nil, sourceAgent, sourceFrom)
	r.expect("tf2/maps/surf_x.bsp", 200, surf, sourceAgent, sourceFrom)
	r.settle()
	res, body := r.get("tf2/maps/surf_x.bsp.bz2", sourceAgent, sourceFrom)
	if res.StatusCode != 200 || !bytes.Equal(unpack(t, body), surf) || len(body) >= len(surf) {
		t.Fatalf("%d with %d bytes", res.StatusCode, len(body))
	}
	if got := res.Header.Get("Content-Type"); got != "application/x-bzip2" {
		t.Errorf("type %q", got)
	}
	if m, err := r.Misses("tf2"); err != nil || len(m) != 0 {
		t.Errorf("nothing was asked for in vain: %v, %v", m, err)
	}
}

// A GoldSrc client knows no compressed files.
func TestGoldSrcClient(t *testing.T) {
	wad, spr := noise(2, 30_000), []byte("IDSP")
	r := newRig(t, func(r *rig) { r.put("x.wad", wad); r.put("sprites/a/x.spr", spr) }, nil)
	r.expect("cs/x.wad", 200, wad)
	r.expect("cs/sprites/a/x.spr", 200, spr)
	r.expect("cs/x.wad.bz2", 404, nil)
	if n := r.Service.pack.count("cs"); n != 0 {
		t.Errorf("%d files are compressed", n)
	}
	r.expect("tf2/x.wad", 404, nil)
}

// Maps made on Windows name their files in any case.
func TestWrongCase(t *testing.T) {
	vmt, bsp := []byte("vmt"), noise(3, 20_000)
	r := newRig(t, func(r *rig) { r.put("Materials/Custom/Wall.VMT", vmt); r.put("maps/Surf_X.bsp", bsp) }, nil)
	for _, p := range []string{
		"tf2/materials/custom/wall.vmt", "tf2/MATERIALS/CUSTOM/WALL.VMT", "tf2/Materials/Custom/Wall.VMT", `tf2/materials\custom\wall.vmt`,
		"tf2/materials%5ccustom%5cwall.vmt", "tf2//materials//custom/wall.vmt", "tf2/materials/custom/%77all.vmt", "/tf2/materials/custom/wall.vmt",
	} {
		r.expect(p, 200, vmt)
	}
	res, body := r.ask("GET", "///fastdl/tf2/materials/custom/wall.vmt")
	if res.StatusCode != 200 || !bytes.Equal(body, vmt) {
		t.Errorf("an address with too many slashes: %d", res.StatusCode)
	}
	r.expect("tf2/maps/SURF_x.BSP.BZ2", 404, nil)
	r.settle()
	if _, body := r.get("tf2/MAPS/surf_X.bsp.bz2"); !bytes.Equal(unpack(t, body), bsp) {
		t.Error("the compressed file in another case")
	}
	if len(r.made.all("")) != 1 {
		t.Errorf("one file was made %d times", len(r.made.all("")))
	}
}

// Half of a compressed file on the client makes it ask for the plain one
// only, which hosts have removed.
func TestOnlyCompressedOnDisk(t *testing.T) {
	plain := noise(4, 120_000)
	packed := compressed(t, plain)
	r := newRig(t, func(r *rig) { r.put("maps/surf_y.bsp.bz2", packed); r.put("maps/bad.bsp.bz2", packed[:len(packed)/2]) }, nil)
	r.expect("tf2/maps/surf_y.bsp.bz2", 200, packed)
	r.expect("tf2/maps/surf_y.bsp", 200, plain)
	r.expect("tf2/MAPS/SURF_Y.BSP", 200, plain)
	r.expect("cs/maps/surf_y.bsp", 200, plain)
	r.expect("tf2/maps/bad.bsp", 404, nil)
	r.expect("tf2/maps/bad.bsp", 404, nil)
	misses, err := r.Misses("tf2")
	if err != nil || len(misses) != 1 || misses[0].Reason != "broken" {
		t.Errorf("%+v, %v", misses, err)
	}
	if strings.Count(r.log.String(), "maps/bad.bsp.bz2") != 1 {
		t.Error("a broken file is tried again though it did not change")
	}
}

func TestBomb(t *testing.T) {
	bomb := bytes.Repeat(compressed(t, make([]byte, 1<<20)), 8) // streams one behind the other
	r := newRig(t, nil, nil)
	r.limits.RatioFrom = 4 << 20
	r.put("maps/bomb.bsp.bz2", bomb)
	r.expect("tf2/maps/bomb.bsp", 404, nil)
	r.settle()
	if !strings.Contains(r.log.String(), "times as large") {
		t.Errorf("it was not refused:\n%s", r.log)
	}
	if kept, bytes := r.made.kept("tf2"); kept != 0 || bytes != 0 {
		t.Errorf("%d files of %d bytes are kept", kept, bytes)
	}
	if left, err := filepath.Glob(filepath.Join(r.dir, "blobs", "*", "*")); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// Answers without a file have no body: clients have saved it as the map.
func TestRefusalsAreEmpty(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.put("maps/empty.bsp", nil)
		r.put("maps/x.bsp", []byte("x"))
		r.put("maps/cp_dustbowl.bsp", []byte("stock"))
	}, nil)
	for _, tt := range []struct {
		method, target string
		status         int
	}{
		{"GET", "/fastdl/tf2/maps/none.bsp", 404},
		{"GET", "/fastdl/tf2/maps/none.bsp.bz2", 404},
		{"GET", "/fastdl/tf2/maps/empty.bsp", 404}, // never 200 with nothing
		{"GET", "/fastdl/tf2/maps/empty.bsp.bz2", 404},
		{"GET", "/fastdl/tf2/maps/x.bsp.bz2.bz2", 404},
		{"GET", "/fastdl/tf2/maps/x.bsp/", 404},
		{"GET", "/fastdl/tf2/maps/", 404}, // no listing
		{"GET", "/fastdl/tf2/maps", 404},
		{"GET", "/fastdl/tf2/", 404},
		{"GET", "/fastdl/tf2", 404},
		{"GET", "/fastdl/", 404},
		{"GET", "/fastdl", 404},
		{"GET", "/fastdl/other/maps/x.bsp", 404},
		{"GET", "/fastdl/TF2/maps/x.bsp", 404},
		{"GET", "/fastdl/tf2/../tf2/maps/x.bsp", 404},
		{"GET", "/fastdl/tf2/maps/cp_dustbowl.bsp", 404},
		{"HEAD", "/fastdl/tf2/maps/none.bsp", 404},
		{"POST", "/fastdl/tf2/maps/x.bsp", 405},
		{"PUT", "/fastdl/tf2/maps/x.bsp", 405},
		{"OPTIONS", "/fastdl/tf2/maps/x.bsp", 405},
	} {
		res, body, head := r.raw(tt.method, tt.target, "Accept: text/html")
		if res.StatusCode != tt.status || len(body) != 0 || res.Header.Get("Content-Length") != "0" {
			t.Errorf("%s %s: %d, length %q, %d bytes", tt.method, tt.target, res.StatusCode, res.Header.Get("Content-Length"), len(body))
		}
		if res.Header.Get("Location") != "" || res.Header.Get("Cache-Control") != "no-store" || len(head) >= 1000 {
			t.Errorf("%s %s: %s", tt.method, tt.target, head)
		}
		if tt.status == 405 && res.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: Allow %q", tt.method, res.Header.Get("Allow"))
		}
	}
}

// Some clients give up on a head of more than 1 kB.
func TestHeaderBlock(t *testing.T) {
	content := noise(5, 20_000)
	r := newRig(t, func(r *rig) { r.put("maps/x.bsp", content) }, nil)
	r.get("tf2/maps/x.bsp.bz2")
	r.settle()
	etag := ""
	for _, p := range []string{"tf2/maps/x.bsp", "tf2/maps/x.bsp.bz2", "tf2/maps/none.bsp"} {
		for _, method := range []string{"GET", "HEAD"} {
			res, body, head := r.raw(method, "/fastdl/"+p)
			if len(head) >= 1000 {
				t.Errorf("%s %s: a head of %d bytes:\n%s", method, p, len(head), head)
			}
			for _, name := range []string{"Set-Cookie", "Content-Security-Policy", "Strict-Transport-Security", "Location", "Content-Encoding",
				"Transfer-Encoding", "Repr-Digest", "X-Request-Id", "Server", "Vary"} {
				if res.Header.Get(name) != "" {
					t.Errorf("%s %s: %s: %s", method, p, name, res.Header.Get(name))
				}
			}
			if res.StatusCode != 200 {
				continue
			}
			if res.Header.Get("Cache-Control") != "public, max-age=300" || res.Header.Get("Etag") == "" || res.Header.Get("Last-Modified") == "" ||
				res.Header.Get("Accept-Ranges") != "bytes" || res.ContentLength <= 0 || method == "HEAD" && len(body) > 0 {
				t.Errorf("%s %s:\n%s", method, p, head)
			}
			etag = res.Header.Get("Etag")
		}
	}
	if len(etag) != 34 {
		t.Errorf("the tag of a made file is %s", etag)
	}
}

func TestRangesAndConditions(t *testing.T) {
	content := noise(6, 10_000)
	r := newRig(t, func(r *rig) { r.put("maps/x.bsp", content) }, nil)
	whole, _ := r.get("tf2/maps/x.bsp")
	etag, date := whole.Header.Get("Etag"), whole.Header.Get("Last-Modified")
	if got := whole.Header.Get("Content-Type"); got != "application/octet-stream" {
		t.Errorf("type %q", got)
	}
	for _, tt := range []struct {
		header []string
		status int
		body   []byte
	}{
		{[]string{"Range: bytes=0-99"}, 206, content[:100]},
		{[]string{"Range: bytes=9000-"}, 206, content[9000:]},
		{[]string{"Range: bytes=-5"}, 206, content[9995:]},
		{[]string{"Range: bytes=0-99", "If-Range: " + etag}, 206, content[:100]},
		{[]string{"Range: bytes=0-99", `If-Range: "other"`}, 200, content},
		{[]string{"Range: lines=0-99"}, 200, content},
		{[]string{"If-None-Match: " + etag}, 304, nil},
		{[]string{"If-Modified-Since: " + date}, 304, nil},
	} {
		r.expect("tf2/maps/x.bsp", tt.status, tt.body, tt.header...)
	}
	if res, _ := r.get("tf2/maps/x.bsp", "Range: bytes=10000-"); res.StatusCode != 416 || res.Header.Get("Content-Range") != "bytes */10000" {
		t.Errorf("out of range: %d %q", res.StatusCode, res.Header.Get("Content-Range"))
	}
	if again, _ := r.get("tf2/maps/x.bsp"); again.Header.Get("Etag") != etag {
		t.Error("the tag changes though the file does not")
	}
	r.put("maps/x.bsp", content[:9999])
	if res, body := r.get("tf2/maps/x.bsp"); res.Header.Get("Etag") == etag || len(body) != 9999 {
		t.Error("the file changed and its tag did not")
	}
}

// leaks are spellings of paths to what is never served: each shape with each
// file.
func leaks() (list []string) {
	shapes := []string{
		"%s", "/%s", "//%s", "./%s", "maps/../%s", "maps/..%%2f%s", "maps/%%2e%%2e/%s", "maps\\..\\%s", "maps%%5c..%%5c%s", "..%%5c..%%5c%s",
		"../%s", "../../%s", "..%%2f..%%2f%s", "%%2e%%2e%%2f%s", "%%252e%%252e/%s", "%%252e%%252e%%252f%s", "materials/../%s", "%s?x=.bsp", "%s%%00.bsp", "%s%%00",
		"%s.", "%s%%20", "%s::$DATA", "%s.bz2", "%s.bz2.bz2", "%s/", "maps/%s", ".//%s", "%s;.bsp", "%s%%2f..%%2fmaps%%2fx.bsp", "maps/x.bsp/../../%s",
		"\\%s", "%%5c%s", "%%2f%s", "....//%s", "..%%c0%%af%s", "..%%ef%%bc%%8f%s",
	}
	files := []string{"cfg/server.cfg", "CFG/Server.CFG", "cfg%%2fserver.cfg", "cfg\\server.cfg", "%%63fg/server%%2ecfg", "addons/sourcemod/configs/databases.cfg",
		"addons/sourcemod/data/admins.txt", "logs/L01.log", "maps/server.cfg", "materials/x.ini", "bin/engine.so", "data/x.db", "lua/x.lua", "secret.vdf", "x.vpk"}
	for _, shape := range shapes {
		for _, file := range files {
			list = append(list, fmt.Sprintf(shape, strings.ReplaceAll(file, "%%", "%")))
		}
	}
	return list
}

func TestNothingLeaks(t *testing.T) {
	secret := []byte("rcon_password hunter2\n")
	r := newRig(t, func(r *rig) {
		for _, name := range []string{"cfg/server.cfg", "CFG/Server.CFG", "addons/sourcemod/configs/databases.cfg", "addons/sourcemod/data/admins.txt",
			"logs/L01.log", "maps/server.cfg", "maps/server.cfg.bz2", "cfg/server.cfg.bz2", "materials/x.ini", "bin/engine.so", "data/x.db", "lua/x.lua", "secret.vdf", "x.vpk",
			"cfg/motd.txt", ".git/config", "maps/.htaccess"} {
			r.put(name, secret)
		}
		r.put("maps/x.bsp", []byte("map"))
		put(t, filepath.Dir(r.game), "outside.bsp", secret, old())
		if runtime.GOOS != "windows" {
			for name, target := range map[string]string{"maps/link.txt": "../cfg/server.cfg", "maps/out.bsp": "../../outside.bsp", "sound": "cfg"} {
				if err := os.Symlink(target, filepath.Join(r.game, filepath.FromSlash(name))); err != nil {
					t.Fatal(err)
				}
			}
		}
	}, func(o *Options) {
		for i := range o.Trees {
			o.Trees[i].Include = []config.Pattern{"**"} // the operator's mistake
		}
	})
	tried := leaks()
	tried = append(tried, "cfg/motd.txt", ".git/config", "maps/.htaccess", "maps/link.txt", "maps/out.bsp", "sound/motd.txt", "maps/../../outside.bsp",
		"nul", "maps/con.bsp", "maps/aux", "c:/windows/win.ini", "maps/x.bsp%3a$DATA", "\\\\host\\share\\x.bsp", "/etc/passwd", "//etc/passwd", "..%2f..%2f..%2fetc%2fpasswd")
	if len(tried) < 100 {
		t.Fatalf("only %d spellings", len(tried))
	}
	for _, tree := range []string{"tf2", "cs"} {
		for _, p := range tried {
			p = strings.ReplaceAll(p, " ", "%20")
			res, body := r.get(tree + "/" + p)
			if bytes.Contains(body, secret) || res.StatusCode == 200 || res.StatusCode/100 == 3 {
				t.Errorf("%s: %d %q", p, res.StatusCode, body)
			}
			if res.StatusCode == 404 && len(body) != 0 {
				t.Errorf("%s: 404 with %q", p, body)
			}
		}
	}
	r.expect("tf2/maps/x.bsp", 200, []byte("map"))
	if misses, _ := r.Misses("tf2"); len(misses) > 0 {
		for _, m := range misses {
			if m.Reason == "denied" {
				t.Errorf("%s is reported as missing", m.Path)
			}
		}
	}
}

func FuzzFace(f *testing.F) {
	secret := []byte("rcon_password hunter2\n")
	r := newRig(f, func(r *rig) {
		r.put("cfg/server.cfg", secret)
		r.put("maps/x.bsp", []byte("map"))
		put(f, filepath.Dir(r.game), "outside.bsp", secret, old())
	}, func(o *Options) { o.Trees[0].Include = []config.Pattern{"**"} })
	for _, p := range append(leaks()[:50], "maps/x.bsp", "maps/../../outside.bsp") {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		req, err := http.NewRequest(http.MethodGet, "http://x/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.RequestURI = "/fastdl/tf2/" + p
		w := &recorder{header: http.Header{}}
		r.Service.ServeHTTP(w, req)
		if bytes.Contains(w.body.Bytes(), secret) || w.status == 404 && w.body.Len() > 0 || w.status == 200 && w.body.String() != "map" {
			t.Errorf("%q: %d %q", p, w.status, w.body.String())
		}
	})
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(p []byte) (int, error) { return w.body.Write(p) }

func TestRefererGuard(t *testing.T) {
	r := newRig(t, func(r *rig) { r.put("maps/x.bsp", []byte("map")) }, func(o *Options) {
		o.Trees[0].Referers = []string{"hl2://203.0.113.5:27015", "[2001:db8::1]:27015"}
		o.Trees[1].Referers, o.Trees[1].BlankReferer = []string{"203.0.113.5:27015"}, false
	})
	for _, tt := range []struct {
		tree, referer string
		status        int
	}{
		{"tf2", "", 200}, {"tf2", "hl2://203.0.113.5:27015", 200}, {"tf2", "HL2://203.0.113.5:27015/", 200}, {"tf2", "hl2://[2001:DB8::1]:27015", 200},
		{"tf2", "hl2://203.0.113.6:27015", 403}, {"tf2", "http://203.0.113.5:27015", 403}, {"tf2", "hl2://203.0.113.5:27015.evil", 403},
		{"cs", "", 403}, {"cs", "hl2://203.0.113.5:27015", 200},
	} {
		var header []string
		if tt.referer != "" {
			header = append(header, "Referer: "+tt.referer)
		}
		res, body := r.get(tt.tree+"/maps/x.bsp", header...)
		if res.StatusCode != tt.status || tt.status == 403 && len(body) > 0 {
			t.Errorf("%s from %q: %d, %q", tt.tree, tt.referer, res.StatusCode, body)
		}
	}
}

// A file that was just put there is served at once.
func TestNewFile(t *testing.T) {
	r := newRig(t, func(r *rig) { r.put("maps/x.bsp", []byte("map")) }, nil)
	r.expect("tf2/maps/new.bsp", 404, nil)
	r.put("maps/new.bsp", []byte("new"))
	r.expect("tf2/maps/new.bsp", 200, []byte("new"))
	big := noise(7, 20_000)
	r.put("maps/newer.bsp", big)
	r.expect("tf2/maps/newer.bsp.bz2", 404, nil)
	r.settle()
	if _, body := r.get("tf2/maps/newer.bsp.bz2"); !bytes.Equal(unpack(t, body), big) {
		t.Error("the compressed form of a new file")
	}
	if err := os.Remove(filepath.Join(r.game, "maps", "new.bsp")); err != nil {
		t.Fatal(err)
	}
	r.expect("tf2/maps/new.bsp", 404, nil)
	misses, err := r.Misses("tf2")
	if err != nil || len(misses) != 1 || misses[0].Path != "maps/new.bsp" || misses[0].Requests != 2 || misses[0].Reason != "missing" {
		t.Errorf("%+v, %v", misses, err)
	}
}

// A compressed file that is older than the plain one has something else in
// it; a fresh one is made.
func TestStaleCompressedFile(t *testing.T) {
	before, now := noise(8, 20_000), noise(9, 21_000)
	r := newRig(t, func(r *rig) {
		r.put("maps/x.bsp", now)
		put(t, r.game, "maps/x.bsp.bz2", compressed(t, before), old().Add(-24*time.Hour))
	}, nil)
	r.expect("tf2/maps/x.bsp.bz2", 404, nil)
	r.settle()
	if _, body := r.get("tf2/maps/x.bsp.bz2"); !bytes.Equal(unpack(t, body), now) {
		t.Error("the old content is served")
	}
}

// What a player got whole is told of, the beginning of a file as well: it is
// how a broken transfer would have begun.
func TestSent(t *testing.T) {
	wad := noise(2, 30_000)
	var sent atomic.Int64
	r := newRig(t, func(r *rig) { r.put("x.wad", wad) }, func(o *Options) { o.Sent = func() { sent.Add(1) } })
	for _, tt := range []struct {
		method, path, header string
		status               int
		counts               int64
	}{
		{"GET", "cs/x.wad", "Accept: */*", 200, 1},
		{"HEAD", "cs/x.wad", "Accept: */*", 200, 0},
		{"GET", "cs/x.wad", "Range: bytes=0-", 206, 1},
		{"GET", "cs/x.wad", "Range: bytes=100-", 206, 0},
		{"GET", "cs/x.wad", "Range: bytes=90000-", 416, 0},
		{"GET", "cs/none.wad", "Accept: */*", 404, 0},
		{"POST", "cs/x.wad", "Accept: */*", 405, 0},
		{"GET", "none/x.wad", "Accept: */*", 404, 0},
	} {
		before := sent.Load()
		res, _ := r.ask(tt.method, "/fastdl/"+tt.path, tt.header)
		// The count follows the last byte, and the connection ends after it.
		if got := sent.Load() - before; res.StatusCode != tt.status || got != tt.counts {
			t.Errorf("%s %s %s: %d, counted %d, want %d, %d", tt.method, tt.path, tt.header, res.StatusCode, got, tt.status, tt.counts)
		}
	}
}
