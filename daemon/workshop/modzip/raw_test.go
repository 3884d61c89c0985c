package modzip

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// raw is one entry of a hand-made zip, laid out after PKWARE APPNOTE.TXT
// §4.3. Zero fields get honest values; the others lie.
type raw struct {
	name      string
	data      string
	method    uint16
	flags     uint16
	attrs     uint32
	packed    []byte // default: data, deflated when method is 8
	localName string
	crc       uint32
	size      uint32 // directory
	localSize uint32
	packedLen uint32 // directory
	offset    *uint32
	skipLocal bool
	extra     []byte // central
	trailer   []byte // after the data: descriptor or gap
}

type archiveOptions struct {
	prefix, suffix, comment string
	shift                   uint32 // added to all offsets
	records                 *uint16
}

func deflate(data string) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	_, _ = w.Write([]byte(data))
	_ = w.Close()
	return b.Bytes()
}

func build(o archiveOptions, entries ...raw) []byte {
	out := []byte(o.prefix)
	var dir []byte
	for _, e := range entries {
		out, dir = e.write(out, dir, o.shift)
	}
	at := uint32(len(out))
	out = append(out, dir...)
	n := uint16(len(entries))
	if o.records != nil {
		n = *o.records
	}
	b := binary.LittleEndian
	end := make([]byte, 22)
	b.PutUint32(end, sigEnd)
	b.PutUint16(end[8:], n)
	b.PutUint16(end[10:], n)
	b.PutUint32(end[12:], uint32(len(dir)))
	b.PutUint32(end[16:], at+o.shift)
	b.PutUint16(end[20:], uint16(len(o.comment)))
	out = append(out, end...)
	out = append(out, o.comment...)
	return append(out, o.suffix...)
}

func (e raw) write(out, dir []byte, shift uint32) (newOut, newDir []byte) {
	b := binary.LittleEndian
	if e.packed == nil {
		e.packed = []byte(e.data)
		if e.method == methodDeflate {
			e.packed = deflate(e.data)
		}
	}
	or := func(v, honest uint32) uint32 {
		if v != 0 {
			return v
		}
		return honest
	}
	crc := or(e.crc, crc32.ChecksumIEEE([]byte(e.data)))
	if e.localName == "" {
		e.localName = e.name
	}
	offset := uint32(len(out)) + shift
	if !e.skipLocal {
		h := make([]byte, lenLocal)
		b.PutUint32(h, sigLocal)
		b.PutUint16(h[4:], 20)
		b.PutUint16(h[6:], e.flags)
		b.PutUint16(h[8:], e.method)
		if e.flags&flagDescriptor == 0 {
			b.PutUint32(h[14:], crc)
			b.PutUint32(h[18:], uint32(len(e.packed)))
			b.PutUint32(h[22:], or(e.localSize, uint32(len(e.data))))
		}
		b.PutUint16(h[26:], uint16(len(e.localName)))
		out = append(append(append(append(out, h...), e.localName...), e.packed...), e.trailer...)
	}
	if e.offset != nil {
		offset = *e.offset
	}
	c := make([]byte, lenCentral)
	b.PutUint32(c, sigCentral)
	b.PutUint16(c[4:], 3<<8|20)
	b.PutUint16(c[6:], 20)
	b.PutUint16(c[8:], e.flags)
	b.PutUint16(c[10:], e.method)
	b.PutUint32(c[16:], crc)
	b.PutUint32(c[20:], or(e.packedLen, uint32(len(e.packed))))
	b.PutUint32(c[24:], or(e.size, uint32(len(e.data))))
	b.PutUint16(c[28:], uint16(len(e.name)))
	b.PutUint16(c[30:], uint16(len(e.extra)))
	b.PutUint32(c[38:], e.attrs)
	b.PutUint32(c[42:], offset)
	return out, append(append(append(dir, c...), e.name...), e.extra...)
}

// descriptorOf is what follows an entry with flagDescriptor.
func descriptorOf(signed, long bool, data string, packed int) []byte {
	b := binary.LittleEndian
	var d []byte
	if signed {
		d = b.AppendUint32(d, sigDescriptor)
	}
	d = b.AppendUint32(d, crc32.ChecksumIEEE([]byte(data)))
	if long {
		return b.AppendUint64(b.AppendUint64(d, uint64(packed)), uint64(len(data)))
	}
	return b.AppendUint32(b.AppendUint32(d, uint32(packed)), uint32(len(data)))
}

func TestBuildIsHonest(t *testing.T) {
	z := build(archiveOptions{}, raw{name: "a.txt", data: "hello", method: methodDeflate})
	if err := verify(t, z, Full); err != nil {
		t.Fatalf("a plain archive: %v", err)
	}
}
