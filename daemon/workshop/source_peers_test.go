package workshop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/workshop/peers"
)

// otherServer is a backup server that another community runs.
type otherServer struct {
	*httptest.Server
	mu     sync.Mutex
	files  map[string][]byte
	index  bool
	asked  []string
	status int // of what it does not have
}

func newOtherServer(t testing.TB) *otherServer {
	t.Helper()
	o := &otherServer{files: map[string][]byte{}, status: http.StatusNotFound}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

func (o *otherServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.URL.Path == peers.IndexPath && o.index {
		var list []map[string]any
		for name, data := range o.files {
			n, _ := ParseName(name)
			sum := sha256.Sum256(data)
			list = append(list, map[string]any{"id": n.Item.String(), "version": n.Version, "size": len(data), "sha256": hex.EncodeToString(sum[:])})
		}
		_ = json.NewEncoder(w).Encode(list)
		return
	}
	if strings.HasSuffix(r.URL.Path, ".zip") {
		o.asked = append(o.asked, strings.TrimPrefix(r.URL.Path, "/"))
	}
	data, ok := o.files[strings.TrimPrefix(r.URL.Path, "/")]
	if !ok {
		w.WriteHeader(o.status)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func (o *otherServer) put(n Name) []byte {
	data := steamtest.Zip(map[string]string{"lua/old.lua": "-- " + n.String()})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files[n.File()] = data
	return data
}

func (o *otherServer) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.asked)
}

func withPeers(list ...*otherServer) func(*config.Workshop) {
	return func(c *config.Workshop) {
		for _, o := range list {
			c.Peers = append(c.Peers, config.Peer{URL: o.URL, Trust: config.TrustSize})
		}
	}
}

// comesTo asks for n until the answer is not 202 any more.
func (r *rig) comesTo(n Name) *httptest.ResponseRecorder {
	r.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		w := r.do(http.MethodGet, "/"+n.File(), nil)
		if w.Code != http.StatusAccepted || time.Now().After(end) {
			return w
		}
	}
}

var oldVector = Name{Item: vectorItem, Version: vectorVersion - 1}

func TestPeers_OldVersion(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		o := newOtherServer(t)
		r := newRigOn(t, d, t.TempDir(), withPeers(o))
		r.offer(vector)
		old := o.put(oldVector)
		r.start()
		w := r.comesTo(oldVector)
		if w.Code != http.StatusOK || !bytes.Equal(bodyOf(t, w), old) {
			t.Fatalf("%d %q\n%s", w.Code, w.Header().Get("X-Reason"), r.log)
		}
		// What is asked for is also what makes the store fill itself.
		if w := r.comesTo(vector); w.Code != http.StatusOK {
			t.Errorf("the current version: %d", w.Code)
		}
		sum := sha256.Sum256(old)
		check := func(v Version) {
			t.Helper()
			if v.Source != "peers" || v.Peer != o.URL || v.Origin != strings.TrimPrefix(o.URL, "http://") || v.VerifiedBy != "size" ||
				v.FetchedAt.IsZero() || time.Since(v.FetchedAt) > time.Minute || !bytes.Equal(v.SHA256, sum[:]) {
				t.Errorf("%+v", v)
			}
		}
		check(r.index.get(oldVector).Version)
		// The same from the database, in the views, and after a check.
		v, err := r.storedVersion(context.Background(), oldVector)
		if err != nil {
			t.Fatal(err)
		}
		check(v)
		if o, err := r.VerifyVersion(context.Background(), oldVector); err != nil || !o.OK {
			t.Errorf("%+v, %v", o, err)
		}
		check(r.index.get(oldVector).Version)
		text, err := json.Marshal(r.JSON(v))
		var view struct{ Provenance map[string]string }
		if err != nil || json.Unmarshal(text, &view) != nil {
			t.Fatal(err)
		}
		p := view.Provenance
		if at, err := time.Parse(time.RFC3339, p["time"]); err != nil || !at.Equal(v.FetchedAt) {
			t.Errorf("%v, %v", p, err)
		}
		if p["source"] != "peers" || p["peer"] != o.URL || p["verified_by"] != "size" || p["sha256"] != hex.EncodeToString(sum[:]) {
			t.Errorf("%v", p)
		}
		if n := o.count(); n != 1 {
			t.Errorf("the peer was asked %d times", n)
		}
	})
}

