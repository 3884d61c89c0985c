package clans

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/steam"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// site is the own API with real accounts, which are called by API keys.
type site struct {
	*rig
	web      *web.Server
	accounts *accounts.Service
	ids      map[string]int64
	keys     map[string]string
}

// accountsOf shows the accounts to the clans.
type accountsOf struct{ *accounts.Service }

func (a accountsOf) Known(ctx context.Context, ids []int64) (all []Person, err error) {
	persons, err := a.Persons(ctx, ids)
	for _, p := range persons {
		all = append(all, Person{ID: p.ID, Name: p.Name, Closed: !p.Closed.IsZero(), Gone: p.Deleted()})
	}
	return all, err
}

func (a accountsOf) Find(ctx context.Context, ref string) (Person, error) {
	x, err := a.Account(ctx, ref)
	return Person{ID: x.ID, Name: x.Name}, err
}

// who are the callers: what they are here, and in the clan.
var who = []string{"guest", "outsider", "invited", "member", "officer", "owner", "moderator", "admin"}

func newSite(t *testing.T, d *db.DB) *site {
	t.Helper()
	limits := config.Default().Limits
	limits.PerIPRPS = 1e6
	s := &site{accounts: accounts.New(accounts.Options{DB: d, Limits: limits, DataDir: t.TempDir()}), ids: map[string]int64{}, keys: map[string]string{}}
	s.rig = newRig(t, d, func(o *Options) {
		o.People, o.MaxPerUser, o.Audit, o.Now = accountsOf{s.accounts}, 0, s.accounts.Audit, time.Now
	})
	var err error
	if s.web, err = web.New(web.Options{Limits: limits, HTTP: config.Default().HTTP}); err != nil {
		t.Fatal(err)
	}
	s.accounts.Register(s.web)
	s.Service.Register(s.web)
	root := accounts.Local(t.Context(), "root")
	for i, name := range append([]string{"spare"}, who[1:]...) {
		id, err := steam.Parse(fmt.Sprintf("[U:1:%d]", 1000+i))
		s.ok(err)
		a, err := s.accounts.AccountForSteam(root, id, name)
		s.ok(err)
		s.ids[name] = a.ID
		if name == "moderator" || name == "admin" {
			s.ok(s.accounts.Grant(root, a.ID, accounts.Role(name)))
		}
		_, s.keys[name], err = s.accounts.CreateKey(root, accounts.NewKey{AccountID: a.ID, Kind: accounts.KindAPI})
		s.ok(err)
	}
	return s
}

func (s *site) do(by, method, path, body string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(body, "\x89PNG") {
		r.Header.Set("Content-Type", "image/png")
	}
	if key := s.keys[by]; key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	w := httptest.NewRecorder()
	s.web.ServeHTTP(w, r)
	return w
}

