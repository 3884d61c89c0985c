package pgcsv

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Bounds of what is read.
const (
	maxRow    = 1 << 20 // bytes
	maxFields = 100
)

// Field is a value of a row. NULL is apart from the empty text.
type Field struct {
	Text string
	Null bool
}

// SyntaxError says where a file is not as PostgreSQL writes it.
type SyntaxError struct {
	Line    int // at which the row begins, from 1
	Problem string
}

// Error implements error.
func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Problem) }

// Reader reads what COPY wrote, also with CR LF at the ends of lines. Every
// row must have as many values as the first. A Reader is for one goroutine.
type Reader struct {
	r      *bufio.Reader
	line   int // of the next byte
	start  int // of the row
	fields int // of every row, 0 before the first
	row    []Field
	value  []byte
	size   int
}

// NewReader returns a Reader.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 64<<10), line: 1}
}

// Read returns the next row and the line at which it begins; io.EOF after the
// last. What is wrong with the file is a *SyntaxError; other errors are of the
// reader below. The row is valid until the next call.
func (r *Reader) Read() (row []Field, line int, err error) {
	r.row, r.size, r.start = r.row[:0], 0, r.line
	if _, err := r.r.Peek(1); err != nil {
		return nil, r.start, err
	}
	for more := true; more; {
		if len(r.row) == maxFields {
			return nil, r.start, r.wrong("it has more than %d values", maxFields)
		}
		var f Field
		if f, more, err = r.field(); err != nil {
			return nil, r.start, err
		}
		r.row = append(r.row, f)
	}
	if r.fields == 0 {
		r.fields = len(r.row)
	}
	if len(r.row) != r.fields {
		return nil, r.start, r.wrong("it has %d values, and the first line has %d", len(r.row), r.fields)
	}
	return r.row, r.start, nil
}

func (r *Reader) wrong(format string, args ...any) error {
	return &SyntaxError{r.start, fmt.Sprintf(format, args...)}
}

// next returns the next byte; the end of the file is the end of a line.
func (r *Reader) next() (c byte, err error) {
	c, err = r.r.ReadByte()
	if errors.Is(err, io.EOF) {
		return '\n', nil
	}
	if c == '\n' {
		r.line++
	}
	if r.size++; r.size > maxRow {
		return 0, r.wrong("it is longer than %d bytes", maxRow)
	}
	return c, err
}

// field reads a value and what ends it; more says that another one follows.
func (r *Reader) field() (f Field, more bool, err error) {
	c, err := r.next()
	if err == nil && c == '"' {
		return r.quoted()
	}
	for r.value = r.value[:0]; err == nil; c, err = r.next() {
		switch c {
		case ',', '\n', '\r':
			if more, err = r.ends(c); err != nil {
				return f, false, err
			}
			return Field{string(r.value), len(r.value) == 0}, more, nil
		case '"':
			return f, false, r.wrong("there is a quote in the middle of a value")
		}
		r.value = append(r.value, c)
	}
	return f, false, err
}

// quoted reads the rest of a value in quotes.
func (r *Reader) quoted() (f Field, more bool, err error) {
	for r.value = r.value[:0]; ; {
		if _, err := r.r.Peek(1); errors.Is(err, io.EOF) {
			return f, false, r.wrong("a quote is not closed")
		}
		c, err := r.next()
		if err != nil {
			return f, false, err
		}
		if c == '"' {
			if c, err = r.next(); err != nil {
				return f, false, err
			}
			if c != '"' {
				more, err = r.ends(c)
				return Field{Text: string(r.value)}, more, err
			}
		}
		r.value = append(r.value, c)
	}
}

// ends checks that c ends a value.
func (r *Reader) ends(c byte) (more bool, err error) {
	if c == '\r' {
		if c, err = r.next(); err == nil && c != '\n' {
			err = r.wrong("there is a carriage return in the middle of a line")
		}
		return false, err
	}
	if c != ',' && c != '\n' {
		return false, r.wrong("there is text behind a closing quote")
	}
	return c == ',', nil
}
