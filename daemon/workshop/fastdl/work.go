package fastdl

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl/bzip"
	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl/gametree"
)

const (
	// maxFile is the largest file that is compressed, or that comes out of a
	// compressed one.
	maxFile = 2 << 30
	// maxRatio is how many times as large as the compressed file the plain
	// one may be, above ratioFrom bytes. Maps stay below 20.
	maxRatio  = 1000
	ratioFrom = 64 << 20
	// minGain is how much smaller a compressed file must be, in hundredths.
	minGain = 5
	// settled is how long a file must have been left alone: within the
	// coarsest time stamps of file systems (FAT: two seconds) another change
	// does not show.
	settled = 2 * time.Second
)

// incompressible are extensions of files that are compressed already.
var incompressible = []string{".mp3", ".ogg", ".zip"}

// errChanged is for a file that changed while it was read.
var errChanged = errors.New("the file changed meanwhile")

// worth reports whether f is to be compressed, and if not, why.
func (t *tree) worth(f gametree.File) (bool, string) {
	switch {
	case !t.rules.Compresses():
		return false, "clients of this game take no compressed files"
	case f.Size < gametree.MinPacked:
		return false, "too small"
	case f.Size > maxFile:
		return false, "too large"
	case slices.Contains(incompressible, strings.ToLower(path.Ext(f.Path))):
		return false, "compressed already"
	}
	return true, ""
}

// runPacker compresses files, one after the other, when the machine has
// nothing better to do.
func (s *Service) runPacker(ctx context.Context) {
	lowPriority()
	s.work(ctx, s.pack)
}

// runExpander decompresses files. Clients wait for it, so it has the usual
// priority.
func (s *Service) runExpander(ctx context.Context) { s.work(ctx, s.expand) }

func (s *Service) work(ctx context.Context, q *queue) {
	for {
		j := q.next()
		if j == nil {
			select {
			case <-q.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		err := s.attempt(ctx, j)
		var notBefore time.Time
		if err != nil {
			notBefore = s.clock.Now().Add(retryAfter)
		}
		q.finish(j, notBefore)
		if ctx.Err() != nil {
			return
		}
	}
}

// attempt makes one file and logs what came of it.
func (s *Service) attempt(ctx context.Context, j *job) (err error) {
	began := s.clock.Now()
	var m made
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		attrs := []any{"tree", j.key.Tree, "path", j.key.Path, "ms", s.clock.Now().Sub(began).Milliseconds()}
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, errChanged), fault.Is(err, fault.NotFound):
			s.log.Info("a file changed while its other form was made; it is tried again when it is asked for", attrs...)
		case err != nil:
			s.metrics.makings.WithLabelValues(j.key.Tree, string(j.key.Form), "error").Inc()
			s.log.Error("the other form of a file could not be made", append(attrs, "error", err)...)
		default:
			s.metrics.makings.WithLabelValues(j.key.Tree, string(j.key.Form), m.State).Inc()
			level := s.log.Info
			if m.State == madeFailed {
				level = s.log.Warn
			}
			level("made the other form of a file", append(attrs, "form", string(j.key.Form), "state", m.State, "reason", m.Reason, "size", m.Size, "made_size", m.BlobSize)...)
		}
	}()
	t := s.tree(j.key.Tree)
	if t == nil {
		return errChanged // taken out of the configuration meanwhile
	}
	if m, err = s.make(ctx, t, j); err != nil {
		return err
	}
	return apart(func() error {
		if err := s.store.put(ctx, m); err != nil {
			return err
		}
		s.made.put(m)
		return s.evict(ctx, t)
	})
}

// apart runs fn on another thread than that of the caller, which may be one
// of low priority: whoever holds the database must not be the last to run.
func apart(fn func() error) error {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	return <-done
}

// make opens the file, finds out whether it is known under another name or
// time, and else does the work.
func (s *Service) make(ctx context.Context, t *tree, j *job) (made, error) {
	if age := s.clock.Now().Sub(j.source.ModTime); age >= 0 && age < settled {
		select {
		case <-s.clock.After(settled - age):
		case <-ctx.Done():
			return made{}, ctx.Err()
		}
	}
	file, now, err := j.source.Open()
	if err != nil {
		return made{}, err
	}
	defer file.Close() //nolint:errcheck // only read
	m := made{madeKey: j.key, Size: now.Size, ModTime: now.ModTime.UnixNano(), MadeAt: s.clock.Now(), RequestedAt: s.clock.Now()}
	if m.SHA256, err = sum(ctx, file); err != nil {
		return m, err
	}
	if err := apart(func() error { return s.noticeContent(ctx, t, m) }); err != nil {
		return m, err
	}
	// Asked of the database: another process may have made it.
	switch old, err := s.store.shared(ctx, j.key, m.SHA256); {
	case err == nil && s.sound(ctx, old):
		m.State, m.Reason, m.Blob, m.BlobSize = old.State, old.Reason, old.Blob, old.BlobSize
		m.BlobTime, m.BlobSHA256, m.MadeAt = old.BlobTime, old.BlobSHA256, old.MadeAt
		return m, nil
	case err != nil && !fault.Is(err, fault.NotFound):
		return m, err
	}
	if s.options.Space != nil {
		if err := s.options.Space(ctx, now.Size); err != nil {
			return m, err
		}
	}
	if j.key.Form == packed {
		return s.compress(ctx, t, m, file)
	}
	return s.decompress(ctx, m, file)
}

