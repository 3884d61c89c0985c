// Package webrcon speaks the remote console of Rust servers (rcon.web 1):
// JSON messages over a websocket whose path is the password.
//
// Errors and logs never hold that path.
package webrcon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/quartermasterd/quartermaster/daemon/steam/rcon"
)

// DefaultPort is the port that Rust servers listen on for this.
const DefaultPort = 28016

// firstID is the identifier of the first command. Servers use small and
// negative ones for what they send by themselves.
const firstID = 1001

// Line is what a server sends: the reply to a command, or a line of its
// console.
type Line struct {
	Identifier int    `json:"Identifier"`
	Message    string `json:"Message"`
	Type       string `json:"Type"` // Generic, Log, Warning, Error, Chat (then Message is JSON)
	Stacktrace string `json:"Stacktrace"`
}

// Options are how a Client works. The zero value is usable.
type Options struct {
	Password string
	// Timeout bounds each operation beside its context; 0 is
	// rcon.DefaultTimeout.
	Timeout time.Duration
	// MaxMessage bounds a message in bytes; 0 is rcon.DefaultMaxReply.
	MaxMessage int
	// Console, when set, gets the lines that answer no command. It is called
	// by one goroutine and must not block.
	Console func(Line)
	// Holds, when set, is asked before each login and told its outcome.
	Holds *rcon.Holds
}

// Client is one connection. It is safe for concurrent use; several commands
// may be on their way.
type Client struct {
	ws      *websocket.Conn
	remote  net.Addr
	options Options
	cancel  context.CancelFunc
	ended   chan struct{} // closed when nothing more will come

	mu      sync.Mutex
	nextID  int
	waiting map[int]chan Line
	heard   bool // the server sent something
	closed  bool // by us
	err     error
}

// Dial connects to host:port and logs in. A server that refuses the password
// in the handshake is *rcon.AuthError; one that closes afterwards makes the
// first command fail with rcon.ErrAuthClosed.
func Dial(ctx context.Context, address string, options Options) (*Client, error) {
	if options.Timeout <= 0 {
		options.Timeout = rcon.DefaultTimeout
	}
	if options.MaxMessage <= 0 {
		options.MaxMessage = rcon.DefaultMaxReply
	}
	ctx, cancel := context.WithTimeout(ctx, options.Timeout)
	defer cancel()
	c := &Client{options: options, nextID: firstID, waiting: map[int]chan Line{}, ended: make(chan struct{})}
	try := func(ctx context.Context) error { return c.handshake(ctx, address) }
	var err error
	if options.Holds != nil {
		err = options.Holds.Try(ctx, address, options.Password, try)
	} else {
		err = try(ctx)
	}
	if err != nil {
		return nil, err
	}
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = stop
	go c.read(reading)
	return c, nil
}

// handshake opens the websocket. Neither a proxy nor a redirection gets to see
// the password.
func (c *Client) handshake(ctx context.Context, address string) error {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err == nil {
				c.remote = conn.RemoteAddr()
			}
			return conn, err
		},
		MaxResponseHeaderBytes: 64 << 10,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	path := "/" + c.options.Password
	at := url.URL{Scheme: "ws", Host: address, Path: path, RawPath: "/" + url.PathEscape(c.options.Password)}
	ws, response, err := websocket.Dial(ctx, at.String(), &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		return dialError(ctx, response, err)
	}
	ws.SetReadLimit(int64(c.options.MaxMessage))
	c.ws = ws
	return nil
}

// dialError makes an error without the URL, which holds the password, and
// without anything that the server may have sent back of it.
func dialError(ctx context.Context, response *http.Response, err error) error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	if response != nil && response.StatusCode >= 400 && response.StatusCode < 500 {
		return &rcon.AuthError{}
	}
	if response != nil {
		return fmt.Errorf("%w: the server answered %d instead of opening a websocket", rcon.ErrComm, response.StatusCode)
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%w: %w", rcon.ErrComm, network)
	}
	return fmt.Errorf("%w: the server does not speak WebRCON", rcon.ErrComm)
}

