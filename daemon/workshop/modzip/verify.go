package modzip

import (
	"bufio"
	"compress/bzip2"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"slices"

	"github.com/klauspost/compress/flate"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Mode says how much of an archive Verify reads.
type Mode int

const (
	// Directory reads the list of entries only: enough to tell an archive
	// from a web page, a truncated file and a bomb, in milliseconds.
	Directory Mode = iota
	// Full also unpacks every entry (to nowhere) and compares its checksum.
	Full
)

// Verify checks the zip of the given size. It returns fault.Invalid with the
// reason ("zip entry 12 \"a.lua\": CRC mismatch", counted from 1) when the
// archive is damaged, dangerous or over a limit; any other error is a failure
// to read r and says nothing about the archive.
//
// Accepted are Store and Deflate (and bzip2 with Limits.Bzip2), zip64, data descriptors, folder entries, an
// archive without entries, an archive comment, and bytes that no entry owns
// before or between entries. Refused are bytes after the end, offsets that do
// not count from the first byte of the file, encrypted entries, other methods,
// split archives, links and devices, names that leave the folder or mean
// something else on another system, names that occur twice (also in another
// case), entries that overlap, and sizes or local headers that contradict the
// directory.
//
// Memory is bounded by the directory (at most 32 MiB), time by the size
// of the file and Limits.Bytes. Archives inside the archive are never opened.
func Verify(ctx context.Context, r io.ReaderAt, size int64, mode Mode, o Limits) error {
	o = o.withDefaults()
	a := &archive{r: r, size: size}
	end, err := a.end()
	if err != nil {
		return err
	}
	if end.records > uint64(o.Entries) {
		return bad("zip: %d entries are more than the %d allowed", end.records, o.Entries)
	}
	entries, err := a.entries(ctx, end, o)
	if err != nil {
		return err
	}
	check := checker{archive: a}
	for i, e := range entries {
		// What comes next in the file bounds this entry.
		limit := end.offset
		if i+1 < len(entries) {
			limit = entries[i+1].offset
		}
		if e.offset < 0 || e.offset > limit || limit-e.offset < lenLocal+int64(len(e.name)) ||
			limit-e.offset-lenLocal-int64(len(e.name)) < e.packed {
			return e.bad("it overlaps what follows it")
		}
		if mode != Full {
			continue
		}
		if err := check.entry(ctx, e, limit); err != nil {
			return err
		}
	}
	return nil
}

// entries reads the directory, checks each record by itself and against the
// limits, and returns them in the order of the file.
func (a *archive) entries(ctx context.Context, end end, o Limits) ([]*entry, error) {
	var entries []*entry
	var total, packed int64
	seen := newNames()
	err := a.directory(end, func(e *entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.check(o); err != nil {
			return err
		}
		if reason := seen.add(e.name); reason != "" {
			return e.bad("%s", reason)
		}
		// Neither sum can overflow: what is added is within the bounds.
		if total += e.size; total > o.Bytes {
			return bad("zip: the files are larger than %d bytes in all", o.Bytes)
		}
		if e.packed > a.size-packed {
			return e.bad("it overlaps what follows it")
		}
		packed += e.packed
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if tooDense(total, packed, o) {
		return nil, bad("zip: the archive unpacks to more than %d times its size", o.Ratio)
	}
	slices.SortStableFunc(entries, func(x, y *entry) int {
		switch {
		case x.offset < y.offset:
			return -1
		case x.offset > y.offset:
			return 1
		}
		return 0
	})
	return entries, nil
}

func tooDense(size, packed int64, o Limits) bool { return size > ratioFloor && size/o.Ratio > packed }

// unpacks reports whether entries of the method are admitted.
func (l Limits) unpacks(method uint16) bool {
	return method == methodStore || method == methodDeflate || method == methodBzip2 && l.Bzip2
}

// check looks at the record alone.
func (e *entry) check(o Limits) error {
	const (
		typeMask = 0o170000
		typeLink = 0o120000
		typeDir  = 0o040000
		typeFile = 0o100000
	)
	if reason := badName(e.name); reason != "" {
		return e.bad("%s", reason)
	}
	switch kind := e.mode & typeMask; {
	case kind == typeLink:
		return e.bad("it is a symbolic link")
	case kind != 0 && kind != typeDir && kind != typeFile:
		return e.bad("it is neither a file nor a folder")
	case e.flags&(flagEncrypted|flagStrong|flagMasked) != 0:
		return e.bad("it is encrypted")
	case e.flags&flagPatch != 0 || !o.unpacks(e.method):
		return e.bad("compression method %d is not supported", e.method)
	case e.size < 0 || e.size > o.Bytes:
		return e.bad("it is larger than %d bytes", o.Bytes)
	case e.packed < 0 || e.method == methodStore && e.packed != e.size:
		return e.bad("its sizes contradict each other")
	case e.dir() && e.size != 0:
		return e.bad("it is a folder with content")
	case tooDense(e.size, e.packed, o):
		return e.bad("it unpacks to more than %d times its size", o.Ratio)
	}
	return nil
}

// checker unpacks entries one after the other, with the same buffers.
type checker struct {
	archive *archive
	in      *bufio.Reader
	inflate io.ReadCloser
	buf     []byte
}

// entry checks the entry's local header, data and descriptor, which must end
// at or before limit.
func (c *checker) entry(ctx context.Context, e *entry, limit int64) error {
	data, err := c.local(e)
	if err != nil {
		return err
	}
	if data > limit || limit-data < e.packed {
		return e.bad("it overlaps what follows it")
	}
	crc, err := c.unpack(ctx, e, data)
	if err != nil {
		return err
	}
	if crc != e.crc {
		return e.bad("CRC mismatch")
	}
	if e.flags&flagDescriptor == 0 {
		return nil
	}
	return c.descriptor(e, data+e.packed, limit)
}

// local compares the local header with the directory and returns where the
// data begin.
func (c *checker) local(e *entry) (int64, error) {
	var b [lenLocal]byte
	if err := c.archive.at(b[:], e.offset); err != nil {
		return 0, err
	}
	if le.Uint32(b[:]) != sigLocal {
		return 0, e.bad("its header is not where the directory says")
	}
	name := make([]byte, le.Uint16(b[26:]))
	if len(name) != len(e.name) {
		return 0, e.bad("its header has another name")
	}
	if err := c.archive.at(name, e.offset+lenLocal); err != nil {
		return 0, err
	}
	if string(name) != e.name {
		return 0, e.bad("its header has another name")
	}
	flags, crc, packed, size := le.Uint16(b[6:]), le.Uint32(b[14:]), int64(le.Uint32(b[18:])), int64(le.Uint32(b[22:]))
	// With a descriptor the header may leave these open; a zip64 header
	// holds the sizes elsewhere.
	open := e.flags&flagDescriptor != 0
	switch {
	case (flags^e.flags)&(flagEncrypted|flagDescriptor) != 0 || le.Uint16(b[8:]) != e.method:
		return 0, e.bad("its header contradicts the directory")
	case crc != e.crc && !(open && crc == 0):
		return 0, e.bad("its header has another CRC than the directory")
	case packed != e.packed && packed != max32 && !(open && packed == 0),
		size != e.size && size != max32 && !(open && size == 0):
		return 0, e.bad("its header has other sizes than the directory")
	}
	return e.offset + lenLocal + int64(len(name)) + int64(le.Uint16(b[28:])), nil
}

// unpack reads the data and returns their checksum. Data that end early, go
// on for too long or leave packed bytes over are refused.
func (c *checker) unpack(ctx context.Context, e *entry, offset int64) (uint32, error) {
	if c.buf == nil {
		c.buf = make([]byte, 64<<10)
		c.in = bufio.NewReaderSize(nil, 64<<10)
		c.inflate = flate.NewReader(c.in)
	}
	section := &section{a: c.archive, offset: offset, left: e.packed}
	c.in.Reset(section)
	var r io.Reader = c.in
	switch e.method {
	case methodDeflate:
		if err := c.inflate.(flate.Resetter).Reset(c.in, nil); err != nil {
			return 0, err
		}
		r = c.inflate
	case methodBzip2:
		r = bzip2.NewReader(c.in) // which takes it byte by byte, and what follows for another stream
	}
	var crc uint32
	for left := e.size; ; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := r.Read(c.buf)
		if left -= int64(n); left < 0 {
			return 0, e.bad("it is longer than the directory says")
		}
		crc = crc32.Update(crc, crc32.IEEETable, c.buf[:n])
		switch {
		case err == nil:
			continue
		case err != io.EOF: //nolint:errorlint // io.Reader's promise
			return 0, e.unpackFault(err)
		case left > 0:
			return 0, e.bad("it is shorter than the directory says")
		case c.in.Buffered() > 0 || section.left > 0:
			return 0, e.bad("bytes follow its packed data")
		}
		return crc, nil
	}
}

// unpackFault tells damaged data from a disk that fails.
func (e *entry) unpackFault(err error) error {
	var corrupt flate.CorruptInputError
	var broken bzip2.StructuralError
	if errors.As(err, &corrupt) || errors.As(err, &broken) || errors.Is(err, io.ErrUnexpectedEOF) {
		return e.bad("its packed data are damaged")
	}
	if fault.Is(err, fault.Invalid) {
		return e.bad("its data are cut short")
	}
	return err
}

// descriptor checks what follows the data of an entry whose header left its
// sizes open: an optional signature, the checksum, and both sizes in four or
// eight bytes each.
func (c *checker) descriptor(e *entry, offset, limit int64) error {
	var b [24]byte
	n := min(limit-offset, int64(len(b)))
	if n < 12 {
		return e.bad("its data descriptor is missing")
	}
	if err := c.archive.at(b[:n], offset); err != nil {
		return err
	}
	if descriptor(b[:n], e) || le.Uint32(b[:]) == sigDescriptor && descriptor(b[4:n], e) {
		return nil
	}
	return e.bad("its data descriptor contradicts the directory")
}

func descriptor(b []byte, e *entry) bool {
	if len(b) < 12 || le.Uint32(b) != e.crc {
		return false
	}
	short := int64(le.Uint32(b[4:])) == e.packed && int64(le.Uint32(b[8:])) == e.size
	return short || len(b) >= 20 && le.Uint64(b[4:]) == uint64(e.packed) && le.Uint64(b[12:]) == uint64(e.size)
}
