package mail

import (
	"bytes"
	"context"
	"log/slog"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// post is a queue with a clock and a log of its own.
type post struct {
	*Queue
	t     *testing.T
	clock *clock
	log   *bytes.Buffer
}

func newPost(t *testing.T, d *db.DB, o Options) *post {
	t.Helper()
	p := &post{t: t, clock: &clock{now: time.Date(2030, 1, 2, 3, 4, 5, 678000, time.UTC)}, log: &bytes.Buffer{}}
	o.DB, o.Now, o.Log = d, p.clock.Now, slog.New(slog.NewTextHandler(p.log, nil))
	if o.From == "" {
		o.From = "noreply@example.org"
	}
	if o.Site == "" {
		o.Site = "My <b>Servers</b>"
	}
	var err error
	if p.Queue, err = New(o); err != nil {
		t.Fatal(err)
	}
	return p
}

// trust makes the queue believe a relay's certificate.
func (p *post) trust(r *relay) { p.carrier.(*smtpCarrier).server.tls.RootCAs = r.roots }

func (p *post) put(m Message) {
	p.t.Helper()
	if err := p.db.Write(p.t.Context(), func(tx *db.Tx) error { return p.Enqueue(p.t.Context(), tx, m) }); err != nil {
		p.t.Fatal(err)
	}
}

func (p *post) work() {
	p.t.Helper()
	if _, err := p.round(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *post) list() []Entry {
	p.t.Helper()
	all, _, total, err := p.List(p.t.Context(), false, "", 100)
	if err != nil || total != len(all) {
		p.t.Fatalf("%d of %d, %v", len(all), total, err)
	}
	return all
}

var code = Message{Kind: Verify, To: "ann@example.com", Name: "Ann", Code: "ABCDEF", Expires: 24 * time.Hour}

func TestMailsAreSentOverEveryKindOfConnection(t *testing.T) {
	d := dbtest.SQLite(t)
	for _, row := range []struct{ name, mode, scheme, user, query string }{
		{"plain", "", "smtp://", "", ""},
		{"starttls", "starttls", "smtp://", "", "?starttls=required"},
		{"starttls if offered", "starttls", "smtp://", "", ""},
		{"tls", "tls", "smtps://", "", ""},
		{"plain with auth on this machine", "", "smtp://", "u:p%40ss@", ""},
		{"starttls with auth", "starttls", "smtp://", "u:p%40ss@", "?starttls=required"},
		{"tls with auth", "tls", "smtps://", "u:p%40ss@", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRelay(t, "127.0.0.1:0", row.mode, func(r *relay) {
				if row.user != "" {
					r.user, r.password = "u", "p@ss"
				}
			})
			p := newPost(t, d, Options{URL: row.scheme + row.user + r.addr + row.query})
			p.trust(r)
			p.put(code)
			p.work()
			if r.count() != 1 || len(p.list()) != 0 {
				t.Fatalf("%d mails, left %+v", r.count(), p.list())
			}
			if r.from[0] != "noreply@example.org" || r.to[0] != "ann@example.com" {
				t.Errorf("from %q to %q", r.from, r.to)
			}
			p.work()
			if r.count() != 1 {
				t.Error("it is sent twice")
			}
			if strings.Contains(p.log.String(), "ABCDEF") || strings.Contains(p.log.String(), "ann@") || strings.Contains(p.log.String(), "p@ss") {
				t.Errorf("the log tells: %s", p.log)
			}
		})
	}
}

func TestTLSIsInsistedOn(t *testing.T) {
	d := dbtest.SQLite(t)
	plain := newRelay(t, "127.0.0.1:0", "", nil)
	p := newPost(t, d, Options{URL: "smtp://" + plain.addr + "?starttls=required"})
	p.put(code)
	p.work()
	foreign := newRelay(t, "127.0.0.1:0", "tls", nil)
	p2 := newPost(t, d, Options{URL: "smtps://" + foreign.addr}) // whose certificate nobody vouches for
	p2.clock.add(time.Hour)
	p2.work()
	if plain.count() != 0 || foreign.count() != 0 || len(p.list()) != 1 || p.list()[0].Attempts != 2 {
		t.Errorf("%d, %d, %+v", plain.count(), foreign.count(), p.list())
	}
	s, err := parseServer("smtp://mail.example.org", "")
	if err != nil || s.starttls.String() != "TLSMandatory" || s.port != 587 || s.tls.ServerName != "mail.example.org" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestDownThenUp(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRelay(t, "127.0.0.1:0", "", nil)
		addr := r.addr
		r.stop()
		p := newPost(t, d, Options{URL: "smtp://" + addr})
		for range 3 {
			p.put(code)
		}
		for range 60 { // an hour
			p.work()
			p.clock.add(time.Minute)
		}
		if left := p.list(); len(left) != 3 || left[0].Attempts < 5 || left[0].Attempts > 15 || left[0].Reason == "" || left[0].NextTry.IsZero() {
			t.Fatalf("%+v", left)
		}
		up := newRelay(t, addr, "", nil)
		p.clock.add(30 * time.Minute)
		p.work()
		p.clock.add(time.Hour)
		p.work()
		if up.count() != 3 || len(p.list()) != 0 {
			t.Errorf("%d mails, left %+v", up.count(), p.list())
		}
	})
}

