package faults

import (
	"bytes"
	"strings"
	"sync"
)

// tail keeps the end of a log without the lines of requests.
type tail struct {
	mu   sync.Mutex
	part []byte
	all  []string
}

const tailLines = 400

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, p...)
	for {
		line, rest, whole := bytes.Cut(l.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.part = bytes.Clone(rest)
		if !bytes.Contains(line, []byte("component=ns2")) && !bytes.Contains(line, []byte("msg=request")) {
			l.all = append(l.all, string(line))
		}
		if len(l.all) > 2*tailLines {
			l.all = append([]string(nil), l.all[tailLines:]...)
		}
	}
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(append(l.all[max(0, len(l.all)-tailLines):], string(l.part)), "\n")
}
