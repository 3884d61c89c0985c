package peers

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestFetch_PlainFileServer(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f, data := newFakePeer(t), archive(100_000)
		f.put(vector, data)
		r := newRigOn(t, d, nil, config.Peer{URL: f.srv.URL + "/", Trust: config.TrustSize})
		got := r.want(Want{Name: vector}, data)
		if want := (Got{Peer: f.srv.URL, Host: strings.TrimPrefix(f.srv.URL, "http://"), VerifiedBy: "size"}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		req := f.asked(vector)[0]
		if req.Method != "GET" || req.URL.Path != "/m5f3f7c0_1348957670.zip" || req.URL.RawQuery != "" {
			t.Errorf("%s %s", req.Method, req.URL)
		}
		for name, want := range map[string]string{
			"User-Agent": "quartermaster/1.2 (peer)", "Cache-Control": "only-if-cached", "Accept-Encoding": "identity", "Range": "",
		} {
			if got := req.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		st := r.status(0)
		if st.State != OK || st.Fetched != 1 || st.FetchedBytes != int64(len(data)) || st.LastSeen.IsZero() || st.Indexed {
			t.Errorf("%+v", st)
		}
		// Another process reads the same from the database.
		other := newRigOn(t, d, nil, f.peer(config.TrustSize))
		if got := other.status(0); got.State != OK || got.Fetched != 1 || got.FetchedBytes != int64(len(data)) || !got.LastSeen.Equal(st.LastSeen) {
			t.Errorf("in another process: %+v", got)
		}
	})
}

func TestFetch_BelowAPath(t *testing.T) {
	f, data := newFakePeer(t), archive(1000)
	f.answer(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ns2/" + vector.File():
			_, _ = w.Write(data)
		case IndexPath: // the API is beside the mount, not below it
			_, _ = w.Write(newIndex([]Entry{entryOf(vector, data)}).Encode())
		default:
			http.NotFound(w, r)
		}
	})
	r := newRig(t, nil, config.Peer{URL: f.srv.URL + "/ns2", Trust: config.TrustSize})
	r.pollAll()
	if !r.Has(vector, nil) {
		t.Error("the index was not found")
	}
	r.want(Want{Name: vector}, data)
}

// TestFetch_No: 403, 404, 504 and everything else mean no, for ten minutes.
func TestFetch_No(t *testing.T) {
	for _, status := range []int{403, 404, 504, 410, 204, 206, 300, 416, 501} {
		f := newFakePeer(t)
		f.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		r := newRig(t, nil, f.peer(config.TrustSize))
		for range 3 {
			if _, _, err := r.fetch(Want{Name: vector}); !fault.Is(err, fault.NotFound) {
				t.Errorf("%d: %v", status, err)
			}
		}
		if n := len(f.asked(vector)); n != 1 {
			t.Errorf("%d: asked %d times", status, n)
		}
		if r.May(vector) {
			t.Errorf("%d: May says yes", status)
		}
		r.clock.Advance(absentFor - time.Second)
		if r.May(vector) {
			t.Errorf("%d: May says yes before ten minutes are over", status)
		}
		r.clock.Advance(2 * time.Second)
		if !r.May(vector) {
			t.Errorf("%d: May says no after ten minutes", status)
		}
	}
}

// TestFetch_Waits: 202 is asked again after 5, 15 and 45 seconds, then it is a
// no.
func TestFetch_Waits(t *testing.T) {
	f := newFakePeer(t)
	f.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) })
	r := newRig(t, nil, f.peer(config.TrustSize))
	for i, wait := range []time.Duration{5 * time.Second, 15 * time.Second, 45 * time.Second} {
		_, _, err := r.fetch(Want{Name: vector})
		if !Later(err) || !fault.Is(err, fault.Unavailable) || retryAfter(err) != wait {
			t.Fatalf("%d: %v after %s, want %s", i, err, retryAfter(err), wait)
		}
		r.clock.Advance(wait - time.Second) // too early: the peer is not asked
		if _, _, err := r.fetch(Want{Name: vector}); !Later(err) || retryAfter(err) != time.Second {
			t.Errorf("%d: %v after %s", i, err, retryAfter(err))
		}
		r.clock.Advance(time.Second)
	}
	if _, _, err := r.fetch(Want{Name: vector}); !fault.Is(err, fault.NotFound) {
		t.Errorf("after three waits: %v", err)
	}
	if n := len(f.asked(vector)); n != 4 {
		t.Errorf("asked %d times, want 4", n)
	}
	r.clock.Advance(absentFor + time.Second)
	data := archive(1000)
	f.answer(nil)
	f.put(vector, data)
	r.want(Want{Name: vector}, data)
}

