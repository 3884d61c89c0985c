package workshop

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

func fastDLConfig(name string, roots ...string) config.FastDL {
	return config.FastDL{Name: name, Roots: roots, Profile: config.ProfileSource, Level: 9, LargeFile: 1 << 30, BlankReferer: true}
}

// Both faces answer on one listener: neither takes what is the other's.
func TestTwoFacesOnOneListener(t *testing.T) {
	game := t.TempDir()
	if err := os.Mkdir(filepath.Join(game, "maps"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(game, "maps", "m1_1.zip.bsp"), []byte("map"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _, base := server(t, func(c *config.Workshop) {
		c.Mount = "/ns2"
		c.FastDL = []config.FastDL{fastDLConfig("tf2", game), fastDLConfig("away", filepath.Join(game, "missing"))}
	})
	ask := func(path string) string {
		return raw(t, base, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	}
	for path, want := range map[string]string{
		"/fastdl/tf2/maps/m1_1.zip.bsp":   "\r\n\r\nmap",
		"//fastdl/tf2//maps/m1_1.zip.bsp": "\r\n\r\nmap",
		"/fastdl/tf2/m1_1.zip":            "Content-Length: 0",
		"//m1_1.zip.bsp":                  "Request not on the correct format",
		"/ns2/fastdl/tf2/x":               "Request not on the correct format",
		"/fastdlx/y":                      "404",
	} {
		if got := ask(path); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
	missing := func() bool {
		st, err := r.Status(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(st.Problems, func(p Problem) bool { return p.Code == "fastdl_root_missing" })
	}
	if !missing() {
		t.Error("a folder that is missing is no problem of the workshop")
	}
	c := r.config
	c.FastDL = []config.FastDL{fastDLConfig("cs", game)}
	r.Reload(c)
	for deadline := time.Now().Add(10 * time.Second); missing(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the trees are not reloaded")
		}
	}
	if got := ask("/fastdl/cs/maps/m1_1.zip.bsp"); !strings.HasSuffix(got, "\r\n\r\nmap") {
		t.Error(got)
	}
}
