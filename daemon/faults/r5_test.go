package faults

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// damage changes a stored file.
type damage struct {
	name string
	do   func(t *testing.T, random *rand.Rand, path string)
}

// damages are the ways in which a stored zip goes bad.
func damages() []damage {
	all := []damage{
		{"a bit flipped", flipBit},
		{"cut short", func(t *testing.T, random *rand.Rand, path string) {
			resize(t, path, -1-random.Int64N(1000))
		}},
		{"made longer", func(t *testing.T, _ *rand.Rand, path string) { resize(t, path, 1) }},
		{"emptied", func(t *testing.T, _ *rand.Rand, path string) {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}},
		{"replaced", func(t *testing.T, random *rand.Rand, path string) {
			other := path + ".new"
			if err := os.WriteFile(other, []byte(randomText(random, 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(other, path); err != nil {
				t.Fatal(err)
			}
		}},
	}
	if runtime.GOOS == "linux" { // elsewhere only size and modification time tell
		all = append(all, damage{"a bit flipped, modification time set back", func(t *testing.T, random *rand.Rand, path string) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			flipBit(t, random, path)
			if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		}})
	}
	return all
}

func flipBit(t *testing.T, random *rand.Rand, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[random.IntN(len(b))] ^= 1 << random.IntN(8)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
}

func resize(t *testing.T, path string, by int64) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()+by); err != nil {
		t.Fatal(err)
	}
}

// Stored zips are damaged while the program runs and while it does not. Not
// one wrong byte is served, the damaged files are put aside, and the mods are
// fetched anew.
func TestR5_DamagedZips(t *testing.T) {
	t.Parallel()
	random := seed(t)
	steam := steamtest.New(t)
	want := newContents()
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL()))
	ways := damages()
	for i := range ways {
		want.offer(random, steam, uint64(0x100+i), 300_000)
	}
	p.start()
	p.admin()
	want.poll(t, p, time.Now().Add(20*time.Second))
	var healed []string
	for _, running := range []bool{true, false} {
		if !running {
			p.stop()
		}
		for i, d := range ways {
			d.do(t, random, p.blob("mods/"+name(uint64(0x100+i))))
		}
		if !running {
			p.start()
		}
		want.forget()
		took := eventually(t, 30*time.Second, "everything is whole again", func() bool {
			want.poll(t, p, time.Now().Add(200*time.Millisecond))
			return want.missing() == 0 || t.Failed()
		})
		aside, err := os.ReadDir(p.blob("quarantine"))
		if err != nil || len(aside) != len(ways) {
			t.Errorf("running %v: %d damaged zips were put aside, %v, want %d", running, len(aside), err, len(ways))
		}
		healed = append(healed, fmt.Sprintf("%d ms", took.Milliseconds()))
		if err := os.RemoveAll(p.blob("quarantine")); err != nil {
			t.Fatal(err)
		}
	}
	figures(t, "%d ways of damage, while running and while stopped: 0 wrong bytes served, all put aside and fetched anew within %s",
		len(ways), strings.Join(healed, " and "))
}

// A page of HTML, named .zip by an older program, and half a zip in an
// operator's folder are never served.
func TestR5_CorruptZipsOfTheOperator(t *testing.T) {
	t.Parallel()
	random := seed(t)
	steam := steamtest.New(t)
	root := t.TempDir()
	good := steamtest.Zip(map[string]string{"a.lua": randomText(random, 300_000)})
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 4
	bad := map[uint64][]byte{
		0xb1: []byte("<!DOCTYPE html><title>503 Service Unavailable</title>" + strings.Repeat(" ", 3000)),
		0xb2: good[:len(good)/2],
		0xb3: {},
		0xb4: []byte("PK\x03\x04 and nothing more"),
		0xb5: flipped, // its directory is sound: only reading it all shows the damage
	}
	files := map[uint64][]byte{0x600d: good}
	for id, content := range bad {
		files[id] = content
	}
	old := time.Now().Add(-time.Hour)
	for id, content := range files {
		path := filepath.Join(root, name(id))
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\n[workshop]\nroots = [%q]\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL(), root))
	p.start()
	p.admin()
	eventually(t, 20*time.Second, "the damaged zips are named", func() bool {
		var s struct{ Problems []problem }
		p.must(http.StatusOK, http.MethodGet, "/api/v1/mods/status", nil, &s)
		named := 0
		for _, x := range s.Problems {
			if x.Code == "damaged" {
				named++
			}
		}
		return named == len(bad)
	})
	for id := range bad {
		if status, body, err := get(p.url("/" + name(id))); err != nil || status == http.StatusOK {
			t.Errorf("m%x: status %d, %v, %d bytes", id, status, err, len(body))
		}
	}
	status, body, err := get(p.url("/" + name(0x600d)))
	if err != nil || status != http.StatusOK || !bytes.Equal(body, good) {
		t.Errorf("the good zip: status %d, %v, %d bytes", status, err, len(body))
	}
	for id, content := range files {
		if now, err := os.ReadFile(filepath.Join(root, name(id))); err != nil || !bytes.Equal(now, content) {
			t.Errorf("the operator's m%x was touched: %v", id, err)
		}
	}
	figures(t, "%d of %d corrupt zips found and never served, the operator's files untouched", len(bad), len(bad))
}

