package faults

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// The program is asked to stop while it fetches from Steam and while twenty
// clients download slowly. It ends in time and with code 0, no client takes a
// part for the whole, and a second request ends it at once.
func TestR20_StopWhileDownloading(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		leaveOut(t, "there are no signals on this system")
	}
	random := seed(t)
	steam := steamtest.New(t)
	want := newContents()
	want.offer(random, steam, 0x100, 24<<20) // more than sockets buffer
	for i := range uint64(20) {
		steam.Put(steamtest.Item{ID: 0x200 + i, Updated: version, File: steamtest.Stall,
			Content: steamtest.Zip(map[string]string{"a": randomText(random, 50_000)})})
	}
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL()))
	p.start()
	want.poll(t, p, time.Now().Add(20*time.Second))

	busy := func() *slowClients {
		eventually(t, 10*time.Second, "fetches are under way", func() bool {
			for i := range uint64(20) {
				want.ask(t, p, name(0x200+i), http.StatusNotFound)
			}
			var s struct{ Queue struct{ Running int } }
			p.must(http.StatusOK, http.MethodGet, "/api/v1/mods/status", nil, &s)
			return s.Queue.Running == 4
		})
		return startSlowClients(t, p, 20)
	}
	clients := busy()
	took, code := p.stop()
	if took > 10*time.Second || code != 0 {
		t.Errorf("stopped after %s with exit code %d, want at most 10 s and 0", took, code)
	}
	full, cut := clients.wait()
	if left := leftovers(t, p); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	p.start()
	want.forget()
	want.poll(t, p, time.Now().Add(20*time.Second))
	clients = busy()
	p.signal(syscall.SIGTERM)
	time.Sleep(200 * time.Millisecond)
	again := time.Now()
	p.signal(syscall.SIGTERM)
	second, code := p.ended(again)
	if second > time.Second || code == 0 {
		t.Errorf("after the second request: ended after %s with exit code %d, want at once and not 0", second, code)
	}
	clients.wait()
	p.start()
	want.forget()
	want.poll(t, p, time.Now().Add(20*time.Second))
	if want.missing() > 0 {
		t.Error("the stored mod is gone")
	}
	figures(t, "stopped %d ms after SIGTERM with code 0; of 20 slow clients %d got all and %d knew that they were cut off; second signal: ended after %d ms",
		took.Milliseconds(), full, cut, second.Milliseconds())
}

// slowClients download a mod slowly.
type slowClients struct {
	t         *testing.T
	wg        sync.WaitGroup
	full, cut atomic.Int64
}

// startSlowClients returns when n clients have the header of the answer.
func startSlowClients(t *testing.T, p *program, n int) *slowClients {
	t.Helper()
	s := &slowClients{t: t}
	var begun sync.WaitGroup
	for range n {
		begun.Add(1)
		s.wg.Go(func() {
			res, err := client.Get(p.url("/" + name(0x100)))
			begun.Done()
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			s.read(res)
		})
	}
	begun.Wait()
	return s
}

// read takes 256 KiB ten times a second until the answer ends.
func (s *slowClients) read(res *http.Response) {
	length, err := strconv.ParseInt(res.Header.Get("Content-Length"), 10, 64)
	if err != nil || res.StatusCode != http.StatusOK {
		s.t.Errorf("status %d, %v", res.StatusCode, err)
		return
	}
	var total int64
	for {
		n, err := io.CopyN(io.Discard, res.Body, 256<<10)
		total += n
		switch {
		case err == nil:
			time.Sleep(100 * time.Millisecond)
			continue
		case errors.Is(err, io.EOF) && total == length:
			s.full.Add(1)
		case errors.Is(err, io.EOF):
			s.t.Errorf("an answer of %d bytes ended after %d as if it were whole", length, total)
		default:
			s.cut.Add(1)
		}
		return
	}
}

func (s *slowClients) wait() (full, cut int64) {
	s.wg.Wait()
	return s.full.Load(), s.cut.Load()
}
