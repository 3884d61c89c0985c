package demosink

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// site serves the API of a sink to real accounts.
type site struct {
	t      *testing.T
	server *httptest.Server
	keys   map[string]string // by name
}

// site makes an account for each role, which is its name too.
func (r *rig) site(t *testing.T) *site {
	t.Helper()
	acc := accounts.New(accounts.Options{DB: r.o.DB, DataDir: t.TempDir()})
	srv, err := web.New(web.Options{Limits: config.Limits{PerIPRPS: 1e6}})
	if err != nil {
		t.Fatal(err)
	}
	acc.Register(srv)
	r.Register(srv)
	x := &site{t: t, server: httptest.NewServer(srv), keys: map[string]string{}}
	t.Cleanup(x.server.Close)
	for _, role := range []accounts.Role{accounts.RolePlayer, accounts.RoleModerator, accounts.RoleAnalyst, accounts.RoleAdmin} {
		a, err := acc.Create(context.Background(), "the "+cmp.Or(string(role), "player"), "correct battery staple", role)
		if err != nil {
			t.Fatal(err)
		}
		_, key, err := acc.CreateKey(context.Background(), accounts.NewKey{AccountID: a.ID})
		if err != nil {
			t.Fatal(err)
		}
		x.keys[cmp.Or(string(role), "player")] = key
	}
	return x
}

