package demosink

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// notInSession waits a little for the old session to be closed.
func notInSession(x *exchange) error { return x.s.mayOpen(x.ctx(), x.caller.Account) }

// inSession lets those through who have a session.
func inSession(x *exchange) error {
	_, err := x.s.store.active(x.ctx(), x.caller.Account)
	if fault.Is(err, fault.NotFound) {
		return ErrNoSession
	}
	return err
}

// lateSession lets those through whose session takes late bytes, if only
// because it ended just now.
func lateSession(x *exchange) error {
	_, err := x.s.takesLate(x.ctx(), x.caller.Account)
	return err
}

// realServer asks Steam whether there is such a game server.
func realServer(x *exchange) error {
	raw, err := x.param("fake_ip")
	if err != nil {
		return err
	}
	x.server = x.s.parseGameServer(x.ctx(), raw)
	x.known, err = x.s.admitServer(x.ctx(), x.server)
	return err
}

// sessionAnswer holds the id as a bare number: clients read it into 128 bits.
type sessionAnswer struct {
	ID json.Number `json:"session_id"`
}

func openSession(x *exchange) (any, error) {
	mapName, err := x.param("map")
	if err != nil {
		return nil, err
	}
	sess, err := x.s.Open(x.ctx(), x.caller, Opening{
		FakeIP: x.server.text, Map: mapName, DemoName: x.query.Get("demo_name"), Verified: x.known,
	})
	return sessionAnswer{json.Number(sess.ID)}, err
}

type closedAnswer struct {
	Closed bool `json:"closed_successfully"`
}

func closeSession(x *exchange) (any, error) {
	return x.close(nil)
}

func closeWithLate(x *exchange) (any, error) {
	_, late, err := x.late()
	if err != nil {
		return nil, err
	}
	return x.close(late)
}

// close succeeds whenever the guards passed, also when another request was
// faster.
func (x *exchange) close(late []byte) (any, error) {
	err := x.s.Close(x.ctx(), x.caller.Account, late)
	if err == ErrNoSession {
		err = nil
	}
	return closedAnswer{true}, err
}

// late reads a body with late bytes.
func (x *exchange) late() (session string, late []byte, err error) {
	var fields map[string]json.RawMessage
	if err := x.body(&fields); err != nil {
		return "", nil, err
	}
	digits, err := x.text(fields, "late_bytes")
	if err != nil {
		return "", nil, err
	}
	if raw, ok := fields["session_id"]; ok && string(raw) != "null" {
		if session, err = x.text(fields, "session_id"); err != nil {
			return "", nil, err
		}
	}
	late, err = hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil || len(late) != 16 {
		return "", nil, ErrLate
	}
	return session, late, nil
}

type lateAnswer struct {
	Late bool `json:"late_bytes"`
}

func lateBytes(x *exchange) (any, error) {
	session, late, err := x.late()
	if err != nil {
		return nil, err
	}
	return lateAnswer{true}, x.s.SubmitLate(x.ctx(), x.caller.Account, session, late)
}

type reportAnswer struct {
	Added bool `json:"report_added"`
}

func report(x *exchange) (any, error) {
	var fields map[string]json.RawMessage
	if err := x.body(&fields); err != nil {
		return nil, err
	}
	session, err := x.text(fields, "session_id")
	if err != nil {
		return nil, err
	}
	reason, err := x.text(fields, "reason")
	if err != nil {
		return nil, err
	}
	target, ok := steamNumber(fields["target_steam_id"])
	if !ok || !Reason(reason).Valid() {
		return nil, x.invalid()
	}
	err = x.s.Report(x.ctx(), x.caller, session, target, Reason(reason))
	if unknown, ok := err.(unknownSession); ok {
		err = refusal{http.StatusPaymentRequired, unknown.Error()}
	}
	return reportAnswer{true}, err
}

// steamNumber reads a SteamID64 that is a string or a number.
func steamNumber(raw json.RawMessage) (steam.ID, bool) {
	digits := strings.Trim(string(raw), `"`)
	if digits == "" {
		return 0, false
	}
	var n uint64
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		d := uint64(c - '0')
		if n > (1<<64-1-d)/10 {
			return 0, true // beyond any SteamID: nobody has it
		}
		n = n*10 + d
	}
	return steam.ID(n), true
}
