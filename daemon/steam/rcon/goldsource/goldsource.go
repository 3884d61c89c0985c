// Package goldsource speaks the remote console of servers of the GoldSource
// engine (Half-Life, Counter-Strike 1.6), which goes over UDP.
//
// A server is first asked for a number, the challenge, which goes with the
// password into the datagram of the command. Replies have neither ids nor an
// end mark.
package goldsource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/rcon"
)

// DefaultPort is that of the game.
const DefaultPort = 27015

const (
	maxReply   = 1 << 20
	maxCommand = 1024 // bytes of a datagram that the engine reads as a command
	fullPacket = 1000 // above this a datagram is likely to have a successor
	quietEnd   = 300 * time.Millisecond
	resend     = time.Second // of the question for a challenge
)

// The texts of a server that does not run the command.
const (
	badPassword = "Bad rcon_password."
	banned      = "You have been banned from this server."
)

var header = []byte("\xff\xff\xff\xff")

// Options are how a Client works. The zero value is usable.
type Options struct {
	Password string
	// Timeout bounds each operation beside its context; 0 is
	// rcon.DefaultTimeout.
	Timeout time.Duration
	// Encoding is that of commands and of Text.
	Encoding rcon.Encoding
	// Holds, when set, is asked before each command and told whether the
	// password was refused.
	Holds *rcon.Holds
}

// Client runs commands on one server. It is safe for concurrent use. There is
// no connection: each command has a socket of its own, so that what comes too
// late for one cannot be taken for the reply to another.
type Client struct {
	address string
	options Options

	mu      sync.Mutex
	closed  bool
	refused bool // commands would only be refused again
}

// New returns a client for host:port. It sends nothing: a wrong password shows
// at the first command.
func New(address string, options Options) *Client {
	if options.Timeout <= 0 {
		options.Timeout = rcon.DefaultTimeout
	}
	return &Client{address: address, options: options}
}

// Text runs a command and returns its output. It fails with *rcon.AuthError
// when the server refuses the password or has banned this address; then the
// client does not ask it again.
func (c *Client) Text(ctx context.Context, command string) (string, error) {
	var body []byte
	err := c.exchange(ctx, command, func(ctx context.Context, conn net.Conn) (err error) {
		body, err = reply(ctx, conn)
		return err
	})
	if err != nil {
		return "", err
	}
	return c.options.Encoding.Decode(body)
}

// Send runs a command and does not wait for the reply.
func (c *Client) Send(ctx context.Context, command string) error {
	return c.exchange(ctx, command, func(context.Context, net.Conn) error { return nil })
}

// Connected reports whether commands can be tried.
func (c *Client) Connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed && !c.refused
}

// Close ends the client. It may be called more than once.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

// exchange sends a command and lets finish read the reply.
func (c *Client) exchange(ctx context.Context, command string, finish func(context.Context, net.Conn) error) error {
	if !c.Connected() {
		return fmt.Errorf("%w: it is closed", rcon.ErrState)
	}
	body, err := c.options.Encoding.Encode(command)
	if err != nil {
		return err
	}
	switch {
	case strings.ContainsAny(c.options.Password, "\"\r\n\x00"):
		return fmt.Errorf("%w: this protocol has no way to write a quote in a password", rcon.ErrMessage)
	case bytes.ContainsAny(body, "\r\n\x00"):
		return fmt.Errorf("%w: a command is one line", rcon.ErrMessage)
	case len(body)+len(c.options.Password) > maxCommand-64:
		return fmt.Errorf("%w: the server takes %d bytes", rcon.ErrTooLarge, maxCommand-64-len(c.options.Password))
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	try := func(ctx context.Context) error { return c.once(ctx, body, finish) }
	if c.options.Holds != nil {
		err = c.options.Holds.Try(ctx, c.address, c.options.Password, try)
	} else {
		err = try(ctx)
	}
	if _, ok := errors.AsType[*rcon.AuthError](err); ok {
		c.mu.Lock()
		c.refused = true
		c.mu.Unlock()
	}
	return err
}

func (c *Client) once(ctx context.Context, command []byte, finish func(context.Context, net.Conn) error) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", c.address)
	if err != nil {
		return failure(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer conn.Close()
	defer stop()
	number, err := challenge(ctx, conn)
	if err != nil {
		return err
	}
	datagram := fmt.Appendf(bytes.Clone(header), "rcon %s \"%s\" %s\n\x00", number, c.options.Password, command)
	if _, err := conn.Write(datagram); err != nil {
		return failure(ctx, err)
	}
	return finish(ctx, conn)
}

// challenge asks for the number, again when a datagram is lost.
func challenge(ctx context.Context, conn net.Conn) (string, error) {
	for {
		if _, err := conn.Write([]byte("\xff\xff\xff\xffchallenge rcon\n\x00")); err != nil {
			return "", failure(ctx, err)
		}
		for until := time.Now().Add(resend); ; {
			b, err := receive(ctx, conn, until)
			if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
				break
			}
			if err != nil {
				return "", failure(ctx, err)
			}
			if number, ok := parseChallenge(b); ok {
				return number, nil
			}
			if err := refusal(parseText(b)); err != nil {
				return "", err
			}
		}
	}
}

// reply joins the datagrams of a reply.
func reply(ctx context.Context, conn net.Conn) ([]byte, error) {
	var text []byte
	until := time.Time{}
	for {
		b, err := receive(ctx, conn, until)
		if errors.Is(err, os.ErrDeadlineExceeded) && !until.IsZero() && ctx.Err() == nil {
			return text, refusal(text)
		}
		if err != nil {
			return nil, failure(ctx, err)
		}
		part := parseText(b)
		if part == nil {
			continue
		}
		if text = append(text, part...); len(text) > maxReply {
			return nil, fmt.Errorf("%w: the server sent more than %d bytes", rcon.ErrTooLarge, maxReply)
		}
		if len(b) <= fullPacket {
			return text, refusal(text)
		}
		until = time.Now().Add(quietEnd)
	}
}

// receive returns the next datagram; the zero until is the end of ctx.
func receive(ctx context.Context, conn net.Conn, until time.Time) ([]byte, error) {
	if deadline, ok := ctx.Deadline(); ok && (until.IsZero() || deadline.Before(until)) {
		until = deadline
	}
	if err := conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	b := make([]byte, 65535)
	n, err := conn.Read(b)
	return b[:n], err
}

// parseChallenge reads ff ff ff ff "challenge rcon NUMBER".
func parseChallenge(b []byte) (string, bool) {
	text, ok := bytes.CutPrefix(b, []byte("\xff\xff\xff\xffchallenge rcon "))
	if !ok {
		return "", false
	}
	number := string(bytes.TrimRight(text, "\n\x00 "))
	if number == "" || len(number) > 20 || strings.Trim(number, "-0123456789") != "" {
		return "", false
	}
	return number, true
}

// parseText reads ff ff ff ff 6c and a text; nil is something else.
func parseText(b []byte) []byte {
	text, ok := bytes.CutPrefix(b, []byte("\xff\xff\xff\xffl"))
	if !ok {
		return nil
	}
	return append([]byte{}, bytes.TrimRight(text, "\x00")...)
}

// refusal is the error of a text that says that the command was not run.
func refusal(text []byte) error {
	switch strings.TrimSpace(string(text)) {
	case badPassword:
		return &rcon.AuthError{}
	case banned:
		return &rcon.AuthError{Banned: true}
	}
	return nil
}

func failure(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return rcon.ErrTimeout
	}
	return fmt.Errorf("%w: %w", rcon.ErrComm, err)
}
