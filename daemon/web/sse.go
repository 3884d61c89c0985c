package web

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// streamTimes are fields of the hub so that tests need not wait.
type streamTimes struct {
	heartbeat time.Duration // keeps proxies and clients from giving up
	write     time.Duration // for one write to reach the client's buffer
	life      time.Duration // then the client reconnects and is identified anew
}

func defaultStreamTimes() streamTimes {
	return streamTimes{heartbeat: 15 * time.Second, write: 10 * time.Second, life: 15 * time.Minute}
}

const (
	maxTopics      = 32
	maxTopicLength = 64
)

func eventsOperation() *huma.Operation {
	return &huma.Operation{
		OperationID: "get-events", Path: "/api/v1/events", Method: http.MethodGet, Tags: []string{"daemon"},
		Summary: "Live events (server-sent events)",
		Description: "Each event has an id, a name, which is its topic, and JSON data. A comment comes every 15 seconds. " +
			"After a reconnect with Last-Event-ID the missed events come first; when some are no longer kept, an event named " +
			"reset says that the page should load everything anew. The stream ends after 15 minutes; reconnect then.",
		Parameters: []*huma.Param{
			{Name: "topics", In: "query", Description: "Topics, separated by commas; \"mods\" covers \"mods.job\". Empty: all",
				Schema: &huma.Schema{Type: huma.TypeString}},
			{Name: "Last-Event-ID", In: "header", Description: "Id of the last event received",
				Schema: &huma.Schema{Type: huma.TypeString}},
		},
		Responses: map[string]*huma.Response{"200": {
			Description: "The stream",
			Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}
}

// ServeHTTP is the stream, in the format of the HTML standard's server-sent
// events.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	topics, err := parseTopics(r.URL.Query().Get("topics"))
	if err != nil {
		WriteError(w, r, err)
		return
	}
	if r.Method == http.MethodHead {
		setStreamHeader(w.Header())
		return
	}
	s, missed, complete, why := h.subscribe(topics, limit.Prefix(ClientIP(r)), r.Header.Get("Last-Event-ID"))
	if why != admitted {
		WriteError(w, r, why.fault())
		return
	}
	defer h.unsubscribe(s)
	out := stream{hub: h, r: r, w: w, rc: http.NewResponseController(w)}
	out.begin()
	if !complete {
		out.text("event: reset\ndata: {}\n\n")
	}
	for _, m := range missed {
		if s.wants(m.topic) {
			out.message(m)
		}
	}
	if !out.flush() {
		return
	}
	out.run(s)
}

func (why refusal) fault() error {
	if why == tooManyStreams {
		return fault.New(fault.TooMany, "Too many event streams from your address").WithHint("Close other tabs of this page")
	}
	return fault.New(fault.Unavailable, "No further event stream can be opened now").WithRetryAfter(30 * time.Second)
}

func parseTopics(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	topics := strings.Split(text, ",")
	if len(topics) > maxTopics {
		return nil, fault.New(fault.Invalid, "More than %d topics", maxTopics)
	}
	for _, t := range topics {
		if t == "" || len(t) > maxTopicLength {
			return nil, fault.New(fault.Invalid, "A topic is a name such as mods.job")
		}
	}
	return topics, nil
}

// stream writes one response. Everything is collected and sent by flush under
// a deadline, so that a client which stops reading costs one buffer.
type stream struct {
	hub *Hub
	r   *http.Request
	w   http.ResponseWriter
	rc  *http.ResponseController
	buf bytes.Buffer
}

func (o *stream) begin() {
	setStreamHeader(o.w.Header())
	o.text("retry: 2000\n: connected\n\n")
}

func setStreamHeader(h http.Header) {
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold the events back
}

func (o *stream) text(s string) { o.buf.WriteString(s) }

func (o *stream) message(m message) {
	if !o.hub.mayRead(o.r, m.scope) {
		return
	}
	o.text("id: " + o.hub.id(m.number) + "\nevent: " + m.topic + "\ndata: ")
	o.buf.Write(m.data) // JSON of encoding/json holds no line break
	o.text("\n\n")
}

func (o *stream) flush() bool {
	if o.buf.Len() == 0 {
		return true
	}
	_ = o.rc.SetWriteDeadline(time.Now().Add(o.hub.stream.write)) // only a recorder in a test cannot
	_, err := o.w.Write(o.buf.Bytes())
	o.buf.Reset()
	return err == nil && o.rc.Flush() == nil
}

// run sends until the client leaves, is dropped, the hub closes or the
// stream is old.
func (o *stream) run(s *subscriber) {
	beat := time.NewTicker(o.hub.stream.heartbeat)
	defer beat.Stop()
	end := time.NewTimer(o.hub.stream.life)
	defer end.Stop()
	for {
		select {
		case m, ok := <-s.queue:
			if !ok {
				return
			}
			o.message(m)
		case <-beat.C:
			o.text(": still here\n\n")
		case <-end.C:
			return
		case <-o.r.Context().Done():
			return
		}
		if !o.flush() {
			return
		}
	}
}
