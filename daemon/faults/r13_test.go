package faults

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// Links in an operator's folder that lead out of it, as names of zips, as
// folders and within folders, give nobody what they point to.
func TestR13_LinksOutOfAFolder(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		leaveOut(t, "links need a privilege on this system")
	}
	random := seed(t)
	steam := steamtest.New(t)
	outside, root := t.TempDir(), t.TempDir()
	secret := steamtest.Zip(map[string]string{"secret.txt": marker})
	writeFile(t, filepath.Join(outside, "secret.zip"), secret)
	writeFile(t, filepath.Join(outside, "folder", "secret.txt"), []byte(marker))
	links := map[string]string{
		name(0xb1):                              filepath.Join(outside, "secret.zip"),
		fmt.Sprintf("mb2_%d", version):          filepath.Join(outside, "folder"),
		fmt.Sprintf("mb3_%d/a.txt", version):    filepath.Join(outside, "folder", "secret.txt"),
		fmt.Sprintf("mb4_%d/more", version):     filepath.Join(outside, "folder"),
		name(0xb5):                              "../" + filepath.Base(outside) + "/secret.zip",
		fmt.Sprintf("mb6_%d/deep/up", version):  "../../../" + filepath.Base(outside) + "/folder/secret.txt",
		fmt.Sprintf("mb7_%d/passwd", version):   "/etc/passwd",
		fmt.Sprintf("mb8_%d/loop", version):     "loop",
		fmt.Sprintf("600d_%d/ignored", version): "nowhere",
	}
	for link, target := range links {
		path := filepath.Join(root, filepath.FromSlash(link))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
	}
	inside := steamtest.Zip(map[string]string{"a.lua": randomText(random, 1000)})
	writeFile(t, filepath.Join(root, "store", "good.zip"), inside)
	if err := os.Symlink(filepath.Join("store", "good.zip"), filepath.Join(root, name(0x600d))); err != nil {
		t.Fatal(err)
	}
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\n[workshop]\nroots = [%q]\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL(), root))
	p.start()
	asked := 0
	for end := time.Now().Add(12 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		for id := uint64(0xb1); id <= 0xb8; id++ {
			status, body, err := get(p.url("/" + name(id)))
			if err != nil || status != http.StatusAccepted && status != http.StatusNotFound || bytes.Contains(body, []byte(marker)) {
				if status != http.StatusOK || id != 0xb4 || leaks(body) {
					t.Fatalf("m%x: status %d, %v, %d bytes", id, status, err, len(body))
				}
			}
			asked++
		}
	}
	if status, body, err := get(p.url("/" + name(0x600d))); err != nil || status != http.StatusOK || !bytes.Equal(body, inside) {
		t.Errorf("a link within the folder: status %d, %v", status, err)
	}
	figures(t, "%d links that lead out, asked %d times: 0 files from outside; the link within the folder is followed", len(links)-1, asked)
}

// leaks reports whether a zip holds the marker in any form.
func leaks(body []byte) bool {
	return bytes.Contains(body, []byte(marker)) || whole(body) != nil || bytes.Contains(body, []byte("secret"))
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
