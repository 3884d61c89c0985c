package demosink

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"testing"
)

// TestFramesCostNoMemory streams many frames and counts allocations.
func TestFramesCostNoMemory(t *testing.T) {
	r := newRig(t, lite(t), nil)
	id := r.open(alice)
	c := r.rawHandshake(alice, id)
	const size, perWrite, writes = 1 << 10, 256, 64
	frames := bytes.Repeat(frame(0x82, make([]byte, size)), perWrite)
	write := func(n int) {
		for range n {
			if _, err := c.Write(frames); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(4)
	r.spooled(id, 4*perWrite*size)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	write(writes)
	r.spooled(id, (4+writes)*perWrite*size)
	runtime.ReadMemStats(&after)
	// Looking at the spool costs something too.
	if perFrame := float64(after.Mallocs-before.Mallocs) / (writes * perWrite); perFrame > 0.5 {
		t.Errorf("%.2f allocations per frame", perFrame)
	}
}

// TestSilentStreamsAreSmall holds many connections that wait.
func TestSilentStreamsAreSmall(t *testing.T) {
	const n = 300
	keys := directory{}
	for i := range n {
		keys[fmt.Sprint("MB-", i)] = Caller{Account: int64(i + 1), SteamID: aliceID}
	}
	r := newRig(t, lite(t), func(o *Options) { o.Accounts = keys })
	ids := make([]string, n)
	for i := range n {
		ids[i] = r.open(fmt.Sprint("MB-", i))
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	conns := make([]net.Conn, n)
	for i := range n {
		conns[i] = r.rawHandshake(fmt.Sprint("MB-", i), ids[i])
		if _, err := conns[i].Write(frame(0x82, demo(2000))); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range ids {
		r.spooled(id, 2000)
	}
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	perStream := (int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse)) / n
	t.Logf("%d bytes per stream", perStream)
	if perStream > 32<<10 {
		t.Errorf("%d bytes per stream", perStream)
	}
}
