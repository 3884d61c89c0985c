package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The example's table is commented out, because a table that is there is in
// use. Uncommented it has every key at its default.
func TestExampleServers(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "config.example.toml"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(text), "#[[workshop.servers]]\n")
	if !ok {
		t.Fatal("config.example.toml has no [[workshop.servers]]")
	}
	b := "[[workshop.servers]]\n"
	for line := range strings.Lines(block) {
		if rest, ok := strings.CutPrefix(line, "#"); ok && !strings.HasPrefix(rest, " ") {
			b += rest
		} else if !ok && strings.TrimSpace(line) != "" {
			break
		}
	}
	loaded, err := load(t, b)
	if err != nil {
		t.Fatal(err)
	}
	want := []Server{{Name: "ns2-main", IDs: []Item{0x706d242}, Collections: []Item{}}}
	if diff := cmp.Diff(want, loaded.Config.Workshop.Servers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	manual, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := locate(b)
	for i := range reflect.TypeFor[Server]().NumField() {
		f := reflect.TypeFor[Server]().Field(i)
		key := f.Tag.Get("toml")
		if lines["workshop.servers[0]."+key] == 0 {
			t.Errorf("%s is missing in config.example.toml", key)
		}
		if !strings.Contains(string(manual), "| `"+key+"` |") {
			t.Errorf("%s is missing in docs/configuration.md", key)
		}
		if _, twin := reflect.TypeFor[Server]().FieldByName(f.Name + "File"); f.Tag.Get("secret") == "true" && !twin {
			t.Errorf("the secret %s has no twin in a file", key)
		}
	}
}

func TestServersSecrets(t *testing.T) {
	credentials := t.TempDir()
	if err := os.WriteFile(filepath.Join(credentials, "hook"), []byte("https://hooks.example/FROMCRED\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := write(t, "secret", "FROMFILE\n")
	loaded, err := load(t, `[[workshop.servers]]
name = "a"
webhook = "https://discord.com/api/webhooks/1/INTHEOPEN"
[[workshop.servers]]
name = "b"
folder = "mods"
mapcycle = "MapCycle.json"
webhook = "@hook"
webhook_secret_file = '`+file+`'
`, "CREDENTIALS_DIRECTORY="+credentials)
	if err != nil {
		t.Fatal(err)
	}
	servers := loaded.Config.Workshop.Servers
	if b := servers[1]; b.Webhook != "https://hooks.example/FROMCRED" || b.WebhookSecret != "FROMFILE" ||
		!filepath.IsAbs(b.Folder) || !filepath.IsAbs(b.Mapcycle) {
		t.Errorf("got %+v", b)
	}
	masked, err := loaded.Config.Mask().TOML()
	if err != nil {
		t.Fatal(err)
	}
	secrets := loaded.Config.Secrets()
	if len(secrets) != 3 {
		t.Errorf("%d secrets, want 3", len(secrets))
	}
	for _, secret := range secrets {
		if strings.Contains(string(masked), secret) {
			t.Errorf("%q is in the masked configuration", secret)
		}
	}
	if servers[0].Webhook != "https://discord.com/api/webhooks/1/INTHEOPEN" {
		t.Error("Mask changed the original")
	}
}

func TestServersFaults(t *testing.T) {
	got := problems(t, `[[workshop.servers]]
name = "a b"
webhook = "ftp://TOKEN"
[[workshop.servers]]
name = "x"
webhook_secret = "s"
[[workshop.servers]]
name = "x"
id = [1]
webhook = "http://TOKEN@x/"
webhook_file = "y"
[[workshop.servers]]
name = "cloud"
webhook = "http://169.254.169.254/latest"
[[workshop.servers]]
name = "cloud6"
webhook = "http://[fd00:ec2::254]/latest"
[[workshop.servers]]
name = "own"
webhook = "http://127.0.0.1:8080/bot"
`)
	want := []string{
		`2: workshop.servers[0].name: "a b" is not a name for a server; use up to 64 of A-Z, a-z, 0-9, ".", "_" and "-", for example "ns2-main"`,
		`3: workshop.servers[0].webhook: must be an http:// or https:// address`,
		`6: workshop.servers[1].webhook_secret: is set, but webhook is not`,
		`8: workshop.servers[2].name: "x" stands in the list twice`,
		`9: workshop.servers[2].id: unknown key; did you mean "workshop.servers[2].ids"?`,
		`10: workshop.servers[2].webhook: is set, and so is workshop.servers[2].webhook_file; keep one of them`,
		`10: workshop.servers[2].webhook: must be an http:// or https:// address`,
		`14: workshop.servers[3].webhook: nothing is sent to link-local addresses and those of cloud services`,
		`17: workshop.servers[4].webhook: nothing is sent to link-local addresses and those of cloud services`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
