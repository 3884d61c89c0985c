package faults

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// slowLine passes connections on to addr, answers slowly, and counts their
// bytes.
func slowLine(t *testing.T, addr string) (at string, passed *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	passed = new(atomic.Int64)
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			go pass(in, addr, passed)
		}
	}()
	return l.Addr().String(), passed
}

func pass(in net.Conn, addr string, passed *atomic.Int64) {
	defer in.Close()
	out, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer out.Close()
	go func() { _, _ = io.Copy(out, in) }()
	block := make([]byte, 32<<10)
	for {
		n, err := out.Read(block)
		if _, werr := in.Write(block[:n]); werr != nil || err != nil {
			return
		}
		passed.Add(int64(n))
		time.Sleep(5 * time.Millisecond)
	}
}

// The peer is killed in the middle of a transfer and comes back. Each byte
// crosses the line about once.
func TestR9_PeerKilledDuringATransfer(t *testing.T) {
	t.Parallel()
	random := seed(t)
	steam := steamtest.New(t)
	newContents().offer(random, steam, 0x400, 10_000)
	data := steamtest.Zip(map[string]string{"old.lua": randomText(random, 8_000_000)})
	root := t.TempDir()
	writeFile(t, filepath.Join(root, oldName(0x400)), data)
	common := fmt.Sprintf("[steam]\napi_url = %q\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL())
	b := install(t, fmt.Sprintf("[workshop]\nroots = [%q]\n", root)+common)
	b.start()
	line, passed := slowLine(t, b.addr)
	a := install(t, common+peerBlock("http://"+line, "size", ""))
	a.start()
	eventually(t, 30*time.Second, "a third has come", func() bool {
		_, _, err := get(a.url("/" + oldName(0x400)))
		return err == nil && passed.Load() > int64(len(data)/3)
	})
	b.kill()
	at := passed.Load()
	if at >= int64(len(data)) {
		t.Fatal("the transfer was over before the peer was killed")
	}
	b.start()
	took := a.comes(oldName(0x400), data, 90*time.Second)
	if n := passed.Load(); n > int64(len(data))+1<<20 {
		t.Errorf("%d bytes crossed the line for a file of %d", n, len(data))
	}
	figures(t, "the peer was killed after %d of %d bytes: %d crossed the line in all, the version came %s later", at, len(data), passed.Load(), took.Round(time.Millisecond))
}
