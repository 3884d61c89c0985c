package faults

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// The disk fills up to the last byte while downloads run. What is stored is
// still served, the problem is named, writes are refused with the reason, and
// all goes on by itself when there is space again.
func TestR3_FullDisk(t *testing.T) {
	t.Parallel()
	random := seed(t)
	steam := steamtest.New(t)
	disk := smallDisk(t, "8m")
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL()))
	p.data = disk
	p.start()
	p.admin()
	here := newContents()
	here.offer(random, steam, 0x100, 500_000)
	here.poll(t, p, time.Now().Add(20*time.Second))
	before := reads(t, p, here, time.Second)

	steam.SetDelay(500 * time.Millisecond) // so that the disk fills while bytes are awaited
	wanted := newContents()
	for id := range uint64(4) {
		wanted.offer(random, steam, 0x200+id, 600_000)
	}
	downloads := len(steam.Downloads())
	eventually(t, 10*time.Second, "the downloads begin", func() bool {
		wanted.ask(t, p, wanted.pick())
		return len(steam.Downloads()) >= downloads+1
	})
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	named := eventually(t, 10*time.Second, "the full disk is named", func() bool {
		wanted.poll(t, p, time.Now().Add(200*time.Millisecond), http.StatusForbidden, http.StatusNotFound)
		fill(t, ballast) // what aborted downloads gave back
		status, overview := p.problems()
		return has(status, "disk_low") && has(overview, "disk_low")
	})
	refusedWrites(t, p)
	during := reads(t, p, here, time.Second)
	wanted.poll(t, p, time.Now().Add(time.Second), http.StatusForbidden, http.StatusNotFound)
	left := len(leftovers(t, p))

	steam.SetDelay(0)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	within := 10 * time.Second
	if !long() { // other tests keep the machine busy
		within *= 2
	}
	wanted.poll(t, p, freed.Add(within), http.StatusNotFound)
	recovered := time.Since(freed)
	if n := wanted.missing(); n > 0 {
		t.Errorf("%d of 4 mods did not come within %s after there was space again", n, within)
	}
	if status, overview := p.problems(); has(status, "disk_low") || has(overview, "disk_low") {
		t.Error("the full disk is still named after there is space again")
	}
	p.must(http.StatusCreated, http.MethodPost, "/api/v1/keys", map[string]any{"label": "after"}, nil)
	if now := leftovers(t, p); len(now) > 0 {
		t.Errorf("left behind: %v", now)
	}
	if during < before/2 {
		t.Errorf("%d reads a second while the disk was full, %d before", during, before)
	}
	figures(t, "reads of stored mods went on at %.2f of normal (%d/s, %d/s), problem named after %d ms, temporary files while full: %d, recovered %d ms after space returned, 0 left",
		float64(during)/float64(before), during, before, named.Milliseconds(), left, recovered.Milliseconds())
}

// refusedWrites checks that nothing is acknowledged that cannot be kept.
func refusedWrites(t *testing.T, p *program) {
	t.Helper()
	var made struct{ Key string }
	for range 50 {
		status, err := p.call(http.MethodPost, "/api/v1/keys", map[string]any{"label": strings.Repeat("x", 60)}, &made)
		switch {
		case err != nil:
			t.Fatal(err)
		case status == http.StatusCreated:
			continue // the last pages of the log had room
		case status != http.StatusInsufficientStorage && status != http.StatusServiceUnavailable:
			t.Errorf("a write on the full disk got status %d, want 507 or 503", status)
		}
		return
	}
	t.Error("50 writes were acknowledged on a full disk")
}

// reads returns how often the stored mods were served within d, by four
// clients.
func reads(t *testing.T, p *program, c *contents, d time.Duration) int {
	t.Helper()
	var n atomic.Int64
	var wg sync.WaitGroup
	until := time.Now().Add(d)
	for range 4 {
		wg.Go(func() {
			for time.Now().Before(until) {
				name := c.pick()
				status, body, err := get(p.url("/" + name))
				if err == nil && status == http.StatusOK {
					err = c.check(name, body)
				}
				if err != nil || status != http.StatusOK {
					t.Errorf("%s: status %d, %v", name, status, err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return int(n.Load())
}

// A data directory that cannot be written to, or made, ends the start with
// the reason.
func TestR3_UnwritableDataDirectory(t *testing.T) {
	t.Parallel()
	p := install(t, "")
	if err := os.Mkdir(p.data, 0o755); err != nil {
		t.Fatal(err)
	}
	readOnly(t, p.data)
	if said := p.refused(); !strings.Contains(said, p.data) || !strings.Contains(said, "cannot be written to") || !strings.Contains(said, "hint:") {
		t.Errorf("unwritable: it says\n%s", said)
	}
	p.data = filepath.Join(p.config(), "data") // below a file
	if said := p.refused(); !strings.Contains(said, p.data) || !strings.Contains(said, "cannot be made") {
		t.Errorf("impossible: it says\n%s", said)
	}
	figures(t, "start refused with the path and a hint, 2 of 2")
}

// A taken port ends the start and names the holder.
func TestR3_TakenPort(t *testing.T) {
	t.Parallel()
	p := install(t, "")
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	other := httptest.NewUnstartedServer(http.NotFoundHandler())
	other.Listener = l
	other.Start()
	defer other.Close()
	holder := fmt.Sprintf("process %d", os.Getpid())
	if said := p.refused(); !strings.Contains(said, p.addr) || !strings.Contains(said, holder) || !strings.Contains(said, "hint:") {
		t.Errorf("it says\n%swant %s", said, holder)
	}
	if left, err := filepath.Glob(filepath.Join(p.data, "*-wal")); err != nil || len(left) > 0 {
		t.Errorf("the database was not closed: %v, %v", left, err)
	}
	figures(t, "start refused, the holder of the port named")
}

// More clients come than there are file handles. Whoever gets an answer gets
// a right one, nothing ends, and all is well again when they have gone.
func TestR3_TooFewFileHandles(t *testing.T) {
	t.Parallel()
	random := seed(t)
	steam := steamtest.New(t)
	want := newContents()
	want.offer(random, steam, 0x100, 8<<20) // more than sockets buffer
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\n[limits]\nmax_conns_per_ip = 1000\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL()))
	p.files = 64
	p.start()
	want.poll(t, p, time.Now().Add(20*time.Second))
	const clients = 150
	var whole, refused atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			switch status, body, err := get(p.url("/" + name(0x100))); {
			case err != nil || status == http.StatusAccepted:
				refused.Add(1)
			case status != http.StatusOK:
				t.Errorf("status %d", status)
			default:
				whole.Add(1)
				if err := want.check(name(0x100), body); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	took := eventually(t, 10*time.Second, "all is well again", func() bool {
		status, _, err := get(p.url("/readyz"))
		return err == nil && status == http.StatusOK
	})
	want.forget()
	want.poll(t, p, time.Now().Add(10*time.Second))
	if want.missing() > 0 {
		t.Error("the stored mod does not come any more")
	}
	figures(t, "%d clients with 64 file handles: %d got the mod whole, %d were told to come back or got nothing; ready again after %d ms",
		clients, whole.Load(), refused.Load(), took.Milliseconds())
}
