package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// The program is killed at random moments while it makes room, each time for
// a smaller quota. Afterwards database and disk say the same, nothing is above
// the quota, and what is pinned is there.
func TestR1_KilledWhileMakingRoom(t *testing.T) {
	t.Parallel()
	const mods, size = 120, 40 << 10
	random, steam, want := seed(t), steamtest.New(t), newContents()
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\n[workshop]\nparallel = 16\n[workshop.retention]\nmin_free = \"1MB\"\nmax_bytes = \"1GB\"\n", steam.URL()))
	for i := range uint64(mods) {
		want.offer(random, steam, 0x30000+i, size)
	}
	p.start()
	want.poll(t, p, time.Now().Add(60*time.Second))
	if left := want.missing(); left > 0 {
		t.Fatalf("%d mods are not there", left)
	}
	p.stop()
	pinned := strings.TrimSuffix(want.names[0], ".zip")
	p.run("", "mods", "pin", pinned)
	// What was asked for a moment ago would stay.
	for asked := time.Now(); time.Since(asked) < 16*time.Second; {
		time.Sleep(time.Second)
	}
	full, n := stored(t, p), kills(t)
	torn, quota := 0, full
	for i := range n {
		quota = full - full*int64(i+1)/int64(n+1)
		allow(t, p, quota)
		p.launch()
		time.Sleep(time.Duration(random.Int64N(int64(700 * time.Millisecond))))
		p.kill()
		if stored(t, p) > quota {
			torn++
		}
	}
	p.start()
	eventually(t, 20*time.Second, "room is made", func() bool { return stored(t, p) <= quota })
	p.stop()
	report := p.run("", "mods", "storage", "--json")
	if line := fmt.Sprintf(`"bytes": %d,`, stored(t, p)); !strings.Contains(report, line) {
		t.Errorf("the disk holds %s and the database says %s", line, report)
	}
	if _, err := os.Stat(p.blob("mods/" + pinned + ".zip")); err != nil {
		t.Error(err)
	}
	if said := p.run("", "mods", "verify"); !strings.Contains(said, " 0 damaged") {
		t.Error(said)
	}
	figures(t, "%d kills, of which %d came before there was room; %d of %d bytes left, none above the quota, every row has its file and every file its row",
		n, torn, stored(t, p), full)
}

// allow sets the quota in the configuration.
func allow(t *testing.T, p *program, bytes int64) {
	t.Helper()
	text, err := os.ReadFile(p.config())
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(text), "max_bytes")
	if err := os.WriteFile(p.config(), fmt.Appendf([]byte(before), "max_bytes = \"%d\"\n", bytes), 0o600); err != nil {
		t.Fatal(err)
	}
}

// stored returns how many bytes of mods lie on the disk.
func stored(t *testing.T, p *program) (n int64) {
	t.Helper()
	files, err := filepath.Glob(p.blob("mods/*.zip"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err == nil { // else it went just now
			n += info.Size()
		}
	}
	return n
}
