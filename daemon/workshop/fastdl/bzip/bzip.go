// Package bzip turns files into bzip2 and back, as game clients of the
// Source engine expect them.
//
// The standard library decodes bzip2 and does not encode it. The encoder is
// github.com/dsnet/compress: pure Go, linear in the length of its input
// whatever that holds, about as fast as the bzip2 program, with output that is
// four to ten per cent larger. It is not maintained any more, so nobody needs
// to believe it: Check reads back what it wrote.
package bzip

import (
	stdbzip2 "compress/bzip2"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/dsnet/compress/bzip2"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Result says what went through.
type Result struct {
	Size   int64  // bytes written
	SHA256 []byte // of what was written
	// Plain is the length of the uncompressed content, PlainSHA256 its
	// checksum.
	Plain       int64
	PlainSHA256 []byte
}

// Compress reads src to its end and writes it as one bzip2 stream with
// blocks of level times 100 kB; level is from 1 to 9. It stops when ctx ends.
func Compress(ctx context.Context, dst io.Writer, src io.Reader, level int) (res Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Internal, "the bzip2 encoder failed: %v", p)
		}
	}()
	in, out := newTally(nil), newTally(dst)
	w, err := bzip2.NewWriter(out, &bzip2.WriterConfig{Level: level})
	if err != nil {
		return res, fault.Wrap(err, fault.Invalid, "%d is no level of bzip2", level)
	}
	if err := pipe(ctx, w, io.TeeReader(src, in)); err != nil {
		return res, err
	}
	if err := w.Close(); err != nil {
		return res, err
	}
	return Result{out.n, out.sum.Sum(nil), in.n, in.sum.Sum(nil)}, nil
}

// Limits bound what Expand writes.
type Limits struct {
	// MaxBytes is the most bytes written.
	MaxBytes int64
	// Ratio is how many times the bytes read may be written, once more than
	// RatioFrom bytes were written. 0: no bound.
	Ratio, RatioFrom int64
}

// Expand reads bzip2 from src and writes what it stands for. Input that is
// damaged is fault.Invalid, output beyond the limits fault.TooLarge. It stops
// when ctx ends.
func Expand(ctx context.Context, dst io.Writer, src io.Reader, l Limits) (Result, error) {
	in := newTally(nil)
	out := newTally(dst)
	out.full = func(n int64) error {
		switch {
		case n > l.MaxBytes:
			return fault.New(fault.TooLarge, "more than %d bytes come out of it", l.MaxBytes)
		case l.Ratio > 0 && n > l.RatioFrom && n/l.Ratio > in.n:
			return fault.New(fault.TooLarge, "it claims to have been more than %d times as large", l.Ratio)
		}
		return nil
	}
	err := pipe(ctx, out, stdbzip2.NewReader(io.TeeReader(src, in)))
	if err == nil && in.n == 0 {
		err = io.ErrUnexpectedEOF
	}
	if damaged(err) {
		err = fault.Wrap(err, fault.Invalid, "it is no whole bzip2 file")
	}
	sum := out.sum.Sum(nil)
	return Result{out.n, sum, out.n, sum}, err
}

// Check reads bzip2 from src and compares what it stands for with what
// Compress was given. A difference is fault.Internal.
func Check(ctx context.Context, src io.Reader, want Result) error {
	got, err := Expand(ctx, io.Discard, src, Limits{MaxBytes: want.Plain})
	if err == nil && string(got.PlainSHA256) != string(want.PlainSHA256) {
		err = errors.New("other content")
	}
	if err != nil && ctx.Err() == nil {
		return fault.Wrap(err, fault.Internal, "what was compressed does not read back")
	}
	return err
}

// damaged tells a fault of the data from one of reading it.
func damaged(err error) bool {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	_, structural := errors.AsType[stdbzip2.StructuralError](err)
	return structural
}

const piece = 256 << 10

// pipe copies until the end of src or of ctx.
func pipe(ctx context.Context, dst io.Writer, src io.Reader) error {
	buffer := make([]byte, piece)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := src.Read(buffer)
		if n > 0 {
			if _, err := dst.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading: %w", err)
		}
	}
}

// tally counts and sums what passes.
type tally struct {
	to   io.Writer // nil: nowhere
	full func(n int64) error
	n    int64
	sum  hash.Hash
}

func newTally(to io.Writer) *tally { return &tally{to: to, sum: sha256.New()} }

func (t *tally) Write(p []byte) (int, error) {
	t.n += int64(len(p))
	if t.full != nil {
		if err := t.full(t.n); err != nil {
			return 0, err
		}
	}
	t.sum.Write(p)
	if t.to == nil {
		return len(p), nil
	}
	return t.to.Write(p)
}
