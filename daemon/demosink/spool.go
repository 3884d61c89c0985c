package demosink

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/demosink/demofile"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// spool is the folder with recordings that are not closed: one file each. Who
// holds its lock owns every session whose row names it, whatever process
// began them.
type spool struct {
	fs    durable.FS
	dir   string
	owner string // the name of the folder in rows; set by take
	lock  *durable.FileLock
}

const (
	spoolLock  = "lock"
	spoolOwner = "owner"
	lockFor    = 12 * time.Second // a process that is about to end may have it
)

func newSpool(fsys durable.FS, dataDir string) *spool {
	return &spool{fs: fsys, dir: filepath.Join(dataDir, "spool")}
}

// take locks the folder, which is made when it is absent, and reads its name.
func (p *spool) take(ctx context.Context) error {
	if err := durable.MkdirAll(p.fs, p.dir, 0o750); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lockFor)
	defer cancel()
	lock, err := durable.Lock(ctx, filepath.Join(p.dir, spoolLock), true)
	if errors.Is(err, durable.ErrLocked) {
		return fault.Wrap(err, fault.Conflict, "Another process takes recordings with this data directory").
			WithHint("Stop it, or give this one a data directory of its own.")
	}
	if err != nil {
		return err
	}
	p.lock = lock
	p.owner, err = p.name()
	return err
}

// name reads the folder's name, or gives it one.
func (p *spool) name() (string, error) {
	path := filepath.Join(p.dir, spoolOwner)
	f, err := p.fs.Open(path)
	if err == nil {
		text, err := io.ReadAll(io.LimitReader(f, 100))
		if err := errors.Join(err, f.Close()); err != nil {
			return "", err
		}
		if name := string(bytes.TrimSpace(text)); name != "" {
			return name, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	name := strings.ToLower(rand.Text())
	return name, durable.Replace(p.fs, path, 0o600, func(w io.Writer) error {
		_, err := io.WriteString(w, name+"\n")
		return err
	})
}

func (p *spool) release() error {
	if p.lock == nil {
		return nil
	}
	return p.lock.Unlock()
}

func (p *spool) path(id SessionID) string { return filepath.Join(p.dir, string(id)+".dem") }

// append opens the file of a session to write at its end, making it when it
// is absent, and returns its size.
func (p *spool) append(id SessionID) (f durable.File, size int64, err error) {
	_, err = p.fs.Stat(p.path(id))
	fresh := errors.Is(err, fs.ErrNotExist)
	if f, err = p.fs.OpenFile(p.path(id), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, 0, err
	}
	if fresh {
		err = p.fs.SyncDir(p.dir)
	}
	if err == nil {
		size, err = f.Seek(0, io.SeekEnd)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, size, nil
}

// open opens the file of a session to read; fs.ErrNotExist when it has none.
func (p *spool) open(id SessionID) (durable.File, int64, error) {
	f, err := p.fs.Open(p.path(id))
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// patch writes the late bytes into the file of a session, if it reaches that
// far. It does not sync.
func (p *spool) patch(id SessionID, late []byte, size int64) error {
	if late == nil || size < demofile.LateOffset+demofile.LateSize {
		return nil
	}
	f, err := p.fs.OpenFile(p.path(id), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = f.Seek(demofile.LateOffset, io.SeekStart)
	if err == nil {
		_, err = f.Write(late)
	}
	return errors.Join(err, f.Close())
}

// has reports whether a connection was ever attached to the session.
func (p *spool) has(id SessionID) (bool, error) {
	_, err := p.fs.Stat(p.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// remove deletes the file of a session; it is no error when there is none.
func (p *spool) remove(id SessionID) error {
	err := p.fs.Remove(p.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.fs.SyncDir(p.dir)
}

// sessions returns the ids that have a file.
func (p *spool) sessions() ([]SessionID, error) {
	entries, err := p.fs.ReadDir(p.dir)
	if err != nil {
		return nil, err
	}
	var ids []SessionID
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".dem")
		if id := SessionID(name); ok && id.Valid() {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
