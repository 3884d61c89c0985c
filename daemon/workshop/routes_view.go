package workshop

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
)

// The shapes of the API. Ids are strings because JavaScript's numbers do not
// hold 64 bits; times are RFC 3339 in UTC and left out when unknown.

type modList struct {
	Mods  []modView `json:"mods"`
	Next  string    `json:"next" doc:"Cursor of the next page, empty on the last."`
	Total int       `json:"total" doc:"Mods on all pages."`
}

type modView struct {
	ID            string        `json:"id" example:"117887554"`
	Hex           string        `json:"hex" example:"706d242"`
	Title         string        `json:"title"`
	App           uint32        `json:"app"`
	Current       int64         `json:"current_version" doc:"The version Steam has, 0 if unknown."`
	State         State         `json:"state"`
	Reason        string        `json:"reason" doc:"What a client that asks for it is told, if not 200."`
	LastRequested *time.Time    `json:"last_requested,omitempty"`
	Size          int64         `json:"size" doc:"Bytes of all stored versions."`
	Preview       string        `json:"preview" doc:"Address of a picture at Steam."`
	PageURL       string        `json:"page_url" doc:"The item's page at Steam."`
	Versions      []versionView `json:"versions" doc:"The newest first."`
}

type versionView struct {
	Version       int64      `json:"version" doc:"Unix seconds."`
	Time          time.Time  `json:"time"`
	Name          string     `json:"name" example:"m706d242_1348957670.zip"`
	URL           string     `json:"url" doc:"Where a game client downloads it."`
	Size          int64      `json:"size"`
	SHA256        string     `json:"sha256" doc:"Hexadecimal; empty until the file was read."`
	Source        string     `json:"source" doc:"Who delivered it."`
	Origin        string     `json:"origin" doc:"From where: a host or a folder."`
	Provenance    provenance `json:"provenance" doc:"How the bytes came here, and why they are believed."`
	State         State      `json:"state" enum:"ready,verifying,quarantined"`
	Reason        string     `json:"reason"`
	Pinned        bool       `json:"pinned"`
	Irreplaceable bool       `json:"irreplaceable" doc:"As far as is known no source could supply it again."`
	StoredAt      *time.Time `json:"stored_at,omitempty"`
	LastRequested *time.Time `json:"last_requested,omitempty"`
	VerifiedAt    *time.Time `json:"verified_at,omitempty"`
	Current       bool       `json:"current"`
	Requests      int64      `json:"requests"`
}

// provenance says how the bytes of a version came here.
type provenance struct {
	Source     string     `json:"source"`
	Peer       string     `json:"peer,omitempty" doc:"Address of the backup server that gave it."`
	Time       *time.Time `json:"time,omitempty"`
	SHA256     string     `json:"sha256"`
	VerifiedBy string     `json:"verified_by,omitempty" enum:"size,quorum,key" doc:"What proved the bytes of a peer."`
}

type jobList struct {
	Jobs []jobView `json:"jobs"`
}

type jobView struct {
	ID        string     `json:"id"`
	Item      string     `json:"item"`
	Hex       string     `json:"hex"`
	Version   int64      `json:"version" doc:"0 while it is not known which version is current."`
	Title     string     `json:"title"`
	State     State      `json:"state"`
	Source    string     `json:"source"`
	Attempts  int        `json:"attempts" doc:"Failed attempts so far."`
	Bytes     int64      `json:"bytes"`
	Total     int64      `json:"total" doc:"0 if unknown."`
	Speed     float64    `json:"speed" doc:"Bytes per second."`
	Error     string     `json:"error"`
	RetryAt   *time.Time `json:"retry_at,omitempty"`
	CreatedAt *time.Time `json:"created_at,omitempty"`
}

type statusView struct {
	Steam    steamView    `json:"steam"`
	SteamCMD steamcmdView `json:"steamcmd"`
	Roots    []rootView   `json:"roots"`
	Store    storeView    `json:"store"`
	Queue    queueView    `json:"queue"`
	Problems []Problem    `json:"problems"`
}

