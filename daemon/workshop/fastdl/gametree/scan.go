package gametree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Bounds of a scan.
const (
	maxFiles    = 500_000
	maxFolders  = 256 // for one root with wildcards
	maxProblems = 200

	hintReadable = "let the account that runs the daemon read the folder and everything in it"
)

// Problem is something about the folders that their owner should know.
type Problem struct {
	Code string // root_missing, root_unreadable, root_empty, tree_large, link_outside, link_denied, unreadable, bad_name
	Path string
	Text string
	Hint string
}

// RootStatus says how one game folder is doing.
type RootStatus struct {
	Path  string
	OK    bool
	Files int
}

// Scan is what one reading of the folders found.
type Scan struct {
	Index *Index
	Roots []RootStatus
	// Problems holds at most 200; More counts those left out.
	Problems []Problem
	More     int
	// Stock counts the files that are not served because they come with the
	// game.
	Stock int
	Took  time.Duration
	// Complete is false when a folder could not be read: what is missing may
	// still be there.
	Complete bool
}

// Read reads the folders of a tree. A folder that cannot be read becomes a
// problem: the only error is ctx's.
func Read(ctx context.Context, roots []string, rules *Rules) (*Scan, error) {
	s := &scanner{ctx: ctx, rules: rules, scan: &Scan{Index: NewIndex(), Complete: true}}
	began := time.Now()
	for _, pattern := range roots {
		for _, dir := range s.expand(pattern) {
			s.root(dir)
		}
	}
	s.scan.Took = time.Since(began)
	return s.scan, ctx.Err()
}

type scanner struct {
	ctx   context.Context
	rules *Rules
	scan  *Scan

	dir   string // of the root being read
	real  string // the same with links resolved
	order int
	files int
}

// expand returns the folders that a root with wildcards stands for, in the
// order of their names, as the Source engine mounts them.
func (s *scanner) expand(pattern string) []string {
	if !strings.ContainsAny(pattern, "*?[") {
		return []string{pattern}
	}
	found, err := filepath.Glob(pattern)
	if err != nil {
		s.problem(Problem{Code: "root_unreadable", Path: pattern, Text: fmt.Sprintf("%s is no pattern of folders", pattern)})
		return nil
	}
	found = slices.DeleteFunc(found, func(dir string) bool {
		info, err := os.Stat(dir)
		return err != nil || !info.IsDir() || strings.HasPrefix(filepath.Base(dir), ".")
	})
	if len(found) == 0 {
		// Nothing tells an empty folder from one that is not mounted now.
		s.scan.Complete = false
		s.scan.Roots = append(s.scan.Roots, RootStatus{Path: pattern, OK: true})
	}
	if len(found) > maxFolders {
		s.problem(Problem{
			Code: "tree_large", Path: pattern, Text: fmt.Sprintf("%s stands for %d folders; the first %d are used", pattern, len(found), maxFolders),
		})
		found = found[:maxFolders]
	}
	return found
}

func (s *scanner) root(dir string) {
	s.dir, s.files = dir, 0
	s.order = len(s.scan.Roots)
	status := RootStatus{Path: dir}
	root, err := os.OpenRoot(dir)
	if err == nil {
		s.real, err = filepath.EvalSymlinks(dir)
		if err == nil {
			err = s.folder(root, "", "", nil)
		}
		err = errors.Join(err, root.Close())
	}
	status.OK, status.Files = err == nil, s.files
	s.scan.Roots = append(s.scan.Roots, status)
	switch {
	case s.ctx.Err() != nil:
	case err != nil:
		s.scan.Complete = false
		s.problem(rootProblem(err, dir))
	case s.files == 0:
		s.problem(Problem{
			Code: "root_empty", Path: dir, Text: "there is nothing to serve in " + dir,
			Hint: "name the folder that holds maps/, for example …/tf and not …/tf/maps",
		})
	}
}

