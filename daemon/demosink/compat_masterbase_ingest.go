package demosink

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"bufio"

	"github.com/coder/websocket"
)

// upgrading lets only handshakes of a websocket through. For anything else
// the path has no method.
func upgrading(x *exchange) error {
	if !strings.EqualFold(x.r.Header.Get("Upgrade"), "websocket") {
		return refusal{http.StatusMethodNotAllowed, textMethod}
	}
	return nil
}

// streamDemo takes a stream. Everything is decided before the upgrade: clients
// do not read what comes after it.
func streamDemo(x *exchange) (any, error) {
	id, ok := x.query["session_id"]
	if !ok {
		return nil, refusal{http.StatusForbidden, ""}
	}
	if err := x.rehearse(); err != nil {
		return nil, err
	}
	st, err := x.s.Attach(x.ctx(), x.caller.Account, id[0])
	if err != nil {
		return nil, err
	}
	x.s.serveStream(x.w, x.r, st)
	x.sent = http.StatusSwitchingProtocols
	return nil, nil
}

// rehearse finds out whether the handshake is sound before it has any effect.
func (x *exchange) rehearse() error {
	var w rehearsal
	if _, err := websocket.Accept(&w, x.r, nil); errors.Is(err, errRehearsal) {
		return nil
	}
	for name, values := range w.Header() {
		x.w.Header()[name] = values
	}
	return refusal{w.status, strings.TrimSpace(w.text.String())}
}

var errRehearsal = errors.New("only a rehearsal")

// rehearsal is a ResponseWriter that leads nowhere.
type rehearsal struct {
	header http.Header
	status int
	text   strings.Builder
}

func (w *rehearsal) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

func (w *rehearsal) Write(p []byte) (int, error) { return w.text.Write(p) }
func (w *rehearsal) WriteHeader(status int)      { w.status = status }

// Hijack implements http.Hijacker. To be asked for it means success.
func (w *rehearsal) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errRehearsal }
