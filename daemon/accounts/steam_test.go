package accounts

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

func TestAccountBySteamID(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		_, err := x.s.Account(t.Context(), gabe.Decimal())
		wantKind(t, err, fault.NotFound)
		made, err := x.s.AccountFor(t.Context(), "https://steamcommunity.com/profiles/76561197960287930/")
		if err != nil || made.Name != "Rabscuttle" || made.SteamID != gabe {
			t.Fatalf("%+v, %v", made, err)
		}
		for _, ref := range []string{
			"76561197960287930", "STEAM_0:0:11101", "STEAM_1:0:11101", "[U:1:22202]", "0x01100001000056ba",
			"#" + text(made.ID), "rabscuttle",
		} {
			if a, err := x.s.Account(t.Context(), ref); err != nil || a.ID != made.ID || a.SteamID != gabe {
				t.Errorf("%s: %+v, %v", ref, a, err)
			}
			if a, err := x.s.AccountFor(t.Context(), ref); err != nil || a.ID != made.ID {
				t.Errorf("%s: %+v, %v", ref, a, err)
			}
		}
		for ref, kind := range map[string]fault.Kind{
			"nobody": fault.NotFound, "#99": fault.NotFound, "[g:1:4]": fault.NotFound, "https://steamcommunity.com/id/gabe": fault.Invalid,
		} {
			_, err := x.s.AccountFor(t.Context(), ref)
			wantKind(t, err, kind)
		}
		all, _, err := x.s.Accounts(t.Context(), "", "", 10)
		if err != nil || len(all) != 1 || !cmp.Equal(all[0], made) {
			t.Errorf("%+v, want %+v, %v", all, made, err)
		}
		// A name cannot pass for a SteamID.
		_, err = x.s.Create(t.Context(), robin.Decimal(), testPassword, RolePlayer)
		wantKind(t, err, fault.Invalid)
	})
}

func TestNamesOfNewAccounts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		x.person("Admin", RoleAdmin)
		for i, row := range []struct{ persona, name string }{
			{"Gordon", "Gordon"}, {"gordon", "gordon-2"}, {"GORDON", "GORDON-3"}, {"admin", "admin-2"},
			{"", "player-6"}, {"\u200b\u202e", "player-7"}, {"  a \t b\n", "a b"}, {"#1", "1"}, {"##", "player-10"},
			{"76561197960287930", "player-11"}, {"STEAM_0:0:11101", "player-12"}, {"Ж\u202eука", "Жука"},
			{strings.Repeat("x", 100), strings.Repeat("x", 60)}, {strings.Repeat("x", 90), strings.Repeat("x", 60) + "-2"},
			{"player-16", "player-16"}, {"\xff", "player-17"}, {"[U:1:1]", "player-18"}, {"a\x00b", "ab"},
		} {
			a, err := x.s.AccountForSteam(t.Context(), steam.FromAccount(uint32(i+1)), row.persona)
			if err != nil || a.Name != row.name {
				t.Errorf("%q: %+v, %v; want %q", row.persona, a, err, row.name)
			}
		}
		_, err := x.s.AccountForSteam(t.Context(), steam.New(steam.Public, steam.Clan, 0, 4), "x")
		wantKind(t, err, fault.Invalid)
	})
}

func FuzzCleanPersona(f *testing.F) {
	for _, s := range []string{"Gordon", "#1 \u202e", "76561197960287930", strings.Repeat("é", 100), "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, persona string) {
		name := cleanPersona(persona)
		if name == "" {
			return
		}
		if clean, err := CleanName(name + "-20"); err != nil || clean != name+"-20" || readsAsSteamID(name) {
			t.Errorf("%q: %q, %v", name, clean, err)
		}
	})
}

func TestDemosKeys(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		ctx := t.Context()
		player, err := x.s.AccountForSteam(ctx, gabe, "Gordon")
		if err != nil {
			t.Fatal(err)
		}
		k, key, err := x.s.CreateKey(ctx, NewKey{AccountID: player.ID, Kind: KindDemos})
		if err != nil || k.Kind != "demos" || len(key) != 46 || !strings.HasPrefix(key, "MB-") || k.Prefix != key[:9] || !isToken(key[3:]) {
			t.Fatalf("%+v %q %v", k, key, err)
		}
		p, id, err := x.s.ByDemosKey(ctx, key)
		if err != nil || id != gabe || p.AccountID != player.ID || p.Name != "Gordon" || !p.May(ScopeDemosRead) ||
			p.May(ScopeDemosAnalyse) || p.May(ScopeModsRead) || p.May(SignedIn) {
			t.Fatalf("%+v %d %v", p, id, err)
		}
		// It follows its owner's roles.
		for _, role := range []Role{RoleAnalyst, RoleModerator, RoleAdmin} {
			if err := x.s.Grant(ctx, player.ID, role); err != nil {
				t.Fatal(err)
			}
			p, _, err := x.s.ByDemosKey(ctx, key)
			if err != nil || !p.May(ScopeDemosAnalyse) || p.May(ScopeDemosModerate) != (role != RoleAnalyst) || p.May(ScopeAdmin) || p.May(ScopeModsWrite) {
				t.Errorf("%s: %+v %v", role, p, err)
			}
		}
		for _, header := range []string{"Authorization", "X-API-Key"} {
			c := x.guest()
			c.header.Set(header, map[string]string{"Authorization": "Bearer " + key, "X-API-Key": key}[header])
			if c.name() != "Gordon" {
				t.Errorf("%s: %q", header, c.name())
			}
		}
		c := x.withKey(key)
		for _, path := range []string{"/api/v1/keys", "/api/v1/accounts", "/api/v1/audit"} {
			if a := c.do("GET", path, nil); a.status != 403 {
				t.Errorf("%s: %d", path, a.status)
			}
		}
		// Keys of programs will do when they may read recordings.
		if _, program := x.key(player.ID, ScopeDemosRead); x.holder(program) != gabe {
			t.Error("a key of a program with demos:read")
		}
		_, mods := x.key(player.ID, ScopeModsRead)
		for _, bad := range []string{"", "MB-", mods, key + "x", key[:45], strings.ToLower(key), "MB-" + strings.Repeat("A", 43), strings.Repeat("x", 1<<20)} {
			_, _, err := x.s.ByDemosKey(ctx, bad)
			wantKind(t, err, fault.Unauthenticated)
		}
		if _, _, err := x.s.CreateKey(ctx, NewKey{AccountID: player.ID, Kind: KindDemos, Scopes: []string{ScopeAdmin}}); !fault.Is(err, fault.Invalid) {
			t.Error(err)
		}
	})
}

