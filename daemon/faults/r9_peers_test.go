package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// modOf is what the API says of a mod and its versions.
type modOf struct {
	Versions []struct {
		Name       string
		SHA256     string
		Source     string
		Provenance struct {
			Source, Peer, SHA256 string
			Time                 time.Time
			VerifiedBy           string `json:"verified_by"`
		}
	}
}

type peersOf struct {
	PublicKey string `json:"public_key"`
	Peers     []struct {
		URL, Trust, State string
		LastError         string `json:"last_error"`
		Fetched, Refused  int64
		FetchedBytes      int64 `json:"fetched_bytes"`
	}
}

// plainServer is a file server that knows nothing but names.
type plainServer struct {
	srv *httptest.Server

	mu     sync.Mutex
	files  map[string][]byte
	ranges []string
	slow   bool // stall after a third, unless a range is asked for
}

func newPlainServer(t *testing.T, ip string) *plainServer {
	t.Helper()
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	p := &plainServer{files: map[string][]byte{}}
	p.srv = httptest.NewUnstartedServer(p)
	_ = p.srv.Listener.Close()
	p.srv.Listener = l
	p.srv.Start()
	t.Cleanup(p.srv.Close)
	return p
}

func (p *plainServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	data, slow := p.files[strings.TrimPrefix(r.URL.Path, "/")], p.slow
	if data != nil {
		p.ranges = append(p.ranges, r.Header.Get("Range"))
	}
	p.mu.Unlock()
	switch {
	case data == nil:
		http.NotFound(w, r)
	case slow && r.Header.Get("Range") == "":
		w.Header().Set("ETag", `"one"`)
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:len(data)/3])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	default:
		w.Header().Set("ETag", `"one"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}

func (p *plainServer) put(name string, data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files[name] = data
}

func (p *plainServer) asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.ranges...)
}

func peerBlock(url, trust, key string) string {
	return fmt.Sprintf("[[workshop.peers]]\nurl = %q\ntrust = %q\nkey = %q\n", url, trust, key)
}

const oldVersion = version - 1000

func oldName(id uint64) string { return fmt.Sprintf("m%x_%d.zip", id, oldVersion) }

// comes asks for a name until it is served and returns how long that took.
func (p *program) comes(name string, want []byte, within time.Duration) time.Duration {
	p.t.Helper()
	return eventually(p.t, within, name+" comes", func() bool {
		status, body, err := get(p.url("/" + name))
		if err == nil && status == http.StatusOK && !bytes.Equal(body, want) {
			p.t.Fatalf("%s: %d wrong bytes", name, len(body))
		}
		return err == nil && status == http.StatusOK
	})
}

// Two daemons and a plain file server. A version that Steam does not have any
// more comes from the one that has it, whatever it is, and everybody can see
// from where. Nobody asks in circles.
func TestR9_OldVersionFromAPeer(t *testing.T) {
	t.Parallel()
	random := seed(t)
	steam := steamtest.New(t)
	for id := uint64(0x100); id < 0x104; id++ {
		newContents().offer(random, steam, id, 10_000)
	}
	contents := map[uint64][]byte{}
	for id := uint64(0x100); id < 0x103; id++ {
		contents[id] = steamtest.Zip(map[string]string{"old.lua": randomText(random, 200_000)})
	}
	root := t.TempDir()
	writeFile(t, filepath.Join(root, oldName(0x100)), contents[0x100])
	writeFile(t, filepath.Join(root, oldName(0x102)), contents[0x102])
	common := fmt.Sprintf("[steam]\napi_url = %q\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL())
	plain := newPlainServer(t, "127.0.0.2")
	plain.put(oldName(0x101), contents[0x101])
	plain.put(oldName(0x102), contents[0x102])

	b := install(t, "")
	a := install(t, common+peerBlock("http://"+b.addr, "size", "")+peerBlock(plain.srv.URL, "size", ""))
	writeConfig(t, b, fmt.Sprintf("[workshop]\nroots = [%q]\n", root)+common+peerBlock("http://"+a.addr, "size", ""))
	b.start()
	a.start()
	a.admin()
	took := a.comes(oldName(0x100), contents[0x100], 60*time.Second)
	a.comes(oldName(0x101), contents[0x101], 60*time.Second)
	for id, peer := range map[uint64]string{0x100: "http://" + b.addr, 0x101: plain.srv.URL} {
		a.provenance(id, peer, contents[id])
	}
	if list := a.run("", "mods", "list", "--json"); !strings.Contains(list, `"verified_by": "size"`) || !strings.Contains(list, plain.srv.URL) {
		t.Errorf("mods list --json:\n%s", list)
	}
	// Nobody has this one; both ask the other from its disk only.
	eventually(t, 30*time.Second, "a version that nobody has is denied", func() bool {
		status, _, err := get(a.url("/" + oldName(0x103)))
		return err == nil && status == http.StatusNotFound
	})
	var st peersOf
	a.must(http.StatusOK, http.MethodGet, "/api/v1/mods/peers", nil, &st)
	if len(st.Peers) != 2 || st.Peers[0].State != "ok" || st.Peers[0].Fetched != 1 || st.Peers[1].Fetched != 1 {
		t.Errorf("%+v", st)
	}
	a.quorum(t, common, b, plain, contents[0x102])
	figures(t, "an old version came from a daemon and one from a plain file server (%s), with provenance; a third by quorum of the two; one that nobody has was denied", took.Round(time.Millisecond))
}

// provenance compares what the program says of an old version with the peer
// that gave it.
func (p *program) provenance(id uint64, peer string, content []byte) {
	p.t.Helper()
	var mod modOf
	p.must(http.StatusOK, http.MethodGet, fmt.Sprintf("/api/v1/mods/m%x", id), nil, &mod)
	found := false
	for _, v := range mod.Versions {
		if v.Name != oldName(id) {
			continue
		}
		found = true
		from := v.Provenance
		if v.Source != "peers" || from.Source != "peers" || from.Peer != peer || from.VerifiedBy != "size" || from.SHA256 != sum(content) ||
			time.Since(from.Time) > time.Hour || from.Time.IsZero() {
			p.t.Errorf("%x: %+v", id, v)
		}
	}
	if !found {
		p.t.Errorf("%x: %+v", id, mod)
	}
}

// quorum restarts the program so that both peers must agree.
func (p *program) quorum(t *testing.T, common string, b *program, plain *plainServer, want []byte) {
	t.Helper()
	p.stop()
	writeConfig(t, p, common+peerBlock("http://"+b.addr, "quorum", "")+peerBlock(plain.srv.URL, "quorum", ""))
	p.start()
	p.comes(oldName(0x102), want, 60*time.Second)
	var mod modOf
	p.must(http.StatusOK, http.MethodGet, "/api/v1/mods/m102", nil, &mod)
	for _, v := range mod.Versions {
		if v.Name == oldName(0x102) && v.Provenance.VerifiedBy != "quorum" {
			t.Errorf("%+v", v)
		}
	}
}

// A peer with wrong bytes is refused in each trust mode: nothing of it is
// stored or served, and the operator can see why.
func TestR9_WrongBytesFromAPeer(t *testing.T) {
	t.Parallel()
	random := seed(t)
	steam := steamtest.New(t)
	newContents().offer(random, steam, 0x200, 10_000)
	right := steamtest.Zip(map[string]string{"old.lua": randomText(random, 50_000)})
	damaged := bytes.Clone(right)
	damaged[len(damaged)/2] ^= 0xff
	other := steamtest.Zip(map[string]string{"evil.lua": randomText(random, 50_000)})
	root := t.TempDir()
	writeFile(t, filepath.Join(root, oldName(0x200)), right)
	common := fmt.Sprintf("[steam]\napi_url = %q\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL())
	b := install(t, fmt.Sprintf("[workshop]\nroots = [%q]\n", root)+common)
	b.start()
	var own peersOf
	if err := json.Unmarshal([]byte(b.run("", "mods", "peers", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	b.comes(oldName(0x200), right, 10*time.Second) // what was just copied is read when it is asked for
	eventually(t, 30*time.Second, "the honest peer lists its version", func() bool {
		_, body, err := get(b.url("/api/v1/workshop/index"))
		return err == nil && bytes.Contains(body, []byte(sum(right)))
	})
	liar := newPlainServer(t, "127.0.0.2")
	liar.put(oldName(0x200), damaged)
	stranger := newPlainServer(t, "127.0.0.3")
	stranger.put(oldName(0x200), other)
	relay := newRelay(t, b, other)
	for mode, blocks := range map[string]string{
		"size":   peerBlock(liar.srv.URL, "size", ""),
		"quorum": peerBlock(stranger.srv.URL, "quorum", "") + peerBlock("http://"+b.addr, "quorum", ""),
		"key":    peerBlock(relay, "key", own.PublicKey),
		"no key": peerBlock(stranger.srv.URL, "key", own.PublicKey),
	} {
		refusedBy(t, mode, common+blocks)
	}
	// The same peer with the right key and bytes is believed.
	p := install(t, common+peerBlock("http://"+b.addr, "key", own.PublicKey))
	p.start()
	p.comes(oldName(0x200), right, 60*time.Second)
	figures(t, "wrong bytes were refused by size, by quorum, by key and without the key; the signed ones came")
}

// refusedBy runs the program until its peer is refused.
func refusedBy(t *testing.T, mode, config string) {
	t.Helper()
	p := install(t, config)
	p.start()
	p.admin()
	eventually(t, 60*time.Second, mode+": the peer is refused", func() bool {
		status, body, err := get(p.url("/" + oldName(0x200)))
		if err == nil && status == http.StatusOK {
			t.Fatalf("%s: %d bytes were served", mode, len(body))
		}
		var st peersOf
		p.must(http.StatusOK, http.MethodGet, "/api/v1/mods/peers", nil, &st)
		for _, peer := range st.Peers {
			if peer.State == "refused" && peer.LastError != "" && peer.Refused > 0 && peer.Fetched == 0 {
				return status == http.StatusNotFound
			}
		}
		return false
	})
	if !strings.Contains(p.log.String(), "refused") {
		t.Errorf("%s: the log does not say so", mode)
	}
	p.stop()
}

// newRelay passes on what b says of itself, and gives other bytes.
func newRelay(t *testing.T, b *program, other []byte) (url string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".zip") {
			w.Header().Set("Content-Length", fmt.Sprint(len(other)))
			_, _ = w.Write(other)
			return
		}
		res, err := http.Get(b.url(r.URL.Path))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		for k, v := range res.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// The program is killed in the middle of a transfer, and later the peer is.
// What has come is not fetched again.
func TestR9_KillDuringAPeersTransfer(t *testing.T) {
	t.Parallel()
	random := seed(t)
	steam := steamtest.New(t)
	newContents().offer(random, steam, 0x300, 10_000)
	data := steamtest.Zip(map[string]string{"old.lua": randomText(random, 3_000_000)})
	plain := newPlainServer(t, "127.0.0.1")
	plain.put(oldName(0x300), data)
	plain.slow = true
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL())+peerBlock(plain.srv.URL, "size", ""))
	p.start()
	part := filepath.Join(p.data, "peers")
	eventually(t, 30*time.Second, "a third has come", func() bool {
		if _, _, err := get(p.url("/" + oldName(0x300))); err != nil {
			return false
		}
		return sizeOf(t, part, "*.part") >= int64(len(data)/3)
	})
	p.kill()
	p.start()
	p.comes(oldName(0x300), data, 60*time.Second)
	asked := plain.asked()
	from := ""
	for _, r := range asked[1:] {
		from = r
	}
	if want := fmt.Sprintf("bytes=%d-", len(data)/3); from != want {
		t.Errorf("ranges %q, want %q last", asked, want)
	}
	if n := sizeOf(t, part, "*"); n != 0 {
		t.Errorf("%d bytes are left", n)
	}
	figures(t, "killed after %d of %d bytes: went on with %s", len(data)/3, len(data), from)
}

// writeConfig replaces the configuration of a program that does not run.
func writeConfig(t *testing.T, p *program, config string) {
	t.Helper()
	writeFile(t, p.config(), []byte(fmt.Sprintf("[http]\nlisten = [%q]\n%s", p.addr, config)))
}

// sizeOf returns the bytes of the files that match in a folder.
func sizeOf(t *testing.T, dir, pattern string) (n int64) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			n += info.Size()
		}
	}
	return n
}
