package workshop

import (
	"encoding/hex"
	"io/fs"
	"strconv"
	"time"
)

// Version is one stored version of an item: where its bytes are, what they
// must be, and how they came here. Values are immutable; a change is a new
// value.
type Version struct {
	Name Name
	// State is Ready, Quarantined or Removed.
	State State
	// Reason says why a version is quarantined.
	Reason string
	// Key is the blob that holds the bytes, "" when they lie in one of the
	// operator's folders.
	Key string
	// Path is the absolute path of a file in one of the operator's folders,
	// "" when Key is set. Such a file is only ever read.
	Path string
	// Size is the number of bytes.
	Size int64
	// Print is what the file system said of the file when it was last
	// checked. A file with another fingerprint is not served.
	Print Fingerprint
	// SHA256 is the checksum of the bytes, nil until they were hashed.
	SHA256 []byte
	// Source and Origin say who delivered the bytes, and from where.
	Source, Origin string
	// Peer is the address of the backup server that gave the bytes, "" when
	// another source did, and VerifiedBy says what proved them: size, quorum
	// or key.
	Peer, VerifiedBy string
	// FetchedAt is when the bytes were brought here, zero if unknown.
	FetchedAt time.Time
	// Pinned versions are never removed automatically.
	Pinned bool
	// StoredAt is when the version became available here.
	StoredAt time.Time
	// VerifiedAt is when the whole zip was last checked, zero if never.
	VerifiedAt time.Time
	// RequestedAt is when a client last asked for the version, zero if never.
	RequestedAt time.Time
	// Requests counts how often clients asked for it.
	Requests int64
	// UpdatedAt is when the row was last changed, requests aside.
	UpdatedAt time.Time
}

// Removed marks a version whose bytes are gone; other processes learn of the
// removal by it.
const Removed State = "removed"

// Fingerprint is the identity of a file at the moment it was checked. Two
// equal fingerprints mean that nobody wrote to the file in between: on Linux
// the change time moves even when the modification time is set back.
type Fingerprint struct {
	Size    int64
	ModTime int64 // Unix nanoseconds
	Inode   int64 // 0 where the system has none
	Change  int64 // change time in Unix nanoseconds, 0 where unknown
}

// fingerprintOf reads the fingerprint from the answer of Stat on an open file.
func fingerprintOf(info fs.FileInfo) Fingerprint {
	p := Fingerprint{Size: info.Size(), ModTime: info.ModTime().UnixNano()}
	p.Inode, p.Change = inodeOf(info)
	return p
}

// etag is the strong entity tag of the version, without quotes: the first
// half of the checksum, or size and modification time until it is known; see
// hashFirst.
func (v *Version) etag() string {
	if len(v.SHA256) == 32 {
		return hex.EncodeToString(v.SHA256[:16])
	}
	b := make([]byte, 0, 40)
	b = strconv.AppendUint(b, uint64(v.Print.Size), 16)
	b = append(b, '-')
	return string(strconv.AppendUint(b, uint64(v.Print.ModTime), 16))
}

// lastModified is the version's time if it is a time in the past, else the
// file's.
func (v *Version) lastModified(now time.Time) time.Time {
	if v.Name.Version > 0 && v.Name.Version <= now.Unix() {
		return v.Name.Time()
	}
	return time.Unix(0, v.Print.ModTime).UTC()
}

// ours reports whether the bytes are a blob that we wrote and may delete.
func (v *Version) ours() bool { return v.Key != "" }

// blobKey is where the bytes of n are kept.
func blobKey(n Name) string { return "mods/" + n.File() }

// quarantineKey is where damaged bytes of n are put aside.
func quarantineKey(n Name) string { return "quarantine/" + n.File() }