// get reads an answer that has to be 200 into v.
func (s *site) get(by, path string, v any) http.Header {
	s.t.Helper()
	w := s.do(by, "GET", path, "")
	if err := json.Unmarshal(w.Body.Bytes(), v); w.Code != 200 || err != nil {
		s.t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	return w.Header()
}

// scene founds a clan with a member of each rank, an invited one, and a spare
// member to act on.
func (s *site) scene(n int) Clan {
	s.t.Helper()
	ctx := s.t.Context()
	c := s.found(s.ids["owner"], tagOf(n), fmt.Sprint("clan ", n))
	for _, name := range []string{"member", "officer", "spare", "invited"} {
		s.ok(s.Invite(ctx, c.Founder, c.ID, s.ids[name]))
		if name != "invited" {
			s.ok(s.Answer(ctx, s.ids[name], c.ID, true))
		}
	}
	_, err := s.SetRank(ctx, c.Founder, c.ID, s.ids["officer"], Admin)
	s.ok(err)
	return c
}

// TestAuthorisation asks every operation as everybody. CLAN, SPARE and so on
// stand for ids. The statuses are in the order of who.
func TestAuthorisation(t *testing.T) {
	s := newSite(t, dbtest.SQLite(t))
	skin, err := s.AddSkin(t.Context(), Skin{Kind: "a", Unit: "b", ModelPath: "c"})
	s.ok(err)
	s.ok(s.Grant(t.Context(), skin.ID, Grantee{Account: s.ids["owner"]}))
	picture := string(paletted(t, 8))
	for i, row := range []struct {
		request, body string
		want          [8]int
	}{
		{"GET /api/v1/clans", "", [8]int{401, 200, 200, 200, 200, 200, 200, 200}},
		{"GET /api/v1/clans/CLAN", "", [8]int{401, 200, 200, 200, 200, 200, 200, 200}},
		{"POST /api/v1/clans", `{"tag":"TAG","name":"NAME"}`, [8]int{401, 201, 201, 201, 201, 201, 201, 201}},
		{"PATCH /api/v1/clans/CLAN", `{"name":"NAME"}`, [8]int{401, 403, 403, 403, 403, 200, 400, 400}},
		{"PATCH /api/v1/clans/CLAN", `{"name":"NAME","reason":"rude"}`, [8]int{401, 403, 403, 403, 403, 200, 200, 200}},
		{"DELETE /api/v1/clans/CLAN", "", [8]int{401, 403, 403, 403, 403, 204, 400, 400}},
		{"DELETE /api/v1/clans/CLAN?reason=rude", "", [8]int{401, 403, 403, 403, 403, 204, 204, 204}},
		{"PUT /api/v1/clans/CLAN/icon", picture, [8]int{401, 403, 403, 403, 200, 200, 403, 403}},
		{"DELETE /api/v1/clans/CLAN/icon?reason=rude", "", [8]int{401, 403, 403, 403, 200, 200, 200, 200}},
		{"POST /api/v1/clans/CLAN/invites", `{"account":"#OUTSIDER"}`, [8]int{401, 403, 403, 403, 201, 201, 403, 403}},
		{"DELETE /api/v1/clans/CLAN/invites/INVITED", "", [8]int{401, 403, 403, 403, 204, 204, 403, 403}},
		{"PATCH /api/v1/clans/CLAN/members/SPARE", `{"rank":"admin"}`, [8]int{401, 403, 403, 403, 200, 200, 403, 403}},
		{"PATCH /api/v1/clans/CLAN/members/SPARE", `{"rank":"owner"}`, [8]int{401, 403, 403, 403, 403, 200, 403, 403}},
		{"DELETE /api/v1/clans/CLAN/members/SPARE", "", [8]int{401, 403, 403, 403, 204, 204, 403, 403}},
		{"POST /api/v1/clans/CLAN/transfer", `{"account":"SPARE","reason":"gone"}`, [8]int{401, 403, 403, 403, 403, 204, 204, 204}},
		{"GET /api/v1/me/clans", "", [8]int{401, 200, 200, 200, 200, 200, 200, 200}},
		{"DELETE /api/v1/me/clans/CLAN", "", [8]int{401, 403, 403, 204, 204, 409, 403, 403}},
		{"GET /api/v1/me/clan-invites", "", [8]int{401, 200, 200, 200, 200, 200, 200, 200}},
		{"POST /api/v1/me/clan-invites/CLAN", `{"accept":true}`, [8]int{401, 404, 204, 409, 409, 409, 404, 404}},
		{"GET /api/v1/me/skins", "", [8]int{401, 200, 200, 200, 200, 200, 200, 200}},
		{"GET /api/v1/skins", "", [8]int{401, 200, 200, 200, 200, 200, 200, 200}},
		{"GET /api/v1/skins/1", "", [8]int{401, 403, 403, 403, 403, 403, 403, 200}},
		{"POST /api/v1/skins", `{"kind":"a","unit":"b","model_path":"c"}`, [8]int{401, 403, 403, 403, 403, 403, 403, 201}},
		{"PUT /api/v1/skins/1", `{"kind":"a","unit":"b","model_path":"d"}`, [8]int{401, 403, 403, 403, 403, 403, 403, 200}},
		{"PUT /api/v1/skins/1/players/SPARE", "", [8]int{401, 403, 403, 403, 403, 403, 403, 204}},
		{"DELETE /api/v1/skins/1/players/SPARE", "", [8]int{401, 403, 403, 403, 403, 403, 403, 204}},
		{"PUT /api/v1/skins/1/clans/CLAN", "", [8]int{401, 403, 403, 403, 403, 403, 403, 204}},
		{"DELETE /api/v1/skins/1/clans/9999", "", [8]int{401, 403, 403, 403, 403, 403, 403, 404}},
		{"DELETE /api/v1/skins/1", "", [8]int{401, 403, 403, 403, 403, 403, 403, 204}},
	} {
		for j, by := range who {
			c := s.scene(100 + i*len(who) + j)
			fill := strings.NewReplacer("CLAN", id(c.ID), "SPARE", id(s.ids["spare"]), "OUTSIDER", id(s.ids["outsider"]), "INVITED", id(s.ids["invited"]),
				"NAME", fmt.Sprint("new ", i, j), "TAG", tagOf(5000+i*len(who)+j))
			if by == "outsider" && strings.Contains(row.body, "OUTSIDER") {
				fill = strings.NewReplacer("CLAN", id(c.ID), "OUTSIDER", id(s.ids["spare"]))
			}
			method, path, _ := strings.Cut(fill.Replace(row.request), " ")
			w := s.do(by, method, path, fill.Replace(row.body))
			if w.Code != row.want[j] {
				t.Errorf("%s %s by %s: %d, want %d: %s", row.request, row.body[:min(len(row.body), 40)], by, w.Code, row.want[j], w.Body)
			}
			if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s: no WWW-Authenticate", row.request)
			}
		}
	}
}

