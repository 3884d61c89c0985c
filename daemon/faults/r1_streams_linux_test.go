package faults

import (
	"bufio"
	"bytes"
	little "encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Players stream recordings while the program is killed, and sometimes
// stopped, at random moments. After each start every session is still listed,
// half of the players go on, and all can close theirs; the blob is what its
// player sent, and holds everything that the system had acknowledged to him a
// second before. No recording is lost and none is there twice.
func TestR1_KilledWhileStreaming(t *testing.T) {
	t.Parallel()
	random := seed(t)
	p := install(t, "[workshop]\nenabled = false\n[demos]\ngrace = \"10m\"\n[limits]\nmax_conns_per_ip = 4096\n")
	players, rounds := 20, max(2, kills(t)/3)
	if long() {
		players, rounds = 200, kills(t)
	}
	p.admin()
	p.start()
	streams := make([]*streaming, players)
	for i := range streams {
		streams[i] = &streaming{program: p, key: playerKey(p, i), number: uint64(i)}
	}
	var total, short int64
	var slowest time.Duration
	for round := range rounds {
		for _, s := range streams {
			s.begin(t)
		}
		time.Sleep(time.Duration(500+random.IntN(2500)) * time.Millisecond)
		died := p.end(t, round%4 == 3)
		for _, s := range streams {
			s.end()
		}
		took := p.start()
		if slowest = max(slowest, took); took > readyWithin() {
			t.Errorf("ready after %s", took)
		}
		p.listed(t, streams)
		for i, s := range streams {
			if i%2 == round%2 {
				s.resume(t)
			}
			bytes, missing := s.check(t, died)
			total, short = total+bytes, max(short, missing)
		}
		p.emptied(t, players)
		if t.Failed() {
			return
		}
	}
	figures(t, "%d streams, %d deaths, %d MiB, %d of %d recordings there once, half of them continued; at most %d acknowledged bytes of the last second missing; slowest start %d ms",
		players, rounds, total>>20, players*rounds, players*rounds, short, slowest.Milliseconds())
}

// end kills the program, or stops it.
func (p *program) end(t *testing.T, graceful bool) time.Time {
	t.Helper()
	at := time.Now()
	if !graceful {
		p.kill()
	} else if _, code := p.stop(); code != 0 {
		t.Errorf("stopped with code %d", code)
	}
	return at
}

// listed looks whether all sessions are still open.
func (p *program) listed(t *testing.T, streams []*streaming) {
	t.Helper()
	var live struct {
		Demos []struct{ ID string }
	}
	p.must(http.StatusOK, http.MethodGet, "/api/v1/demos/live", nil, &live)
	open := map[string]int{}
	for _, d := range live.Demos {
		open[d.ID]++
	}
	for _, s := range streams {
		if open[s.id] != 1 {
			t.Errorf("the session %s is listed %d times", s.id, open[s.id])
		}
	}
	if len(open) != len(streams) {
		t.Errorf("%d sessions are open, want %d", len(open), len(streams))
	}
}

// emptied deletes the recordings, of which there must be n.
func (p *program) emptied(t *testing.T, n int) {
	t.Helper()
	blobs, err := os.ReadDir(p.blob("demoblobs"))
	if err != nil || len(blobs) != n {
		t.Errorf("%d recordings are stored, want %d: %v", len(blobs), n, err)
	}
	for _, b := range blobs {
		if err := os.Remove(p.blob("demoblobs/" + b.Name())); err != nil {
			t.Error(err)
		}
	}
}

// resume connects again and sends what comes behind the bytes that are there.
func (s *streaming) resume(t *testing.T) {
	t.Helper()
	info, err := os.Stat(filepath.Join(s.data, "spool", s.id+".dem"))
	if err != nil {
		t.Error(err)
		return
	}
	conn, _ := s.dial(t)
	begin := info.Size() / streamBlock * streamBlock
	more := append(s.block(begin), s.block(begin+streamBlock)...)[info.Size()-begin:]
	if _, err := conn.Write(masked(0x82, more)); err != nil {
		t.Error(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	s.acks = append(s.acks, ack{time.Time{}, info.Size() + int64(len(more))}) // must be there
}

// streaming is a player who sends a recording as fast as it is taken.
type streaming struct {
	*program
	key    string
	number uint64
	id     string
	conn   *net.TCPConn
	done   chan struct{}

	mu   sync.Mutex
	acks []ack
}

// ack is how many bytes of the recording the other system had by a time.
type ack struct {
	at    time.Time
	bytes int64
}

const streamBlock = 16 << 10

// block is part of a recording; where it belongs can be told from each of
// its words.
func (s *streaming) block(offset int64) []byte {
	b := make([]byte, streamBlock)
	for i := 0; i < len(b); i += 8 {
		little.LittleEndian.PutUint64(b[i:], s.number<<48|uint64(offset+int64(i)))
	}
	return b
}

// open opens a session.
func (s *streaming) open(t *testing.T) {
	t.Helper()
	if err := s.tryOpen(); err != nil {
		t.Fatal(err)
	}
}

// tryOpen opens a session.
func (s *streaming) tryOpen() error {
	status, body, err := get(s.url("/session_id?api_key=" + s.key + "&fake_ip=169.254.1.1%3A5&map=m"))
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("/session_id: %d %s %w", status, body, err)
	}
	var answer struct {
		ID json.Number `json:"session_id"`
	}
	err = json.Unmarshal(body, &answer)
	s.id = answer.ID.String()
	return err
}

// dial connects the session's websocket.
func (s *streaming) dial(t *testing.T) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	conn, r, err := s.tryDial()
	if err != nil {
		t.Fatal(err)
	}
	return conn, r
}

// tryDial connects the session's websocket. Its error has the status line.
func (s *streaming) tryDial() (*net.TCPConn, *bufio.Reader, error) {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(conn, "GET /demos?api_key=%s&session_id=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", s.key, s.id)
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err == nil && res.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("handshake: %s", res.Status)
	}
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn.(*net.TCPConn), r, nil
}

