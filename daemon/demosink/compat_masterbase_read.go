package demosink

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// isAnalyst lets analysts through. Clients tell a wrong key from a session in
// another state by the status, so who is none is answered like a wrong key.
func isAnalyst(x *exchange) error {
	if !x.caller.Analyst {
		return refusal{http.StatusUnauthorized, textUnauthorized}
	}
	return nil
}

// sessionClosed refuses a session that still grows.
func sessionClosed(x *exchange) error {
	id, err := x.param("session_id")
	if err != nil {
		return err
	}
	sess, err := x.session(id)
	if err == nil && sess.Active {
		return refusal{http.StatusForbidden, "Session is still active, cannot retrieve data!"}
	}
	if errors.Is(err, errNoDemo) {
		return nil // the analyst's question comes first
	}
	return err
}

var errNoDemo = refusal{http.StatusNotFound, "Demo not found!"}

// session returns a session by what a client calls its id; errNoDemo when
// there is none.
func (x *exchange) session(id string) (Session, error) {
	if !SessionID(id).Valid() {
		return Session{}, errNoDemo
	}
	sess, err := x.s.store.session(x.ctx(), SessionID(id))
	if fault.Is(err, fault.NotFound) {
		err = errNoDemo
	}
	return sess, err
}

// number reads a parameter that may be left out. What does not fit into 64
// bits becomes the nearest that does.
func (x *exchange) number(name string, absent int64) (int64, error) {
	v, ok := x.query[name]
	if !ok {
		return absent, nil
	}
	n, err := strconv.ParseInt(v[0], 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, x.invalid()
	}
	return n, nil
}

const (
	facePage = 50
	maxJobs  = 1000
)

// page reads which part of a list is asked for.
func (x *exchange) page() (limit, offset int64, err error) {
	size, err := x.number("page_size", facePage)
	if err != nil {
		return 0, 0, err
	}
	at, err := x.number("page_number", 1)
	if err != nil {
		return 0, 0, err
	}
	if size < 1 || size >= facePage {
		size = facePage
	}
	at = min(max(at, 1), 1<<50) // beyond any row
	return size, (at - 1) * size, nil
}

// listedDemo is a row of the lists.
type listedDemo struct {
	DemoName    string    `json:"demo_name"`
	ID          SessionID `json:"session_id"`
	Map         string    `json:"map"`
	StartTime   string    `json:"start_time"`
	EndTime     *string   `json:"end_time"`
	Size        *int64    `json:"demo_size"`
	AnonymousID string    `json:"anonymous_id"`
}

func listOwn(x *exchange) (any, error) { return x.list(false) }
func listAll(x *exchange) (any, error) { return x.list(true) }

func (x *exchange) list(everybody bool) (any, error) {
	limit, offset, err := x.page()
	if err != nil {
		return nil, err
	}
	all, err := x.s.store.closedPage(x.ctx(), everybody, x.caller.Account, limit, offset)
	if err != nil {
		return nil, err
	}
	rows := make([]listedDemo, 0, len(all))
	for _, s := range all {
		row := listedDemo{
			DemoName: s.DemoName, ID: s.ID, Map: s.Map, StartTime: wireTime(s.StartAt),
			AnonymousID: AnonymousID(s.SteamID, x.caller.SteamID),
		}
		if !s.EndAt.IsZero() {
			end := wireTime(s.EndAt)
			row.EndTime = &end
		}
		if s.HasSize {
			row.Size = &s.Size
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// AnonymousID names an uploader to one reader: always alike for him, and of
// no use to others. It is the SHA-256, in hexadecimal, of the two SteamIDs in
// decimal, one behind the other.
func AnonymousID(uploader, reader steam.ID) string {
	sum := sha256.Sum256([]byte(uploader.Decimal() + reader.Decimal()))
	return hex.EncodeToString(sum[:])
}

// wireTime has six digits of a second or none.
func wireTime(t time.Time) string {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04:05.000000Z")
}

// demoData sends a recording.
func demoData(x *exchange) (any, error) {
	id, err := x.param("session_id")
	if err != nil {
		return nil, err
	}
	sess, err := x.session(id)
	if err != nil {
		return nil, err
	}
	o, err := x.s.Recording(x.ctx(), sess)
	if fault.Is(err, fault.NotFound) {
		err = errNoDemo
	}
	if err != nil {
		return nil, err
	}
	defer o.Close() //nolint:errcheck // only read
	w := statusWriter{ResponseWriter: x.w, status: http.StatusOK}
	serveDemo(&w, x.r, sess, o)
	x.sent = w.status
	return nil, nil
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the writer below be found.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// listJobs names recordings that no analysis was made of.
func listJobs(x *exchange) (any, error) {
	limit, err := x.number("limit", 1)
	if err != nil {
		return nil, err
	}
	return x.s.store.jobs(x.ctx(), min(max(limit, 0), maxJobs))
}

// exportTable sends a whole table. Rows are read a part at a time, so that
// neither memory nor the database is held by a slow reader.
func exportTable(x *exchange) (any, error) {
	name, err := x.param("table")
	if err != nil {
		return nil, err
	}
	e, err := x.s.export(x.ctx(), name)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, x.invalid()
	}
	x.sendExport(name, e)
	return nil, nil
}

func (x *exchange) sendExport(name string, e *export) {
	h := x.w.Header()
	h["Content-Type"] = []string{"text/csv"}
	h["Content-Disposition"] = []string{`attachment; filename="` + name + x.s.clock.Now().UTC().Format("-2006-01-02 15:04:05.000000") + `.csv"`}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Cache-Control"] = []string{"no-store"}
	x.w.WriteHeader(http.StatusOK)
	x.sent = http.StatusOK
	out := http.NewResponseController(x.w)
	err := out.Flush() // so that the answer is chunked, however short it is
	if err == nil {
		err = e.write(x.ctx(), x.w)
	}
	if err != nil {
		// The end of the answer must not look like the end of the table.
		_ = out.SetWriteDeadline(time.Unix(1, 0))
		x.s.log.Warn("an export broke off", slog.String("table", name), slog.Any("error", err))
	}
}

// listedBroadcast is a message as clients are shown it.
type listedBroadcast struct {
	Message    string `json:"message"`
	Importance string `json:"importance"`
	PostDate   string `json:"post_date"`
}

func listBroadcasts(x *exchange) (any, error) {
	all, err := x.s.Broadcasts(x.ctx())
	if err != nil {
		return nil, err
	}
	rows := make([]listedBroadcast, 0, len(all))
	for _, b := range all {
		rows = append(rows, listedBroadcast{b.Message, b.Importance, wireTime(b.CreatedAt)})
	}
	return rows, nil
}

// serveDemo answers with the bytes of a recording.
func serveDemo(w http.ResponseWriter, r *http.Request, sess Session, o *blob.Object) {
	// In quotes, also where they could be left out: readers split at them.
	w.Header()["Content-Disposition"] = []string{`attachment; filename="` + string(sess.ID) + `.dem"`}
	f := web.File{Content: o.File, Size: o.Info.Size, CacheControl: "private, no-cache", ETag: hex.EncodeToString(sess.SHA256), SHA256: sess.SHA256}
	web.ServeFile(w, r, f)
}
