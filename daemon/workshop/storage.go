package workshop

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
)

const (
	storageShown = 90  // days that the report shows
	storageKept  = 400 // days that are remembered
)

// Storage says what fills the store and for how long there is room. Sizes are
// in bytes, each blob counted once; files in the operator's folders do not
// count.
type Storage struct {
	Bytes   int64 // everything that counts for the quota
	Limit   int64 // workshop.retention.max_bytes, 0: none
	Free    int64 // on the disk of the store
	MinFree int64 // workshop.retention.min_free

	ByGame   []GameStorage   // largest first
	BySource []SourceStorage // largest first

	Pinned        Holding
	Irreplaceable Holding // and not pinned
	Evictable     Holding // the rest: may go when room is needed

	Days     []StorageDay // oldest first
	Forecast Forecast
}

// Holding is a part of what is stored.
type Holding struct {
	Versions int   `json:"versions"`
	Bytes    int64 `json:"bytes"`
}

func (h *Holding) add(bytes int64) { h.Versions, h.Bytes = h.Versions+1, h.Bytes+bytes }

// GameStorage is what is stored of the items of one app, 0 where it is not
// known.
type GameStorage struct {
	App      uint32 `json:"app"`
	Name     string `json:"name" doc:"Empty when it is not known."`
	Mods     int    `json:"mods"`
	Versions int    `json:"versions"`
	Bytes    int64  `json:"bytes"`
}

// SourceStorage is what one source delivered.
type SourceStorage struct {
	Source   string `json:"source"`
	Versions int    `json:"versions"`
	Bytes    int64  `json:"bytes"`
}

// Storage returns the report.
func (s *Service) Storage(ctx context.Context) (Storage, error) {
	if err := s.Survey(ctx); err != nil {
		return Storage{}, err
	}
	if err := s.promises.weighAside(ctx); err != nil {
		return Storage{}, err
	}
	rules := s.policy.retention()
	r := Storage{Bytes: s.promises.used(), Limit: int64(rules.MaxBytes), MinFree: int64(rules.MinFree)}
	var err error
	if r.Free, err = s.blobs.Free(ctx); err != nil {
		return r, err
	}
	supplies, err := s.store.supplies(ctx)
	if err != nil {
		return r, err
	}
	s.divide(&r, supplies)
	if r.Days, err = s.store.storageDays(ctx, storageShown); err != nil {
		return r, err
	}
	r.Forecast = r.forecast(s.clock.Now())
	return r, nil
}

// divide sorts what is stored by game, by source and by what may go.
func (s *Service) divide(r *Storage, supplies map[ItemID]supply) {
	games, sources, mods := map[uint32]*GameStorage{}, map[string]*SourceStorage{}, map[ItemID]bool{}
	counted := map[string]bool{}
	all := s.index.all()
	slices.SortFunc(all, func(a, b *stored) int { return compareNames(a.Name, b.Name) })
	for _, st := range all {
		if !st.ours() {
			continue
		}
		bytes := st.Size
		if counted[st.Key] {
			bytes = 0
		}
		counted[st.Key] = true
		known, ok := supplies[st.Name.Item]
		known.gone = known.gone || !ok
		g := entry(games, known.app)
		g.App, g.Versions, g.Bytes = known.app, g.Versions+1, g.Bytes+bytes
		if !mods[st.Name.Item] {
			mods[st.Name.Item] = true
			g.Mods++
		}
		src := entry(sources, st.Source)
		src.Source, src.Versions, src.Bytes = st.Source, src.Versions+1, src.Bytes+bytes
		switch {
		case st.Pinned:
			r.Pinned.add(bytes)
		case st.State != Quarantined && s.supplier(st.Name, known) == nobody:
			r.Irreplaceable.add(bytes)
		default:
			r.Evictable.add(bytes)
		}
	}
	for _, g := range games {
		g.Name = s.gameName(g.App)
		r.ByGame = append(r.ByGame, *g)
	}
	for _, x := range sources {
		r.BySource = append(r.BySource, *x)
	}
	slices.SortFunc(r.ByGame, func(a, b GameStorage) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.App, b.App)) })
	slices.SortFunc(r.BySource, func(a, b SourceStorage) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Source, b.Source))
	})
}

// entry returns the value of key, a new one if there is none.
func entry[K comparable, V any](m map[K]*V, key K) *V {
	if m[key] == nil {
		m[key] = new(V)
	}
	return m[key]
}

// noteStorage writes what is stored into the row of the day: at start and then
// every hour, so that the row of a day that is over tells its end.
func (s *Service) noteStorage(ctx context.Context) {
	now := s.clock.Now().UTC()
	_, versions, _ := s.index.totals()
	d := StorageDay{Day: now.Format(time.DateOnly), Bytes: s.promises.used(), Versions: versions}
	s.write(ctx, "size of the store", func(tx *db.Tx) error {
		return putStorageDay(ctx, tx, d, now.AddDate(0, 0, -storageKept).Format(time.DateOnly))
	})
}

// Forecast says when there will be no more room, if what is stored goes on
// growing as it did.
type Forecast struct {
	// BytesPerDay is the median growth of the last days, 0 if it is not known.
	BytesPerDay int64
	// FullAt is zero when nothing is expected to fill up.
	FullAt time.Time
	// Text says the same in words, and why when there is no forecast.
	Text string
}

