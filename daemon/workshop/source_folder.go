package workshop

import (
	"context"
	"errors"
	"io"
	"os"
	"regexp"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// FolderSource packs what lies unpacked in the operator's folders:
// m<hex>_<version> folders, and items as Steam installs them.
type FolderSource struct {
	roots  *Roots
	clock  durable.Clock
	limits modzip.Limits
}

// NewFolderSource returns the source "folder".
func NewFolderSource(roots *Roots, clock durable.Clock, limits modzip.Limits) *FolderSource {
	return &FolderSource{roots: roots, clock: clock, limits: limits}
}

// Name returns "folder".
func (s *FolderSource) Name() string { return "folder" }

// Fetch packs the folder of the wanted version once it has been the same for
// modzip.QuietFor, which Fetch waits for if it has to. An empty folder counts as absent,
// one that is still being written as fault.Unavailable, and one that cannot
// be packed as fault.Invalid. Of an installed item, the state file must say
// before and after that it is the wanted version.
func (s *FolderSource) Fetch(ctx context.Context, want Want, dst Sink) (Got, error) {
	folder, found, err := s.roots.OpenFolder(ctx, want.Name)
	if err != nil {
		return Got{}, err
	}
	defer folder.Close() //nolint:errcheck // only read
	list, err := modzip.Quiet(ctx, folder, s.clock.Now(), s.clock.After, s.limits)
	if err != nil {
		return Got{}, err
	}
	if err := s.roots.Proven(found); err != nil {
		return Got{}, err
	}
	if found.proof == (proof{}) {
		_, err = modzip.Pack(ctx, dst, folder, list, want.Name.Version, s.limits)
	} else {
		err = packItem(ctx, dst, folder, list, want.Name.Version, s.limits)
	}
	if err == nil {
		err = s.roots.Proven(found)
	}
	if err != nil {
		return Got{}, err
	}
	return Got{Version: want.Name.Version, Origin: found.Path(), State: Zipping}, nil
}

// uploadName matches the only file of an item from before Workshop content
// lived in depots: the handle of the upload, then this. It is what the author
// uploaded.
var uploadName = regexp.MustCompile(`^[0-9]{1,20}_legacy\.bin$`)

// packItem writes the zip of an installed item: the file that the author
// uploaded if the item is that and it is a zip, else the packed folder.
func packItem(ctx context.Context, dst Sink, folder *os.Root, list *modzip.Listing, version int64, limits modzip.Limits) error {
	if len(list.Files) == 1 && uploadName.MatchString(list.Files[0].Name) {
		if done, err := copyUpload(ctx, dst, folder, list.Files[0], limits); done || err != nil {
			return err
		}
	}
	_, err := modzip.Pack(ctx, dst, folder, list, version, limits)
	return err
}

// copyUpload writes the file as it is. It reports false, and has written
// nothing, when the file is no zip. The error is fault.Invalid for a broken
// one.
func copyUpload(ctx context.Context, dst Sink, folder *os.Root, upload modzip.File, limits modzip.Limits) (bool, error) {
	f, err := folder.Open(upload.Name)
	if err != nil {
		return false, unreadable(err, upload.Name)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return false, unreadable(err, upload.Name)
	}
	if info.Size() != upload.Size || !info.ModTime().Equal(upload.ModTime) {
		return false, changedMeanwhile(upload.Name)
	}
	if zip, err := startsAsZip(f); !zip {
		return false, err
	}
	if err := modzip.Verify(ctx, f, upload.Size, modzip.Full, limits); err != nil {
		return false, err
	}
	if err := dst.Expect(upload.Size); err != nil {
		return false, err
	}
	n, err := io.Copy(dst, contextReader{ctx, io.NewSectionReader(f, 0, upload.Size)})
	if err != nil {
		return false, err
	}
	after, err := f.Stat()
	if err != nil {
		return false, unreadable(err, upload.Name)
	}
	if n != upload.Size || fingerprintOf(after) != fingerprintOf(info) {
		return false, changedMeanwhile(upload.Name)
	}
	return true, nil
}

// startsAsZip reports whether the file begins with an entry of a zip, or is an
// empty one (APPNOTE.TXT 4.3.7 and 4.3.16).
func startsAsZip(f io.ReaderAt) (bool, error) {
	var head [4]byte
	n, err := f.ReadAt(head[:], 0)
	if n < len(head) {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, err
	}
	return string(head[:]) == "PK\x03\x04" || string(head[:]) == "PK\x05\x06", nil
}

func changedMeanwhile(name string) error {
	return fault.Wrap(modzip.ErrBeingWritten, fault.Unavailable, "%s changed while it was read", name).
		WithRetryAfter(modzip.QuietFor)
}