func TestFetch_ComesAfterAWait(t *testing.T) {
	f, data := newFakePeer(t), archive(1000)
	f.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) })
	r := newRig(t, nil, f.peer(config.TrustSize))
	if _, _, err := r.fetch(Want{Name: vector}); !Later(err) {
		t.Fatal(err)
	}
	f.answer(nil)
	f.put(vector, data)
	r.clock.Advance(5 * time.Second)
	r.want(Want{Name: vector}, data)
}

// lie is an answer that must not be believed, and why not.
type lie struct {
	answer http.HandlerFunc
	want   Want
	reason string
}

func lies() map[string]lie {
	data := archive(50_000)
	broken := bytes.Clone(data)
	broken[len(broken)/2] ^= 1
	page := []byte("<!DOCTYPE html><title>503</title>" + strings.Repeat("x", 1000))
	body := func(b []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
			_, _ = w.Write(b)
		}
	}
	return map[string]lie{
		"a page":        {body(page), Want{}, "not a zip"},
		"damaged":       {body(broken), Want{}, "not sound"},
		"a cut zip":     {body(data[:len(data)/2]), Want{}, "not sound"},
		"too short":     {body(data), Want{Size: int64(len(data)) + 1}, "where Steam states"},
		"too long":      {body(data), Want{Size: int64(len(data)) - 1}, "where Steam states"},
		"another depot": {body(data), Want{Size: 3, Depot: true}, "where Steam states 3"},
		"empty":         {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "0") }, Want{}, "empty"},
		"no length": {func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(data)
		}, Want{}, "does not say how long"},
		"endless": {endless, Want{}, "does not say how long"},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(data)
		}, Want{}, "compressed"},
		"to the metadata": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		}, Want{}, "redirects"},
		"to another host": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://mods.example.org/"+vector.File(), http.StatusMovedPermanently)
		}, Want{}, "redirects"},
		"to a private host": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://10.0.0.1:27020/"+vector.File(), http.StatusTemporaryRedirect)
		}, Want{}, "redirects"},
	}
}

// TestFetch_Lies: whatever a peer sends, nothing is passed on that is not the
// version, and everybody can see why.
func TestFetch_Lies(t *testing.T) {
	for name, c := range lies() {
		t.Run(name, func(t *testing.T) {
			f := newFakePeer(t)
			f.answer(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == IndexPath {
					http.NotFound(w, r)
					return
				}
				c.answer(w, r)
			})
			r := newRig(t, nil, f.peer(config.TrustSize))
			c.want.Name = vector
			r.refusedFor(c.want, c.reason)
			if left, _ := os.ReadDir(r.dir); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
			// It is not asked for the same again, and shown for a day.
			asked := len(f.asked(vector))
			if _, _, err := r.fetch(c.want); !fault.Is(err, fault.NotFound) || len(f.asked(vector)) != asked {
				t.Errorf("a second time: %v, %d requests more", err, len(f.asked(vector))-asked)
			}
			if list := r.Problems(); len(list) != 1 || list[0].Code != "refused" {
				t.Errorf("problems %+v", list)
			}
			r.clock.Advance(shownFor)
			if st := r.status(0); st.State == Refused {
				t.Error("still refused after a day")
			}
		})
	}
}

