package catalog

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Bodies of the download endpoints. The texts are part of the wire; clients
// branch on error_id, whose meaning is per endpoint.
const (
	textNotReady   = "the server is not ready to process requests"
	textNotFound   = "this mod was not found"
	textProcessing = "your request is already being processed"
	textNotSteam   = "steam is not reachable"
	textAbsent     = "the mod is not on the server"
	textDamaged    = "the mod is damaged"
	textLoading    = "this mod is still loading"
	textTooMany    = "too many requests for mods that are not here"
	textCurrent    = "the mod is up to date"
	textRange      = "the range lies outside of the archive"
	textChanged    = "the archive is another one"
)

// notReadyFor is how long a client is asked to wait when nothing can be
// fetched. 102 and 103, which the original sent, are never sent: they are
// interim statuses, and clients take them for the end or never see it.
const notReadyFor = 5 * time.Second

// linesPerSecond bounds the log of what was sent. The statistics count
// everything.
const linesPerSecond = 200

// download is one call of a download endpoint.
type download struct {
	*exchange
	id      int64
	ok, no  string // types of the timings; empty: none
	recheck bool   // only look whether there is something newer
}

// downloadSteam serves an item after asking Steam whether it is current, or
// has it fetched.
func downloadSteam(x *exchange, param string) {
	id, ok := x.item(param, countDownloadSteam)
	if !ok {
		return
	}
	d := download{exchange: x, id: id, ok: timeDownloadSteamOK, no: timeDownloadSteamNo}
	d.fromSteam()
}

// updateSteam asks Steam whether an item is current and has it updated if it
// is not, without sending it.
func updateSteam(x *exchange, param string) {
	id, ok := x.item(param, countUpdateSteam)
	if !ok {
		return
	}
	d := download{exchange: x, id: id, recheck: true}
	if !x.s.library.Stock(id).listed() {
		x.fail(http.StatusNotFound, textAbsent, 2)
		return
	}
	d.fromSteam()
}

// downloadCached serves what is here and starts nothing.
func downloadCached(x *exchange, param string) {
	id, ok := x.item(param, countDownload)
	if !ok {
		return
	}
	d := download{exchange: x, id: id, ok: timeDownloadLocalOK, no: timeDownloadLocalNo}
	stock := x.s.library.Stock(id)
	if stock.Stored {
		err := d.serve()
		switch {
		case err == nil:
			return
		case fault.Is(err, fault.Invalid):
			d.count(countDamaged)
			d.refuse(http.StatusNotFound, textDamaged, 2)
			return
		case !fault.Is(err, fault.NotFound): // being checked, or for a moment out of reach
			d.refuse(http.StatusAccepted, textLoading, 3)
			return
		}
		stock = x.s.library.Stock(id)
	}
	if stock.Fetching || stock.Queued {
		d.refuse(http.StatusAccepted, textLoading, 3)
		return
	}
	d.count(countNotFound)
	d.refuse(http.StatusNotFound, textAbsent, 1)
}

// item reads the id in the path and counts the request. It reports whether to
// go on.
func (x *exchange) item(text, kind string) (id int64, ok bool) {
	p := x.params()
	id = p.pathID("mod_id", text)
	return id, x.begin(kind, p)
}

// failed notes how long an answer without a file took.
func (d *download) failed() {
	if d.no != "" {
		d.timing(d.no)
	}
}

// refuse answers without a file.
func (d *download) refuse(status int, message string, errorID int) {
	d.failed()
	d.fail(status, message, errorID)
}

// later answers 503.
func (d *download) later(message string, errorID int, wait time.Duration) {
	web.SetRetryAfter(d.w.Header(), wait)
	d.refuse(http.StatusServiceUnavailable, message, errorID)
}

