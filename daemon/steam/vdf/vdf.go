// Package vdf reads and writes KeyValues, the text format in which Valve's
// programs keep their data: .vdf files, .acf files such as
// appworkshop_4920.acf, and answers of the Steam Web API with format=vdf.
//
// A text is a sequence of pairs. A pair is a key and either a value or a
// block of pairs in braces. Keys and values are written in quotes or bare; a
// bare word ends at white space, a quote or a brace. "//" starts a comment
// that ends with the line. Inside quotes \n, \r, \t, \\ and \" are escapes;
// any other backslash stands for itself, because files hold Windows paths.
// Keys may repeat and are compared without regard to case. A condition such
// as [$WIN32] behind a pair, or between a key and its block, is kept and has
// no other effect. The keys #base and #include, by which Valve's parser loads
// further files, are keys like any other: nothing is ever opened.
//
// What is accepted follows Valve's KeyValues class as documented on the
// Valve Developer Community page "KeyValues" and as found in the files that
// Steam writes.
package vdf

import (
	"fmt"
	"io"
	"iter"
	"strings"
)

// The bounds that apply when Options names none.
const (
	DefaultMaxBytes = 16 << 20
	DefaultMaxDepth = 64
	DefaultMaxPairs = 1 << 19
)

// Pair is a key with its value or its block.
type Pair struct {
	Key string
	// Value is the text of a pair without a block.
	Value string
	// Block holds the pairs between the braces. It is nil for a pair with a
	// value and not nil, though perhaps empty, for one with braces.
	Block Block
	// Condition is what stands between the brackets of a condition:
	// "$WIN32", "!$X360", "$WIN32||$OSX"; empty without one.
	Condition string
	// Bare says that the value was written without quotes, which some
	// programs take for a number. Marshal always writes quotes.
	Bare bool
}

// Block is a sequence of pairs in the order of the text.
type Block []Pair

// Get returns the last pair with the key, as Valve's tools do, and whether
// there is one. Keys are compared without regard to case.
func (b Block) Get(key string) (Pair, bool) {
	for i := len(b) - 1; i >= 0; i-- {
		if strings.EqualFold(b[i].Key, key) {
			return b[i], true
		}
	}
	return Pair{}, false
}

// All returns every pair with the key, in order.
func (b Block) All(key string) iter.Seq[Pair] {
	return func(yield func(Pair) bool) {
		for _, p := range b {
			if strings.EqualFold(p.Key, key) && !yield(p) {
				return
			}
		}
	}
}

// Child returns the block that the path of keys leads to; nil when a key is
// missing or has a value.
func (b Block) Child(path ...string) Block {
	for _, key := range path {
		p, _ := b.Get(key)
		b = p.Block
	}
	return b
}

// Text returns the value of the key; "" when it is missing or has a block.
func (b Block) Text(key string) string {
	p, _ := b.Get(key)
	return p.Value
}

// SyntaxError says where a text is not KeyValues.
type SyntaxError struct {
	Line, Column int // from 1; the column counts bytes
	Msg          string
}

// Error names the place and the reason. It does not repeat the text.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Msg)
}

// Options bounds and adjusts the parser. The zero value is usable.
type Options struct {
	// MaxBytes, MaxDepth and MaxPairs bound the text, the nesting of blocks
	// and the number of pairs in all; 0 means the default of each.
	MaxBytes, MaxDepth, MaxPairs int
	// Multiline allows line breaks inside quotes. Without it they are an
	// error, which finds a forgotten quote where it was forgotten.
	Multiline bool
}

func (o Options) withDefaults() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxDepth <= 0 {
		o.MaxDepth = DefaultMaxDepth
	}
	if o.MaxPairs <= 0 {
		o.MaxPairs = DefaultMaxPairs
	}
	return o
}

// Parse reads a text with the default options.
func Parse(text []byte) (Block, error) { return Options{}.Parse(text) }

// Read reads a text to its end, and never more than o.MaxBytes of it. Errors
// of r are returned as they are, all others are *SyntaxError.
func (o Options) Read(r io.Reader) (Block, error) {
	o = o.withDefaults()
	text, err := io.ReadAll(io.LimitReader(r, int64(o.MaxBytes)+1))
	if err != nil {
		return nil, err
	}
	return o.Parse(text)
}
