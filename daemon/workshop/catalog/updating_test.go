package catalog

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Clients ask for an update, wait until the condition is below 2 and then
// download. Meanwhile the version before can be had.
func TestCondition_Update(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name               string
		fetching, queued   bool
		updating           bool
		condition, precise int
	}{
		{"an update waits", false, true, true, 2, 3},
		{"an update runs", true, false, true, 2, 2},
		{"an older version is fetched", true, false, false, 0, 0},
		{"an older version waits", false, true, false, 0, 0},
		{"the update ended", false, false, false, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := oneListing(t, nil)
			d, _ := x.lib.Details(harmony)
			x.put(harmony, Stock{
				Stored: true, Version: harmonyUpdated, Bytes: 700_000, Source: SourceSteam, AddedAt: testNow.Add(-time.Hour),
				Fetching: tt.fetching, Queued: tt.queued, Updating: tt.updating,
			}, d)
			x.expect("/condition/mod/[2009463077]", 200, fmt.Sprintf(`{"2009463077":%d}`, tt.condition))
			x.expect("/condition/mod/[2009463077]?extended=1", 200, fmt.Sprintf(`{"2009463077":%d}`, tt.precise))
			want := fmt.Sprintf(`"condition":%d,`, tt.condition)
			for _, path := range []string{"/info/mod/2009463077", "/list/mods/?allowed_ids=[2009463077]"} {
				if got := x.do(http.MethodGet, path).Body.String(); !strings.Contains(got, want) {
					t.Errorf("GET %s: %s, want %s", path, got, want)
				}
			}
		})
	}
}
