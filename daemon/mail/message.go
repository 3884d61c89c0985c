package mail

import (
	"bytes"
	"embed"
	"html/template"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"
)

// Kind says what a mail is about.
type Kind string

// The kinds of mails.
const (
	Verify  Kind = "verify"  // a code that proves a new account's address
	Change  Kind = "change"  // a code that proves an account's new address
	Reset   Kind = "reset"   // a code that lets somebody set a new password
	Changed Kind = "changed" // tells the old address that it is replaced
	Test    Kind = "test"    // an operator tries whether mails arrive
)

// Message is a mail to be written. Its parts may come from strangers: they
// never become headers or markup.
type Message struct {
	Kind    Kind
	To      string        // an address; see Options.Site for the sender
	Lang    string        // "en" or "ru"; anything else is English
	Name    string        // of the account, shown in the greeting; may be empty
	Code    string        // Verify, Change and Reset
	Address string        // Changed: the new address
	Expires time.Duration // how long the code is valid; 0: the mail is kept for a day
}

// Languages are those that mails are written in, the default first.
var languages = []string{"en", "ru"}

// Language returns the language of mails for somebody who prefers lang, an
// IETF language tag or an Accept-Language header, whose first counts: "ru" for
// Russian, else "en".
func Language(lang string) string {
	base := strings.ToLower(strings.TrimSpace(lang))
	if end := strings.IndexAny(base, "-_,;"); end >= 0 {
		base = base[:end]
	}
	for _, l := range languages {
		if base == l {
			return l
		}
	}
	return languages[0]
}

//go:embed texts
var textFiles embed.FS

// writer writes the texts of mails. It is immutable and safe for concurrent use.
type writer struct {
	site    string
	subject string // of codes that verify; "": as in the texts
	url     string
	text    *texttemplate.Template
	html    *template.Template
}

func newWriter(site, subject, url string) (*writer, error) {
	text, err := texttemplate.ParseFS(textFiles, "texts/*.txt")
	if err != nil {
		return nil, err
	}
	html, err := template.ParseFS(textFiles, "texts/*.html")
	if err != nil {
		return nil, err
	}
	return &writer{site: site, subject: subject, url: url, text: text, html: html}, nil
}

// written is a mail ready to be sent.
type written struct{ subject, text, html string }

// write fills in the texts: the first line is the subject, what follows the
// empty line after it the plain text. HTML wraps the same paragraphs.
func (w *writer) write(m Message) (written, error) {
	data := struct {
		Message
		Site, URL string
		Hours     int
	}{m, w.site, w.url, int((m.Expires + time.Hour - 1) / time.Hour)}
	data.Name, data.Address = oneLine(m.Name), oneLine(m.Address)
	var text, html bytes.Buffer
	name := string(m.Kind) + "." + Language(m.Lang)
	if err := w.text.ExecuteTemplate(&text, name+".txt", data); err != nil {
		return written{}, err
	}
	subject, body, _ := strings.Cut(text.String(), "\n")
	if m.Kind == Verify && w.subject != "" {
		subject = w.subject
	}
	page := struct {
		Lang, Site, URL, Subject, Code string
		Paragraphs                     []string
	}{Language(m.Lang), w.site, w.url, oneLine(subject), m.Code, paragraphs(body)}
	if err := w.html.ExecuteTemplate(&html, "page.html", page); err != nil {
		return written{}, err
	}
	return written{subject: oneLine(subject), text: strings.TrimSpace(body) + "\n", html: html.String()}, nil
}

// paragraphs splits a text at empty lines.
func paragraphs(text string) []string {
	var all []string
	for p := range strings.SplitSeq(text, "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			all = append(all, p)
		}
	}
	return all
}

// oneLine makes text fit for a header: no character that could end a line.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, ""), func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	}), " ")
}
