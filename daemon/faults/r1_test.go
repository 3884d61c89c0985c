package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// kills is how often a program is killed; QUARTERMASTER_TEST_KILLS changes it.
func kills(t *testing.T) int {
	text := os.Getenv("QUARTERMASTER_TEST_KILLS")
	if text == "" {
		return 12
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// readyWithin is how long a start after a kill may take. The plan says two
// seconds; a machine that runs other tests meanwhile gets more.
func readyWithin() time.Duration {
	if long() {
		return 2 * time.Second
	}
	return 15 * time.Second
}

// The program is killed at random moments while it downloads, checks, packs
// and serves. After each start a 200 is always a whole zip with the one
// content that belongs to its name, in the end everything is there, and
// nothing is left behind.
func TestR1_KilledWhileFetchingPackingAndServing(t *testing.T) {
	t.Parallel()
	k := &killing{T: t, random: seed(t), steam: steamtest.New(t), root: t.TempDir(), want: newContents()}
	n := kills(t)
	packing := max(2, n/8) // kills while a folder is packed, which must have been quiet for ten seconds
	for i := range packing {
		k.folder(uint64(0x20000 + i))
	}
	k.quiet = time.Now().Add(11 * time.Second)
	k.program = install(t, fmt.Sprintf(`[steam]
api_url = %q
[workshop]
roots = [%q]
[workshop.retention]
min_free = "1MB"
`, k.steam.URL(), k.root))
	for i := range n {
		if i >= n-packing {
			k.whilePacking(uint64(0x20000 + i - n + packing))
		} else {
			k.whileFetching(uint64(0x10000 + 3*i))
		}
		if len(leftovers(t, k.program)) > 0 {
			k.torn++
		}
		if t.Failed() {
			t.Fatalf("after kill %d of %d", i+1, n)
		}
	}
	served := k.want.served()
	k.want.forget()
	k.begin()
	k.want.poll(t, k.program, time.Now().Add(60*time.Second))
	if left := k.want.missing(); left > 0 {
		t.Errorf("%d of %d mods are still not there", left, len(k.want.names))
	}
	figures(t, "%d kills, of which %d cut a file short; %d whole zips served between them, 0 wrong; all %d mods there at the end; slowest start %d ms",
		n, k.torn, served, len(k.want.names), k.slowest.Milliseconds())
	eventually(t, 10*time.Second, "nothing is left behind", func() bool { return len(leftovers(t, k.program)) == 0 })
}

// killing is the state of the test.
type killing struct {
	*testing.T
	*program
	random  *rand.Rand
	steam   *steamtest.Steam
	root    string
	quiet   time.Time // the folders have come to rest
	want    *contents
	slowest time.Duration
	torn    int // kills that left a temporary file
}

func (k *killing) begin() {
	took := k.program.start()
	if took > readyWithin() {
		k.Errorf("ready after %s, want at most %s", took, readyWithin())
	}
	k.slowest = max(k.slowest, took)
}

func (k *killing) folder(id uint64) {
	writeFolder(k.T, k.random, filepath.Join(k.root, fmt.Sprintf("m%x_%d", id, version)), 12<<20)
}

// whileFetching kills at some moment after new items were asked for; half of
// the time just after a download has begun.
func (k *killing) whileFetching(id uint64) {
	for i := range uint64(3) {
		k.want.offer(k.random, k.steam, id+i, 1<<20)
	}
	k.begin()
	if k.random.IntN(2) == 0 {
		k.pollFor(time.Duration(k.random.Int64N(int64(900 * time.Millisecond))))
	} else {
		before := len(k.steam.Downloads())
		for deadline := time.Now().Add(5 * time.Second); len(k.steam.Downloads()) == before && time.Now().Before(deadline) && !k.Failed(); {
			k.want.ask(k.T, k.program, k.want.pick())
		}
		k.pollFor(time.Duration(k.random.Int64N(int64(80 * time.Millisecond))))
	}
	k.program.kill()
}

// whilePacking kills about when the folder is being packed.
func (k *killing) whilePacking(id uint64) {
	time.Sleep(time.Until(k.quiet))
	k.begin()
	k.want.put(name(id), nil)
	k.want.ask(k.T, k.program, name(id))
	k.pollFor(time.Duration(k.random.Int64N(int64(time.Second))))
	k.program.kill()
}

func (k *killing) pollFor(d time.Duration) {
	k.want.poll(k.T, k.program, time.Now().Add(d))
}
