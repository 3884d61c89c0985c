package demosink

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Upload is a file that comes in pieces.
type Upload struct {
	ID        string
	Account   int64
	Name      string
	Size      int64  // in all
	Received  int64  // on stable storage
	SHA256    []byte // as its sender says, then that of the recording in it; may be nil
	CreatedAt time.Time
	UpdatedAt time.Time
	Demo      SessionID // the recording it became; "" before
}

const (
	uploadFor   = 24 * time.Hour // without a byte, after which it is forgotten
	uploadCheck = time.Hour
	maxUploads  = 10          // unfinished, of one account
	uploadSync  = 8 << 20     // bytes from one sync to the next
	uploadNote  = time.Second // or so long, for senders that are slow
)

var (
	errNoUpload = fault.New(fault.NotFound, "There is no such upload").WithHint("begin a new one; what stops for a day is forgotten")
	// ErrOffset: the piece does not begin where the upload stands.
	ErrOffset = fault.New(fault.Conflict, "The upload is at another offset").WithHint("ask for Upload-Offset and go on from there")
	// ErrUploading: another request writes to the upload.
	ErrUploading = fault.New(fault.Conflict, "Another request writes to this upload")
	// ErrSum: the file is not the one that was announced.
	ErrSum = fault.New(fault.Invalid, "The SHA-256 of the file is not the one that was announced")
)

// uploads keeps what has come of files, one file each, until they are whole.
type uploads struct {
	s   *Service
	fs  durable.FS
	dir string

	mu   sync.Mutex
	busy map[string]struct{}
}

func (u *uploads) init(s *Service, fsys durable.FS, dataDir string) {
	u.s, u.fs, u.dir, u.busy = s, fsys, filepath.Join(dataDir, "uploads"), map[string]struct{}{}
}

func (u *uploads) path(id string) string { return filepath.Join(u.dir, id+".part") }

// validUpload reports whether id may be part of a file name.
func validUpload(id string) bool {
	return len(id) == 26 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// enter makes sure that one request at a time writes to an upload.
func (u *uploads) enter(id string) (leave func(), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := u.busy[id]; ok {
		return nil, ErrUploading
	}
	u.busy[id] = struct{}{}
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.busy, id)
	}, nil
}

// BeginUpload announces a file of size bytes. sum may be nil. When a recording
// with these bytes is stored already, nothing is to be sent: Demo is set.
func (s *Service) BeginUpload(ctx context.Context, c Caller, name string, size int64, sum []byte) (Upload, error) {
	if size > int64(s.config.MaxSessionBytes) {
		return Upload{}, ErrDemoSize
	}
	now := s.clock.Now()
	up := Upload{
		ID: strings.ToLower(rand.Text()), Account: c.Account, Name: text(name), Size: size, SHA256: sum, CreatedAt: now, UpdatedAt: now,
	}
	if sum != nil {
		sess, err := s.store.bySHA256(ctx, sum)
		if err == nil {
			up.ID, up.Received, up.Demo = "", size, sess.ID
			return up, nil
		}
		if !fault.Is(err, fault.NotFound) {
			return Upload{}, err
		}
	}
	if err := s.room(ctx, 2*size, 0); err != nil { // the pieces, then the blob; nothing makes place for what may never come
		return Upload{}, err
	}
	if err := s.store.putUpload(ctx, up, maxUploads); err != nil {
		return Upload{}, err
	}
	if err := s.uploads.create(up.ID); err != nil {
		return Upload{}, errors.Join(err, s.store.deleteUpload(ctx, up.ID))
	}
	return up, nil
}

// create makes the file of an upload.
func (u *uploads) create(id string) error {
	if err := durable.MkdirAll(u.fs, u.dir, 0o750); err != nil {
		return err
	}
	f, err := u.fs.OpenFile(u.path(id), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), u.fs.SyncDir(u.dir))
}

