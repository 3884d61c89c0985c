package webapi

import (
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/steam/lenient"
)

// The shapes of both calls. IPublishedFileService quotes file_size, says
// consumer_appid and leaves file_url out of an item without one;
// ISteamRemoteStorage says consumer_app_id and sends an empty file_url.
const (
	keyedAnswer = `{"response":{"publishedfiledetails":[
		{"result":1,"publishedfileid":"99874752","creator":"76561197984667096","creator_appid":4920,"consumer_appid":4920,
		 "filename":"m5f3f7c0.zip","file_size":"3145728","preview_url":"https://images.example/p.jpg",
		 "file_url":"https://steamusercontent.example/ugc/594699/0123456789ABCDEF0123456789ABCDEF01234567/",
		 "hcontent_file":"594699","title":"Some map","time_created":1348950000,"time_updated":1348957670,
		 "visibility":0,"banned":false,"ban_reason":"","tags":[{"tag":"Map","display_name":"Map"},{"tag":"Must be run on Server"}]},
		{"publishedfileid":"57005","result":9}]}}`
	keylessAnswer = `{"response":{"result":1,"resultcount":1,"publishedfiledetails":[
		{"publishedfileid":"117887554","result":1,"creator":"76561197984667096","creator_app_id":4920,"consumer_app_id":4920,
		 "filename":"","file_size":1234567,"file_url":"","hcontent_file":"2281034517394423170","preview_url":"",
		 "title":"A mod","time_created":1355000000,"time_updated":1650000000,"visibility":3,"banned":1,"ban_reason":"copied",
		 "tags":[]}]}}`
)

