package steamtest

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// WebRCON is the remote console of a Rust server: JSON over a websocket whose
// path is the password. Set the fields before Start.
type WebRCON struct {
	Password string
	// Replies are the outputs of commands; others are unknown to the server.
	Replies map[string]string
	// Chatter are messages that the server sends by itself before each reply,
	// as they are on the wire.
	Chatter []string
	// Fault is RCONSilent, RCONClosing or none. With AtLogin RCONClosing
	// closes each websocket at once, as some servers do with a wrong
	// password.
	Fault   RCONFault
	AtLogin bool
	// Status refuses the handshake with this HTTP status when the password is
	// wrong; 0 is 401.
	Status int

	server   *http.Server
	listener net.Listener
	ctx      context.Context
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// Start begins to listen on a free port of 127.0.0.1 for the time of a test.
func (s *WebRCON) Start(tb TB) *WebRCON {
	tb.Helper()
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		tb.Fatalf("webrcon server: %v", err)
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.running.Go(func() { _ = s.server.Serve(s.listener) })
	tb.Cleanup(s.Close)
	return s
}

// Addr is where it listens.
func (s *WebRCON) Addr() string { return s.listener.Addr().String() }

// Close stops it.
func (s *WebRCON) Close() {
	s.stop()
	_ = s.server.Close()
	s.running.Wait()
}

// ServeHTTP takes one websocket.
func (s *WebRCON) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.TrimPrefix(r.URL.Path, "/") != s.Password && !s.AtLogin {
		status := s.Status
		if status == 0 {
			status = http.StatusUnauthorized
		}
		w.Header().Set("Location", "/elsewhere")
		// A careless server tells what it was asked for.
		http.Error(w, "no such path: "+r.URL.Path, status)
		return
	}
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	if s.AtLogin && s.Fault == RCONClosing {
		_ = ws.Close(websocket.StatusPolicyViolation, "bye")
		return
	}
	for {
		_, data, err := ws.Read(s.ctx)
		if err != nil || !s.answer(ws, data) {
			return
		}
	}
}

func (s *WebRCON) answer(ws *websocket.Conn, data []byte) bool {
	var command struct {
		Identifier    int
		Message, Name string
	}
	if json.Unmarshal(data, &command) != nil || command.Name != "WebRcon" || command.Identifier <= 1000 || s.Fault == RCONClosing {
		return false
	}
	for _, text := range s.Chatter {
		if ws.Write(s.ctx, websocket.MessageText, []byte(text)) != nil {
			return false
		}
	}
	if s.Fault == RCONSilent {
		return true
	}
	text, ok := s.Replies[command.Message]
	if !ok {
		text = "Command '" + command.Message + "' not found"
	}
	reply, err := json.Marshal(map[string]any{"Identifier": command.Identifier, "Message": text, "Type": "Generic", "Stacktrace": ""})
	return err == nil && ws.Write(s.ctx, websocket.MessageText, reply) == nil
}
