package rcon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// What servers take as the body of a command, in bytes.
const (
	sourceBody    = 4086
	minecraftBody = 1446 // a longer one makes the server close the connection
)

// forever is the time of a wait that only the context ends.
const forever time.Duration = -1

// longAgo makes an operation of a connection fail at once.
var longAgo = time.Unix(1, 0)

// errQuiet means that nothing came for as long as it was waited.
var errQuiet = errors.New("quiet")

// interruptible lets the end of ctx break off what the connection does. The
// caller must call stop before the turn passes on.
func (c *Client) interruptible(ctx context.Context) (stop func()) {
	conn, broken := c.conn, make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(broken)
		// It fails only for a connection that is closed anyway.
		_ = conn.SetDeadline(longAgo)
	})
	return func() {
		if !cancel() {
			<-broken
		}
	}
}

// write sends one message in one write of its own: some servers take what
// comes with it for a part of it. A write that fails leaves half a message
// behind, so it closes the client.
func (c *Client) write(ctx context.Context, m Message, limit int) error {
	if len(m.Body) > limit {
		return fmt.Errorf("%w: %d bytes, and the server takes %d", ErrTooLarge, len(m.Body), limit)
	}
	deadline, _ := ctx.Deadline()
	err := c.conn.SetWriteDeadline(deadline)
	if err == nil && ctx.Err() != nil {
		return contextError(ctx)
	}
	if err == nil {
		_, err = c.conn.Write(m.Append(nil))
	}
	if err != nil {
		err = c.failure(ctx, err)
		c.Close()
	}
	return err
}

// next returns the next message. It waits until ctx ends or, unless quiet is
// forever, until not one byte has come for that long and no message has begun:
// then it is errQuiet. The budget is what may still be received. A message
// that breaks the protocol and a connection that failed close the client.
func (c *Client) next(ctx context.Context, quiet time.Duration, budget *int) (Message, error) {
	if c.chunk == nil {
		c.chunk = make([]byte, 16<<10)
	}
	for {
		m, rest, err := decode(c.pending, c.options.MaxPacket)
		if err == nil {
			c.pending = rest
			return m, nil
		}
		if !errors.Is(err, ErrShort) {
			c.Close()
			return Message{}, err
		}
		if *budget <= 0 {
			c.Close()
			return Message{}, fmt.Errorf("%w: the server sent more than %d bytes", ErrTooLarge, c.options.MaxReply)
		}
		if err := c.receive(ctx, quiet, budget); err != nil {
			return Message{}, err
		}
	}
}

// receive waits once for bytes.
func (c *Client) receive(ctx context.Context, quiet time.Duration, budget *int) error {
	deadline, _ := ctx.Deadline()
	bounded := quiet != forever && len(c.pending) == 0
	if until := time.Now().Add(quiet); bounded && until.Before(deadline) {
		deadline = until
	}
	if err := c.conn.SetReadDeadline(deadline); err != nil {
		err = c.failure(ctx, err)
		c.Close()
		return err
	}
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	n, err := c.conn.Read(c.chunk)
	if n > 0 {
		*budget -= n
		c.pending = append(c.pending, c.chunk[:n]...)
		return nil
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return contextError(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded) && bounded:
		return errQuiet
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrTimeout
	}
	err = c.failure(ctx, err)
	c.Close()
	return err
}