// TestPeers_Nobody: what no peer has is refused as an old version, and the peer
// is not asked again.
func TestPeers_Nobody(t *testing.T) {
	t.Parallel()
	o := newOtherServer(t)
	r := newRig(t, withPeers(o))
	r.offer(vector)
	r.start()
	for range 3 {
		w := r.comesTo(oldVector)
		if w.Code != http.StatusNotFound || w.Header().Get("X-Reason") != "Denied - old version and not backed up" {
			t.Fatalf("%d %q", w.Code, w.Header().Get("X-Reason"))
		}
	}
	if n := o.count(); n != 1 {
		t.Errorf("the peer was asked %d times", n)
	}
	// It is an answer to a client and no failure.
	st, err := r.Status(context.Background())
	if err != nil || st.Failed != 0 || len(st.Problems) != 0 {
		t.Errorf("%d failed, %+v, %v", st.Failed, st.Problems, err)
	}
	// Peers asking us do not make us ask others.
	w := r.do(http.MethodGet, "/m5f3f7c0_7.zip", map[string]string{"Cache-Control": "only-if-cached"})
	if w.Code != http.StatusGatewayTimeout || o.count() != 1 {
		t.Errorf("%d, asked %d times", w.Code, o.count())
	}
}

// TestPeers_Listed: a version that a peer has come to list is asked for anew,
// although it was refused a moment ago, and can be brought again.
func TestPeers_Listed(t *testing.T) {
	t.Parallel()
	o := newOtherServer(t)
	o.index = true
	r := newRig(t, withPeers(o))
	r.offer(vector)
	r.start()
	if w := r.comesTo(oldVector); w.Code != http.StatusNotFound {
		t.Fatal(w.Code)
	}
	if !r.irreplaceable(oldVector) {
		t.Error("nobody has it, and it is called replaceable")
	}
	old := o.put(oldVector)
	r.peersList([]peers.Name{peerName(oldVector)})
	if _, ok := r.records.job(oldVector); ok {
		t.Error("the refusal is still there")
	}
	// The next poll of the index tells the same.
	for end := time.Now().Add(40 * time.Second); !r.peers.Has(peerName(oldVector), nil); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the index was not asked for again")
		}
	}
	if w := r.comesTo(oldVector); w.Code != http.StatusOK || !bytes.Equal(bodyOf(t, w), old) {
		t.Errorf("%d", w.Code)
	}
	if r.irreplaceable(oldVector) {
		t.Error("a peer lists it, and it is called irreplaceable")
	}
	v := r.index.get(oldVector).Version
	v.SHA256 = make([]byte, 32)
	r.index.put(v)
	if !r.irreplaceable(oldVector) {
		t.Error("the peer has other bytes, and ours are called replaceable")
	}
}

// TestPeers_SteamDown: peers need no answer of Steam, but somebody must have
// named the item.
func TestPeers_SteamDown(t *testing.T) {
	t.Parallel()
	o := newOtherServer(t)
	r := newRig(t, func(c *config.Workshop) {
		withPeers(o)(c)
		c.Monitor.IDs = []config.Item{vectorItem}
	})
	r.steam.set(errSteamDown)
	data := o.put(vector)
	stranger := Name{Item: 0x77, Version: 7}
	o.put(stranger)
	r.start()
	if w := r.comesTo(vector); w.Code != http.StatusOK || !bytes.Equal(bodyOf(t, w), data) {
		t.Errorf("%d\n%s", w.Code, r.log)
	}
	r.do(http.MethodGet, "/"+stranger.File(), nil)
	time.Sleep(500 * time.Millisecond)
	if w := r.do(http.MethodGet, "/"+stranger.File(), nil); w.Code != http.StatusAccepted || o.count() != 1 {
		t.Errorf("an item that nobody named: %d, %d requests", w.Code, o.count())
	}
}