func TestGreylistingAndRefusal(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		grey := true
		r := newRelay(t, "127.0.0.1:0", "", func(r *relay) {
			r.refuse = func(to string) error {
				switch {
				case strings.HasPrefix(to, "never"):
					return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user here"}
				case grey:
					return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Try again later"}
				}
				return nil
			}
		})
		p := newPost(t, d, Options{URL: "smtp://" + r.addr})
		never := code
		never.To = "never@example.com"
		p.put(code)
		p.put(never)
		p.work()
		if left := p.list(); len(left) != 2 || !strings.Contains(left[1].Reason, "Try again later") || left[1].NextTry.Sub(p.clock.Now()) != 15*time.Second {
			t.Fatalf("%+v", left)
		}
		failed, _, total, err := p.List(t.Context(), true, "", 10)
		if err != nil || total != 1 || failed[0].To != "never@example.com" || !strings.Contains(failed[0].Reason, "No such user here") ||
			!failed[0].FailedAt.Equal(p.clock.Now()) || !failed[0].NextTry.IsZero() {
			t.Fatalf("%+v, %d, %v", failed, total, err)
		}
		var body string
		err = d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow(t.Context(), `SELECT body_text FROM mail_message WHERE failed_at > 0`).Scan(&body)
		})
		if err != nil || body != "" {
			t.Errorf("the text is kept: %q, %v", body, err)
		}
		r.mu.Lock()
		grey = false
		r.mu.Unlock()
		p.clock.add(15 * time.Second)
		p.work()
		if r.count() != 1 || len(p.list()) != 1 {
			t.Errorf("%d mails, left %+v", r.count(), p.list())
		}
		if err := p.Retry(t.Context(), failed[0].ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("retry of a failed mail: %v", err)
		}
	})
}

func TestWrongCredentialsLoseNothing(t *testing.T) {
	r := newRelay(t, "127.0.0.1:0", "tls", func(r *relay) { r.user, r.password = "u", "right" })
	p := newPost(t, dbtest.SQLite(t), Options{URL: "smtps://u:wrong-password@" + r.addr})
	p.trust(r)
	p.put(code)
	p.work()
	left := p.list()
	if len(left) != 1 || !left[0].FailedAt.IsZero() || !strings.Contains(left[0].Reason, "535") || strings.Contains(left[0].Reason, "wrong-password") {
		t.Errorf("%+v", left)
	}
	p.carrier.(*smtpCarrier).server.password = "right"
	if err := p.Retry(t.Context(), left[0].ID); err != nil {
		t.Fatal(err)
	}
	p.work()
	if r.count() != 1 {
		t.Error("it was not sent")
	}
}

func TestDroppedConnections(t *testing.T) {
	d := dbtest.SQLite(t)
	for lines := range 5 {
		p := newPost(t, d, Options{URL: "smtp://" + cutter(t, lines)})
		p.clock.add(time.Duration(lines) * time.Hour)
		if lines == 0 {
			p.put(code)
		}
		p.work()
		if left := p.list(); len(left) != 1 || !left[0].FailedAt.IsZero() || left[0].Attempts != lines+1 {
			t.Fatalf("after %d lines: %+v", lines, left)
		}
	}
}

// TestCrashBetweenSendingAndNoting: the mail comes again, under the same id, so
// that the receiving side can tell.
func TestCrashBetweenSendingAndNoting(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRelay(t, "127.0.0.1:0", "", nil)
		p := newPost(t, d, Options{URL: "smtp://" + r.addr})
		p.put(code)
		var mails []envelope
		err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
			mails, err = claimMails(t.Context(), tx, p.clock.Now(), batch)
			return err
		})
		if err != nil || len(mails) != 1 {
			t.Fatal(mails, err)
		}
		if err := p.carrier.deliver(t.Context(), mails)[0]; err != nil {
			t.Fatal(err)
		}
		p.work() // another process, meanwhile
		if r.count() != 1 {
			t.Fatal("a claimed mail is sent by another process")
		}
		p.clock.add(claimFor)
		p.work()
		if r.count() != 2 || len(p.list()) != 0 {
			t.Fatalf("%d mails", r.count())
		}
		id := func(text string) string {
			m, err := netmail.ReadMessage(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			return m.Header.Get("Message-Id")
		}
		if id(r.mails[0]) != id(r.mails[1]) {
			t.Errorf("%q and %q", id(r.mails[0]), id(r.mails[1]))
		}
	})
}