func TestDecodeDetails_Shapes(t *testing.T) {
	got, err := decodeDetails([]byte(keyedAnswer), []uint64{57005, 99874752})
	if err != nil {
		t.Fatal(err)
	}
	want := []FileDetails{
		{ID: 57005, Result: 9},
		{
			ID: 99874752, Result: 1, AppID: 4920, Updated: 1348957670, Title: "Some map", Size: 3145728, Created: 1348950000,
			URL:      "https://steamusercontent.example/ugc/594699/0123456789ABCDEF0123456789ABCDEF01234567/",
			Manifest: "594699", Filename: "m5f3f7c0.zip", Creator: "76561197984667096",
			Preview: "https://images.example/p.jpg", Tags: []string{"Map", "Must be run on Server"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keyed (-want +got):\n%s", diff)
	}
	got, err = decodeDetails([]byte(keylessAnswer), []uint64{117887554})
	if err != nil {
		t.Fatal(err)
	}
	want = []FileDetails{{
		ID: 117887554, Result: 1, AppID: 4920, Updated: 1650000000, Title: "A mod", Size: 1234567,
		Manifest: "2281034517394423170", Creator: "76561197984667096", Visibility: 3, Banned: true, BanReason: "copied",
		Created: 1355000000, Tags: []string{},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("key-less (-want +got):\n%s", diff)
	}
}

// TestDecodeDetails_OneBadObject puts each broken object between two good
// ones: the good ones must come through, the broken one must be transient.
func TestDecodeDetails_OneBadObject(t *testing.T) {
	const before = `{"publishedfileid":"1","result":1,"time_updated":10,"consumer_appid":4920,"title":"one"}`
	const after = `{"publishedfileid":"3","result":1,"time_updated":"30","consumer_app_id":"4920","title":"three"}`
	for name, object := range map[string]string{
		"no result":           `{"publishedfileid":"2"}`,
		"result is a text":    `{"publishedfileid":"2","result":"yes"}`,
		"result is null":      `{"publishedfileid":"2","result":null}`,
		"result is negative":  `{"publishedfileid":"2","result":-1}`,
		"no time_updated":     `{"publishedfileid":"2","result":1,"consumer_appid":4920}`,
		"time_updated zero":   `{"publishedfileid":"2","result":1,"time_updated":0}`,
		"time_updated array":  `{"publishedfileid":"2","result":1,"time_updated":[1]}`,
		"time_updated huge":   `{"publishedfileid":"2","result":1,"time_updated":1000000000000}`,
		"file_size object":    `{"publishedfileid":"2","result":1,"time_updated":5,"file_size":{}}`,
		"file_size negative":  `{"publishedfileid":"2","result":1,"time_updated":5,"file_size":-5}`,
		"file_size fraction":  `{"publishedfileid":"2","result":1,"time_updated":5,"file_size":1.5}`,
		"file_url a number":   `{"publishedfileid":"2","result":1,"time_updated":5,"file_url":7}`,
		"app id too wide":     `{"publishedfileid":"2","result":1,"time_updated":5,"consumer_appid":4294967296}`,
		"id unreadable":       `{"publishedfileid":{},"result":1,"time_updated":5}`,
		"id too wide":         `{"publishedfileid":"18446744073709551616","result":1,"time_updated":5}`,
		"a number":            `7`,
		"null":                `null`,
		"an array":            `[]`,
		"another id":          `{"publishedfileid":"4","result":1,"time_updated":5}`,
		"an empty object":     `{}`,
		"id in hexadecimal":   `{"publishedfileid":"0x2","result":1,"time_updated":5}`,
		"manifest not number": `{"publishedfileid":"2","result":1,"time_updated":5,"hcontent_file":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"response":{"publishedfiledetails":[` + before + `,` + object + `,` + after + `]}}`
			got, err := decodeDetails([]byte(body), []uint64{1, 2, 3})
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Class() != Usable || got[0].Title != "one" || got[2].Class() != Usable || got[2].Updated != 30 || got[2].AppID != 4920 {
				t.Errorf("neighbours were spoiled: %+v", got)
			}
			if got[1].ID != 2 || got[1].Class() != Transient || got[1].Problem == "" {
				t.Errorf("broken object: %+v", got[1])
			}
		})
	}
}

// TestDecodeDetails_Tolerated lists oddities that leave an item usable.
func TestDecodeDetails_Tolerated(t *testing.T) {
	for name, object := range map[string]string{
		"id as a number":     `{"publishedfileid":2,"result":1,"time_updated":5}`,
		"everything quoted":  `{"publishedfileid":"2","result":"1","time_updated":"5","visibility":"0"}`,
		"title is a number":  `{"publishedfileid":"2","result":1,"time_updated":5,"title":7}`,
		"tags is an object":  `{"publishedfileid":"2","result":1,"time_updated":5,"tags":{"a":1}}`,
		"empty file_size":    `{"publishedfileid":"2","result":1,"time_updated":5,"file_size":""}`,
		"null file_url":      `{"publishedfileid":"2","result":1,"time_updated":5,"file_url":null}`,
		"unknown members":    `{"publishedfileid":"2","result":1,"time_updated":5,"vote_data":{"score":0.5}}`,
		"no manifest":        `{"publishedfileid":"2","result":1,"time_updated":5,"hcontent_file":"0"}`,
		"creator unreadable": `{"publishedfileid":"2","result":1,"time_updated":5,"creator":"me"}`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeDetails([]byte(`{"response":{"publishedfiledetails":[`+object+`]}}`), []uint64{2})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]FileDetails{{ID: 2, Result: 1, Updated: 5}}, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDecodeDetails_Envelope(t *testing.T) {
	for _, body := range []string{
		`{"response":{}}`, `{}`, `{"response":{"publishedfiledetails":null}}`, `{"response":{"publishedfiledetails":{}}}`,
		`{"response":{"publishedfiledetails":[]}}`, `{"response":null}`, `null`,
	} {
		got, err := decodeDetails([]byte(body), []uint64{1, 2})
		if err != nil || len(got) != 2 || got[0].Class() != Transient || got[1].Class() != Transient {
			t.Errorf("%s: %+v, %v; want two transient answers", body, got, err)
		}
	}
	for _, body := range []string{``, `<html>`, `[]`, `7`, `{"response":[]}`, `{"response":{"publishedfiledetails":[`} {
		if _, err := decodeDetails([]byte(body), []uint64{1}); !errors.Is(err, ErrNonsense) {
			t.Errorf("%q: error %v, want ErrNonsense", body, err)
		}
	}
}

func TestDecodeDetails_Bounds(t *testing.T) {
	body := `{"response":{"publishedfiledetails":[` + strings.Repeat("1,", 2<<20) + `1]}}`
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := decodeDetails([]byte(body), []uint64{1}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	allocated := int64(after.TotalAlloc - before.TotalAlloc)
	if limit := int64(4 * len(body)); allocated > limit {
		t.Errorf("decoding %d bytes of small elements allocates %d bytes, want at most %d", len(body), allocated, limit)
	}
}

func TestDecodeDetails_CleansTexts(t *testing.T) {
	title, _ := json.Marshal("a\x1b[2J\x00b\u202e" + strings.Repeat("ü", 300))
	got, err := decodeDetails([]byte(`{"response":{"publishedfiledetails":[
		{"publishedfileid":"2","result":1,"time_updated":5,"title":`+string(title)+`}]}}`), []uint64{2})
	if err != nil {
		t.Fatal(err)
	}
	if s := got[0].Title; strings.ContainsAny(s, "\x1b\x00\u202e") || utf8.RuneCountInString(s) != 256 {
		t.Errorf("title %q (%d runes)", s, utf8.RuneCountInString(s))
	}
}

// TestClassify follows the meaning of Steam's EResult for an item.
func TestClassify(t *testing.T) {
	want := map[int]Class{
		0: Transient, 1: Usable, 2: Transient, 8: BadParameter, 9: Gone, 10: Transient, 15: Denied, 16: Transient,
		17: Denied, 20: Transient, 42: Transient, 84: RateLimited, 12345: Transient, -1: Transient,
	}
	for result, class := range want {
		if got := Classify(result); got != class {
			t.Errorf("result %d: %v, want %v", result, got, class)
		}
	}
}

func TestDecodeCollections(t *testing.T) {
	got, err := decodeCollections([]byte(`{"response":{"result":1,"resultcount":2,"collectiondetails":[
		{"publishedfileid":"10","result":1,"children":[
			{"publishedfileid":"1","sortorder":1,"filetype":0},{"publishedfileid":{},"filetype":0},7,
			{"publishedfileid":2,"sortorder":2,"filetype":"2"}]},
		{"publishedfileid":"11","result":9},
		{"publishedfileid":"10","result":9},
		{"publishedfileid":"99","result":1}]}}`), []uint64{10, 11, 12})
	if err != nil {
		t.Fatal(err)
	}
	want := []CollectionDetails{
		{ID: 10, Result: 1, Children: []Child{{ID: 1}, {ID: 2, Type: 2}}}, {ID: 11, Result: 9}, {ID: 12},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func FuzzDecodeDetails(f *testing.F) {
	for _, seed := range []string{
		keyedAnswer, keylessAnswer, describedKeyless, describedKeyed, `{"response":{}}`, `null`, `{"response":{"publishedfiledetails":[null,1,{}]}}`,
		`{"response":{"publishedfiledetails":[{"publishedfileid":"1","result":1,"time_updated":"5","tags":[{"tag":1}]}]}}`,
		`{"response":{"publishedfiledetails":[{"publishedfileid":"1","result":84},{"publishedfileid":"1","result":1}]}}`,
		"{\"response\":{\"publishedfiledetails\":[{\"publishedfileid\":\"1\",\"result\":1,\"time_updated\":9,\"title\":\"\xff\\u0000\"}]}}",
	} {
		f.Add([]byte(seed))
	}
	ids := []uint64{1, 99874752, 117887554}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decodeDetails(body, ids)
		if err != nil {
			if !errors.Is(err, ErrNonsense) || got != nil {
				t.Fatalf("%v, %v", got, err)
			}
			return
		}
		if len(got) != len(ids) {
			t.Fatalf("%d answers for %d ids", len(got), len(ids))
		}
		for i, d := range got {
			switch {
			case d.ID != ids[i]:
				t.Errorf("answer %d is for id %d", i, d.ID)
			case strings.ContainsRune(d.Title+d.Description+strings.Join(d.Tags, ""), 0):
				t.Errorf("a NUL came through: %+v", d)
			case len(d.Tags) > maxTags || len(d.Children) > lenient.MaxElements || len(d.Screenshots) > maxPictures || utf8.RuneCountInString(d.Description) > maxDescription:
				t.Errorf("more than can be: %d tags, %d children, %d pictures", len(d.Tags), len(d.Children), len(d.Screenshots))
			case d.Class() == Usable && (d.Updated <= 0 || d.Size < 0):
				t.Errorf("usable without version or with a negative size: %+v", d)
			case !utf8.ValidString(d.Title + d.BanReason + d.Filename + d.Description + d.Preview + strings.Join(d.Tags, "") + strings.Join(d.Screenshots, "")):
				t.Errorf("broken UTF-8 came through: %+v", d)
			}
		}
	})
}
