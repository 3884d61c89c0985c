package demosink

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dsnet/compress/bzip2"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/demosink/anomaly"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func bzip2Of(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := bzip2.NewWriter(&b, &bzip2.WriterConfig{Level: bzip2.BestSpeed})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestBzip2 takes a demo packed by bzip2 in every way in which files come, and
// wants the bytes that were packed to be stored.
func TestBzip2(t *testing.T) {
	r := newRig(t, lite(t), nil)
	x := r.site(t)
	stored := func(way string, id SessionID, want []byte) {
		t.Helper()
		if got := r.blob(string(id)); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want %d", way, len(got), len(want))
		}
		if row := r.row(string(id)); row.Map != "pl_pier" || row.Size != int64(len(want)) {
			t.Errorf("%s: %+v", way, row)
		}
	}

	name, want := filepath.Join(t.TempDir(), "a.dem.bz2"), withLate(demo(1_500_000)) // more than a block
	if err := os.WriteFile(name, bzip2Of(t, want), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sess, known, err := r.TakeFile(t.Context(), f, Arrival{Name: "a.dem.bz2", Source: SourcePush})
	if err != nil || known {
		t.Fatalf("%t, %v", known, err)
	}
	stored("push", sess.ID, want)

	want = demo(200_000)
	packed := bzip2Of(t, want)
	var up uploadView
	res := x.want(201, &up, "player", "POST", uploadsPath, strings.NewReader(fmt.Sprintf(`{"name":"b.dem.bz2","size":%d}`, len(packed))))
	at := res.Header.Get("Location")
	x.want(200, &up, "player", "PATCH", at, bytes.NewReader(packed[:1000]), headerOffset, "0")
	x.want(200, &up, "player", "PATCH", at, bytes.NewReader(packed[1000:]), headerOffset, "1000")
	stored("upload", up.Demo, want)

	want = demo(210_000)
	var answer matchZyAnswer
	x.want(200, &answer, "player", "POST", "/api/v1/demos/matchzy", bytes.NewReader(bzip2Of(t, want)), "MatchZy-FileName", "c.dem.bz2")
	stored("matchzy", answer.Demo, want)

	damaged := bzip2Of(t, demo(220_000))
	damaged[len(damaged)/2] ^= 1
	if res, text := x.ask("player", "POST", "/api/v1/demos/matchzy", bytes.NewReader(damaged)); res.StatusCode != http.StatusBadRequest && res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("damaged: %d %s", res.StatusCode, text)
	}
	if files, err := r.stored(t.Context()); err != nil || len(files.all) != 3 {
		t.Errorf("%d files, %v", len(files.all), err)
	}
}

// FuzzUnpack wants every file to be a recording or to be refused as what it
// is: what a sender made is never an error of ours, nor larger than allowed.
func FuzzUnpack(f *testing.F) {
	whole := demo(3000)
	for _, seed := range [][]byte{
		nil, whole, []byte("PBDEMS2\x00"), []byte("PK\x03\x04"), []byte("BZh9"), {0x1F, 0x8B}, []byte("HL2DEMO\x00"),
		bzip2Of(f, whole), bzip2Of(f, whole)[:100], gzipOf(f, whole), gzipOf(f, whole)[:100], zipOf(f, map[string][]byte{"a.dem": whole}), zipOf(f, map[string][]byte{"a.txt": whole}),
		zipOf(f, map[string][]byte{"../a.DEM": bytes.Repeat([]byte{0}, 1<<17)}), gzipOf(f, gzipOf(f, whole)), append(gzipOf(f, whole), gzipOf(f, whole)...),
	} {
		f.Add(seed)
	}
	const most = 1 << 16
	s := &Service{config: config.Demos{MaxSessionBytes: most}, model: anomaly.Demos()}
	f.Fuzz(func(t *testing.T, data []byte) {
		open, err := unpacked(bytes.NewReader(data), int64(len(data)))
		var out outcome
		if err == nil {
			out, err = s.survey(context.Background(), open)
		}
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
				t.Fatalf("%v", err)
			}
			return
		}
		if out.size < 8 || out.size > most || len(out.sha256) != 32 {
			t.Errorf("%+v", out)
		}
		r, err := open() // once more: it is read twice
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if n, err := io.Copy(io.Discard, r); err != nil || n != out.size {
			t.Errorf("%d bytes the second time, %v; %d the first", n, err, out.size)
		}
	})
}

// FuzzDemosTFForm wants every form to be read or refused as a form, and
// nothing to be left behind.
func FuzzDemosTFForm(f *testing.F) {
	part := func(header, value string) string {
		return "--b\r\nContent-Disposition: form-data; " + header + "\r\n\r\n" + value + "\r\n"
	}
	for _, seed := range []string{
		"", "--b--", "--b\r\n", "--b\r\n\r\n", part(`name="key"`, "k") + "--b--", part(`name="demo"; filename="a.dem"`, string(demo(1072))) + part(`name="key"`, alice) + "--b--",
		part(`name="key"`, "nobody") + part(`name="demo"; filename="../a.dem"`, "x") + "--b--", part(`name="demo"`, "x") + part(`name="demo"`, "y") + "--b--",
		part(`name="demo"; filename="`, "x"), strings.Repeat(part(`name="a"`, ""), maxFormParts+1) + "--b--", part(`name="name"`, strings.Repeat("x", maxFormValue+1)) + "--b--",
		"--b\nContent-Disposition: form-data; name=\"demo\"\n\n",
		part("name=\"demo\"\r\nContent-Transfer-Encoding: quoted-printable", "=41") + "--b--",
	} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir()
	store, err := blob.OpenDisk(durable.Disk, filepath.Join(dir, "blobs"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = store.Close() })
	s, err := New(Options{
		Config: config.Demos{MaxSessionBytes: 1 << 16}, DB: dbtest.SQLite(f), Blobs: store, DataDir: dir,
		Accounts: directory{alice: {Account: 1, SteamID: aliceID}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		form, err := s.readDemosTF(t.Context(), multipart.NewReader(bytes.NewReader(body), "b"))
		if err != nil && fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.TooLarge && fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%v", err)
		}
		for name, value := range form.values {
			if len(value) > maxFormValue {
				t.Errorf("%q has %d bytes", name, len(value))
			}
		}
		if err := form.forget(); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(filepath.Join(s.uploads.dir, "*")); len(left) > 0 || len(s.direct) > 0 {
			t.Errorf("left: %v, %d slots", left, len(s.direct))
		}
	})
}
