package rcon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
)

// state is how far a Client has come.
type state uint8

const (
	fresh state = iota
	connected
	authenticated
	closed // final
)

// Client is one connection to one server. It is safe for concurrent use; one
// command is on its way at a time and the others wait.
//
// It never repeats a login by itself: servers ban the address of whom they
// refused a few times.
type Client struct {
	address string
	options Options

	turn chan struct{} // held by the operation on its way

	mu      sync.Mutex // guards what follows
	state   state
	conn    net.Conn
	skipped int

	// Owned by who holds the turn.
	pending []byte // what has come and was not decoded yet
	chunk   []byte
	noProbe bool  // this server does not answer the probe
	ignored int32 // the probe that it did not answer
	lastID  int32
}

// New returns a client for host:port that is not connected.
func New(address string, options Options) *Client {
	return &Client{address: address, options: options.withDefaults(), turn: make(chan struct{}, 1)}
}

// Dial connects and logs in. On failure nothing stays open.
func Dial(ctx context.Context, address string, options Options) (*Client, error) {
	c := New(address, options)
	if err := c.Connect(ctx); err != nil {
		return nil, err
	}
	if err := c.Authenticate(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Connect opens the connection. A failed Connect may be repeated.
func (c *Client) Connect(ctx context.Context) error {
	ctx, done, err := c.begin(ctx, fresh)
	if err != nil {
		return err
	}
	defer done()
	conn, err := c.options.Dial(ctx, "tcp", c.address)
	if err != nil {
		return c.failure(ctx, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == closed {
		conn.Close()
		return stateError(closed)
	}
	c.conn, c.state = conn, connected
	return nil
}

// Authenticate logs in with the password of the options. Any failure closes
// the client: *AuthError when the server said no, *HeldError when the Holds
// forbid to ask it.
func (c *Client) Authenticate(ctx context.Context) error {
	ctx, done, err := c.begin(ctx, connected)
	if err != nil {
		return err
	}
	defer done()
	if c.options.Holds != nil {
		err = c.options.Holds.Try(ctx, c.address, c.options.Password, c.login)
	} else {
		err = c.login(ctx)
	}
	if err != nil {
		c.Close()
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == closed {
		return stateError(closed)
	}
	c.state = authenticated
	return nil
}

// login decides on an AUTH_RESPONSE alone: SRCDS sends an empty RESPONSE_VALUE
// before it, others do not.
func (c *Client) login(ctx context.Context) error {
	stop := c.interruptible(ctx)
	defer stop()
	id := c.nextID()
	if err := c.write(ctx, Message{ID: id, Type: TypeAuth, Body: []byte(c.options.Password)}, sourceBody); err != nil {
		return loginError(err)
	}
	budget := c.options.MaxReply
	for {
		m, err := c.next(ctx, forever, &budget)
		switch {
		case err != nil:
			return loginError(err)
		case m.Type == TypeAuthResponse && m.ID == refusedID:
			return &AuthError{}
		case m.Type == TypeAuthResponse && m.ID == id:
			return nil
		}
	}
}

// loginError makes a closed connection the AuthError that it is at a login.
func loginError(err error) error {
	if errors.Is(err, ErrComm) {
		return &AuthError{Banned: true}
	}
	return err
}

// Close ends the connection and whatever waits for it. It may be called more
// than once.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == closed {
		return nil
	}
	c.state = closed
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}

// Connected reports whether commands can be executed.
func (c *Client) Connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == authenticated
}

// RemoteAddr is the address that the name led to, nil before Connect.
func (c *Client) RemoteAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return nil
	}
	return c.conn.RemoteAddr()
}

// Skipped is how many packets belonged to nothing that was asked: late ones,
// and those of types that the protocol does not have.
func (c *Client) Skipped() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.skipped
}

// begin waits for the turn, checks the state and bounds ctx by the timeout,
// which includes the waiting.
func (c *Client) begin(ctx context.Context, want state) (context.Context, func(), error) {
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		cancel()
		return parent, nil, contextError(ctx)
	}
	done := func() { <-c.turn; cancel() }
	c.mu.Lock()
	is := c.state
	c.mu.Unlock()
	if is != want {
		done()
		return parent, nil, stateError(is)
	}
	return ctx, done, nil
}

func stateError(is state) error {
	return fmt.Errorf("%w: it is %s", ErrState, [...]string{"not connected", "connected and not logged in", "logged in", "closed"}[is])
}

// nextID counts from 1 and leaves out 0 and the negative.
func (c *Client) nextID() int32 {
	if c.lastID++; c.lastID <= 0 {
		c.lastID = 1
	}
	return c.lastID
}

// failure turns an error of the network into one of ours. Errors of the net
// package hold addresses and nothing secret.
func (c *Client) failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return ErrTimeout
	}
	if !c.open() {
		return stateError(closed)
	}
	return fmt.Errorf("%w: %w", ErrComm, err)
}

func (c *Client) open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state != closed
}

func contextError(ctx context.Context) error {
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return err
	}
	return ErrTimeout
}
