package demosink

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/demosink/demofile"
	"github.com/quartermasterd/quartermaster/daemon/demosink/masterbase"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func nullFloat(f float64, valid bool) sql.NullFloat64 {
	return sql.NullFloat64{Float64: f, Valid: valid}
}

// file stores the file of a session and notes what it is. A session whose
// file is not there or damaged is one of which nothing is stored.
func (im *importer) file(ctx context.Context, a *arriving) error {
	if a.sess.HasSize || a.sess.Pruned || a.m.Pruned {
		return nil
	}
	f, err := im.o.Files.Open(ctx, masterbase.Demos, a.m.ID)
	switch {
	case fault.Is(err, fault.NotFound) && a.m.Size == 0: // nothing came
		return nil
	case fault.Is(err, fault.NotFound):
		im.without(a, ImportMissing, "its file is not there")
		return nil
	case fault.Is(err, fault.Invalid):
		im.without(a, ImportDamaged, fault.Public(err))
		return nil
	case err != nil:
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	defer func() { im.done += max(0, f.Size) }()
	why := im.unfit(a, f.Size)
	if why == "" {
		if why, err = im.store(ctx, a, f); err != nil {
			return err
		}
	}
	if why != "" {
		im.without(a, ImportDamaged, why)
		return nil
	}
	a.blob = true
	im.report.Files++
	im.report.Bytes += f.Size
	return nil
}

// unfit says why a file of this size cannot be the one of the session.
func (im *importer) unfit(a *arriving, size int64) string {
	switch {
	case size < 0:
		return "nobody knows how large its file is"
	case a.m.HasSize && size != a.m.Size:
		return fmt.Sprintf("its file has %d bytes, and should have %d", size, a.m.Size)
	case size > int64(im.s.config.MaxSessionBytes):
		return "its file is larger than demos.max_session_bytes"
	}
	return ""
}

// without notes that a session has no file that could be used.
func (im *importer) without(a *arriving, kind, why string) {
	im.report.problem(kind, a.m.ID, a.m.Where, why)
	if !a.known {
		a.sess.Suspicion = why
	}
}

// store copies a file into the library while it is measured; a dry run only
// looks at its beginning. why is not "" when it ends too early, or too late.
// Whatever a client sent is stored, also what is no demo.
func (im *importer) store(ctx context.Context, a *arriving, f masterbase.File) (why string, err error) {
	src := &bounded{ctx, &reporting{im, f, a.m.ID, im.done}, f.Size}
	head := make([]byte, min(f.Size, demofile.HeaderSize))
	n, err := io.ReadFull(src, head)
	head = head[:n]
	ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if ended && !fault.Is(err, fault.Unavailable) { // which is a connection that broke
		return fmt.Sprintf("%d of its %d bytes could be read", n, f.Size), nil
	}
	if err != nil {
		return "", err
	}
	if n > 0 && demofile.Sniff(head) == demofile.Unknown {
		im.report.problem(ImportNote, a.m.ID, a.m.Where, "its file does not begin as a demo does; it is stored and marked")
	}
	if im.o.DryRun {
		return "", nil
	}
	if err := im.room(ctx, f.Size); err != nil {
		return "", err
	}
	w, err := im.s.blobs.Create(ctx, a.sess.ID.DemoKey())
	if err != nil {
		return "", err
	}
	defer w.Abort() //nolint:errcheck // after Commit it does nothing, and the first error says more
	var out outcome
	err = im.s.measure(io.MultiReader(bytes.NewReader(head), src), w, &out)
	if errors.Is(err, ErrDemoSize) || err == nil && out.size != f.Size {
		return fmt.Sprintf("%d of its %d bytes could be read", out.size, f.Size), nil
	}
	if err != nil {
		return "", err
	}
	judged := a.sess
	judged.Late = nil // is in its place already
	if err := im.s.judge(&out, judged, bytes.NewReader(head)); err != nil {
		return "", err
	}
	a.describe(&out, head)
	_, err = w.Commit(ctx)
	return "", err
}

// measure copies a recording, and takes its SHA-256, size and statistics.
func (s *Service) measure(r io.Reader, w blob.Writer, out *outcome) error {
	sum := sha256.New()
	count := &scorer{s: s, out: out, known: true}
	buf := chunks.Get().(*chunk)
	defer chunks.Put(buf)
	_, err := io.CopyBuffer(io.MultiWriter(w, sum, count), struct{ io.Reader }{r}, buf[:])
	out.sha256, out.received = sum.Sum(nil), out.size
	return err
}

// describe notes what was found in the file. Masterbase has put the late bytes
// into their place, and its column of them may hold another player's: what the
// file says counts. Its score stays when it has one.
func (a *arriving) describe(o *outcome, head []byte) {
	s := &a.sess
	s.Size, s.HasSize, s.Received, s.SHA256, s.Statistics, s.Suspicion = o.size, true, o.size, o.sha256, o.stats, o.suspicion
	s.Format, s.Server, s.Player, s.GameDir = o.header.Format, o.header.Server, o.header.Player, o.header.GameDir
	s.Seconds, s.Ticks = o.seconds(), o.ticks()
	if !s.HasScore {
		s.Score, s.HasScore = o.stats.Score, o.stats.Scored > 0
	}
	if s.Late == nil || len(head) < demofile.HeaderSize {
		return
	}
	stored := head[demofile.LateOffset:][:demofile.LateSize]
	if s.Late = bytes.Clone(stored); demofile.ParseLate([demofile.LateSize]byte(stored)) == (demofile.Late{}) {
		s.Late = nil
	}
}

// reporting tells of progress.
type reporting struct {
	im     *importer
	from   io.Reader
	name   string
	before int64
}

// Read implements io.Reader.
func (r *reporting) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if r.before += int64(n); r.im.o.Report != nil {
		r.im.o.Report(r.name, r.before, max(r.before, r.im.total))
	}
	return n, err
}

// analysisFile reads the file of an analysis and stores it, as workers would.
// It returns nil when there is none that could be used.
func (im *importer) analysisFile(ctx context.Context, a *arriving) ([]byte, error) {
	if !a.analysed { // it waits to be taken in here as well
		_, err := im.s.blobs.Stat(ctx, a.sess.ID.AnalysisKey())
		if !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	f, err := im.o.Files.Open(ctx, masterbase.Analyses, a.m.ID)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	var b []byte
	if err == nil {
		defer f.Close() //nolint:errcheck // only read
		b, err = io.ReadAll(io.LimitReader(f, maxAnalysis+1))
	}
	if err == nil && len(b) > maxAnalysis {
		err = errSchema
	}
	if err == nil {
		_, err = parseAnalysis(b)
	}
	if fault.Is(err, fault.Invalid) {
		im.report.problem(ImportNote, a.m.ID, a.m.Where, "its analysis: "+fault.Public(err))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if im.o.DryRun || a.sess.Pruned {
		return b, nil
	}
	return b, im.storeAnalysis(ctx, a, b)
}

// storeAnalysis stores the file of an analysis unless one is here.
func (im *importer) storeAnalysis(ctx context.Context, a *arriving, b []byte) error {
	_, err := im.s.blobs.Stat(ctx, a.sess.ID.AnalysisKey())
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	w, err := im.s.blobs.Create(ctx, a.sess.ID.AnalysisKey())
	if err != nil {
		return err
	}
	defer w.Abort() //nolint:errcheck // after Commit it does nothing, and the first error says more
	if _, err := w.Write(b); err != nil {
		return err
	}
	_, err = w.Commit(ctx)
	return err
}
