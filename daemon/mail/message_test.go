package mail

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

func TestWhatAMailLooksLike(t *testing.T) {
	r := newRelay(t, "127.0.0.1:0", "", nil)
	p := newPost(t, dbtest.SQLite(t), Options{URL: "smtp://" + r.addr, From: "Meine Wörld <noreply@example.org>", SiteURL: "https://mods.example.org"})
	m := code
	m.Name, m.Lang = "<script>alert(1)</script>\r\nBcc: all@example.com", "ru-RU,ru;q=0.9"
	p.put(m)
	p.work()
	if r.count() != 1 {
		t.Fatal(p.list())
	}
	got, err := netmail.ReadMessage(strings.NewReader(r.mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	h := got.Header
	subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err != nil || subject != "Ваш код для My <b>Servers</b>: подтвердите адрес почты" {
		t.Errorf("subject %q, %v", subject, err)
	}
	from, err := h.AddressList("From")
	if err != nil || from[0].Name != "Meine Wörld" || from[0].Address != "noreply@example.org" {
		t.Errorf("%v, %v", from, err)
	}
	if h.Get("Bcc") != "" || h.Get("To") != "<ann@example.com>" || h.Get("Auto-Submitted") != "auto-generated" ||
		!strings.HasSuffix(h.Get("Message-Id"), "@example.org>") {
		t.Errorf("%v", h)
	}
	if at, err := h.Date(); err != nil || !at.Equal(p.clock.Now().Truncate(time.Second)) {
		t.Errorf("date %v, %v", at, err)
	}
	_, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(got.Body, params["boundary"])
	var bodies []string
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, string(text))
	}
	if len(bodies) != 2 || !strings.Contains(bodies[0], "ABCDEF") || !strings.Contains(bodies[1], ">ABCDEF</p>") ||
		strings.Contains(bodies[1], "<script>") || strings.Contains(bodies[1], "<b>") || !strings.Contains(bodies[1], `href="https://mods.example.org"`) {
		t.Errorf("%q", bodies)
	}
}

func TestEveryTextExistsInEveryLanguage(t *testing.T) {
	w, err := newWriter("Site", "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []Kind{Verify, Change, Reset, Changed, Test} {
		seen := map[string]bool{}
		for _, lang := range languages {
			got, err := w.write(Message{Kind: kind, Lang: lang, Name: "Ann", Code: "ABCDEF", Address: "new@example.com", Expires: 24 * time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			coded := kind == Verify || kind == Change || kind == Reset
			if !strings.Contains(got.subject, "Site") || coded != strings.Contains(got.text, "ABCDEF") || coded != strings.Contains(got.html, "ABCDEF") ||
				strings.Contains(got.subject, "ABCDEF") || coded != strings.Contains(got.text, "24") || (kind == Changed) != strings.Contains(got.text, "new@example.com") {
				t.Errorf("%s %s: %+v", kind, lang, got)
			}
			if seen[got.text] {
				t.Errorf("%s is the same in two languages", kind)
			}
			seen[got.text] = true
		}
	}
	for in, want := range map[string]string{"": "en", "ru": "ru", "RU-ru": "ru", "ru,en;q=0.5": "ru", "en": "en", "de": "en", "rum": "en", "\x00": "en"} {
		if got := Language(in); got != want {
			t.Errorf("Language(%q) = %q", in, got)
		}
	}
}