// endless sends for ever without a length.
func endless(w http.ResponseWriter, _ *http.Request) {
	block := append([]byte("PK\x03\x04"), make([]byte, 32<<10)...)
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// TestFetch_Depot: of an item that Steam keeps as files, Steam states what the
// files add up to; the size of the archive fits as well.
func TestFetch_Depot(t *testing.T) {
	data := archive(10_000)
	for _, size := range []int64{10_000 + int64(len("-- a mod")), int64(len(data))} {
		f := newFakePeer(t)
		f.put(vector, data)
		r := newRig(t, nil, f.peer(config.TrustSize))
		r.want(Want{Name: vector, Size: size, Depot: true}, data)
	}
}

func TestFetch_LargerThanAllowed(t *testing.T) {
	f := newFakePeer(t)
	f.put(vector, archive(5000))
	r := newRig(t, func(o *Options) { o.MaxBytes = 4096 }, f.peer(config.TrustSize))
	if _, _, err := r.fetch(Want{Name: vector}); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if st := r.status(0); st.State != OK {
		t.Errorf("%+v: that is no lie", st)
	}
}

// TestFetch_SameHostRedirect is followed; any other is not.
func TestFetch_SameHostRedirect(t *testing.T) {
	f, data := newFakePeer(t), archive(1000)
	f.answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/"+vector.File() {
			http.Redirect(w, r, "/files/"+vector.File(), http.StatusFound)
			return
		}
		_, _ = w.Write(data)
	})
	r := newRig(t, nil, f.peer(config.TrustSize))
	r.want(Want{Name: vector}, data)
}

// TestFetch_RedirectToAnotherPort: a peer on this machine must not lead us to
// other services of it.
func TestFetch_RedirectToAnotherPort(t *testing.T) {
	var trapped atomic.Int64
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { trapped.Add(1) }))
	defer trap.Close()
	f := newFakePeer(t)
	f.answer(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, trap.URL, http.StatusFound) })
	r := newRig(t, nil, f.peer(config.TrustSize))
	r.refusedFor(Want{Name: vector}, "redirects")
	if trapped.Load() > 0 {
		t.Error("the redirect was followed")
	}
}

// TestFetch_Slow: next to nothing is cut, and the peer rests.
func TestFetch_Slow(t *testing.T) {
	data := archive(100_000)
	f := newFakePeer(t)
	f.answer(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		for i := range data {
			if _, err := w.Write(data[i : i+1]); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-time.After(10 * time.Millisecond):
			case <-r.Context().Done():
				return
			}
		}
	})
	r := newRig(t, func(o *Options) { o.Clock = nil; o.Stall = 50 * time.Millisecond }, f.peer(config.TrustSize))
	_, _, err := r.fetch(Want{Name: vector})
	if !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	if st := r.status(0); st.State != Unreachable || st.RetryAt.IsZero() || !strings.Contains(st.LastError, "next to nothing") {
		t.Errorf("%+v", st)
	}
}

// TestFetch_Limit: waiting for our own limit is not the peer's fault.
func TestFetch_Limit(t *testing.T) {
	data := archive(100_000)
	f := newFakePeer(t)
	f.put(vector, data)
	var bytes atomic.Int64
	r := newRig(t, func(o *Options) {
		o.Clock, o.Stall = nil, 20*time.Millisecond
		o.Limit = func(_ context.Context, n int) error {
			if bytes.Add(int64(n)) == int64(n) {
				time.Sleep(100 * time.Millisecond) // longer than a peer may be silent
			}
			return nil
		}
	}, f.peer(config.TrustSize))
	r.want(Want{Name: vector}, data)
	if bytes.Load() != int64(len(data)) {
		t.Errorf("%d bytes went through the limit, want %d", bytes.Load(), len(data))
	}
}

// TestFetch_Order: who lists it, then who has no index, then who has one
// without it.
func TestFetch_Order(t *testing.T) {
	data := archive(1000)
	without, python, lister := newFakePeer(t), newFakePeer(t), newFakePeer(t)
	without.publish(nil, entryOf(Name{1, 1}, data))
	lister.publish(nil, entryOf(vector, data))
	r := newRig(t, nil, without.peer("size"), python.peer("size"), lister.peer("size"))
	r.pollAll()
	if _, _, err := r.fetch(Want{Name: vector}); !fault.Is(err, fault.NotFound) {
		t.Error(err) // a stale index: the file is not there any more
	}
	for i, f := range []*fakePeer{lister, python, without} {
		if len(f.asked(vector)) != 1 {
			t.Errorf("%d: asked %d times", i, len(f.asked(vector)))
		}
	}
	r.clock.Advance(absentFor + time.Second)
	lister.put(vector, data)
	got := r.want(Want{Name: vector}, data)
	if got.Peer != lister.srv.URL || len(python.asked(vector)) != 1 || len(without.asked(vector)) != 1 {
		t.Errorf("%+v; the others were asked %d and %d times", got, len(python.asked(vector)), len(without.asked(vector)))
	}
}

