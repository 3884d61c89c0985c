// Package pgcsv writes and reads tables byte for byte as PostgreSQL's
// "COPY … TO … WITH (FORMAT csv, HEADER)" does, so that what reads exports of
// a PostgreSQL reads ours, and its exports can be read here.
package pgcsv

import (
	"encoding/hex"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Writer writes rows. It is for one goroutine. Errors of the writer below are
// kept and returned by EndRow and every call of it that follows.
type Writer struct {
	w     io.Writer
	row   []byte
	first bool
	err   error
}

// New returns a Writer.
func New(w io.Writer) *Writer { return &Writer{w: w, first: true} }

// Header writes the names of the columns as the first row.
func (w *Writer) Header(columns ...string) error {
	for _, c := range columns {
		w.Text(c)
	}
	return w.EndRow()
}

func (w *Writer) begin() {
	if !w.first {
		w.row = append(w.row, ',')
	}
	w.first = false
}

// Null writes NULL.
func (w *Writer) Null() { w.begin() }

// Text writes a string, in quotes where it needs them: an empty one would read
// as NULL.
func (w *Writer) Text(s string) {
	w.begin()
	if s != "" && !strings.ContainsAny(s, ",\"\r\n") {
		w.row = append(w.row, s...)
		return
	}
	w.row = append(w.row, '"')
	for i := range len(s) {
		if s[i] == '"' {
			w.row = append(w.row, '"')
		}
		w.row = append(w.row, s[i])
	}
	w.row = append(w.row, '"')
}

// Int writes an integer.
func (w *Writer) Int(n int64) {
	w.begin()
	w.row = strconv.AppendInt(w.row, n, 10)
}

// Bool writes t or f.
func (w *Writer) Bool(b bool) {
	w.begin()
	if b {
		w.row = append(w.row, 't')
	} else {
		w.row = append(w.row, 'f')
	}
}

// Bytes writes a bytea in its hexadecimal form; nil is NULL.
func (w *Writer) Bytes(b []byte) {
	w.begin()
	if b != nil {
		w.row = append(w.row, `\x`...)
		w.row = hex.AppendEncode(w.row, b)
	}
}

// Time writes a timestamptz in UTC; the zero time is NULL. PostgreSQL keeps
// microseconds and leaves zeros at their end out.
func (w *Writer) Time(t time.Time) {
	w.begin()
	if !t.IsZero() {
		w.row = t.UTC().AppendFormat(w.row, "2006-01-02 15:04:05.999999+00")
	}
}

// Float writes a double precision by the shortest digits that read back as the
// same number.
func (w *Writer) Float(f float64) {
	w.begin()
	switch {
	case math.IsInf(f, 1):
		w.row = append(w.row, "Infinity"...)
	case math.IsInf(f, -1):
		w.row = append(w.row, "-Infinity"...)
	case f == 0 || math.IsNaN(f) || math.Abs(f) >= 1e-4 && math.Abs(f) < 1e15:
		w.row = strconv.AppendFloat(w.row, f, 'f', -1, 64)
	default:
		w.row = strconv.AppendFloat(w.row, f, 'e', -1, 64)
	}
}

// EndRow ends the row and hands it to the writer below.
func (w *Writer) EndRow() error {
	if w.err == nil {
		w.row = append(w.row, '\n')
		_, w.err = w.w.Write(w.row)
	}
	w.row, w.first = w.row[:0], true
	return w.err
}
