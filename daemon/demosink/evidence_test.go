package demosink

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// share shows a tick of recording 7 and returns the token.
func (x *desk) share(body string) string {
	x.t.Helper()
	status, h, text := x.ask("analyst", "POST", "/api/v1/demos/7/evidence", body)
	var out struct{ URL string }
	if err := json.Unmarshal([]byte(text), &out); err != nil || status != 201 || h.Get("Cache-Control") != "no-store" {
		x.t.Fatalf("%v %d %s", err, status, text)
	}
	token, ok := strings.CutPrefix(out.URL, x.http.URL+"/app/evidence/")
	if !ok || len(token) != 43 {
		x.t.Fatalf("the address is %s", out.URL)
	}
	return token
}

// TestEvidence shows a recording to a guest, who learns nothing of its sender.
func TestEvidence(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newDesk(t, d)
		x.recording("7", func(s *Session) {
			s.DemoName, s.Map, s.FakeIP, s.Player, s.Seconds, s.Ticks = "a.dem", "cp_dustbowl", "203.0.113.5:27015", "al", 12.5, 800
		})
		var none evidenceList
		x.get("analyst", "/api/v1/demos/7/evidence", &none)
		if none.Evidence == nil || len(none.Evidence) != 0 {
			t.Errorf("%+v", none)
		}
		token := x.share(`{"tick":640,"note":" look here ","expires_in":3600}`)
		var list evidenceList
		x.get("moderator", "/api/v1/demos/7/evidence", &list)
		if len(list.Evidence) != 1 || list.Evidence[0].Tick != 640 || list.Evidence[0].Note != "look here" ||
			list.Evidence[0].ExpiresAt.Sub(list.Evidence[0].CreatedAt) != time.Hour || len(list.Evidence[0].ID) != 16 {
			t.Fatalf("%+v", list)
		}
		path := "/api/v1/evidence/" + token
		var shown map[string]any
		x.get("guest", path, &shown)
		want := map[string]any{
			"demo": map[string]any{"name": "a.dem", "map": "cp_dustbowl", "server": "203.0.113.5:27015", "player": "al",
				"start_at": recordedAt.Format(time.RFC3339Nano), "size": 10.0, "seconds": 12.5, "ticks": 800.0},
			"tick": 640.0, "note": "look here", "download_url": path + "/file", "expires_at": list.Evidence[0].ExpiresAt.Format(time.RFC3339Nano),
		}
		delete(shown, "$schema")
		if diff := cmp.Diff(want, shown); diff != "" {
			t.Error(diff)
		}
		x.wantFile(path+"/file", "bytes=2-4", 206, "234")
		x.wantFile(path+"/file", "", 200, "0123456789")

		x.r.run(t, "UPDATE demos_session SET pruned = TRUE WHERE id = $1", "7")
		x.wantStatus("guest", "GET", path+"/file", "", 404)
		var left sharedView
		x.get("guest", path, &left)
		if left.DownloadURL != "" || left.Tick != 640 {
			t.Errorf("%+v", left)
		}
		x.wantStatus("analyst", "DELETE", "/api/v1/demos/7/evidence/"+list.Evidence[0].ID, "", 204)
		x.wantGone(path)
	})
}

func (x *desk) wantFile(path, span string, status int, want string) {
	x.t.Helper()
	req, err := http.NewRequest("GET", x.http.URL+path, nil)
	if err != nil {
		x.t.Fatal(err)
	}
	if span != "" {
		req.Header.Set("Range", span)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status || string(b) != want {
		x.t.Errorf("%v %d %q, want %d %q", err, res.StatusCode, b, status, want)
	}
}

// wantGone wants the answer that tokens get which never existed.
func (x *desk) wantGone(path string) {
	x.t.Helper()
	for _, suffix := range []string{"", "/file"} {
		status, _, text := x.ask("guest", "GET", path+suffix, "")
		if status != 404 || !strings.Contains(text, "This evidence does not exist or has ended") {
			x.t.Errorf("%s: %d %s", path+suffix, status, text)
		}
	}
}

// TestEvidenceTokens has the addresses that show nothing.
func TestEvidenceTokens(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newDesk(t, d)
		x.recording("7", nil)
		token := x.share(`{"tick":1}`)
		var list evidenceList
		x.get("analyst", "/api/v1/demos/7/evidence", &list)
		if !list.Evidence[0].ExpiresAt.IsZero() {
			t.Errorf("%+v", list)
		}
		for _, wrong := range []string{"x", strings.Repeat("A", 43), list.Evidence[0].ID, token + "A", token[:42], token + "="} {
			x.wantGone("/api/v1/evidence/" + wrong)
		}
		x.r.run(t, "UPDATE demos_evidence SET expires_at = 1")
		x.wantGone("/api/v1/evidence/" + token)
		for body, status := range map[string]int{`{"tick":-1}`: 422, `{"tick":1,"expires_in":-1}`: 422, `{"tick":1,"expires_in":315360001}`: 422, `{}`: 422} {
			x.wantStatus("analyst", "POST", "/api/v1/demos/7/evidence", body, status)
		}
	})
}