// folder reads the folder that root is opened at. virtual is its path in the
// tree, real its path below the game folder; chain are the real paths of the
// folders it was reached through.
func (s *scanner) folder(root *os.Root, virtual, real string, chain []string) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	if len(chain) > maxSegments {
		return nil
	}
	for {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		batch, err := f.ReadDir(1024)
		for _, entry := range batch {
			s.entry(root, entry, virtual, real, chain)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *scanner) entry(root *os.Root, entry fs.DirEntry, virtual, real string, chain []string) {
	name := entry.Name()
	if name[0] == '.' {
		return
	}
	p, below := join(virtual, name), join(real, name)
	switch mode := entry.Type(); {
	case mode&fs.ModeSymlink != 0:
		s.link(p, below, chain)
	case mode.IsDir():
		if s.rules.Enter(p) && s.named(p, name) {
			s.enter(root, name, p, below, append(chain, real))
		}
	case mode.IsRegular():
		s.regular(root, p, below, name)
	}
}

func (s *scanner) regular(root *os.Root, p, below, name string) {
	verdict := s.rules.Judge(p)
	if verdict == Stock {
		s.scan.Stock++
	}
	if verdict != Served || !s.named(p, name) {
		return
	}
	info, err := root.Lstat(name)
	if err != nil {
		s.unreadable(err, p)
		return
	}
	s.add(File{Path: p, Real: below, Size: info.Size(), ModTime: info.ModTime()})
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// named reports whether clients can ask for the name at all.
func (s *scanner) named(p, name string) bool {
	if validName(name) {
		return true
	}
	s.problem(Problem{
		Code: "bad_name", Path: p, Text: fmt.Sprintf("%q cannot be asked for and is not served", p),
		Hint: "rename it: no control characters, colons or backslashes, no dot or space at the end, no name of a Windows device",
	})
	return false
}

func (s *scanner) enter(root *os.Root, name, virtual, real string, chain []string) {
	below, err := root.OpenRoot(name)
	if err == nil {
		err = errors.Join(s.folder(below, virtual, real, chain), below.Close())
	}
	if err != nil && s.ctx.Err() == nil && !errors.Is(err, fs.ErrNotExist) {
		s.unreadable(err, virtual)
	}
}

// link follows a link as long as it stays inside the game folder and does not
// lead to what is never served.
func (s *scanner) link(p, below string, chain []string) {
	full := filepath.Join(s.dir, filepath.FromSlash(below))
	info, err := os.Stat(full)
	folder := err == nil && info.IsDir()
	if folder && !s.rules.Enter(p) || !folder && s.rules.Judge(p) != Served {
		return
	}
	real, code := resolve(s.dir, s.real, below)
	chain = append(slices.Clone(chain), "", strings.TrimPrefix(path.Dir(below), "."))
	switch {
	case code == "link_outside":
		s.problem(Problem{
			Code: code, Path: p, Text: fmt.Sprintf("%s is a link that leaves the game folder or leads nowhere; it is not followed", full),
			Hint: "add the folder that holds its target to the roots, with maps/ and so on below it",
		})
	case code != "":
		s.problem(Problem{Code: code, Path: p, Text: full + " is a link to what is never served; it is not followed"})
	case folder && !slices.Contains(chain, real) && s.named(p, path.Base(p)):
		if root, err := os.OpenRoot(s.dir); err == nil {
			s.enter(root, filepath.FromSlash(real), p, real, append(chain, real))
			root.Close() //nolint:errcheck // only read
		}
	case !folder && info.Mode().IsRegular() && s.named(p, path.Base(p)):
		s.add(File{Path: p, Real: real, Size: info.Size(), ModTime: info.ModTime()})
	}
}

// resolve returns where a path below a root really lies, relative to it, or
// the code of why it must not be used.
func resolve(dir, realDir, p string) (real, problem string) {
	target, err := filepath.EvalSymlinks(filepath.Join(dir, filepath.FromSlash(p)))
	if err != nil {
		return "", "link_outside"
	}
	rel, err := filepath.Rel(realDir, target)
	if err != nil || !filepath.IsLocal(rel) {
		return "", "link_outside"
	}
	if real = filepath.ToSlash(rel); real == "." {
		return "", ""
	}
	if plain, _ := CutSuffix(real); denied(plain) || denied(real+"/") || hidden(real) {
		return "", "link_denied"
	}
	return real, ""
}

func hidden(p string) bool { return strings.HasPrefix(p, ".") || strings.Contains(p, "/.") }

func (s *scanner) add(f File) {
	if s.scan.Index.Len() >= maxFiles {
		if s.scan.More++; s.scan.More == 1 {
			s.problem(Problem{Code: "tree_large", Path: s.dir, Text: fmt.Sprintf("there are more than %d files; the rest is left out", maxFiles)})
		}
		return
	}
	f.Root, f.order = s.dir, s.order
	s.files++
	s.scan.Index.Add(f)
}

func (s *scanner) unreadable(err error, p string) {
	s.scan.Complete = false
	s.problem(Problem{Code: "unreadable", Path: p, Text: fmt.Sprintf("%s in %s cannot be read: %v", p, s.dir, cause(err)), Hint: hintReadable})
}

func (s *scanner) problem(p Problem) {
	if len(s.scan.Problems) >= maxProblems {
		s.scan.More++
		return
	}
	s.scan.Problems = append(s.scan.Problems, p)
}

func rootProblem(err error, dir string) Problem {
	if errors.Is(err, fs.ErrNotExist) {
		return Problem{
			Code: "root_missing", Path: dir, Text: "the game folder " + dir + " does not exist",
			Hint: "check the roots of workshop.fastdl and whether the disk is mounted; the folder is looked for every minute",
		}
	}
	return Problem{
		Code: "root_unreadable", Path: dir, Text: fmt.Sprintf("the game folder %s cannot be read: %v", dir, cause(err)), Hint: hintReadable,
	}
}

// cause is the bare cause of a file system error, without the path.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// Probe looks on disk for a path that is not in the index, as it is spelled
// and in lower case, and puts it in. It is for files that came after the last
// scan.
func (s *Scan) Probe(rules *Rules, p string) (File, error) {
	for order, root := range s.Roots {
		if !root.OK {
			continue
		}
		for _, spelled := range slices.Compact([]string{p, Fold(p)}) {
			if rules.Judge(spelled) != Served {
				continue
			}
			if f, ok := probe(root.Path, spelled); ok {
				f.order = order
				s.Index.Add(f)
				return f, nil
			}
		}
	}
	return File{}, fault.New(fault.NotFound, "%s is in none of the game folders", p)
}

func probe(dir, p string) (File, bool) {
	realDir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return File{}, false
	}
	real, problem := resolve(dir, realDir, p)
	if problem != "" {
		return File{}, false
	}
	// Looked at before it is opened: opening a pipe would wait for a writer.
	if info, err := os.Stat(filepath.Join(realDir, filepath.FromSlash(real))); err != nil || !info.Mode().IsRegular() {
		return File{}, false
	}
	if strings.EqualFold(real, p) {
		p = real // the spelling on a disk that takes any
	}
	file, f, err := File{Path: p, Root: dir, Real: real}.Open()
	if err != nil {
		return File{}, false
	}
	return f, file.Close() == nil
}