// notFound answers 404; reason says why nobody tries, if that is known.
func (d *download) notFound(reason string) {
	d.count(countNotFound)
	if reason == "" {
		d.refuse(http.StatusNotFound, textNotFound, 2)
		return
	}
	d.failed()
	b := appendString([]byte(`{"message":"`+textNotFound+`","error_id":2,"reason":`), reason)
	d.write(http.StatusNotFound, append(b, '}'))
}

// fromSteam goes through the checks in the order that clients know: Steam,
// a job under way, what is here, whether anything can be fetched at all.
func (d *download) fromSteam() {
	lib, ctx := d.s.library, d.r.Context()
	if d.id <= 0 {
		d.notFound("")
		return
	}
	stock := lib.Stock(d.id)
	if !d.counts() {
		d.fromMemory(stock)
		return
	}
	if !stock.listed() && !d.admitted() {
		return
	}
	details, err := lib.Describe(ctx, d.id)
	switch gone := fault.Is(err, fault.NotFound) || fault.Is(err, fault.Forbidden); {
	case err == nil:
	case stock.Stored && (gone || !d.recheck) && d.sent(&stock): // whether there is a newer one nobody can say
		return
	case gone:
		d.notFound(refusalOf(err))
		return
	case stock.Fetching || stock.Queued:
		d.refuse(http.StatusAccepted, textProcessing, 3)
		return
	default:
		d.later(textNotSteam, 4, retryOf(err))
		return
	}
	stock = lib.Stock(d.id) // asking took its time
	current := stock.Stored && stock.Version >= details.Updated
	switch {
	case !current && (stock.Fetching || stock.Queued):
		d.refuse(http.StatusAccepted, textProcessing, 3)
		return
	case current && d.sent(&stock):
		return
	}
	d.queue(ctx, stock, details.Updated)
}

// fromMemory answers a HEAD: it starts nothing, so it goes by what is known and
// asks nobody.
func (d *download) fromMemory(stock Stock) {
	if stock.Stored && d.sent(&stock) {
		return
	}
	if stock.Fetching || stock.Queued {
		d.refuse(http.StatusAccepted, textProcessing, 3)
		return
	}
	known, ok := d.s.library.Details(d.id)
	if !ok || known.Updated <= 0 {
		d.notFound("")
		return
	}
	d.queue(d.r.Context(), stock, known.Updated)
}

// refusalOf is what clients are told beyond "not found": that the item exists
// and we do not deal with it.
func refusalOf(err error) string {
	if fault.Is(err, fault.Forbidden) {
		return fault.Public(err)
	}
	return ""
}

// admitted asks the limiter of requests that start work, and answers 429.
func (d *download) admitted() bool {
	if d.s.options.Admit == nil {
		return true
	}
	ok, wait := d.s.options.Admit(d.r)
	if !ok {
		web.SetRetryAfter(d.w.Header(), wait)
		d.fail(http.StatusTooManyRequests, textTooMany, http.StatusTooManyRequests)
	}
	return ok
}

// sent serves what is here. It reports false, having sent nothing, when that
// turned out to be damaged; stock is what is left then.
func (d *download) sent(stock *Stock) bool {
	if d.recheck {
		b := []byte(`{"message":"` + textCurrent + `","error_id":0,"updating":false}`)
		d.write(http.StatusOK, b)
		return true
	}
	err := d.serve()
	switch {
	case err == nil:
		return true
	case fault.Is(err, fault.Invalid):
		d.count(countDamaged)
	case !fault.Is(err, fault.NotFound): // being checked, or for a moment out of reach
		d.refuse(http.StatusAccepted, textProcessing, 3)
		return true
	}
	*stock = d.s.library.Stock(d.id)
	return false
}

