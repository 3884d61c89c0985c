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
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// version is the version of every item here.
const version = 1348957670

func name(id uint64) string { return fmt.Sprintf("m%x_%d.zip", id, version) }

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// contents is what each name must hold, and what was seen of it. It is safe
// for concurrent use.
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

// offer puts a new item of about size bytes into Steam.
func (c *contents) offer(r *rand.Rand, steam *steamtest.Steam, id uint64, size int) {
	content := steamtest.Zip(map[string]string{"lua/a.lua": randomText(r, size), "n.txt": fmt.Sprint(id)})
	steam.Put(steamtest.Item{ID: id, Updated: version, Title: fmt.Sprintf("Item %x", id), Content: content})
	c.put(name(id), content)
}

// put adds a name; with nil content any whole zip will do, but always the
// same one.
func (c *contents) put(name string, content []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names = append(c.names, name)
	if content != nil {
		c.sums[name] = sum(content)
	}
}

// pick returns the names in turn, every other time one of the latest.
func (c *contents) pick() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn++
	if latest := min(len(c.names), 8); c.turn%2 == 0 {
		return c.names[len(c.names)-1-c.turn/2%latest]
	}
	return c.names[c.turn/2%len(c.names)]
}

// check says what is wrong with a body that came with status 200.
func (c *contents) check(name string, body []byte) error {
	got := sum(body)
	c.mu.Lock()
	defer c.mu.Unlock()
	want := c.sums[name]
	if want == "" {
		if err := whole(body); err != nil {
			return fmt.Errorf("%s: answered 200 with a broken zip of %d bytes: %w", name, len(body), err)
		}
		c.sums[name], want = got, got
	}
	if want != got {
		return fmt.Errorf("%s: answered 200 with other bytes than its own: %s, want %s", name, got, want)
	}
	c.seen[name]++
	return nil
}

// missing returns how many were never served.
func (c *contents) missing() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.names) - len(c.seen)
}

// forget begins to count anew.
func (c *contents) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.seen)
}

// served returns how many whole zips came.
func (c *contents) served() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range c.seen {
		n += times
	}
	return n
}

// poll asks for everything from eight connections until the deadline or until
// all has been seen, and fails on any answer that is neither 200 with the
// right bytes nor one of the statuses. A cut answer is no answer: the program
// may be killed meanwhile.
func (c *contents) poll(t *testing.T, p *program, until time.Time, statuses ...int) {
	t.Helper()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for time.Now().Before(until) && c.missing() > 0 {
				if !c.ask(t, p, c.pick(), statuses...) {
					return
				}
			}
		})
	}
	wg.Wait()
}

// ask makes one request of poll.
func (c *contents) ask(t *testing.T, p *program, name string, statuses ...int) (ok bool) {
	t.Helper()
	status, body, err := get(p.url("/" + name))
	if err != nil {
		return true
	}
	if status == http.StatusOK {
		if err := c.check(name, body); err != nil {
			t.Error(err)
			return false
		}
		return true
	}
	for _, s := range append(statuses, http.StatusAccepted) {
		if status == s {
			return true
		}
	}
	t.Errorf("%s: status %d: %.200s", name, status, body)
	return false
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

// leftovers returns the files in the store that are no zips: what a writer
// left behind.
func leftovers(t testing.TB, p *program) (left []string) {
	t.Helper()
	err := filepath.WalkDir(p.blob(""), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && (filepath.Ext(path) != ".zip" || filepath.Base(filepath.Dir(path)) == "incoming") {
			left = append(left, path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return left
}

// randomText is as long as asked and does not compress away.
func randomText(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := 0; i < n; i += 8 {
		x := r.Uint64()
		for j := i; j < min(i+8, n); j++ {
			b[j] = byte(' ' + x&0x3f)
			x >>= 8
		}
	}
	return string(b)
}

// writeFolder makes an unpacked mod of 20 files.
func writeFolder(t *testing.T, r *rand.Rand, dir string, size int) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "maps"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		file := filepath.Join(dir, "maps", fmt.Sprintf("f%02d.txt", i))
		if err := os.WriteFile(file, []byte(randomText(r, size/20)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
