package serverlist

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// boardRig is a board with a clock that tests set.
type boardRig struct {
	*board
	at time.Time
}

func newBoardRig() *boardRig {
	r := &boardRig{at: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	r.board = newBoard(time.Minute, true, wire, func() time.Time { return r.at })
	return r
}

// report puts a row that was committed now.
func (r *boardRig) report(id, revision, players int64) {
	r.put(Server{ID: id, Players: players, Map: "m", State: StateOpen, Updated: r.at, changed: r.at, revision: revision})
}

func (r *boardRig) has(text string) bool { return strings.Contains(string(r.current().Body), text) }

// A long list may show old counts for a second; who comes and goes is shown
// at once.
func TestLongList(t *testing.T) {
	r := newBoardRig()
	for id := range int64(eager + 1) {
		r.report(id+1, 1, 0)
	}
	first := r.current()
	r.report(1, 2, 7)
	if r.current() != first {
		t.Error("a count made a long list anew at once")
	}
	r.report(9999, 1, 3)
	if !r.has(`"9999:m:3"`) || !r.has(`"1:m:7"`) {
		t.Error("somebody who came is not in the list")
	}
	r.put(Server{ID: 9999, State: StateDeleted, changed: r.at, revision: 2})
	if r.has(`"9999:`) {
		t.Error("somebody who went is in the list")
	}
	r.report(1, 3, 8)
	if r.has(`"1:m:8"`) {
		t.Error("a count made a long list anew at once")
	}
	r.at = r.at.Add(calm)
	if !r.has(`"1:m:8"`) {
		t.Error("a count is older than a second")
	}
	r.report(1, 4, 9)
	r.at = r.at.Add(-time.Hour) // the clock was set back
	if !r.has(`"1:m:9"`) {
		t.Error("a count waits for the clock")
	}
}

// Rows come in any order and more than once, and still the last is shown.
func TestRowsInAnyOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	r := newBoardRig()
	var rows []Server
	last := map[int64]Server{}
	for i := range int64(2000) {
		id := random.Int64N(50) + 1
		s := last[id]
		s = Server{ID: id, Players: i, Map: "m", State: StateOpen, Updated: r.at, changed: r.at, revision: s.revision + 1}
		switch random.IntN(6) {
		case 0:
			s.State = StateHidden
		case 1:
			s.State = StateDeleted
		case 2:
			s.Offline = s.Updated
		}
		last[id] = s
		rows = append(rows, s, s)
	}
	random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	for len(rows) > 0 {
		n := min(random.IntN(9)+1, len(rows))
		r.put(rows[:n]...)
		rows = rows[n:]
		r.current()
	}
	var want []string
	for id := range int64(50) {
		if s, ok := last[id+1]; ok && s.State == StateOpen && s.Offline.IsZero() {
			want = append(want, fmt.Sprintf(`"%d:m:%d"`, s.ID, s.Players))
		}
	}
	if got := string(r.current().Body); got != "["+strings.Join(want, ",")+"]" {
		t.Errorf("got %s\nwant %v", got, want)
	}
}

