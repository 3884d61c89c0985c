package webapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/steam/lenient"
)

const (
	maxTags = 64 // of one item
	maxTag  = 64 // runes
)

// decodeDetails reads the answer of either details call. One broken object
// never spoils the others.
func decodeDetails(body []byte, ids []uint64) ([]FileDetails, error) {
	var answer struct {
		Response struct {
			Details lenient.Array `json:"publishedfiledetails"`
		} `json:"response"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrNonsense, jsonProblem(err))
	}
	out := make([]FileDetails, len(ids))
	place := make(map[uint64]*FileDetails, len(ids))
	for i, id := range ids {
		out[i] = FileDetails{ID: id, Problem: "Steam left the item out of its answer"}
		place[id] = &out[i]
	}
	for _, raw := range answer.Response.Details {
		f, ok := decodeFile(raw)
		if !ok {
			continue
		}
		if at := place[f.ID]; at != nil && at.Result == ResultNone {
			*at = f
		}
	}
	return out, nil
}

// wireFile is one element of publishedfiledetails. The two calls differ in
// the name of the app id, and in whether numbers are quoted.
type wireFile struct {
	ID         lenient.Number `json:"publishedfileid"`
	Result     lenient.Number `json:"result"`
	AppA       lenient.Number `json:"consumer_app_id"` // ISteamRemoteStorage
	AppB       lenient.Number `json:"consumer_appid"`  // IPublishedFileService
	Updated    lenient.Number `json:"time_updated"`
	Title      lenient.Text   `json:"title"`
	Size       lenient.Number `json:"file_size"`
	URL        lenient.Text   `json:"file_url"`
	Manifest   lenient.Number `json:"hcontent_file"`
	Filename   lenient.Text   `json:"filename"`
	Creator    lenient.Number `json:"creator"`
	Visibility lenient.Number `json:"visibility"`
	Banned     lenient.Truth  `json:"banned"`
	BanReason  lenient.Text   `json:"ban_reason"`
	Preview    lenient.Text   `json:"preview_url"`
	Tags       wireTags       `json:"tags"`
	Created    lenient.Number `json:"time_created"`
	TextA      lenient.Text   `json:"description"`       // ISteamRemoteStorage
	TextB      lenient.Text   `json:"file_description"`  // IPublishedFileService
	TextC      lenient.Text   `json:"short_description"` // IPublishedFileService, some items
	Type       lenient.Number `json:"file_type"`
	NeedsCount lenient.Number `json:"num_children"`
	Needs      needs          `json:"children"`
	Pictures   pictures       `json:"previews"`
}

// decodeFile reports false when not even the id can be read.
func decodeFile(raw json.RawMessage) (FileDetails, bool) {
	var w wireFile
	if json.Unmarshal(raw, &w) != nil || !w.ID.Set {
		return FileDetails{}, false
	}
	f := FileDetails{ID: w.ID.N}
	app := w.AppA
	if !app.Set {
		app = w.AppB
	}
	switch {
	case !w.Result.Set || w.Result.N == 0 || w.Result.N > 1<<15:
		f.Problem = "Steam gave no result for the item"
		return f, true
	case w.Result.N != ResultOK:
		f.Result = int(w.Result.N)
		return f, true
	case !w.Updated.Set || w.Updated.N == 0 || w.Updated.N >= 1e12:
		f.Problem = "Steam gave no time_updated for the item"
		return f, true
	case app.Bad || app.N > 1<<32-1 || w.Size.Bad || w.Size.N > 1<<62 || w.URL.Bad || w.Manifest.Bad:
		f.Problem = "Steam described the item in an unknown way"
		return f, true
	}
	f.Result, f.AppID, f.Updated, f.Size = ResultOK, uint32(app.N), int64(w.Updated.N), int64(w.Size.N)
	f.Title, f.URL, f.Filename = lenient.Line(w.Title.S, 256), strings.TrimSpace(w.URL.S), lenient.Line(w.Filename.S, 256)
	f.Manifest, f.Creator = w.Manifest.Decimal(), w.Creator.Decimal()
	f.Visibility, f.Banned, f.BanReason = int(min(w.Visibility.N, 1<<15)), bool(w.Banned), lenient.Line(w.BanReason.S, 512)
	f.Preview, f.Tags = lenient.Link(w.Preview.S), w.Tags
	w.describe(&f)
	return f, true
}

// wireTags reads [{"tag":"x"}, …] and keeps what it understands. Anything but
// an array leaves it nil.
type wireTags []string

func (v *wireTags) UnmarshalJSON(b []byte) error {
	var list lenient.Array
	if err := list.UnmarshalJSON(b); err != nil || list == nil {
		return err
	}
	*v = wireTags{}
	for _, raw := range list[:min(len(list), maxTags)] {
		var tag struct {
			Tag lenient.Text `json:"tag"`
		}
		if json.Unmarshal(raw, &tag) != nil {
			continue
		}
		if name := lenient.Line(tag.Tag.S, maxTag); name != "" && !slices.Contains(*v, name) {
			*v = append(*v, name)
		}
	}
	return nil
}

// jsonProblem describes a decoding error without repeating the input.
func jsonProblem(err error) string {
	if s, ok := err.(*json.SyntaxError); ok {
		return fmt.Sprintf("no JSON at byte %d", s.Offset)
	}
	return "JSON of another shape"
}
