package demosink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

const closedText, lateText = `{"closed_successfully":true}`, `{"late_bytes":true}`

// TestCallOrder replays what clients do, in every order that was seen, and
// wants each demo byte for byte.
func TestCallOrder(t *testing.T) {
	const (
		late  = `{"late_bytes":"` + lateHex + `"}`
		patch = "POST /late_bytes"
		end   = "GET /close_session"
	)
	data := demo(3*720896 + 17)
	swapped := append(append(bytes.Clone(data[1072:4096]), data[:1072]...), data[4096:]...)
	cases := map[string]struct {
		before, after []string // calls, beside the stream
		frames        [][]byte
		clean         bool // the connection ends with a Close
		want          []byte
		suspicious    bool
	}{
		"late bytes, then close":      {after: []string{patch, end}, frames: slices.Collect(slicesOf(data, 720896)), clean: true, want: withLate(data)},
		"no late bytes":               {after: []string{end}, frames: [][]byte{data}, clean: true, want: data},
		"late bytes before any other": {before: []string{patch}, after: []string{end}, frames: [][]byte{data}, want: withLate(data)},
		"frames swapped": {after: []string{end}, frames: [][]byte{data[1072:4096], data[:1072], data[4096:]}, want: swapped,
			suspicious: true},
		"late bytes after close":      {after: []string{end, patch}, frames: [][]byte{data}, clean: true, want: withLate(data)},
		"closed with late bytes":      {after: []string{"POST /close_session"}, frames: [][]byte{data}, want: withLate(data)},
		"closed twice":                {after: []string{end, "403 GET /close_session"}, frames: [][]byte{data}, want: data},
		"late bytes twice":            {after: []string{patch, patch, end}, frames: [][]byte{data}, want: withLate(data)},
		"late bytes twice, too late":  {after: []string{patch, end, "403 POST /late_bytes"}, frames: [][]byte{data}, want: withLate(data)},
		"closed by nobody but itself": {after: []string{"GET /session_id", end}, frames: [][]byte{data}, clean: true, want: data},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d, nil)
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				id := r.open(alice)
				r.calls(c.before, late)
				conn := r.dial(alice, id)
				for _, f := range c.frames {
					send(t, conn, f)
				}
				if c.clean {
					_ = conn.Close(websocket.StatusNormalClosure, "")
					r.idle(id)
				} else {
					drop(conn)
				}
				r.calls(c.after, late)
				r.wantBlob(id, c.want)
				s := r.row(id)
				if (s.Suspicion != "") != c.suspicious || !c.suspicious && (s.Map != "pl_pier" || s.Player != "player" || !s.HasScore) {
					t.Errorf("%+v", s)
				}
				if s.Late != nil && (s.Seconds < 1657.5 || s.Seconds > 1657.6 || s.Ticks != 110503) {
					t.Errorf("length %v s, %d ticks", s.Seconds, s.Ticks)
				}
			})
		}
	})
}

// calls makes calls of a player, each "[status] method path".
func (r *rig) calls(all []string, late string) {
	r.t.Helper()
	for _, call := range all {
		want := 0
		if n, err := fmt.Sscanf(call, "%d ", &want); n == 1 && err == nil {
			call = call[4:]
		}
		method, path, _ := strings.Cut(call, " ")
		status, text := r.ask(method, path+"?api_key="+alice+"&fake_ip=1&map=m", map[string]string{"POST": late}[method])
		if want == 0 && (status != 200 && method == "GET" || status != 201 && method == "POST") || want != 0 && status != want {
			r.t.Errorf("%s: %d %s", call, status, text)
		}
	}
}

func slicesOf(d []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(d) > 0 && yield(d[:min(n, len(d))]) {
			d = d[min(n, len(d)):]
		}
	}
}

// TestCloseOvertakes closes a session while its last bytes are still on the
// way, as a client does that drops its socket at the same moment.
func TestCloseOvertakes(t *testing.T) {
	r := newRig(t, lite(t), nil)
	data := demo(6 << 20)
	id := r.open(alice)
	c := r.dial(alice, id)
	send(t, c, data[:1<<20])
	closed := make(chan string)
	go func() {
		res, err := http.Get(r.base + "/close_session?api_key=MB-alice")
		if err != nil {
			closed <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		closed <- fmt.Sprint(res.StatusCode, " ", string(b))
	}()
	for chunk := range slicesOf(data[1<<20:], 100_000) {
		send(t, c, chunk)
	}
	drop(c)
	if got := <-closed; got != "200 "+closedText {
		t.Error(got)
	}
	r.wantBlob(id, data)
}

// TestCloseWhileConnected ends a connection that goes on: it is told so, in
// time.
func TestCloseWhileConnected(t *testing.T) {
	r := newRig(t, lite(t), nil)
	data := demo(200_000)
	id := r.open(alice)
	c := r.dial(alice, id)
	send(t, c, data)
	began := time.Now()
	r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("closing took %s", took)
	}
	if ce := reads(t, c); ce.Code != websocket.StatusNormalClosure {
		t.Errorf("close %v", ce)
	}
	r.wantBlob(id, data)
}

