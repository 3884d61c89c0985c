package demosink

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/db"
)

// roomyBlobs is a store whose disk has as much room as the test says.
type roomyBlobs struct {
	blob.Store
	free *atomic.Int64
}

func (b roomyBlobs) Free(context.Context) (int64, error) { return b.free.Load(), nil }

// The disk comes below its floor while streams run: for a new one the
// recordings that may go are deleted in their order, it is refused where that
// is not enough, and what runs goes on and is noted in the database.
func TestR4_FloorUnderStreams(t *testing.T) {
	players := 20
	if os.Getenv("QUARTERMASTER_TEST_LONG") == "1" {
		players = 500
	}
	const floor = 1 << 30
	var free atomic.Int64
	free.Store(2 * floor)
	removed := make(chan string, 10)
	r, ids, clock := keeping(t, lite(t), func(o *Options) {
		o.Blobs, o.MinFree = roomyBlobs{o.Blobs, &free}, floor
		keys := directory{}
		for i := range players + 2 {
			keys[fmt.Sprint("MB-", i)] = Caller{Account: int64(i + 10), SteamID: aliceID}
		}
		o.Accounts = keys
		o.Audit = func(_ context.Context, _ *db.Tx, action, target, _ string) error {
			if action == "demo.prune" {
				removed <- target
				free.Add(10_000)
			}
			return nil
		}
	})
	sessions, conns := make([]string, players), make([]net.Conn, players)
	for i := range players {
		key := fmt.Sprint("MB-", i)
		sessions[i] = r.open(key)
		conns[i] = r.rawHandshake(key, sessions[i])
	}
	stored := func(n int64) {
		t.Helper()
		pass(t, clock, 100*time.Millisecond, "all bytes are noted", func() bool {
			for _, id := range sessions {
				if r.row(id).Received != n {
					return false
				}
			}
			return true
		})
	}
	send := func() {
		t.Helper()
		for _, c := range conns {
			if _, err := c.Write(frame(0x82, demo(5000))); err != nil {
				t.Fatal(err)
			}
		}
	}
	send()
	stored(5000)
	late := func(i int) string { return fmt.Sprint("/session_id?api_key=MB-", players+i, "&fake_ip=1&map=m") }
	free.Store(floor - 15_000)
	if status, text := r.ask("GET", late(0), ""); status != 200 {
		t.Errorf("a new one, for which room can be made: %d %s", status, text)
	}
	send()
	stored(10_000)
	if len(removed) != 2 {
		t.Fatalf("%d recordings went for 15 kB, want 2", len(removed))
	}
	if first, second := <-removed, <-removed; first != string(ids[4]) || second != string(ids[0]) {
		t.Errorf("%s and %s went; first goes what was analysed and is clean, then the oldest", first, second)
	}
	free.Store(0)
	r.want("GET", late(1), "", 507, "The disk of the server is almost full")
	send()
	stored(15_000)
	if len(r.Streams()) != players {
		t.Errorf("%d of %d streams run", len(r.Streams()), players)
	}
	t.Logf("figures: %d streams went on below the floor, 2 of 6 recordings went for 15 kB, a new one was refused without room", players)
}
