package fastdl

import (
	"context"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
)

// The shapes of the API. Times are RFC 3339 in UTC and left out when unknown.

type treeView struct {
	Name      string           `json:"name" example:"tf2"`
	Profile   string           `json:"profile" enum:"source,gmod,goldsrc"`
	Ready     bool             `json:"ready" doc:"False until the game folders were read for the first time."`
	Files     int              `json:"files" doc:"Files that are served."`
	Roots     []rootView       `json:"roots" doc:"Game folders; operators only."`
	ScannedAt *time.Time       `json:"scanned_at,omitempty"`
	Requests  int64            `json:"requests" doc:"Since the start of the daemon, as are misses and sent_bytes."`
	Misses    int64            `json:"misses"`
	SentBytes int64            `json:"sent_bytes"`
	Kept      keptView         `json:"kept" doc:"Compressed and decompressed files in the data directory."`
	Queue     queueView        `json:"queue"`
	Problems  []problemView    `json:"problems" doc:"Operators only."`
	More      int              `json:"more_problems"`
	Server    serverConfigView `json:"server_cfg"`
}

type rootView struct {
	Path  string `json:"path"`
	OK    bool   `json:"ok"`
	Files int    `json:"files"`
}

type keptView struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	Max   int64 `json:"max_bytes" doc:"0: no bound."`
}

type queueView struct {
	Compressing   int `json:"compressing"`
	Decompressing int `json:"decompressing"`
}

type problemView struct {
	Code string `json:"code"`
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

type serverConfigView struct {
	URL   string   `json:"url" example:"http://mods.example.org:27020/fastdl/tf2"`
	Lines []string `json:"lines" doc:"For server.cfg."`
	Text  string   `json:"text" doc:"The lines as one text."`
	Notes []string `json:"notes" doc:"What may keep players from using the address."`
}

type missView struct {
	Path     string     `json:"path"`
	Requests int64      `json:"requests"`
	Reason   string     `json:"reason" enum:"missing,there_now,empty,broken,unreadable,denied,excluded,not_listed,stock"`
	Text     string     `json:"text"`
	Server   string     `json:"server,omitempty" doc:"Game server that the last player came from, if he said so."`
	First    *time.Time `json:"first,omitempty"`
	Last     *time.Time `json:"last,omitempty"`
}

type lintView struct {
	Name     string        `json:"name"`
	Files    int           `json:"files"`
	OK       bool          `json:"ok" doc:"No errors and no warnings."`
	Findings []findingView `json:"findings"`
	More     int           `json:"more" doc:"Findings that were left out."`
}

type findingView struct {
	Code     string `json:"code" example:"duplicate_case"`
	Severity string `json:"severity" enum:"error,warning,info"`
	Path     string `json:"path" doc:"In the tree; empty if it concerns the whole."`
	Text     string `json:"text"`
	Hint     string `json:"hint"`
}

// treeView shapes a tree. Paths tell strangers about the machine, so only
// operators see them.
func (s *Service) treeView(ctx context.Context, name, base string) (treeView, error) {
	st, err := s.Status(name)
	if err != nil {
		return treeView{}, err
	}
	c, err := s.ServerConfig(name, base)
	if err != nil {
		return treeView{}, err
	}
	v := treeView{
		Name: st.Name, Profile: st.Profile, Ready: st.Ready, Files: st.Files, Roots: []rootView{}, ScannedAt: moment(st.ScannedAt),
		Requests: st.Requests, Misses: st.Misses, SentBytes: st.SentBytes, Kept: keptView(st.Kept),
		Queue: queueView{st.Compressing, st.Decompressing}, Problems: []problemView{}, More: st.More, Server: viewServerConfig(c),
	}
	if !accounts.From(ctx).May(accounts.ScopeModsWrite) {
		v.More = 0
		return v, nil
	}
	for _, r := range st.Roots {
		v.Roots = append(v.Roots, rootView(r))
	}
	for _, p := range st.Problems {
		v.Problems = append(v.Problems, problemView{p.Code, p.Text, p.Hint})
	}
	return v, nil
}

func viewServerConfig(c ServerConfig) serverConfigView {
	v := serverConfigView{URL: c.URL, Lines: c.Lines, Notes: c.Notes}
	if v.Lines == nil {
		v.Lines = []string{}
	}
	if v.Notes == nil {
		v.Notes = []string{}
	}
	for _, line := range v.Lines {
		v.Text += line + "\n"
	}
	return v
}

func viewMiss(m Miss) missView {
	return missView{valid(m.Path), m.Requests, m.Reason, m.Text, m.Server, moment(m.First), moment(m.Last)}
}

func viewLint(r LintReport) lintView {
	v := lintView{Name: r.Tree, Files: r.Files, OK: r.Bad() == 0, Findings: []findingView{}, More: r.More}
	for _, f := range r.Findings {
		v.Findings = append(v.Findings, findingView{f.Code, string(f.Severity), valid(f.Path), valid(f.Text), f.Hint})
	}
	return v
}

// JSON returns what programs see of lint reports: the shape of the HTTP API.
func JSON(reports []LintReport) any {
	list := make([]lintView, 0, len(reports))
	for _, r := range reports {
		list = append(list, viewLint(r))
	}
	return list
}

// valid makes a text of a name that need not be one.
func valid(p string) string { return strings.ToValidUTF8(p, "\uFFFD") }

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