// ask sends a request in somebody's name; "" is a guest.
func (x *site) ask(who, method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	x.t.Helper()
	req, err := http.NewRequest(method, x.server.URL+path, body)
	if err != nil {
		x.t.Fatal(err)
	}
	if who != "" {
		req.Header.Set("X-API-Key", x.keys[who])
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return res, string(b)
}

// want asks and compares the status; the answer is read into v unless it is nil.
func (x *site) want(status int, v any, who, method, path string, body io.Reader, headers ...string) *http.Response {
	x.t.Helper()
	res, text := x.ask(who, method, path, body, headers...)
	if res.StatusCode != status {
		x.t.Fatalf("%s %s as %q: %d %s, want %d", method, path, who, res.StatusCode, text, status)
	}
	if v != nil {
		if err := json.Unmarshal([]byte(text), v); err != nil {
			x.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return res
}

func zipOf(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (r *rig) take(t *testing.T, data []byte, a Arrival) (Session, bool, error) {
	t.Helper()
	return r.Take(context.Background(), bytes.NewReader(data), int64(len(data)), a)
}

func TestTake(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d, nil)
		want := withLate(demo(200_000))
		end := time.Date(2026, 11, 1, 20, 0, 0, 0, time.UTC)
		sess, known, err := r.take(t, want, Arrival{Name: "a.dem", Source: SourcePush, Account: 7, SteamID: aliceID, EndAt: end})
		if err != nil || known {
			t.Fatalf("%t, %v", known, err)
		}
		sum := sha256.Sum256(want)
		row := r.row(string(sess.ID))
		if row.Source != SourcePush || row.Account != 7 || row.SteamID != aliceID || row.DemoName != "a.dem" || row.Active || row.Owner != "" ||
			row.Map != "pl_pier" || row.Player != "player" || row.Ticks != 110503 || row.Size != 200_000 || !row.HasSize || !row.HasScore ||
			!bytes.Equal(row.SHA256, sum[:]) || !row.EndAt.Equal(end) || end.Sub(row.StartAt).Round(time.Second) != 1658*time.Second {
			t.Errorf("row %+v", row)
		}
		if !bytes.Equal(r.blob(string(sess.ID)), want) {
			t.Error("the blob is another one")
		}
		for what, data := range map[string][]byte{
			"the same": want, "as zip": zipOf(t, map[string][]byte{"d/A.DEM": want, "readme.txt": nil}), "as gzip": gzipOf(t, want), "as bzip2": bzip2Of(t, want),
		} {
			if again, known, err := r.take(t, data, Arrival{Source: SourceUpload}); err != nil || !known || again.ID != sess.ID {
				t.Errorf("%s: %s %t %v", what, again.ID, known, err)
			}
		}
		cs := append([]byte("PBDEMS2\x00"), bytes.Repeat([]byte{0}, 100_000)...)
		if sess, _, err := r.take(t, cs, Arrival{Source: SourceMatchZy}); err != nil || sess.Suspicion != "" || sess.Format != "PBDEMS2" {
			t.Errorf("Source 2: %+v, %v", sess, err)
		}
	})
}

func TestTakeNothingElse(t *testing.T) {
	r := newRig(t, lite(t), func(o *Options) { o.Config.MaxSessionBytes = 1 << 20 })
	whole := demo(50_000)
	packed := zipOf(t, map[string][]byte{"a.dem": whole})
	bomb := make([]byte, 4<<20)
	copy(bomb, "HL2DEMO\x00")
	for what, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing": {nil, ErrNoDemo}, "a text": {[]byte("this is a text about demos"), ErrNoDemo},
		"a zip without": {zipOf(t, map[string][]byte{"a.txt": whole}), ErrNoDemo},
		"a zip of lies": {zipOf(t, map[string][]byte{"a.dem": []byte("text")}), ErrNoDemo},
		"two in a zip":  {zipOf(t, map[string][]byte{"a.dem": whole, "b.dem": whole}), ErrManyDemos},
		"half a zip":    {packed[:len(packed)/2], ErrPacking}, "half a gzip": {gzipOf(t, whole)[:10_000], ErrPacking},
		"no bzip2":   {[]byte("BZh9 and more that is none"), ErrPacking},
		"a zip bomb": {zipOf(t, map[string][]byte{"a.dem": bomb}), ErrDemoSize}, "too large": {demo(1<<20 + 1), ErrDemoSize},
	} {
		if _, _, err := r.take(t, c.data, Arrival{Source: SourcePush}); err == nil || fault.Public(err) != fault.Public(c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	if files, err := r.stored(context.Background()); err != nil || len(files.all) > 0 {
		t.Errorf("stored: %+v, %v", files, err)
	}
}

// An upload goes on where it stopped, in another process too, and what an
// offset counted is there.
func TestUpload(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d, nil)
		x := r.site(t)
		want := demo(300_000)
		sum := sha256.Sum256(want)
		begin := fmt.Sprintf(`{"name":"m.dem","size":300000,"sha256":"%x"}`, sum)
		var up uploadView
		res := x.want(201, &up, "player", "POST", uploadsPath, strings.NewReader(begin))
		at := res.Header.Get("Location")
		if up.Offset != 0 || at != uploadsPath+"/"+up.ID {
			t.Fatalf("%+v %s", up, at)
		}
		x.want(401, nil, "", "PATCH", at, bytes.NewReader(want), headerOffset, "0")
		x.want(404, nil, "moderator", "GET", at, nil)
		x.want(400, nil, "player", "PATCH", at, bytes.NewReader(want))
		if res := x.want(200, nil, "player", "PATCH", at, bytes.NewReader(want[:100_000]), headerOffset, "0"); res.Header.Get(headerOffset) != "100000" {
			t.Errorf("offset %q", res.Header.Get(headerOffset))
		}
		if res := x.want(409, nil, "player", "PATCH", at, bytes.NewReader(want[:9]), headerOffset, "0"); res.Header.Get(headerOffset) != "100000" {
			t.Errorf("offset %q", res.Header.Get(headerOffset))
		}
		// The connection breaks within a piece.
		ctx, cancel := context.WithCancel(context.Background())
		body, feed := io.Pipe()
		req, _ := http.NewRequestWithContext(ctx, "PATCH", x.server.URL+at, body)
		req.Header.Set("X-API-Key", x.keys["player"])
		req.Header.Set(headerOffset, "100000")
		done := make(chan struct{})
		go func() {
			defer close(done)
			if res, err := http.DefaultClient.Do(req); err == nil {
				_ = res.Body.Close()
			}
		}()
		_, _ = feed.Write(want[100_000:220_000])
		path := r.uploads.path(up.ID)
		eventually(t, "the piece is written", func() bool { info, err := os.Stat(path); return err == nil && info.Size() >= 200_000 })
		cancel()
		_ = feed.CloseWithError(context.Canceled)
		<-done
		eventually(t, "the piece is noted", func() bool {
			x.want(200, &up, "player", "GET", at, nil)
			return up.Offset > 100_000
		})
		r.restart()
		y := r.site2(t, x)
		head := y.want(200, nil, "player", "HEAD", at, nil)
		if head.Header.Get(headerOffset) != fmt.Sprint(up.Offset) {
			t.Errorf("offset %s, want %d", head.Header.Get(headerOffset), up.Offset)
		}
		y.want(200, &up, "player", "PATCH", at, bytes.NewReader(want[up.Offset:]), headerOffset, fmt.Sprint(up.Offset))
		if up.Demo == "" || !bytes.Equal(r.blob(string(up.Demo)), want) {
			t.Fatalf("%+v", up)
		}
		id := up.Demo
		y.want(200, &up, "player", "GET", at, nil)
		if up.Demo != id {
			t.Errorf("afterwards: %+v", up)
		}
		up = uploadView{}
		if y.want(201, &up, "player", "POST", uploadsPath, strings.NewReader(begin)); up.Demo != id || up.ID != "" {
			t.Errorf("once more: %+v", up)
		}
	})
}

// site2 serves a sink that was restarted to the same accounts.
func (r *rig) site2(t *testing.T, old *site) *site {
	t.Helper()
	acc := accounts.New(accounts.Options{DB: r.o.DB, DataDir: t.TempDir()})
	srv, err := web.New(web.Options{Limits: config.Limits{PerIPRPS: 1e6}})
	if err != nil {
		t.Fatal(err)
	}
	acc.Register(srv)
	r.Register(srv)
	x := &site{t: t, server: httptest.NewServer(srv), keys: old.keys}
	t.Cleanup(x.server.Close)
	return x
}

