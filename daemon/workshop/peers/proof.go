package peers

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// prove returns nil when the whole file may be believed. The error is a
// refusal, errAbsent when nobody can confirm it, or fault.Unavailable.
func (s *Service) prove(ctx context.Context, t *transfer) error {
	f, size := t.file.f, t.file.total
	if err := modzip.Verify(ctx, f, size, modzip.Full, s.o.Zip); err != nil {
		if fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge) {
			return refusal("the file is not sound: " + fault.Public(err))
		}
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, size)); err != nil {
		return err
	}
	sum := h.Sum(nil)
	if err := s.asListed(ctx, t, size, sum); err != nil {
		return err
	}
	switch t.p.trust {
	case config.TrustQuorum:
		return s.confirmed(ctx, t, size, sum)
	case config.TrustSize:
		return stated(t.want, f, size)
	}
	return nil // the signed index listed it
}

// asListed compares a file with what the peer's index says of it. A peer may
// have replaced a damaged copy since its index was made.
func (s *Service) asListed(ctx context.Context, t *transfer, size int64, sum []byte) error {
	if t.listed == nil {
		return nil
	}
	fits := func(e Entry) bool { return e.Size == size && bytes.Equal(e.SHA256[:], sum) }
	if fits(*t.listed) {
		return nil
	}
	if err := s.refresh(ctx, t.p, 0); err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := t.p.lists(s.clock.Now(), t.want.Name); ok && fits(e) {
		return nil
	}
	return refusal("the file is another one than its index says")
}

// stated compares a file with the size that Steam states, if it does.
func stated(want Want, f *os.File, size int64) error {
	if want.Size <= 0 || size == want.Size {
		return nil
	}
	if want.Depot {
		z, err := zip.NewReader(f, size)
		if err != nil {
			return refusal("the file is not a zip: " + printable(err.Error(), 100))
		}
		var sum uint64
		for _, e := range z.File {
			sum += e.UncompressedSize64
		}
		if sum == uint64(want.Size) {
			return nil
		}
		return refusal(fmt.Sprintf("it has %d bytes and %d unpacked where Steam states %d", size, sum, want.Size))
	}
	return refusal(fmt.Sprintf("it has %d bytes where Steam states %d", size, want.Size))
}

// witnesses are the peers that can confirm a file of p: those on other hosts.
func (s *Service) witnesses(p *peer) []*peer {
	var list []*peer
	for _, q := range s.peers {
		if q.host != p.host {
			list = append(list, q)
		}
	}
	return list
}

// confirmed asks the other peers whether they have the same file.
func (s *Service) confirmed(ctx context.Context, t *transfer, size int64, sum []byte) error {
	var others []*peer // that have another file
	var wait, failed error
	for _, q := range s.witnesses(t.p) {
		same, err := s.sameAt(ctx, q, t.want.Name, size, sum)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && same:
			for _, liar := range others {
				s.refused(liar, t.want.Name, fmt.Sprintf("it has another file than %s and %s", t.p.host, q.host))
			}
			return nil
		case err == nil:
			others = append(others, q)
		case errors.Is(err, errLater):
			wait = err
		case errors.Is(err, errGone):
			failed = s.unavailable(q, err)
		}
	}
	switch {
	case wait != nil:
		return wait
	case failed != nil:
		return failed
	case len(others) > 0:
		return refusal(fmt.Sprintf("it has another file than %s, and nobody confirms it", others[0].host))
	}
	s.log.Info("nobody confirms the file of a peer", "peer", t.p.url, "name", t.want.Name.File(), "hint", "a second peer on another host must have it")
	return errAbsent
}

// sameAt reports whether the peer q says that it has exactly this file: in its
// index, by the digest of its answer, or by the file itself. The error is
// errAbsent when it does not say.
func (s *Service) sameAt(ctx context.Context, q *peer, n Name, size int64, sum []byte) (bool, error) {
	now := s.clock.Now()
	if e, ok := q.lists(now, n); ok {
		return e.Size == size && bytes.Equal(e.SHA256[:], sum), nil
	}
	m, ok := q.recall(now, n)
	switch {
	case q.trust == config.TrustKey, ok && m.asked == 0:
		return false, errAbsent
	case ok && now.Before(m.until):
		return false, later(q.host, m.until.Sub(now))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := s.newRequest(ctx, q.address("/"+n.File()))
	if err != nil {
		return false, err
	}
	req.Header.Set("Cache-Control", "only-if-cached")
	resp, err := s.ask(q, req)
	if why, ok := errors.AsType[refusal](err); ok {
		s.refused(q, n, string(why))
		return false, errAbsent
	}
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusAccepted:
		if wait, ok := q.waiting(s.clock.Now(), n); ok {
			return false, later(q.host, wait)
		}
		return false, errAbsent
	case resp.StatusCode != http.StatusOK:
		q.remember(s.clock.Now(), n, memory{until: s.clock.Now().Add(absentFor)})
		return false, errAbsent
	case resp.ContentLength != size:
		return false, nil
	}
	if digest, ok := reprDigest(resp.Header); ok {
		return bytes.Equal(digest, sum), nil
	}
	body, stop := s.watch(ctx, q, resp.Body, cancel)
	defer stop()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(body, size)); err != nil {
		return false, fmt.Errorf("%w: %w", errGone, err)
	}
	return bytes.Equal(h.Sum(nil), sum), nil
}

// reprDigest returns the SHA-256 that an answer states of the whole file (RFC
// 9530 §3).
func reprDigest(h http.Header) ([]byte, bool) {
	for field := range strings.SplitSeq(h.Get("Repr-Digest"), ",") {
		text, ok := strings.CutPrefix(strings.TrimSpace(field), "sha-256=:")
		if !ok {
			continue
		}
		sum, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(text, ":"))
		return sum, err == nil && len(sum) == sha256.Size
	}
	return nil, false
}
