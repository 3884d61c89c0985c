package demosink

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/demosink/demofile"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// Arrival is what is known of a finished recording that comes as a file.
type Arrival struct {
	Name    string // of the file, as its sender says
	Source  Source
	Account int64 // 0 = nobody's
	SteamID steam.ID
	EndAt   time.Time // when it was finished; zero: now
}

// contentID is the id of a recording that came as a file: a UUID of version 8
// (RFC 9562 §5.8) made of its SHA-256. Whoever brings the same bytes again,
// and whatever process takes them, arrives at the same blob and the same row.
func contentID(sum []byte) SessionID {
	b := bytes.Clone(sum[:16])
	b[6] = b[6]&0x0F | 0x80
	b[8] = b[8]&0x3F | 0x80
	return SessionID(new(big.Int).SetBytes(b).String())
}

// Take makes a recording of a file, which may be packed. A recording whose
// bytes are stored already, however it came, is not stored again: it is
// returned, and known is true. src must not change meanwhile.
//
// The blob is durable before the row is written. What is cut short can be done
// again.
func (s *Service) Take(ctx context.Context, src io.ReaderAt, size int64, a Arrival) (sess Session, known bool, err error) {
	select {
	case s.taking <- struct{}{}:
		defer func() { <-s.taking }()
	case <-ctx.Done():
		return Session{}, false, ctx.Err()
	}
	open, err := unpacked(src, size)
	if err != nil {
		return Session{}, false, err
	}
	out, err := s.survey(ctx, open)
	if err != nil {
		return Session{}, false, err
	}
	if sess, err = s.store.bySHA256(ctx, out.sha256); !fault.Is(err, fault.NotFound) {
		return sess, err == nil, err
	}
	if err := s.room(ctx, out.size, out.size); err != nil {
		return Session{}, false, err
	}
	sess = s.arrived(a, out)
	if err := s.copyBlob(ctx, sess, open); err != nil {
		return Session{}, false, err
	}
	err = s.store.insert(ctx, sess)
	if fault.Is(err, fault.Conflict) { // by another process, with the same blob
		sess, err = s.store.session(ctx, sess.ID)
		return sess, err == nil, err
	}
	if err != nil {
		return Session{}, false, err
	}
	s.log.Info("a recording was taken in", slog.String("session", string(sess.ID)), slog.String("source", string(sess.Source)), slog.Int64("bytes", sess.Size))
	s.publish(sess.Account, sess.ID, "stored")
	s.grown()
	return sess, false, nil
}

// survey reads a recording once: its size, SHA-256, score and header.
func (s *Service) survey(ctx context.Context, open func() (io.ReadCloser, error)) (out outcome, err error) {
	r, err := open()
	if err != nil {
		return out, packingError(ctx, err)
	}
	defer r.Close() //nolint:errcheck // only read
	src := &bounded{ctx, r, int64(s.config.MaxSessionBytes)}
	head := make([]byte, demofile.HeaderSize)
	n, err := io.ReadFull(src, head)
	head = head[:n]
	if demofile.Sniff(head) == demofile.Unknown && (err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return out, ErrNoDemo
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return out, packingError(ctx, err)
	}
	sum := sha256.New()
	count := &scorer{s: s, out: &out, known: demofile.Sniff(head) == demofile.Source}
	buf := chunks.Get().(*chunk)
	defer chunks.Put(buf)
	if _, err := io.CopyBuffer(io.MultiWriter(sum, count), struct{ io.Reader }{io.MultiReader(bytes.NewReader(head), src)}, buf[:]); err != nil {
		return out, packingError(ctx, err)
	}
	out.sha256, out.received = sum.Sum(nil), out.size
	out.judgeFile(head)
	return out, nil
}

// scorer counts bytes, and scores those of games whose statistics are known.
type scorer struct {
	s     *Service
	out   *outcome
	known bool
}

// Write implements io.Writer.
func (c *scorer) Write(p []byte) (int, error) {
	if c.known {
		c.out.stats.Add(c.s.model, p)
	}
	c.out.size += int64(len(p))
	return len(p), nil
}

// judgeFile says what is unusual about a recording that came as a file. Any
// game is as good as another.
func (o *outcome) judgeFile(head []byte) {
	why := unlike(o.stats)
	var err error
	if o.header, err = demofile.Parse(head); err != nil {
		why = append(why, "it is shorter than the header of a demo")
	}
	o.suspicion = strings.Join(append(why, o.header.Problems...), "; ")
	o.suspicion = o.suspicion[:min(len(o.suspicion), maxSuspicion)]
}

// arrived is the row of a recording that came as a file.
func (s *Service) arrived(a Arrival, o outcome) Session {
	now := s.clock.Now()
	end := a.EndAt
	if end.IsZero() || end.After(now) {
		end = now
	}
	return Session{
		ID: contentID(o.sha256), Account: a.Account, SteamID: a.SteamID, Source: a.Source, DemoName: text(a.Name),
		StartAt: end.Add(-time.Duration(min(o.seconds(), maxSeconds) * float64(time.Second))), EndAt: end, Map: o.header.Map,
		Size: o.size, HasSize: true, Score: o.stats.Score, HasScore: o.stats.Scored > 0, Suspicion: o.suspicion, SHA256: o.sha256,
		Received: o.size, Statistics: o.stats, Format: o.header.Format, Server: o.header.Server, Player: o.header.Player,
		GameDir: o.header.GameDir, Seconds: o.seconds(), Ticks: o.ticks(), CreatedAt: now, UpdatedAt: now,
	}
}

// maxSeconds is the longest recording that is believed to be one: a week.
const maxSeconds = 7 * 24 * 3600

// copyBlob stores the bytes that were surveyed.
func (s *Service) copyBlob(ctx context.Context, sess Session, open func() (io.ReadCloser, error)) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // only read
	w, err := s.blobs.Create(ctx, sess.ID.DemoKey())
	if err != nil {
		return err
	}
	defer w.Abort() //nolint:errcheck // the first error says more
	sum := sha256.New()
	buf := chunks.Get().(*chunk)
	defer chunks.Put(buf)
	if _, err := io.CopyBuffer(io.MultiWriter(w, sum), struct{ io.Reader }{&bounded{ctx, r, sess.Size}}, buf[:]); err != nil {
		return fmt.Errorf("copying the recording: %w", err)
	}
	if !bytes.Equal(sum.Sum(nil), sess.SHA256) {
		return fault.New(fault.Conflict, "The file changed while it was read").WithHint("send it when the game has finished it")
	}
	_, err = w.Commit(ctx)
	return err
}

// room makes room on the disk for need bytes, of which so many are there to
// stay, as far as the rules allow it. ErrFloor: the disk would still have too
// little left.
func (s *Service) room(ctx context.Context, need, stay int64) error {
	free, err := s.blobs.Free(ctx)
	if err != nil {
		return err
	}
	missing := max(0, need+s.options.MinFree-free)
	full, err := s.passes(ctx, stay)
	if err != nil {
		return err
	}
	if missing == 0 && !full {
		return nil
	}
	p, err := s.makeRoom(ctx, missing, stay)
	if err != nil {
		s.log.Warn("no room could be made for a recording", slog.Any("error", err))
	}
	if p.Bytes < missing {
		s.log.Warn("a recording was refused because the disk is almost full", slog.Int64("free", free), slog.Int64("needed", need))
		return ErrFloor
	}
	return nil
}
