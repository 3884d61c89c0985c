package radar

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

// What a webhook is told.
const (
	eventOutdated = "mods.outdated" // the set of outdated mods is another than before
	eventCurrent  = "mods.current"  // none is out of date any more
	eventTest     = "test"
)

const (
	maxMessageMods = 500  // more are only counted
	maxDiscord     = 2000 // characters of a message (Discord API, "Execute Webhook")
	maxTitle       = 80   // characters of a title in a text
)

// message is the JSON that a webhook gets. Ids are strings, because
// JavaScript's numbers do not hold 64 bits.
type message struct {
	Event  string       `json:"event"`
	Server string       `json:"server"`
	Mods   []messageMod `json:"mods"`
	More   int          `json:"more,omitempty"` // mods that were left out
	SentAt time.Time    `json:"sent_at"`
	ID     string       `json:"id"` // the same however often the message is sent
}

// messageMod is one mod in a message. Versions are Unix seconds, 0 if unknown.
type messageMod struct {
	ID      string `json:"id"`
	Hex     string `json:"hex"`
	Title   string `json:"title"`
	Running int64  `json:"running"`
	Current int64  `json:"current"`
	Since   int64  `json:"since,omitempty"`
}

func newMessageMod(m Mod) messageMod {
	return messageMod{
		ID: strconv.FormatUint(m.ID, 10), Hex: strconv.FormatUint(m.ID, 16), Title: m.Title,
		Running: m.Running, Current: m.Current, Since: m.Since,
	}
}

func (d delivery) message(now time.Time) message {
	m := message{Event: d.event, Server: d.server, Mods: d.mods, SentAt: now.UTC().Truncate(time.Second), ID: d.id}
	if m.Mods == nil {
		m.Mods = []messageMod{}
	}
	if n := len(m.Mods) - maxMessageMods; n > 0 {
		m.Mods, m.More = m.Mods[:maxMessageMods], n
	}
	return m
}

// body is what is sent to the address: the message itself, or the form that
// Discord takes.
func (m message) body(address string) ([]byte, error) {
	if !isDiscord(address) {
		return json.Marshal(m)
	}
	type mentions struct {
		Parse []string `json:"parse"`
	}
	return json.Marshal(struct {
		Content  string   `json:"content"`
		Mentions mentions `json:"allowed_mentions"` // a title must not call everybody
	}{m.discord(), mentions{[]string{}}})
}

// isDiscord reports whether the address is that of a Discord webhook:
// https://discord.com/api/webhooks/<id>/<token>, with or without a version.
func isDiscord(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	for _, prefix := range []string{"ptb.", "canary."} {
		host = strings.TrimPrefix(host, prefix)
	}
	if host != "discord.com" && host != "discordapp.com" {
		return false
	}
	rest, ok := strings.CutPrefix(u.Path, "/api/")
	if version, after, found := strings.Cut(rest, "/"); found && strings.HasPrefix(version, "v") {
		rest = after
	}
	return ok && strings.HasPrefix(rest, "webhooks/")
}

// discord is the message as a text for people, of at most maxDiscord
// characters as JavaScript counts them.
func (m message) discord() string {
	server := "**" + plain(m.Server) + "**"
	total := len(m.Mods) + m.More
	switch {
	case m.Event == eventTest:
		return server + ": this is a test of the webhook. It works."
	case m.Event == eventCurrent:
		return server + ": all mods are current again."
	}
	text := fmt.Sprintf("%s: %d mods are out of date", server, total)
	if total == 1 {
		text = server + ": 1 mod is out of date"
	}
	for i, x := range m.Mods {
		line := fmt.Sprintf("\n• %s (m%s), published <t:%d:R>", plain(x.Title), x.Hex, x.Current)
		rest := fmt.Sprintf("\n… and %d more", total-i)
		if length(text)+length(line)+length(rest) > maxDiscord {
			return text + rest
		}
		text += line
	}
	if m.More > 0 {
		text += fmt.Sprintf("\n… and %d more", m.More)
	}
	return text
}

func length(s string) int { return len(utf16.Encode([]rune(s))) }

// plain makes a text of strangers one short line without any markup.
func plain(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > maxTitle {
			b.WriteRune('…')
			break
		}
		switch {
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			r = ' '
		case strings.ContainsRune("\\*_~`|<>[]#", r):
			b.WriteByte('\\')
		case r == '/' && strings.HasSuffix(b.String(), ":"):
			b.WriteRune('\u200b') // no address becomes a link
		}
		b.WriteRune(r)
	}
	if text == "" {
		return "an untitled mod"
	}
	return b.String()
}
