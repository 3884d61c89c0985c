package peers

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	spoolKept = 24 * time.Hour // unfinished files that nobody asks for are removed
	maxSpools = 16
)

// spool is what has come of one version from one peer. It outlives the
// attempt and the process, so that a transfer goes on where it broke off.
type spool struct {
	path  string // without ".part"
	lock  *durable.FileLock
	f     *os.File // nil: nothing yet
	have  int64
	total int64
	mark  string // validator of the file at the peer (RFC 9110 §13.1.5), "" if none
}

// spoolNote is kept beside the bytes.
type spoolNote struct {
	Total int64  `json:"total"`
	Mark  string `json:"mark"`
}

// openSpool takes up what there is of n from p. Another process that works on
// the same gives fault.Unavailable.
func (s *Service) openSpool(p *peer, n Name) (*spool, error) {
	if err := os.MkdirAll(s.o.Dir, 0o750); err != nil {
		return nil, err
	}
	f := &spool{path: filepath.Join(s.o.Dir, strings.TrimSuffix(n.File(), ".zip")+"-"+p.tag)}
	var err error
	if f.lock, err = durable.TryLock(f.path+".lock", true); err != nil {
		if errors.Is(err, durable.ErrLocked) {
			return nil, fault.Wrap(err, fault.Unavailable, "Another process fetches it").WithRetryAfter(restFirst)
		}
		return nil, err
	}
	if err := f.resume(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// resume reads what an earlier attempt left.
func (f *spool) resume() error {
	text, err := os.ReadFile(f.path + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var note spoolNote
	if err != nil || json.Unmarshal(text, &note) != nil || note.Total <= 0 {
		f.discard()
		return nil
	}
	part, err := os.OpenFile(f.path+".part", os.O_RDWR, 0)
	if err != nil {
		f.discard()
		return nil
	}
	info, err := part.Stat()
	if err != nil {
		return errors.Join(err, part.Close())
	}
	f.f, f.have, f.total, f.mark = part, info.Size(), note.Total, note.Mark
	if f.have > f.total || f.have < f.total && f.mark == "" {
		f.discard()
	}
	return nil
}

// begin starts an empty file of the given length.
func (f *spool) begin(total int64, mark string) error {
	f.discard()
	part, err := os.OpenFile(f.path+".part", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	f.f, f.have, f.total, f.mark = part, 0, total, mark
	note, err := json.Marshal(spoolNote{total, mark})
	if err == nil {
		err = os.WriteFile(f.path+".json", note, 0o600)
	}
	return err
}

// Write puts the next bytes behind those that are there.
func (f *spool) Write(b []byte) (int, error) {
	n, err := f.f.WriteAt(b, f.have)
	f.have += int64(n)
	return n, err
}

// discard forgets all bytes.
func (f *spool) discard() {
	if f.f != nil {
		_ = f.f.Close() // it goes away
	}
	f.f, f.have = nil, 0
	_ = os.Remove(f.path + ".part") // what stays is swept
	_ = os.Remove(f.path + ".json")
}

// close lets go of the file, which stays if it is not empty.
func (f *spool) close() {
	if f.f != nil {
		if err := f.f.Close(); err != nil {
			f.discard()
		}
		f.f = nil
	}
	if f.have == 0 {
		_ = os.Remove(f.path + ".lock")
	}
	_ = f.lock.Unlock() // closing releases it in any case
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// sweep removes unfinished files that are old, and the oldest beyond a bound.
func (s *Service) sweep() {
	type left struct {
		path string
		at   time.Time
	}
	var all []left
	entries, err := os.ReadDir(s.o.Dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.log.Warn("unfinished files of peers were not listed", "error", err)
		}
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // gone by now
		}
		name := filepath.Join(s.o.Dir, e.Name())
		if path, ok := strings.CutSuffix(name, ".part"); ok {
			all = append(all, left{path, info.ModTime()})
		} else if time.Since(info.ModTime()) >= spoolKept && !exists(strings.TrimSuffix(name, filepath.Ext(name))+".part") {
			_ = os.Remove(name) // of a transfer that is over; some systems keep what is open
		}
	}
	slices.SortFunc(all, func(a, b left) int { return b.at.Compare(a.at) })
	for i, x := range all {
		if i < maxSpools && time.Since(x.at) < spoolKept {
			continue
		}
		lock, err := durable.TryLock(x.path+".lock", true)
		if err != nil {
			continue // somebody works on it
		}
		f := &spool{path: x.path, lock: lock}
		f.discard()
		f.close()
	}
}
