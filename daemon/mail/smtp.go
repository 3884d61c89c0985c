package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// dialTime bounds the connection, and then each exchange with the server.
const dialTime = 30 * time.Second

// server is an SMTP server as a URL names it.
type server struct {
	host           string
	port           int
	implicit       bool // TLS from the first byte
	starttls       gomail.TLSPolicy
	user, password string
	helo           string
	tls            *tls.Config
}

// CheckURL refuses (fault.Invalid) what does not name an SMTP server. The
// error repeats nothing of it, since it may hold a password.
func CheckURL(text string) error {
	_, err := parseServer(text, "")
	return err
}

// CheckSender refuses (fault.Invalid) what cannot be the sender of mails.
func CheckSender(from string) error {
	if _, err := netmail.ParseAddress(from); err != nil || oneLine(from) != from {
		return fault.New(fault.Invalid, "This is not the address of a sender")
	}
	return nil
}

var errServerURL = fault.New(fault.Invalid, "The address of the mail server cannot be used").
	WithHint(`write smtp://user:password@mail.example.org or smtps://user:password@mail.example.org; ` +
		`characters such as @ and / in the password are written as %%40 and %%2F`)

// parseServer reads smtp://user:password@host:port?starttls=…. Without
// starttls, smtp:// insists on STARTTLS (RFC 3207), except to this machine,
// where it is used if it is offered.
func parseServer(text, helo string) (server, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return server{}, errServerURL
	}
	s := server{host: u.Hostname(), helo: cmp.Or(helo, "localhost"), starttls: gomail.TLSMandatory}
	s.user = u.User.Username()
	s.password, _ = u.User.Password()
	switch u.Scheme {
	case "smtp":
		s.port = 587
	case "smtps":
		s.port, s.implicit = 465, true
	default:
		return server{}, errServerURL
	}
	if port := u.Port(); port != "" {
		if s.port, err = strconv.Atoi(port); err != nil || s.port < 1 || s.port > 65535 {
			return server{}, errServerURL
		}
	}
	switch u.Query().Get("starttls") {
	case "":
		if isLoopback(s.host) {
			s.starttls = gomail.TLSOpportunistic
		}
	case "required":
	case "optional":
		s.starttls = gomail.TLSOpportunistic
	case "never":
		s.starttls = gomail.NoTLS
	default:
		return server{}, errServerURL.WithHint("starttls is required, optional or never")
	}
	s.tls = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	return s, nil
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// client returns a client for one connection.
func (s server) client() (*gomail.Client, error) {
	o := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(dialTime), gomail.WithHELO(s.helo), gomail.WithTLSConfig(s.tls),
	}
	if s.implicit {
		o = append(o, gomail.WithSSL())
	} else {
		o = append(o, gomail.WithTLSPolicy(s.starttls))
	}
	if s.user != "" {
		how := gomail.SMTPAuthAutoDiscover
		if !s.implicit && s.starttls != gomail.TLSMandatory {
			how = gomail.SMTPAuthPlain // which the library sends in the clear to this machine only
		}
		o = append(o, gomail.WithSMTPAuth(how), gomail.WithUsername(s.user), gomail.WithPassword(s.password))
	}
	return gomail.NewClient(s.host, o...)
}

// smtpCarrier sends mails over one connection a batch.
type smtpCarrier struct {
	server server
	from   *netmail.Address
}

func (c *smtpCarrier) deliver(ctx context.Context, mails []envelope) []error {
	results := make([]error, len(mails))
	fail := func(err error) []error {
		for i := range results {
			results[i] = err
		}
		return results
	}
	client, err := c.server.client()
	if err != nil {
		return fail(err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fail(err)
	}
	defer client.CloseWithSMTPClient(conn) //nolint:errcheck // the mails have their results
	for i, m := range mails {
		if err := ctx.Err(); err != nil {
			results[i] = err
			continue
		}
		msg, err := m.message(c.from)
		if err != nil {
			results[i] = &permanent{reasonOf(err)}
			continue
		}
		results[i] = verdict(msg, client.SendWithSMTPClient(conn, msg))
	}
	return results
}

// verdict tells what an error means for the mail. What a server says for good
// (RFC 5321 §4.2.1, 5yz) about the recipient or the mail counts; about the
// connection, the credentials or the sender it is the operator's to mend, and
// the mail waits.
func verdict(msg *gomail.Msg, err error) error {
	if err == nil || msg.IsDelivered() { // what failed afterwards was the next mail's
		return nil
	}
	sent, ok := errors.AsType[*gomail.SendError](err)
	if !ok || sent.ErrorCode() < 500 {
		return err
	}
	switch sent.Reason {
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		return &permanent{reasonOf(err)}
	}
	return err
}

// address returns where mails are handed to, for people: without user and
// password.
func (s server) address() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }
