package demosink

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"
)

// DemoView is a recording as the API shows it.
type DemoView struct {
	ID          string    `json:"id" doc:"A number of up to 39 digits."`
	Name        string    `json:"name"`
	Map         string    `json:"map"`
	Server      string    `json:"server" doc:"ip:port of the game server as the client said, else as the header has it."`
	Player      string    `json:"player" doc:"Name of who recorded, by the header."`
	StartAt     time.Time `json:"start_at"`
	EndAt       time.Time `json:"end_at,omitzero" doc:"Absent while it is active."`
	Received    int64     `json:"received" doc:"Bytes that came and are on the disk."`
	Size        int64     `json:"size" doc:"Bytes of the stored recording."`
	Seconds     float64   `json:"seconds" doc:"Length by the header; 0 when it is not known."`
	Ticks       int64     `json:"ticks"`
	State       State     `json:"state" enum:"live,idle,closed,empty,analysed,pruned"`
	Source      Source    `json:"source" enum:"stream,watch,push,upload,demostf,matchzy,import"`
	Verified    bool      `json:"verified" doc:"Steam knows the game server."`
	Score       *float64  `json:"score,omitempty" doc:"How much its bytes are like those of demos. For analysts and moderators."`
	Suspicion   string    `json:"suspicion,omitempty" doc:"Why it is unlike a demo. For analysts and moderators."`
	Detections  int64     `json:"detections" doc:"For analysts and moderators, else 0."`
	Reports     int64     `json:"reports"`
	Mine        bool      `json:"mine"`
	AnonymousID string    `json:"anonymous_id" doc:"The same for all recordings of one uploader, and another for each reader."`
	Uploader    string    `json:"uploader,omitempty" doc:"SteamID of who sent it; only for admins."`
}

type demoList struct {
	Demos []DemoView `json:"demos" nullable:"false"`
	Next  string     `json:"next" doc:"Cursor of the following page; empty on the last."`
	Total int64      `json:"total"`
}

type queueList struct {
	Demos []DemoView `json:"demos" nullable:"false"`
	Total int64      `json:"total"`
}

func viewDemo(c Caller, d Demo) DemoView {
	v := DemoView{
		ID: string(d.ID), Name: d.DemoName, Map: d.Map, Server: cmp.Or(d.FakeIP, d.Server), Player: d.Player, StartAt: d.StartAt, EndAt: d.EndAt,
		Received: d.Received, Size: d.Size, Seconds: d.Seconds, Ticks: d.Ticks, State: d.State(), Source: d.Source, Verified: d.Verified,
		Reports: d.Reports, Mine: c.owns(d.Session), AnonymousID: AnonymousID(d.SteamID, c.SteamID),
	}
	if c.Staff() {
		v.Suspicion, v.Detections = d.Suspicion, d.Detections
		if d.HasScore && finite(d.Score) {
			v.Score = &d.Score
		}
	}
	if c.Admin && d.SteamID != 0 {
		v.Uploader = d.SteamID.Decimal()
	}
	return v
}

// View shapes recordings as the API shows them to the caller.
func View(c Caller, all []Demo) []DemoView {
	views := make([]DemoView, 0, len(all))
	for _, d := range all {
		views = append(views, viewDemo(c, d))
	}
	return views
}

// DetailView is a recording with everything that is known about it.
type DetailView struct {
	DemoView
	Header     headerView      `json:"header"`
	Reports    []ReportView    `json:"reports" nullable:"false"`
	Detections []detectionView `json:"detections" nullable:"false" doc:"The first 10 000 by tick. For analysts and moderators."`
	Analysis   []countView     `json:"analysis" nullable:"false" doc:"For analysts and moderators."`
	Reviews    []reviewView    `json:"reviews" nullable:"false" doc:"For analysts and moderators."`
	Witnesses  []DemoView      `json:"witnesses" nullable:"false" doc:"Others' recordings on the same server at that time. For analysts and moderators."`
	Lease      *leaseView      `json:"lease,omitempty" doc:"Who works on it; absent when nobody does."`
}

type headerView struct {
	Format  string  `json:"format" doc:"Empty: it is no demo that is known."`
	Server  string  `json:"server"`
	Player  string  `json:"player"`
	GameDir string  `json:"game_dir"`
	Seconds float64 `json:"seconds"`
	Ticks   int64   `json:"ticks"`
}

// ReportView is a report as the API shows it.
type ReportView struct {
	Target    string    `json:"target" doc:"SteamID."`
	Reason    Reason    `json:"reason" enum:"bot,cheater"`
	Checked   bool      `json:"checked" doc:"Steam knows the target."`
	CreatedAt time.Time `json:"created_at"`
	HandledAt time.Time `json:"handled_at,omitzero"`
	HandledBy string    `json:"handled_by,omitempty" doc:"Display name."`
}

