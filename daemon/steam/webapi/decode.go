package webapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	// maxObjects bounds how many objects of one array are looked at.
	maxObjects = 10 * MaxIDs
	maxTags    = 64 // of one item
	maxTag     = 64 // runes
)

// decodeDetails reads the answer of either details call. One broken object
// never spoils the others.
func decodeDetails(body []byte, ids []uint64) ([]FileDetails, error) {
	var answer struct {
		Response struct {
			Details objects `json:"publishedfiledetails"`
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
	ID         number   `json:"publishedfileid"`
	Result     number   `json:"result"`
	AppA       number   `json:"consumer_app_id"` // ISteamRemoteStorage
	AppB       number   `json:"consumer_appid"`  // IPublishedFileService
	Updated    number   `json:"time_updated"`
	Title      text     `json:"title"`
	Size       number   `json:"file_size"`
	URL        text     `json:"file_url"`
	Manifest   number   `json:"hcontent_file"`
	Filename   text     `json:"filename"`
	Creator    number   `json:"creator"`
	Visibility number   `json:"visibility"`
	Banned     truth    `json:"banned"`
	BanReason  text     `json:"ban_reason"`
	Preview    text     `json:"preview_url"`
	Tags       wireTags `json:"tags"`
	Created    number   `json:"time_created"`
	TextA      text     `json:"description"`       // ISteamRemoteStorage
	TextB      text     `json:"file_description"`  // IPublishedFileService
	TextC      text     `json:"short_description"` // IPublishedFileService, some items
	Type       number   `json:"file_type"`
	NeedsCount number   `json:"num_children"`
	Needs      needs    `json:"children"`
	Pictures   pictures `json:"previews"`
}

// decodeFile reports false when not even the id can be read.
func decodeFile(raw json.RawMessage) (FileDetails, bool) {
	var w wireFile
	if json.Unmarshal(raw, &w) != nil || !w.ID.set {
		return FileDetails{}, false
	}
	f := FileDetails{ID: w.ID.n}
	app := w.AppA
	if !app.set {
		app = w.AppB
	}
	switch {
	case !w.Result.set || w.Result.n == 0 || w.Result.n > 1<<15:
		f.Problem = "Steam gave no result for the item"
		return f, true
	case w.Result.n != ResultOK:
		f.Result = int(w.Result.n)
		return f, true
	case !w.Updated.set || w.Updated.n == 0 || w.Updated.n >= 1e12:
		f.Problem = "Steam gave no time_updated for the item"
		return f, true
	case app.bad || app.n > 1<<32-1 || w.Size.bad || w.Size.n > 1<<62 || w.URL.bad || w.Manifest.bad:
		f.Problem = "Steam described the item in an unknown way"
		return f, true
	}
	f.Result, f.AppID, f.Updated, f.Size = ResultOK, uint32(app.n), int64(w.Updated.n), int64(w.Size.n)
	f.Title, f.URL, f.Filename = clean(w.Title.s, 256), strings.TrimSpace(w.URL.s), clean(w.Filename.s, 256)
	f.Manifest, f.Creator = w.Manifest.decimal(), w.Creator.decimal()
	f.Visibility, f.Banned, f.BanReason = int(min(w.Visibility.n, 1<<15)), bool(w.Banned), clean(w.BanReason.s, 512)
	f.Preview, f.Tags = link(w.Preview.s), w.Tags
	w.describe(&f)
	return f, true
}

// objects is an array of which only the first maxObjects are kept, so that a
// hostile answer cannot grow far beyond its own size. Anything but an array
// reads as an empty one.
type objects []json.RawMessage

func (o *objects) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return nil
	}
	for dec.More() && len(*o) < maxObjects {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil
		}
		*o = append(*o, raw)
	}
	return nil
}

// number is a non-negative whole number, quoted or not. Missing, null and ""
// leave it unset; anything else that is no such number makes it bad.
type number struct {
	n        uint64
	set, bad bool
}

func (v *number) UnmarshalJSON(b []byte) error {
	*v = number{}
	s := strings.TrimSpace(unquote(b))
	if s == "" || s == "null" {
		return nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	*v = number{n: n, set: err == nil, bad: err != nil}
	return nil
}

// decimal returns the number in decimal, "" for 0.
func (v number) decimal() string {
	if v.n == 0 {
		return ""
	}
	return strconv.FormatUint(v.n, 10)
}

// text is a string; null leaves it empty, anything else makes it bad.
type text struct {
	s   string
	bad bool
}

func (v *text) UnmarshalJSON(b []byte) error {
	*v = text{}
	if json.Unmarshal(b, &v.s) != nil {
		v.bad = true
	}
	return nil
}

// truth is true for true, for 1 and for "1" or "true".
type truth bool

func (v *truth) UnmarshalJSON(b []byte) error {
	s := unquote(b)
	*v = s == "true" || s == "1"
	return nil
}

// wireTags reads [{"tag":"x"}, …] and keeps what it understands. Anything but
// an array leaves it nil.
type wireTags []string

func (v *wireTags) UnmarshalJSON(b []byte) error {
	list, ok := array(b)
	if !ok {
		return nil
	}
	*v = wireTags{}
	for _, raw := range list[:min(len(list), maxTags)] {
		var tag struct {
			Tag text `json:"tag"`
		}
		if json.Unmarshal(raw, &tag) != nil {
			continue
		}
		if name := clean(tag.Tag.s, maxTag); name != "" && !slices.Contains(*v, name) {
			*v = append(*v, name)
		}
	}
	return nil
}

func unquote(b []byte) string {
	if len(b) > 0 && b[0] == '"' {
		var s string
		if json.Unmarshal(b, &s) == nil {
			return s
		}
	}
	return string(b)
}

// clean makes a text of an author safe to print: no control characters, no
// broken UTF-8, at most max runes.
func clean(s string, max int) string {
	n := 0
	s = strings.Map(func(r rune) rune {
		if n++; n > max {
			return -1
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.TrimSpace(s)
}

// jsonProblem describes a decoding error without repeating the input.
func jsonProblem(err error) string {
	if s, ok := err.(*json.SyntaxError); ok {
		return fmt.Sprintf("no JSON at byte %d", s.Offset)
	}
	return "JSON of another shape"
}
