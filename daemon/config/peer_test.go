package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const peerKey = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" // RFC 8032 §7.1, test 1

func TestPeers(t *testing.T) {
	l, err := load(t, "[[workshop.peers]]\nurl = \"http://a.example:27020/ns2\"\n[[workshop.peers]]\nurl = \"http://10.0.0.2:27020\"\ntrust = \"key\"\nkey = \""+peerKey+"\"\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []Peer{{URL: "http://a.example:27020/ns2", Trust: TrustSize}, {URL: "http://10.0.0.2:27020", Trust: TrustKey, Key: peerKey}}
	if diff := cmp.Diff(want, l.Config.Workshop.Peers); diff != "" {
		t.Error(diff)
	}
	key, err := want[1].PublicKey()
	if err != nil || len(key) != 32 {
		t.Errorf("%x, %v", key, err)
	}
	if got := l.Config.Workshop.Sources; !slices.Equal(got, []string{"folder", "steam-url", "peers", "steamcmd"}) {
		t.Errorf("sources %v", got)
	}
}

func TestPeers_Mistakes(t *testing.T) {
	for text, want := range map[string]string{
		`url = "mods.example.org:27020"`:                              "workshop.peers[0].url",
		`url = "http://user:pass@mods.example.org"`:                   "workshop.peers[0].url",
		`url = "http://mods.example.org/?x=1"`:                        "workshop.peers[0].url",
		`url = "http://mods.example.org/#x"`:                          "workshop.peers[0].url",
		`url = "ftp://mods.example.org/"`:                             "workshop.peers[0].url",
		`trust = "size"`:                                              "workshop.peers[0].url",
		"url = \"http://a\"\ntrust = \"blind\"":                       "workshop.peers[0].trust",
		"url = \"http://a\"\ntrust = \"key\"":                         "workshop.peers[0].key",
		"url = \"http://a\"\nkey = \"AAAA\"":                          "workshop.peers[0].key",
		"url = \"http://a\"\nkey = \"" + peerKey[1:] + "\"":           "workshop.peers[0].key",
		"url = \"http://a\"\n[[workshop.peers]]\nurl = \"http://A/\"": "workshop.peers[1].url",
	} {
		if got := problems(t, "[[workshop.peers]]\n"+text+"\n"); !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("%s: %q, want one about %s", text, got, want)
		}
	}
	if got := problems(t, strings.Repeat("[[workshop.peers]]\nurl = \"http://a\"\n", MaxPeers+1)); !strings.Contains(got[0], "at most 32") && !strings.Contains(strings.Join(got, "\n"), "at most 32") {
		t.Errorf("%q", got)
	}
}

// TestExamplePeers reads the commented lines of the example.
func TestExamplePeers(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "config.example.toml"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "#[[workshop.peers]]\n")
	if !found {
		t.Fatal("the example has no peers")
	}
	block := "[[workshop.peers]]\n"
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		if !strings.HasPrefix(line, "# ") {
			block += strings.TrimPrefix(line, "#")
		}
	}
	l, err := load(t, block)
	if err != nil {
		t.Fatal(err)
	}
	want := []Peer{{URL: "http://mods.example.org:27020", Trust: TrustSize}}
	if diff := cmp.Diff(want, l.Config.Workshop.Peers); diff != "" {
		t.Error(diff)
	}
}
