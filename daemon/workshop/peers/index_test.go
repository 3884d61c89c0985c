package peers

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	sumA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" // "test"
	line = `{"id":"99874752","version":1348957670,"size":4,"sha256":"` + sumA + `","irreplaceable":true}`
)

func TestParseIndex(t *testing.T) {
	x, err := ParseIndex([]byte(`[` + line + `,{"id":"18446744073709551615","version":0,"size":1,"sha256":"` + strings.ToUpper(sumA) + `","more":[1]}]`))
	if err != nil {
		t.Fatal(err)
	}
	e, ok := x.find(vector)
	if !ok || e.Size != 4 || fmt.Sprintf("%x", e.SHA256) != sumA || !e.Irreplaceable {
		t.Errorf("%+v, %v", e, ok)
	}
	if e, ok := x.find(Name{1<<64 - 1, 0}); !ok || e.Irreplaceable {
		t.Errorf("%+v, %v", e, ok)
	}
	if _, ok := x.find(Name{5, 5}); ok {
		t.Error("a version that is not there was found")
	}
	for _, text := range []string{"[]", " [ ] ", "[]\n"} {
		if x, err := ParseIndex([]byte(text)); err != nil || len(x) != 0 {
			t.Errorf("%q: %v, %v", text, x, err)
		}
	}
}

