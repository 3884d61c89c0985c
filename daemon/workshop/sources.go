package workshop

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// newSources wires what supplies versions: the operator's folders, and the
// sources in the configured order.
func (s *Service) newSources() error {
	if err := s.newPeers(); err != nil {
		return err
	}
	s.rootLevel.Set(slog.LevelDebug)
	s.details = NewDetails(s.steam, s.clock, s.log, s.learn)
	s.roots = NewRoots(RootsOptions{
		Dirs: s.config.Roots, Limits: s.zipLimits(), Records: rootRecords{s}, Changed: s.rootsChanged,
		Clock: s.clock, Log: s.log, LogLevel: &s.rootLevel,
	})
	for _, name := range s.config.Sources {
		switch name {
		case sourceFolder:
			s.sources = append(s.sources, NewFolderSource(s.roots, s.clock, s.zipLimits()))
		case sourceSteamURL:
			s.sources = append(s.sources, NewSteamURL(SteamURLOptions{
				APIURL: s.options.Steam.APIURL, Lookup: s.details.Lookup, Clock: s.clock, Log: s.log, Received: s.options.Received,
			}))
		case sourcePeers:
			if s.peers.Enabled() {
				s.sources = append(s.sources, peerSource{s})
			}
		case sourceSteamCMD:
			if err := s.newSteamCMD(); err != nil {
				return err
			}
		default:
			return fault.New(fault.Invalid, "workshop.sources names the unknown source %q", name).
				WithFields(fault.Field{Name: "workshop.sources", Message: "folder, steam-url, peers and steamcmd exist"})
		}
	}
	return nil
}

// newSteamCMD wires the source "steamcmd", which is off without a path.
func (s *Service) newSteamCMD() error {
	if s.options.SteamCMD.Path == "" {
		return nil
	}
	source, err := NewSteamCMD(SteamCMDOptions{
		Config: s.options.SteamCMD, Dir: s.steamcmdDir(), Limits: s.zipLimits(), Space: s.steamcmdSpace, Free: s.freeBeyond,
		Clock: s.clock, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.steamcmd, s.sources = source, append(s.sources, source)
	return nil
}

// steamcmdDir is where SteamCMD works: its homes and the folders of its jobs.
func (s *Service) steamcmdDir() string { return filepath.Join(s.options.DataDir, "steamcmd") }

// steamcmdSpace returns fault.NoSpace unless the disk has room for more bytes,
// one half of them the content, which goes again, the other the zip, which
// stays.
func (s *Service) steamcmdSpace(ctx context.Context, more int64) error {
	if err := s.promises.Fits(ctx, more/2); err != nil {
		return err
	}
	return s.checkSpace(ctx, more)
}

// freeBeyond returns the free bytes of the disk of a folder beyond what is to
// stay free and what downloads under way were promised.
func (s *Service) freeBeyond(dir string) (int64, error) {
	free, err := durable.Disk.Free(dir)
	return free - int64(s.policy.retention().MinFree) - s.promises.ahead.Load(), err
}

// adopt takes a zip in one of the operator's folders into the index at once;
// the database learns of it from rootsChanged.
func (s *Service) adopt(f Found) *stored {
	return s.index.put(s.foundVersion(f))
}

// foundVersion describes a zip in one of the operator's folders.
func (s *Service) foundVersion(f Found) Version {
	v := Version{
		Name: f.Name, State: Ready, Path: f.Path(), Size: f.Size, Print: f.Print,
		Source: sourceFolder, Origin: f.Root, StoredAt: s.clock.Now(),
	}
	if f.Damage != "" {
		v.State, v.Reason = Quarantined, damagedText(f.Damage)
	}
	if old := s.index.get(f.Name); old != nil && old.Path == v.Path {
		v.StoredAt = old.StoredAt
		if old.Print == v.Print {
			v.SHA256, v.VerifiedAt = old.SHA256, old.VerifiedAt
		}
	}
	return v
}

// rootsChanged brings index and database in line with what Roots found.
func (s *Service) rootsChanged(names []Name) {
	for batch := range slices.Chunk(names, 500) {
		s.rootsBatch(batch)
	}
}

func (s *Service) rootsBatch(names []Name) {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	var found []Version
	var gone []Name
	for _, n := range names {
		f, ok := s.roots.lookup(n)
		if ok {
			s.records.reopen(n)
		}
		st := s.index.get(n)
		switch {
		case st != nil && st.ours():
			// Our own copy is served; the file is only its double.
		case (ok || f.Damage != "") && f.Kind == Zip:
			if v := s.foundVersion(f); st == nil || st.Path != v.Path || st.Print != v.Print || st.State != v.State || st.UpdatedAt.IsZero() {
				found = append(found, v)
			}
		case st != nil:
			gone = append(gone, n)
		}
	}
	if len(found)+len(gone) == 0 {
		return
	}
	var put []Version
	ok := s.write(ctx, "contents of the Workshop folders", func(tx *db.Tx) error {
		put = put[:0]
		for _, v := range found {
			stored, err := putVersion(ctx, tx, v)
			if err != nil {
				return err
			}
			put = append(put, stored)
		}
		for _, n := range gone {
			if err := removeVersion(ctx, tx, n, "The file is gone"); err != nil {
				return err
			}
		}
		return nil
	})
	if !ok {
		return
	}
	for _, v := range put {
		s.index.put(v)
		s.changed(v.Name.Item)
	}
	for _, n := range gone {
		s.index.drop(n)
		s.changed(n.Item)
	}
}

// reconcileRoots forgets versions whose file lies in no configured folder any
// more. It runs after a scan.
func (s *Service) reconcileRoots() {
	var gone []Name
	for _, st := range s.index.all() {
		if st.ours() {
			continue
		}
		if f, ok := s.roots.lookup(st.Name); !ok && f.Damage == "" || f.Kind != Zip {
			gone = append(gone, st.Name)
		}
	}
	s.rootsChanged(gone)
}

// rootRecords remembers the checks of the operator's files in the table of
// versions.
type rootRecords struct{ s *Service }

// Verdict returns what the last check said of exactly this file.
func (r rootRecords) Verdict(f Found) (damage string, ok bool) {
	st := r.s.index.get(f.Name)
	if st == nil || st.ours() || st.Print != f.Print || st.Path != f.Path() {
		return "", false
	}
	if st.State == Quarantined {
		return strings.TrimPrefix(st.Reason, damagedPrefix), true
	}
	return "", !st.VerifiedAt.IsZero()
}

// Checked stores the outcome of a check.
func (r rootRecords) Checked(ctx context.Context, c Check) error {
	if st := r.s.index.get(c.Found.Name); st != nil && st.ours() {
		return nil
	}
	v := r.s.foundVersion(c.Found)
	v.SHA256, v.VerifiedAt = c.SHA256, c.At
	if c.Damage != nil {
		v.State, v.Reason = Quarantined, damagedText(fault.Public(c.Damage))
	}
	return r.s.putStored(ctx, v)
}