// Upload returns how far an upload of the caller is.
func (s *Service) Upload(ctx context.Context, c Caller, id string) (Upload, error) {
	if !validUpload(id) {
		return Upload{}, errNoUpload
	}
	up, err := s.store.upload(ctx, id)
	if err != nil {
		return Upload{}, err
	}
	if up.Account != c.Account {
		return Upload{}, errNoUpload
	}
	_, err = s.uploads.fs.Stat(s.uploads.path(id))
	switch {
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return up, err
	case up.Received < up.Size: // on another machine, or lost
		return Upload{}, errNoUpload
	}
	sess, err := s.store.bySHA256(ctx, up.SHA256)
	up.Demo = sess.ID
	return up, err
}

// AppendUpload takes the piece that begins at offset: ErrOffset unless that is
// where the upload stands. Received of the answer is on stable storage, also
// when an error is returned with it. The last piece makes it a recording.
func (s *Service) AppendUpload(ctx context.Context, c Caller, id string, offset int64, body io.Reader) (Upload, error) {
	if !validUpload(id) {
		return Upload{}, errNoUpload
	}
	leave, err := s.uploads.enter(id)
	if err != nil {
		return Upload{}, err
	}
	defer leave()
	up, err := s.Upload(ctx, c, id)
	if err != nil || up.Demo != "" {
		return up, err
	}
	if offset != up.Received {
		return up, ErrOffset
	}
	if up.Received, err = s.receive(ctx, up, body); err != nil || up.Received < up.Size {
		return up, err
	}
	return s.completeUpload(context.WithoutCancel(ctx), up, c)
}

// receive writes a piece behind what is there and returns how far the upload
// then is.
func (s *Service) receive(ctx context.Context, up Upload, body io.Reader) (received int64, err error) {
	f, err := s.uploads.fs.OpenFile(s.uploads.path(up.ID), os.O_RDWR, 0o640)
	if err != nil {
		return up.Received, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// What lies behind was never acknowledged.
	if err := f.Truncate(up.Received); err != nil {
		return up.Received, err
	}
	if _, err := f.Seek(up.Received, io.SeekStart); err != nil {
		return up.Received, err
	}
	body = io.LimitReader(body, up.Size-up.Received)
	buf := chunks.Get().(*chunk)
	defer chunks.Put(buf)
	for {
		n, rerr := io.CopyBuffer(struct{ io.Writer }{f}, &stretch{r: body, left: uploadSync, now: s.clock.Now, until: s.clock.Now().Add(uploadNote)}, buf[:])
		if n > 0 {
			if err := f.Sync(); err != nil {
				return up.Received, errors.Join(rerr, err)
			}
			noted := up
			noted.Received += n
			if err := s.noteUpload(ctx, noted); err != nil {
				return up.Received, errors.Join(rerr, err)
			}
			up = noted
		}
		if rerr != nil || n == 0 || up.Received == up.Size {
			return up.Received, uploadError(rerr)
		}
	}
}

// stretch is what comes of a body from one sync to the next.
type stretch struct {
	r     io.Reader
	left  int64
	now   func() time.Time
	until time.Time
}

// Read implements io.Reader. Something is read, however late it is.
func (s *stretch) Read(p []byte) (n int, err error) {
	if s.left <= 0 || s.left < uploadSync && !s.now().Before(s.until) {
		return 0, io.EOF
	}
	n, err = s.r.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	return n, err
}

// uploadError tells a full disk from a sender that is gone.
func uploadError(err error) error {
	if err != nil && durable.NoSpace(err) {
		return fault.Wrap(err, fault.NoSpace, "The disk of the server is full")
	}
	return err
}

// noteUpload writes how far an upload is, even when its sender is gone.
func (s *Service) noteUpload(ctx context.Context, up Upload) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return s.store.uploaded(ctx, up, s.clock.Now())
}

// completeUpload makes a recording of an upload that is whole. One that cannot
// become a recording is forgotten.
func (s *Service) completeUpload(ctx context.Context, up Upload, c Caller) (Upload, error) {
	sess, err := s.takeUpload(ctx, up, c)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge) {
		return up, errors.Join(err, s.dropUpload(ctx, up.ID))
	}
	if err != nil {
		return up, err
	}
	up.SHA256, up.Demo = sess.SHA256, sess.ID
	if err := s.noteUpload(ctx, up); err != nil {
		return up, err
	}
	return up, s.uploads.remove(up.ID)
}

func (s *Service) takeUpload(ctx context.Context, up Upload, c Caller) (Session, error) {
	f, err := s.uploads.fs.Open(s.uploads.path(up.ID))
	if err != nil {
		return Session{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	if up.SHA256 != nil {
		sum := sha256.New()
		if _, err := io.Copy(sum, io.NewSectionReader(f, 0, up.Size)); err != nil {
			return Session{}, err
		}
		if !bytes.Equal(sum.Sum(nil), up.SHA256) {
			return Session{}, ErrSum
		}
	}
	sess, _, err := s.Take(ctx, f, up.Size, Arrival{Name: up.Name, Source: SourceUpload, Account: up.Account, SteamID: c.SteamID})
	return sess, err
}

// DropUpload forgets an upload of the caller.
func (s *Service) DropUpload(ctx context.Context, c Caller, id string) error {
	if !validUpload(id) {
		return errNoUpload
	}
	leave, err := s.uploads.enter(id)
	if err != nil {
		return err
	}
	defer leave()
	if _, err := s.Upload(ctx, c, id); err != nil {
		return err
	}
	return s.dropUpload(ctx, id)
}

// dropUpload removes the row first: a file without a row is swept.
func (s *Service) dropUpload(ctx context.Context, id string) error {
	return errors.Join(s.store.deleteUpload(ctx, id), s.uploads.remove(id))
}

func (u *uploads) remove(id string) error {
	err := u.fs.Remove(u.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// runUploads finishes what a process left whole and forgets what nobody goes
// on with.
func (s *Service) runUploads(ctx context.Context) {
	for {
		if err := s.sweepUploads(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the uploads could not be looked through", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.clock.After(uploadCheck):
		}
	}
}

func (s *Service) sweepUploads(ctx context.Context) error {
	all, err := s.store.uploads(ctx)
	if err != nil {
		return err
	}
	var failed error // one upload must not keep the others waiting
	for _, up := range all {
		failed = errors.Join(failed, s.sweepUpload(ctx, up))
	}
	if failed != nil {
		return failed
	}
	entries, err := s.uploads.fs.ReadDir(s.uploads.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		info, ierr := e.Info()
		if ierr != nil || !e.Type().IsRegular() || s.clock.Now().Sub(info.ModTime()) < uploadFor {
			continue // gone meanwhile, or in use
		}
		err = errors.Join(err, s.uploads.fs.Remove(filepath.Join(s.uploads.dir, e.Name())))
	}
	return err
}

func (s *Service) sweepUpload(ctx context.Context, up Upload) error {
	leave, err := s.uploads.enter(up.ID)
	if err != nil {
		return nil //nolint:nilerr // in use
	}
	defer leave()
	if s.clock.Now().Sub(up.UpdatedAt) >= uploadFor {
		return s.dropUpload(ctx, up.ID)
	}
	if up.Received < up.Size {
		return nil
	}
	if _, err := s.uploads.fs.Stat(s.uploads.path(up.ID)); err != nil {
		return nil //nolint:nilerr // it is a recording by now, or another machine has it
	}
	if _, err := s.completeUpload(ctx, up, Caller{Account: up.Account}); err != nil && ctx.Err() == nil {
		s.log.Warn("an upload could not be made a recording", slog.String("upload", up.ID), slog.Any("error", err))
	}
	return nil
}
