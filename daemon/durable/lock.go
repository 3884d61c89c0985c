package durable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// ErrLocked says that somebody else holds the lock.
var ErrLocked = errors.New("locked by another process")

// FileLock is a lock between processes, tied to an open file: the system
// releases it when the process ends, however it ends.
type FileLock struct{ f *os.File }

// TryLock takes the lock at path, creating the file when it is absent.
// Shared locks exclude only exclusive ones. It returns ErrLocked instead of
// waiting. Two locks of one process exclude each other as those of two do.
func TryLock(path string, exclusive bool) (*FileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f, exclusive); err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, errors.Join(err, f.Close()))
	}
	return &FileLock{f: f}, nil
}

// Lock is TryLock that asks again until ctx ends.
func Lock(ctx context.Context, path string, exclusive bool) (*FileLock, error) {
	for {
		l, err := TryLock(path, exclusive)
		if !errors.Is(err, ErrLocked) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Unlock releases the lock. The file stays, since removing it would let two
// holders lock two different files of one name.
func (l *FileLock) Unlock() error { return l.f.Close() }

// Sign writes into the file who holds the lock, for Holder. It is for an
// exclusive lock; the text must be one line.
func (l *FileLock) Sign(text string) error {
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	// The first byte is what Windows locks: nobody else may read it.
	_, err := l.f.WriteAt([]byte("\n"+text+"\n"), 0)
	return err
}

// Holder returns what the last holder of the lock at path signed with, "" when
// that cannot be told.
func Holder(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.NewSectionReader(f, 1, 200))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