// TestFetch_NextPeer: what one peer lies about, another may have.
func TestFetch_NextPeer(t *testing.T) {
	liar, honest, data := newFakePeer(t), newFakePeer(t), archive(1000)
	liar.put(vector, []byte("PK\x03\x04 no"))
	honest.put(vector, data)
	r := newRig(t, nil, liar.peer("size"), honest.peer("size"))
	got := r.want(Want{Name: vector}, data)
	if got.Peer != honest.srv.URL || r.status(0).State != Refused || r.status(1).State != OK {
		t.Errorf("%+v, %+v, %+v", got, r.status(0), r.status(1))
	}
}

// TestFetch_Away: a peer that is away is left alone, for longer each time, and
// keeps nobody waiting for what it does not list.
func TestFetch_Away(t *testing.T) {
	f, data := newFakePeer(t), archive(1000)
	f.publish(nil, entryOf(vector, data))
	r := newRig(t, nil, f.peer("size"))
	r.pollAll()
	f.srv.Close()
	if _, _, err := r.fetch(Want{Name: Name{7, 7}}); !fault.Is(err, fault.NotFound) {
		t.Errorf("not listed: %v", err)
	}
	st := r.status(0)
	if st.State != Unreachable || st.RetryAt.IsZero() || st.LastError == "" {
		t.Errorf("%+v", st)
	}
	if r.May(Name{8, 8}) || !r.May(vector) {
		t.Error("May: only what it lists is worth waiting for")
	}
	if _, _, err := r.fetch(Want{Name: vector}); !fault.Is(err, fault.Unavailable) || retryAfter(err) <= 0 {
		t.Errorf("listed: %v", err)
	}
	if list := r.Problems(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	r.clock.Advance(missingAfter + time.Second)
	if list := r.Problems(); len(list) != 1 || list[0].Code != "unreachable" {
		t.Errorf("%+v", list)
	}
	if r.Has(vector, nil) {
		t.Error("an index of a day ago still counts")
	}
}

func TestFetch_AskedToRest(t *testing.T) {
	f := newFakePeer(t)
	f.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	r := newRig(t, nil, f.peer("size"))
	for range 5 {
		if _, _, err := r.fetch(Want{Name: vector}); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	}
	st := r.status(0)
	if st.State != Resting || st.RetryAt.Sub(epoch) < 120*time.Second || len(f.asked(vector)) != 1 {
		t.Errorf("%+v, asked %d times", st, len(f.asked(vector)))
	}
}

// TestFetch_NoSpace passes the fault on and leaves nothing.
func TestFetch_NoSpace(t *testing.T) {
	f := newFakePeer(t)
	f.put(vector, archive(1000))
	full := fault.New(fault.NoSpace, "full")
	r := newRig(t, func(o *Options) { o.Space = func(context.Context, int64) error { return full } }, f.peer("size"))
	if _, _, err := r.fetch(Want{Name: vector}); !fault.Is(err, fault.NoSpace) {
		t.Error(err)
	}
	r = newRig(t, nil, f.peer("size"))
	if _, err := r.Fetch(context.Background(), Want{Name: vector}, &memorySink{full: true}); !fault.Is(err, fault.NoSpace) {
		t.Error(err)
	}
	if left, _ := os.ReadDir(r.dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestSweep(t *testing.T) {
	f := newFakePeer(t)
	r := newRig(t, nil, f.peer("size"))
	for i := range maxSpools + 3 {
		s, err := r.openSpool(r.peers[0], Name{uint64(i + 1), 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.begin(100, `"x"`); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write([]byte("PK")); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			defer s.close() // in use: it stays
		} else {
			s.close()
		}
		if i < 2 {
			past := time.Now().Add(-2 * spoolKept)
			if err := os.Chtimes(s.path+".part", past, past); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.sweep()
	left, err := filepath.Glob(filepath.Join(r.dir, "*.part"))
	if err != nil || len(left) != maxSpools+1 {
		t.Errorf("%d are left, %v", len(left), err)
	}
}

// TestMemories are bounded.
func TestMemories(t *testing.T) {
	f := newFakePeer(t)
	r := newRig(t, nil, f.peer("size"))
	p := r.peers[0]
	for i := range 3 * maxMemories {
		p.remember(epoch, Name{uint64(i), 1}, memory{until: epoch.Add(time.Minute)})
	}
	if n := len(p.memories); n > maxMemories {
		t.Errorf("%d", n)
	}
}
