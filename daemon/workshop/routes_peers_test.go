package workshop

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

func fetchURL(t *testing.T, url string, header map[string]string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// TestIndex: what is served is listed, signed and tagged.
func TestIndex(t *testing.T) {
	t.Parallel()
	r, steam, base := server(t, nil)
	content := steamtest.Zip(map[string]string{"a.lua": "x"})
	steam.Put(steamtest.Item{ID: vectorItem, Updated: vectorVersion, Content: content})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if resp, _ := fetchURL(t, base+"/"+vector.File(), nil); resp.StatusCode == http.StatusOK {
			break
		} else if time.Now().After(end) {
			t.Fatal(resp.Status)
		}
	}
	resp, body := fetchURL(t, base+"/api/v1/workshop/index", nil)
	sum := sha256.Sum256(content)
	var list []map[string]any
	if err := json.Unmarshal(body, &list); err != nil || len(list) != 1 {
		t.Fatalf("%s, %v", body, err)
	}
	e := list[0]
	if e["id"] != "99874752" || e["version"] != 1348957670.0 || e["size"] != float64(len(content)) || e["sha256"] != hex.EncodeToString(sum[:]) ||
		e["irreplaceable"] != false || len(e) != 5 {
		t.Errorf("%v", e)
	}
	_, text := fetchURL(t, base+"/api/v1/mods/peers", nil)
	var st struct {
		PublicKey string `json:"public_key"`
		Peers     []any
		Lines     any
	}
	if err := json.Unmarshal(text, &st); err != nil || st.Peers == nil || st.Lines != nil {
		t.Fatalf("%s, %v", text, err)
	}
	key, err := base64.StdEncoding.DecodeString(st.PublicKey)
	sig, err2 := base64.StdEncoding.DecodeString(resp.Header.Get("X-Signature-Ed25519"))
	id := sha256.Sum256(key)
	if err != nil || err2 != nil || len(key) != 32 || !ed25519.Verify(key, body, sig) || resp.Header.Get("X-Key-Id") != hex.EncodeToString(id[:8]) {
		t.Errorf("%v, %v, %v", resp.Header, err, err2)
	}
	tag := resp.Header.Get("ETag")
	if resp.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(tag, `"`) {
		t.Errorf("%v", resp.Header)
	}
	if resp, body := fetchURL(t, base+"/api/v1/workshop/index", map[string]string{"If-None-Match": tag}); resp.StatusCode != http.StatusNotModified || len(body) != 0 {
		t.Errorf("%s, %d bytes", resp.Status, len(body))
	}
	unlisted(t, r, base)
}

// unlisted fails the test unless an item that must not be served is not listed.
func unlisted(t *testing.T, r *rig, base string) {
	t.Helper()
	c := testConfig()
	c.Deny = append(c.Deny, vectorItem)
	r.Reload(c)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, body := fetchURL(t, base+"/api/v1/workshop/index", nil); bytes.Equal(body, []byte("[]\n")) {
			break
		} else if time.Now().After(end) {
			t.Fatalf("%s", body)
		}
	}
}

// TestPeersView: guests see counts, and no addresses and errors.
func TestPeersView(t *testing.T) {
	t.Parallel()
	o := newOtherServer(t)
	o.Close()
	_, _, base := server(t, withPeers(o))
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, body := fetchURL(t, base+"/api/v1/mods/peers", nil)
		if strings.Contains(string(body), o.URL) {
			t.Fatalf("guests see addresses: %s", body)
		}
		var st struct {
			Peers []struct{ State, Trust, URL, LastError string }
		}
		if err := json.Unmarshal(body, &st); err != nil || len(st.Peers) != 1 || st.Peers[0].Trust != "size" {
			t.Fatalf("%s, %v", body, err)
		}
		if st.Peers[0].State == "unreachable" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%s", body)
		}
	}
}

// TestPeersLines: what others copy.
func TestPeersLines(t *testing.T) {
	r := newRigWith(t, newRig(t, nil).store.db, t.TempDir(), func(o *Options) {
		o.PublicURL, o.Config.Mount = "http://mods.example.org:27020", "/ns2"
		o.Config.Peers = []config.Peer{{URL: "http://mods.example.net:27020", Trust: "size"}}
	})
	st, err := r.Peers(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(st.BackupServers, " "); got != "http://mods.example.org:27020/ns2 http://mods.example.net:27020" {
		t.Error(got)
	}
	want := "[[workshop.peers]]\nurl = \"http://mods.example.org:27020/ns2\"\ntrust = \"key\"\nkey = \"" + st.PublicKey + "\"\n"
	if got := st.BlockText(); got != want {
		t.Error(got)
	}
	r.options.PublicURL, r.options.ListenPort = "", 27020
	if st, err = r.Peers(t.Context(), ""); err != nil || st.Block.URL != "http://ADDRESS:27020/ns2" {
		t.Errorf("%+v, %v", st.Block, err)
	}
}