func TestUploadRefused(t *testing.T) {
	var clock *durabletest.Clock
	r := newRig(t, lite(t), fakeClock(&clock))
	ctx, c := context.Background(), Caller{Account: 1}
	for range maxUploads {
		if _, err := r.BeginUpload(ctx, c, "a", 10, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.BeginUpload(ctx, c, "a", 10, nil); !fault.Is(err, fault.TooMany) {
		t.Errorf("one more: %v", err)
	}
	if _, err := r.BeginUpload(ctx, c, "a", int64(r.config.MaxSessionBytes)+1, nil); !fault.Is(err, fault.TooLarge) {
		t.Errorf("too large: %v", err)
	}
	c.Account = 2
	up, err := r.BeginUpload(ctx, c, "a", 12, bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.AppendUpload(ctx, c, up.ID, 0, strings.NewReader("HL2DEMO\x00abcd")); !fault.Is(err, fault.Invalid) {
		t.Errorf("another sum: %v", err)
	}
	if _, err := r.Upload(ctx, c, up.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("it is still there: %v", err)
	}
	for _, id := range []string{"", "../../x", strings.Repeat("a", 25), strings.Repeat("A", 26), strings.Repeat("a", 26)} {
		if _, err := r.AppendUpload(ctx, c, id, 0, strings.NewReader("x")); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	clock.Advance(uploadFor)
	eventually(t, "all are forgotten", func() bool { // what the sweeper of the sink has in hand is left to it
		if err := r.sweepUploads(ctx); err != nil {
			t.Fatal(err)
		}
		all, err := r.store.uploads(ctx)
		left, _ := filepath.Glob(filepath.Join(r.uploads.dir, "*"))
		return err == nil && len(all)+len(left) == 0
	})
}

// A process that dies after the last byte leaves an upload that the next one
// finishes.
func TestUploadFinishedAtTheNextStart(t *testing.T) {
	r := newRig(t, lite(t), nil)
	ctx, want := context.Background(), demo(90_000)
	up, err := r.BeginUpload(ctx, Caller{Account: 1}, "a", int64(len(want)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if up.Received, err = r.receive(ctx, up, bytes.NewReader(want)); err != nil {
		t.Fatal(err)
	}
	r.restart()
	eventually(t, "it is a recording", func() bool {
		u, err := r.Upload(ctx, Caller{Account: 1}, up.ID)
		return err == nil && u.Demo != "" && bytes.Equal(r.blob(string(u.Demo)), want)
	})
}

func TestWatch(t *testing.T) {
	var clock *durabletest.Clock
	dir := t.TempDir()
	r := newRig(t, lite(t), func(o *Options) { fakeClock(&clock)(o); o.Config.Watch = []string{dir} })
	put := func(name string, data []byte, at time.Time) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o444); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	find := func(data []byte) (Session, bool) {
		sum := sha256.Sum256(data)
		s, err := r.store.bySHA256(context.Background(), sum[:])
		return s, err == nil
	}
	start := clock.Now()
	old, growing, secret := demo(60_000), demo(70_000), demo(80_000)
	outside := filepath.Join(t.TempDir(), "s.dem")
	if err := os.WriteFile(outside, secret, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.dem")); err != nil {
		t.Fatal(err)
	}
	put("tv/2026/old.dem", old, start.Add(-time.Hour))
	put("notes.txt", demo(1100), start.Add(-time.Hour))
	put("broken.dem", []byte("no demo at all"), start.Add(-time.Hour))
	put("growing.dem", growing[:30_000], start)
	pass(t, clock, watchEvery, "the old one is taken in", func() bool { _, ok := find(old); return ok })
	if s, _ := find(old); s.Source != SourceWatch || s.DemoName != "old.dem" || !s.EndAt.Equal(start.Add(-time.Hour)) {
		t.Errorf("row %+v", s)
	}
	if err := os.Remove(filepath.Join(dir, "growing.dem")); err != nil {
		t.Fatal(err)
	}
	put("growing.dem", growing, clock.Now())
	changed := clock.Now()
	pass(t, clock, time.Second, "the other is taken in once it is quiet", func() bool { _, ok := find(growing); return ok })
	if waited := clock.Now().Sub(changed); waited < quietFor {
		t.Errorf("it was quiet for %s only", waited)
	}
	if _, ok := find(secret); ok {
		t.Error("a link was followed")
	}
	if n := strings.Count(r.log.String(), "a watched file is not taken in"); n != 1 {
		t.Errorf("%d complaints about a file", n)
	}
	r.restart()
	if _, err := os.Stat(r.watcher.path); err != nil {
		t.Errorf("nothing is remembered: %v", err)
	}
}
