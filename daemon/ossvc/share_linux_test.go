package ossvc

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestShareLetsTheGroupRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc")
	if err := share(dir, os.Getgid()); err != nil {
		t.Errorf("a missing directory: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	for _, path := range []string{outside, filepath.Join(dir, "config.toml")} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := share(dir, os.Getgid()); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o750, filepath.Join(dir, "config.toml"): 0o640, outside: 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want || int(info.Sys().(*syscall.Stat_t).Gid) != os.Getgid() {
			t.Errorf("%s: %v, want %v", path, info.Mode(), want)
		}
	}
}
