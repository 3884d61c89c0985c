package db

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// The layout of the write-ahead log and of the first bytes of its index is
// that of sqlite.org/walformat.html.
const (
	walHeaderLen   = 32
	walFrameLen    = 24 // before each page
	walMagic       = 0x377f0682
	walIndexLen    = 48
	minPage        = 512
	maxPage        = 65536
	walBufferBytes = 1 << 18
)

// walReport says what a write-ahead log holds.
type walReport struct {
	readable uint32 // frames up to the last commit that SQLite will accept
	known    bool   // the index belongs to this log, so promised is right
	promised uint32 // frames that were committed and synced
	later    int    // commits behind the first frame that SQLite will not accept
}

// lost reports whether commits that were acknowledged cannot be read. SQLite
// itself ends silently at the first bad frame: that is right for the torn
// end of a commit nobody was told of. The index tells that apart from damage,
// for it is written after the sync. Without it, one commit may be torn and
// no more, since each is synced before the next begins.
func (r walReport) lost() bool {
	if r.known {
		return r.promised > r.readable
	}
	return r.later > 1
}

// checkWAL reads the log beside the database at path, and the index of it
// that a killed program leaves. Nobody may have the database open.
func checkWAL(path string) (r walReport, err error) {
	f, err := os.Open(path + "-wal")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	index, err := readIndex(path + "-shm")
	if err != nil {
		return r, err
	}
	return scanWAL(bufio.NewReaderSize(f, walBufferBytes), index)
}

// readIndex returns the start of the log's index, nil when there is none.
func readIndex(path string) (index []byte, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	index = make([]byte, 2*walIndexLen)
	if _, err := io.ReadFull(f, index); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, nil
		}
		return nil, err
	}
	return index, nil
}

// promise reads from the index how many frames of the log with these salts
// were committed; known is false when the index belongs to another log or is
// not whole.
func promise(index, salts []byte) (frames uint32, known bool) {
	if len(index) < 2*walIndexLen {
		return 0, false
	}
	h := index[:walIndexLen]
	order := binary.NativeEndian
	sum := walSum{order: order}
	sum.add(h[:walIndexLen-8])
	whole := bytes.Equal(h, index[walIndexLen:2*walIndexLen]) && h[12] == 1 && // initialised
		sum.equal(order.Uint32(h[40:]), order.Uint32(h[44:]))
	if !whole || !bytes.Equal(h[32:40], salts) {
		return 0, false
	}
	return order.Uint32(h[16:]), true
}

// scanWAL reads a whole log.
func scanWAL(in io.Reader, index []byte) (walReport, error) {
	var r walReport
	head := make([]byte, walHeaderLen)
	if err := readFull(in, head); err != nil {
		if len(index) >= walIndexLen {
			r.promised, r.known = promise(index, index[32:40])
		}
		return r, ignoreEOF(err)
	}
	magic, page := binary.BigEndian.Uint32(head), binary.BigEndian.Uint32(head[8:])
	order := binary.ByteOrder(binary.LittleEndian)
	if magic&1 == 1 {
		order = binary.BigEndian
	}
	sum := walSum{order: order}
	sum.add(head[:24])
	good := magic&^1 == walMagic && sum.equal(binary.BigEndian.Uint32(head[24:]), binary.BigEndian.Uint32(head[28:]))
	salts := head[16:24]
	if !good && len(index) >= walIndexLen {
		salts = index[32:40] // those of the header may be what is damaged
	}
	r.promised, r.known = promise(index, salts)
	if page < minPage || page > maxPage || page&(page-1) != 0 {
		return r, nil
	}
	return r, r.frames(in, int(page), salts, sum, good)
}

// frames counts the commits. good is whether all was well so far.
func (r *walReport) frames(in io.Reader, page int, salts []byte, sum walSum, good bool) error {
	frame := make([]byte, walFrameLen+page)
	for n := uint32(1); ; n++ {
		if err := readFull(in, frame); err != nil {
			return ignoreEOF(err)
		}
		if !bytes.Equal(frame[8:16], salts) {
			// Of an earlier round, or damaged: then the next frame is ours.
			good = false
			sum.set(frame)
			continue
		}
		sum.add(frame[:8])
		sum.add(frame[walFrameLen:])
		whole := sum.equal(binary.BigEndian.Uint32(frame[16:]), binary.BigEndian.Uint32(frame[20:]))
		commit := binary.BigEndian.Uint32(frame[4:]) != 0
		good = good && whole
		switch {
		case good && commit:
			r.readable = n
		case whole && commit:
			r.later++
		}
		// Each frame continues the sum that stands in the one before it.
		sum.set(frame)
	}
}

// walSum is the log's checksum.
type walSum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func (w *walSum) add(b []byte) {
	s0, s1 := w.s0, w.s1
	if w.order == binary.ByteOrder(binary.LittleEndian) {
		for ; len(b) >= 8; b = b[8:] {
			s0 += binary.LittleEndian.Uint32(b) + s1
			s1 += binary.LittleEndian.Uint32(b[4:]) + s0
		}
	} else {
		for ; len(b) >= 8; b = b[8:] {
			s0 += w.order.Uint32(b) + s1
			s1 += w.order.Uint32(b[4:]) + s0
		}
	}
	w.s0, w.s1 = s0, s1
}

func (w *walSum) equal(s0, s1 uint32) bool { return w.s0 == s0 && w.s1 == s1 }

// set takes over the sum that a frame's header states.
func (w *walSum) set(frame []byte) {
	w.s0, w.s1 = binary.BigEndian.Uint32(frame[16:]), binary.BigEndian.Uint32(frame[20:])
}

func readFull(in io.Reader, b []byte) error {
	if _, err := io.ReadFull(in, b); err != nil {
		return fmt.Errorf("read write-ahead log: %w", err)
	}
	return nil
}

// ignoreEOF accepts a log that ends within a frame: its tail was torn.
func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
