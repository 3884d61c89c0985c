package daemon

import (
	"bufio"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailbox is an SMTP server (RFC 5321) that keeps what it gets.
type mailbox struct {
	t        *testing.T
	listener net.Listener
	work     sync.WaitGroup

	mu     sync.Mutex
	texts  map[string][]string // of each recipient, oldest first
	taken  map[string]int      // how many were read
	change chan struct{}       // closed when a mail comes in
}

func newMailbox(t *testing.T) *mailbox {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailbox{t: t, listener: l, texts: map[string][]string{}, taken: map[string]int{}, change: make(chan struct{})}
	m.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			m.work.Go(func() { m.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		m.work.Wait()
	})
	return m
}

func (m *mailbox) addr() string { return m.listener.Addr().String() }

// serve speaks with one client.
func (m *mailbox) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	c := textproto.NewConn(conn)
	say := func(line string) bool { return c.PrintfLine("%s", line) == nil }
	say("220 test ready")
	var to []string
	for {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO", "HELO":
			say("250-test")
			say("250 8BITMIME")
		case "RCPT":
			_, address, _ := strings.Cut(rest, "<")
			address, _, _ = strings.Cut(address, ">")
			to = append(to, address)
			say("250 ok")
		case "DATA":
			say("354 go on")
			text, err := c.ReadDotBytes()
			if err != nil {
				return
			}
			m.deliver(to, string(text))
			to = nil
			say("250 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (m *mailbox) deliver(to []string, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, address := range to {
		m.texts[address] = append(m.texts[address], text)
	}
	close(m.change)
	m.change = make(chan struct{})
}

// next waits for the next mail to an address and returns its plain text.
func (m *mailbox) next(address string) string {
	m.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		m.mu.Lock()
		change, all, n := m.change, m.texts[address], m.taken[address]
		if len(all) > n {
			m.taken[address]++
			m.mu.Unlock()
			return m.plain(all[n])
		}
		m.mu.Unlock()
		select {
		case <-change:
		case <-deadline:
			m.t.Fatalf("no mail came for %s", address)
		}
	}
}

var mailedToken = regexp.MustCompile(`(?m)^\s*([A-HJKM-Z]{6})\s*$`)

// token returns the code of the next mail to an address.
func (m *mailbox) token(address string) string {
	m.t.Helper()
	text := m.next(address)
	found := mailedToken.FindStringSubmatch(text)
	if found == nil {
		m.t.Fatalf("there is no code in the mail:\n%s", text)
	}
	return found[1]
}

// plain returns the text part of a mail.
func (m *mailbox) plain(raw string) string {
	m.t.Helper()
	message, err := mail.ReadMessage(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		m.t.Fatal(err)
	}
	media, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		m.t.Fatal(err)
	}
	if !strings.HasPrefix(media, "multipart/") {
		return m.decoded(message.Body, message.Header.Get("Content-Transfer-Encoding"))
	}
	parts := multipart.NewReader(message.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			m.t.Fatalf("the mail has no text: %v", err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			return m.decoded(part, part.Header.Get("Content-Transfer-Encoding"))
		}
	}
}

func (m *mailbox) decoded(r io.Reader, encoding string) string {
	m.t.Helper()
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}
