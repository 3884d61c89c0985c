package admin

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/web"
	"github.com/quartermasterd/quartermaster/daemon/workshop"
)

// rig is the overview over a workshop whose only root is missing.
func rig(t *testing.T, space func() (int64, int64, error)) http.Handler {
	t.Helper()
	dir := t.TempDir()
	blobs, err := blob.OpenDisk(durable.Disk, filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := blobs.Close(); err != nil {
			t.Error(err)
		}
	})
	c := config.Default()
	c.Workshop.Roots = []string{filepath.Join(dir, "missing")}
	c.Limits.DownloadRate, c.Limits.UploadRate = 12e6, 3e6
	all := config.LimitSchedule{When: config.Window{To: 24 * 60}, DownloadRate: config.AsUsual, DownloadRatePerClient: 1e6, UploadRate: config.AsUsual}
	c.Limits.Schedule = []config.LimitSchedule{all}
	library, err := workshop.New(workshop.Options{
		Config: c.Workshop, Steam: c.Steam, Limits: c.Limits, DB: dbtest.SQLite(t), Blobs: blobs,
		Client: webapi.New(webapi.Options{BaseURL: "http://127.0.0.1:1"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	go library.Run(t.Context())
	srv, err := web.New(web.Options{HTTP: c.HTTP, Limits: c.Limits, Metrics: c.Metrics})
	if err != nil {
		t.Fatal(err)
	}
	accounts.New(accounts.Options{DB: dbtest.SQLite(t), Limits: c.Limits, DataDir: dir}).Register(srv)
	New(Options{
		Page: sample, Workshop: library, Log: slog.New(slog.DiscardHandler), Version: "v9", Started: time.Unix(7, 0), Space: space,
		Paths: Paths{Data: "/d"}, Listeners: func() []string { return []string{"127.0.0.1:1"} }, Traffic: srv.Traffic,
	}).Register(srv)
	srv.Identify(func(r *http.Request) (*http.Request, error) {
		if r.Header.Get("Authorization") == "" {
			return r, nil
		}
		return r.WithContext(accounts.Local(r.Context(), "tester")), nil
	})
	return srv
}

func TestOverview(t *testing.T) {
	h := rig(t, func() (int64, int64, error) { return 5, 10, nil })
	r := httptest.NewRequest(http.MethodGet, "/api/v1/overview", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "/d") {
		t.Errorf("a guest got %d: %s", w.Code, w.Body)
	}
	var got Overview
	deadline := time.Now().Add(10 * time.Second)
	for len(got.Attention) == 0 && time.Now().Before(deadline) { // until the first scan is done
		r.Header.Set("Authorization", "yes")
		w = httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if len(got.Attention) == 0 || !strings.Contains(got.Attention[0].Text, "missing") || got.Attention[0].Hint == "" {
		t.Errorf("the missing root is not named: %+v", got.Attention)
	}
	got.Attention, got.Go, got.Commit = nil, "", ""
	want := Overview{
		Version: "v9", StartedAt: time.Unix(7, 0).UTC(), Listeners: []string{"127.0.0.1:1"}, Paths: Paths{Data: "/d"},
		Disk:  Disk{Free: 5, Total: 10},
		Rates: Rates{DownloadRate: 12e6, DownloadRatePerClient: 1e6, UploadRate: 3e6, Scheduled: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOverviewNamesAnUnreadableDisk(t *testing.T) {
	h := rig(t, func() (int64, int64, error) { return 0, 0, fault.New(fault.Unavailable, "the disk is gone") })
	r := httptest.NewRequest(http.MethodGet, "/api/v1/overview", nil)
	r.Header.Set("Authorization", "yes")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), `"disk_unknown"`) || !strings.Contains(w.Body.String(), "the disk is gone") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

func TestPlaceOf(t *testing.T) {
	for code, want := range map[string]string{
		"steam_unavailable": "/app/mods", "fastdl_root_missing": "/app/fastdl", "peer_key": "/app/peers", "webhook_failing": "/app/radar",
		"server_folder_unreadable": "/app/radar", "disk_low": "/app/storage", "store_full": "/app/storage", "": "/app/mods",
	} {
		if got := placeOf(code); got != want {
			t.Errorf("placeOf(%q) = %q, want %q", code, got, want)
		}
	}
}
