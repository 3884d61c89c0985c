package config

import (
	"net/mail"
	"net/url"
	"path/filepath"
	"strings"
)

// Mail configures how mails leave.
type Mail struct {
	// URL names an SMTP server: smtp://user:password@host:port with STARTTLS,
	// smtps:// with TLS from the start. ?starttls= is required, optional or
	// never; without it, it is required except to this machine.
	URL     string `toml:"url" secret:"true"`
	URLFile string `toml:"url_file"`
	// Outbox is a folder that gets one .eml file per mail, when there is no
	// URL. A relative path is inside the data directory.
	Outbox string `toml:"outbox"`
	// From is the sender: an address, or "Name <address>".
	From string `toml:"from"`
	// SiteName is what the community is called in mails.
	SiteName string `toml:"site_name"`
	// Subject is the subject of mails that verify an address; empty: it names
	// the site, in the reader's language.
	Subject string `toml:"subject"`
}

func defaultMail() Mail { return Mail{SiteName: "Quartermaster"} }

// OutboxDir returns the folder of Outbox, "" when there is none.
func (m Mail) OutboxDir(dataDir string) string {
	if m.Outbox == "" || filepath.IsAbs(m.Outbox) {
		return m.Outbox
	}
	return filepath.Join(dataDir, m.Outbox)
}

// validate repeats no address: it may hold a password.
func (m Mail) validate(k *check) {
	if m.URL != "" && !strings.HasPrefix(m.URL, "@") {
		k.that(validMailServer(m.URL), "mail.url",
			"is not the address of a mail server such as \"smtp://user:password@mail.example.org:587\"; in a password write @ as %%40 and / as %%2F")
		k.that(m.From != "", "mail.from", "is needed with mail.url; write the address that mails come from")
		k.that(m.Outbox == "", "mail.outbox", "is set, and so is mail.url; keep one of them")
	}
	if m.From != "" {
		_, err := mail.ParseAddress(m.From)
		k.that(err == nil, "mail.from", "%q is not an address such as \"noreply@example.org\" or \"My servers <noreply@example.org>\"", m.From)
	}
	for key, value := range map[string]string{"mail.site_name": m.SiteName, "mail.subject": m.Subject} {
		k.that(!strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }), key, "must be one line of text")
	}
}

func validMailServer(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.Path != "" && u.Path != "/" {
		return false
	}
	switch u.Query().Get("starttls") {
	case "", "required", "optional", "never":
		return true
	}
	return false
}