type detectionView struct {
	Tick      int64           `json:"tick"`
	Algorithm string          `json:"algorithm"`
	Target    string          `json:"target" doc:"SteamID."`
	Data      json.RawMessage `json:"data" doc:"Whatever the algorithm says of it."`
}

type countView struct {
	Target     string    `json:"target" doc:"SteamID."`
	Algorithm  string    `json:"algorithm"`
	Detections int64     `json:"detections"`
	CreatedAt  time.Time `json:"created_at"`
}

type reviewView struct {
	Target    string    `json:"target" doc:"SteamID."`
	Verdict   Verdict   `json:"verdict" enum:"none,benign,inconclusive,confirmed,error"`
	Note      string    `json:"note"`
	Reviewer  string    `json:"reviewer" doc:"Display name; empty when the account is deleted."`
	Mine      bool      `json:"mine"`
	CreatedAt time.Time `json:"created_at"`
}

type leaseView struct {
	Until time.Time `json:"until"`
	By    string    `json:"by,omitempty" doc:"Display name."`
	Mine  bool      `json:"mine"`
}

// people are the accounts whose names a detail shows.
func (d *Detail) people() []int64 {
	all := []int64{d.Lease.Account}
	for _, r := range d.ReportList {
		all = append(all, r.HandledBy)
	}
	for _, v := range d.Reviews {
		all = append(all, v.Reviewer)
	}
	return all
}

// Describe shapes a recording as the API shows it to the caller.
func (s *Service) Describe(ctx context.Context, c Caller, d Detail) (DetailView, error) {
	names, err := s.names(ctx, d.people())
	return viewDetail(c, d, names), err
}

// names returns the display names of accounts, of which 0 is nobody's.
func (s *Service) names(ctx context.Context, accounts []int64) (map[int64]string, error) {
	accounts = slices.Clone(accounts)
	slices.Sort(accounts)
	accounts = slices.DeleteFunc(slices.Compact(accounts), func(id int64) bool { return id == 0 })
	if s.options.Names == nil || len(accounts) == 0 {
		return nil, nil
	}
	return s.options.Names(ctx, accounts)
}

func viewReport(r Report, names map[int64]string) ReportView {
	return ReportView{r.Target.Decimal(), r.Reason, r.Checked, r.CreatedAt, r.HandledAt, names[r.HandledBy]}
}

func viewReview(c Caller, v Review, names map[int64]string) reviewView {
	return reviewView{v.Target.Decimal(), v.Verdict, v.Note, names[v.Reviewer], v.Reviewer == c.Account, v.CreatedAt}
}

func viewDetail(c Caller, d Detail, names map[int64]string) DetailView {
	v := DetailView{
		DemoView: viewDemo(c, d.Demo),
		Header:   headerView{string(d.Format), d.Server, d.Player, d.GameDir, d.Seconds, d.Ticks},
		Reports:  []ReportView{}, Detections: []detectionView{}, Analysis: []countView{}, Reviews: []reviewView{}, Witnesses: View(c, d.Witnesses),
	}
	for _, r := range d.ReportList {
		v.Reports = append(v.Reports, viewReport(r, names))
	}
	for _, f := range d.Found {
		v.Detections = append(v.Detections, detectionView{f.Tick, f.Algorithm, f.Target.Decimal(), f.Data})
	}
	for _, a := range d.Counts {
		v.Analysis = append(v.Analysis, countView{a.Target.Decimal(), a.Algorithm, a.Detections, a.CreatedAt})
	}
	for _, r := range d.Reviews {
		v.Reviews = append(v.Reviews, viewReview(c, r, names))
	}
	if !d.Lease.Until.IsZero() {
		v.Lease = &leaseView{d.Lease.Until, names[d.Lease.Account], d.Lease.Account == c.Account}
	}
	return v
}

// complaintView is a report as moderators see it. Who reported is not shown:
// it is who sent the recording.
type complaintView struct {
	ReportView
	Demo    string    `json:"demo" doc:"Id of the recording."`
	Name    string    `json:"name" doc:"Of the recording."`
	Map     string    `json:"map"`
	StartAt time.Time `json:"start_at" doc:"Of the recording."`
	Times   int64     `json:"times" doc:"In so many recordings the target was reported."`
}

type reportList struct {
	Reports []complaintView `json:"reports" nullable:"false"`
	Next    string          `json:"next" doc:"Cursor of the following page; empty on the last."`
	Total   int64           `json:"total"`
}

type broadcastView struct {
	Message    string    `json:"message"`
	Importance string    `json:"importance"`
	CreatedAt  time.Time `json:"created_at"`
}

type broadcastList struct {
	Broadcasts []broadcastView `json:"broadcasts" nullable:"false"`
	Total      int             `json:"total"`
}
