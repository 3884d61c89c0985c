package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

const (
	transferBlock = 64 << 10
	spaceEvery    = 32 << 20 // bytes between two looks at the free space
	maxTries      = 5        // of one attempt, after breaks
	// A transfer may last so long, and a second for so many bytes.
	transferFor, transferRate = 10 * time.Minute, 64 << 10
)

// errBroken is a transfer that broke off and can go on.
var errBroken = errors.New("the transfer broke off")

// transfer brings one version from one peer into a file.
type transfer struct {
	s      *Service
	p      *peer
	want   Want
	dst    Sink // for the progress
	file   *spool
	listed *Entry // what the peer's index says, nil if nothing
}

// run completes the file. A transfer that breaks off goes on where it was.
func (t *transfer) run(ctx context.Context) error {
	for try := 0; ; try++ {
		if t.file.have > 0 && t.file.have == t.file.total {
			t.dst.Progress(t.file.have, t.file.total)
			return nil
		}
		err := t.once(ctx)
		again := errors.Is(err, errBroken) || errors.Is(err, errGone) && !errors.Is(err, errStalled) && t.file.have > 0
		if err == nil || !again || try >= maxTries {
			return err
		}
		t.s.log.Debug("a transfer from a peer goes on", "peer", t.p.url, "name", t.want.Name.File(), "bytes", t.file.have, "error", err)
		select {
		case <-t.s.clock.After(t.s.o.Retry << try):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// once makes one request and takes what comes.
func (t *transfer) once(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	req, err := t.s.newRequest(ctx, t.p.address("/"+t.want.Name.File()))
	if err != nil {
		return err
	}
	req.Header.Set("Cache-Control", "only-if-cached")
	if t.file.have > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(t.file.have, 10)+"-")
		req.Header.Set("If-Range", t.file.mark)
	}
	resp, err := t.s.ask(t.p, req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := t.accept(ctx, resp); err != nil {
		return err
	}
	left := t.file.total - t.file.have
	timer, end := context.WithTimeoutCause(ctx, transferFor+time.Duration(left/transferRate)*time.Second, errStalled)
	defer end()
	stopClose := context.AfterFunc(timer, func() { cancel(context.Cause(timer)) })
	defer stopClose()
	body, stop := t.s.watch(ctx, t.p, resp.Body, cancel)
	defer stop()
	err = t.copy(ctx, body)
	if err != nil && parent.Err() == nil && errors.Is(context.Cause(ctx), errStalled) {
		t.p.breaker.Fail(0)
		t.p.failed(t.s.clock.Now(), "it sends next to nothing", false)
		return fmt.Errorf("%w: %w", errGone, errStalled)
	}
	return err
}

// accept looks at the header of an answer and prepares the file for the body.
func (t *transfer) accept(ctx context.Context, resp *http.Response) error {
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return refusal("it sends a compressed answer that was not asked for")
	}
	switch resp.StatusCode {
	case http.StatusOK:
		if err := t.announced(resp.ContentLength); err != nil {
			return err
		}
		if err := t.s.o.Space(ctx, 2*resp.ContentLength); err != nil { // here, and where it is stored
			return err
		}
		return t.file.begin(resp.ContentLength, mark(resp.Header))
	case http.StatusPartialContent:
		if t.file.have == 0 { // nobody asked for a part
			return errAbsent
		}
		total, ok := continues(resp.Header.Get("Content-Range"), t.file.have)
		if ok && total == t.file.total && resp.ContentLength == total-t.file.have {
			return nil
		}
		t.file.discard()
		return fmt.Errorf("%w: the answer is another part than the one asked for", errBroken)
	case http.StatusRequestedRangeNotSatisfiable:
		if t.file.have == 0 {
			return errAbsent
		}
		t.file.discard()
		return fmt.Errorf("%w: the peer has less than it had", errBroken)
	case http.StatusAccepted:
		if wait, ok := t.p.waiting(t.s.clock.Now(), t.want.Name); ok {
			return later(t.p.host, wait)
		}
	}
	return errAbsent
}

// announced judges the length of the whole file.
func (t *transfer) announced(length int64) error {
	switch {
	case length < 0:
		return refusal("it does not say how long the file is")
	case length == 0:
		return refusal("the file is empty")
	case length > t.s.o.MaxBytes:
		t.s.log.Warn("a file of a peer is larger than workshop.max_item_bytes", "peer", t.p.url, "name", t.want.Name.File(), "bytes", length)
		return errAbsent
	case t.p.trust == config.TrustKey && length != t.listed.Size:
		return refusal(fmt.Sprintf("it sends %d bytes, its signed index says %d", length, t.listed.Size))
	case t.p.trust == config.TrustSize && !t.want.Depot && t.want.Size > 0 && length != t.want.Size:
		return refusal(fmt.Sprintf("it sends %d bytes where Steam states %d", length, t.want.Size))
	}
	return nil
}

// mark returns what identifies the content for If-Range: a strong entity tag,
// or a date (RFC 9110 §13.1.5).
func mark(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return h.Get("Last-Modified")
}

// continues reads a Content-Range that begins at from and goes to the end of
// the file, whose length it returns.
func continues(text string, from int64) (total int64, ok bool) {
	rest, ok := strings.CutPrefix(text, "bytes "+strconv.FormatInt(from, 10)+"-")
	if !ok {
		return 0, false
	}
	last, length, ok := strings.Cut(rest, "/")
	if !ok {
		return 0, false
	}
	end, err := strconv.ParseInt(last, 10, 64)
	total, err2 := strconv.ParseInt(length, 10, 64)
	return total, err == nil && err2 == nil && end == total-1
}

// copy takes the body, which ends with the file.
func (t *transfer) copy(ctx context.Context, r io.Reader) error {
	block := make([]byte, transferBlock)
	checked := t.file.have
	for t.file.have < t.file.total {
		n, err := r.Read(block[:min(int64(len(block)), t.file.total-t.file.have)])
		if n > 0 {
			first := t.file.have == 0
			if first && !mayBeZip(block[:n]) {
				return refusal("it is not a zip file")
			}
			if _, err := t.file.Write(block[:n]); err != nil {
				return err
			}
			t.dst.Progress(t.file.have, t.file.total)
		}
		if t.file.have-checked >= spaceEvery {
			checked = t.file.have
			if err := t.s.o.Space(ctx, 2*t.file.total-t.file.have); err != nil {
				return err
			}
		}
		if err != nil && t.file.have < t.file.total {
			return fmt.Errorf("%w after %d of %d bytes: %w", errBroken, t.file.have, t.file.total, err)
		}
	}
	return nil
}

// mayBeZip reports whether a file may be a zip that begins with b: an entry,
// or the end of an empty archive.
func mayBeZip(b []byte) bool {
	n := min(len(b), 4)
	return string(b[:n]) == "PK\x03\x04"[:n] || string(b[:n]) == "PK\x05\x06"[:n]
}