// A key stands beside the others or in place of those of its kind.
func TestDemosKeysReplaced(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		ctx := t.Context()
		player, err := x.s.AccountForSteam(ctx, gabe, "Gordon")
		if err != nil {
			t.Fatal(err)
		}
		_, mods := x.key(player.ID, ScopeModsRead)
		_, key, err := x.s.CreateKey(ctx, NewKey{AccountID: player.ID, Kind: KindDemos})
		if err != nil {
			t.Fatal(err)
		}
		_, second, err := x.s.CreateKey(ctx, NewKey{AccountID: player.ID, Kind: KindDemos, Expires: time.Hour})
		if err != nil || x.holder(key) != gabe || x.holder(second) != gabe {
			t.Error(err)
		}
		_, third, err := x.s.CreateKey(ctx, NewKey{AccountID: player.ID, Kind: KindDemos, Replace: true})
		if err != nil || x.holder(key) != 0 || x.holder(second) != 0 || x.holder(third) != gabe || x.holder(mods) != 0 {
			t.Error(err)
		}
		if a := x.withKey(mods).do("GET", sessionPath, nil); a.status != 200 {
			t.Error("a key of another kind ended too")
		}
	})
}

// People make a key for recordings on the page as well.
func TestDemosKeyOnThePage(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		x.person("Ann", RolePlayer)
		x.person("Mo", RoleModerator)
		ask := map[string]any{"kind": "demos", "replace": true}
		if a := x.signIn("Ann").do("POST", "/api/v1/keys", ask); a.status != 409 || !strings.Contains(a.body, "link your Steam account first") {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := x.signIn("Mo").do("POST", "/api/v1/keys", ask); a.status != 201 {
			t.Errorf("%d %s", a.status, a.body)
		}
		ann, err := x.s.Account(t.Context(), "Ann")
		if err != nil {
			t.Fatal(err)
		}
		link := func(id steam.ID) {
			t.Helper()
			if err := d.Write(t.Context(), func(tx *db.Tx) error { return x.s.link(t.Context(), tx, ann.ID, id, "") }); err != nil {
				t.Fatal(err)
			}
			x.s.cache.clear()
		}
		link(76561197960287999) // Steam knows nobody of this number
		c := x.signIn("Ann")
		if a := c.do("POST", "/api/v1/keys", ask); a.status != 403 || !strings.Contains(a.body, "limited") {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := c.do("DELETE", "/api/v1/accounts/"+text(ann.ID)+"/steam", nil); a.status != 204 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		link(robin)
		var made struct{ Key string }
		c.do("POST", "/api/v1/keys", ask).json(t, &made)
		if x.holder(made.Key) != robin {
			t.Errorf("%q", made.Key)
		}
	})
}

func TestManyAccountsAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		ann := x.person("Ann", RolePlayer)
		gordon, err := x.s.AccountForSteam(t.Context(), gabe, "Gordon")
		if err != nil {
			t.Fatal(err)
		}
		ids := []int64{ann.ID, gordon.ID, 99}
		for i := range int64(1200) {
			ids = append(ids, 1000+i)
		}
		steamIDs, err := x.s.SteamIDs(t.Context(), ids)
		if want := map[int64]steam.ID{gordon.ID: gabe}; err != nil || !cmp.Equal(steamIDs, want) {
			t.Errorf("%v, %v", steamIDs, err)
		}
		names, err := x.s.Names(t.Context(), ids)
		if want := map[int64]string{ann.ID: "Ann", gordon.ID: "Gordon"}; err != nil || !cmp.Equal(names, want) {
			t.Errorf("%v, %v", names, err)
		}
		if none, err := x.s.Names(t.Context(), nil); err != nil || len(none) != 0 {
			t.Errorf("%v, %v", none, err)
		}
	})
}
