package demosink

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
)

// ballast is a file that only takes up room. When a stream fills the disk it is
// deleted, so that the database can still write down what has come, and no
// stream is taken until there is room for it again.
type ballast struct {
	fs   durable.FS
	path string
	size int64
	full atomic.Bool // the disk is full

	mu sync.Mutex
}

const (
	ballastName  = "ballast"
	ballastLeast = 2 << 20
	ballastMost  = 64 << 20
	ballastCheck = 5 * time.Second
)

// newBallast makes none when no floor of free space is kept.
func newBallast(p *spool, floor int64) *ballast {
	b := &ballast{fs: p.fs, path: filepath.Join(p.dir, ballastName)}
	if floor > 0 {
		b.size = min(max(floor/4, ballastLeast), ballastMost)
	}
	return b
}

// fill writes the file unless it is there.
func (b *ballast) fill() (err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size == 0 {
		b.full.Store(false)
		return nil
	}
	if info, err := b.fs.Stat(b.path); err == nil && info.Size() == b.size {
		b.full.Store(false)
		return nil
	}
	f, err := b.fs.OpenFile(b.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, zeros{}, b.size)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, b.remove())
	}
	b.full.Store(false)
	return nil
}

// drop makes room for the database.
func (b *ballast) drop() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.full.Store(true)
	return b.remove()
}

func (b *ballast) remove() error {
	if err := b.fs.Remove(b.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// zeros is an endless source of them.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// diskFull notes that a stream met the end of the disk.
func (s *Service) diskFull() {
	if s.ballast.full.Load() {
		return
	}
	if err := s.ballast.drop(); err != nil {
		s.log.Error("the reserve of the disk could not be freed", slog.Any("error", err))
	}
	s.log.Error("the disk is full; recordings are not taken until there is room", slog.Int64("reserve", s.ballast.size))
}

// runBallast takes streams again when there is room.
func (s *Service) runBallast(ctx context.Context) {
	for {
		if err := s.refill(ctx); err != nil && ctx.Err() == nil {
			s.log.Debug("there is no room for recordings yet", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.clock.After(ballastCheck):
		}
	}
}

func (s *Service) refill(ctx context.Context) error {
	free, err := s.blobs.Free(ctx)
	if err != nil {
		return err
	}
	if free < s.options.MinFree+s.ballast.size {
		if s.ballast.full.Load() {
			return ErrFloor
		}
		return nil
	}
	return s.ballast.fill()
}