// sum reads the file from its first byte to its last.
func sum(ctx context.Context, f *os.File) ([]byte, error) {
	h := sha256.New()
	b := make([]byte, 1<<20)
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := f.ReadAt(b, at)
		h.Write(b[:n])
		at += int64(n)
		if errors.Is(err, io.EOF) {
			return h.Sum(nil), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// sound reports whether what was made can be served.
func (s *Service) sound(ctx context.Context, m made) bool {
	if m.State != madeReady {
		return true
	}
	info, err := s.blobs.Stat(ctx, m.Blob)
	return err == nil && info.Size == m.BlobSize && info.ModTime.UnixNano() == m.BlobTime
}

// unchanged reports whether the open file is still the one that m is of.
func unchanged(m made, f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Size() == m.Size && info.ModTime().UnixNano() == m.ModTime
}

func (s *Service) compress(ctx context.Context, t *tree, m made, f *os.File) (made, error) {
	var res bzip.Result
	temp, err := s.write(ctx, m, func(w io.Writer) (err error) {
		res, err = bzip.Compress(ctx, w, io.NewSectionReader(f, 0, m.Size), t.config.Level)
		return err
	})
	if err != nil {
		return m, err
	}
	defer s.blobs.Delete(context.WithoutCancel(ctx), temp) //nolint:errcheck // renamed, or swept at the next start
	if string(res.PlainSHA256) != string(m.SHA256) || !unchanged(m, f) {
		return m, errChanged
	}
	if res.Size > m.Size*(100-minGain)/100 {
		m.State, m.Reason = madeSkipped, fmt.Sprintf("it would shrink by less than %d %%", minGain)
		return m, nil
	}
	object, err := s.blobs.Open(ctx, temp)
	if err != nil {
		return m, err
	}
	err = errors.Join(bzip.Check(ctx, object, res), object.Close())
	if err != nil {
		return m, err
	}
	return s.keep(ctx, m, temp, res)
}

func (s *Service) decompress(ctx context.Context, m made, f *os.File) (made, error) {
	var res bzip.Result
	temp, err := s.write(ctx, m, func(w io.Writer) (err error) {
		res, err = bzip.Expand(ctx, w, io.NewSectionReader(f, 0, m.Size), s.limits)
		return err
	})
	if err == nil {
		defer s.blobs.Delete(context.WithoutCancel(ctx), temp) //nolint:errcheck // renamed, or swept at the next start
	}
	switch {
	case (err == nil || fault.Is(err, fault.Invalid)) && !unchanged(m, f):
		return m, errChanged
	case fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge):
		m.State, m.Reason = madeFailed, fault.Public(err)
		return m, nil
	case err != nil:
		return m, err
	case res.Size == 0:
		m.State, m.Reason = madeFailed, "nothing is in it"
		return m, nil
	}
	return s.keep(ctx, m, temp, res)
}

// write makes a blob below incoming/ and returns its key.
func (s *Service) write(ctx context.Context, m made, fill func(io.Writer) error) (string, error) {
	key := "incoming/fastdl-" + m.Tree + "-" + strings.ToLower(rand.Text())
	w, err := s.blobs.Create(ctx, key)
	if err != nil {
		return "", err
	}
	defer w.Abort() //nolint:errcheck // does nothing after Commit
	if err := fill(&capped{w: w, ctx: ctx, space: s.options.Space}); err != nil {
		return "", err
	}
	_, err = w.Commit(ctx)
	return key, err
}

// keep gives what was made its name.
func (s *Service) keep(ctx context.Context, m made, temp string, res bzip.Result) (made, error) {
	key := blobKey(m)
	if err := s.blobs.Rename(ctx, temp, key); err != nil {
		return m, err
	}
	info, err := s.blobs.Stat(ctx, key)
	if err != nil {
		return m, err
	}
	m.State, m.Blob, m.BlobSize, m.BlobTime, m.BlobSHA256 = madeReady, key, info.Size, info.ModTime.UnixNano(), res.SHA256
	return m, nil
}

func blobKey(m made) string {
	return blobPrefix + m.Tree + "/" + hex.EncodeToString(m.SHA256) + "." + string(m.Form)
}

const blobPrefix = "fastdl/"

// capped asks now and then whether there is still room: how much comes out of
// a compressed file is not known before.
type capped struct {
	w     io.Writer
	ctx   context.Context
	space func(context.Context, int64) error
	since int64
}

const askSpaceEvery = 64 << 20

func (c *capped) Write(p []byte) (int, error) {
	if c.since += int64(len(p)); c.since >= askSpaceEvery && c.space != nil {
		c.since = 0
		if err := c.space(c.ctx, askSpaceEvery); err != nil {
			return 0, err
		}
	}
	return c.w.Write(p)
}
