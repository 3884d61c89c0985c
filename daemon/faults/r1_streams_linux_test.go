package faults

import (
	"bufio"
	"bytes"
	little "encoding/binary"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Players stream recordings while the program is killed, and sometimes
// stopped, at random moments. After each start every session is still there
// and can be closed; its blob is what its player sent, and holds everything
// that the system had acknowledged to him a second before. No recording is
// lost and none is there twice.
func TestR1_KilledWhileStreaming(t *testing.T) {
	t.Parallel()
	random := seed(t)
	p := install(t, "[workshop]\nenabled = false\n[demos]\ngrace = \"10m\"\n[limits]\nmax_conns_per_ip = 4096\n")
	players, rounds := 20, max(2, kills(t)/3)
	if long() {
		players, rounds = 200, kills(t)
	}
	p.start()
	streams := make([]*streaming, players)
	for i := range streams {
		account := strconv.FormatUint(76561198000000000+uint64(i), 10)
		streams[i] = &streaming{program: p, key: strings.TrimSpace(p.run("", "key", "create", account, "--kind", "demos")), number: uint64(i)}
	}
	var total, short int64
	for round := range rounds {
		for _, s := range streams {
			s.begin(t)
		}
		time.Sleep(time.Duration(500+random.IntN(2500)) * time.Millisecond)
		graceful := round%4 == 3
		died := time.Now()
		if graceful {
			if _, code := p.stop(); code != 0 {
				t.Errorf("stopped with code %d", code)
			}
		} else {
			p.kill()
		}
		for _, s := range streams {
			s.end()
		}
		if took := p.start(); took > readyWithin() {
			t.Errorf("ready after %s", took)
		}
		for _, s := range streams {
			bytes, missing := s.check(t, died)
			total, short = total+bytes, max(short, missing)
		}
		if t.Failed() {
			return
		}
	}
	blobs, err := os.ReadDir(p.blob("demoblobs"))
	if err != nil || len(blobs) != players*rounds {
		t.Errorf("%d recordings are stored, want %d: %v", len(blobs), players*rounds, err)
	}
	figures(t, "%d streams, %d deaths, %d MiB; at most %d acknowledged bytes of the last second missing", players, rounds, total>>20, short)
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
	status, body, err := get(s.url("/session_id?api_key=" + s.key + "&fake_ip=169.254.1.1%3A5&map=m"))
	var answer struct {
		ID json.Number `json:"session_id"`
	}
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &answer) != nil {
		t.Fatalf("/session_id: %d %s %v", status, body, err)
	}
	s.id = answer.ID.String()
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
