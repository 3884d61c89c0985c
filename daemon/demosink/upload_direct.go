package demosink

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	maxTaking = 2 // files that are made recordings at a time
	maxDirect = 8 // files that come in one piece at a time
)

var errBusy = fault.New(fault.Unavailable, "Too many demos are being uploaded at the moment").WithRetryAfter(30 * time.Second)

var errBodyCut = fault.New(fault.Invalid, "The body did not come to its end")

// received is a file that came in one piece. It is not durable: its sender
// learns only of the recording that it becomes.
type received struct {
	fs   durable.FS
	file durable.File
	size int64
	done func()
}

// Close forgets the file.
func (f *received) Close() error {
	defer f.done()
	return errors.Join(f.file.Close(), f.fs.Remove(f.file.Name()))
}

// receiveDirect stores what comes in one piece aside. errBusy when others do
// that already; ErrDemoSize when there is too much of it; errBodyCut when it
// ends before its end. length is how much there will be, or -1.
func (s *Service) receiveDirect(ctx context.Context, body io.Reader, length int64) (_ *received, err error) {
	if length > int64(s.config.MaxSessionBytes) {
		return nil, ErrDemoSize
	}
	select {
	case s.direct <- struct{}{}:
	default:
		return nil, errBusy
	}
	f := &received{fs: s.uploads.fs, done: func() { <-s.direct }}
	defer func() {
		if err != nil && f.file == nil {
			f.done()
		} else if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	length = max(length, 0)
	if err := s.room(ctx, 2*length, 0); err != nil { // here, then the blob; nothing makes place for what may never come
		return nil, err
	}
	if err := durable.MkdirAll(f.fs, s.uploads.dir, 0o750); err != nil {
		return nil, err
	}
	if f.file, err = f.fs.CreateTemp(s.uploads.dir, "direct-*"); err != nil {
		return nil, err
	}
	buf := chunks.Get().(*chunk)
	defer chunks.Put(buf)
	src := struct{ io.Reader }{&bounded{ctx, body, int64(s.config.MaxSessionBytes)}}
	f.size, err = io.CopyBuffer(struct{ io.Writer }{f.file}, src, buf[:])
	if errors.Is(err, io.ErrUnexpectedEOF) { // files never say so when they are written
		return f, errBodyCut
	}
	return f, uploadError(err)
}

// TakeFile takes a file of this machine, which is only read. It is taken as it
// is now: fault.Conflict when it changes meanwhile.
func (s *Service) TakeFile(ctx context.Context, f *os.File, a Arrival) (sess Session, known bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return Session{}, false, err
	}
	if !info.Mode().IsRegular() {
		return Session{}, false, fault.New(fault.Invalid, "%s is no file", f.Name())
	}
	if a.EndAt.IsZero() {
		a.EndAt = info.ModTime()
	}
	return s.Take(ctx, f, info.Size(), a)
}
