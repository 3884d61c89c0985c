package workshop

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// runProbes looks on disk for names that were asked for in vain.
func (r *Roots) runProbes(ctx context.Context) {
	for {
		select {
		case n := <-r.probes:
			r.Probe(ctx, n)
		case <-ctx.Done():
			return
		}
	}
}

// Probe looks on disk for the canonical spellings of n, and again at what the
// index holds of it, and returns what Lookup then would. Other spellings are
// found by a scan.
func (r *Roots) Probe(ctx context.Context, n Name) (Found, bool) {
	var changed bool
	for _, d := range r.dirs {
		if ctx.Err() != nil {
			break
		}
		root, err := os.OpenRoot(d.path)
		if err != nil {
			continue // the next scan reports it
		}
		changed = r.probe(root, d, n, Zip) || changed
		changed = r.probe(root, d, n, Folder) || changed
		changed = r.probeLibraries(root, d, n) || changed
		root.Close() //nolint:errcheck // only read
	}
	if changed {
		r.changed([]Name{n})
		signal(r.check)
	}
	return r.lookup(n)
}

func (r *Roots) probe(root *os.Root, d *rootDir, n Name, kind Kind) (changed bool) {
	r.mu.RLock()
	old := d.table(kind)[n]
	if old != nil && old.proof != (proof{}) {
		old = nil // probeLibraries looks at it
	}
	file := n.String()
	if kind == Zip {
		file = n.File()
	}
	if old != nil {
		file = old.File
	}
	r.mu.RUnlock()
	f, err := statFound(root, d.path, file, fs.ModeSymlink) // follows links inside the root
	if err != nil || f == nil || f.Kind != kind {
		if old != nil && errors.Is(err, fs.ErrNotExist) {
			r.drop(d, *old)
			return true
		}
		return false
	}
	f.Name = n
	r.recall(f)
	return r.put(d, f)
}

func (d *rootDir) table(k Kind) map[Name]*Found {
	if k == Zip {
		return d.zips
	}
	return d.folders
}

// put adds or replaces what the index holds, keeping the verdict on a file
// that did not change.
func (r *Roots) put(d *rootDir, f *Found) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d.zips == nil {
		d.zips, d.folders = map[Name]*Found{}, map[Name]*Found{}
	}
	table := d.table(f.Kind)
	old := table[f.Name]
	if old != nil && old.Print == f.Print && old.File == f.File && old.proof == f.proof {
		return false
	}
	if old == nil && len(d.zips)+len(d.folders) >= maxRootEntries {
		return false
	}
	table[f.Name] = f
	return true
}

func (r *Roots) drop(d *rootDir, f Found) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := d.table(f.Kind)[f.Name]; old != nil && old.Print == f.Print && old.File == f.File {
		delete(d.table(f.Kind), f.Name)
	}
}

// openZip opens what z describes and describes it anew from the open file.
func (r *Roots) openZip(ctx context.Context, d *rootDir, z Found) (*os.File, Found, error) {
	f, now, err := r.openFound(d, z)
	if err != nil {
		return nil, z, err
	}
	if err := r.admit(ctx, d, f, &now); err != nil {
		f.Close() //nolint:errcheck // only read
		return nil, now, err
	}
	return f, now, nil
}

// openFound opens the file and, when it is no longer what the index says,
// corrects the index.
func (r *Roots) openFound(d *rootDir, z Found) (*os.File, Found, error) {
	f, err := openIn(d.path, z.File)
	if err != nil {
		switch {
		case errors.Is(err, fs.ErrPermission):
			r.bar(d, z, err)
		case errors.Is(err, fs.ErrNotExist):
			r.drop(d, z)
			r.changed([]Name{z.Name})
		}
		return nil, z, unreadable(err, z.Path())
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrInvalid
	}
	if err != nil {
		f.Close() //nolint:errcheck // only read
		return nil, z, unreadable(err, z.Path())
	}
	if z.barred { // not any more
		r.drop(d, z)
	}
	if p := fingerprintOf(info); p != z.Print || z.barred {
		z = Found{Name: z.Name, Kind: Zip, Root: z.Root, File: z.File, Size: info.Size(), ModTime: info.ModTime(), Print: p}
		r.recall(&z)
		fresh := z
		if r.put(d, &fresh) {
			r.changed([]Name{z.Name})
		}
	}
	return f, z, nil
}

