// Package modzip packs a mod's folder into a zip and checks that a zip is
// whole and harmless. It knows nothing of the library around it: bytes in,
// bytes or a verdict out.
//
// Pack is deterministic: the same file names, contents and version give the
// same bytes on every machine and operating system, so two operators who
// hold the same folder serve the same file. DESIGN.md holds the invariants.
//
// Failures carry a fault: Invalid means that the archive or folder is wrong
// and stays wrong, Unavailable that trying later may help, TooLarge that a
// bound was met, NotFound that the folder holds no file. Every function is
// safe for concurrent use.
package modzip

// Limits bounds what Pack and Verify accept. A zero field stands for the
// default.
type Limits struct {
	// Entries bounds the files of a folder and the entries of a zip.
	// Default 20,000.
	Entries int
	// Bytes bounds the total size of the unpacked files. Default 2 GiB.
	Bytes int64
	// Ratio bounds unpacked bytes per packed byte, of the whole archive and
	// of every entry that is larger than 1 MiB unpacked. Default 200.
	Ratio int64
	// Bzip2 also admits entries compressed by bzip2 (method 12), which some
	// programs wrote and many cannot read. Pack never uses it.
	Bzip2 bool
}

const (
	defaultEntries = 20_000
	defaultBytes   = 2 << 30
	defaultRatio   = 200

	// ratioFloor is the unpacked size from which on the ratio matters: a
	// small file of zeros is no bomb.
	ratioFloor = 1 << 20
	// maxName bounds an entry's name in bytes.
	maxName = 4096
)

func (l Limits) withDefaults() Limits {
	if l.Entries <= 0 {
		l.Entries = defaultEntries
	}
	if l.Bytes <= 0 {
		l.Bytes = defaultBytes
	}
	if l.Ratio <= 0 {
		l.Ratio = defaultRatio
	}
	return l
}
