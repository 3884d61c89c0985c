package rcon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// The waits that find the end of a reply. DESIGN.md says why.
const (
	probeAfter = 250 * time.Millisecond // without a reply, until the probe goes out
	probeWait  = 400 * time.Millisecond // after the last of the reply, until the probe counts as ignored
	quietEnd   = 250 * time.Millisecond // without probes, until the reply counts as whole
	drainFor   = time.Millisecond

	// fullPacket is the size from which a packet is likely to have a
	// successor.
	fullPacket = 3500
)

// Execute runs a command and returns the whole reply, its parts joined, as one
// message. A command without output has an empty one.
//
// ErrTimeout leaves the client usable: what comes too late is dropped and
// never taken for the reply to another command.
func (c *Client) Execute(ctx context.Context, command string) (Message, error) {
	ctx, done, err := c.begin(ctx, authenticated)
	if err != nil {
		return Message{}, err
	}
	defer done()
	body, err := c.command(command)
	if err != nil {
		return Message{}, err
	}
	stop := c.interruptible(ctx)
	defer stop()
	r := reply{client: c, id: c.nextID(), budget: c.options.MaxReply}
	if err := c.write(ctx, Message{ID: r.id, Type: TypeExec, Body: body}, c.bodyLimit()); err != nil {
		return Message{}, err
	}
	if err := r.collect(ctx); err != nil {
		return Message{}, err
	}
	return Message{ID: r.id, Type: TypeResponse, Body: r.body}, nil
}

// Text is Execute with the reply as text of the client's encoding.
func (c *Client) Text(ctx context.Context, command string) (string, error) {
	m, err := c.Execute(ctx, command)
	if err != nil {
		return "", err
	}
	return m.Text(c.options.Encoding)
}

// Send runs a command and does not wait for the reply, which is dropped when
// it comes.
func (c *Client) Send(ctx context.Context, command string) error {
	ctx, done, err := c.begin(ctx, authenticated)
	if err != nil {
		return err
	}
	defer done()
	body, err := c.command(command)
	if err != nil {
		return err
	}
	stop := c.interruptible(ctx)
	defer stop()
	if err := c.drain(ctx); err != nil {
		return err
	}
	return c.write(ctx, Message{ID: c.nextID(), Type: TypeExec, Body: body}, c.bodyLimit())
}

// drain drops what has come by now, so that replies nobody waits for do not
// pile up until the server stops.
func (c *Client) drain(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, drainFor)
	defer cancel()
	budget := c.options.MaxReply
	for {
		m, err := c.next(short, forever, &budget)
		if errors.Is(err, ErrTimeout) && ctx.Err() == nil {
			return nil
		}
		if err == nil {
			err = c.skip(m)
		}
		if err != nil {
			return err
		}
	}
}

// command returns the bytes of a command.
func (c *Client) command(text string) ([]byte, error) {
	body, err := c.options.Encoding.Encode(text)
	if err == nil && bytes.IndexByte(body, 0) >= 0 {
		err = fmt.Errorf("%w: a command cannot hold a zero byte", ErrMessage)
	}
	return body, err
}

func (c *Client) bodyLimit() int {
	if c.options.Dialect == Minecraft {
		return minecraftBody
	}
	return sourceBody
}

// skip drops a message that answers nothing that is waited for. A late answer
// to a probe shows that the server does answer them.
func (c *Client) skip(m Message) error {
	if m.Type == TypeAuthResponse && m.ID == refusedID {
		c.Close()
		return ErrAuthLost
	}
	if m.Type == TypeResponse && m.ID == c.ignored {
		c.noProbe = false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skipped++
	return nil
}

// reply is what is gathered in answer to one command.
type reply struct {
	client *Client
	id     int32
	probe  int32 // 0: not sent
	body   []byte
	some   bool // at least one packet came
	last   int  // size of the last one's body
	budget int
}

// collect gathers packets until the reply is whole.
func (r *reply) collect(ctx context.Context) error {
	for {
		m, err := r.client.next(ctx, r.patience(), &r.budget)
		if errors.Is(err, errQuiet) {
			done, err := r.quiet(ctx)
			if done || err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		done, err := r.take(ctx, m)
		if done || err != nil {
			return err
		}
	}
}

// patience is how long the silence has to last that means something.
func (r *reply) patience() time.Duration {
	c := r.client
	switch {
	case !r.some && (r.probe != 0 || !r.probing() || c.options.Dialect == Minecraft):
		return forever
	case !r.some:
		return probeAfter
	case !r.probing():
		return quietEnd
	case c.options.Dialect != Auto:
		return forever // it is known to answer
	}
	return probeWait
}

// probing reports whether the end is found by a probe.
func (r *reply) probing() bool {
	c := r.client
	return c.options.Dialect != Single && !c.noProbe
}

// quiet acts on a silence of r.patience.
func (r *reply) quiet(ctx context.Context) (done bool, err error) {
	if !r.some {
		return false, r.sendProbe(ctx)
	}
	if r.probing() {
		r.client.noProbe, r.client.ignored = true, r.probe
	}
	return true, nil
}

// take sorts in one message and reports whether it was the last.
func (r *reply) take(ctx context.Context, m Message) (done bool, err error) {
	switch {
	case m.Type != TypeResponse:
		return false, r.client.skip(m)
	case r.probe != 0 && m.ID == r.probe:
		return true, nil
	case m.ID != r.id:
		return false, r.client.skip(m)
	}
	r.some, r.last = true, len(m.Body)
	r.body = append(r.body, m.Body...)
	switch {
	case r.client.options.Dialect == Single:
		return true, nil
	case !r.probing():
		return r.last < fullPacket, nil
	case r.probe == 0:
		return false, r.sendProbe(ctx)
	}
	return false, nil
}

func (r *reply) sendProbe(ctx context.Context) error {
	r.probe = r.client.nextID()
	return r.client.write(ctx, Message{ID: r.probe, Type: TypeResponse}, sourceBody)
}
