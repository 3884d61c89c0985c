package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// streams sends recordings: as websockets to a demo sink when there are keys,
// as bare websockets, or as bare TCP. It writes a line once all are connected.
// The requests whose latencies it tells are those that close a session while
// the streams go on.
type streams struct {
	o     *options
	keys  []string
	http  *http.Client
	data  []byte // of one write
	tally tally
}

// batch is how much is sent with one system call, so that the client is not
// what is measured.
const batch = 64 << 10

func stream(o options) (Result, error) {
	s := &streams{o: &o, http: &http.Client{Timeout: requestTimeout}}
	if o.keys != "" {
		text, err := os.ReadFile(o.keys)
		if err != nil {
			return Result{}, err
		}
		s.keys = strings.Fields(string(text))
		if len(s.keys) < o.conns+o.closers {
			return Result{}, fmt.Errorf("%d keys for %d streams", len(s.keys), o.conns+o.closers)
		}
	}
	conns, err := s.connectAll()
	defer func() {
		for _, c := range conns {
			_ = c.Close() // as real clients end: without a word
		}
		s.closeAll(len(conns))
	}()
	if err != nil {
		return Result{}, err
	}
	s.data = s.frames(max(1, batch/o.frame))
	if o.rate > 0 {
		s.data = s.frames(1)
	}
	fmt.Println("streaming")
	ctx, cancel := context.WithTimeout(context.Background(), o.duration)
	defer cancel()
	start := time.Now()
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() { s.send(ctx, c) })
	}
	for i := range o.closers {
		wg.Go(func() { s.closing(ctx, s.keys[o.conns+i]) })
	}
	wg.Wait()
	return s.tally.sum(time.Since(start)), nil
}

// connectAll opens all streams, some at a time.
func (s *streams) connectAll() ([]net.Conn, error) {
	conns := make([]net.Conn, s.o.conns)
	errs := make([]error, s.o.conns)
	s.each(s.o.conns, func(i int) { conns[i], errs[i] = s.connect(i) })
	var there []net.Conn
	for _, c := range conns {
		if c != nil {
			there = append(there, c)
		}
	}
	return there, errors.Join(errs...)
}

// each calls f for 0 to n-1, 32 at a time.
func (s *streams) each(n int, f func(int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(32, n) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// connect opens one stream. Its errors have no key.
func (s *streams) connect(i int) (net.Conn, error) {
	switch {
	case s.o.tcp:
		return net.Dial("tcp", s.o.address)
	case s.keys == nil:
		return s.upgrade("/")
	}
	return s.begin(s.keys[i])
}

// begin opens a session and its stream.
func (s *streams) begin(key string) (net.Conn, error) {
	status, body, err := s.get("/session_id?api_key=" + key + "&fake_ip=169.254.1.1%3A5&map=pl_pier&demo_name=bench.dem")
	var answer struct {
		ID json.Number `json:"session_id"`
	}
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &answer) != nil {
		return nil, fmt.Errorf("/session_id: %d %s", status, body)
	}
	return s.upgrade("/demos?api_key=" + key + "&session_id=" + answer.ID.String())
}

func (s *streams) get(path string) (status int, body []byte, err error) {
	res, err := s.http.Get("http://" + s.o.address + path)
	if err != nil {
		return 0, nil, errors.New("no answer")
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// upgrade makes a websocket (RFC 6455 §4.1).
func (s *streams) upgrade(path string) (net.Conn, error) {
	c, err := net.Dial("tcp", s.o.address)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", path, s.o.address)
	if err != nil {
		return c, err
	}
	line, err := bufio.NewReaderSize(c, 512).ReadString('\n') // nothing comes after the header
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 101 ") {
		return c, fmt.Errorf("handshake: %q %v", line, err)
	}
	return c, nil
}

// send writes until the time is over, as fast as it is taken or at the rate
// that was asked for.
func (s *streams) send(ctx context.Context, c net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now()) })
	defer stop()
	var pause time.Duration
	if s.o.rate > 0 {
		pause = time.Duration(int64(s.o.frame) * int64(time.Second) / int64(s.o.rate))
		if !sleep(ctx, rand.N(pause)) {
			return
		}
	}
	for ctx.Err() == nil {
		n, err := c.Write(s.data)
		s.tally.partial(int64(n))
		if err != nil && ctx.Err() == nil {
			s.tally.fail(err)
			return
		}
		if pause > 0 && !sleep(ctx, pause) {
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// frames is n masked frames (RFC 6455 §5.2) of a recording, or for bare TCP
// the recording alone. All are the same.
func (s *streams) frames(n int) []byte {
	payload := demoLike(s.o.frame)
	if s.o.tcp {
		return bytes.Repeat(payload, n)
	}
	frame := []byte{0x82}
	if s.o.frame < 1<<16 {
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(s.o.frame))
	} else {
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(s.o.frame))
	}
	mask := []byte{0x5A, 0xC3, 0x17, 0x88}
	frame = append(frame, mask...)
	for i, b := range payload {
		frame = append(frame, b^mask[i%4])
	}
	return bytes.Repeat(frame, n)
}

// demoLike is small numbers that are not aligned to bytes, as in demos. What
// the bytes are matters to who scores them.
func demoLike(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	d := make([]byte, n)
	for bit := 0; bit+16 < n*8; bit += 5 + random.IntN(14) {
		v := uint32(random.ExpFloat64() * 4)
		for k := range 6 {
			d[(bit+k)/8] |= byte(v>>k&1) << ((bit + k) % 8)
		}
	}
	return d
}

// closing opens a session, sends a mebibyte, and asks for the close while the
// connection is dropped, about once a second. What is timed is the close.
func (s *streams) closing(ctx context.Context, key string) {
	data := s.frames((1 << 20) / s.o.frame)
	for ctx.Err() == nil {
		c, err := s.begin(key)
		if err == nil {
			_, err = c.Write(data)
		}
		if err != nil {
			s.tally.fail(err)
			if c != nil {
				_ = c.Close()
			}
			sleep(ctx, 100*time.Millisecond)
			continue
		}
		start := time.Now()
		go c.Close()
		status, body, err := s.get("/close_session?api_key=" + key)
		if err != nil || status != http.StatusOK {
			s.tally.fail(fmt.Errorf("/close_session: %d %s", status, body))
			continue
		}
		s.tally.ok(int64(len(data)), time.Since(start))
		sleep(ctx, rand.N(2*time.Second))
	}
}

// closeAll closes the sessions of the first n keys, and of those that close
// by themselves in case they were interrupted: the next run opens them again.
func (s *streams) closeAll(n int) {
	if s.keys == nil {
		return
	}
	until, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s.each(n+s.o.closers, func(i int) {
		for {
			status, _, err := s.get("/close_session?api_key=" + s.keys[i])
			if err == nil && status < 500 || !sleep(until, 100*time.Millisecond) {
				return
			}
		}
	})
}
