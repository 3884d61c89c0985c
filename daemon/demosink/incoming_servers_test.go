package demosink

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestDemosTF(t *testing.T) {
	r := newRig(t, lite(t), nil)
	want := demo(40_000)
	send := func(fields ...string) (int, string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == "demo" {
				part, err := w.CreateFormFile("demo", fields[i+1])
				if err != nil {
					t.Fatal(err)
				}
				_, _ = part.Write(want)
				continue
			}
			_ = w.WriteField(fields[i], fields[i+1])
		}
		_ = w.Close()
		res, err := http.Post(r.base+"/upload", w.FormDataContentType(), &b)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	sum := sha256.Sum256(want)
	link := "STV available at: " + r.base + "/app/demos/" + string(contentID(sum[:]))
	if status, text := send("demo", "match.dem", "name", "match-2026.dem", "red", "RED", "blu", "BLU", "key", "nobody's"); status != 401 || text != "Invalid key" {
		t.Errorf("%d %q", status, text)
	}
	if status, text := send("key", "nobody's", "demo", "match.dem"); status != 401 || text != "Invalid key" {
		t.Errorf("%d %q", status, text)
	}
	if status, text := send("key", alice, "name", "x"); status != 400 || text != "No demo found in request" {
		t.Errorf("%d %q", status, text)
	}
	for range 2 {
		if status, text := send("demo", "match.dem", "name", "match-2026.dem", "red", "RED", "blu", "BLU", "key", alice); status != 200 || text != link {
			t.Errorf("%d %q, want %q", status, text, link)
		}
	}
	const cut = "--b\r\nContent-Disposition: form-data; name=\"demo\"; filename=\"a.dem\"\r\n\r\nHL2DEMO"
	res, err := http.Post(r.base+"/upload", "multipart/form-data; boundary=b", strings.NewReader(cut))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != 400 || string(text) != "The body did not come to its end" {
		t.Errorf("half a form: %d %q", res.StatusCode, text)
	}
	row := r.row(string(contentID(sum[:])))
	if row.Source != SourceDemosTF || row.Account != 1 || row.DemoName != "match-2026.dem" || row.SteamID != aliceID {
		t.Errorf("row %+v", row)
	}
	if left, _ := filepath.Glob(filepath.Join(r.uploads.dir, "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestMatchZy(t *testing.T) {
	r := newRig(t, lite(t), nil)
	want := append([]byte("PBDEMS2\x00"), demo(30_000)...)
	send := func(body []byte, headers ...string) (int, matchZyAnswer) {
		req, err := http.NewRequest("POST", r.base+"/api/v1/demos/matchzy", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var a matchZyAnswer
		_ = json.NewDecoder(res.Body).Decode(&a)
		return res.StatusCode, a
	}
	if status, _ := send(want, "MatchZy-FileName", "m.dem"); status != 401 {
		t.Errorf("without a key: %d", status)
	}
	status, a := send(want, "MatchZy-FileName", "2026_de_inferno.dem", "MatchZy-MatchId", "27", "MatchZy-MapNumber", "0", "My-Own-Header", alice)
	sum := sha256.Sum256(want)
	if status != 200 || a.Demo != contentID(sum[:]) || a.Known {
		t.Errorf("%d %+v", status, a)
	}
	if row := r.row(string(a.Demo)); row.Source != SourceMatchZy || row.DemoName != "2026_de_inferno.dem" || row.Account != 1 {
		t.Errorf("row %+v", row)
	}
	packed := zipOf(t, map[string][]byte{"x.dem": want})
	for _, auth := range []string{bob, "Bearer " + bob} {
		if status, a := send(packed, "Get5-FileName", "x.zip", "Authorization", auth); status != 200 || !a.Known {
			t.Errorf("%d %+v", status, a)
		}
	}
	if status, _ := send([]byte("<html>"), "X-API-Key", alice); status != 400 {
		t.Errorf("no demo: %d", status)
	}
}

// A file is pushed whole although the connection breaks in the middle of it.
func TestPush(t *testing.T) {
	r := newRig(t, lite(t), nil)
	x := r.site(t)
	want := demo(3 << 20)
	path := filepath.Join(t.TempDir(), "m.dem")
	if err := os.WriteFile(path, want, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	broken := &breaking{}
	p := Pusher{Server: x.server.URL, Key: x.keys["player"], Client: &http.Client{Transport: broken}}
	for i := range 2 {
		got, err := p.Push(context.Background(), f)
		if err != nil || got.Known != (i == 1) || !bytes.Equal(r.blob(string(got.Demo)), want) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if broken.pieces < 2 {
		t.Errorf("%d pieces", broken.pieces)
	}
	p.Key = "MB-nobody"
	if _, err := p.Push(context.Background(), f); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a wrong key: %v", err)
	}
}

// breaking cuts the first piece off in its middle.
type breaking struct{ pieces int }

func (b *breaking) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPatch {
		if b.pieces++; b.pieces == 1 {
			req.Body = io.NopCloser(io.LimitReader(req.Body, 1<<20))
		}
	}
	return http.DefaultTransport.RoundTrip(req)
}
