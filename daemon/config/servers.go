package config

import (
	"fmt"
	"regexp"
	"strings"
)

// Server is one game server whose mods are watched: an element of
// [[workshop.servers]].
type Server struct {
	// Name names it in the API, in metrics and in messages.
	Name string `toml:"name"`
	// IDs, Collections and Mapcycle say which mods it runs: items, Workshop
	// collections, and an NS2 MapCycle.json file.
	IDs         []Item `toml:"ids"`
	Collections []Item `toml:"collections"`
	Mapcycle    string `toml:"mapcycle"`
	// Folder is where the server keeps its mods, in the layouts of
	// Workshop.Roots. It is only ever read. It says which versions the server
	// has and, if nothing else does, which mods.
	Folder string `toml:"folder"`
	// Webhook is told of mods that are out of date: an http:// or https://
	// address, which often holds a token.
	Webhook     string `toml:"webhook" secret:"true"`
	WebhookFile string `toml:"webhook_file"`
	// WebhookSecret signs what is sent. Empty: nothing is signed.
	WebhookSecret     string `toml:"webhook_secret" secret:"true"`
	WebhookSecretFile string `toml:"webhook_secret_file"`
}

// setDefaults is called before an element of the list is read.
func (s *Server) setDefaults() { *s = Server{IDs: []Item{}, Collections: []Item{}} }

var serverName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ValidServerName reports whether a game server may have this name: up to 64
// letters, digits, ".", "_" and "-", beginning with a letter or a digit.
func ValidServerName(name string) bool { return serverName.MatchString(name) }

func (w Workshop) validateServers(k *check) {
	seen := map[string]bool{}
	for i, s := range w.Servers {
		key := fmt.Sprintf("workshop.servers[%d]", i)
		k.that(ValidServerName(s.Name), key+".name",
			"%q is not a name for a server; use up to 64 of A-Z, a-z, 0-9, \".\", \"_\" and \"-\", for example \"ns2-main\"", s.Name)
		k.that(!seen[s.Name], key+".name", "%q stands in the list twice", s.Name)
		seen[s.Name] = true
		// The value is not repeated: it may hold a token.
		k.that(s.Webhook == "" || strings.HasPrefix(s.Webhook, "@") || validWebhook(s.Webhook), key+".webhook",
			"must be an http:// or https:// address")
		k.that(!validWebhook(s.Webhook) || sentWebhook(s.Webhook), key+".webhook",
			"nothing is sent to link-local addresses and those of cloud services")
		k.that(s.WebhookSecret == "" || s.Webhook != "", key+".webhook_secret", "is set, but webhook is not")
	}
}
