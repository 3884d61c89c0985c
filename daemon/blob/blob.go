// Package blob keeps named files: whole, durable, replaced in one step.
//
// A blob appears under its key only when Commit has returned and is then
// complete for every reader; a reader that opened the old content keeps it.
// What Commit acknowledged is on stable storage. Blobs that are read are
// always local files of the operating system, so that they can be sent
// without being copied through the process.
package blob

import (
	"context"
	"io"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Info describes a stored blob.
type Info struct {
	Key     string
	Size    int64 // bytes
	ModTime time.Time
}

// Object is an open blob. Its content does not change while it is open, even
// when the key is replaced or deleted. The caller closes it.
type Object struct {
	*os.File
	Info Info
}

// Writer takes the content of one blob. It is for one goroutine. Exactly one
// of Commit and Abort must be called in the end; Abort after Commit does
// nothing, so it can be deferred.
type Writer interface {
	io.Writer
	// Commit makes the content durable and visible under its key. After an
	// error nothing of it is kept, and the key holds what it held before;
	// only when the very last step failed, the sync of the folder, the new
	// content is in place, whole, though a power cut may undo it.
	Commit(ctx context.Context) (Info, error)
	// Abort throws the content away.
	Abort() error
}

// Store keeps blobs by key. Keys are checked by ValidKey; a bad one is
// fault.Invalid. A full disk is fault.NoSpace. Stores are safe for
// concurrent use; the last Commit of a key wins.
type Store interface {
	// Create begins a blob. Nothing is visible before Commit, which replaces
	// what the key held. ctx bounds the writing too.
	Create(ctx context.Context, key string) (Writer, error)
	// Open opens a blob for reading; fault.NotFound when there is none.
	Open(ctx context.Context, key string) (*Object, error)
	// Stat describes a blob; fault.NotFound when there is none.
	Stat(ctx context.Context, key string) (Info, error)
	// Delete removes a blob durably. It is no error when there is none.
	Delete(ctx context.Context, key string) error
	// Rename moves a blob durably in one step and replaces what to held;
	// fault.NotFound when from does not exist.
	Rename(ctx context.Context, from, to string) error
	// List yields the blobs whose keys begin with prefix, in the order of
	// their keys within each folder. Blobs that come or go meanwhile may or
	// may not be seen. An error ends the sequence.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Free returns the bytes available for new blobs.
	Free(ctx context.Context) (int64, error)
	// Sweep removes what writers left behind in a crash, if it was last
	// touched before olderThan, and returns how many files that were.
	Sweep(ctx context.Context, olderThan time.Time) (int, error)
}

const maxKey = 200

// ValidKey reports, as fault.Invalid, why key cannot name a blob. A key is at
// most 200 bytes of names separated by single slashes; a name consists of
// a-z, 0-9, ".", "_" and "-", neither begins nor ends with a dot, and is not
// a device of Windows such as "nul" or "com1.txt". So a key is a relative
// path on every system, with no two spellings of one file.
func ValidKey(key string) error {
	if key == "" || len(key) > maxKey {
		return fault.New(fault.Invalid, "A blob key has 1 to %d bytes, this one has %d", maxKey, len(key))
	}
	for name := range strings.SplitSeq(key, "/") {
		if !validName(name) {
			return fault.New(fault.Invalid, "The blob key %q is not allowed", key)
		}
	}
	return nil
}

func validName(name string) bool {
	if name == "" || name[0] == '.' || name[len(name)-1] == '.' {
		return false
	}
	for _, c := range []byte(name) {
		ok := 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
		if !ok {
			return false
		}
	}
	return !device(name)
}

// device reports whether Windows takes name for a device whatever its
// folder and extension (Microsoft, "Naming Files, Paths, and Namespaces").
func device(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	switch stem {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(stem) == 4 && (stem[:3] == "com" || stem[:3] == "lpt") && '0' <= stem[3] && stem[3] <= '9'
}
