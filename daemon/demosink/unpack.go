package demosink

import (
	"archive/zip"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/demosink/demofile"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Errors of files that are not taken.
var (
	// ErrNoDemo: the file is no recording and holds none.
	ErrNoDemo = fault.New(fault.Invalid, "This is no demo").
			WithHint("a demo begins with HL2DEMO or PBDEMS2; it may be packed as .zip, .bz2 or .gz")
	// ErrManyDemos: the archive holds more than one recording.
	ErrManyDemos = fault.New(fault.Invalid, "The archive holds more than one demo").WithHint("send them one by one")
	// ErrPacking: the file is packed and damaged.
	ErrPacking = fault.New(fault.Invalid, "The file is damaged: it cannot be unpacked")
	// ErrDemoSize: the recording is larger than demos.max_session_bytes.
	ErrDemoSize = fault.New(fault.TooLarge, "The demo is larger than this server takes")
)

// maxEntries bounds how many entries of an archive are looked at.
const maxEntries = 1000

// unpacked returns what opens the recording in a file, from its beginning and
// as often as it is called: the file itself, or what is packed in it as zip,
// bzip2 or gzip. Its bytes are not yet known to be a recording.
func unpacked(src io.ReaderAt, size int64) (func() (io.ReadCloser, error), error) {
	first := make([]byte, 8)
	n, err := src.ReadAt(first, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	first = first[:n]
	plain := func() io.Reader { return io.NewSectionReader(src, 0, size) }
	switch {
	case demofile.Sniff(first) != demofile.Unknown:
		return func() (io.ReadCloser, error) { return io.NopCloser(plain()), nil }, nil
	case bytes.HasPrefix(first, []byte("PK\x03\x04")):
		return zipped(src, size)
	case bytes.HasPrefix(first, []byte("BZh")):
		return func() (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(plain())), nil }, nil
	case bytes.HasPrefix(first, []byte{0x1F, 0x8B}):
		return func() (io.ReadCloser, error) { return gzip.NewReader(plain()) }, nil
	}
	return nil, ErrNoDemo
}

// within is a file whose archive may point outside of it.
type within struct {
	src  io.ReaderAt
	size int64
}

// ReadAt implements io.ReaderAt.
func (w within) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 || offset > w.size {
		return 0, zip.ErrFormat
	}
	return w.src.ReadAt(p, offset)
}

func zipped(src io.ReaderAt, size int64) (func() (io.ReadCloser, error), error) {
	z, err := zip.NewReader(within{src, size}, size)
	if err != nil || len(z.File) > maxEntries {
		return nil, ErrPacking
	}
	var found *zip.File
	for _, f := range z.File {
		if !f.Mode().IsRegular() || !strings.HasSuffix(strings.ToLower(f.Name), ".dem") {
			continue
		}
		if found != nil {
			return nil, ErrManyDemos
		}
		found = f
	}
	if found == nil {
		return nil, ErrNoDemo
	}
	return found.Open, nil
}

// packingError is the fault of an error that came from reading a packed file;
// errors of the disk and the end of ctx stay what they are.
func packingError(ctx context.Context, err error) error {
	var structural bzip2.StructuralError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &structural), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum),
		errors.Is(err, zip.ErrChecksum), errors.Is(err, zip.ErrFormat), errors.Is(err, zip.ErrAlgorithm), strings.HasPrefix(err.Error(), "flate:"):
		return ErrPacking
	}
	return err
}

// bounded reads until ctx ends, and fails with ErrDemoSize behind the bytes
// that are left.
type bounded struct {
	ctx  context.Context
	from io.Reader
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrDemoSize
	}
	return n, err
}