type steamView struct {
	Keyed       bool       `json:"keyed" doc:"Whether an API key is used."`
	BreakerOpen bool       `json:"breaker_open" doc:"Steam failed and is not asked until retry_at."`
	RetryAt     *time.Time `json:"retry_at,omitempty"`
	LastError   string     `json:"last_error"`
	CallsToday  int64      `json:"calls_today"`
	DailyLimit  int        `json:"daily_limit"`
}

type steamcmdView struct {
	State     SteamCMDState `json:"state" enum:"off,missing,waiting,ready" doc:"off: not configured; missing: not installed where steamcmd.path says; waiting: not run until retry_at."`
	Text      string        `json:"text" doc:"The same in words."`
	Hint      string        `json:"hint,omitempty" doc:"What can be done about it."`
	Running   int           `json:"running" doc:"Downloads under way."`
	Waiting   int           `json:"waiting" doc:"Downloads that wait for SteamCMD."`
	RetryAt   *time.Time    `json:"retry_at,omitempty"`
	LastError string        `json:"last_error" doc:"Of the last download, empty if it succeeded."`
}

type rootView struct {
	Path      string     `json:"path"`
	OK        bool       `json:"ok"`
	Problem   string     `json:"problem" doc:"The first thing that is wrong, in words."`
	Zips      int        `json:"zips"`
	Folders   int        `json:"folders" doc:"Folders of versions and installed items."`
	Unchecked int        `json:"unchecked" doc:"Zips that were not read in full yet."`
	ScannedAt *time.Time `json:"scanned_at,omitempty"`
}

type storeView struct {
	Bytes    int64 `json:"bytes"`
	Mods     int   `json:"mods"`
	Versions int   `json:"versions"`
	Free     int64 `json:"free"`
}

type queueView struct {
	Waiting int `json:"waiting"`
	Running int `json:"running"`
	Failed  int `json:"failed"`
}

type gcView struct {
	Removed []removalView `json:"removed"`
	Kept    []removalView `json:"kept" doc:"Superseded and damaged versions that stay, and, when room is needed, what may not go for it."`
	Bytes   int64         `json:"bytes" doc:"What the disk got back."`
	Short   int64         `json:"short" doc:"Bytes that are above the quota or missing on the disk all the same."`
}

type removalView struct {
	Name  string `json:"name"`
	Size  int64  `json:"size"`
	Frees int64  `json:"frees" doc:"What the disk gets back: 0 when another version has the same bytes."`
	Rule  Rule   `json:"rule" enum:"quarantined,duplicate,superseded,quota" doc:"The rule that it is about."`
	Why   string `json:"why"`
}

// moment returns nil for the zero time, so that JSON leaves it out.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// modView shapes a mod; base is the address the caller reached us by.
func (s *Service) modView(m Mod, base string) modView {
	v := modView{
		ID: m.Item.String(), Hex: m.Item.Hex(), Title: m.Title, App: m.App, Current: m.Current, State: m.State,
		Reason: m.Reason, LastRequested: moment(m.RequestedAt), Size: m.Size, Preview: m.Preview,
		PageURL: "https://steamcommunity.com/sharedfiles/filedetails/?id=" + m.Item.String(), Versions: []versionView{},
	}
	for _, x := range m.Versions {
		state := x.State
		if st := s.index.get(x.Name); st != nil && st.suspect.Load() && state == Ready {
			state = Verifying
		}
		v.Versions = append(v.Versions, versionView{
			Version: x.Name.Version, Time: x.Name.Time(), Name: x.Name.File(), URL: base + s.face.mount + "/" + x.Name.File(),
			Size: x.Size, SHA256: hex.EncodeToString(x.SHA256), Source: x.Source, Origin: x.Origin, Provenance: viewProvenance(x), State: state,
			Reason: x.Reason, Pinned: x.Pinned, Irreplaceable: x.ours() && s.irreplaceable(x.Name),
			StoredAt: moment(x.StoredAt), LastRequested: moment(x.RequestedAt), VerifiedAt: moment(x.VerifiedAt),
			Current: m.Current != 0 && x.Name.Version == m.Current, Requests: x.Requests,
		})
	}
	return v
}

func viewProvenance(v Version) provenance {
	at := v.FetchedAt
	if at.IsZero() {
		at = v.StoredAt
	}
	return provenance{Source: v.Source, Peer: v.Peer, Time: moment(at), SHA256: hex.EncodeToString(v.SHA256), VerifiedBy: v.VerifiedBy}
}

