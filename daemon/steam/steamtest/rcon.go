package steamtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"sync"
	"time"
)

// RCONDialect is whose remote console an RCON server imitates.
type RCONDialect string

// The dialects. The zero value is RCONSRCDS.
const (
	// RCONSRCDS sends an empty packet before the answer to a login, splits
	// replies, and echoes an empty RESPONSE_VALUE, followed by a trailer.
	RCONSRCDS RCONDialect = "srcds"
	// RCONMinecraft looks at the first packet of each segment only, closes on
	// more than 1,446 bytes, splits replies, and answers a type that it does
	// not know with a text.
	RCONMinecraft RCONDialect = "minecraft"
	// RCONFactorio sends one packet per reply and ignores other types.
	RCONFactorio RCONDialect = "factorio"
)

// RCONFault is a way in which an RCON server goes wrong.
type RCONFault string

// The faults.
const (
	RCONSilent    RCONFault = "silent"    // says nothing
	RCONClosing   RCONFault = "closing"   // closes instead of answering
	RCONDribbling RCONFault = "dribbling" // sends one byte at a time
	RCONFlooding  RCONFault = "flooding"  // never stops sending parts of the reply
	RCONNoise     RCONFault = "noise"     // never stops sending packets of a type that is none
	RCONStray     RCONFault = "stray"     // sends packets of other types and ids before each answer
	RCONBadSize   RCONFault = "badsize"   // states a size of RCON.Size
)

// RCON is a remote console over TCP. Set the fields before Start; a map that
// is nil is fine.
type RCON struct {
	Dialect  RCONDialect
	Password string
	// Replies are the outputs of commands; others are unknown to the server.
	Replies map[string]string
	// Late is how long commands take.
	Late map[string]time.Duration
	// Fault is how it goes wrong after the login; with AtLogin from the first
	// packet on.
	Fault   RCONFault
	AtLogin bool
	// Size is the size that RCONBadSize states.
	Size int32

	listener net.Listener
	running  sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]bool
	epoch    int // logins of earlier epochs are dropped
	logins   []string
	commands []string
	closed   bool
	done     chan struct{} // closed by Close
}

// Listen starts it at an address such as 127.0.0.1:0.
func (s *RCON) Listen(address string) (err error) {
	if s.listener, err = net.Listen("tcp", address); err != nil {
		return err
	}
	s.running.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.serve(conn)
		}
	})
	return nil
}

// Start is Listen on a free port of 127.0.0.1 for the time of a test.
func (s *RCON) Start(tb TB) *RCON {
	tb.Helper()
	if err := s.Listen("127.0.0.1:0"); err != nil {
		tb.Fatalf("rcon server: %v", err)
	}
	tb.Cleanup(s.Close)
	return s
}

// Pipe connects to it without a network, which lets tests use a fake time. It
// has the form of net.Dialer.DialContext.
func (s *RCON) Pipe(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	s.serve(server)
	return client, nil
}

// Addr is where it listens.
func (s *RCON) Addr() string { return s.listener.Addr().String() }

// DropLogins makes it forget who is logged in, as writing rcon_password does.
func (s *RCON) DropLogins() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
}

// Logins are the passwords that came, right and wrong.
func (s *RCON) Logins() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.logins...)
}

// Commands are those that came from who was logged in.
func (s *RCON) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.commands...)
}

// Close stops it and waits until all of it has ended.
func (s *RCON) Close() {
	if s.listener != nil {
		s.listener.Close()
	}
	s.mu.Lock()
	if !s.closed && s.done != nil {
		close(s.done)
	}
	s.closed = true
	s.mu.Unlock()
	s.Disconnect()
	s.running.Wait()
}

// Disconnect closes all connections.
func (s *RCON) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.Close()
	}
}

func (s *RCON) serve(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return
	}
	if s.conns == nil {
		s.conns, s.done = map[net.Conn]bool{}, make(chan struct{})
	}
	s.conns[conn] = true
	p := &rconPeer{server: s, conn: conn, in: make(chan []byte, 4096), out: make(chan []byte, 4096), gone: make(chan struct{}), epoch: -1}
	s.running.Go(p.send)
	s.running.Go(p.buffer)
	s.running.Go(func() {
		p.receive()
		close(p.out)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, conn)
	})
}

// rconPeer is one connection. Both directions go through a queue, as through
// the buffers of a network.
type rconPeer struct {
	server *RCON
	conn   net.Conn
	in     chan []byte // closed at the end of the connection
	out    chan []byte
	gone   chan struct{} // closed when nothing can be sent any more
	epoch  int
}

func (p *rconPeer) send() {
	defer close(p.gone)
	defer p.conn.Close()
	for b := range p.out {
		step := len(b)
		if p.server.Fault == RCONDribbling {
			step = 1
		}
		for len(b) > 0 {
			n, err := p.conn.Write(b[:min(step, len(b))])
			if err != nil {
				return
			}
			b = b[n:]
		}
	}
}

