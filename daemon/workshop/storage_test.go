package workshop

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// days makes a history that ends on 2026-11-20 with the given sizes.
func history(sizes ...int64) []StorageDay {
	last := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	var days []StorageDay
	for i, n := range sizes {
		if n >= 0 { // else the daemon did not run
			days = append(days, StorageDay{Day: last.AddDate(0, 0, i-len(sizes)+1).Format(time.DateOnly), Bytes: n})
		}
	}
	return days
}

func TestForecast(t *testing.T) {
	const gb = 1_000_000_000
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	steady := history(0, gb, 2*gb, 3*gb, 4*gb, 5*gb, 6*gb, 7*gb)
	for name, c := range map[string]struct {
		r    Storage
		rate int64
		full string
		text string
	}{
		"nothing known":    {Storage{Free: 100 * gb}, 0, "", "No forecast yet: 0 of at least 7 days are known."},
		"six steps":        {Storage{Free: 100 * gb, Days: steady[:7]}, 0, "", "No forecast yet: 6 of at least 7 days are known."},
		"the disk":         {Storage{Free: 15 * gb, MinFree: 5 * gb, Days: steady}, gb, "2026-11-30T12:00:00Z", "At 1.0 GB a day, the disk has no more to give (workshop.retention.min_free) on 2026-11-30."},
		"the quota":        {Storage{Bytes: 7 * gb, Limit: 10 * gb, Free: 15 * gb, MinFree: 5 * gb, Days: steady}, gb, "2026-11-23T12:00:00Z", "At 1.0 GB a day, the quota is used up (workshop.retention.max_bytes) on 2026-11-23."},
		"the disk first":   {Storage{Bytes: 7 * gb, Limit: 100 * gb, Free: 6 * gb, MinFree: 5 * gb, Days: steady}, gb, "2026-11-21T12:00:00Z", "At 1.0 GB a day, the disk has no more to give (workshop.retention.min_free) on 2026-11-21."},
		"one big day":      {Storage{Free: 15 * gb, MinFree: 5 * gb, Days: history(0, 1*gb, 2*gb, 900*gb, 901*gb, 902*gb, 903*gb, 904*gb)}, gb, "2026-11-30T12:00:00Z", "At 1.0 GB a day, the disk has no more to give (workshop.retention.min_free) on 2026-11-30."},
		"days without":     {Storage{Free: 15 * gb, MinFree: 5 * gb, Days: history(0, -1, -1, -1, 4*gb, -1, -1, 7*gb)}, gb, "2026-11-30T12:00:00Z", "At 1.0 GB a day, the disk has no more to give (workshop.retention.min_free) on 2026-11-30."},
		"it does not grow": {Storage{Free: 15 * gb, Days: history(5, 5, 5, 5, 5, 9, 9, 9)}, 0, "", "No forecast: the store does not grow."},
		"it shrinks":       {Storage{Free: 15 * gb, Days: history(8, 7, 6, 5, 4, 3, 2, 1)}, -1, "", "No forecast: the store does not grow."},
		"hardly":           {Storage{Free: 15 * gb, Days: history(1, 2, 3, 4, 5, 6, 7, 8)}, 1, "", "At 1 B a day there is room for more than ten years."},
		"full": {
			Storage{Bytes: 11 * gb, Limit: 10 * gb, Free: 15 * gb, Days: steady, Evictable: Holding{1, gb}}, gb, "2026-11-20T12:00:00Z",
			"There is no room left: the quota is used up (workshop.retention.max_bytes). Then mods that can be fetched again make room, 1.0 GB of them at present.",
		},
	} {
		f := c.r.forecast(now)
		full := ""
		if !f.FullAt.IsZero() {
			full = f.FullAt.Format(time.RFC3339)
		}
		if f.BytesPerDay != c.rate || full != c.full || f.Text != c.text {
			t.Errorf("%s: %d a day, full %s, %q\nwant %d, %s, %q", name, f.BytesPerDay, full, f.Text, c.rate, c.full, c.text)
		}
	}
}

func TestStorage(t *testing.T) {
	t.Parallel()
	r := stocked(t)
	r.gameName = func(app uint32) string { return map[uint32]string{4920: "Natural Selection 2"}[app] }
	r.noteStorage(t.Context())
	r.limit(5000)
	got, err := r.Storage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := Storage{
		Bytes: 1800, Limit: 5000, Free: got.Free, Days: []StorageDay{{r.clock.Now().UTC().Format(time.DateOnly), 1800, 11}},
		ByGame: []GameStorage{
			{4920, "Natural Selection 2", 9, 10, 1400},
			{0, "", 1, 1, 400},
		},
		BySource: []SourceStorage{{"steam-url", 11, 1800}},
		Pinned:   Holding{1, 500}, Irreplaceable: Holding{3, 600}, Evictable: Holding{7, 700},
		Forecast: Forecast{Text: "No forecast yet: 0 of at least 7 days are known."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(r.JSON(got))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"bytes":1800,"limit":5000,"free":`, `"by_game":[{"app":4920,"name":"Natural Selection 2","mods":9,"versions":10,"bytes":1400},`,
		`"by_source":[{"source":"steam-url","versions":11,"bytes":1800}]`, `"pinned":{"versions":1,"bytes":500}`,
		`"irreplaceable":{"versions":3,"bytes":600},"evictable":{"versions":7,"bytes":700},"days":[{"day":"`,
		`"forecast":{"bytes_per_day":0,"text":"No forecast yet`,
	} {
		if !strings.Contains(string(text), part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
}

// An empty store is a report too, and the API has it.
func TestStorage_Empty(t *testing.T) {
	t.Parallel()
	r, _, base := server(t, func(c *config.Workshop) { c.Retention.MaxBytes = 5 })
	today := r.clock.Now().UTC().Format(time.DateOnly)
	row := `"days":[{"day":"` + today + `","bytes":0,"versions":0}]`
	var body string
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(body, row) && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		body = raw(t, base, "GET /api/v1/mods/storage HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	}
	for _, part := range []string{"HTTP/1.1 200", "Etag:", `"bytes":0,"limit":5,`, `"by_game":[]`, `"by_source":[]`, row} {
		if !strings.Contains(body, part) {
			t.Errorf("no %s in %s", part, body)
		}
	}
}
