package demosink

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// storedAnswer is the answer to an analysis that was handed in.
type storedAnswer struct {
	ID     SessionID `json:"session_id"`
	Stored bool      `json:"stored"`
}

// putAnalysis stores what a worker found, for /ingest to take in.
func putAnalysis(x *exchange) (any, error) {
	id, err := x.param("session_id")
	if err != nil {
		return nil, err
	}
	b, err := x.bytes(maxAnalysis)
	if err != nil {
		return nil, err
	}
	if !json.Valid(b) {
		return nil, refusal{http.StatusBadRequest, "JSON is malformed"}
	}
	if _, err := parseAnalysis(b); err != nil {
		return nil, x.invalid()
	}
	sess, err := x.session(id)
	if err != nil {
		return nil, err
	}
	if err := x.s.storeAnalysis(x.ctx(), sess, b); err != nil {
		return nil, wireAnalysis(err)
	}
	return storedAnswer{sess.ID, true}, nil
}

func wireAnalysis(err error) error {
	switch fault.KindOf(err) {
	case fault.NotFound:
		return errNoDemo
	case fault.Conflict:
		return refusal{http.StatusConflict, fault.Public(err)}
	}
	return err
}

// ingestedDemo is what became of one of many.
type ingestedDemo struct {
	ID       string `json:"session_id"`
	Ingested bool   `json:"ingested"`
	Error    string `json:"error,omitempty"`
}

type ingestedAnswer struct {
	Ingested bool `json:"ingested"`
}

// ingest takes analyses in, in either form: many by a list in the body, or one
// as clients of old ask for it.
func ingest(x *exchange) (any, error) {
	var fields map[string]json.RawMessage
	if err := x.body(&fields); err != nil {
		return nil, err
	}
	raw, many := fields["session_ids"]
	if !many {
		return x.ingestOne(fields)
	}
	var ids []*string
	if err := json.Unmarshal(raw, &ids); err != nil || ids == nil {
		return nil, x.invalid()
	}
	answers := make([]ingestedDemo, 0, len(ids))
	for _, id := range ids {
		if id == nil {
			return nil, x.invalid()
		}
		answers = append(answers, ingestedDemo{ID: *id})
	}
	for i := range answers {
		a := &answers[i]
		err := x.s.Ingest(x.ctx(), a.ID)
		if a.Ingested = err == nil; err != nil {
			a.Error = x.ingestReason(err)
		}
	}
	return answers, nil
}

func (x *exchange) ingestOne(fields map[string]json.RawMessage) (any, error) {
	id, err := x.text(fields, "session_id")
	if err != nil {
		return nil, err
	}
	if q, ok := x.query["session_id"]; ok && q[0] != id {
		return nil, x.invalid()
	}
	if err := x.s.Ingest(x.ctx(), id); err != nil {
		return nil, refusal{http.StatusInternalServerError, "Internal Error Occured: " + x.ingestReason(err)} // spelt so on the wire
	}
	return ingestedAnswer{true}, nil
}

// ingestReason is what the client is told.
func (x *exchange) ingestReason(err error) string {
	if fault.KindOf(err) != fault.Internal {
		return fault.Public(err)
	}
	x.s.log.Error("an analysis could not be taken in", slog.Any("error", err))
	return textInternal
}
