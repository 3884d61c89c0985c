package workshop

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/workshop/catalog"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
	"github.com/quartermasterd/quartermaster/daemon/workshop/pytorrent"
)

const (
	sourceImport    = "import"    // Version.Source of what was taken over
	originPyTorrent = "PyTorrent" // Version.Origin of it
	importBatch     = 500         // rows written in one transaction
)

// ImportOptions say what is taken over.
type ImportOptions struct {
	// Dir holds the folders sql and steamapps of the old server.
	Dir string
	// Zone is the time zone that its clock was in.
	Zone *time.Location
	// DryRun only looks: archives are listed and not read to the end.
	DryRun bool
	// Report, which may be nil, is told which archive is being read, and how
	// many of the bytes of all archives are done.
	Report func(name string, done, total int64)
}

// ImportReport says what was taken over, or would be.
type ImportReport struct {
	Dir      string       `json:"dir"`
	DryRun   bool         `json:"dry_run"`
	TimeZone string       `json:"time_zone"`
	Mods     int          `json:"mods"`    // archives that were taken over
	Bytes    int64        `json:"bytes"`   // of them
	Present  int          `json:"present"` // versions that were here before
	Games    int          `json:"games"`
	Hours    int          `json:"hours"`
	Days     int          `json:"days"`
	Timings  int          `json:"timings"`
	Skipped  []SkippedMod `json:"skipped"` // never null
}

// SkippedMod is a mod that was left where it is.
type SkippedMod struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Why  string `json:"why"`
}

// importer takes one installation over.
type importer struct {
	s       *Service
	o       ImportOptions
	in      *pytorrent.Installation
	games   []*pytorrent.Game
	order   []importMod
	total   int64 // bytes of the archives to be read
	done    int64
	adopted []catalog.Adopted
	report  ImportReport
}

// importMod is a mod that can be taken over.
type importMod struct {
	*pytorrent.Mod
	name    Name
	archive pytorrent.Archive
	present bool // stored here already
}

// ImportPyTorrent takes over the archives, the catalogue and the statistics of
// an old PyTorrent. Archives are stored as they are, compressed by bzip2 or
// not, after every byte was checked. Doing it again takes over what is new and
// changes nothing else; nothing of the old server is written. What cannot be
// taken is left out and reported. The error is fault.NotFound when there is no
// such server in the folder and fault.NoSpace when the disk has no room for
// all of it; the report holds what was done until then.
func (s *Service) ImportPyTorrent(ctx context.Context, o ImportOptions) (_ ImportReport, err error) {
	im := &importer{s: s, o: o, report: ImportReport{Dir: o.Dir, DryRun: o.DryRun, TimeZone: o.Zone.String(), Skipped: []SkippedMod{}}}
	if err := s.load(ctx); err != nil {
		return im.report, err
	}
	im.in, err = pytorrent.Open(ctx, o.Dir, s.options.DataDir, o.Zone)
	if err != nil {
		return im.report, err
	}
	defer func() { err = errors.Join(err, im.in.Close()) }()
	if err = im.plan(ctx); err == nil {
		err = s.checkSpace(ctx, im.total)
	}
	if err == nil {
		err = im.archives(ctx)
	}
	if err == nil {
		err = im.counters(ctx)
	}
	return im.report, err
}

// plan reads the old catalogue and decides about every mod.
func (im *importer) plan(ctx context.Context) (err error) {
	if im.games, err = im.in.Games(ctx); err != nil {
		return err
	}
	im.report.Games = len(im.games)
	mods, err := im.in.Mods(ctx)
	if err != nil {
		return err
	}
	archives, err := im.in.Archives()
	if err != nil {
		return err
	}
	for _, m := range mods {
		x := importMod{Mod: m, name: Name{Item: ItemID(max(m.ID, 0)), Version: m.Updated.Unix()}}
		found := false
		x.archive, found = archives.Find(m.ID, m.Game)
		why := ""
		switch {
		case m.ID <= 0:
			why = "it has no valid id"
		case m.Condition != 0 && m.Condition != 1: // at 1 the archive is whole
			why = fmt.Sprintf("it was not complete (condition %d)", m.Condition)
		case x.name.Version <= 0 || x.name.Version > maxVersion:
			why = "its row does not say when it was updated"
		case !found:
			why = "its archive is missing"
		case x.archive.Size > int64(im.s.config.MaxItemBytes):
			why = fault.Public(tooLarge(int64(im.s.config.MaxItemBytes)))
		}
		if why != "" {
			im.skip(m, why)
			continue
		}
		if m.Game == 0 {
			m.Game = x.archive.Game
		}
		if st := im.s.index.get(x.name); st != nil && st.servable() {
			x.present = true
		} else {
			im.total += x.archive.Size
		}
		im.order = append(im.order, x)
	}
	return nil
}

