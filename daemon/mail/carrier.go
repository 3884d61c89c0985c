package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	netmail "net/mail"
	"path/filepath"
	"strings"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// newCarrier returns how mails leave, and the domain of their ids.
func newCarrier(o Options, log *slog.Logger) (carrier, string, error) {
	domain := "localhost"
	var from *netmail.Address
	if o.From != "" {
		var err error
		if from, err = netmail.ParseAddress(o.From); err != nil {
			return nil, "", fault.Wrap(err, fault.Invalid, "The sender of mails is not an address")
		}
		if from.Name == "" {
			from.Name = oneLine(o.Site)
		}
		domain = asciiDomain(from.Address[strings.LastIndexByte(from.Address, '@')+1:])
	}
	switch {
	case o.URL != "":
		if from == nil {
			return nil, "", fault.New(fault.Invalid, "Mails need a sender").WithHint("set mail.from")
		}
		s, err := parseServer(o.URL, domain)
		if err != nil {
			return nil, "", err
		}
		return &smtpCarrier{server: s, from: from}, domain, nil
	case o.Outbox != "":
		if from == nil {
			from = &netmail.Address{Name: oneLine(o.Site), Address: "noreply@localhost"}
		}
		return &outbox{dir: o.Outbox, from: from}, domain, nil
	}
	return &noted{log: log}, domain, nil
}

// newMessageID returns a Message-ID (RFC 5322 §3.6.4) without its brackets.
func newMessageID(domain string) string {
	raw := make([]byte, 16)
	rand.Read(raw) // never fails, see crypto/rand
	return hex.EncodeToString(raw) + "@" + domain
}

// asciiDomain returns the form of a domain that every server understands.
func asciiDomain(domain string) string {
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return domain // the server says what it thinks of it
	}
	return ascii
}

// checkRecipient refuses what is not one bare address.
func checkRecipient(to string) error {
	a, err := netmail.ParseAddress(to)
	if err != nil || a.Name != "" || a.Address != to || !utf8.ValidString(to) || oneLine(to) != to || len(to) > 320 {
		return fault.New(fault.Invalid, "This is not an e-mail address that can be written to")
	}
	return nil
}

// message builds the mail as RFC 5322 and MIME have it.
func (m envelope) message(from *netmail.Address) (*gomail.Msg, error) {
	msg := gomail.NewMsg()
	at := strings.LastIndexByte(m.to, '@')
	if err := msg.FromFormat(from.Name, from.Address); err != nil {
		return nil, err
	}
	if err := msg.AddTo(m.to[:at+1] + asciiDomain(m.to[at+1:])); err != nil {
		return nil, err
	}
	msg.Subject(m.subject)
	msg.SetMessageIDWithValue(m.messageID)
	msg.SetDateWithValue(m.at)
	msg.SetUserAgent("quartermaster")
	// RFC 3834: no robot answers, and no "out of office" comes back.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.html)
	return msg, nil
}

// outbox writes each mail into a file of its own.
type outbox struct {
	dir  string
	from *netmail.Address
}

func (o *outbox) deliver(_ context.Context, mails []envelope) []error {
	results := make([]error, len(mails))
	for i, m := range mails {
		results[i] = o.write(m)
	}
	return results
}

// write puts the mail into the folder under its id: written again after a
// crash, it replaces itself.
func (o *outbox) write(m envelope) error {
	msg, err := m.message(o.from)
	if err != nil {
		return &permanent{reasonOf(err)}
	}
	var text bytes.Buffer
	if _, err := msg.WriteTo(&text); err != nil {
		return err
	}
	if err := durable.MkdirAll(durable.Disk, o.dir, 0o700); err != nil {
		return err
	}
	id, _, _ := strings.Cut(m.messageID, "@")
	name := m.at.UTC().Format("20060102T150405.000000Z-") + id + ".eml"
	return durable.Replace(durable.Disk, filepath.Join(o.dir, name), 0o600, func(w io.Writer) error {
		_, err := w.Write(text.Bytes())
		return err
	})
}

// noted stands for a server that nobody configured.
type noted struct{ log *slog.Logger }

func (n *noted) deliver(_ context.Context, mails []envelope) []error {
	for _, m := range mails {
		n.log.Warn("a mail goes nowhere, because neither mail.url nor mail.outbox is set", slog.String("message_id", m.messageID))
	}
	return make([]error, len(mails))
}

// reasonOf is an error as one short line for administrators.
func reasonOf(err error) string {
	text := oneLine(err.Error())
	if len(text) > 500 {
		text = strings.ToValidUTF8(text[:500], "") + "…"
	}
	return text
}
