package fastdl

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl/gametree"
)

// Names returns the names of the trees, sorted.
func (s *Service) Names() (names []string) {
	for _, t := range s.all() {
		names = append(names, t.config.Name)
	}
	return names
}

// named returns the tree of that name or a fault.NotFound.
func (s *Service) named(name string) (*tree, error) {
	if t := s.tree(name); t != nil {
		return t, nil
	}
	names := s.Names()
	if len(names) == 0 {
		return nil, fault.New(fault.NotFound, "there is no FastDL tree").WithHint("the configuration has no [[workshop.fastdl]]")
	}
	return nil, fault.New(fault.NotFound, "there is no FastDL tree %q", web.Clip(name, 50)).
		WithHint("the configuration has %s", strings.Join(names, ", "))
}

// LintReport is what Lint found in one tree.
type LintReport struct {
	Tree     string
	Files    int
	Findings []gametree.Finding // the worst first
	More     int                // findings that were left out
}

// Bad counts the findings that are more than worth knowing.
func (r LintReport) Bad() (n int) {
	for _, f := range r.Findings {
		if f.Severity != gametree.Info {
			n++
		}
	}
	return n
}

// Lint reads the folders of a tree, or of all trees if name is empty, and
// looks for what keeps players from downloading. It returns fault.NotFound for
// a name that is not configured. It works beside a running daemon.
func (s *Service) Lint(ctx context.Context, name string) ([]LintReport, error) {
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	trees := s.all()
	if name != "" || len(trees) == 0 {
		t, err := s.named(name)
		if err != nil {
			return nil, err
		}
		trees = []*tree{t}
	}
	var reports []LintReport
	for _, t := range trees {
		report, err := s.lint(ctx, t)
		if err != nil {
			return nil, err
		}
		reports = append(reports, report)
	}
	return reports, nil
}

// lint is Lint of one tree.
func (s *Service) lint(ctx context.Context, t *tree) (report LintReport, err error) {
	report.Tree = t.config.Name
	scan, err := gametree.Read(ctx, t.config.Roots, t.rules)
	if err != nil {
		return report, err
	}
	t.install(scan, s.clock.Now())
	if err := s.notice(ctx, t, scan); err != nil {
		return report, err
	}
	now := s.clock.Now()
	report.Findings, report.More, err = gametree.Lint(ctx, scan, t.rules, gametree.Facts{
		Changed: func(p string) (time.Time, bool) { return t.changedAt(p, now) },
		Packed: func(f gametree.File) bool {
			m, ok := s.made.get(madeKey{t.config.Name, f.Path, packed})
			return ok && m.of(f) && m.State != madeFailed
		},
		Broken: func(f gametree.File) string {
			if m, ok := s.made.get(madeKey{t.config.Name, f.Path, expanded}); ok && m.of(f) && m.State == madeFailed {
				return m.Reason
			}
			return ""
		},
		Large: int64(t.config.LargeFile),
	})
	report.Files = scan.Index.Len()
	return report, err
}

// Problems returns what is wrong with the folders, at most 20 of each tree.
func (s *Service) Problems() (list []gametree.Problem) {
	for _, t := range s.all() {
		if scan, _ := t.state(); scan != nil {
			list = append(list, scan.Problems[:min(len(scan.Problems), 20)]...)
		}
	}
	return list
}

// Miss is a file that players asked for in vain.
type Miss struct {
	Path     string
	Requests int64
	// Reason is missing, there_now, empty, broken, unreadable, or why the rules keep the
	// file back: excluded, not_listed, stock.
	Reason      string
	Text        string
	Server      string // that the last player came from, "" if he did not say
	First, Last time.Time
}

// Misses returns what players asked a tree for in vain, the most wanted
// first, and why they did not get it.
func (s *Service) Misses(name string) ([]Miss, error) {
	t, err := s.named(name)
	if err != nil {
		return nil, err
	}
	var list []Miss
	for _, m := range t.misses.all() {
		reason, text := s.why(t, m.Path)
		list = append(list, Miss{m.Path, m.requests(), reason, text, m.Server, m.First, m.Last})
	}
	return list, nil
}

// ForgetMisses begins the report anew.
func (s *Service) ForgetMisses(name string) error {
	t, err := s.named(name)
	if err == nil {
		t.misses.forget()
	}
	return err
}

