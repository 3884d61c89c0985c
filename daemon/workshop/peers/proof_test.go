package peers

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// other is a sound archive that is not the right one.
func other() []byte { return archive(2001) }

func TestQuorum(t *testing.T) {
	data := archive(2000)
	a, b := newPeerAt(t, "127.0.0.1"), newPeerAt(t, "127.0.0.2")
	a.put(vector, data)
	b.put(vector, data)
	r := newRig(t, nil, a.peer("quorum"), b.peer("quorum"))
	if got := r.want(Want{Name: vector}, data); got.VerifiedBy != "quorum" || got.Peer != a.srv.URL {
		t.Errorf("%+v", got)
	}
}

// TestQuorum_Witness: an index and a stated digest count as saying so; the file
// is not transferred twice then.
func TestQuorum_Witness(t *testing.T) {
	data := archive(2000)
	a, b := newPeerAt(t, "127.0.0.1"), newPeerAt(t, "127.0.0.2")
	a.put(vector, data)
	b.publish(nil, entryOf(vector, data))
	r := newRig(t, nil, a.peer("quorum"), b.peer("size"))
	r.pollAll()
	r.peers[1].remember(epoch, vector, memory{until: epoch.Add(time.Hour)})
	r.want(Want{Name: vector}, data)
	if len(b.asked(vector)) != 0 {
		t.Error("the file was asked for although the index says enough")
	}

	a, b = newPeerAt(t, "127.0.0.1"), newPeerAt(t, "127.0.0.2")
	a.put(vector, data)
	sum := entryOf(vector, data).SHA256
	b.answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == IndexPath {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Repr-Digest", "md5=:xx:, sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(make([]byte, len(data))) // nobody reads it
	})
	r = newRig(t, nil, a.peer("quorum"), b.peer("size"))
	r.want(Want{Name: vector}, data)
}

// TestQuorum_Wrong: a file that the others do not have is refused.
func TestQuorum_Wrong(t *testing.T) {
	data := archive(2000)
	same := bytes.Clone(data)
	a, b, c := newPeerAt(t, "127.0.0.1"), newPeerAt(t, "127.0.0.2"), newPeerAt(t, "127.0.0.3")
	a.put(vector, other())
	b.put(vector, data)
	r := newRig(t, nil, a.peer("quorum"), b.peer("quorum"))
	r.refusedFor(Want{Name: vector}, "another file than 127.0.0.2")
	// A third decides.
	c.put(vector, same)
	r = newRig(t, nil, a.peer("quorum"), b.peer("quorum"), c.peer("quorum"))
	if got := r.want(Want{Name: vector}, data); got.Peer != b.srv.URL {
		t.Errorf("%+v", got)
	}
	if r.status(0).State != Refused || r.status(1).State != OK || r.status(2).State != OK {
		t.Errorf("%s %s %s", r.status(0).State, r.status(1).State, r.status(2).State)
	}
	// The liar may also be the second one.
	r = newRig(t, nil, b.peer("quorum"), a.peer("quorum"), c.peer("quorum"))
	r.want(Want{Name: vector}, data)
	if r.status(1).State != Refused || !strings.Contains(r.status(1).LastError, "than 127.0.0.2 and 127.0.0.3") {
		t.Errorf("%+v", r.status(1))
	}
}

// TestQuorum_Alone: one peer, or two on one host, are no quorum.
func TestQuorum_Alone(t *testing.T) {
	a, b := newFakePeer(t), newFakePeer(t)
	a.put(vector, archive(2000))
	b.put(vector, archive(2000))
	r := newRig(t, nil, a.peer("quorum"), b.peer("quorum"))
	if _, _, err := r.fetch(Want{Name: vector}); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	list := r.Problems()
	if len(list) != 2 || list[0].Code != "alone" {
		t.Errorf("%+v", list)
	}
	// The second has nothing to say.
	c := newPeerAt(t, "127.0.0.2")
	r = newRig(t, nil, a.peer("quorum"), c.peer("size"))
	if _, _, err := r.fetch(Want{Name: vector}); !fault.Is(err, fault.NotFound) || r.status(0).State != OK {
		t.Errorf("%v, %+v", err, r.status(0))
	}
}

// TestQuorum_WitnessFetches: the second peer begins to fetch it itself; the
// first one's file waits and is not transferred again.
func TestQuorum_WitnessFetches(t *testing.T) {
	data := archive(2000)
	a, b := newPeerAt(t, "127.0.0.1"), newPeerAt(t, "127.0.0.2")
	a.put(vector, data)
	b.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) })
	r := newRig(t, nil, a.peer("quorum"), b.peer("size"))
	if _, _, err := r.fetch(Want{Name: vector}); !Later(err) || retryAfter(err) != 5*time.Second {
		t.Fatal(err)
	}
	b.answer(nil)
	b.put(vector, data)
	r.clock.Advance(5 * time.Second)
	r.want(Want{Name: vector}, data)
	if n := len(a.asked(vector)); n != 1 {
		t.Errorf("the first peer was asked %d times", n)
	}
}

