package config

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

// Peer is another backup server from which versions are fetched: an element
// of [[workshop.peers]].
type Peer struct {
	// URL is its base address, as in mod_backup_servers.
	URL string `toml:"url"`
	// Trust says what proves a file of this peer: size, quorum or key.
	Trust string `toml:"trust"`
	// Key is the Ed25519 public key of the peer in base64, 32 bytes. When it
	// is given, only an index signed with it is believed.
	Key string `toml:"key"`
}

// What proves a file of a peer.
const (
	// TrustSize takes a whole zip that has the size which Steam states.
	TrustSize = "size"
	// TrustQuorum takes what a second, independent peer has too.
	TrustQuorum = "quorum"
	// TrustKey takes what the peer's signed index lists.
	TrustKey = "key"
)

// MaxPeers bounds [[workshop.peers]].
const MaxPeers = 32

// setDefaults is called before an element of the list is read.
func (p *Peer) setDefaults() { *p = Peer{Trust: TrustSize} }

// PublicKey returns the decoded key, nil if there is none.
func (p Peer) PublicKey() (ed25519.PublicKey, error) {
	if p.Key == "" {
		return nil, nil
	}
	key, err := base64.StdEncoding.DecodeString(p.Key)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("is not a key; the other side prints it with \"quartermaster mods peers\"")
	}
	return key, nil
}

func (w Workshop) validatePeers(k *check) {
	seen := map[string]bool{}
	k.that(len(w.Peers) <= MaxPeers, "workshop.peers", "there are %d peers, at most %d are asked", len(w.Peers), MaxPeers)
	for i, p := range w.Peers {
		at := fmt.Sprintf("workshop.peers[%d]", i)
		k.that(validPeer(p.URL), at+".url", "%q is not the address of a backup server, such as \"http://mods.example.org:27020\"", p.URL)
		url := strings.TrimRight(strings.ToLower(p.URL), "/")
		k.that(!seen[url], at+".url", "%q stands in the list twice", p.URL)
		seen[url] = true
		k.oneOf(at+".trust", p.Trust, TrustSize, TrustQuorum, TrustKey)
		_, err := p.PublicKey()
		k.that(err == nil, at+".key", "%v", err)
		k.that(p.Trust != TrustKey || p.Key != "", at+".key", "trust = \"key\" needs the peer's public key, which \"quartermaster mods peers\" prints there")
	}
}

// validPeer reports whether a name of a version can be put behind the text.
func validPeer(text string) bool {
	u, err := url.Parse(text)
	return validURL(text) && err == nil && u.Hostname() != "" && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}