// openIn opens a file in one of the operator's folders. The handle of the
// folder is not kept: it would keep the operator from unmounting the disk.
func openIn(dir, file string) (*os.File, error) {
	if f, decided, err := durable.OpenLiteral(filepath.Join(dir, file)); decided || err != nil {
		return f, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // only read
	return root.Open(file)
}

// bar notes that the account may not read the zip. What follows from that for
// the versions that are known is for the caller to say.
func (r *Roots) bar(d *rootDir, z Found, err error) {
	r.mu.Lock()
	old := d.zips[z.Name]
	news := old != nil && old.Print == z.Print && old.File == z.File && !old.barred
	if news {
		z = *old
		z.barred, z.Checked, z.unread = true, false, reason(err).Error()
		d.zips[z.Name] = &z
	}
	r.mu.Unlock()
	if p, _ := z.problem(); news {
		Problem(p).log(r.o.Log, r.o.LogLevel.Level())
	}
}

// admit decides whether the open file may be served. A file that was never
// read in full must at least have a sound directory.
func (r *Roots) admit(ctx context.Context, d *rootDir, f *os.File, z *Found) error {
	if z.Damage != "" {
		return fault.New(fault.Invalid, "%s", z.Damage)
	}
	if z.Checked || z.looked {
		return nil
	}
	select {
	case r.boosts <- z.Name:
		signal(r.check)
	default:
	}
	err := modzip.Verify(ctx, f, z.Size, modzip.Directory, r.o.Limits)
	if err == nil {
		r.noteLook(d, *z)
	}
	if !fault.Is(err, fault.Invalid) {
		return err
	}
	if r.fresh(*z) {
		return fault.Wrap(err, fault.Unavailable, "%s is still being written", z.Name.File()).WithRetryAfter(modzip.QuietFor)
	}
	return errors.Join(err, r.conclude(ctx, d, Check{Found: *z, Damage: err, At: r.o.Clock.Now()}))
}

// noteLook remembers that the directory of a zip is sound, so that each request
// until it is checked in full does not read it anew.
func (r *Roots) noteLook(d *rootDir, z Found) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := d.zips[z.Name]; old != nil && old.Print == z.Print && old.File == z.File && !old.Checked && old.Damage == "" {
		now := *old
		now.looked = true
		d.zips[z.Name] = &now
	}
}

// fresh reports whether the file may still be being copied.
func (r *Roots) fresh(z Found) bool {
	age := r.o.Clock.Now().Sub(z.ModTime)
	return age >= 0 && age < modzip.QuietFor
}

// conclude records a verdict, first where it survives a restart.
func (r *Roots) conclude(ctx context.Context, d *rootDir, c Check) error {
	c.Found.Checked = c.Damage == nil
	if c.Damage != nil {
		c.Found.Damage, c.Found.Checked = fault.Public(c.Damage), false
	}
	if r.o.Records != nil {
		if err := r.o.Records.Checked(ctx, c); err != nil {
			return err
		}
	}
	r.mu.Lock()
	old := d.zips[c.Found.Name]
	same := old != nil && old.Print == c.Found.Print && old.File == c.Found.File
	if same {
		now := c.Found
		d.zips[c.Found.Name] = &now
	}
	r.mu.Unlock()
	if c.Damage != nil {
		p, _ := c.Found.problem()
		Problem(p).log(r.o.Log, slog.LevelWarn)
	}
	if same {
		r.changed([]Name{c.Found.Name})
	}
	return nil
}

// runChecks reads the zips that were not checked yet, one at a time and
// slowly: those that are being served first, then the newest.
func (r *Roots) runChecks(ctx context.Context) {
	release := idleIO()
	defer release()
	for ctx.Err() == nil {
		for _, f := range r.unchecked() {
			r.checkBoosted(ctx)
			r.checkQuietly(ctx, f)
		}
		select {
		case <-r.check:
		case <-ctx.Done():
		}
	}
}

// checkBoosted checks what was served unchecked since the last call.
func (r *Roots) checkBoosted(ctx context.Context) {
	for {
		select {
		case n := <-r.boosts:
			for _, d := range r.dirs {
				r.mu.RLock()
				z := d.zips[n]
				r.mu.RUnlock()
				if z != nil {
					r.checkQuietly(ctx, *z)
				}
			}
		default:
			return
		}
	}
}

// unchecked lists the zips without a verdict, the newest first. What may
// still be written has to wait.
func (r *Roots) unchecked() []Found {
	var list []Found
	for f := range r.All() {
		if f.Kind == Zip && !f.Checked && f.Damage == "" && !r.fresh(f) {
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b Found) int { return b.ModTime.Compare(a.ModTime) })
	return list
}

