package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

// client is one connection that sends prepared requests and drops the bodies.
type client struct {
	conn *net.TCPConn
	raw  syscall.RawConn
	head []byte
}

// requestTimeout bounds one request, so that a run always ends.
const requestTimeout = 20 * time.Second

func dial(ctx context.Context, address string) (*client, error) {
	d := net.Dialer{Timeout: requestTimeout}
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil, errors.New("not a TCP connection")
	}
	raw, err := tcp.SyscallConn()
	return &client{conn: tcp, raw: raw, head: make([]byte, 8<<10)}, err
}

func (c *client) close() { _ = c.conn.Close() }

// do sends a request and reads the answer. onBytes is told of body bytes as
// they arrive. It returns the status, the length of the body and whether the
// connection can be used again.
func (c *client) do(request []byte, onBytes func(int64)) (status int, length int64, reusable bool, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return 0, 0, false, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return 0, 0, false, err
	}
	n, end := 0, -1
	for end < 0 {
		m, err := c.conn.Read(c.head[n:])
		if err != nil {
			return 0, 0, false, err
		}
		n += m
		if end = bytes.Index(c.head[:n], []byte("\r\n\r\n")); end < 0 && n == len(c.head) {
			return 0, 0, false, errors.New("header too long")
		}
	}
	status, length, reusable, err = parseHeader(c.head[:end+2])
	if err != nil {
		return 0, 0, false, err
	}
	got := int64(n - end - 4)
	onBytes(got)
	for got < length {
		m, err := c.drop(length - got)
		if err != nil {
			return status, length, false, err
		}
		got += m
		onBytes(m)
	}
	return status, length, reusable, nil
}

// parseHeader reads what we need of a status line and header fields.
func parseHeader(head []byte) (status int, length int64, reusable bool, err error) {
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("HTTP/1.")) {
		return 0, 0, false, fmt.Errorf("not an HTTP answer: %q", head[:min(len(head), 20)])
	}
	if status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return 0, 0, false, fmt.Errorf("status: %w", err)
	}
	reusable, length = head[7] == '1', -1
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return 0, 0, false, fmt.Errorf("Content-Length: %w", err)
			}
		case bytes.EqualFold(name, []byte("Connection")) && bytes.EqualFold(value, []byte("close")):
			reusable = false
		}
	}
	if length < 0 {
		return 0, 0, false, errors.New("answer without Content-Length")
	}
	return status, length, reusable, nil
}
