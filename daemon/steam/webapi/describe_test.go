package webapi

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// The texts of an item as both calls give them. IPublishedFileService says
// file_description, and with a key it also lists what the item needs and its
// further pictures.
const (
	describedKeyless = `{"response":{"result":1,"resultcount":2,"publishedfiledetails":[
		{"publishedfileid":"2009463077","result":1,"creator":"76561190000000001","creator_app_id":294100,"consumer_app_id":294100,"filename":"","file_size":"2154312",
		 "file_url":"","hcontent_file":"5741234567890123456","preview_url":"https://images.example/p.jpg","hcontent_preview":"5741234567890123457","title":"Harmony",
		 "description":"[b]Library[/b]\r\nSecond line","time_created":1583056800,"time_updated":1712827267,"visibility":0,"banned":0,"ban_reason":"","subscriptions":10,"favorited":1,
		 "lifetime_subscriptions":20,"lifetime_favorited":2,"views":300,"tags":[{"tag":"Mod"},{"tag":"1.5"}]},
		{"publishedfileid":"1","result":9}]}}`
	describedKeyed = `{"response":{"publishedfiledetails":[
		{"result":1,"publishedfileid":"818773962","creator_appid":294100,"consumer_appid":294100,"file_size":"17","title":"HugsLib",
		 "file_description":"Шаблон 模板","short_description":"short","time_created":1481000000,"time_updated":1700000000,"file_type":0,"num_children":2,
		 "children":[{"publishedfileid":"3","sortorder":2,"file_type":0},{"publishedfileid":"2009463077","sortorder":1,"file_type":0},{"publishedfileid":"3","sortorder":9}],
		 "tags":[{"tag":"Mod","display_name":"Mod"},{"tag":"Моды","display_name":"Mods"},{"tag":"Mod"}],
		 "previews":[{"previewid":"2","sortorder":1,"url":"https://images.example/b.jpg","size":1,"filename":"b.jpg","preview_type":0},
		  {"previewid":"3","sortorder":2,"youtubevideoid":"x","preview_type":1},
		  {"previewid":"1","sortorder":0,"url":"https://images.example/a.jpg","size":1,"filename":"a.jpg","preview_type":0}],
		 "app_name":"RimWorld","revision_change_number":"4"}]}}`
)

func TestDecodeDetails_Descriptions(t *testing.T) {
	got, err := decodeDetails([]byte(describedKeyless), []uint64{2009463077, 1})
	if err != nil {
		t.Fatal(err)
	}
	want := []FileDetails{{
		ID: 2009463077, Result: 1, AppID: 294100, Updated: 1712827267, Created: 1583056800, Title: "Harmony",
		Description: "[b]Library[/b]\r\nSecond line", Size: 2154312, Manifest: "5741234567890123456",
		Creator: "76561190000000001", Preview: "https://images.example/p.jpg", Tags: []string{"Mod", "1.5"},
	}, {ID: 1, Result: 9}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("key-less (-want +got):\n%s", diff)
	}
	if got, err = decodeDetails([]byte(describedKeyed), []uint64{818773962}); err != nil {
		t.Fatal(err)
	}
	want = []FileDetails{{
		ID: 818773962, Result: 1, AppID: 294100, Updated: 1700000000, Created: 1481000000, Title: "HugsLib",
		Description: "Шаблон 模板", Size: 17, Tags: []string{"Mod", "Моды"}, Children: []Child{{ID: 2009463077}, {ID: 3}},
		Screenshots: []string{"https://images.example/a.jpg", "https://images.example/b.jpg"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keyed (-want +got):\n%s", diff)
	}
}

// TestDecodeDetails_NotToldIsNotNone compares what an answer leaves out with
// what it says there is none of.
func TestDecodeDetails_NotToldIsNotNone(t *testing.T) {
	for _, c := range []struct {
		name, members                string
		tags, children, previewsTold bool
	}{
		{"nothing told", ``, false, false, false},
		{"null", `,"tags":null,"children":null,"previews":null`, false, false, false},
		{"other shapes", `,"tags":{},"children":"x","previews":7`, false, false, false},
		{"empty", `,"tags":[],"children":[],"previews":[]`, true, true, true},
		{"no children counted", `,"num_children":0`, false, true, false},
		{"children counted, not listed", `,"num_children":3`, false, false, false},
		{"elements that cannot be read", `,"tags":[7,{"tag":5},{}],"children":[7,{"publishedfileid":"x"},null],"previews":["a",{"url":5}]`, true, true, true},
	} {
		body := `{"response":{"publishedfiledetails":[{"publishedfileid":"2","result":1,"time_updated":5` + c.members + `}]}}`
		got, err := decodeDetails([]byte(body), []uint64{2})
		if err != nil || got[0].Class() != Usable {
			t.Errorf("%s: %+v, %v", c.name, got, err)
			continue
		}
		f := got[0]
		if (f.Tags != nil) != c.tags || (f.Children != nil) != c.children || (f.Screenshots != nil) != c.previewsTold {
			t.Errorf("%s: tags %#v, children %#v, screenshots %#v", c.name, f.Tags, f.Children, f.Screenshots)
		}
		if len(f.Tags)+len(f.Children)+len(f.Screenshots) != 0 {
			t.Errorf("%s: something came out of nothing: %+v", c.name, f)
		}
	}
}

func TestDecodeDetails_Prose(t *testing.T) {
	long, _ := json.Marshal("a\x00b\x1b[2J\tc\nd\r\n" + strings.Repeat("ü", 20_000))
	got, err := decodeDetails([]byte(`{"response":{"publishedfiledetails":[
		{"publishedfileid":"2","result":1,"time_updated":5,"description":`+string(long)+`}]}}`), []uint64{2})
	if err != nil {
		t.Fatal(err)
	}
	s := got[0].Description
	if !strings.HasPrefix(s, "ab[2J\tc\nd\r\nü") || utf8.RuneCountInString(s) > maxDescription || !slices.Contains([]rune(s), 'ü') {
		t.Errorf("description %.40q (%d runes)", s, utf8.RuneCountInString(s))
	}
}
