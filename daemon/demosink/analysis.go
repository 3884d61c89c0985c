package demosink

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

const (
	maxAnalysis = 16 << 20        // bytes of JSON
	finalFor    = 3 * time.Second // for a recording that is being stored
)

// Why an analysis is not taken in. Workers know the texts.
var (
	errNoAnalysis = fault.New(fault.NotFound, "No analysis blob was found.")
	errSchema     = fault.New(fault.Invalid, "Analysis data does not conform to schema.")
	errAnalysis   = fault.New(fault.Invalid, "Malformed JSON data in analysis blob.")
	errIngested   = fault.New(fault.Conflict, "demo already ingested")
	errActive     = fault.New(fault.Conflict, "session is still active")
	errOpen       = fault.New(fault.Conflict, "session is still open")
	errNotStored  = fault.New(fault.NotFound, "The recording is not stored here")
)

// Detection is one thing that an algorithm found.
type Detection struct {
	Tick      int64
	Algorithm string
	Target    steam.ID        // the player
	Data      json.RawMessage // whatever the algorithm says of it
}

// analysisFile is what workers write. Every member is needed.
type analysisFile struct {
	Author     *string          `json:"author"`
	Detections *[]detectionFile `json:"detections"`
	Duration   *int64           `json:"duration"`
	Map        *string          `json:"map"`
	ServerIP   *string          `json:"server_ip"`
}

type detectionFile struct {
	Tick      *int64          `json:"tick"`
	Algorithm *string         `json:"algorithm"`
	Player    *uint64         `json:"player"`
	Data      json.RawMessage `json:"data"`
}

// parseAnalysis reads the detections out of an analysis.
func parseAnalysis(b []byte) ([]Detection, error) {
	var f analysisFile
	if !json.Valid(b) {
		return nil, errAnalysis
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, errSchema
	}
	if f.Author == nil || f.Detections == nil || f.Duration == nil || f.Map == nil || f.ServerIP == nil {
		return nil, errSchema
	}
	all := make([]Detection, 0, len(*f.Detections))
	for _, d := range *f.Detections {
		if d.Tick == nil || d.Algorithm == nil || d.Player == nil {
			return nil, errSchema
		}
		data := json.RawMessage(strings.ToValidUTF8(string(d.Data), "\uFFFD"))
		if len(data) == 0 {
			data = json.RawMessage("null")
		}
		all = append(all, Detection{Tick: *d.Tick, Algorithm: text(*d.Algorithm), Target: steam.ID(*d.Player), Data: data})
	}
	return all, nil
}

// countKey is what detections are counted by.
type countKey struct {
	target    steam.ID
	algorithm string
}

func countDetections(all []Detection) map[countKey]int64 {
	counts := map[countKey]int64{}
	for _, d := range all {
		counts[countKey{d.Target, d.Algorithm}]++
	}
	return counts
}

// storeAnalysis keeps an analysis until it is taken in. It replaces one that
// was handed in before. fault.NotFound: there is no recording to analyse;
// fault.Conflict: it is not the time for it.
func (s *Service) storeAnalysis(ctx context.Context, sess Session, b []byte) error {
	switch {
	case sess.Active:
		return errActive
	case sess.Ingested:
		return errIngested
	case sess.Pruned || !sess.HasSize:
		return errNotStored
	}
	w, err := s.blobs.Create(ctx, sess.ID.AnalysisKey())
	if err != nil {
		return err
	}
	defer w.Abort() //nolint:errcheck // the first error says more
	if _, err := w.Write(b); err != nil {
		return err
	}
	_, err = w.Commit(ctx)
	return err
}

// Ingest takes the analysis that is stored of a recording into the tables, in
// place of any before, whose reviews end with it. The error's public text is
// the reason that workers know.
func (s *Service) Ingest(ctx context.Context, session string) error {
	id := SessionID(session)
	if !id.Valid() {
		return errNoAnalysis
	}
	all, err := s.readAnalysis(ctx, id)
	if err != nil {
		return err
	}
	return s.store.ingest(ctx, id, all, s.clock.Now())
}

func (s *Service) readAnalysis(ctx context.Context, id SessionID) ([]Detection, error) {
	o, err := s.blobs.Open(ctx, id.AnalysisKey())
	if fault.Is(err, fault.NotFound) {
		return nil, errNoAnalysis
	}
	if err != nil {
		return nil, err
	}
	defer o.Close() //nolint:errcheck // only read
	if o.Info.Size > maxAnalysis {
		return nil, errSchema
	}
	b, err := io.ReadAll(o)
	if err != nil {
		return nil, err
	}
	return parseAnalysis(b)
}

// Recording opens the bytes of a recording that is finished. The caller closes
// it. One that was closed just now is waited for. fault.NotFound: nothing was
// recorded, or it is deleted.
func (s *Service) Recording(ctx context.Context, sess Session) (*blob.Object, error) {
	if sess.finishing() && sess.Owner == s.spool.owner {
		select {
		case <-s.finish.start(sess.ID):
		case <-s.clock.After(finalFor):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		var err error
		if sess, err = s.store.session(ctx, sess.ID); err != nil {
			return nil, err
		}
	}
	switch {
	case sess.Active:
		return nil, fault.New(fault.Conflict, "The recording still grows")
	case sess.finishing():
		return nil, fault.New(fault.Unavailable, "The recording is being stored").WithRetryAfter(finalFor)
	case sess.Pruned || !sess.HasSize:
		return nil, errNotStored
	}
	return s.blobs.Open(ctx, sess.ID.DemoKey())
}