// checkQuietly checks the file unless it has a verdict by now. A file that
// cannot be read is noted and tried again after the next scan.
func (r *Roots) checkQuietly(ctx context.Context, f Found) {
	d := r.dir(f.Root)
	r.mu.RLock()
	now := d.zips[f.Name]
	skip := now == nil || now.Checked || now.Damage != "" || r.fresh(*now)
	r.mu.RUnlock()
	if skip || ctx.Err() != nil {
		return
	}
	_, err := r.checkZip(ctx, *now, r.o.CheckRate)
	if err == nil || ctx.Err() != nil || errors.Is(err, fs.ErrNotExist) {
		return
	}
	if errors.Is(err, fs.ErrPermission) {
		if !now.barred {
			r.changed([]Name{f.Name})
		}
		return
	}
	bare := reason(err)
	if bare == err { //nolint:errorlint // not the file system's: it changed meanwhile, or the verdict was not stored
		r.o.Log.Warn("a zip in a Workshop folder could not be checked now", "path", f.Path(), "err", err)
		return
	}
	noted := *now
	noted.unread = bare.Error()
	r.mu.Lock()
	same := d.zips[f.Name] == now
	if same {
		d.zips[f.Name] = &noted
	}
	r.mu.Unlock()
	if p, _ := noted.problem(); same && noted.unread != now.unread {
		Problem(p).log(r.o.Log, r.o.LogLevel.Level())
	}
}

func (r *Roots) dir(path string) *rootDir {
	for _, d := range r.dirs {
		if d.path == path {
			return d
		}
	}
	return nil
}

// Check reads the whole zip of n now, whatever was known of it. The error is
// about reading; a damaged zip is in Check.Damage.
func (r *Roots) Check(ctx context.Context, n Name) (Check, error) {
	failed := error(fault.New(fault.NotFound, "%s is in none of the Workshop folders", n.File()))
	for _, d := range r.dirs {
		r.mu.RLock()
		z := d.zips[n]
		r.mu.RUnlock()
		if z == nil {
			continue
		}
		c, err := r.checkZip(ctx, *z, -1)
		if err == nil {
			return c, nil
		}
		failed = err
	}
	return Check{}, failed
}

// checkZip reads the file and records the verdict. A file that changes
// meanwhile gets none.
func (r *Roots) checkZip(ctx context.Context, z Found, rate int64) (Check, error) {
	d := r.dir(z.Root)
	f, z, err := r.openFound(d, z)
	if err != nil {
		return Check{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	z.unread = ""
	c := Check{Found: z}
	in := &paced{ctx: ctx, r: f, rate: rate, clock: r.o.Clock}
	err = modzip.Verify(ctx, in, z.Size, modzip.Full, r.o.Limits)
	switch {
	case fault.Is(err, fault.Invalid):
		c.Damage = err
	case err != nil:
		return Check{}, err
	default:
		h := sha256.New()
		if _, err := io.Copy(h, io.NewSectionReader(in, 0, z.Size)); err != nil {
			return Check{}, err
		}
		c.SHA256 = h.Sum(nil)
	}
	info, err := f.Stat()
	if err != nil {
		return Check{}, err
	}
	if fingerprintOf(info) != z.Print {
		return Check{}, fault.New(fault.Unavailable, "%s changed while it was being checked", z.Path()).WithRetryAfter(modzip.QuietFor)
	}
	c.At = r.o.Clock.Now()
	return c, r.conclude(ctx, d, c)
}

// paced reads no faster than rate bytes per second.
type paced struct {
	ctx   context.Context //nolint:containedctx // lives for one check
	r     io.ReaderAt
	rate  int64
	clock durable.Clock
	n     int64     // since the last rest
	since time.Time // end of the last rest
}

func (p *paced) ReadAt(b []byte, off int64) (int, error) {
	const portion = 1 << 20
	if p.since.IsZero() {
		p.since = p.clock.Now()
	}
	if p.rate > 0 && p.n >= portion {
		rest := time.Duration(float64(p.n)/float64(p.rate)*float64(time.Second)) - p.clock.Now().Sub(p.since)
		if rest > 0 {
			select {
			case <-p.clock.After(rest):
			case <-p.ctx.Done():
				return 0, p.ctx.Err()
			}
		}
		p.n, p.since = 0, p.clock.Now()
	}
	n, err := p.r.ReadAt(b, off)
	p.n += int64(n)
	return n, err
}
