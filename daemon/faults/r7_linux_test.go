package faults

import (
	"bytes"
	little "encoding/binary"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// abuse is what a client does with its websocket.
type abuse struct {
	name   string
	frames []byte
	repeat int    // how often the frames are sent; 0: once
	deaf   bool   // it reads nothing until it has sent everything
	close  uint16 // how the server ends the connection; 0: it does not
	stored []byte // what has to be in the recording at the end; nil: anything
}

// masked is a frame of a client with a mask of zeros (RFC 6455 §5.2).
func masked(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = little.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = little.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

func abuses() []abuse {
	big := bytes.Repeat([]byte("0123456789abcdef"), 2<<20/16)
	atoms := masked(0x02, []byte{'0'})
	for range 20_000 {
		atoms = append(atoms, masked(0x00, []byte{'1'})...)
	}
	atoms = append(atoms, masked(0x80, []byte{'2'})...)
	bomb := append([]byte{0x78, 0xDA}, make([]byte, 10_000)...)
	return []abuse{
		{name: "2 MiB in one frame", frames: masked(0x82, big), stored: big},
		{name: "a frame per byte", frames: atoms, stored: []byte("0" + strings.Repeat("1", 20_000) + "2")},
		{name: "pings without end", frames: masked(0x89, make([]byte, 125)), repeat: 20_000},
		{name: "pings whose answers nobody reads", frames: masked(0x89, make([]byte, 125)), repeat: 20_000, deaf: true},
		{name: "pongs that nobody asked for", frames: masked(0x8A, nil), repeat: 20_000},
		{name: "not masked", frames: []byte{0x82, 0x01, 'x'}, close: 1002},
		{name: "compressed", frames: masked(0xC2, bomb), close: 1002},
		{name: "a reserved opcode", frames: masked(0x83, []byte("x")), close: 1002},
		{name: "a continuation of nothing", frames: masked(0x80, []byte("x")), close: 1002},
		{name: "a long control frame", frames: masked(0x89, make([]byte, 126)), close: 1002},
		{name: "a length beyond all", frames: append([]byte{0x82, 0xFF}, bytes.Repeat([]byte{0xFF}, 12)...), close: 1002},
		{name: "text", frames: masked(0x81, []byte("text")), close: 1003},
		{name: "more than a recording may have", frames: masked(0x82, big), repeat: 10, close: 1009},
	}
}

// Clients break the rules of websockets, or keep them in ways that nobody
// needs, all at once and again and again, while players stream recordings.
// Each offence has its answer, no connection costs much memory, and the
// players do not notice. That nobody answers pings is no offence: those who
// record never do.
func TestR7_WebsocketAbuse(t *testing.T) {
	t.Parallel()
	players, rounds := 50, 2
	if long() {
		players, rounds = 499, 10
	}
	p := install(t, "[workshop]\nenabled = false\n[demos]\nmax_session_bytes = \"16MiB\"\n[limits]\nmax_conns_per_ip = 4096\n")
	p.start()
	steady := make([]*steadyPlayer, players)
	for i := range steady {
		steady[i] = newSteadyPlayer(t, p, uint64(i))
	}
	for _, s := range steady {
		<-s.ready
	}
	calm := paced(steady, 2*time.Second)
	abusers := make([]*streaming, len(abuses()))
	for i := range abusers {
		abusers[i] = &streaming{program: p, key: playerKey(p, 5000+i)}
	}
	before := p.memory(t)
	var most int64
	sofar := sentBy(steady)
	began := time.Now()
	for range rounds {
		results := make(chan func(*testing.T))
		for i, a := range abuses() {
			go func() { results <- abusers[i].commit(t, a) }()
		}
		look := time.NewTicker(50 * time.Millisecond)
		for waiting := len(abusers); waiting > 0; {
			select {
			case result := <-results:
				waiting--
				result(t)
			case <-look.C:
				most = max(most, p.memory(t)-before)
			}
		}
		look.Stop()
		if t.Failed() {
			break
		}
	}
	time.Sleep(time.Second) // who was held up a little catches up
	took := time.Since(began)
	abused := float64(sentBy(steady)-sofar) / took.Seconds()
	if abused < 0.95*calm {
		t.Errorf("the players send %.0f bytes per second under abuse, %.0f without", abused, calm)
	}
	if per := most / int64(len(abusers)); per > 128<<10 {
		t.Errorf("%d bytes of memory for each of those who abuse", per)
	}
	for _, s := range steady {
		s.finish(t)
	}
	figures(t, "%d offences in %s, each answered as it should; %d players kept %.1f %% of their rate; %d KiB of memory for each offender",
		rounds*len(abusers), took.Round(100*time.Millisecond), players, 100*abused/calm, most/int64(len(abusers))>>10)
}

func playerKey(p *program, i int) string {
	return strings.TrimSpace(p.run("", "key", "create", strconv.Itoa(76561198000000001+i), "--kind", "demos"))
}

// memory is what the program's heap, without what nobody needs any more, and
// its stacks take. The heap is collected when it is twice that.
func (p *program) memory(t *testing.T) int64 {
	t.Helper()
	status, body, err := get(p.url("/metrics"))
	if err != nil || status != http.StatusOK {
		t.Fatalf("/metrics: %d %v", status, err)
	}
	found := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		if name, text, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(name, "go_") {
			found[name], _ = strconv.ParseFloat(text, 64) // 0 is looked for below
		}
	}
	heap, stacks := found["go_memstats_next_gc_bytes"], found["go_memstats_stack_inuse_bytes"]
	if heap == 0 || stacks == 0 {
		t.Fatal("the metrics say nothing about memory")
	}
	return int64(heap/2 + stacks)
}

// commit opens a session, abuses its connection and closes it. What it returns
// tells what was wrong.
func (s *streaming) commit(t *testing.T, a abuse) func(*testing.T) {
	wrong := func(format string, args ...any) func(*testing.T) {
		return func(t *testing.T) { t.Helper(); t.Errorf(a.name+": "+format, args...) }
	}
	if err := s.tryOpen(); err != nil {
		return wrong("%v", err)
	}
	conn, r, err := s.tryDial()
	if err != nil {
		return wrong("%v", err)
	}
	defer conn.Close()
	if second, _, err := s.tryDial(); err == nil || !strings.Contains(err.Error(), "409 ") {
		if err == nil {
			_ = second.Close()
		}
		return wrong("a second connection for the session: %v", err)
	}
	told := s.send(conn, r, a)
	if code := closeCode(told); code != a.close {
		return wrong("closed with %d, want %d: %.100q", code, a.close, told)
	}
	_ = conn.Close()
	status, body, err := get(s.url("/close_session?api_key=" + s.key))
	if err != nil || status != http.StatusOK {
		return wrong("/close_session: %d %s %v", status, body, err)
	}
	if a.stored == nil {
		return func(*testing.T) {}
	}
	return func(t *testing.T) {
		t.Helper()
		var got []byte
		eventually(t, 20*time.Second, "the recording is stored", func() bool {
			got, err = os.ReadFile(s.blob("demoblobs/" + s.id + ".dem"))
			return err == nil
		})
		if !bytes.Equal(got, a.stored) {
			t.Errorf("%s: %d bytes are stored, want %d", a.name, len(got), len(a.stored))
		}
	}
}

// send does what an abuse says and returns what the server sent meanwhile.
func (s *streaming) send(conn net.Conn, r io.Reader, a abuse) []byte {
	deadline := time.Now().Add(30 * time.Second)
	_ = conn.SetDeadline(deadline) // a net.Conn of the system takes it
	var told bytes.Buffer
	heard := make(chan struct{})
	hear := func() {
		defer close(heard)
		_, _ = io.Copy(&told, r) // ends with the connection
	}
	if !a.deaf {
		go hear()
	}
	for range max(1, a.repeat) {
		if _, err := conn.Write(a.frames); err != nil {
			break // told why
		}
	}
	if a.deaf {
		go hear()
	}
	if a.close == 0 { // it goes on: this is stored behind the rest
		_ = conn.(*net.TCPConn).CloseWrite() // as above
	}
	<-heard
	return told.Bytes()
}

// closeCode is that of the Close frame in what a server sent, 0 without one.
func closeCode(b []byte) uint16 {
	for len(b) >= 2 {
		n := int(b[1])
		if n > 125 || len(b) < 2+n {
			return 0
		}
		if b[0] == 0x88 && n >= 2 {
			return little.BigEndian.Uint16(b[2:])
		}
		b = b[2+n:]
	}
	return 0
}

// steadyPlayer sends 4 KiB every 62.5 ms, several times what a recording of a
// match grows by.
type steadyPlayer struct {
	*streaming
	ready chan struct{}
	quit  chan struct{}
	sent  atomic.Int64
}

func newSteadyPlayer(t *testing.T, p *program, i uint64) *steadyPlayer {
	s := &steadyPlayer{streaming: &streaming{program: p, key: playerKey(p, int(i)), number: i}, ready: make(chan struct{}), quit: make(chan struct{})}
	s.open(t)
	s.conn, _ = s.dial(t)
	s.done = make(chan struct{})
	go s.play()
	return s
}

func (s *steadyPlayer) play() {
	defer close(s.done)
	const size = 4 << 10
	close(s.ready)
	due := time.Now()
	for offset := int64(0); ; offset += size {
		block := s.block(offset / streamBlock * streamBlock)[offset%streamBlock:][:size]
		if _, err := s.conn.Write(masked(0x82, block)); err != nil {
			return
		}
		s.sent.Add(size)
		due = due.Add(62500 * time.Microsecond)
		select {
		case <-s.quit:
			return
		case <-time.After(time.Until(due)):
		}
	}
}

// finish ends the recording, which must be whole.
func (s *steadyPlayer) finish(t *testing.T) {
	t.Helper()
	close(s.quit)
	<-s.done
	_ = s.conn.Close()
	if size, _ := s.check(t, time.Time{}); size != s.sent.Load() {
		t.Errorf("%d bytes are stored of a player who sent %d", size, s.sent.Load())
	}
}

func sentBy(players []*steadyPlayer) (n int64) {
	for _, s := range players {
		n += s.sent.Load()
	}
	return n
}

// paced is how many bytes per second the players send together.
func paced(players []*steadyPlayer, d time.Duration) float64 {
	from, began := sentBy(players), time.Now()
	time.Sleep(d)
	return float64(sentBy(players)-from) / time.Since(began).Seconds()
}