// A damaged database is refused with what to do about it, and left as it is,
// unless nothing at all is lost; it never opens with something missing.
func TestR5_DamagedDatabase(t *testing.T) {
	t.Parallel()
	random := seed(t)
	p := install(t, "[workshop.retention]\nmin_free = \"1MB\"\n")
	p.start()
	p.admin()
	for i := range 20 {
		p.must(http.StatusCreated, http.MethodPost, "/api/v1/keys", map[string]any{"label": fmt.Sprint(i)}, nil)
	}
	p.kill() // leaves the write-ahead log
	crashed := files(t, p.data, "quartermaster.db", "quartermaster.db-wal", "quartermaster.db-shm")
	db, wal := crashed["quartermaster.db"], crashed["quartermaster.db-wal"]
	if len(wal) == 0 {
		t.Fatal("there is no write-ahead log to damage")
	}
	tests := []struct {
		name, file string
		content    []byte
	}{
		{"a bit of the log", "quartermaster.db-wal", flipped(wal, len(wal)/4+random.IntN(len(wal)/2), random)},
		{"half of the log", "quartermaster.db-wal", wal[:len(wal)/2]},
		{"the log's header", "quartermaster.db-wal", flipped(wal, random.IntN(32), random)},
		{"no database at all", "quartermaster.db", []byte(strings.Repeat("not a database. ", len(db)/16+1))},
		{"an empty database beside its log", "quartermaster.db", nil},
	}
	refused := 0
	for _, test := range tests {
		lay(t, p.data, crashed)
		lay(t, p.data, map[string][]byte{test.file: test.content})
		if said, ok := p.refuses(); ok {
			refused++
			if !strings.Contains(said, "hint:") || !strings.Contains(strings.ToLower(said), "restore") {
				t.Errorf("%s: it does not say what to do:\n%s", test.name, said)
			}
			if now := files(t, p.data, test.file); !bytes.Equal(now[test.file], test.content) {
				t.Errorf("%s: the damaged file was changed", test.name)
			}
			continue
		}
		// What was damaged may not have been needed any more.
		if n := countKeys(p); n != 21 {
			t.Errorf("%s: opened with %d of 21 API keys", test.name, n)
		}
		p.kill()
	}
	lay(t, p.data, crashed)
	p.start()
	if n := countKeys(p); n != 21 {
		t.Errorf("%d of 21 API keys are there again", n)
	}
	figures(t, "%d ways of damage: %d refused with a hint and left as they were, in %d nothing was lost; the undamaged database opened with everything",
		len(tests), refused, len(tests)-refused)
	if refused < 3 {
		t.Error("too little was refused to prove anything")
	}
}

func countKeys(p *program) int {
	p.t.Helper()
	var keys struct{ Keys []struct{ Label string } }
	p.must(http.StatusOK, http.MethodGet, "/api/v1/keys?limit=200", nil, &keys)
	return len(keys.Keys)
}

func flipped(b []byte, at int, random *rand.Rand) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1 << random.IntN(8)
	return b
}

func files(t *testing.T, dir string, names ...string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = b
	}
	return all
}

func lay(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
