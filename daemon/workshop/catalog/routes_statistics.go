package catalog

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const (
	maxHourDays = 31   // days whose hours are shown at once
	maxDays     = 3660 // days shown at once
)

type statisticsInput struct {
	By   string   `query:"by" enum:"hour,day" default:"day"`
	From string   `query:"from" format:"date" maxLength:"10" doc:"First day; missing: today for hours, else seven days before the last."`
	To   string   `query:"to" format:"date" maxLength:"10" doc:"Last day; missing: today."`
	Type []string `query:"type,explode" maxItems:"50" doc:"Only these; missing: all."`
	web.Known
}

type labelView struct {
	Type string `json:"type" example:"files_sent"`
	EN   string `json:"label_en"`
	RU   string `json:"label_ru"`
}

type countView struct {
	Time  string `json:"time" doc:"The day, or the moment at which the hour begins (RFC 3339, UTC)."`
	Type  string `json:"type"`
	Count int64  `json:"count"`
}

type statisticsView struct {
	By    string      `json:"by"`
	Zone  string      `json:"time_zone"`
	From  string      `json:"from"`
	To    string      `json:"to"`
	Types []labelView `json:"types" doc:"How people call the types of the rows."`
	Rows  []countView `json:"rows" doc:"By time, then type."`
}

// days returns the range of days that is asked for.
func (in *statisticsInput) days(today time.Time) (from, to time.Time, err error) {
	parse := func(name, text string, missing time.Time) (time.Time, error) {
		if text == "" {
			return missing, nil
		}
		t, err := time.Parse(dayFormat, text)
		if err != nil {
			return t, fault.New(fault.Invalid, "%s is not a date", name).WithHint("write for example %s", today.Format(dayFormat))
		}
		return t, nil
	}
	if to, err = parse("to", in.To, today); err != nil {
		return from, to, err
	}
	missing, most := to.AddDate(0, 0, -defaultDays), maxDays
	if in.By == "hour" {
		missing, most = to, maxHourDays
	}
	if from, err = parse("from", in.From, missing); err != nil {
		return from, to, err
	}
	switch n := int(to.Sub(from)/(24*time.Hour)) + 1; {
	case n < 1:
		return from, to, fault.New(fault.Invalid, "from is after to")
	case n > most:
		return from, to, fault.New(fault.Invalid, "%d days are more than the %d that are shown at once", n, most)
	}
	return from, to, nil
}

func (s *Service) getStatistics(ctx context.Context, in *statisticsInput) (*web.Tagged[statisticsView], error) {
	from, to, err := in.days(s.today())
	if err != nil {
		return nil, err
	}
	wanted := func(kind string) bool { return len(in.Type) == 0 || slices.Contains(in.Type, kind) }
	out := statisticsView{
		By: in.By, Zone: s.zone.String(), From: from.Format(dayFormat), To: to.Format(dayFormat), Types: []labelView{}, Rows: []countView{},
	}
	var list []counted
	if in.By == "hour" {
		begin := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, s.zone)
		end := time.Date(to.Year(), to.Month(), to.Day()+1, 0, 0, 0, 0, s.zone)
		list, err = s.stats.between(ctx, begin, end, wanted)
	} else {
		list, err = s.stats.days(ctx, out.From, out.To, wanted)
	}
	if err != nil {
		return nil, err
	}
	present := map[string]bool{}
	for _, c := range list {
		row := countView{Time: c.day, Type: c.kind, Count: c.n}
		if in.By == "hour" {
			row.Time = c.at.UTC().Format(time.RFC3339)
		}
		out.Rows = append(out.Rows, row)
		present[c.kind] = true
	}
	out.Types = viewLabels(present)
	return web.Tag(in.Known, out)
}

// viewLabels shows how types are called. One without a label is its own.
func viewLabels(kinds map[string]bool) []labelView {
	list := []labelView{}
	for _, l := range slices.Concat(labels, ownLabels) {
		if kinds[l.kind] {
			list = append(list, labelView{l.kind, l.en, l.ru})
			delete(kinds, l.kind)
		}
	}
	known := len(list)
	for kind := range kinds {
		list = append(list, labelView{kind, kind, kind})
	}
	slices.SortFunc(list[known:], func(a, b labelView) int { return cmp.Compare(a.Type, b.Type) })
	return list
}

type summaryView struct {
	Mods         int   `json:"mods"`
	Games        int   `json:"games"`
	Genres       int   `json:"genres"`
	Tags         int   `json:"tags"`
	Dependencies int   `json:"dependencies" doc:"Mods that need others."`
	Days         int   `json:"days" doc:"Days with counters."`
	Sent         int64 `json:"sent" doc:"Archives sent, those to game clients included."`
	FastMS       int64 `json:"fast_ms" doc:"How long it takes until a stored archive begins to be sent; 0: not known."`
	FullMS       int64 `json:"full_ms" doc:"How long it takes to bring a mod here; 0: not known."`
}

func (s *Service) getSummary(ctx context.Context, in *knownInput) (*web.Tagged[summaryView], error) {
	if err := s.current(ctx); err != nil {
		return nil, err
	}
	var v summaryView
	var err error
	if v.Days, err = s.stats.dayCount(ctx, wireKinds()); err != nil {
		return nil, err
	}
	if v.FastMS, err = s.stats.delay(ctx, newestDelays, timeDownloadLocalOK, timeDownloadSteamOK); err != nil {
		return nil, err
	}
	if v.FullMS, err = s.stats.delay(ctx, newestDelays, timeSteamOK); err != nil {
		return nil, err
	}
	v.Mods, v.Dependencies, _ = s.index.totals()
	v.Games, v.Genres, v.Tags, _ = s.shelf.totals() // the downloads of games know nothing of items without one
	if v.Sent, err = s.stats.total(ctx, countSent, countSentNS2); err != nil {
		return nil, err
	}
	return web.Tag(in.Known, v)
}
