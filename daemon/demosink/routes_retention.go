package demosink

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// registerRetention adds what concerns the room that recordings take up.
func (s *Service) registerRetention(srv *web.Server) {
	ops := srv.Operations("demos")
	read, moderate := accounts.Require(accounts.ScopeDemosRead), accounts.Require(accounts.ScopeDemosModerate)
	slow := func(o *huma.Operation) { web.Timeout(10 * time.Minute)(o) }
	web.Route(ops, http.MethodGet, demosPath+"/retention", s.getRetention, web.Describe("get-demo-retention", "Rules of retention",
		"Those of the configuration, until others are set here."), moderate)
	web.Route(ops, http.MethodPut, demosPath+"/retention", s.putRetention, web.Describe("set-demo-retention", "Set the rules of retention",
		"They go over those of the configuration.", 400), moderate)
	web.Route(ops, http.MethodDelete, demosPath+"/retention", s.deleteRetention, web.Describe("reset-demo-retention", "Take the rules of the configuration again", ""), moderate)
	web.Route(ops, http.MethodPost, demosPath+"/prune", s.postPrune, web.Describe("prune-demos", "Delete by the rules",
		"What happens every ten minutes by itself. With dry_run nothing is deleted, and the answer says what would be, and why.", 409), slow, moderate)
	web.Route(ops, http.MethodGet, demosPath+"/storage", s.getStorage, web.Describe("get-demo-storage", "Room that recordings take up", ""), moderate)
	web.Route(ops, http.MethodGet, demosPath+"/calendar", s.getCalendar, web.Describe("get-demo-calendar", "Recordings by day",
		"Players see their own, the staff everybody's. Days without a recording are left out.", 400), read)
}

type rulesView struct {
	MaxBytes      int64     `json:"max_bytes" minimum:"0" doc:"Of all recordings together; 0: no limit."`
	MaxAge        int64     `json:"max_age" minimum:"0" maximum:"9000000000" doc:"Seconds after which a recording is deleted; 0: never."`
	KeepFlagged   bool      `json:"keep_flagged" doc:"Keep also recordings in which somebody was reported or found guilty."`
	MaxPruneRatio float64   `json:"max_prune_ratio" minimum:"-1" maximum:"1" doc:"Share of the recordings that unknown files may be before none of them is deleted; negative: once, whatever it is."`
	Configured    bool      `json:"configured,omitempty" readOnly:"true" doc:"They are those of the configuration."`
	UpdatedAt     time.Time `json:"updated_at,omitzero" readOnly:"true"`
}

func viewRules(r Rules) rulesView {
	return rulesView{r.MaxBytes, int64(r.MaxAge / time.Second), r.KeepFlagged, r.MaxPruneRatio, r.UpdatedAt.IsZero(), r.UpdatedAt}
}

type knownInput struct{ web.Known }

func (s *Service) getRetention(ctx context.Context, in *knownInput) (*web.Tagged[rulesView], error) {
	r, err := s.Rules(ctx)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, viewRules(r))
}

type putRetentionInput struct{ Body rulesView }

func (s *Service) putRetention(ctx context.Context, in *putRetentionInput) (*web.Tagged[rulesView], error) {
	b := in.Body
	err := s.SetRules(ctx, &Rules{
		MaxBytes: b.MaxBytes, MaxAge: time.Duration(b.MaxAge) * time.Second, KeepFlagged: b.KeepFlagged, MaxPruneRatio: b.MaxPruneRatio,
	})
	if err != nil {
		return nil, err
	}
	return s.getRetention(ctx, &knownInput{})
}

func (s *Service) deleteRetention(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return nil, s.SetRules(ctx, nil)
}

type postPruneInput struct {
	Body struct {
		DryRun bool `json:"dry_run,omitempty"`
	}
}

type removalView struct {
	ID   SessionID `json:"id"`
	Size int64     `json:"size"`
	Why  string    `json:"why"`
}

// PrunedView is what a run of pruning did, as JSON.
type PrunedView struct {
	Removed []removalView `json:"removed" nullable:"false" doc:"Recordings."`
	Orphans []removalView `json:"orphans" nullable:"false" doc:"Stored files of no recording."`
	Bytes   int64         `json:"bytes" doc:"Of both."`
	Used    int64         `json:"used" doc:"Bytes that were stored before."`
	Over    int64         `json:"over" doc:"Bytes beyond the limits for which nothing more may be deleted."`
	Unknown int           `json:"unknown" doc:"Stored files that no recording explains."`
	Held    bool          `json:"held" doc:"These are too many, and were left alone."`
}

// JSON shapes what was pruned as the API shows it.
func (p Pruned) JSON() PrunedView {
	v := PrunedView{Removed: []removalView{}, Orphans: []removalView{}, Bytes: p.Bytes, Used: p.Used, Over: p.Over, Unknown: p.Unknown, Held: p.Held}
	for _, r := range p.Removed {
		v.Removed = append(v.Removed, removalView{r.ID, r.Size, r.Why})
	}
	for _, r := range p.Orphans {
		v.Orphans = append(v.Orphans, removalView{r.ID, r.Size, r.Why})
	}
	return v
}

type pruneOutput struct{ Body PrunedView }

func (s *Service) postPrune(ctx context.Context, in *postPruneInput) (*pruneOutput, error) {
	p, err := s.Prune(ctx, in.Body.DryRun)
	if err != nil {
		return nil, err
	}
	return &pruneOutput{p.JSON()}, nil
}

type storageView struct {
	Bytes     int64        `json:"bytes"`
	Free      int64        `json:"free" doc:"Of the disk."`
	Floor     int64        `json:"floor" doc:"Bytes that stay free of new recordings."`
	Deletable int64        `json:"deletable" doc:"Bytes that the rules allow to be deleted."`
	Pruned    int64        `json:"pruned" doc:"Recordings that were deleted to make room."`
	Live      int64        `json:"live"`
	Sources   []sourceView `json:"sources" nullable:"false"`
	Rules     rulesView    `json:"rules"`
}

type sourceView struct {
	Source     Source `json:"source"`
	Recordings int64  `json:"recordings"`
	Bytes      int64  `json:"bytes"`
}

func (s *Service) getStorage(ctx context.Context, in *knownInput) (*web.Tagged[storageView], error) {
	u, err := s.Usage(ctx)
	if err != nil {
		return nil, err
	}
	v := storageView{u.Bytes, u.Free, u.Floor, u.Deletable, u.Pruned, u.Live, []sourceView{}, viewRules(u.Rules)}
	for _, x := range u.Sources {
		v.Sources = append(v.Sources, sourceView(x))
	}
	return web.Tag(in.Known, v)
}

type calendarInput struct {
	From string `query:"from" format:"date" doc:"A day in UTC; without it a year ago."`
	To   string `query:"to" format:"date" doc:"The last day; without it today."`
	web.Known
}

type calendarView struct {
	Days []Day `json:"days" nullable:"false"`
}

func (s *Service) getCalendar(ctx context.Context, in *calendarInput) (*web.Tagged[calendarView], error) {
	to := s.clock.Now()
	from := to.AddDate(-1, 0, 0)
	for _, p := range []struct {
		text string
		at   *time.Time
	}{{in.From, &from}, {in.To, &to}} {
		if p.text == "" {
			continue
		}
		var err error
		if *p.at, err = time.Parse(time.DateOnly, p.text); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "%q is no day; write it as 2026-11-20", p.text)
		}
	}
	days, err := s.Calendar(ctx, callerOf(ctx), from, to)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, calendarView{days})
}
