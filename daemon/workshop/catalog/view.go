package catalog

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// The shapes of our own API.

type namedView struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type tagView struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Mods int    `json:"mods" doc:"How many mods have it."`
}

type modView struct {
	ID           string      `json:"id" example:"2009463077"`
	Hex          string      `json:"hex" doc:"The id as game clients write it, without the m." example:"77c5f925"`
	Name         string      `json:"name"`
	Preview      string      `json:"preview" doc:"Address of a picture, empty if none is known."`
	Game         *namedView  `json:"game" doc:"null if it is not known."`
	Size         int64       `json:"size" doc:"Unpacked, in bytes, as the source says."`
	ArchiveSize  int64       `json:"archive_size" doc:"Bytes of the zip; 0: none is here."`
	Condition    int         `json:"condition" enum:"0,1,2" doc:"0: complete. 1: the archive is here, its texts and tags are not. 2: being fetched."`
	CreatedAt    *time.Time  `json:"created_at,omitempty" doc:"At the source."`
	UpdatedAt    *time.Time  `json:"updated_at,omitempty" doc:"At the source: of the version that is here."`
	RequestedAt  *time.Time  `json:"requested_at,omitempty" doc:"When it was last sent, or came here."`
	Source       string      `json:"source" example:"steam"`
	Downloads    int64       `json:"downloads"`
	Tags         []namedView `json:"tags"`
	Dependencies int         `json:"dependencies" doc:"How many other mods it needs."`
}

type neededView struct {
	ID    string `json:"id"`
	Name  string `json:"name" doc:"Empty if nothing is known of it."`
	State string `json:"state" enum:"stored,fetching,absent"`
}

type resourceView struct {
	Type string `json:"type" example:"screenshot"`
	URL  string `json:"url"`
}

// modDetailView repeats the fields of modView, because "dependencies" is a
// list here.
type modDetailView struct {
	ID           string         `json:"id"`
	Hex          string         `json:"hex"`
	Name         string         `json:"name"`
	Preview      string         `json:"preview"`
	Game         *namedView     `json:"game"`
	Size         int64          `json:"size"`
	ArchiveSize  int64          `json:"archive_size"`
	Condition    int            `json:"condition" enum:"0,1,2"`
	CreatedAt    *time.Time     `json:"created_at,omitempty"`
	UpdatedAt    *time.Time     `json:"updated_at,omitempty"`
	RequestedAt  *time.Time     `json:"requested_at,omitempty"`
	Source       string         `json:"source"`
	Downloads    int64          `json:"downloads"`
	Tags         []namedView    `json:"tags"`
	Description  string         `json:"description" doc:"In the markup of the source."`
	Version      int64          `json:"version" doc:"The newest that is here, Unix seconds; 0: none."`
	Dependencies []neededView   `json:"dependencies" doc:"What it needs."`
	Dependents   []namedView    `json:"dependents" doc:"At most 50 mods that need it."`
	Resources    []resourceView `json:"resources"`
	DownloadURL  string         `json:"download_url"`
	PageURL      string         `json:"page_url" doc:"Its page at the source."`
}

type gameView struct {
	ID               string      `json:"id"`
	Name             string      `json:"name"`
	Type             string      `json:"type" example:"game"`
	Logo             string      `json:"logo"`
	ShortDescription string      `json:"short_description"`
	Mods             int         `json:"mods"`
	Downloads        int64       `json:"downloads"`
	Genres           []namedView `json:"genres"`
	Placeholder      bool        `json:"placeholder" doc:"Nothing but its id is known yet."`
}

type gameDetailView struct {
	gameView
	Description string    `json:"description" doc:"HTML of the store; not to be trusted."`
	Tags        []tagView `json:"tags"`
}

func decimal(id int64) string { return strconv.FormatInt(id, 10) }

// moment is nil for a time that is not known.
func moment(t time.Time) *time.Time {
	if t.IsZero() || t.Unix() == 0 {
		return nil
	}
	t = t.UTC()
	return &t
}

func viewTags(tags []Tag) []namedView {
	list := make([]namedView, len(tags))
	for i, t := range tags {
		list[i] = namedView{decimal(t.ID), t.Name}
	}
	return list
}

// viewMods shows entries. It asks the database once, for their pictures.
func (s *Service) viewMods(ctx context.Context, mods []*entry) ([]modView, error) {
	ids := make([]int64, len(mods))
	for i, e := range mods {
		ids[i] = e.id
	}
	logos, err := s.store.logos(ctx, ids)
	if err != nil {
		return nil, err
	}
	list := make([]modView, len(mods))
	for i, e := range mods {
		list[i] = s.viewMod(e, logos[e.id])
	}
	return list, nil
}

func (s *Service) viewMod(e *entry, logo string) modView {
	if logo == "" { // not filled in yet
		d, _ := s.library.Details(e.id)
		logo = d.Logo
	}
	return modView{
		ID: decimal(e.id), Hex: strconv.FormatInt(e.id, 16), Name: e.title(), Preview: logo, Game: s.viewGameName(e.game), Size: e.size,
		ArchiveSize: e.archive, Condition: int(e.condition), CreatedAt: moment(time.Unix(e.created, 0)),
		UpdatedAt: moment(time.Unix(e.updated, 0)), RequestedAt: moment(e.requestedAt()), Source: e.source, Downloads: e.downloads,
		Tags: viewTags(s.shelf.tagNames(e.tags)), Dependencies: len(e.needs),
	}
}

func (s *Service) viewGameName(id int64) *namedView {
	if id == 0 {
		return nil
	}
	g := s.shelf.game(id)
	if g == nil {
		p := placeholder(id)
		g = &p
	}
	return &namedView{decimal(id), g.Name}
}

// viewNeeded shows what a mod needs.
func (s *Service) viewNeeded(ids []int64) []neededView {
	list := make([]neededView, len(ids))
	for i, id := range ids {
		list[i] = neededView{ID: decimal(id), State: "absent"}
		if e := s.lookup(id); e != nil {
			list[i].Name, list[i].State = e.title(), "stored"
			if e.condition == conditionFetching {
				list[i].State = "fetching"
			}
			continue
		}
		d, _ := s.library.Details(id)
		list[i].Name = clean(d.Name)
	}
	return list
}

func viewGame(g *countedGame) gameView {
	return gameView{
		ID: decimal(g.ID), Name: g.Name, Type: g.Type, Logo: g.Logo, ShortDescription: g.ShortDescription, Mods: g.mods,
		Downloads: g.Downloads, Genres: viewTags(genreTags(g.Genres)), Placeholder: g.Placeholder,
	}
}

// viewTagCounts shows tags, the most used first.
func (s *Service) viewTagCounts(counts map[int64]int) []tagView {
	ids := make([]int64, 0, len(counts))
	for id := range counts {
		ids = append(ids, id)
	}
	tags := s.shelf.tagNames(ids)
	slices.SortStableFunc(tags, func(a, b Tag) int { return counts[b.ID] - counts[a.ID] })
	list := make([]tagView, len(tags))
	for i, t := range tags {
		list[i] = tagView{decimal(t.ID), t.Name, counts[t.ID]}
	}
	return list
}
