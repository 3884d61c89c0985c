package demosink

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

// BenchmarkStreams measures how fast streams reach the spool, scored and
// synced, through the whole server.
func BenchmarkStreams(b *testing.B) {
	for _, size := range []int{1 << 10, 16 << 10} {
		b.Run(fmt.Sprint(size>>10, "KiB"), func(b *testing.B) { benchmarkStreams(b, 8, size) })
	}
}

func benchmarkStreams(b *testing.B, clients, size int) {
	keys := directory{}
	for i := range clients {
		keys[fmt.Sprint("MB-", i)] = Caller{Account: int64(i + 1), SteamID: aliceID}
	}
	r := newRig(b, dbtest.SQLite(b), func(o *Options) { o.Accounts, o.Config.MaxSessionBytes = keys, 1<<40 })
	ids, conns := make([]string, clients), make([]net.Conn, clients)
	for i := range clients {
		key := fmt.Sprint("MB-", i)
		ids[i] = r.open(key)
		conns[i] = r.rawHandshake(key, ids[i])
	}
	batch := bytes.Repeat(frame(0x82, demo(size)), (1<<20)/size)
	b.SetBytes(1 << 20)
	b.ResetTimer()
	done := make(chan error)
	for i, c := range conns {
		go func() {
			for n := i; n < b.N; n += clients {
				if _, err := c.Write(batch); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range conns {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	for i, id := range ids {
		want := int64((b.N-i+clients-1)/clients) << 20
		eventually(b, "the bytes are written", func() bool {
			info, err := os.Stat(r.spool.path(SessionID(id)))
			return err == nil && info.Size() >= want
		})
	}
}