// TestEvidenceExpires passes the time of evidence, which the retention removes.
func TestEvidenceExpires(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var clock *durabletest.Clock
		audited := []string{}
		r := newRig(t, d, func(o *Options) {
			fakeClock(&clock)(o)
			o.Audit = func(_ context.Context, _ *db.Tx, action, target, detail string) error {
				audited = append(audited, action+" "+target+" "+detail)
				return nil
			}
		})
		r.add(closedSession("7"), []byte("x"))
		ctx, analyst := context.Background(), Caller{Account: 1, Analyst: true}
		share := func(d time.Duration) (string, Evidence) {
			t.Helper()
			token, e, err := r.Share(ctx, analyst, "7", 1, "", d)
			if err != nil {
				t.Fatal(err)
			}
			return token, e
		}
		short, first := share(time.Hour)
		long, _ := share(0)
		if audited[0] != "demo.evidence.add 7 "+first.ID() || strings.Contains(fmt.Sprint(audited), short) {
			t.Error(audited)
		}
		clock.Set(first.ExpiresAt.Add(-time.Microsecond))
		if _, _, err := r.Shown(ctx, short); err != nil {
			t.Error(err)
		}
		clock.Set(first.ExpiresAt)
		if _, _, err := r.Shown(ctx, short); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
		if all, err := r.EvidenceOf(ctx, analyst, "7"); err != nil || len(all) != 1 {
			t.Error(all, err)
		}
		eventually(t, "a run of the retention", func() bool { // another may be going on
			_, err := r.Prune(ctx, false)
			return err == nil
		})
		var rows int
		if err := d.Read(ctx, func(tx *db.Tx) error {
			return tx.QueryRow(ctx, "SELECT COUNT(*) FROM demos_evidence").Scan(&rows)
		}); err != nil || rows != 1 {
			t.Error(rows, err)
		}
		if _, e, err := r.Shown(ctx, long); err != nil || e.ID != "7" {
			t.Error(e, err)
		}
		for range maxEvidence - 1 {
			share(time.Hour)
		}
		if _, _, err := r.Share(ctx, analyst, "7", 1, "", 0); !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
		clock.Advance(time.Hour)
		share(0) // what expired made room
	})
}

// TestLive has who sees which recordings that still grow.
func TestLive(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newDesk(t, d)
		x.recording("7", nil)
		for i, id := range []string{"8", "9"} {
			s := closedSession(id)
			s.EndAt, s.Active, s.HasSize, s.Size, s.StartAt = time.Time{}, true, false, 0, recordedAt.Add(time.Duration(i)*time.Hour)
			s.Account = x.accounts["owner"].ID + int64(100*i)
			x.r.add(s, nil)
		}
		for who, want := range map[string]string{"owner": "8", "player": "", "analyst": "98", "moderator": "98", "admin": "98"} {
			var list liveList
			x.get(who, "/api/v1/demos/live", &list)
			got := ""
			for _, v := range list.Demos {
				got += v.ID
			}
			if got != want {
				t.Errorf("%s sees %q, want %q", who, got, want)
			}
		}
	})
}

func TestMeter(t *testing.T) {
	at := func(seconds int) time.Time { return recordedAt.Add(time.Duration(seconds) * time.Second) }
	m := newMeter(at(0), 1000)
	for i := 1; i <= 20; i++ {
		m.see(at(i), 1000+int64(i)*100)
		if got := m.rate(at(i), 1000+int64(i)*100); got != 100 {
			t.Errorf("after %d s: %d", i, got)
		}
	}
	if got := m.rate(at(1000), 3000); got != 0 && got != 1 {
		t.Errorf("silent: %d", got)
	}
}

// TestAnswersAreDescribed has the operations that are described by hand.
func TestAnswersAreDescribed(t *testing.T) {
	x := newDesk(t, lite(t))
	paths := x.srv.API().OpenAPI().Paths
	for schema, op := range map[string]*huma.Operation{
		"EvidenceList": paths["/api/v1/demos/{id}/evidence"].Get, "Upload": paths["/api/v1/demos/uploads/{id}"].Patch,
	} {
		media := op.Responses["200"].Content["application/json"]
		if media == nil || media.Schema == nil || !strings.HasPrefix(media.Schema.Ref, "#/components/schemas/") {
			t.Fatalf("%s: %+v", op.OperationID, media)
		}
		known := x.srv.API().OpenAPI().Components.Schemas.SchemaFromRef(media.Schema.Ref)
		if known == nil || len(known.Properties) == 0 {
			t.Errorf("%s: %s is %s, which has nothing in it", op.OperationID, schema, media.Schema.Ref)
		}
	}
}