func TestKey(t *testing.T) {
	private, public := newKey(t)
	data := archive(2000)
	f := newFakePeer(t)
	f.put(vector, data)
	f.publish(private, entryOf(vector, data))
	r := newRig(t, nil, config.Peer{URL: f.srv.URL, Trust: config.TrustKey, Key: public})
	if got := r.want(Want{Name: vector, Size: 5}, data); got.VerifiedBy != "key" {
		t.Errorf("%+v", got)
	}
}

func TestKey_Refused(t *testing.T) {
	private, public := newKey(t)
	stranger, _ := newKey(t)
	data := archive(2000)
	index := newIndex([]Entry{entryOf(vector, data)}).Encode()
	for name, c := range map[string]struct {
		change func(f *fakePeer)
		reason string
	}{
		"other bytes":         {func(f *fakePeer) { d := bytes.Clone(data); copy(d[len(d)/2:], "XX"); f.put(vector, d) }, "not sound"},
		"another archive":     {func(f *fakePeer) { f.put(vector, other()) }, "its signed index says"},
		"same size":           {func(f *fakePeer) { f.put(vector, twin(data)) }, "another one than its index says"},
		"another key":         {func(f *fakePeer) { f.publishText(stranger, index) }, "signed with another key"},
		"not signed":          {func(f *fakePeer) { f.publishText(nil, index) }, "not signed"},
		"signature of before": {func(f *fakePeer) { f.index = append(bytes.Clone(index), '\n') }, "signature is wrong"},
		"no signature":        {func(f *fakePeer) { f.header.Set(HeaderSignature, "xx") }, "signature is not one"},
		"no index":            {func(f *fakePeer) { f.index = nil }, "publishes no index"},
		"signed nonsense":     {func(f *fakePeer) { f.publishText(private, []byte(`{"no":"list"}`)) }, "not one"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakePeer(t)
			f.put(vector, data)
			f.publishText(private, index)
			c.change(f)
			r := newRig(t, nil, config.Peer{URL: f.srv.URL, Trust: config.TrustKey, Key: public})
			r.refusedFor(Want{Name: vector}, c.reason)
			list := r.Problems()
			if len(list) != 1 || list[0].Code != "refused" && list[0].Code != "key" {
				t.Errorf("%+v", list)
			}
		})
	}
}

// twin is a sound archive of the same size with another content.
func twin(data []byte) []byte {
	other := archiveOf("-- b mod", 2000)
	if len(other) != len(data) {
		panic("the archives differ in size")
	}
	return other
}

// TestKey_NotListed: what the signed index does not list is not taken, until it
// does.
func TestKey_NotListed(t *testing.T) {
	private, public := newKey(t)
	data := archive(2000)
	f := newFakePeer(t)
	f.put(vector, data)
	f.publish(private)
	var listed []Name
	r := newRig(t, func(o *Options) { o.Listed = func(n []Name) { listed = append(listed, n...) } },
		config.Peer{URL: f.srv.URL, Trust: config.TrustKey, Key: public})
	if _, _, err := r.fetch(Want{Name: Name{1, 1}}); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	// It serves the file, and will list it once it was read.
	if _, _, err := r.fetch(Want{Name: vector}); !Later(err) || retryAfter(err) != 5*time.Second {
		t.Errorf("%v after %s", err, retryAfter(err))
	}
	if asked := f.asked(vector); len(asked) != 1 || asked[0].Method != "HEAD" || asked[0].Header.Get("Cache-Control") != "only-if-cached" {
		t.Errorf("asked %d times", len(asked))
	}
	f.publish(private, entryOf(vector, data))
	r.clock.Advance(freshFor)
	r.want(Want{Name: vector}, data)
	if len(listed) != 1 || listed[0] != vector {
		t.Errorf("listed %v", listed)
	}
}

// TestKey_Heals: a key that fits again ends the refusal.
func TestKey_Heals(t *testing.T) {
	private, public := newKey(t)
	stranger, _ := newKey(t)
	f := newFakePeer(t)
	f.publish(stranger)
	r := newRig(t, nil, config.Peer{URL: f.srv.URL, Trust: config.TrustKey, Key: public})
	r.pollAll()
	if list := r.Problems(); len(list) != 1 || list[0].Code != "key" {
		t.Errorf("%+v", list)
	}
	f.publish(private)
	r.pollAll()
	if st := r.status(0); st.State != OK || len(r.Problems()) != 0 {
		t.Errorf("%+v, %+v", st, r.Problems())
	}
}

// TestSize_Contradiction: a peer whose file is another one than it says itself
// is not believed, whatever the trust.
func TestSize_Contradiction(t *testing.T) {
	data := archive(2000)
	f := newFakePeer(t)
	f.put(vector, other())
	f.publish(nil, entryOf(vector, data))
	r := newRig(t, nil, f.peer("size"))
	r.pollAll()
	r.refusedFor(Want{Name: vector}, "another one than its index says")
	// It may have replaced a copy since; its index says so when asked again.
	f2 := newFakePeer(t)
	f2.put(vector, other())
	f2.publish(nil, entryOf(vector, data))
	r = newRig(t, nil, f2.peer("size"))
	r.pollAll()
	f2.publish(nil, entryOf(vector, other()))
	r.want(Want{Name: vector}, other())
}
