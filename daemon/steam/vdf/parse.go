package vdf

import (
	"bytes"
	"fmt"
	"strings"
)

// Parse reads a whole text. Every error is a *SyntaxError. A byte order mark
// of UTF-8 is skipped; bytes that are not UTF-8 are kept as they are.
func (o Options) Parse(text []byte) (Block, error) {
	o = o.withDefaults()
	p := &parser{o: o, text: text, line: 1}
	if len(text) > o.MaxBytes {
		return nil, p.errorf("the text is longer than %d bytes", o.MaxBytes)
	}
	switch {
	case bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
		p.pos, p.lineStart = 3, 3
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return nil, p.errorf("the text is UTF-16, not UTF-8")
	}
	return p.block(0)
}

type parser struct {
	o         Options
	text      []byte
	pos       int // of the next byte
	line      int
	lineStart int
	pairs     int
}

// kind tells tokens apart.
type kind uint8

const (
	end       kind = iota // of the text
	open                  // {
	shut                  // }
	condition             // [$…]
	word                  // a key or a value
)

type token struct {
	kind      kind
	text      string
	bare      bool
	line, col int
}

func (p *parser) errorf(format string, args ...any) error {
	return &SyntaxError{p.line, p.pos - p.lineStart + 1, fmt.Sprintf(format, args...)}
}

func (t token) errorf(format string, args ...any) error {
	return &SyntaxError{t.line, t.col, fmt.Sprintf(format, args...)}
}

// block reads pairs up to the end of the text or, below the top, to the
// closing brace, which it consumes. It never returns a nil Block without an
// error.
func (p *parser) block(depth int) (Block, error) {
	b := Block{}
	for {
		t, err := p.next()
		if err != nil {
			return nil, err
		}
		switch t.kind {
		case end:
			if depth > 0 {
				return nil, t.errorf("a closing brace is missing")
			}
			return b, nil
		case shut:
			if depth == 0 {
				return nil, t.errorf("this closing brace has no opening one")
			}
			return b, nil
		case open:
			return nil, t.errorf("this block has no key")
		case condition:
			// Behind a pair; the last of several counts.
			if len(b) == 0 {
				return nil, t.errorf("this condition belongs to no pair")
			}
			b[len(b)-1].Condition = t.text
		case word:
			pair, err := p.pair(t, depth)
			if err != nil {
				return nil, err
			}
			b = append(b, pair)
		}
	}
}

// pair reads what follows a key.
func (p *parser) pair(key token, depth int) (Pair, error) {
	if p.pairs++; p.pairs > p.o.MaxPairs {
		return Pair{}, key.errorf("the text has more than %d pairs", p.o.MaxPairs)
	}
	pair := Pair{Key: key.text}
	t, err := p.next()
	if err == nil && t.kind == condition {
		pair.Condition = t.text
		t, err = p.next()
	}
	if err != nil {
		return Pair{}, err
	}
	switch t.kind {
	case word:
		pair.Value, pair.Bare = t.text, t.bare
		return pair, nil
	case open:
		if depth+1 > p.o.MaxDepth {
			return Pair{}, t.errorf("blocks are nested deeper than %d", p.o.MaxDepth)
		}
		pair.Block, err = p.block(depth + 1)
		return pair, err
	}
	return Pair{}, t.errorf("this key has neither a value nor a block")
}

// next reads one token.
func (p *parser) next() (token, error) {
	p.skip()
	t := token{line: p.line, col: p.pos - p.lineStart + 1}
	if p.pos == len(p.text) {
		return t, nil
	}
	switch c := p.text[p.pos]; {
	case c == '{', c == '}':
		p.pos++
		t.kind = open
		if c == '}' {
			t.kind = shut
		}
		return t, nil
	case c == '"':
		var err error
		t.kind = word
		t.text, err = p.quoted(t)
		return t, err
	case isCondition(p.text[p.pos:]):
		return p.condition(t)
	case c < ' ':
		// Zeros are what a file holds after a power loss.
		return t, t.errorf("unexpected byte 0x%02x", c)
	}
	start := p.pos
	for p.pos < len(p.text) && !endsBare(p.text[p.pos]) {
		p.pos++
	}
	t.kind, t.bare, t.text = word, true, string(p.text[start:p.pos])
	return t, nil
}

// skip passes over white space and comments.
func (p *parser) skip() {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '\n':
			p.newline()
		case isSpace(c):
			p.pos++
		case c == '/' && p.pos+1 < len(p.text) && p.text[p.pos+1] == '/':
			to := bytes.IndexByte(p.text[p.pos:], '\n')
			if to < 0 {
				to = len(p.text) - p.pos
			}
			p.pos += to
		default:
			return
		}
	}
}

func (p *parser) newline() {
	p.pos++
	p.line++
	p.lineStart = p.pos
}

// quoted reads from the opening to behind the closing quote.
func (p *parser) quoted(t token) (string, error) {
	p.pos++
	var b strings.Builder
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch {
		case c == '"':
			p.pos++
			return b.String(), nil
		case c == '\n' && !p.o.Multiline:
			return "", p.errorf("the quote that opens at column %d is not closed on its line", t.col)
		case c == '\n':
			p.newline()
		case c == '\\' && p.pos+1 < len(p.text) && unescape(p.text[p.pos+1]) != 0:
			c = unescape(p.text[p.pos+1])
			p.pos += 2
		default:
			p.pos++
		}
		b.WriteByte(c)
	}
	return "", t.errorf("this quote is not closed")
}

// condition reads from the opening to behind the closing bracket.
func (p *parser) condition(t token) (token, error) {
	to := bytes.IndexAny(p.text[p.pos:], "]\n")
	if to < 0 || p.text[p.pos+to] == '\n' {
		return t, t.errorf("this condition is not closed")
	}
	t.kind, t.text = condition, string(p.text[p.pos+1:p.pos+to])
	p.pos += to + 1
	return t, nil
}

// isCondition tells a condition from a bare word such as "[1".
func isCondition(text []byte) bool {
	return bytes.HasPrefix(text, []byte("[$")) || bytes.HasPrefix(text, []byte("[!"))
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func endsBare(c byte) bool { return c <= ' ' || c == '"' || c == '{' || c == '}' }

// unescape returns what the character behind a backslash stands for, 0 when
// the two are no escape.
func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case '\\', '"':
		return c
	}
	return 0
}