// TestReconnectAppends leaves and comes back, with the sink restarted in
// between.
func TestReconnectAppends(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d, nil)
		data := demo(900_000)
		id := r.open(alice)
		c := r.dial(alice, id)
		send(t, c, data[:300_000])
		drop(c)
		eventually(t, "the session is idle", func() bool { s := r.row(id); return !s.Open && s.Received == 300_000 })
		c = r.dial(alice, id)
		send(t, c, data[300_000:600_000])
		r.spooled(id, 600_000)
		r.restart()
		if s := r.row(id); !s.Active || s.Open || s.Received != 600_000 || s.GraceUntil.IsZero() {
			t.Errorf("after the restart: %+v", s)
		}
		if ce := reads(t, c); ce.Code != websocket.StatusServiceRestart {
			t.Errorf("close %v", ce)
		}
		c = r.dial(alice, id)
		send(t, c, data[600_000:])
		drop(c)
		r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
		r.wantBlob(id, data)
		if s := r.row(id); s.Statistics.Scored != int64(len(data)) {
			t.Errorf("%d of %d bytes were scored", s.Statistics.Scored, len(data))
		}
	})
}

// TestReadmeScript is the published snippet, run twice: a broken address, no
// name, small messages, a clean close, and nothing else.
func TestReadmeScript(t *testing.T) {
	r := newRig(t, lite(t), nil)
	var ids []string
	data := demo(50_000)
	for range 2 {
		status, text := r.ask("GET", "/session_id?api_key=MB-alice&fake_ip=123.45.6789&map=some_map", "")
		if status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		var answer struct {
			ID *big.Int `json:"session_id"`
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, answer.ID.String())
		c := r.dial(alice, answer.ID.String())
		for chunk := range slicesOf(data, 1024) {
			send(t, c, chunk)
		}
		if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Error(err)
		}
	}
	r.wantBlob(ids[0], data)
	r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
	r.wantBlob(ids[1], data)
}

// TestLateBytes has every answer about late bytes.
func TestLateBytes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d, nil)
		const at = "/late_bytes?api_key=MB-alice"
		mine, theirs := r.open(alice), r.open(bob)
		for body, want := range map[string]struct {
			status int
			text   string
		}{
			`{"late_bytes":"zz31cf44a7af0100cea70100f5e00400"}`: {422, "invalid late_bytes"},
			`{"late_bytes":""}`: {422, "invalid late_bytes"},
			`{"late_bytes":"7031cf44a7af0100cea70100f5e004"}`:           {422, "invalid late_bytes"},
			`{"late_bytes":"7031cf44a7af0100cea70100f5e0040"}`:          {422, "invalid late_bytes"},
			`{"late_bytes":"7031cf44a7af0100cea70100f5e0040000000000"}`: {422, "invalid late_bytes"},
			`{"late_bytes":7031}`:                                       {400, "Validation failed for POST /late_bytes"},
			`{"late_bytes":null}`:                                       {400, "Validation failed for POST /late_bytes"},
			`{}`:                                                        {400, "Validation failed for POST /late_bytes"},
			``:                                                          {400, "Validation failed for POST /late_bytes"},
			`{"late_bytes":"` + lateHex + `","session_id":"` + theirs + `"}`: {422, "no active session"},
			`{"late_bytes":"` + lateHex + `","session_id":12}`:               {400, "Validation failed for POST /late_bytes"},
		} {
			r.want("POST", at, body, want.status, want.text)
		}
		if s := r.row(mine); s.Late != nil {
			t.Errorf("late bytes %x were stored", s.Late)
		}
		r.want("POST", at, `{"late_bytes":"70 31CF44 a7af0100 cea70100 f5e00400","extra":1}`, 201, lateText)
		r.want("POST", at, `{"late_bytes":"`+lateHex+`","session_id":"`+mine+`"}`, 201, lateText)
		r.want("POST", at, `{"late_bytes":"00000000000000000000000000000000"}`, 422, "already submitted")
		if s := r.row(mine); !bytes.Equal(s.Late, lateValue) {
			t.Errorf("late bytes %x", s.Late)
		}
		if s := r.row(theirs); s.Late != nil {
			t.Errorf("another's session got the late bytes %x", s.Late)
		}
		r.want("POST", "/close_session?api_key=MB-alice", `{"late_bytes":"00000000000000000000000000000000"}`, 201, closedText)
		r.want("POST", at, `{"late_bytes":"`+lateHex+`"}`, 403, noSessionText)
	})
}

