package demosink

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Pusher sends files to another server's resumable uploads.
type Pusher struct {
	Server string // its address, as http://demos.example.org:27020
	Key    string
	Client *http.Client
}

// Pushed is what became of a file.
type Pushed struct {
	Demo  SessionID `json:"demo"`
	Known bool      `json:"known"` // it was there before
}

const (
	pushTries = 8
	pushWait  = time.Second // before the second try; it doubles
)

// Push sends a file, and goes on where it stopped when the connection breaks.
func (p Pusher) Push(ctx context.Context, f *os.File) (Pushed, error) {
	info, err := f.Stat()
	if err != nil {
		return Pushed{}, err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, info.Size())); err != nil {
		return Pushed{}, err
	}
	body, err := json.Marshal(map[string]any{
		"name": filepath.Base(f.Name()), "size": info.Size(), "sha256": hex.EncodeToString(sum.Sum(nil)),
	})
	if err != nil {
		return Pushed{}, err
	}
	begun, err := p.retry(ctx, func() (uploadView, error) {
		return p.send(ctx, http.MethodPost, uploadsPath, nil, bytes.NewReader(body))
	})
	if err != nil || begun.Demo != "" {
		return Pushed{begun.Demo, true}, err
	}
	path, offset := uploadsPath+"/"+url.PathEscape(begun.ID), begun.Offset
	done, err := p.retry(ctx, func() (uploadView, error) {
		at := map[string]string{headerOffset: strconv.FormatInt(offset, 10), "Content-Type": "application/offset+octet-stream"}
		up, err := p.send(ctx, http.MethodPatch, path, at, io.NewSectionReader(f, offset, info.Size()-offset))
		if err == nil {
			return up, nil
		}
		now, e := p.send(ctx, http.MethodGet, path, nil, nil)
		if e != nil {
			return up, err
		}
		if offset = now.Offset; now.Demo != "" {
			return now, nil
		}
		return up, err
	})
	return Pushed{Demo: done.Demo}, err
}

// retry tries again after errors that may pass.
func (p Pusher) retry(ctx context.Context, try func() (uploadView, error)) (up uploadView, err error) {
	wait := pushWait
	for n := range pushTries {
		if up, err = try(); err == nil {
			return up, nil
		}
		passing := fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Conflict)
		if !passing || n == pushTries-1 {
			break
		}
		select {
		case <-ctx.Done():
			return up, ctx.Err()
		case <-time.After(wait):
			wait *= 2
		}
	}
	return up, err
}

// send asks the server; errors are faults as the server answered them.
func (p Pusher) send(ctx context.Context, method, path string, header map[string]string, body io.Reader) (up uploadView, err error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(p.Server, "/")+path, body)
	if err != nil {
		return up, fault.Wrap(err, fault.Invalid, "%q is no address of a server", p.Server)
	}
	if s, ok := body.(*io.SectionReader); ok {
		req.ContentLength = s.Size()
	}
	req.Header.Set("X-API-Key", p.Key)
	req.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := p.Client.Do(req)
	if err != nil {
		return up, fault.Wrap(err, fault.Unavailable, "%s cannot be reached", p.Server)
	}
	defer res.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return up, fault.Wrap(err, fault.Unavailable, "The connection to %s broke", p.Server)
	}
	if res.StatusCode >= 300 {
		return up, refused(res, text)
	}
	if err := json.Unmarshal(text, &up); err != nil {
		return up, fault.Wrap(errors.Join(errors.New(res.Status), err), fault.Invalid, "%s is no server of this kind", p.Server)
	}
	return up, nil
}

// refused is the fault that a server answered.
func refused(res *http.Response, text []byte) error {
	var problem struct{ Detail, Hint string }
	_ = json.Unmarshal(text, &problem) // another server answers otherwise
	kind := fault.Invalid
	switch res.StatusCode {
	case http.StatusUnauthorized:
		kind = fault.Unauthenticated
	case http.StatusForbidden:
		kind = fault.Forbidden
	case http.StatusNotFound:
		kind = fault.NotFound
	case http.StatusConflict:
		kind = fault.Conflict
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		kind = fault.Unavailable
	case http.StatusInsufficientStorage:
		kind = fault.NoSpace
	}
	if problem.Detail == "" {
		problem.Detail = res.Status
	}
	return fault.New(kind, "The server says: %s", problem.Detail).WithHint("%s", problem.Hint)
}
