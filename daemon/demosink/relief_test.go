package demosink

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
)

// fastClock runs faster than the clock on the wall.
type fastClock struct {
	began time.Time
	times int
}

func (c fastClock) Now() time.Time {
	return c.began.Add(time.Since(c.began) * time.Duration(c.times))
}

func (c fastClock) After(d time.Duration) <-chan time.Time {
	return time.After(d / time.Duration(c.times))
}

// slowDisk is a disk that makes so many bytes per second of the wall's clock
// durable, one file after the other.
type slowDisk struct {
	durable.FS
	rate int64
	busy sync.Mutex
}

func (d *slowDisk) OpenFile(name string, flag int, perm fs.FileMode) (durable.File, error) {
	f, err := d.FS.OpenFile(name, flag, perm)
	if err != nil || filepath.Ext(name) != ".dem" {
		return f, err
	}
	return &slowFile{File: f, disk: d}, nil
}

type slowFile struct {
	durable.File
	disk  *slowDisk
	mu    sync.Mutex
	dirty int64
}

func (f *slowFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.File.Write(p)
	f.dirty += int64(n)
	return n, err
}

func (f *slowFile) Sync() error {
	f.mu.Lock()
	n := f.dirty
	f.dirty = 0
	f.mu.Unlock()
	f.disk.busy.Lock()
	defer f.disk.busy.Unlock()
	time.Sleep(time.Duration(n * int64(time.Second) / f.disk.rate)) // the disk works
	return f.File.Sync()
}

// Streams bring more than the disk takes. For a minute nobody is sent away:
// their clients are held up, and little is kept in memory. Then one has to go,
// and knows why; what it sent is there.
func TestR8_SlowDisk(t *testing.T) {
	clients, times := 32, 10
	if os.Getenv("QUARTERMASTER_TEST_LONG") == "1" {
		clients, times = 500, 1
	}
	disk := &slowDisk{FS: durable.Disk, rate: 5_000_000 * int64(times)}
	keys := directory{}
	for i := range clients {
		keys[fmt.Sprint("MB-", i)] = Caller{Account: int64(i + 1), SteamID: aliceID}
	}
	r := newRig(t, lite(t), func(o *Options) {
		o.Accounts, o.FS, o.Clock = keys, disk, fastClock{time.Now(), times}
	})
	before := inUse()
	senders := make([]*sender, clients)
	began := time.Now()
	for i := range senders {
		senders[i] = r.sender(fmt.Sprint("MB-", i), 32_000_000*times/clients)
	}
	first := make(chan *sender, clients)
	for _, s := range senders {
		go func() { s.told, s.err = io.ReadAll(s.conn); first <- s }()
	}
	wall := func(d time.Duration) time.Duration { return d / time.Duration(times) }
	select {
	case s := <-first:
		t.Fatalf("a stream ended after %s: %q %v", time.Since(began)*time.Duration(times), s.told, s.err)
	case <-time.After(wall(time.Minute - time.Second)):
	}
	taken := int64(0)
	for _, st := range r.Streams() {
		taken += st.Bytes
	}
	held := inUse() - before
	if most := int64(clients)*64<<10 + 64<<20; held > most {
		t.Errorf("%d bytes of memory, at most %d", held, most)
	}
	if most := 60*5_000_000 + int64(flowFirst) + int64(clients)*int64(len(chunk{})); taken > most {
		t.Errorf("%d bytes were taken, the disk had room for %d", taken, most)
	}
	var gone *sender
	select {
	case gone = <-first:
	case <-time.After(wall(time.Minute)):
		t.Fatal("nobody is ended after two minutes")
	}
	after := time.Since(began) * time.Duration(times)
	if !strings.Contains(string(gone.told), "\x03\xF5"+endSlow.reason) { // 1013
		t.Errorf("the first to go was told %q %v", gone.told, gone.err)
	}
	disk.busy.Lock()
	disk.rate = 1 << 40
	disk.busy.Unlock()
	for _, s := range senders {
		_ = s.conn.Close()
		<-s.done
	}
	r.stop()
	r.check(gone)
	t.Logf("figures: %d streams of 32 MB/s on a disk of 5 MB/s: %d MB taken in a minute, %d KiB of memory each, the first was told 1013 after %s",
		clients, taken/1e6, held>>10/int64(clients), after.Round(time.Second))
}

func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// sender is a client that sends at a rate if it may.
type sender struct {
	id   string
	conn net.Conn
	told []byte
	err  error
	done chan struct{}
}

// sender opens a session and sends blocks of its own number.
func (r *rig) sender(key string, rate int) *sender {
	r.t.Helper()
	s := &sender{id: r.open(key), done: make(chan struct{})}
	s.conn = r.rawHandshake(key, s.id)
	const block = 16 << 10
	f := frame(0x82, counted(s.id, block))
	go func() {
		defer close(s.done)
		for tick := time.NewTicker(time.Second * block / time.Duration(rate)); ; <-tick.C {
			if _, err := s.conn.Write(f); err != nil {
				tick.Stop()
				return
			}
		}
	}()
	return s
}

// counted is n bytes that belong to a session and nobody else.
func counted(id string, n int) []byte {
	var b []byte
	for i := 0; len(b) < n; i++ {
		b = binary.LittleEndian.AppendUint32(append(b, id...), uint32(i))
	}
	return b[:n]
}

// check looks at what there is of a stream that was ended.
func (r *rig) check(s *sender) {
	r.t.Helper()
	data, err := os.ReadFile(r.spool.path(SessionID(s.id)))
	block := counted(s.id, 16<<10)
	if err != nil || len(data) == 0 {
		r.t.Fatalf("%d bytes, %v", len(data), err)
	}
	for at := 0; at < len(data); at += len(block) {
		if part := data[at:min(len(data), at+len(block))]; !bytes.Equal(part, block[:len(part)]) {
			r.t.Fatalf("what is stored differs in the block at %d", at)
		}
	}
	if row := r.row(s.id); row.Received != int64(len(data)) || !row.Active {
		r.t.Errorf("%d bytes are noted of %d, active: %t", row.Received, len(data), row.Active)
	}
}