// What nobody but those concerned may learn from answers.
func TestNoLeaks(t *testing.T) {
	s := newSite(t, dbtest.SQLite(t))
	c := s.scene(1)
	path := "/api/v1/clans/" + id(c.ID)
	for _, by := range []string{"outsider", "invited"} {
		if w := s.do(by, "GET", path, ""); strings.Contains(w.Body.String(), "invites") || strings.Contains(w.Body.String(), "invited_at") {
			t.Errorf("%s sees who is invited: %s", by, w.Body)
		}
	}
	for _, by := range []string{"member", "owner", "moderator"} {
		if w := s.do(by, "GET", path, ""); !strings.Contains(w.Body.String(), `"invites"`) {
			t.Errorf("%s does not see who is invited: %s", by, w.Body)
		}
	}
	// Whether a clan exists is no secret, but its people act the same on one
	// that does not.
	for _, request := range []string{"PATCH %s", "DELETE %s", "DELETE %s/icon", "POST %s/invites", "DELETE %s/members/1", "PATCH %s/members/1", "DELETE %s/invites/1"} {
		body := map[string]string{"PATCH %s": `{}`, "POST %s/invites": `{"account":"spare"}`, "PATCH %s/members/1": `{"rank":"admin"}`}[request]
		var codes []int
		for _, number := range []int64{c.ID, 9999} {
			method, path, _ := strings.Cut(fmt.Sprintf(request, "/api/v1/clans/"+id(number)), " ")
			codes = append(codes, s.do("outsider", method, path, body).Code)
		}
		if codes[0] != 403 || codes[1] != 403 {
			t.Errorf("%s by an outsider: %v", request, codes)
		}
	}
	// No e-mail address, SteamID or key is in any answer.
	for _, path := range []string{"/api/v1/clans", path, "/api/v1/me/clans", "/api/v1/me/clan-invites", "/api/v1/skins"} {
		w := s.do("owner", "GET", path, "")
		for _, secret := range []string{"email", "7656119", "password", "qm_"} {
			if strings.Contains(w.Body.String(), secret) {
				t.Errorf("%s shows %s: %s", path, secret, w.Body)
			}
		}
	}
}

