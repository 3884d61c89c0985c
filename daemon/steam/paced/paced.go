// Package paced asks one web site slowly. Sites that are not made for programs
// refuse whoever asks too often, so calls begin at a fixed distance, a failure
// holds back the next ones, and a Retry-After is obeyed.
package paced

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

const (
	callTimeout  = 15 * time.Second // from the dial to the last byte
	breakerFirst = 30 * time.Second
	breakerMost  = 30 * time.Minute
)

// Options say which site is asked and how.
type Options struct {
	// BaseURL is the root of the site, without a query.
	BaseURL string
	// Spacing is the time between the beginnings of two calls.
	Spacing time.Duration
	// MaxBody bounds an answer after decompression, in bytes.
	MaxBody int64
	// Accept and UserAgent are headers of each call.
	Accept, UserAgent string
	// HTTP sends the requests; nil uses a client behind a webapi.Guard that
	// admits BaseURL. Its CheckRedirect is replaced: no call leaves the scheme,
	// host and port of BaseURL.
	HTTP *http.Client
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// State is what people are shown of the connection to the site.
type State struct {
	BreakerOpen bool      // no call is made before RetryAt
	RetryAt     time.Time // zero when the last call succeeded
	FailingFrom time.Time // first of the failures since the last success; zero: none
	LastError   string    // of the last failed call; empty when it succeeded
	Calls       int64     // calls made since the start
	Failures    int64     // how many of them failed
}

// Client asks the site. It is safe for concurrent use; calls wait for their
// turn.
type Client struct {
	options Options
	base    *url.URL // nil: the address cannot be parsed
	http    *http.Client
	breaker *webapi.Breaker

	turn  chan struct{} // capacity 1: who may make the next call
	mu    sync.Mutex
	next  time.Time // no call begins before
	state State
}

// New returns a Client. It makes no call.
func New(o Options) *Client {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.HTTP == nil {
		o.HTTP = webapi.NewGuard(o.BaseURL).Client(webapi.Transfer{Connect: callTimeout, Header: callTimeout, Decompress: true})
	}
	h := *o.HTTP
	h.CheckRedirect = webapi.SameOrigin
	c := &Client{
		options: o, http: &h, turn: make(chan struct{}, 1),
		breaker: webapi.NewBreaker(breakerFirst, breakerMost, o.Now),
	}
	if u, err := url.Parse(o.BaseURL); err == nil && u.Host != "" {
		c.base = u
	}
	return c
}

// State returns how the last calls went.
func (c *Client) State() State {
	c.mu.Lock()
	s := c.state
	c.mu.Unlock()
	s.BreakerOpen, s.RetryAt = c.breaker.State()
	return s
}

// Get asks for a path with a query and hands the body of a 200 to read, whose
// error is returned. An error of read that is webapi.ErrNonsense counts as a
// failure of the site; any other means that the site answered well.
//
// Errors beside those of read: *webapi.StatusError, a *webapi.BreakerError
// without a call, webapi.ErrNonsense for a body that is too long, ctx's, and
// failed connections.
func (c *Client) Get(ctx context.Context, path string, query url.Values, read func(body []byte) error) error {
	if c.base == nil {
		return errors.New("the configured address cannot be parsed")
	}
	if err := c.wait(ctx); err != nil {
		return err
	}
	defer func() { <-c.turn }()
	if err := c.breaker.Enter(); err != nil {
		return err
	}
	if err := c.pause(ctx); err != nil {
		c.breaker.Cancel()
		return err
	}
	body, err := c.send(ctx, path, query)
	answered := err == nil
	if answered {
		err = read(body)
		answered = !errors.Is(err, webapi.ErrNonsense)
	} else if s, ok := errors.AsType[*webapi.StatusError](err); ok {
		answered = s.Status == http.StatusNotFound
	}
	if !answered && ctx.Err() != nil {
		c.breaker.Cancel() // the caller gave up, which says nothing about the site
		return ctx.Err()
	}
	c.note(err, answered)
	return err
}

// wait returns when it is our turn.
func (c *Client) wait(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause keeps the distance to the call before. The caller has the turn.
func (c *Client) pause(ctx context.Context) error {
	now := c.options.Now()
	// A clock that is put back must not make us wait longer than ever.
	if wait := min(c.next.Sub(now), c.options.Spacing); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		now = c.options.Now()
	}
	c.next = now.Add(c.options.Spacing)
	return nil
}

// note tells the breaker and the state how a call went.
func (c *Client) note(err error, answered bool) {
	now := c.options.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if answered {
		c.breaker.Succeed()
		c.state.LastError, c.state.FailingFrom = "", time.Time{}
		return
	}
	var after time.Duration
	if s, ok := errors.AsType[*webapi.StatusError](err); ok {
		after = s.RetryAfter
	}
	c.breaker.Fail(after)
	c.state.LastError = err.Error()
	c.state.Failures++
	if c.state.FailingFrom.IsZero() {
		c.state.FailingFrom = now
	}
}

// send makes the request and returns the body of a 200.
func (c *Client) send(ctx context.Context, path string, query url.Values) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	u := *c.base
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/")+path, ""
	u.RawQuery, u.Fragment = query.Encode(), ""
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	req.Header.Set("Accept", c.options.Accept)
	c.mu.Lock()
	c.state.Calls++
	c.mu.Unlock()
	resp, err := c.http.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // the address adds nothing
		}
		return nil, fmt.Errorf("asking %s: %w", c.base.Host, err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		return nil, &webapi.StatusError{
			Status: resp.StatusCode, RetryAfter: webapi.ParseRetryAfter(resp.Header.Get("Retry-After"), c.options.Now()),
		}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.options.MaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", c.base.Host, err)
	}
	if int64(len(body)) > c.options.MaxBody {
		return nil, fmt.Errorf("%w: more than %d bytes", webapi.ErrNonsense, c.options.MaxBody)
	}
	return body, nil
}