// begin opens a session and streams until the connection ends.
func (s *streaming) begin(t *testing.T) {
	t.Helper()
	s.open(t)
	s.acks, s.done = nil, make(chan struct{})
	s.conn, _ = s.dial(t)
	go s.stream(5*time.Millisecond + rand.N(20*time.Millisecond))
}

// stream sends block after block and notes what is acknowledged.
func (s *streaming) stream(pause time.Duration) {
	defer close(s.done)
	header := []byte{0x82, 0xFE, streamBlock >> 8, 0, 0, 0, 0, 0} // RFC 6455 §5.2, with a mask of zeros
	var sent int64
	for offset := int64(0); ; offset += streamBlock {
		n, err := s.conn.Write(append(header, s.block(offset)...))
		if sent += int64(n); err != nil {
			return
		}
		s.note(sent)
		time.Sleep(pause)
	}
}

// note keeps how much of what was sent is not in our own queue any more.
func (s *streaming) note(sent int64) {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return
	}
	queued := -1
	_ = raw.Control(func(fd uintptr) { queued, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	if err != nil || queued < 0 {
		return
	}
	const framed = streamBlock + 8
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acks = append(s.acks, ack{time.Now(), (sent - int64(queued)) / framed * streamBlock})
}

func (s *streaming) end() {
	_ = s.conn.Close()
	<-s.done
}

// check closes the session and compares its blob.
func (s *streaming) check(t *testing.T, died time.Time) (size, missing int64) {
	t.Helper()
	status, body, err := get(s.url("/close_session?api_key=" + s.key))
	if err != nil || status != http.StatusOK {
		t.Errorf("/close_session of %s: %d %s %v", s.id, status, body, err)
		return 0, 0
	}
	var f *os.File
	eventually(t, 20*time.Second, "the recording is stored", func() bool {
		f, err = os.Open(s.blob("demoblobs/" + s.id + ".dem"))
		return err == nil
	})
	defer f.Close()
	r := bufio.NewReaderSize(f, streamBlock)
	got := make([]byte, streamBlock)
	for {
		n, err := io.ReadFull(r, got)
		if !bytes.Equal(got[:n], s.block(size)[:n]) {
			t.Errorf("the recording %s differs from what was sent within 16 KiB of %d", s.id, size)
			return size, 0
		}
		if size += int64(n); err != nil {
			break
		}
	}
	for _, a := range s.acks {
		if a.at.Before(died.Add(-time.Second)) && a.bytes > size {
			t.Errorf("the recording %s has %d bytes; %d were acknowledged %s before the end", s.id, size, a.bytes, died.Sub(a.at))
			return size, 0
		}
		if a.at.Before(died) {
			missing = max(missing, a.bytes-size)
		}
	}
	return size, missing
}