// forCaller leaves out where the operator's folders are unless the caller
// may change mods: paths tell strangers about the machine.
func (v modView) forCaller(ctx context.Context) modView {
	if accounts.From(ctx).May(accounts.ScopeModsWrite) {
		return v
	}
	for i := range v.Versions {
		if v.Versions[i].Source == sourceFolder {
			v.Versions[i].Origin = ""
		}
	}
	return v
}

// forCaller leaves out the operator's folders and problems; see modView.
func (v statusView) forCaller(ctx context.Context) statusView {
	if !accounts.From(ctx).May(accounts.ScopeModsWrite) {
		v.Roots, v.Problems, v.Steam.LastError = []rootView{}, []Problem{}, ""
		v.SteamCMD.Text, v.SteamCMD.Hint, v.SteamCMD.LastError = v.SteamCMD.State.words(), "", ""
	}
	return v
}

func (s *Service) jobView(j Job) jobView {
	item, _ := s.records.item(j.Name.Item)
	return jobView{
		ID: strconv.FormatInt(j.ID, 10), Item: j.Name.Item.String(), Hex: j.Name.Item.Hex(), Version: j.Name.Version,
		Title: item.Title, State: j.State, Source: j.Source, Attempts: j.Attempts, Bytes: j.Bytes, Total: j.Total,
		Speed: j.Speed, Error: j.Error, RetryAt: moment(j.RetryAt), CreatedAt: moment(j.CreatedAt),
	}
}

func viewStatus(st Status) statusView {
	v := statusView{
		Steam: steamView{
			Keyed: st.Steam.Keyed, BreakerOpen: st.Steam.BreakerOpen, LastError: st.Steam.LastError,
			CallsToday: st.CallsToday, DailyLimit: st.DailyLimit,
		},
		SteamCMD: steamcmdView{
			State: st.SteamCMD.State, Text: st.SteamCMD.Text, Hint: st.SteamCMD.Hint, Running: st.SteamCMD.Running,
			Waiting: st.SteamCMD.Waiting, RetryAt: moment(st.SteamCMD.RetryAt), LastError: st.SteamCMD.LastError,
		},
		Roots:    []rootView{},
		Store:    storeView{st.Bytes, st.Items, st.Versions, st.Free},
		Queue:    queueView{st.Waiting, st.Running, st.Failed},
		Problems: append([]Problem{}, st.Problems...),
	}
	if st.Steam.BreakerOpen {
		v.Steam.RetryAt = moment(st.Steam.RetryAt)
	}
	for _, r := range st.Roots {
		root := rootView{Path: r.Path, OK: r.OK, Zips: r.Zips, Folders: r.Folders, Unchecked: r.Unchecked, ScannedAt: moment(r.ScannedAt)}
		if len(r.Problems) > 0 {
			root.Problem = r.Problems[0].Text
		}
		v.Roots = append(v.Roots, root)
	}
	return v
}

func viewTidied(t Tidied) gcView {
	v := gcView{Removed: []removalView{}, Kept: []removalView{}, Bytes: t.Bytes, Short: t.Short}
	for _, r := range t.Removed {
		v.Removed = append(v.Removed, removalView{r.Name.File(), r.Size, r.Frees, r.Rule, r.Why})
	}
	for _, r := range t.Kept {
		v.Kept = append(v.Kept, removalView{r.Name.File(), r.Size, 0, r.Rule, r.Why})
	}
	return v
}

// cursorAfter names the place before mods[at]: the mod there, and its
// position for the case that it goes away.
func cursorAfter(mods []Mod, at int) string {
	return strconv.Itoa(at) + "." + mods[at-1].Item.String()
}

// cursorStart returns the position that a cursor names in a list that may
// have changed since.
func cursorStart(mods []Mod, cursor string) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	place, last, ok := strings.Cut(cursor, ".")
	at, err := strconv.Atoi(place)
	id, err2 := strconv.ParseUint(last, 10, 64)
	if !ok || err != nil || err2 != nil || at < 0 {
		return 0, errCursor
	}
	for i, m := range mods {
		if m.Item == ItemID(id) {
			return i + 1, nil
		}
	}
	return min(at, len(mods)), nil
}