func TestMailsThatComeTooLateAreGivenUp(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		p := newPost(t, d, Options{URL: "smtp://127.0.0.1:1"})
		p.put(code)
		p.clock.add(24 * time.Hour)
		p.work()
		left := p.list()
		if len(left) != 1 || left[0].FailedAt.IsZero() || left[0].Reason == "" {
			t.Errorf("%+v", left)
		}
		p.clock.add(keepFailed + time.Second)
		p.put(code)
		p.work() // tidies up with what it does
		if left := p.list(); len(left) != 1 || !left[0].FailedAt.IsZero() {
			t.Errorf("%+v", left)
		}
	})
}

func TestOutbox(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "outbox")
	p := newPost(t, dbtest.SQLite(t), Options{Outbox: dir})
	if !p.Ready() {
		t.Error("an outbox counts")
	}
	p.put(code)
	p.put(code)
	p.work()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 || len(p.list()) != 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil || !strings.HasSuffix(f.Name(), ".eml") || !bytes.Contains(text, []byte("ABCDEF")) {
			t.Errorf("%s: %s, %v", f.Name(), text, err)
		}
		if _, err := netmail.ReadMessage(bytes.NewReader(text)); err != nil {
			t.Error(err)
		}
	}
}

func TestWithoutAServerMailsAreOnlyNoted(t *testing.T) {
	p := newPost(t, dbtest.SQLite(t), Options{})
	if p.Ready() {
		t.Error("ready")
	}
	p.put(code)
	p.work()
	if log := p.log.String(); !strings.Contains(log, "goes nowhere") || strings.Contains(log, "ABCDEF") || strings.Contains(log, "ann@") {
		t.Errorf("log: %s", log)
	}
	if _, err := p.Try(t.Context(), "ann@example.com", ""); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}

func TestEnqueueRefuses(t *testing.T) {
	d := dbtest.SQLite(t)
	p := newPost(t, d, Options{URL: "smtp://127.0.0.1:1"})
	for _, to := range []string{"", "ann", "ann@example.com\r\nBcc: all@example.com", "a@b.c, d@e.f", "Ann <ann@example.com>", "<ann@example.com>", "ann@example.com ", strings.Repeat("x", 400) + "@example.com", "\xff@example.com"} {
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			m := code
			m.To = to
			return p.Enqueue(t.Context(), tx, m)
		})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", to, err)
		}
	}
}

func TestTry(t *testing.T) {
	d := dbtest.SQLite(t)
	r := newRelay(t, "127.0.0.1:0", "", func(r *relay) {
		r.refuse = func(to string) error {
			if strings.HasPrefix(to, "never") {
				return &smtp.SMTPError{Code: 550, Message: "No such user here"}
			}
			return nil
		}
	})
	p := newPost(t, d, Options{URL: "smtp://user:secret-word@" + r.addr})
	_, err := p.Try(t.Context(), "ann@example.com", "ru") // the server knows no AUTH
	if !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "secret-word") {
		t.Errorf("%v", err)
	}
	p = newPost(t, d, Options{URL: "smtp://" + r.addr})
	if where, err := p.Try(t.Context(), "ann@example.com", "ru"); err != nil || where != r.addr || r.count() != 1 {
		t.Errorf("%q, %v", where, err)
	}
	if _, err := p.Try(t.Context(), "never@example.com", ""); !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Public(err), "550") || !strings.Contains(fault.Public(err), "No such user here") {
		t.Errorf("%v", err)
	}
}

func TestParseServer(t *testing.T) {
	for _, bad := range []string{
		"", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://h:99999", "smtp://h:0", "smtp://h/path", "smtp://h?starttls=perhaps", "smtp://u:se cret@h\x00", "smtp://h#x",
	} {
		if err := CheckURL(bad); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "cret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	s, err := parseServer("smtps://u%40h:p%2F%40:@[::1]", "example.org")
	if err != nil || s.user != "u@h" || s.password != "p/@:" || s.host != "::1" || s.port != 465 || !s.implicit || s.helo != "example.org" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestRunSendsWhatWasJustQueued(t *testing.T) {
	r := newRelay(t, "127.0.0.1:0", "", nil)
	arrived := make(chan struct{}, 10)
	r.data = func() error { arrived <- struct{}{}; return nil }
	p := newPost(t, dbtest.SQLite(t), Options{URL: "smtp://" + r.addr})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	p.put(code)
	p.Wake()
	select {
	case <-arrived:
	case <-time.After(10 * time.Second):
		t.Error("nothing came")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
