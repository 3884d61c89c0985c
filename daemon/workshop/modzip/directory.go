package modzip

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Layout of a zip: PKWARE APPNOTE.TXT 6.3.10, §4.3.
const (
	sigLocal      = 0x04034b50
	sigCentral    = 0x02014b50
	sigEnd        = 0x06054b50
	sigEnd64      = 0x06064b50
	sigLocator64  = 0x07064b50
	sigDescriptor = 0x08074b50

	lenLocal     = 30
	lenCentral   = 46
	lenEnd       = 22
	lenEnd64     = 56
	lenLocator64 = 20
	maxComment   = 1<<16 - 1

	max16, max32 = 1<<16 - 1, 1<<32 - 1

	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3
	flagPatch      = 1 << 5
	flagStrong     = 1 << 6
	flagUTF8       = 1 << 11
	flagMasked     = 1 << 13

	methodStore   = 0
	methodDeflate = 8
	methodBzip2   = 12

	extraZip64 = 0x0001
)

// maxDirectory bounds the central directory in bytes, and with it the memory
// that checking an archive takes.
const maxDirectory = 32 << 20

var le = binary.LittleEndian

// entry is one record of the central directory.
type entry struct {
	index         int // from 1
	name          string
	flags, method uint16
	crc           uint32
	packed, size  int64
	offset        int64 // of the local header
	mode          uint16
}

func (e *entry) dir() bool { return e.name[len(e.name)-1] == '/' }

// bad is the verdict on one entry.
func (e *entry) bad(format string, args ...any) error {
	return fault.New(fault.Invalid, "zip entry %d %q: %s", e.index, e.name, fmt.Sprintf(format, args...))
}

// bad is the verdict on the archive as a whole.
func bad(format string, args ...any) error {
	return fault.New(fault.Invalid, "%s", fmt.Sprintf(format, args...))
}

// archive reads a zip's structure.
type archive struct {
	r    io.ReaderAt
	size int64
}

// at fills b from the offset. A read past the end is a verdict, any other
// failure is the disk's and not the archive's.
func (a *archive) at(b []byte, offset int64) error {
	if offset < 0 || offset > a.size || a.size-offset < int64(len(b)) {
		return bad("zip: the archive is cut short")
	}
	n, err := a.r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return bad("zip: the archive is cut short")
	}
	return fmt.Errorf("read zip at %d: %w", offset, err)
}

// end is where the central directory lies.
type end struct {
	records      uint64
	offset, size int64
}

// end finds the end record. The archive must end with it and its comment, and
// the directory must end where it begins: then every reader sees the same
// entries.
func (a *archive) end() (end, error) {
	tail := make([]byte, min(a.size, lenEnd+maxComment))
	if err := a.at(tail, a.size-int64(len(tail))); err != nil {
		return end{}, err
	}
	i := findEnd(tail)
	if i < 0 {
		return end{}, a.notZip()
	}
	b := tail[i:]
	if rest := len(b) - lenEnd - int(le.Uint16(b[20:])); rest > 0 {
		return end{}, bad("zip: %d bytes follow the end of the archive", rest)
	}
	e := end{records: uint64(le.Uint16(b[10:])), size: int64(le.Uint32(b[12:])), offset: int64(le.Uint32(b[16:]))}
	if le.Uint16(b[4:]) != 0 || le.Uint16(b[6:]) != 0 || le.Uint16(b[8:]) != le.Uint16(b[10:]) {
		return end{}, bad("zip: the archive is split into several parts")
	}
	stop := a.size - int64(len(b))
	stop, err := a.end64(&e, stop)
	if err != nil {
		return end{}, err
	}
	switch {
	case e.offset < 0 || e.size < 0 || e.offset > stop || e.size != stop-e.offset:
		return end{}, bad("zip: the directory is not where the archive says, or bytes stand before the archive")
	case e.size > maxDirectory:
		return end{}, bad("zip: the directory is larger than %d bytes", maxDirectory)
	case e.records > uint64(e.size)/lenCentral:
		return end{}, bad("zip: the directory is smaller than its number of entries")
	}
	return e, nil
}

// findEnd returns where the last end record that fits begins, or -1.
func findEnd(tail []byte) int {
	for i := len(tail) - lenEnd; i >= 0; i-- {
		if le.Uint32(tail[i:]) == sigEnd && i+lenEnd+int(le.Uint16(tail[i+20:])) <= len(tail) {
			return i
		}
	}
	return -1
}