func (im *importer) skip(m *pytorrent.Mod, why string) {
	im.report.Skipped = append(im.report.Skipped, SkippedMod{ID: m.ID, Name: m.Name, Why: why})
}

// archives takes over the archives and what is known of their mods.
func (im *importer) archives(ctx context.Context) error {
	if err := im.adoptGames(ctx); err != nil {
		return err
	}
	for _, x := range im.order {
		if err := im.archive(ctx, x); err != nil {
			return errors.Join(err, im.flush(ctx))
		}
		if len(im.adopted) >= importBatch/10 {
			if err := im.flush(ctx); err != nil {
				return err
			}
		}
	}
	return im.flush(ctx)
}

// archive takes over one mod. A damaged archive is left out.
func (im *importer) archive(ctx context.Context, x importMod) error {
	if im.o.Report != nil && !x.present {
		im.o.Report(x.name.File(), im.done, im.total)
	}
	var err error
	switch {
	case x.present:
	case im.o.DryRun:
		err = im.look(ctx, x)
	default:
		err = im.store(ctx, x)
	}
	if !x.present {
		im.done += x.archive.Size
	}
	switch {
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.TooLarge), fault.Is(err, fault.NotFound), fault.Is(err, fault.Forbidden):
		im.skip(x.Mod, fault.Public(err))
		return nil
	case err != nil:
		return err
	case x.present:
		im.report.Present++
	default:
		im.report.Mods++
		im.report.Bytes += x.archive.Size
	}
	if im.o.DryRun {
		return nil
	}
	return im.describe(ctx, x)
}

// limits are those of an archive that is taken over.
func (im *importer) limits() modzip.Limits {
	l := im.s.zipLimits()
	l.Bzip2 = true
	return l
}

// look checks the list of entries of an archive.
func (im *importer) look(ctx context.Context, x importMod) error {
	f, err := openArchive(x.archive)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	return modzip.Verify(ctx, f, x.archive.Size, modzip.Directory, im.limits())
}

func openArchive(a pytorrent.Archive) (*os.File, error) {
	f, err := os.Open(a.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.Wrap(err, fault.NotFound, "its archive is missing")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Forbidden, "its archive cannot be read")
	}
	return f, nil
}

// store copies an archive, checks every byte and makes it a version.
func (im *importer) store(ctx context.Context, x importMod) error {
	s := im.s
	if err := s.checkSpace(ctx, x.archive.Size); err != nil {
		return err
	}
	f, err := openArchive(x.archive)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	incoming := "incoming/import-" + x.name.File()
	w, err := s.blobs.Create(ctx, incoming)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), contextReader{ctx, f})
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	if _, err := w.Commit(ctx); err != nil {
		return err
	}
	var releases []func() // the blob must not be removed before its row is there
	defer func() {
		for _, release := range releases {
			release()
		}
	}()
	v := Version{
		Name: x.name, State: Ready, Size: n, SHA256: sum.Sum(nil), Source: sourceImport, Origin: originPyTorrent,
		RequestedAt: x.Requested,
	}
	hold := func(key string) { releases = append(releases, s.holds.take(key)) }
	if err := s.install(ctx, hold, incoming, &v, im.limits()); err != nil {
		return errors.Join(err, s.blobs.Delete(context.WithoutCancel(ctx), incoming))
	}
	return im.put(ctx, x, v)
}

// put writes the rows of a version and, unless Steam told us of it, of its
// item.
func (im *importer) put(ctx context.Context, x importMod, v Version) error {
	s := im.s
	known, err := s.store.items(ctx, []ItemID{x.name.Item})
	if err != nil {
		return err
	}
	item := Item{FileDetails: webapi.FileDetails{
		ID: uint64(x.name.Item), Result: webapi.ResultOK, AppID: uint32(x.Game), Title: x.Mod.Name, Updated: x.name.Version,
		Created: seconds(x.Created), Size: x.Size,
	}}
	for _, r := range x.Resources {
		if r.Type == "logo" {
			item.Preview = r.URL
		}
	}
	err = s.store.db.Write(ctx, func(tx *db.Tx) (err error) {
		if len(known) == 0 {
			if err := putItem(ctx, tx, item); err != nil {
				return err
			}
		}
		if v, err = putVersion(ctx, tx, v); err != nil {
			return err
		}
		return endJobs(ctx, tx, v.Name)
	})
	if err != nil {
		return err
	}
	if len(known) == 0 {
		s.records.remember(item)
	}
	s.index.put(v)
	s.changed(v.Name.Item)
	return nil
}

