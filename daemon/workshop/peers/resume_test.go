package peers

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// TestFetch_Resumes: a transfer that breaks off goes on by Range, at every
// tenth of the file.
func TestFetch_Resumes(t *testing.T) {
	data := archive(300_000)
	for tenth := 1; tenth < 10; tenth++ {
		f := newFakePeer(t)
		f.put(vector, data)
		f.cut, f.cuts = len(data)*tenth/10, 1
		r := newRig(t, func(o *Options) { o.Clock = nil; o.Retry = time.Millisecond }, f.peer(config.TrustSize))
		r.want(Want{Name: vector}, data)
		asked := f.asked(vector)
		if len(asked) != 2 {
			t.Fatalf("%d requests", len(asked))
		}
		from, ok := strings.CutPrefix(asked[1].Header.Get("Range"), "bytes=")
		at, err := strconv.Atoi(strings.TrimSuffix(from, "-"))
		if !ok || err != nil || at == 0 || at > f.cut || asked[1].Header.Get("If-Range") != `"v1"` {
			t.Errorf("cut at %d: Range %q, If-Range %q", f.cut, asked[1].Header.Get("Range"), asked[1].Header.Get("If-Range"))
		}
	}
}

// TestFetch_ResumesAcrossRestarts: what has come survives the process.
func TestFetch_ResumesAcrossRestarts(t *testing.T) {
	data := archive(300_000)
	f := newFakePeer(t)
	f.put(vector, data)
	f.cut, f.cuts = 200_000, 1
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	first := newRig(t, func(o *Options) { o.Dir = dir }, f.peer(config.TrustSize))
	done := make(chan error, 1)
	go func() {
		_, err := first.Fetch(ctx, Want{Name: vector}, &memorySink{})
		done <- err
	}()
	first.clock.Await(2) // the watch on the broken transfer, and the pause before it goes on
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	second := newRig(t, func(o *Options) { o.Dir = dir }, f.peer(config.TrustSize))
	second.want(Want{Name: vector}, data)
	asked := f.asked(vector)
	if last := asked[len(asked)-1].Header.Get("Range"); !strings.HasPrefix(last, "bytes=") || last == "bytes=0-" {
		t.Errorf("Range %q", last)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// TestFetch_ResumeOfDamage: bytes that suffered in a crash cost a second
// transfer and not the peer's good name.
func TestFetch_ResumeOfDamage(t *testing.T) {
	data := archive(100_000)
	f := newFakePeer(t)
	f.put(vector, data)
	r := newRig(t, nil, f.peer(config.TrustSize))
	p := r.peers[0]
	spool, err := r.openSpool(p, vector)
	if err != nil {
		t.Fatal(err)
	}
	if err := spool.begin(int64(len(data)), `"v1"`); err != nil {
		t.Fatal(err)
	}
	if _, err := spool.Write(make([]byte, 50_000)); err != nil {
		t.Fatal(err)
	}
	spool.close()
	r.want(Want{Name: vector}, data)
	if st := r.status(0); st.State != OK || st.Refused != 0 {
		t.Errorf("%+v", st)
	}
}

// TestFetch_ResumeOfAnother: the file changed at the peer meanwhile, or it does
// not know ranges.
func TestFetch_ResumeOfAnother(t *testing.T) {
	old, data := archive(100_000), archive(120_000)
	for _, noRange := range []bool{false, true} {
		f := newFakePeer(t)
		f.put(vector, data)
		f.etag, f.noRange = `"v2"`, noRange
		r := newRig(t, nil, f.peer(config.TrustSize))
		spool, err := r.openSpool(r.peers[0], vector)
		if err != nil {
			t.Fatal(err)
		}
		if err := spool.begin(int64(len(old)), `"v1"`); err != nil {
			t.Fatal(err)
		}
		if _, err := spool.Write(old[:40_000]); err != nil {
			t.Fatal(err)
		}
		spool.close()
		r.want(Want{Name: vector}, data)
	}
}

// TestFetch_OldServer: HTTP/1.0 without ranges begins again after a break.
func TestFetch_OldServer(t *testing.T) {
	data := archive(100_000)
	f := newFakePeer(t)
	f.put(vector, data)
	f.noRange, f.cut, f.cuts = true, 30_000, 2
	r := newRig(t, func(o *Options) { o.Clock = nil; o.Retry = time.Millisecond }, f.peer(config.TrustSize))
	r.want(Want{Name: vector}, data)
}

// TestFetch_AlwaysCut ends, and can be tried again later.
func TestFetch_AlwaysCut(t *testing.T) {
	data := archive(100_000)
	f := newFakePeer(t)
	f.put(vector, data)
	f.cut, f.cuts = 1000, 1000
	r := newRig(t, func(o *Options) { o.Clock = nil; o.Retry = time.Microsecond }, f.peer(config.TrustSize))
	if _, _, err := r.fetch(Want{Name: vector}); !fault.Is(err, fault.Unavailable) || Later(err) {
		t.Error(err)
	}
	if n := len(f.asked(vector)); n != maxTries+1 {
		t.Errorf("%d requests", n)
	}
	f.mu.Lock()
	f.cuts = 0
	f.mu.Unlock()
	r.want(Want{Name: vector}, data)
}