func TestAPI(t *testing.T) {
	s := newSite(t, dbtest.SQLite(t))
	w := s.do("owner", "POST", "/api/v1/clans", `{"tag":" ^rAb^wCd ","name":" The clan "}`)
	var v View
	s.ok(json.Unmarshal(w.Body.Bytes(), &v))
	if w.Code != 201 || v.Tag != "^rAb^wCd" || v.Visible != "AbCd" || v.Name != "The clan" || v.Members != 1 || !strings.HasPrefix(v.IconURL, "/v1/clan/icon/1.png?v=") {
		t.Errorf("founded: %d %s", w.Code, w.Body)
	}
	for body, want := range map[string]string{
		`{"tag":"^x","name":"a"}`: "body.tag", `{"tag":"A","name":" "}`: "body.name", `{"tag":"A","name":"a","icon":"x"}`: "body.icon",
	} {
		if w := s.do("owner", "POST", "/api/v1/clans", body); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	if w := s.do("owner", "PUT", "/api/v1/clans/1/icon", string(paletted(t, 64))); w.Code != 200 || strings.Contains(w.Body.String(), v.IconURL) {
		t.Errorf("a new icon: %d %s", w.Code, w.Body)
	}
	for name, image := range map[string][]byte{"too large": paletted(t, 65), "square": noise(t, 5, 6), "validated": []byte("\x89PNG"), "large ": padded(paletted(t, 8), 70<<10)} {
		if w := s.do("owner", "PUT", "/api/v1/clans/1/icon", string(image)); w.Code != 400 || !strings.Contains(w.Body.String(), strings.TrimSpace(name)) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := s.do("owner", "PUT", "/api/v1/clans/1/icon", "\x89PNG"+strings.Repeat("x", 200<<10)); w.Code != 413 {
		t.Errorf("a huge icon: %d", w.Code)
	}
	for account, code := range map[string]int{"member": 201, "#9999": 404, "nobody": 404, "owner": 409} {
		if w := s.do("owner", "POST", "/api/v1/clans/1/invites", `{"account":"`+account+`"}`); w.Code != code {
			t.Errorf("invite %s: %d %s", account, w.Code, w.Body)
		}
	}
	var mine belongingsView
	s.get("member", "/api/v1/me/clan-invites", &mine)
	if mine.Total != 1 || mine.Clans[0].Clan != "1" || mine.Clans[0].Visible != "AbCd" {
		t.Errorf("invites: %+v", mine)
	}
	if w := s.do("member", "POST", "/api/v1/me/clan-invites/1", `{"accept":true}`); w.Code != 204 {
		t.Errorf("accept: %d %s", w.Code, w.Body)
	}
	var d DetailView
	h := s.get("member", "/api/v1/clans/1", &d)
	if len(d.Roster) != 2 || d.Roster[0].Name != "owner" || d.Roster[1].Rank != Member || d.You != (YouView{State: "member", Rank: Member}) || d.Members != 2 {
		t.Errorf("detail: %+v", d)
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/clans/1", nil)
	r.Header = http.Header{"Authorization": {"Bearer " + s.keys["member"]}, "If-None-Match": {h.Get("ETag")}}
	again := httptest.NewRecorder()
	s.web.ServeHTTP(again, r)
	if again.Code != 304 || again.Body.Len() != 0 {
		t.Errorf("known already: %d", again.Code)
	}
	var list listView
	s.get("outsider", "/api/v1/clans?q=abc&sort=members&limit=1", &list)
	if list.Total != 1 || len(list.Clans) != 1 || list.Next != "" || list.Clans[0].IconURL != "/v1/clan/icon/1.png" {
		t.Errorf("list: %+v", list)
	}
	if w := s.do("outsider", "GET", "/api/v1/clans?cursor=nonsense", ""); w.Code != 400 {
		t.Errorf("a cursor of somebody else: %d", w.Code)
	}
	if w := s.do("outsider", "GET", "/api/v1/clans?q=none", ""); !bytes.Contains(w.Body.Bytes(), []byte(`{"clans":[],"next":"","total":0}`)) {
		t.Errorf("nothing found: %s", w.Body)
	}
	if w := s.do("owner", "DELETE", "/api/v1/me/clans/1", ""); w.Code != 409 || !strings.Contains(w.Body.String(), "no other owner") {
		t.Errorf("the last owner leaves: %d %s", w.Code, w.Body)
	}
}

func TestSkinAPI(t *testing.T) {
	s := newSite(t, dbtest.SQLite(t))
	c := s.scene(1)
	for _, kind := range []string{"shield", "sword", "cape"} {
		if w := s.do("admin", "POST", "/api/v1/skins", `{"kind":"`+kind+`","unit":"lego","model_path":"a/b"}`); w.Code != 201 {
			t.Fatal(w.Body)
		}
	}
	for _, path := range []string{"/api/v1/skins/2/players/" + id(s.ids["member"]), "/api/v1/skins/2/clans/" + id(c.ID)} {
		if w := s.do("admin", "PUT", path, ""); w.Code != 204 {
			t.Fatal(w.Body)
		}
	}
	var v SkinDetailView
	s.get("admin", "/api/v1/skins/2", &v)
	if v.Kind != "sword" || len(v.Players) != 1 || v.Players[0].Name != "member" || len(v.Clans) != 1 || v.Clans[0].Name != c.Name {
		t.Errorf("skin: %+v", v)
	}
	var page skinsView
	s.get("member", "/api/v1/skins?limit=2", &page)
	if page.Total != 3 || len(page.Skins) != 2 || page.Next != "2" {
		t.Errorf("page: %+v", page)
	}
	s.get("member", "/api/v1/skins?limit=2&cursor=2", &page)
	if len(page.Skins) != 1 || page.Next != "" {
		t.Errorf("last page: %+v", page)
	}
	var mine mySkinsView
	s.get("member", "/api/v1/me/skins", &mine)
	if mine.Total != 1 || mine.Skins[0].ID != "2" {
		t.Errorf("mine: %+v", mine)
	}
	log, _, err := s.accounts.AuditLog(t.Context(), "skin.grant", "", 10)
	s.ok(err)
	if len(log) != 2 || log[0].Who != "admin" {
		t.Errorf("the log: %+v", log)
	}
}

// Bytes that a database cannot store, and numbers beyond it, are refused and
// never break anything.
func TestHostileInput(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newSite(t, d)
		c := s.scene(1)
		clan := "/api/v1/clans/" + id(c.ID)
		for _, x := range []struct{ by, request, body string }{
			{"owner", "GET /api/v1/clans?q=%ff%00", ""}, {"owner", "GET /api/v1/clans?q=%25_!", ""}, {"owner", "GET /api/v1/clans?cursor=1_%ff", ""},
			{"owner", "GET /api/v1/clans?cursor=1_%00", ""}, {"owner", "GET /api/v1/clans/99999999999999999999", ""}, {"owner", "GET /api/v1/clans/-1", ""},
			{"owner", "POST " + clan + "/invites", `{"account":"a\u0000b"}`}, {"owner", "POST " + clan + "/invites", `{"account":"\ud800"}`},
			{"owner", "POST " + clan + "/transfer", `{"account":"99999999999999999999"}`}, {"owner", "PATCH " + clan, `{"name":"a\u0000b"}`},
			{"owner", "PATCH " + clan, `{"tag":"\u202eA"}`}, {"owner", "PATCH " + clan, `{}`}, {"owner", "DELETE " + clan + "/members/-9223372036854775808", ""},
			{"admin", "POST /api/v1/skins", `{"kind":"a\u0000","unit":"b","model_path":"c"}`}, {"admin", "PUT /api/v1/skins/-1/players/-1", ""},
			{"admin", "GET /api/v1/skins?cursor=x", ""}, {"owner", "POST /api/v1/clans", strings.Repeat("[", 50000)},
		} {
			method, path, _ := strings.Cut(x.request, " ")
			if w := s.do(x.by, method, path, x.body); w.Code >= 500 || w.Code < 300 && !strings.Contains(path, "q=") {
				t.Errorf("%s %s: %d %s", x.request, x.body, w.Code, w.Body)
			}
		}
		if w := s.do("moderator", "DELETE", clan+"?reason=a%00b%ffc%E2%80%AEd", ""); w.Code != 204 {
			t.Errorf("a reason with hidden characters: %d %s", w.Code, w.Body)
		}
		if got, _ := s.Clan(t.Context(), c.ID); got.Reason != "a b\uFFFDc d" {
			t.Errorf("the reason is %q", got.Reason)
		}
	})
}