// end64 reads the zip64 end record when its locator stands before stop, and
// returns where the directory must end.
func (a *archive) end64(e *end, stop int64) (int64, error) {
	var b [lenEnd64]byte
	loc := b[:lenLocator64]
	if stop < lenLocator64+lenEnd64 {
		return stop, nil
	}
	if err := a.at(loc, stop-lenLocator64); err != nil {
		return 0, err
	}
	if le.Uint32(loc) != sigLocator64 {
		return stop, nil
	}
	at := int64(le.Uint64(loc[8:]))
	if le.Uint32(loc[4:]) != 0 || le.Uint32(loc[16:]) > 1 {
		return 0, bad("zip: the archive is split into several parts")
	}
	if at < 0 || at > stop-lenLocator64-lenEnd64 {
		return 0, bad("zip: the zip64 end record is not where the archive says")
	}
	if err := a.at(b[:], at); err != nil {
		return 0, err
	}
	if le.Uint32(b[:]) != sigEnd64 || le.Uint64(b[4:]) != uint64(stop-lenLocator64-at-12) {
		return 0, bad("zip: the zip64 end record is not where the archive says")
	}
	if le.Uint32(b[16:]) != 0 || le.Uint32(b[20:]) != 0 || le.Uint64(b[24:]) != le.Uint64(b[32:]) {
		return 0, bad("zip: the archive is split into several parts")
	}
	// The short record holds the value or says "look at the long one".
	records, size, offset := le.Uint64(b[32:]), int64(le.Uint64(b[40:])), int64(le.Uint64(b[48:]))
	if e.records != max16 && e.records != records || e.size != max32 && e.size != size || e.offset != max32 && e.offset != offset {
		return 0, bad("zip: the two end records differ")
	}
	*e = end{records: records, size: size, offset: offset}
	return at, nil
}

// notZip says what the file is instead, for the commonest cases.
func (a *archive) notZip() error {
	head := make([]byte, min(a.size, 512))
	if err := a.at(head, 0); err != nil {
		return err
	}
	text := bytes.TrimLeft(head, "\ufeff \t\r\n")
	switch {
	case len(head) == 0:
		return bad("zip: the file is empty")
	case bytes.HasPrefix(head, []byte("PK")):
		return bad("zip: the archive is cut short, its directory is missing")
	case bytes.HasPrefix(text, []byte("<")):
		return bad("zip: the file is a web page, not an archive")
	}
	return bad("zip: the file is not an archive")
}

// directory reads the central directory, one record after the other, and
// hands each to visit.
func (a *archive) directory(e end, visit func(*entry) error) error {
	section := &section{a: a, offset: e.offset, left: e.size}
	r := bufio.NewReaderSize(section, 64<<10)
	for i := range e.records {
		rec, err := readRecord(r, int(i)+1)
		if err != nil {
			return err
		}
		if err := visit(rec); err != nil {
			return err
		}
	}
	if r.Buffered() > 0 || section.left > 0 {
		return bad("zip: the directory holds more than its %d entries", e.records)
	}
	return nil
}

func readRecord(r *bufio.Reader, index int) (*entry, error) {
	var b [lenCentral]byte
	if err := fill(r, b[:]); err != nil {
		return nil, err
	}
	if le.Uint32(b[:]) != sigCentral {
		return nil, bad("zip: the directory is damaged at entry %d", index)
	}
	e := &entry{
		index: index, flags: le.Uint16(b[8:]), method: le.Uint16(b[10:]), crc: le.Uint32(b[16:]),
		packed: int64(le.Uint32(b[20:])), size: int64(le.Uint32(b[24:])), offset: int64(le.Uint32(b[42:])),
		mode: uint16(le.Uint32(b[38:]) >> 16),
	}
	variable := make([]byte, int(le.Uint16(b[28:]))+int(le.Uint16(b[30:]))+int(le.Uint16(b[32:])))
	if err := fill(r, variable); err != nil {
		return nil, err
	}
	name, extra := variable[:le.Uint16(b[28:])], variable[le.Uint16(b[28:]):]
	e.name = string(name)
	if len(name) > maxName {
		e.name = string(name[:64]) + "…"
		return nil, e.bad("the name is too long")
	}
	if disk := le.Uint16(b[34:]); disk != 0 && disk != max16 {
		return nil, e.bad("it lies in another part of a split archive")
	}
	return e, e.zip64(extra[:le.Uint16(b[30:])])
}

// zip64 takes those values from the zip64 extra field that did not fit.
func (e *entry) zip64(extra []byte) error {
	var long []*int64
	for _, v := range []*int64{&e.size, &e.packed, &e.offset} { // the field's order
		if *v == max32 {
			long = append(long, v)
		}
	}
	if len(long) == 0 {
		return nil
	}
	for len(extra) >= 4 {
		id, n := le.Uint16(extra), int(le.Uint16(extra[2:]))
		extra = extra[4:]
		if n > len(extra) {
			break
		}
		if id == extraZip64 && n >= 8*len(long) {
			for i, v := range long {
				*v = int64(le.Uint64(extra[8*i:]))
			}
			return nil
		}
		extra = extra[n:]
	}
	return e.bad("its zip64 sizes are missing")
}

func fill(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return bad("zip: the directory is cut short")
	}
	return err
}

// section reads a part of the archive in order. Unlike io.SectionReader it
// tells a short file from a failing disk.
type section struct {
	a            *archive
	offset, left int64
}

func (s *section) Read(b []byte) (int, error) {
	if s.left <= 0 {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), s.left)]
	if err := s.a.at(b, s.offset); err != nil {
		return 0, err
	}
	s.offset += int64(len(b))
	s.left -= int64(len(b))
	return len(b), nil
}
