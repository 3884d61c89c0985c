package a2s

import (
	"bytes"
	"math"
	"strings"
	"unicode/utf8"
)

// reader takes values from the front of a message. After the first value that
// is not there, short is set and everything reads as zero.
type reader struct {
	b     []byte
	short bool
}

// take returns the next n bytes, or nil.
func (r *reader) take(n int) []byte {
	if r.short || len(r.b) < n {
		r.short = true
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) u8() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return order.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return order.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return order.Uint64(b)
	}
	return 0
}

func (r *reader) f32() float32 { return math.Float32frombits(r.u32()) }

// bytes returns what stands before the next zero byte. Without one the value
// is not there.
func (r *reader) bytes() []byte {
	end := bytes.IndexByte(r.b, 0)
	if r.short || end < 0 {
		r.short = true
		return nil
	}
	taken := r.b[:end:end]
	r.b = r.b[end+1:]
	return taken
}

func (r *reader) str() string { return text(r.bytes()) }

// text makes valid UTF-8: each byte that is no part of a character becomes
// U+FFFD.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return string([]rune(string(b)))
}

// appendString writes s up to its first zero byte, and the zero byte at the
// end.
func appendString(b []byte, s string) []byte {
	s, _, _ = strings.Cut(s, "\x00")
	return append(append(b, s...), 0)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// appendHeader begins a whole message.
func appendHeader(b []byte, kind byte) []byte {
	return append(b, 0xff, 0xff, 0xff, 0xff, kind)
}
