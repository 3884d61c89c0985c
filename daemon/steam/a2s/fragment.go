package a2s

import (
	"bytes"
	"compress/bzip2"
	"hash/crc32"
	"io"
)

// Dialect is how a server writes the header of fragments.
type Dialect uint8

// The dialects. After fe ff ff ff and the id they go on with:
const (
	// DialectUnknown is told from the first fragment.
	DialectUnknown Dialect = iota
	// DialectSource: total, number and the size of fragments. Orange Box and
	// all that came later.
	DialectSource
	// DialectNoSize: the same without the size. Games before Orange Box.
	DialectNoSize
	// DialectGoldSource: one byte, number in the high half, total in the low.
	DialectGoldSource
)

// The limits of what is put together.
const (
	// MaxAssembled bounds the fragments of one message, in bytes.
	MaxAssembled = 512 << 10
	// MaxDecompressed bounds a message that was compressed.
	MaxDecompressed = 1 << 20
	// FragmentSize is how much of a message Source puts into one fragment.
	FragmentSize = 0x4e0

	maxFragments = 255
)

// Dialect returns how this server writes fragments.
func (i Info) Dialect() Dialect {
	if i.GoldSource != nil || i.Protocol == 47 || i.Protocol == 48 {
		return DialectGoldSource
	}
	if i.Protocol == 7 {
		switch i.AppID {
		case 215, 240, 17550, 17700: // Source SDK Base 2006, CS: Source, Eternal Silence, Insurgency
			return DialectNoSize
		}
	}
	return DialectSource
}

// Fragment is a part of a message.
type Fragment struct {
	ID     uint32 // of the message
	Total  uint8  // how many fragments it has
	Number uint8  // from 0
	// Compressed is bit 31 of the id: all data together are a bzip2 stream.
	// Then the first fragment has the size and the CRC-32 (IEEE) of what it
	// unpacks to.
	Compressed bool
	PlainSize  uint32
	CRC        uint32
	Data       []byte // shares the memory of the datagram
}

const compressedBit = 1 << 31

// DecodeFragment reads a datagram that is a fragment. DialectUnknown is read
// as DialectSource.
func DecodeFragment(b []byte, d Dialect) (Fragment, error) {
	r := &reader{b: b}
	if r.u32() != fragmentHeader || r.short {
		return Fragment{}, malformed("it is no fragment")
	}
	f := Fragment{ID: r.u32()}
	if d == DialectGoldSource {
		both := r.u8()
		f.Number, f.Total = both>>4, both&0xf
	} else {
		f.Total, f.Number = r.u8(), r.u8()
		if d != DialectNoSize {
			r.u16()
		}
		f.Compressed = f.ID&compressedBit != 0
		if f.Compressed && f.Number == 0 {
			f.PlainSize, f.CRC = r.u32(), r.u32()
		}
	}
	if r.short {
		return Fragment{}, malformed("the header of a fragment ends early")
	}
	if f.Number >= f.Total {
		return Fragment{}, malformed("fragment %d of %d", f.Number, f.Total)
	}
	f.Data = r.b
	return f, nil
}

// detect tells the dialect from the first fragment: that is where a message
// begins, with its header or with that of bzip2.
func detect(datagrams [][]byte) Dialect {
	begins := func(b []byte, at int, mark string) bool {
		return len(b) >= at+len(mark) && string(b[at:at+len(mark)]) == mark
	}
	const whole = "\xff\xff\xff\xff"
	for _, b := range datagrams {
		first := b[9] == 0
		packed := first && b[7]&0x80 != 0
		switch {
		case begins(b, 9, whole) || begins(b, 9, "BZh"):
			if b[8]>>4 == 0 {
				return DialectGoldSource
			}
		case first && begins(b, 12, whole), packed && begins(b, 20, "BZh"):
			return DialectSource
		case first && begins(b, 10, whole), packed && begins(b, 18, "BZh"):
			return DialectNoSize
		}
	}
	return DialectUnknown
}

// Assembler puts messages together from datagrams of one server, which may
// come in any order and several times. It holds one message at a time: a
// fragment of another one drops what there was. The zero value is ready.
type Assembler struct {
	// Dialect is how fragments are read, if it is known.
	Dialect Dialect
	// Limit bounds the fragments in bytes; 0 means MaxAssembled.
	Limit int

	id        uint32
	datagrams [][]byte
	size      int
}

