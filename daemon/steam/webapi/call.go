package webapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// call makes one call behind the breaker and the budget and hands the body
// of a 200 to decode. decode also reports whether Steam asked for fewer
// calls inside a good answer.
func (c *Client) call(ctx context.Context, e endpoint, params query, decode func([]byte) (limited bool, err error)) error {
	if e.url == "" {
		return errors.New("the address of the Steam Web API cannot be parsed")
	}
	if err := c.breaker.Enter(); err != nil {
		return err
	}
	if err := c.take(ctx); err != nil {
		c.breaker.Cancel()
		return fmt.Errorf("before a Steam Web API call: %w", err)
	}
	body, err := c.send(ctx, e, params)
	limited := false
	if err == nil {
		limited, err = decode(body)
	}
	if err != nil && ctx.Err() != nil {
		// The caller gave up, which says nothing about Steam.
		c.breaker.Cancel()
		return ctx.Err()
	}
	c.note(err, limited)
	return err
}

// take uses up one call of the budget.
func (c *Client) take(ctx context.Context) error {
	if c.budget == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return c.budget.Take(ctx)
}

// note tells the breaker and the state how a call went.
func (c *Client) note(err error, limited bool) {
	switch {
	case err != nil:
		var after time.Duration
		if s, ok := errors.AsType[*StatusError](err); ok {
			after = s.RetryAfter
		}
		c.breaker.Fail(after)
	case limited:
		c.breaker.Fail(0)
	default:
		c.breaker.Succeed()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastError, c.silent = "", Unreachable(err)
	if err != nil {
		c.lastError = err.Error()
	} else if limited {
		c.lastError = fmt.Sprintf("Steam answered result %d: rate limited", ResultRateLimited)
	}
}

// send makes the request and returns the body of a 200. Its errors hold
// neither the URL nor the key.
func (c *Client) send(ctx context.Context, e endpoint, params query) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	target, form := e.url, io.Reader(http.NoBody)
	if e.method == http.MethodGet {
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		target += separator + string(params)
	} else {
		form = strings.NewReader(string(params))
	}
	req, err := http.NewRequestWithContext(ctx, e.method, target, form)
	if err != nil {
		return nil, redact(err, c.key)
	}
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set("Accept", "application/json")
	if e.method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	c.mu.Lock()
	c.calls++
	c.mu.Unlock()
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, &silenceError{redact(err, c.key)}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &StatusError{Status: resp.StatusCode, RetryAfter: ParseRetryAfter(resp.Header.Get("Retry-After"), c.now())}
	}
	// The transport decompresses, so this bounds what a small compressed
	// answer can grow to.
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("reading Steam's answer: %w", redact(err, c.key))
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrNonsense, maxBody)
	}
	return body, nil
}