const (
	forecastDays = 30   // that growth is judged by
	forecastMin  = 7    // fewer differences than this say nothing
	forecastMax  = 3650 // days; beyond that is as good as never
)

// forecast judges growth by the median of the daily differences: a day on
// which somebody added a collection does not move it.
func (r *Storage) forecast(now time.Time) Forecast {
	steps := daily(r.Days, now)
	if len(steps) < forecastMin {
		return Forecast{Text: fmt.Sprintf("No forecast yet: %d of at least %d days are known.", len(steps), forecastMin)}
	}
	f := Forecast{BytesPerDay: median(steps)}
	room, what := r.Free-r.MinFree, "the disk has no more to give (workshop.retention.min_free)"
	if r.Limit > 0 && r.Limit-r.Bytes < room {
		room, what = r.Limit-r.Bytes, "the quota is used up (workshop.retention.max_bytes)"
	}
	switch {
	case room <= 0:
		f.FullAt, f.Text = now.UTC().Truncate(time.Second), "There is no room left: "+what+"."
	case f.BytesPerDay <= 0:
		f.Text = "No forecast: the store does not grow."
	case room/f.BytesPerDay >= forecastMax:
		f.Text = fmt.Sprintf("At %s a day there is room for more than ten years.", config.Size(f.BytesPerDay).Rounded())
	default:
		f.FullAt = now.UTC().Add(time.Duration(float64(room) / float64(f.BytesPerDay) * float64(24*time.Hour))).Truncate(time.Second)
		f.Text = fmt.Sprintf("At %s a day, %s on %s.", config.Size(f.BytesPerDay).Rounded(), what, f.FullAt.Format(time.DateOnly))
	}
	if f.BytesPerDay > 0 && !f.FullAt.IsZero() && r.Evictable.Bytes > 0 {
		f.Text += fmt.Sprintf(" Then mods that can be fetched again make room, %s of them at present.", config.Size(r.Evictable.Bytes).Rounded())
	}
	return f
}

// daily returns the growth of each of the last days. Days that nobody wrote
// down share the growth between their neighbours.
func daily(days []StorageDay, now time.Time) []int64 {
	var steps []int64
	oldest := now.UTC().AddDate(0, 0, -forecastDays).Format(time.DateOnly)
	for i := 1; i < len(days); i++ {
		from, err1 := time.Parse(time.DateOnly, days[i-1].Day)
		to, err2 := time.Parse(time.DateOnly, days[i].Day)
		gap := int64(to.Sub(from).Hours() / 24)
		if err1 != nil || err2 != nil || gap <= 0 || days[i].Day <= oldest {
			continue
		}
		for range min(gap, forecastDays) {
			steps = append(steps, (days[i].Bytes-days[i-1].Bytes)/gap)
		}
	}
	return steps
}

// median returns the middle value, the mean of the two middle ones if their
// number is even. values is not empty.
func median(values []int64) int64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return sorted[n/2-1] + (sorted[n/2]-sorted[n/2-1])/2
}

// bound returns what may not go for the quota: what is pinned, and what else
// nobody could supply again.
func (s *Service) bound(ctx context.Context) (pinned, irreplaceable Holding, err error) {
	supplies, err := s.store.supplies(ctx)
	var r Storage
	s.divide(&r, supplies)
	return r.Pinned, r.Irreplaceable, err
}

func (s *Service) storageView(r Storage) storageView {
	v := storageView{
		Bytes: r.Bytes, Limit: r.Limit, Free: r.Free, MinFree: r.MinFree,
		ByGame: append([]GameStorage{}, r.ByGame...), BySource: append([]SourceStorage{}, r.BySource...),
		Pinned: r.Pinned, Irreplaceable: r.Irreplaceable, Evictable: r.Evictable, Days: append([]StorageDay{}, r.Days...),
	}
	v.Forecast.BytesPerDay, v.Forecast.FullAt, v.Forecast.Text = r.Forecast.BytesPerDay, moment(r.Forecast.FullAt), r.Forecast.Text
	return v
}

// storageView is the shape of the API.
type storageView struct {
	Bytes         int64           `json:"bytes" doc:"What is stored of mods, each file once."`
	Limit         int64           `json:"limit" doc:"workshop.retention.max_bytes, 0 if there is none."`
	Free          int64           `json:"free" doc:"Free bytes on the disk of the store."`
	MinFree       int64           `json:"min_free" doc:"workshop.retention.min_free"`
	ByGame        []GameStorage   `json:"by_game" doc:"The largest first."`
	BySource      []SourceStorage `json:"by_source" doc:"The largest first."`
	Pinned        Holding         `json:"pinned" doc:"Never removed automatically."`
	Irreplaceable Holding         `json:"irreplaceable" doc:"Not pinned, and as far as is known no source could supply it again: never removed to make room."`
	Evictable     Holding         `json:"evictable" doc:"The rest, which may go when room is needed."`
	Days          []StorageDay    `json:"days" doc:"What was stored on the last days, at most 90, the oldest first."`
	Forecast      forecastView    `json:"forecast"`
}

type forecastView struct {
	BytesPerDay int64      `json:"bytes_per_day" doc:"Median of the last 30 days; 0 if it is not known."`
	FullAt      *time.Time `json:"full_at,omitempty" doc:"When there will be no room left at that rate."`
	Text        string     `json:"text" doc:"The same in words, and why there is no forecast if there is none."`
}
