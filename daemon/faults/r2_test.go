package faults

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// The game unpacks a mod, and copies a zip, into an operator's folder while
// clients ask for both. They get nothing until all of it is there.
func TestR2_FolderStillBeingWritten(t *testing.T) {
	t.Parallel()
	random := seed(t)
	steam := steamtest.New(t)
	root := t.TempDir()
	folder := filepath.Join(root, fmt.Sprintf("mf01d_%d", version))
	writeFile(t, filepath.Join(folder, "first.lua"), []byte("--"))
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\n[workshop]\nroots = [%q]\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL(), root))
	p.start()

	content := steamtest.Zip(map[string]string{"a": randomText(random, 600_000)})
	want := newContents()
	want.put(name(0xc0b1), content)
	copied, err := os.Create(filepath.Join(root, name(0xc0b1)))
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	grown, err := os.Create(filepath.Join(folder, "grows.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer grown.Close()
	const steps = 28 // half a second each: longer than a folder must be quiet
	asked := 0
	for i := range steps {
		if _, err := copied.Write(content[len(content)*i/steps : len(content)*(i+1)/steps]); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(grown, "%d\n", i); err != nil {
			t.Fatal(err)
		}
		if i%4 == 0 {
			writeFile(t, filepath.Join(folder, fmt.Sprintf("f%02d.lua", i)), []byte(randomText(random, 1000)))
		}
		for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			asked++
			if status, body, err := get(p.url("/" + name(0xf01d))); err != nil || status != http.StatusAccepted {
				t.Fatalf("the folder that is being written: status %d, %v, %d bytes", status, err, len(body))
			}
			if !want.ask(t, p, name(0xc0b1)) { // 404 would end the client's attempts
				t.FailNow()
			}
		}
	}
	if err := grown.Close(); err != nil {
		t.Fatal(err)
	}
	var packed []byte
	took := eventually(t, 40*time.Second, "the folder is packed", func() bool {
		status, body, err := get(p.url("/" + name(0xf01d)))
		packed = body
		return err == nil && status == http.StatusOK
	})
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	if n := 2 + steps/4; len(z.File) != n {
		t.Errorf("%d files were packed, want %d", len(z.File), n)
	}
	if err := whole(packed); err != nil {
		t.Error(err)
	}
	eventually(t, 20*time.Second, "the copied zip is served", func() bool { return want.ask(t, p, name(0xc0b1)) && want.missing() == 0 })
	figures(t, "asked %d times while it was written: 0 half states; packed whole %d s after the last change", asked, int(took.Seconds()))
}
