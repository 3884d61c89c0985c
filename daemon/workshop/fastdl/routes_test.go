package fastdl

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestAPI(t *testing.T) {
	r := newRig(t, func(r *rig) { r.put("maps/x.bsp", noise(1, 20_000)); r.put("maps/empty.bsp", nil) }, nil)
	r.get("tf2/maps/none.bsp")
	res, body := r.ask("GET", "/api/v1/fastdl")
	var list struct{ Trees []treeView }
	if err := json.Unmarshal(body, &list); err != nil || res.StatusCode != 200 || len(list.Trees) != 2 {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	tf2 := list.Trees[1]
	url := "http://" + r.addr + "/fastdl/tf2"
	if tf2.Name != "tf2" || !tf2.Ready || tf2.Files != 2 || tf2.Misses != 1 || tf2.Server.URL != url ||
		tf2.Server.Text != "sv_downloadurl \""+url+"\"\nsv_allowdownload 1\n" || len(tf2.Server.Notes) != 1 {
		t.Errorf("%+v", tf2)
	}
	if len(tf2.Roots) != 0 || strings.Contains(string(body), r.game) {
		t.Error("strangers see the game folder")
	}
	for target, status := range map[string]int{
		"/api/v1/fastdl/tf2": 200, "/api/v1/fastdl/none": 404, "/api/v1/fastdl/tf2/server-cfg": 200,
		"/api/v1/fastdl/tf2/misses": 401, "/api/v1/fastdl/tf2/lint": 401,
	} {
		if res, body := r.ask("GET", target); res.StatusCode != status {
			t.Errorf("%s: %d %s", target, res.StatusCode, body)
		}
	}
	_, doc := r.ask("GET", "/openapi.json")
	for _, path := range []string{"/fastdl/{name}/{path}", "/api/v1/fastdl", "/api/v1/fastdl/{name}/misses", "/api/v1/fastdl/{name}/lint", "/api/v1/fastdl/{name}/server-cfg", "/api/v1/fastdl/{name}/scan"} {
		if !strings.Contains(string(doc), `"`+path+`"`) {
			t.Errorf("%s is not in the document", path)
		}
	}
}

func TestOperationsOfOperators(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, func(r *rig) { r.put("maps/x.bsp", noise(1, 20_000)); r.put("maps/empty.bsp", nil) }, nil)
	r.get("tf2/maps/none.bsp")
	misses, err := r.listMisses(ctx, &missesInput{Name: "tf2", Limit: 10})
	if err != nil || misses.Body.Total != 1 || misses.Body.Misses[0].Path != "maps/none.bsp" {
		t.Errorf("%+v, %v", misses, err)
	}
	lint, err := r.getLint(ctx, &nameInput{"tf2"})
	if err != nil || lint.Body.OK || lint.Body.Findings[0].Code != "zero_bytes" || lint.Body.Files != 2 {
		t.Errorf("%+v, %v", lint, err)
	}
	if _, err := r.deleteMisses(ctx, &nameInput{"tf2"}); err != nil {
		t.Error(err)
	}
	if out, err := r.postScan(ctx, &nameInput{"tf2"}); err != nil || out.RetryAfter == 0 {
		t.Error(err)
	}
	for _, err := range []error{
		second(r.getLint(ctx, &nameInput{"none"})), second(r.deleteMisses(ctx, &nameInput{"none"})), second(r.postScan(ctx, &nameInput{"none"})),
		second(r.listMisses(ctx, &missesInput{Name: "none"})), second(r.Lint(ctx, "none")),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestPlainAddress(t *testing.T) {
	for _, tt := range []struct {
		base  string
		want  string
		notes int
	}{
		{"http://mods.example.org:27020", "http://mods.example.org:27020", 0},
		{"http://mods.example.org/x/", "http://mods.example.org/x", 0},
		{"https://mods.example.org", "http://mods.example.org:27020", 1},
		{"http://192.168.1.2:27020", "http://192.168.1.2:27020", 1},
		{"http://[::1]:27020", "http://[::1]:27020", 1},
		{"http://localhost:27020", "http://localhost:27020", 1},
		{"https://10.0.0.1", "http://10.0.0.1:27020", 2},
	} {
		got, notes := plainAddress(tt.base, 27020)
		if got != tt.want || len(notes) != tt.notes {
			t.Errorf("%s: %s %q", tt.base, got, notes)
		}
	}
}
