package masterbase

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/demosink/pgcsv"
)

// sessionRow is a row of an export with some values changed; "NULL" stands for
// NULL.
func sessionRow(change map[string]string) row {
	r := row{where: "f:2", columns: map[string]int{}}
	for column, value := range map[string]string{
		"steam_id": "76561197960287930", "session_id": "240110", "demo_name": `a,"b".dem`, "active": "f", "open": "f",
		"start_time": "2024-06-02 10:11:12.131415+00", "end_time": "2024-06-02 10:41:12+00", "fake_ip": "169.254.189.228:41928", "map": "pl_pier",
		"steam_api_data": "NULL", "ingested": "f", "demo_size": "1234567", "late_bytes": `\x7031cf44a7af0100cea70100f5e00400`,
		"markov_score": "5.504555168670354e-05", "created_at": "2024-06-02 10:11:12.131415+00", "updated_at": "2024-06-02 10:41:12+00", "pruned": "f",
	} {
		if v, ok := change[column]; ok {
			value = v
		}
		r.columns[column] = len(r.fields)
		r.fields = append(r.fields, pgcsv.Field{Text: strings.TrimPrefix(value, "NULL"), Null: value == "NULL"})
	}
	return r
}

func TestSession(t *testing.T) {
	start, end := time.Date(2024, 6, 2, 10, 11, 12, 131415000, time.UTC), time.Date(2024, 6, 2, 10, 41, 12, 0, time.UTC)
	want := Session{
		Where: "f:2", ID: "240110", SteamID: 76561197960287930, DemoName: `a,"b".dem`, FakeIP: "169.254.189.228:41928", Map: "pl_pier",
		Start: start, End: end, Created: start, Updated: end, Size: 1234567, HasSize: true,
		Late:  []byte{0x70, 0x31, 0xcf, 0x44, 0xa7, 0xaf, 0x01, 0x00, 0xce, 0xa7, 0x01, 0x00, 0xf5, 0xe0, 0x04, 0x00},
		Score: 5.504555168670354e-05, HasScore: true,
	}
	for name, c := range map[string]struct {
		row    map[string]string
		change func(*Session)
		note   string
	}{
		"as it is":           {},
		"other zone":         {map[string]string{"start_time": "2024-06-02 15:41:12.131415+05:30"}, func(s *Session) {}, ""},
		"a cast":             {map[string]string{"active": "false", "pruned": "true"}, func(s *Session) { s.Pruned = true }, ""},
		"no score":           {map[string]string{"markov_score": "NaN"}, func(s *Session) { s.Score, s.HasScore = math.NaN(), false }, ""},
		"nothing came":       {map[string]string{"demo_size": "NULL", "late_bytes": "NULL", "markov_score": "NULL"}, func(s *Session) { s.Size, s.HasSize, s.Late, s.Score, s.HasScore = 0, false, nil, 0, false }, ""},
		"no end":             {map[string]string{"end_time": "NULL"}, func(s *Session) { s.End = time.Time{} }, ""},
		"only when it began": {map[string]string{"created_at": "NULL", "updated_at": "NULL"}, func(s *Session) { s.Updated = start }, ""},
		"2^128-1":            {map[string]string{"session_id": "340282366920938463463374607431768211455"}, func(s *Session) { s.ID = "340282366920938463463374607431768211455" }, ""},
		"nobody's":           {map[string]string{"steam_id": "NULL"}, func(s *Session) { s.SteamID = 0 }, ""},
		"no person's":        {map[string]string{"steam_id": "76561197"}, func(s *Session) { s.SteamID = 0 }, "steam_id is not the SteamID of a person; the recording is nobody's"},
		"short late bytes":   {map[string]string{"late_bytes": `\x70`}, func(s *Session) { s.Late = nil }, "its late bytes are 1 and not 16; they are left out"},
		"late bytes of none": {map[string]string{"late_bytes": `\x`}, func(s *Session) { s.Late = nil }, "its late bytes are 0 and not 16; they are left out"},
	} {
		var p problems
		got, want := sessionRow(c.row).session(&p), want
		if c.change != nil {
			c.change(&want)
		}
		if math.IsNaN(want.Score) {
			got.Score, want.Score = 0, 0
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		note := ""
		for _, n := range p.all {
			note += n.Why
		}
		if note != c.note {
			t.Errorf("%s: noted %q", name, note)
		}
	}
}

func TestSession_Refuses(t *testing.T) {
	for _, c := range []struct{ column, value, want string }{
		{"session_id", "../../etc/passwd", "session_id is no number of up to 39 digits"},
		{"session_id", "", "session_id is no number of up to 39 digits"},
		{"session_id", "NULL", "session_id is no number of up to 39 digits"},
		{"session_id", "-1", "session_id is no number of up to 39 digits"},
		{"session_id", "1\x00", "session_id is no number of up to 39 digits"},
		{"session_id", strings.Repeat("1", 40), "session_id is no number of up to 39 digits"},
		{"active", "yes", "active is no boolean"},
		{"start_time", "yesterday", "start_time is no time"},
		{"start_time", "infinity", "start_time is no time"},
		{"end_time", "0044-03-15 12:00:00+00 BC", "end_time is no time"},
		{"demo_size", "-1", "demo_size is no number from 0 on"},
		{"demo_size", "1e9", "demo_size is no number from 0 on"},
		{"late_bytes", "7031", "late_bytes is no bytea"},
		{"late_bytes", `\xzz`, "late_bytes is no bytea"},
		{"markov_score", "Infinity", "markov_score is no number"},
		{"markov_score", "much", "markov_score is no number"},
	} {
		s := sessionRow(map[string]string{c.column: c.value}).session(&problems{})
		if s.Problem != c.want {
			t.Errorf("%s = %q: %q, want %q", c.column, c.value, s.Problem, c.want)
		}
		if s.Problem != "" && s.ID != "" && !ValidID(s.ID) {
			t.Errorf("the number %q is handed on", s.ID)
		}
	}
	if s := sessionRow(map[string]string{"start_time": "NULL", "created_at": "NULL"}).session(&problems{}); s.Problem != "start_time and created_at are missing" {
		t.Errorf("without times: %q", s.Problem)
	}
}

// FuzzSession wants every row to be read or refused, and what is read to be
// fit for use.
func FuzzSession(f *testing.F) {
	f.Add("240110", "76561197960287930", "2024-06-02 10:11:12.131415+00", "1234567", `\x7031cf44a7af0100cea70100f5e00400`, "NaN", "t")
	f.Add("..", "x", "infinity", "-1", `\x`, "Infinity", "false")
	f.Add("", "", "2024-06-02 10:11:12-07:00:00", "", "", "", "")
	f.Fuzz(func(t *testing.T, id, person, at, size, late, score, pruned string) {
		s := sessionRow(map[string]string{"session_id": id, "steam_id": person, "start_time": at, "demo_size": size, "late_bytes": late,
			"markov_score": score, "pruned": pruned}).session(&problems{})
		switch {
		case s.Problem != "":
		case !ValidID(s.ID), s.SteamID != 0 && !s.SteamID.Person(), s.Size < 0, s.Late != nil && len(s.Late) != LateSize,
			s.HasScore && (math.IsNaN(s.Score) || math.IsInf(s.Score, 0)), s.Start.IsZero(), s.Created.IsZero(), s.Updated.IsZero():
			t.Errorf("%+v", s)
		}
	})
}