// seconds is Unix time, 0 for the zero time.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// describe notes what the old catalogue knew of a mod.
func (im *importer) describe(ctx context.Context, x importMod) error {
	text, err := im.in.Description(ctx, x.ID)
	if err != nil {
		return err
	}
	a := catalog.Adopted{
		Details: catalog.Details{
			ID: x.ID, App: uint32(x.Game), Name: x.Mod.Name, Description: text, Size: x.Size,
			Created: seconds(x.Created), Updated: x.name.Version, Tags: x.Tags, Dependencies: x.Dependencies,
		},
		Version: x.name.Version, Incomplete: x.Condition != 0, Source: catalog.SourceSteam, Downloads: x.Downloads, DeliveredAt: x.Requested,
		PictureTimes: map[string]time.Time{},
	}
	for _, r := range x.Resources {
		a.PictureTimes[r.URL] = r.Changed
		switch r.Type {
		case "logo":
			a.Logo = r.URL
		case "screenshot":
			a.Screenshots = append(a.Screenshots, r.URL)
		}
	}
	im.adopted = append(im.adopted, a)
	return nil
}

// adoptGenres takes over the genres, also those that no game has: they were
// listed, too.
func (im *importer) adoptGenres(ctx context.Context) error {
	old, err := im.in.Genres(ctx)
	if err != nil {
		return err
	}
	genres := make([]catalog.Genre, len(old))
	for i, g := range old {
		genres[i] = catalog.Genre(g)
	}
	return im.s.catalog.AdoptGenres(ctx, genres)
}

// adoptGames takes over the genres and the games. A daemon that runs reads
// the genres when it sees a game change, so they come first.
func (im *importer) adoptGames(ctx context.Context) error {
	if im.o.DryRun {
		return nil
	}
	games := make([]catalog.AdoptedGame, 0, len(im.games))
	for _, g := range im.games {
		if g.ID <= 0 {
			continue
		}
		a := catalog.AdoptedGame{Downloads: g.Downloads, Game: catalog.Game{
			ID: g.ID, Name: g.Name, Type: g.Type, Logo: g.Logo, ShortDescription: g.ShortDescription, Description: g.Description,
			Source: g.Source, CreatedAt: g.Created, Placeholder: g.Name == "",
		}}
		for _, genre := range g.Genres {
			a.Genres = append(a.Genres, catalog.Genre{ID: genre.ID, Name: genre.Name})
		}
		games = append(games, a)
	}
	if err := im.adoptGenres(ctx); err != nil {
		return err
	}
	return im.s.catalog.Adopt(ctx, games, nil)
}

// flush writes what is known of the mods so far.
func (im *importer) flush(ctx context.Context) error {
	if len(im.adopted) == 0 {
		return nil
	}
	err := im.s.catalog.Adopt(context.WithoutCancel(ctx), nil, im.adopted)
	im.adopted = nil
	return err
}

// counters takes over the statistics.
func (im *importer) counters(ctx context.Context) error {
	var hours []catalog.Hour
	var days []catalog.Day
	var timings []catalog.Timing
	flush := func(least int) error {
		if len(hours)+len(days)+len(timings) < least {
			return nil
		}
		im.report.Hours += len(hours)
		im.report.Days += len(days)
		im.report.Timings += len(timings)
		var err error
		if !im.o.DryRun {
			err = im.s.catalog.AdoptCounters(ctx, hours, days, timings)
		}
		hours, days, timings = nil, nil, nil
		return err
	}
	err := im.in.Hours(ctx, func(h pytorrent.Hour) error {
		hours = append(hours, catalog.Hour(h))
		return flush(importBatch)
	})
	if err == nil {
		err = im.in.Days(ctx, func(d pytorrent.Day) error {
			days = append(days, catalog.Day(d))
			return flush(importBatch)
		})
	}
	if err == nil {
		err = im.in.Timings(ctx, func(t pytorrent.Timing) error {
			timings = append(timings, catalog.Timing(t))
			return flush(importBatch)
		})
	}
	if err == nil {
		err = flush(1)
	}
	if err == nil && !im.o.DryRun {
		err = im.s.catalog.PruneTimings(ctx)
	}
	return err
}