// TestPeers_WrongSize: the current version must have the size that Steam
// states; the refusal is a problem that people see.
func TestPeers_WrongSize(t *testing.T) {
	t.Parallel()
	o := newOtherServer(t)
	r := newRig(t, withPeers(o))
	r.offer(vector)
	r.source.mu.Lock()
	delete(r.source.bytes, vector)
	r.source.mu.Unlock()
	o.mu.Lock()
	o.files[vector.File()] = steamtest.Zip(map[string]string{"evil.lua": "other"})
	o.mu.Unlock()
	r.start()
	if w := r.comesTo(vector); w.Code != http.StatusNotFound || w.Header().Get("X-Reason") != "Denied - no source can supply this item" {
		t.Errorf("%d %q", w.Code, w.Header().Get("X-Reason"))
	}
	st, err := r.Status(context.Background())
	found := false
	for _, p := range st.Problems {
		found = found || p.Code == "peer_refused" && strings.Contains(p.Text, "where Steam states")
	}
	if err != nil || !found {
		t.Errorf("%+v, %v", st.Problems, err)
	}
	if strings.Contains(strings.Join(r.keys(), " "), "mods/") {
		t.Errorf("%v is stored", r.keys())
	}
}

// TestPeers_NotAsked: banned items, items of other games and denied ones are
// not fetched from anybody.
func TestPeers_NotAsked(t *testing.T) {
	t.Parallel()
	o := newOtherServer(t)
	r := newRig(t, withPeers(o))
	banned, foreign, denied := Name{0xba, 5}, Name{0xfe, 5}, Name{0xd15a, 5}
	r.steam.put(uint64(banned.Item), 9, func(d *webapi.FileDetails) { d.Banned = true })
	r.steam.put(uint64(foreign.Item), 9, func(d *webapi.FileDetails) { d.AppID = 4000 })
	for _, n := range []Name{banned, foreign, denied} {
		o.put(n)
	}
	r.start()
	for n, status := range map[Name]int{banned: 404, foreign: 403, denied: 403} {
		if w := r.comesTo(n); w.Code != status {
			t.Errorf("%s: %d, want %d", n, w.Code, status)
		}
	}
	if o.count() != 0 {
		t.Errorf("asked for %v", o.asked)
	}
}

// TestPeers_NotASource: without "peers" in workshop.sources nobody is asked and
// nothing is said of them.
func TestPeers_NotASource(t *testing.T) {
	t.Parallel()
	o := newOtherServer(t)
	r := newRig(t, func(c *config.Workshop) { withPeers(o)(c); c.Sources = []string{"folder", "steam-url"} })
	r.offer(vector)
	o.put(oldVector)
	r.start()
	if w := r.comesTo(oldVector); w.Code != http.StatusNotFound || o.count() != 0 {
		t.Errorf("%d, asked %d times", w.Code, o.count())
	}
}