// errNoise is a datagram that is neither a message nor a fragment.
var errNoise = malformed("neither a message nor a fragment")

// Add takes a datagram and returns the whole message once it is there, else
// nil. A message that came in one piece is returned as it is and shares the
// memory of the datagram. Datagrams of another kind, and messages that cannot
// be unpacked, are ErrMalformed; what is above the limits is ErrTooLarge.
func (a *Assembler) Add(datagram []byte) ([]byte, error) {
	if len(datagram) < 5 {
		return nil, errNoise
	}
	switch order.Uint32(datagram) {
	case wholeHeader:
		return datagram, nil
	case fragmentHeader:
	default:
		return nil, errNoise
	}
	if len(datagram) < 10 {
		return nil, errNoise
	}
	if id := order.Uint32(datagram[4:]); a.datagrams == nil || id != a.id {
		a.Reset()
		a.id = id
	}
	for _, d := range a.datagrams {
		if bytes.Equal(d, datagram) {
			return nil, nil
		}
	}
	limit := a.Limit
	if limit == 0 {
		limit = MaxAssembled
	}
	if len(a.datagrams) == maxFragments || a.size+len(datagram) > limit {
		a.Reset()
		return nil, ErrTooLarge
	}
	a.size += len(datagram)
	a.datagrams = append(a.datagrams, bytes.Clone(datagram))
	return a.join()
}

// Reset drops what there is of a message.
func (a *Assembler) Reset() { a.datagrams, a.size = nil, 0 }

// join returns the message if all of it is there. Datagrams that do not fit
// the others are passed over: before the first fragment is there, what looks
// wrong may only be another dialect.
func (a *Assembler) join() ([]byte, error) {
	d := a.Dialect
	if d == DialectUnknown {
		d = detect(a.datagrams)
	}
	var found [maxFragments]*Fragment
	var first *Fragment
	have, size := 0, 0
	for _, b := range a.datagrams {
		f, err := DecodeFragment(b, d)
		if err != nil || first != nil && f.Total != first.Total || found[f.Number] != nil {
			continue
		}
		if first == nil {
			first = &f
		}
		found[f.Number] = &f
		have++
		size += len(f.Data)
	}
	if first == nil || have < int(first.Total) {
		return nil, nil
	}
	a.Reset()
	message := make([]byte, 4, 4+size)
	order.PutUint32(message, wholeHeader)
	for _, f := range found[:have] {
		message = append(message, f.Data...)
	}
	if first = found[0]; first.Compressed {
		plain, err := unpack(message[4:], first.PlainSize, first.CRC)
		if err != nil {
			return nil, err
		}
		message = append(message[:4], plain...)
	}
	if len(message) >= 8 && order.Uint32(message[4:]) == wholeHeader {
		message = message[4:]
	}
	return message, nil
}

// unpack decompresses b, and trusts nothing that the server said about it.
func unpack(b []byte, size, crc uint32) ([]byte, error) {
	if size > MaxDecompressed {
		return nil, ErrTooLarge
	}
	plain, err := io.ReadAll(io.LimitReader(bzip2.NewReader(bytes.NewReader(b)), MaxDecompressed+1))
	switch {
	case err != nil:
		return nil, malformed("bzip2: %v", err)
	case len(plain) > MaxDecompressed:
		return nil, ErrTooLarge
	case len(plain) != int(size):
		return nil, malformed("%d bytes unpacked, %d announced", len(plain), size)
	case crc32.ChecksumIEEE(plain) != crc:
		return nil, malformed("the checksum of what was unpacked is wrong")
	}
	return plain, nil
}

// Split returns the datagrams of a whole message in DialectSource, each with
// FragmentSize bytes of it at most: the message itself if it is short, and
// nothing if it is too long for 255 of them. The id tells messages apart; its
// highest bit is not used.
func Split(message []byte, id uint32) [][]byte {
	if len(message) <= FragmentSize {
		return [][]byte{message}
	}
	total := (len(message) + FragmentSize - 1) / FragmentSize
	if total > maxFragments {
		return nil
	}
	datagrams := make([][]byte, 0, total)
	for n := range total {
		b := order.AppendUint32(nil, fragmentHeader)
		b = order.AppendUint32(b, id&^compressedBit)
		b = order.AppendUint16(append(b, byte(total), byte(n)), FragmentSize)
		datagrams = append(datagrams, append(b, message[n*FragmentSize:min((n+1)*FragmentSize, len(message))]...))
	}
	return datagrams
}
