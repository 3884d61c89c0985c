package modzip

import (
	"archive/zip"
	"context"
	"io"
	"os"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Stats says what Pack wrote.
type Stats struct {
	Files int
	Bytes int64 // unpacked
}

// Pack writes the files of list, which Scan or Quiet made from root, to w as
// a zip whose entries all carry the moment version (Unix seconds; before 1980
// becomes 1980). It fails with fault.NotFound when the list is empty and with
// fault.Unavailable when the folder changed before Pack was done; what was
// written to w before an error is worthless.
func Pack(ctx context.Context, w io.Writer, root *os.Root, list *Listing, version int64, o Limits) (Stats, error) {
	if len(list.Files) == 0 {
		return Stats{}, fault.New(fault.NotFound, "the mod's folder is empty")
	}
	out := packer{zip: zip.NewWriter(w), files: list.Files}
	out.date, out.time = dosTime(time.Unix(version, 0).UTC())
	if err := compress(ctx, root, list.Files, o.withDefaults().Ratio, out.block); err != nil {
		return Stats{}, err
	}
	if err := out.zip.Close(); err != nil {
		return Stats{}, err
	}
	now, err := Scan(ctx, root, o)
	if err != nil {
		return Stats{}, err
	}
	if !now.Equal(list) {
		return Stats{}, errChanged("the mod's folder changed while it was being packed")
	}
	return Stats{Files: len(list.Files), Bytes: list.Bytes}, nil
}

// packer writes finished blocks, which come in the order of the files.
type packer struct {
	zip        *zip.Writer
	files      []File
	date, time uint16

	header *zip.FileHeader // of the entry being written
	entry  io.Writer
}

func (p *packer) block(b *block) error {
	if b.first {
		p.header = p.newHeader(p.files[b.file])
		if b.last {
			p.sum(b)
		} else {
			// Sizes and checksum follow the data.
			p.header.Flags |= flagDescriptor
		}
		entry, err := p.zip.CreateRaw(p.header)
		if err != nil {
			return err
		}
		p.entry = entry
	}
	if _, err := p.entry.Write(b.out.Bytes()); err != nil {
		return err
	}
	if !b.first {
		p.header.CompressedSize64 += uint64(b.out.Len())
		if b.last {
			p.sum(b)
		}
	} else if !b.last {
		p.header.CompressedSize64 = uint64(b.out.Len())
	}
	return nil
}

// sum completes the header with what is known at the entry's last block.
func (p *packer) sum(b *block) {
	h := p.header
	if b.first {
		h.CompressedSize64 = uint64(b.out.Len())
	}
	h.CRC32 = b.crc
	h.UncompressedSize64 = uint64(p.files[b.file].Size)
	// The central directory is written from the 32-bit fields.
	//lint:ignore SA1019 there is no other way to set them after CreateRaw
	h.CompressedSize = uint32(min(h.CompressedSize64, 1<<32-1))
	//lint:ignore SA1019 see above
	h.UncompressedSize = uint32(min(h.UncompressedSize64, 1<<32-1))
}

// newHeader sets every field by hand: archive/zip's own choices (an extended
// time stamp, the host's file mode) would depend on the machine.
func (p *packer) newHeader(f File) *zip.FileHeader {
	const (
		unixVersion20 = 3<<8 | 20
		regular0644   = 0o100644 << 16
	)
	h := &zip.FileHeader{
		Name: f.Name, Method: zip.Deflate, CreatorVersion: unixVersion20, ReaderVersion: 20, ExternalAttrs: regular0644,
	}
	//lint:ignore SA1019 the time without a zone, and without an extra field, is what is wanted
	h.ModifiedDate, h.ModifiedTime = p.date, p.time
	for i := range len(f.Name) {
		if f.Name[i] >= 0x80 {
			h.Flags |= flagUTF8
			break
		}
	}
	return h
}

// dosTime returns MS-DOS date and time, which count from 1980 in steps of two
// seconds, up to the year 2107.
func dosTime(t time.Time) (date, clock uint16) {
	if t.Year() < 1980 {
		t = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if t.Year() > 2107 {
		t = time.Date(2107, 12, 31, 23, 59, 58, 0, time.UTC)
	}
	return uint16(t.Day() | int(t.Month())<<5 | (t.Year()-1980)<<9),
		uint16(t.Second()/2 | t.Minute()<<5 | t.Hour()<<11)
}
