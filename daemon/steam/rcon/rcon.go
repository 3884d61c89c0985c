// Package rcon speaks Source RCON, the remote console of Valve's game servers
// and of the many that took it over: Minecraft, Factorio, ARK, Palworld and
// others. Client is one connection; Execute is one command on a connection of
// its own; Holds keeps refused logins from being repeated.
//
// The wire is described by Valve ("Source RCON Protocol", developer wiki):
// TCP, packets of a size, an id, a type and a body, all numbers little-endian.
// It does not say where a reply of several packets ends, and servers differ in
// what they make of that; DESIGN.md says how the end is found.
//
// Everything, the password included, crosses the network in the clear. See
// Exposed.
package rcon

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// DefaultPort is the port of SRCDS. Minecraft uses 25575.
const DefaultPort = 27015

// The bounds of a Client that says nothing else.
const (
	DefaultTimeout   = 5 * time.Second
	DefaultMaxPacket = 1 << 20  // bytes that a packet may state as its size
	DefaultMaxReply  = 16 << 20 // bytes that may come in answer to a command
)

// What an operation fails with, beside context.Canceled. They are to be tested
// with errors.Is. No error ever holds a password.
var (
	// ErrState means that the client is not in the state for the operation:
	// it is closed, not connected, not logged in, or is so already.
	ErrState = errors.New("the connection is in another state")
	// ErrComm means that the connection failed or was closed by the server.
	ErrComm = errors.New("the connection failed")
	// ErrTimeout means that the server did not answer in time. A client that
	// is logged in stays so.
	ErrTimeout = errors.New("no answer in time")
	// ErrMessage means that a message breaks the protocol or that its text is
	// not in the encoding that was chosen.
	ErrMessage = errors.New("not a message that can be understood")
	// ErrTooLarge means that a command is longer than the server takes, or
	// that a reply is above the limit. After the latter the client is closed.
	ErrTooLarge = errors.New("too long")
	// ErrAuthRefused means that the password is wrong.
	ErrAuthRefused = errors.New("the server refused the password")
	// ErrAuthClosed means that the server closed the connection before it
	// answered the login. A ban, a full server and a wrong port look alike.
	ErrAuthClosed = errors.New("the server closed the connection at the login; it may have banned this address, be full, or not be a remote console")
	// ErrAuthLost means that the server dropped the login, as it does when
	// rcon_password is written. The client is closed: log in with another.
	ErrAuthLost = errors.New("the server dropped the login")
)

// AuthError is a login that failed: errors.Is finds ErrAuthRefused in it or,
// when Banned, ErrAuthClosed.
type AuthError struct {
	// Banned is that the server closed the connection instead of answering.
	Banned bool
}

// Error says which of the two it was.
func (e *AuthError) Error() string { return e.Unwrap().Error() }

// Unwrap returns ErrAuthClosed or ErrAuthRefused.
func (e *AuthError) Unwrap() error {
	if e.Banned {
		return ErrAuthClosed
	}
	return ErrAuthRefused
}

// Dialect is how a server marks the end of a reply.
type Dialect string

// The dialects.
const (
	// Auto finds the end by itself. It fits all servers.
	Auto Dialect = ""
	// SRCDS echoes an empty packet after the reply.
	SRCDS Dialect = "srcds"
	// Minecraft answers an empty packet with a text, takes one packet at a
	// time and commands of 1,446 bytes at most.
	Minecraft Dialect = "minecraft"
	// Single sends each reply as one packet, as Factorio does.
	Single Dialect = "single"
)

// Dialects are the names that a person may choose from.
func Dialects() []Dialect { return []Dialect{SRCDS, Minecraft, Single} }

// Options are how a Client works. The zero value is usable.
type Options struct {
	Password string
	// Timeout bounds each operation beside its context; 0 is DefaultTimeout.
	Timeout time.Duration
	Dialect Dialect
	// Encoding is that of commands and of Text.
	Encoding Encoding
	// MaxPacket and MaxReply bound what a server may send, in bytes; 0 is
	// the default.
	MaxPacket, MaxReply int
	// Holds, when set, is asked before each login and told its outcome.
	Holds *Holds
	// Dial connects; nil is a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxPacket <= 0 {
		o.MaxPacket = DefaultMaxPacket
	}
	if o.MaxReply <= 0 {
		o.MaxReply = DefaultMaxReply
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	return o
}

// Address makes host:port of host, host:port, an IPv6 address in brackets with
// or without a port, or a bare IPv6 address. The error is made for people.
func Address(text string, defaultPort uint16) (string, error) {
	wrong := errors.New("the address has to be HOST or HOST:PORT, an IPv6 address in brackets, the port from 1 to 65535")
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(addr, defaultPort).String(), nil
	}
	host, port := text, strconv.Itoa(int(defaultPort))
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	} else if strings.Contains(text, ":") {
		var err error
		if host, port, err = net.SplitHostPort(text); err != nil {
			return "", wrong
		}
	}
	if strings.HasPrefix(text, "[") {
		if addr, err := netip.ParseAddr(host); err != nil || addr.Is4() {
			return "", wrong
		}
	} else if host == "" || strings.ContainsAny(host, " \t\r\n\"'/\\@?#[]:") {
		return "", wrong
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", wrong
	}
	return net.JoinHostPort(host, port), nil
}

// Exposed reports whether a password sent to the address crosses a network
// that others may listen on: it is neither loopback nor private.
func Exposed(remote net.Addr) bool {
	if remote == nil {
		return false
	}
	at, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return false
	}
	addr := at.Addr().Unmap()
	return !addr.IsLoopback() && !addr.IsPrivate() && !addr.IsLinkLocalUnicast()
}

// Execute runs one command on a connection of its own and returns the reply as
// text.
func Execute(ctx context.Context, address, password, command string) (string, error) {
	c, err := Dial(ctx, address, Options{Password: password})
	if err != nil {
		return "", err
	}
	defer c.Close()
	return c.Text(ctx, command)
}