// TestLateBytesOfTwo submits two players' late bytes at once.
func TestLateBytesOfTwo(t *testing.T) {
	r := newRig(t, lite(t), nil)
	data := demo(100_000)
	ids := map[string]string{alice: r.open(alice), bob: r.open(bob)}
	late := map[string]string{alice: lateHex, bob: "00000040a7af0100cea70100f5e00400"}
	done := make(chan error)
	for key, id := range ids {
		c := r.dial(key, id)
		send(t, c, data)
		drop(c)
		go func() {
			res, err := http.Post(r.base+"/late_bytes?api_key="+key, "text/plain", bytes.NewReader([]byte(`{"late_bytes":"`+late[key]+`"}`)))
			if err == nil && res.StatusCode != 201 {
				err = fmt.Errorf("%s", res.Status)
			}
			if err == nil {
				err = res.Body.Close()
			}
			done <- err
		}()
	}
	for range ids {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for key, id := range ids {
		r.want("GET", "/close_session?api_key="+key, "", 200, closedText)
		want := bytes.Clone(data)
		if _, err := fmt.Sscanf(late[key], "%x", new([]byte)); err == nil {
			copy(want[0x420:], hexBytes(t, late[key]))
		}
		r.wantBlob(id, want)
	}
}

func hexBytes(t *testing.T, s string) []byte {
	t.Helper()
	n, ok := new(big.Int).SetString(s, 16)
	if !ok {
		t.Fatal(s)
	}
	return n.FillBytes(make([]byte, len(s)/2))
}

// TestLargeFrame sends 40 MiB in one message.
func TestLargeFrame(t *testing.T) {
	r := newRig(t, lite(t), nil)
	data := demo(40 << 20)
	id := r.open(alice)
	c := r.dial(alice, id)
	send(t, c, data)
	drop(c)
	r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
	r.wantBlob(id, data)
}

// TestProtocolErrors breaks the rules of RFC 6455: the connection ends with
// 1002, and what came before is kept.
func TestProtocolErrors(t *testing.T) {
	r := newRig(t, lite(t), nil)
	for name, bad := range map[string][]byte{
		"not masked": {0x82, 0x01, 'x'}, "reserved bit": frame(0xC2, []byte("x")), "reserved opcode": frame(0x83, []byte("x")),
		"continuation of nothing": frame(0x80, []byte("x")), "long ping": frame(0x89, make([]byte, 126)), "ping in parts": frame(0x09, []byte("x")),
	} {
		id := r.open(alice)
		c := r.rawHandshake(alice, id)
		if _, err := c.Write(append(frame(0x82, []byte("good")), bad...)); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 4)
		if _, err := io.ReadFull(c, answer); err != nil || answer[0] != 0x88 || answer[2] != 0x03 || answer[3] != 0xEA {
			t.Errorf("%s: %q %v", name, answer, err)
		}
		_ = c.Close()
		r.idle(id)
		r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
		r.wantBlob(id, []byte("good"))
	}
}

// TestFrames has what a connection may bring.
func TestFrames(t *testing.T) {
	r := newRig(t, lite(t), func(o *Options) { o.Config.MaxSessionBytes = 48 << 20 })
	t.Run("text, pings, fragments and empty frames", func(t *testing.T) {
		id := r.open(alice)
		c := r.rawHandshake(alice, id)
		write := func(b []byte) {
			t.Helper()
			if _, err := c.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		write(frame(0x82, []byte("one,")))
		write(frame(0x82, nil))
		write(frame(0x02, []byte("t")))
		write(frame(0x89, []byte("are you there")))
		for _, b := range []byte("wo") {
			write(frame(0x00, []byte{b}))
		}
		write(frame(0x80, nil))
		pong := make([]byte, 2+13)
		if _, err := io.ReadFull(c, pong); err != nil || string(pong) != "\x8a\x0dare you there" {
			t.Errorf("pong %q %v", pong, err)
		}
		half := frame(0x82, bytes.Repeat([]byte("x"), 1000))
		write(half[:508])
		r.spooled(id, int64(len("one,two")+500)) // what came of a frame is there before its end
		write(append(half[508:], 0x82))          // and the beginning of another
		r.spooled(id, int64(len("one,two")+1000))
		write(frame(0x82, nil)[1:])
		write(frame(0x81, []byte("text")))
		answer, err := io.ReadAll(c)
		if err != nil || !bytes.HasPrefix(answer[1:], append([]byte{byte(2 + len(endText.reason)), 0x03, 0xEB}, endText.reason...)) {
			t.Errorf("a text frame got %q %v", answer, err)
		}
		eventually(t, "the session is idle", func() bool { return !r.row(id).Open })
		r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
		r.wantBlob(id, append([]byte("one,two"), bytes.Repeat([]byte("x"), 1000)...))
	})
	t.Run("nothing", func(t *testing.T) {
		id := r.open(alice)
		drop(r.dial(alice, id))
		r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
		r.wantBlob(id, nil)
	})
	t.Run("without end", func(t *testing.T) {
		id := r.open(alice)
		c := r.dial(alice, id)
		data := demo(1 << 20)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		go func() {
			for c.Write(ctx, websocket.MessageBinary, data) == nil {
			}
		}()
		if ce := reads(t, c); ce.Code != websocket.StatusMessageTooBig || ce.Reason != "The recording has reached the limit of 48MiB; what came is kept" {
			t.Errorf("close %v", ce)
		}
		r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
		r.wantBlob(id, bytes.Repeat(data, 48))
	})
}
