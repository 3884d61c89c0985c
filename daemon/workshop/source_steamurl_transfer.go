package workshop

import (
	"bufio"
	"context"
	"errors"
	"hash"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// steamTransfer is one download.
type steamTransfer struct {
	source  *SteamURL
	details *webapi.FileDetails
	dst     Sink
	sha1    hash.Hash

	hostFailed bool // the host is to blame, not the item
	retryAfter time.Duration
}

// run downloads the file at the address into dst.
func (t *steamTransfer) run(ctx context.Context, at *url.URL) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "Steam names no usable download address")
	}
	req.Header.Set("User-Agent", t.source.o.UserAgent)
	// What is asked for is a file of a stated length.
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := t.source.http.Do(req)
	if err != nil {
		if errors.Is(err, webapi.ErrBlocked) {
			return fault.Wrap(err, fault.Invalid, "Steam's download leads to an address that is not on the public internet")
		}
		t.hostFailed = true
		return fault.Wrap(err, fault.Unavailable, "Steam's file host does not answer")
	}
	defer resp.Body.Close()
	size, err := t.check(resp)
	if err != nil {
		return err
	}
	if size > 0 {
		if err := t.dst.Expect(size); err != nil {
			return err
		}
	}
	body := &watched{Reader: resp.Body, ctx: ctx, clock: t.source.o.Clock, received: t.source.o.Received}
	stop := make(chan struct{})
	defer close(stop)
	go body.watch(t.source.o.Stall, stop, func() { cancel(errStalled) })
	err = t.copy(body, size)
	if err != nil && context.Cause(ctx) == errStalled {
		t.hostFailed = true
		return fault.Wrap(errStalled, fault.Unavailable, "The download from Steam stalled")
	}
	return err
}

// check looks at the header of the answer and returns the length that the
// file must have, 0 when neither Steam nor the header states one.
func (t *steamTransfer) check(resp *http.Response) (size int64, err error) {
	if resp.StatusCode != http.StatusOK {
		t.retryAfter = webapi.ParseRetryAfter(resp.Header.Get("Retry-After"), t.source.o.Clock.Now())
		t.hostFailed = resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests
		return 0, fault.New(fault.Unavailable, "Steam's file host answered %d", resp.StatusCode).WithRetryAfter(t.retryAfter)
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return 0, fault.New(fault.Invalid, "Steam's file host sent a compressed answer that was not asked for")
	}
	stated, length := t.details.Size, resp.ContentLength
	switch {
	case length == 0:
		return 0, fault.New(fault.Invalid, "Steam's file host sent an empty file")
	case stated > 0 && length > 0 && length != stated:
		return 0, fault.New(fault.Invalid, "Steam's file host sends %d bytes where Steam states %d", length, stated)
	case stated > 0:
		return stated, nil
	}
	return max(length, 0), nil
}

// copy passes the body on, which must be a zip of the given size.
func (t *steamTransfer) copy(body io.Reader, size int64) error {
	buffered := bufio.NewReaderSize(body, transferBlock)
	magic, err := buffered.Peek(4)
	if err != nil && err != io.EOF {
		return brokenOff(err)
	}
	if !zipMagic(magic) {
		return fault.New(fault.Invalid, "Steam's file host sent something that is not a zip file")
	}
	block := make([]byte, transferBlock)
	var total int64
	for {
		n, err := buffered.Read(block)
		total += int64(n)
		if size > 0 && total > size {
			return fault.New(fault.Invalid, "Steam's file host sends more than the stated %d bytes", size)
		}
		if _, err := t.dst.Write(block[:n]); err != nil {
			return err
		}
		t.sha1.Write(block[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return brokenOff(err)
		}
	}
	if size > 0 && total != size {
		return fault.New(fault.Invalid, "Steam's file host sent %d of %d bytes", total, size)
	}
	return nil
}

func brokenOff(err error) error {
	return fault.Wrap(err, fault.Unavailable, "The download from Steam broke off")
}

// zipMagic reports whether a file that begins with b may be a zip: an entry,
// or the end of an empty archive.
func zipMagic(b []byte) bool { return string(b) == "PK\x03\x04" || string(b) == "PK\x05\x06" }

// watched counts what is read, and how long we did not read because of a byte
// rate.
type watched struct {
	io.Reader
	ctx      context.Context
	clock    durable.Clock
	received func(ctx context.Context, n int) error // may be nil
	bytes    atomic.Int64

	mu     sync.Mutex
	held   time.Duration // by the byte rate, ended waits only
	holdAt time.Time     // of the wait under way; zero: none
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.bytes.Add(int64(n))
	if w.received == nil || n == 0 {
		return n, err
	}
	w.hold(w.clock.Now())
	limited := w.received(w.ctx, n)
	w.hold(time.Time{})
	if err == nil {
		err = limited
	}
	return n, err
}

// hold notes that a wait for the byte rate begins, or with the zero time that
// it is over.
func (w *watched) hold(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at.IsZero() {
		w.held += w.clock.Now().Sub(w.holdAt)
	}
	w.holdAt = at
}

// heldSoFar is the time that the byte rate has taken so far.
func (w *watched) heldSoFar() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.holdAt.IsZero() {
		return w.held
	}
	return w.held + w.clock.Now().Sub(w.holdAt)
}

// watch calls stalled once a period passes with less than stallBytes. Of a
// period in which the byte rate held us back, only the rest counts.
func (w *watched) watch(period time.Duration, stop <-chan struct{}, stalled func()) {
	var before int64
	var held time.Duration
	for {
		select {
		case <-stop:
			return
		case <-w.clock.After(period):
		}
		now, heldNow := w.bytes.Load(), w.heldSoFar()
		free := max(period-(heldNow-held), 0)
		if now-before < int64(float64(stallBytes)*free.Seconds()/period.Seconds()) {
			stalled()
			return
		}
		before, held = now, heldNow
	}
}
