package db

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const commits = 6

// crashed returns the files that a killed program leaves after some commits
// of one row each.
func crashed(t *testing.T) map[string][]byte {
	t.Helper()
	d := openRows(t)
	if err := d.checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	for range commits {
		mustExec(t, d, "INSERT INTO row (id, body) VALUES (NULL, zeroblob(100))")
	}
	files := make(map[string][]byte)
	for _, name := range []string{"", "-wal", "-shm"} {
		// Reading them from the process that has them open would be wrong
		// if another process were there.
		content, err := os.ReadFile(d.Path() + name)
		if err != nil {
			t.Fatal(err)
		}
		files[fileName+name] = content
	}
	return files
}

// lay puts the files in a new folder, without those that are nil.
func lay(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if content == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func with(files map[string][]byte, name string, content []byte) map[string][]byte {
	changed := make(map[string][]byte)
	for k, v := range files {
		changed[k] = v
	}
	changed[name] = content
	return changed
}

func TestCrashedDatabaseOpens(t *testing.T) {
	files := crashed(t)
	for name, files := range map[string]map[string][]byte{"as it was": files, "without the index": with(files, fileName+"-shm", nil)} {
		d := openTest(t, lay(t, files))
		if n := countRows(t, d); n != commits {
			t.Errorf("%s: %d rows, want %d", name, n, commits)
		}
	}
}

// Every damage to the log is noticed: the database is refused with a hint, or
// nothing is lost. It never opens with rows missing.
func TestR5_DamagedLogIsNeverSilent(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	files := crashed(t)
	wal := files[fileName+"-wal"]
	var damages []struct {
		name string
		wal  []byte
	}
	add := func(name string, wal []byte) {
		damages = append(damages, struct {
			name string
			wal  []byte
		}{name, wal})
	}
	flip := func(at int) []byte {
		c := bytes.Clone(wal)
		c[at] ^= 1 << random.IntN(8)
		return c
	}
	page := int(binary.BigEndian.Uint32(wal[8:]))
	for _, at := range []int{0, 3, 8, 11, 12, 16, 20, 24, 31, 32, 36, 40, 44, 48, 52, 56, len(wal) - 1, len(wal) - page - 1} {
		add("bit of a header", flip(at))
	}
	for range 12 {
		add("bit", flip(random.IntN(len(wal))))
	}
	for _, n := range []int{1, 31, 32, 33, 32 + 24 + page, len(wal) / 2, len(wal) - 1} {
		add("cut", bytes.Clone(wal[:n]))
	}
	for _, damage := range damages {
		d, err := Open(ctx, Options{Dir: lay(t, with(files, fileName+"-wal", damage.wal))})
		if err != nil {
			if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Hint(err), "newest file in backups/") {
				t.Errorf("%s: refused with %v, want unavailable and a hint", damage.name, err)
			}
			continue
		}
		if n := countRows(t, d); n != commits {
			t.Errorf("%s: opened with %d of %d rows", damage.name, n, commits)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Without the index only the last commit can be taken for one that was torn.
func TestR5_DamagedLogWithoutIndex(t *testing.T) {
	files := with(crashed(t), fileName+"-shm", nil)
	wal := files[fileName+"-wal"]
	frame := walFrameLen + int(binary.BigEndian.Uint32(wal[8:]))
	frames := (len(wal) - walHeaderLen) / frame
	for n := range frames {
		c := bytes.Clone(wal)
		c[walHeaderLen+n*frame+walFrameLen+100] ^= 1
		d, err := Open(ctx, Options{Dir: lay(t, with(files, fileName+"-wal", c))})
		last := n >= frames-2
		switch {
		case !last && !fault.Is(err, fault.Unavailable):
			t.Errorf("frame %d of %d: Open = %v, want unavailable", n, frames, err)
		case last && err != nil:
			t.Errorf("frame %d of %d: Open = %v", n, frames, err)
		}
		if err == nil {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestR5_LogWithoutItsDatabase(t *testing.T) {
	files := crashed(t)
	for _, main := range [][]byte{nil, {}} {
		_, err := Open(ctx, Options{Dir: lay(t, with(files, fileName, main))})
		if !fault.Is(err, fault.Unavailable) || fault.Hint(err) == "" {
			t.Errorf("Open = %v, want unavailable with a hint", err)
		}
	}
}

func TestR5_DamagedDatabaseIsRefused(t *testing.T) {
	files := crashed(t)
	main := files[fileName]
	zeroed := bytes.Clone(main)
	clear(zeroed[4096 : 2*4096])
	tests := map[string][]byte{
		"no database": bytes.Repeat([]byte("not a database. "), 512),
		"zeroed page": zeroed,
		"cut":         main[:len(main)/2/4096*4096],
	}
	for name, content := range tests {
		_, err := Open(ctx, Options{Dir: lay(t, with(files, fileName, content))})
		if !fault.Is(err, fault.Unavailable) || fault.Hint(err) == "" {
			t.Errorf("%s: Open = %v, want unavailable with a hint", name, err)
		}
	}
}

func FuzzScanWAL(f *testing.F) {
	head := binary.BigEndian.AppendUint32(nil, walMagic)
	head = append(head, make([]byte, 28)...)
	binary.BigEndian.PutUint32(head[8:], 512)
	f.Add(head, make([]byte, 2*walIndexLen))
	f.Add([]byte{}, []byte{})
	f.Add(append(head, make([]byte, 536)...), []byte(nil))
	f.Fuzz(func(t *testing.T, wal, index []byte) {
		r, err := scanWAL(bytes.NewReader(wal), index)
		if err != nil {
			t.Fatal(err)
		}
		if int(r.readable)*(walFrameLen+minPage) > len(wal) {
			t.Errorf("%d frames in %d bytes", r.readable, len(wal))
		}
	})
}
