package faults

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

const (
	downloads = 24 // items that Steam has
	folders   = 12 // folders that wait to be packed
	bigZip    = 2 << 20
	version   = 1348957670
)

// kills is how often the program is killed; QUARTERMASTER_TEST_KILLS changes it.
func kills(t *testing.T) int {
	text := os.Getenv("QUARTERMASTER_TEST_KILLS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestR1KilledWhileFetchingPackingAndServing kills the program at random
// moments while it downloads, packs and serves. After each start a 200 is
// always a whole zip with the one content that belongs to its name, and in
// the end everything is there.
func TestR1KilledWhileFetchingPackingAndServing(t *testing.T) {
	r := seed(t)
	steam := steamtest.New(t)
	want := newContents()
	for i := range downloads {
		content := steamtest.Zip(map[string]string{"lua/a.lua": randomText(r, bigZip), "n.txt": fmt.Sprint(i)})
		id := uint64(0x10000 + i)
		steam.Put(steamtest.Item{ID: id, Updated: version, Title: fmt.Sprintf("Item %d", i), Content: content})
		want.put(name(id), content)
	}
	root := t.TempDir()
	for i := range folders {
		id := uint64(0x20000 + i)
		writeFolder(t, r, filepath.Join(root, fmt.Sprintf("m%x_%d", id, version)))
		want.put(name(id), nil) // any whole zip, but always the same one
	}
	time.Sleep(11 * time.Second) // the folders must have come to rest
	p := install(t, fmt.Sprintf(`[steam]
api_url = %q
[workshop]
roots = [%q]
[workshop.retention]
min_free = "1MB"
`, steam.URL(), root))

	n := kills(t)
	for i := range n {
		p.start()
		after := time.Duration(r.Int64N(int64(900 * time.Millisecond)))
		poll(t, p, want, time.Now().Add(after))
		p.kill()
		if t.Failed() {
			t.Fatalf("after kill %d of %d", i+1, n)
		}
	}
	p.start()
	deadline := time.Now().Add(60 * time.Second)
	for want.missing() > 0 && time.Now().Before(deadline) && !t.Failed() {
		poll(t, p, want, time.Now().Add(200*time.Millisecond))
	}
	if left := want.missing(); left > 0 {
		t.Errorf("%d of %d mods are still not there", left, downloads+folders)
	}
	t.Logf("%d kills, %d whole zips answered with 200, all of %d mods there at the end", n, want.served(), downloads+folders)
	noLeftovers(t, p)
}

// poll asks for everything from eight connections until the deadline.
func poll(t *testing.T, p *program, want *contents, until time.Time) {
	t.Helper()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for time.Now().Before(until) {
				name := want.pick()
				status, body, err := get(p.url("/" + name))
				if err != nil {
					continue // killed in the middle: a cut answer is no answer
				}
				switch status {
				case http.StatusOK:
					if err := want.check(name, body); err != nil {
						t.Error(err)
						return
					}
				case http.StatusAccepted:
				default:
					t.Errorf("%s: status %d: %.200s", name, status, body)
					return
				}
			}
		})
	}
	wg.Wait()
}

// contents is what each name must hold, and what was seen of it.
type contents struct {
	mu    sync.Mutex
	names []string
	sums  map[string]string // "" = the first whole zip decides
	seen  map[string]int
	turn  int
}

func newContents() *contents {
	return &contents{sums: map[string]string{}, seen: map[string]int{}}
}

func (c *contents) put(name string, content []byte) {
	c.names = append(c.names, name)
	if content != nil {
		c.sums[name] = sum(content)
	}
}

func (c *contents) pick() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn++
	return c.names[c.turn%len(c.names)]
}

func (c *contents) check(name string, body []byte) error {
	if err := whole(body); err != nil {
		return fmt.Errorf("%s: answered 200 with a broken zip of %d bytes: %w", name, len(body), err)
	}
	got := sum(body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if want := c.sums[name]; want != "" && want != got {
		return fmt.Errorf("%s: answered 200 with other bytes than its own: %s, want %s", name, got, want)
	}
	c.sums[name] = got
	c.seen[name]++
	return nil
}

func (c *contents) missing() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.names) - len(c.seen)
}

func (c *contents) served() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range c.seen {
		n += times
	}
	return n
}

// whole reads every entry, which checks every CRC.
func whole(b []byte) error {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
	}
	return nil
}

// noLeftovers fails when a temporary file of a killed process is still there.
func noLeftovers(t *testing.T, p *program) {
	t.Helper()
	p.kill()
	p.start() // sweeps
	p.kill()
	err := filepath.WalkDir(filepath.Join(p.data(), "blobs"), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && filepath.Ext(path) != ".zip" {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func name(id uint64) string { return fmt.Sprintf("m%x_%d.zip", id, version) }

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// randomText is as long as asked and does not compress away.
func randomText(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(32 + r.UintN(90))
	}
	return string(b)
}

func writeFolder(t *testing.T, r *rand.Rand, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "maps"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := os.WriteFile(filepath.Join(dir, "maps", fmt.Sprintf("f%02d.txt", i)), []byte(randomText(r, 100_000)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