// The compressed body is the body, and a long list that changes all the time
// is not compressed all the time.
func TestCompressed(t *testing.T) {
	r := newBoardRig()
	r.report(1, 1, 0)
	plain := func(p *Page) string {
		t.Helper()
		packed, ok := r.gzip(p)
		if !ok {
			t.Fatal("it is not compressed")
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if p := r.current(); plain(p) != string(p.Body) {
		t.Error("the compressed body is another")
	}
	for id := range int64(8000) {
		r.report(id+1, 2, 0)
	}
	long := r.current()
	if len(long.Body) <= smallBody || plain(long) != string(long.Body) {
		t.Errorf("%d bytes", len(long.Body))
	}
	r.report(9999, 1, 0)
	next := r.current()
	for range 2 {
		if _, ok := r.gzip(next); ok {
			t.Error("two long lists were compressed in one second")
		}
	}
	if _, ok := r.gzip(long); !ok {
		t.Error("what was compressed is forgotten")
	}
	r.at = r.at.Add(calm)
	r.report(9998, 1, 0)
	if p := r.current(); plain(p) != string(p.Body) {
		t.Error("the compressed body is another")
	}
}

// Same list, same tag, whoever made it.
func TestTagIsOfTheBytes(t *testing.T) {
	a, b := newBoardRig(), newBoardRig()
	for _, r := range []*boardRig{a, b} {
		r.report(1, 1, 5)
	}
	if a.current().ETag != b.current().ETag || a.current().ETag == a.current().GzipETag {
		t.Error(a.current().ETag, b.current().ETag, a.current().GzipETag)
	}
	b.report(1, 2, 6)
	if a.current().ETag == b.current().ETag {
		t.Error("the tag stays while the list changes")
	}
}

func TestParseID(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "28": 28, "999999999999999999": 999999999999999999} {
		if got, ok := parseID(text); !ok || got != want {
			t.Errorf("%q: %d", text, got)
		}
	}
	for _, text := range []string{"", "0", "01", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "１", "9223372036854775808", "99999999999999999999"} {
		if got, ok := parseID(text); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
}

func TestPlainName(t *testing.T) {
	for name, want := range map[string]string{
		"^mUnnamed ^900DRX ^mServer": "Unnamed DRX Server", "^r^g^bx": "x", "a^": "a^", "^12": "^12", "^x1": "^x1", "^^900": "^", " ^900 a ": "a", "": "",
	} {
		if got := PlainName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// Every order goes both ways, with equals by their ids, and a cursor goes on
// where the page before ended.
func TestOrders(t *testing.T) {
	servers := []Server{
		{ID: 1, Players: 4, Map: "Dust", Updated: time.Unix(30, 0), Details: Details{Name: "^900b", MaxPlayers: 8, GameType: "rts"}},
		{ID: 2, Players: 9, Map: "arena", Updated: time.Unix(20, 0), Details: Details{Name: "C", MaxPlayers: 64, GameType: "CTF"}},
		{ID: 3, Players: 4, Map: "arena", Updated: time.Unix(10, 0), Details: Details{Name: "a", MaxPlayers: 16, GameType: "rts"}},
	}
	for _, c := range []struct {
		by            string
		want, reverse []int64
	}{
		{"", []int64{2, 1, 3}, []int64{1, 3, 2}},
		{ByPlayers, []int64{2, 1, 3}, []int64{1, 3, 2}},
		{ByRoom, []int64{2, 3, 1}, []int64{1, 3, 2}},
		{ByName, []int64{3, 1, 2}, []int64{2, 1, 3}},
		{ByMap, []int64{2, 3, 1}, []int64{1, 2, 3}},
		{ByType, []int64{2, 1, 3}, []int64{1, 3, 2}},
		{ByUpdated, []int64{1, 2, 3}, []int64{3, 2, 1}},
	} {
		for _, reverse := range []bool{false, true} {
			want := c.want
			if reverse {
				want = c.reverse
			}
			o, err := orderOf(Sorting{By: c.by, Reverse: reverse})
			if err != nil {
				t.Fatal(err)
			}
			all := slices.Clone(servers)
			o.sort(all)
			got := []int64{}
			for i := range all {
				got = append(got, all[i].ID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q, reverse %v: %v, want %v", c.by, reverse, got, want)
			}
			after, err := o.parse(o.cursor(&all[0]))
			if err != nil {
				t.Fatal(err)
			}
			if at, _ := slices.BinarySearchFunc(all, after, o.compareKey); at != 1 {
				t.Errorf("%q, reverse %v: the second page begins at %d", c.by, reverse, at)
			}
		}
	}
	if _, err := orderOf(Sorting{By: "ping"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an order that is none: %v", err)
	}
}

// A cursor is read back, and anything else is refused or harmless.
func FuzzCursor(f *testing.F) {
	for _, s := range []string{"", "1_2_", "0_3_name_with_underscore", "x", "_", "__", "9223372036854775808_1_"} {
		f.Add(s, "name", int64(3))
	}
	f.Fuzz(func(t *testing.T, cursor, name string, players int64) {
		for _, by := range []string{ByPlayers, ByName, ByUpdated, ByRoom, ByMap, ByType} {
			o, err := orderOf(Sorting{By: by})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = o.parse(cursor) // must not panic
			s := Server{ID: 5, Players: players, Details: Details{Name: name}, Updated: time.Unix(1, 0)}
			if got, err := o.parse(o.cursor(&s)); err != nil || got != o.key(&s) {
				t.Errorf("%q: %+v %v", o.cursor(&s), got, err)
			}
		}
	})
}