// why tells why a file was not served.
func (s *Service) why(t *tree, p string) (reason, text string) {
	if v := t.rules.Judge(p); v != gametree.Served {
		return string(v), v.Text()
	}
	scan, _ := t.state()
	if scan == nil {
		return "missing", "the game folders are not read yet"
	}
	o, ok := t.origin(scan.Index, p)
	switch {
	case !ok:
		return "missing", "in none of the game folders"
	case o.form == asIs && o.file.Size == 0:
		return "empty", "the file is empty"
	case o.form == expanded:
		if m, ok := s.made.get(madeKey{t.config.Name, o.file.Path, expanded}); ok && m.of(o.file) && m.State == madeFailed {
			return "broken", "the compressed file cannot be decompressed: " + m.Reason
		}
	}
	if file, _, err := o.file.Open(); err != nil {
		return "unreadable", fault.Public(err) + "; " + fault.Hint(err)
	} else if err := file.Close(); err != nil {
		return "unreadable", err.Error()
	}
	return "there_now", "it is there now"
}

// Kept is what was made of the files of a tree.
type Kept struct {
	Files int
	Bytes int64
	Max   int64 // 0: no bound
}

// Status says how a tree is doing.
type Status struct {
	Name, Profile string
	// Ready is false until the folders were read for the first time.
	Ready     bool
	Files     int
	Roots     []gametree.RootStatus
	ScannedAt time.Time
	// Counts since the start of the daemon.
	Requests, Misses, SentBytes int64
	Kept                        Kept
	Compressing, Decompressing  int // files that are made or wait for it
	Problems                    []gametree.Problem
	More                        int // problems left out
}

// Status returns how a tree is doing; fault.NotFound if there is none of that
// name.
func (s *Service) Status(name string) (Status, error) {
	t, err := s.named(name)
	if err != nil {
		return Status{}, err
	}
	return s.status(t), nil
}

func (s *Service) status(t *tree) Status {
	st := Status{
		Name: t.config.Name, Profile: t.config.Profile, Requests: t.requests.Load(), Misses: t.missed.Load(), SentBytes: t.sent.Load(),
		Compressing: s.pack.count(t.config.Name), Decompressing: s.expand.count(t.config.Name),
	}
	st.Kept.Files, st.Kept.Bytes = s.made.kept(t.config.Name)
	st.Kept.Max = int64(t.config.MaxBytes)
	scan, at := t.state()
	if scan == nil {
		return st
	}
	st.Ready, st.ScannedAt, st.Files, st.Roots = true, at, scan.Index.Len(), slices.Clone(scan.Roots)
	st.Problems, st.More = scan.Problems, scan.More
	return st
}

// ServerConfig is what a game server needs to send its players here.
type ServerConfig struct {
	URL   string   // without a slash at the end
	Lines []string // for server.cfg
	Notes []string // what may keep players from using the address
}

// ServerConfig returns the lines for server.cfg. base is how the caller
// reached us.
func (s *Service) ServerConfig(name, base string) (ServerConfig, error) {
	t, err := s.named(name)
	if err != nil {
		return ServerConfig{}, err
	}
	if s.options.PublicURL != "" {
		base = s.options.PublicURL
	}
	address, notes := plainAddress(base, s.options.ListenPort)
	c := ServerConfig{URL: strings.TrimRight(address, "/") + "/" + prefix + name, Notes: notes}
	c.Lines = []string{`sv_downloadurl "` + c.URL + `"`, "sv_allowdownload 1"}
	if t.config.Profile == config.ProfileGoldSrc {
		c.Notes = append(c.Notes, "GoldSrc players download what the map names in its .res file or the server has loaded; \"fastdl lint\" checks the .res files.")
	}
	return c, nil
}

// plainAddress is the address that game clients are to use: plain HTTP, since
// some of them have nothing else, and one that they can reach.
func plainAddress(base string, port int) (address string, notes []string) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return base, nil
	}
	if u.Scheme == "https" {
		u.Scheme = "http"
		if port != 0 {
			u.Host = net.JoinHostPort(u.Hostname(), strconv.Itoa(port))
		}
		notes = append(notes, "Game clients need plain HTTP, so the address is not the https one; the port must be open to players.")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() == "localhost" || err == nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()) {
		notes = append(notes, "Only players in your own network can reach this address; set http.public_url to the one that all of them can.")
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.Path, "/"), notes
}