func (p *rconPeer) buffer() {
	defer close(p.in)
	segment := make([]byte, 1460)
	for {
		n, err := p.conn.Read(segment)
		if err != nil {
			return
		}
		select {
		case p.in <- bytes.Clone(segment[:n]):
		case <-p.gone:
			return
		}
	}
}

// put queues one packet; false means that the peer has gone.
func (p *rconPeer) put(id, kind int32, body string) bool {
	b := binary.LittleEndian.AppendUint32(nil, uint32(10+len(body)))
	b = binary.LittleEndian.AppendUint32(b, uint32(id))
	b = binary.LittleEndian.AppendUint32(b, uint32(kind))
	return p.raw(append(append(b, body...), 0, 0))
}

func (p *rconPeer) raw(b []byte) bool {
	select {
	case p.out <- b:
		return true
	case <-p.gone:
		return false
	}
}

// receive reads packets until the peer goes or has to be closed.
func (p *rconPeer) receive() {
	var buffered []byte
	for segment := range p.in {
		buffered = append(buffered, segment...)
		for len(buffered) >= 4 {
			size := int(binary.LittleEndian.Uint32(buffered))
			if size < 10 || size > 1<<16 {
				return
			}
			if len(buffered) < 4+size {
				if p.server.Dialect == RCONMinecraft {
					return // longer than its buffer
				}
				break
			}
			packet := bytes.Clone(buffered[4 : 4+size])
			buffered = buffered[4+size:]
			if p.server.Dialect == RCONMinecraft {
				buffered = nil
			}
			if !p.handle(int32(binary.LittleEndian.Uint32(packet)), int32(binary.LittleEndian.Uint32(packet[4:])),
				string(bytes.TrimRight(packet[8:], "\x00"))) {
				return
			}
		}
	}
}

func (p *rconPeer) handle(id, kind int32, body string) bool {
	s := p.server
	s.mu.Lock()
	known := p.epoch == s.epoch
	if kind == 3 {
		s.logins = append(s.logins, body)
		if body == s.Password {
			p.epoch = s.epoch
		}
	} else if kind == 2 && known {
		s.commands = append(s.commands, body)
	}
	epoch := s.epoch
	s.mu.Unlock()
	if kind == 3 && s.AtLogin || kind != 3 {
		if on, handled := p.fail(id); handled {
			return on
		}
	}
	switch {
	case kind == 3:
		return p.login(id, body == s.Password && p.epoch == epoch)
	case !known:
		return p.put(-1, 2, "")
	case kind == 2:
		return p.answer(id, body)
	}
	return p.other(id, kind)
}

// fail does what the fault wants instead of an answer.
func (p *rconPeer) fail(id int32) (on, handled bool) {
	switch p.server.Fault {
	case RCONSilent:
		return true, true
	case RCONClosing:
		return false, true
	case RCONBadSize:
		p.raw(binary.LittleEndian.AppendUint32(nil, uint32(p.server.Size)))
		for range p.in { // until the peer closes
		}
		return false, true
	case RCONFlooding, RCONNoise:
		kind := int32(0)
		if p.server.Fault == RCONNoise {
			kind = 4
		}
		for p.put(id, kind, string(bytes.Repeat([]byte{'x'}, 4000))) {
			continue
		}
		return false, true
	case RCONStray:
		p.put(id, 4, "console line")
		p.put(id-100, 0, "late")
		p.put(0, 0, "zero")
		p.put(id+1000, 0, "from the future")
		p.put(-1, 0, "minus one")
	}
	return true, false
}

func (p *rconPeer) login(id int32, right bool) bool {
	if p.server.Dialect == RCONSRCDS || p.server.Dialect == "" {
		p.put(id, 0, "")
	}
	if !right {
		id = -1
	}
	return p.put(id, 2, "")
}

func (p *rconPeer) answer(id int32, command string) bool {
	s := p.server
	if late := s.Late[command]; late > 0 {
		select {
		case <-time.After(late):
		case <-s.done:
			return false
		}
	}
	text, ok := s.Replies[command]
	if !ok {
		text = "Unknown command \"" + command + "\"\n"
	}
	limit := 4000
	if s.Dialect == RCONMinecraft {
		limit = 4096
	}
	if s.Dialect == RCONFactorio {
		limit = len(text)
	}
	for len(text) > limit {
		p.put(id, 0, text[:limit])
		text = text[limit:]
	}
	return p.put(id, 0, text)
}

// other answers a type that is no command.
func (p *rconPeer) other(id, kind int32) bool {
	switch p.server.Dialect {
	case RCONMinecraft:
		return p.put(id, 0, "Unknown request "+string("0123456789abcdef"[kind&15]))
	case RCONFactorio:
		return true
	}
	return p.put(id, 0, "") && p.put(id, 0, "\x00\x01\x00\x00")
}