// TestPeers_Flood: no number of versions that nobody has keeps others from
// being fetched.
func TestPeers_Flood(t *testing.T) {
	r := newRecords()
	now := time.Now()
	for i := range maxJobs {
		r.setJob(Job{ID: int64(i + 1), Name: Name{1, int64(i)}, State: Denied, Error: answerOldVersion.reason(), RetryAt: now.Add(time.Hour)})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.want(now, Name{2, 2}, true) || len(r.jobs) > maxJobs {
		t.Errorf("%d jobs", len(r.jobs))
	}
}

// TestPeers_Retention: an old version that a peer lists may go, but only when
// the peer has the same bytes at that moment.
func TestPeers_Retention(t *testing.T) {
	t.Parallel()
	o := newOtherServer(t)
	o.index = true
	r := newRig(t, withPeers(o))
	old, current := Name{1, 10}, Name{1, 20}
	bytes := []byte("12345")
	sum := sha256.Sum256(bytes)
	r.running.attached.Store(true) // the daemon, which reads the lists when it is time
	r.keep(old, 90, 90, 60, func(v *Version) { v.SHA256 = sum[:] })
	r.keep(current, 30, 30, 0, nil)
	gc := func(why string) {
		t.Helper()
		tidied, err := r.GC(context.Background(), true)
		if err != nil {
			t.Fatal(err)
		}
		if why == "" && len(tidied.Removed) == 1 && tidied.Removed[0].Name == old {
			return
		}
		if why == "" || len(tidied.Removed) != 0 || len(tidied.Kept) != 1 || tidied.Kept[0].Why != why {
			t.Errorf("%+v, want kept for %q", tidied, why)
		}
	}
	gc("superseded by 20 for at least 168h, but no source can supply it again; workshop.retention.keep_irreplaceable = false lets it go")
	o.mu.Lock()
	o.files[old.File()] = bytes
	o.mu.Unlock()
	r.readPeers(old, sum[:])
	gc("")
	o.mu.Lock()
	delete(o.files, old.File())
	o.mu.Unlock()
	gc("the peer that lists it does not confirm it")
}

// TestPeers_Survey: a command knows what the peers list as the daemon does, and
// says which of them it could not ask.
func TestPeers_Survey(t *testing.T) {
	t.Parallel()
	o, dead := newOtherServer(t), newOtherServer(t)
	o.index = true
	dead.Close()
	missing := filepath.Join(t.TempDir(), "missing")
	r := newRig(t, func(c *config.Workshop) {
		withPeers(o, dead)(c)
		c.Roots = []string{missing}
	})
	old, current := Name{1, 10}, Name{1, 20}
	data := o.put(old)
	sum := sha256.Sum256(data)
	r.keep(old, 90, 90, 60, func(v *Version) { v.SHA256, v.Size = sum[:], int64(len(data)) })
	r.keep(current, 30, 30, 0, nil)
	tidied, err := r.GC(t.Context(), true)
	if err != nil || len(tidied.Removed) != 1 || tidied.Removed[0].Name != old {
		t.Errorf("%+v, %v", tidied, err)
	}
	if r.irreplaceable(old) {
		t.Error("what a peer lists counts as irreplaceable")
	}
	for _, part := range []string{"a peer did not give its list", dead.URL, "a folder cannot be read", missing} {
		if !strings.Contains(r.log.String(), part) {
			t.Errorf("the log does not say %q:\n%s", part, r.log.String())
		}
	}
	if strings.Contains(r.log.String(), "peer="+o.URL) {
		t.Errorf("the peer that answered is named:\n%s", r.log.String())
	}
}

// readPeers waits until a peer lists a version.
func (r *rig) readPeers(n Name, sum []byte) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.peers.Run(ctx) }()
	for end := time.Now().Add(20 * time.Second); !r.peers.Has(peerName(n), sum); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatal("the index was not read")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		r.t.Fatal(err)
	}
}

// TestPeers_Quota: what a peer does not confirm is not counted on, so nothing
// else goes for a download that would not fit all the same.
func TestPeers_Quota(t *testing.T) {
	t.Parallel()
	o := newOtherServer(t)
	o.index = true
	r := newRig(t, withPeers(o))
	peerOnly, steam := Name{1, 10}, Name{2, 10}
	data := []byte("12345")
	sum := sha256.Sum256(data)
	r.keep(peerOnly, 90, 90, 60, func(v *Version) { v.SHA256 = sum[:] })
	r.keep(steam, 90, 90, 50, nil)
	r.steamSaid(0, steam)
	o.mu.Lock()
	o.files[peerOnly.File()] = data
	o.mu.Unlock()
	r.readPeers(peerOnly, sum[:])
	evicts := func(need int64, want ...Name) {
		t.Helper()
		tidied, err := r.clearOut(t.Context(), shortage{need: need}, true)
		var got []Name
		for _, x := range tidied.Removed {
			got = append(got, x.Name)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("for %d bytes go %v, want %v: %v %+v", need, got, want, err, tidied.Kept)
		}
	}
	evicts(10, peerOnly, steam)
	o.mu.Lock()
	delete(o.files, peerOnly.File())
	o.mu.Unlock()
	evicts(10)
	evicts(5, steam)
}