// queue asks for the version that Steam has, unless it is a HEAD.
func (d *download) queue(ctx context.Context, stock Stock, version int64) {
	failed, before, err := d.s.store.failure(ctx, d.id)
	if err != nil {
		d.s.log.Error("the failures of an item were not read", "item", d.id, "error", err)
	}
	if before && failed.Permanent && d.start.Before(failed.RetryAt) {
		if !stock.Stored || !d.sent(&stock) {
			d.notFound(failed.Reason)
		}
		return
	}
	if err := d.s.library.Ready(); err != nil {
		d.later(textNotReady, 1, notReadyFor)
		return
	}
	if !d.counts() {
		d.queued(stock, before)
		return
	}
	began, err := d.s.library.Want(ctx, d.id, version, d.start, failed.RetryAt)
	switch {
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Forbidden):
		d.notFound(fault.Public(err))
		return
	case err != nil:
		d.s.log.Warn("a mod was not queued", "item", d.id, "error", err)
		d.later(textNotReady, 1, retryOf(err))
		return
	case !began:
		d.refuse(http.StatusAccepted, textProcessing, 3)
		return
	}
	d.queued(stock, before)
}

// queued answers that the item is on the list of jobs; before says whether it
// failed the last time.
func (d *download) queued(stock Stock, before bool) {
	b := []byte(`{"message":"request added to queue","error_id":0,"unsuccessful_attempts":`)
	b = append(strconv.AppendBool(b, before), `,"updating":`...)
	b = append(strconv.AppendBool(b, stock.Stored), '}')
	if stock.Stored {
		d.count(countUpdating)
	}
	d.write(http.StatusAccepted, b)
}

// retryOf is when err says to come back.
func retryOf(err error) time.Duration {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return max(f.RetryAfter, notReadyFor)
	}
	return notReadyFor
}

// serve sends the newest version that is here, or returns why not.
func (d *download) serve() error {
	archive, err := d.s.library.Open(d.r.Context(), d.id)
	if err != nil {
		return err
	}
	defer archive.File.Content.Close() //nolint:errcheck // only read
	took := d.s.clock.Now().Sub(d.start)
	known, _ := d.s.library.Details(d.id)
	t := web.Tally{ResponseWriter: d.w}
	archive.File.ContentType, archive.File.Disposition = typeZIP, disposition(known.Name, d.id)
	archive.File.Refuse = d.refuseFile
	web.ServeFile(&t, d.r, archive.File)
	d.logSent(archive.Version, known.Name, &t)
	if !d.counts() {
		return nil
	}
	if archive.Served != nil {
		archive.Served(t.Status, t.Bytes)
	}
	if t.Whole() {
		d.s.timing(d.ok, d.start, took)
		d.s.count(countSent)
		d.s.delivered(d.id, int64(known.App))
	}
	return nil
}

// refuseFile answers 412 and 416 in the form of the face.
func (d *download) refuseFile(w http.ResponseWriter, status int) {
	x := *d.exchange
	x.w = w
	text := textChanged
	if status == http.StatusRequestedRangeNotSatisfiable {
		text = textRange
	}
	x.fail(status, text, status)
}

// logSent writes the line of an archive that was asked for.
func (d *download) logSent(version int64, name string, t *web.Tally) {
	ctx := d.r.Context()
	if !d.s.log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	if ok, _ := d.s.lines.Allow(struct{}{}); !ok {
		return
	}
	attrs := make([]slog.Attr, 0, 11)
	attrs = append(attrs, slog.Any("ip", web.ClientIP(d.r)), slog.Int("status", t.Status), slog.Int64("bytes", t.Bytes),
		slog.Int64("ms", d.s.clock.Now().Sub(d.start).Milliseconds()), slog.Int64("item", d.id), slog.Int64("version", version),
		slog.String("title", name), slog.Bool("complete", t.Err == nil && (t.Bytes == t.Length || !d.counts())))
	attrs = web.AppendClient(attrs, d.r)
	d.s.log.LogAttrs(ctx, slog.LevelInfo, d.r.Method+" archive", attrs...)
}

// queueSize answers with the number of jobs that wait or run, which is all of
// the body.
func queueSize(x *exchange, _ string) {
	x.count(countQueueSize)
	x.write(http.StatusOK, strconv.AppendInt(nil, int64(x.s.library.Queue()), 10))
}
