package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestOpenLiteral(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "sub", "file")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"file.link": path, "sub.link": filepath.Dir(path)} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if runtime.GOOS == "linux" {
		f, decided, err := OpenLiteral(path)
		if err != nil || !decided {
			t.Fatalf("decided %v, %v", decided, err)
		}
		defer f.Close()
		if text, err := io.ReadAll(f); string(text) != "content" || f.Name() != path {
			t.Errorf("read %q, %v from %s", text, err, f.Name())
		}
		if _, decided, err := OpenLiteral(filepath.Join(dir, "none")); !decided || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("an absent file: decided %v, %v", decided, err)
		}
	}
	for _, name := range []string{"file.link", "sub.link/file"} {
		if f, decided, err := OpenLiteral(filepath.Join(dir, name)); f != nil || decided || err != nil {
			t.Errorf("%s: %v, decided %v, %v", name, f, decided, err)
		}
	}
}