func TestParseIndex_Refused(t *testing.T) {
	with := func(old, fresh string) string { return `[` + strings.Replace(line, old, fresh, 1) + `]` }
	for name, text := range map[string]string{
		"nothing": "", "an object": "{}", "a page": "<html>", "cut": "[" + line, "two lists": "[][]", "null": "null",
		"an unfinished entry": `[{"id":"5"`, "twice": "[" + line + "," + line + "]",
		"no id": with(`"99874752"`, `""`), "id 0": with(`"99874752"`, `"0"`), "a negative id": with(`"99874752"`, `"-1"`),
		"a wide id": with(`"99874752"`, `"18446744073709551616"`), "a signed id": with(`"99874752"`, `"+5"`),
		"an id as number": with(`"99874752"`, `99874752`), "a path": with(`"99874752"`, `"../../etc"`),
		"a negative version": with("1348957670", "-1"), "a wide version": with("1348957670", "1000000000000"), "a fraction": with("1348957670", "1.5"),
		"size 0": with(`"size":4`, `"size":0`), "a negative size": with(`"size":4`, `"size":-4`), "a vast size": with(`"size":4`, `"size":9223372036854775807`),
		"no sum": with(sumA, ""), "a short sum": with(sumA, sumA[2:]), "no digits": with(sumA, "zz"+sumA[2:]),
	} {
		if _, err := ParseIndex([]byte(text)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestParseIndex_Bound: more entries than anybody publishes are refused before
// they fill the memory.
func TestParseIndex_Bound(t *testing.T) {
	text := []byte("[" + strings.Repeat(line+",", MaxEntries) + line + "]")
	if _, err := ParseIndex(text); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

func TestEncode(t *testing.T) {
	x := newIndex([]Entry{{Name: vector, Size: 4, SHA256: entryOf(vector, []byte("test")).SHA256, Irreplaceable: true}})
	if got := string(x.Encode()); got != "["+line+"]\n" {
		t.Errorf("%s", got)
	}
	if got := string(Index{}.Encode()); got != "[]\n" {
		t.Errorf("%q", got)
	}
	var list []map[string]any
	many := newIndex([]Entry{entryOf(Name{2, 1}, []byte("a")), entryOf(Name{1, 9}, []byte("b")), entryOf(Name{1, 2}, []byte("c"))})
	if err := json.Unmarshal(many.Encode(), &list); err != nil || len(list) != 3 || list[0]["id"] != "1" || list[0]["version"] != 2.0 || list[2]["id"] != "2" {
		t.Errorf("%v, %v", list, err)
	}
	back, err := ParseIndex(many.Encode())
	if diff := cmp.Diff(many, back); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestNewIndex_Bound: what nobody else has is listed before all else, then the
// newest.
func TestNewIndex_Bound(t *testing.T) {
	entries := make([]Entry, 0, MaxEntries+10)
	for i := range MaxEntries + 10 {
		entries = append(entries, Entry{Name: Name{uint64(i + 1), int64(i)}, Size: 1, Irreplaceable: i == 0})
	}
	x := newIndex(entries)
	if len(x) != MaxEntries {
		t.Fatalf("%d entries", len(x))
	}
	for n, want := range map[Name]bool{{1, 0}: true, {2, 1}: false, {11, 10}: false, {12, 11}: true, {MaxEntries + 10, MaxEntries + 9}: true} {
		if _, ok := x.find(n); ok != want {
			t.Errorf("%+v: %v", n, ok)
		}
	}
	if len(x.Encode()) > maxIndex {
		t.Error("the longest index is longer than we read")
	}
}

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte("[" + line + "]"))
	f.Add([]byte("[]"))
	f.Add([]byte(`[{"id":"5","version":5,"size":5,"sha256":"` + sumA + `"},` + line + `]`))
	f.Add([]byte(`[[[[[[[[[[[[[[`))
	f.Add([]byte(`[{"id":{"id":{}}}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		x, err := ParseIndex(text)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%v is not fault.Invalid", err)
			}
			return
		}
		back, err := ParseIndex(x.Encode())
		if err != nil || !bytes.Equal(back.Encode(), x.Encode()) {
			t.Fatalf("%s does not survive a round trip: %v", x.Encode(), err)
		}
		for i, e := range x {
			if got, ok := x.find(e.Name); !ok || got != e || e.Name.Item == 0 || e.Size <= 0 || i > 0 && x[i-1].Name == e.Name {
				t.Fatalf("entry %d: %+v", i, e)
			}
		}
	})
}

func TestPublish(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		stock := []Entry{entryOf(vector, []byte("test"))}
		change := func(o *Options) {
			o.Stock = func(yield func(Entry) bool) {
				for _, e := range stock {
					if !yield(e) {
						return
					}
				}
			}
		}
		r := newRigOn(t, d, change)
		ctx := context.Background()
		first, err := r.Publish(ctx)
		if err != nil {
			t.Fatal(err)
		}
		text, err := r.PublicKey(ctx)
		if err != nil {
			t.Fatal(err)
		}
		key, err := base64.StdEncoding.DecodeString(text)
		sig, err2 := base64.StdEncoding.DecodeString(first.Signature)
		if err != nil || err2 != nil || !ed25519.Verify(key, first.Body, sig) || first.KeyID != KeyID(key) || len(first.KeyID) != 16 {
			t.Errorf("%q %q %v %v", first.Signature, first.KeyID, err, err2)
		}
		stock = append(stock, entryOf(Name{1, 1}, []byte("b")))
		if again, _ := r.Publish(ctx); again.ETag != first.ETag {
			t.Error("it was made anew at once")
		}
		r.clock.Advance(publishFor)
		if again, _ := r.Publish(ctx); again.ETag == first.ETag || bytes.Equal(again.Body, first.Body) {
			t.Error("it was not made anew")
		}
		// The key survives the process.
		if again, err := newRigOn(t, d, change).PublicKey(ctx); err != nil || again != text {
			t.Errorf("%q, %v, want %q", again, err, text)
		}
	})
}

// TestPoll: an index is asked for with its tag, and kept while the peer is
// away.
func TestPoll(t *testing.T) {
	data := archive(1000)
	f := newFakePeer(t)
	f.publish(nil, entryOf(vector, data))
	r := newRig(t, nil, f.peer("size"))
	r.pollAll()
	r.pollAll()
	f.mu.Lock()
	first, second := f.requests[0], f.requests[1]
	f.mu.Unlock()
	if first.Header.Get("If-None-Match") != "" || second.Header.Get("If-None-Match") != f.header.Get("ETag") {
		t.Errorf("If-None-Match %q, then %q", first.Header.Get("If-None-Match"), second.Header.Get("If-None-Match"))
	}
	if first.Header.Get("User-Agent") != "quartermaster/1.2 (peer)" {
		t.Errorf("User-Agent %q", first.Header.Get("User-Agent"))
	}
	sum := entryOf(vector, data).SHA256
	if !r.Has(vector, nil) || !r.Has(vector, sum[:]) || r.Has(vector, make([]byte, 32)) || r.Has(Name{1, 1}, nil) {
		t.Error("Has")
	}
	if st := r.status(0); !st.Indexed || st.Versions != 1 || st.State != OK || r.metric("quartermaster_peer_versions") != 1 || r.metric("quartermaster_peer_up") != 1 {
		t.Errorf("%+v", st)
	}
	// A no of before is forgotten when the version is listed anew.
	r.peers[0].remember(epoch, Name{1, 1}, memory{until: epoch.Add(time.Hour)})
	f.publish(nil, entryOf(vector, data), entryOf(Name{1, 1}, data))
	r.pollAll()
	if !r.May(Name{1, 1}) {
		t.Error("what is listed now is still refused")
	}
	// Without an index there is none.
	f.mu.Lock()
	f.index = nil
	f.mu.Unlock()
	r.pollAll()
	if st := r.status(0); st.Indexed || st.State != OK || r.Has(vector, nil) {
		t.Errorf("%+v", st)
	}
}

// TestPoll_Bombs: an index is bounded whatever the peer sends.
func TestPoll_Bombs(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		reason string
	}{
		"announced": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "99999999999") }, "too long"},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			block := []byte("[" + strings.Repeat(" ", 1<<16))
			for r.Context().Err() == nil {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}, "too long"},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("x"))
		}, "compressed"},
		"nonsense": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(HeaderSignature, "x")
			_, _ = w.Write([]byte(`[{"id":"5"}]`))
		}, "its index is not one"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakePeer(t)
			f.answer(c.answer)
			r := newRig(t, nil, f.peer("size"))
			r.pollAll()
			if st := r.status(0); st.State != Refused || !strings.Contains(st.LastError, c.reason) {
				t.Errorf("%+v", st)
			}
		})
	}
}

// TestPoll_SlowIndex: an index that does not come to an end is given up.
func TestPoll_SlowIndex(t *testing.T) {
	f := newFakePeer(t)
	f.answer(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte(" "))
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(5 * time.Millisecond):
			case <-r.Context().Done():
			}
		}
	})
	r := newRig(t, func(o *Options) { o.Clock = nil; o.Stall = 50 * time.Millisecond }, f.peer("size"))
	r.pollAll()
	if st := r.status(0); st.State != Unreachable || !strings.Contains(st.LastError, "does not come to an end") {
		t.Errorf("%+v", st)
	}
}

// TestRun polls at once and then every ten minutes, and writes down how the
// peers do.
func TestRun(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFakePeer(t)
		polled := make(chan struct{}, 10)
		text := newIndex([]Entry{entryOf(vector, []byte("x"))}).Encode()
		f.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text); polled <- struct{}{} })
		r := newRigOn(t, d, nil, f.peer("size"))
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		<-polled
		for _, wait := range append(firstPolls[:], pollEvery) {
			// The next poll, the flush, the sweep, and the watch on each body.
			for deadline := time.Now().Add(20 * time.Second); len(polled) == 0; {
				r.clock.Advance(wait)
				select {
				case <-polled:
					polled <- struct{}{}
				case <-time.After(20 * time.Millisecond):
				}
				if time.Now().After(deadline) {
					t.Fatal("not polled again")
				}
			}
			<-polled
		}
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		rows, err := r.store.rows(context.Background())
		if row := rows[f.srv.URL]; err != nil || row.Versions != 1 || row.State != "ok" {
			t.Errorf("%+v, %v", rows, err)
		}
		// What was known survives.
		again := newRigOn(t, d, nil, config.Peer{URL: f.srv.URL, Trust: config.TrustSize})
		if st := again.status(0); st.State != OK || st.Versions != 1 || !st.Indexed {
			t.Errorf("%+v", st)
		}
	})
}

// A peer that does not answer is given up on for the rest of the run; one that
// answers no is asked about the next version.
func TestConfirm(t *testing.T) {
	dead, alive := newPeerAt(t, "127.0.0.2"), newPeerAt(t, "127.0.0.3")
	data := archive(50)
	var names []Name
	var entries []Entry
	for i := range int64(5) {
		n := Name{Item: vector.Item, Version: 100 + i}
		names, entries = append(names, n), append(entries, entryOf(n, data))
	}
	dead.publish(nil, entries...)
	alive.publish(nil, entries...)
	alive.put(names[4], data)
	r := newRig(t, func(o *Options) { o.Header = 50 * time.Millisecond }, dead.peer("quorum"), alive.peer("quorum"))
	r.pollAll()
	hangs := make(chan struct{})
	t.Cleanup(func() { close(hangs) })
	dead.answer(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-hangs:
		}
	})
	asked := func(f *fakePeer) (n int) {
		for _, name := range names {
			n += len(f.asked(name))
		}
		return n
	}
	for run := range 2 {
		c := r.Confirming()
		for i, n := range names {
			if got := c.Confirm(t.Context(), n, int64(len(data)), entries[i].SHA256[:]); got != (i == 4) {
				t.Errorf("%s: %v", n.File(), got)
			}
		}
		if d, a := asked(dead), asked(alive); d < 1 || d > 2*(run+1) || a != 5*(run+1) {
			t.Errorf("run %d: %d and %d questions", run, d, a)
		}
	}
}