// read sorts what comes until the connection ends.
func (c *Client) read(ctx context.Context) {
	defer close(c.ended)
	for {
		_, data, err := c.ws.Read(ctx)
		if err != nil {
			c.end(err)
			return
		}
		var l Line
		if err := json.Unmarshal(data, &l); err != nil {
			continue // the next message stands for itself
		}
		c.mu.Lock()
		c.heard = true
		reply := c.waiting[l.Identifier]
		delete(c.waiting, l.Identifier)
		c.mu.Unlock()
		if reply != nil {
			reply <- l // it has room for one
		} else if c.options.Console != nil {
			c.options.Console(l)
		}
	}
}

// end remembers why nothing more can come.
func (c *Client) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		c.err = fmt.Errorf("%w: it is closed", rcon.ErrState)
	case errors.Is(err, websocket.ErrMessageTooBig):
		c.err = fmt.Errorf("%w: the server sent more than %d bytes", rcon.ErrTooLarge, c.options.MaxMessage)
	case !c.heard:
		c.err = &rcon.AuthError{Banned: true}
	default:
		c.err = fmt.Errorf("%w: the server ended it", rcon.ErrComm)
	}
	c.cancel()
	_ = c.ws.CloseNow() // it has ended already
}

// Execute runs a command and returns its reply.
func (c *Client) Execute(ctx context.Context, command string) (Line, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	reply := make(chan Line, 1)
	id, err := c.send(ctx, command, reply)
	if err != nil {
		return Line{}, err
	}
	defer c.forget(id)
	select {
	case l := <-reply:
		return l, nil
	case <-ctx.Done():
		return Line{}, contextError(ctx)
	case <-c.ended:
	}
	select {
	case l := <-reply: // it came before the end
		return l, nil
	default:
		return Line{}, c.failure()
	}
}

// Text is Execute with the text of the reply alone.
func (c *Client) Text(ctx context.Context, command string) (string, error) {
	l, err := c.Execute(ctx, command)
	return l.Message, err
}

// Send runs a command and does not wait for the reply, which goes to Console.
func (c *Client) Send(ctx context.Context, command string) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	_, err := c.send(ctx, command, nil)
	return err
}

// send writes a command. The reply goes to the channel when that is not nil.
func (c *Client) send(ctx context.Context, command string, reply chan Line) (id int, err error) {
	c.mu.Lock()
	if c.err != nil || c.closed {
		c.mu.Unlock()
		return 0, c.failure()
	}
	id = c.nextID
	if c.nextID++; c.nextID > 1<<30 {
		c.nextID = firstID
	}
	if reply != nil {
		c.waiting[id] = reply
	}
	c.mu.Unlock()
	message, err := json.Marshal(struct {
		Identifier int
		Message    string
		Name       string
	}{id, command, "WebRcon"})
	if err == nil {
		err = c.ws.Write(ctx, websocket.MessageText, message)
	}
	if err == nil {
		return id, nil
	}
	c.forget(id)
	if ctx.Err() != nil {
		return 0, contextError(ctx)
	}
	_ = c.ws.CloseNow() // what a write that failed left of it
	<-c.ended
	return 0, c.failure()
}

func (c *Client) forget(id int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

func (c *Client) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return fmt.Errorf("%w: it is closed", rcon.ErrState)
	}
	return c.err
}

// Connected reports whether commands can be executed.
func (c *Client) Connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err == nil && !c.closed
}

// RemoteAddr is the address that the name led to.
func (c *Client) RemoteAddr() net.Addr { return c.remote }

// Close ends the connection and whatever waits for it. It may be called more
// than once.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	// The server may be gone, or slow to say goodbye: nothing hangs on it.
	_ = c.ws.CloseNow()
	c.cancel()
	<-c.ended
	return nil
}

func contextError(ctx context.Context) error {
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return err
	}
	return rcon.ErrTimeout
}
