package shell

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxLine bounds a line; servers take far less.
const maxLine = 64 << 10

// plain reads lines as they come.
type plain struct {
	in      *bufio.Reader
	prompts io.Writer
}

// Plain is input without a terminal. Prompts are written to prompts, nowhere
// when that is nil. A secret is the next line.
func Plain(in io.Reader, prompts io.Writer) Lines {
	return &plain{bufio.NewReaderSize(in, maxLine), prompts}
}

// Line returns the next line, also the last one without a line end.
func (p *plain) Line(prompt string) (string, error) {
	if p.prompts != nil {
		fmt.Fprint(p.prompts, prompt)
	}
	line, err := p.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", fmt.Errorf("a line is longer than %d bytes", maxLine)
	}
	if err != nil && (len(line) == 0 || !errors.Is(err, io.EOF)) {
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

func (p *plain) Secret(prompt string) (string, error) { return p.Line(prompt) }

func (p *plain) Remember(string) {}
