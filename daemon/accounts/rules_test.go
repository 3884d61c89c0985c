package accounts

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestCleanName(t *testing.T) {
	for _, row := range []struct{ in, want string }{
		{"Ann", "Ann"},
		{"  Ann Lee\t", "Ann Lee"},
		{"Ка\u0438\u0306", "Ка\u0439"}, // и + breve is й
		{"A\u030angstrom", "Ångstrom"},
		{"名前", "名前"},
		{"🎮 Player", "🎮 Player"},
		{strings.Repeat("ä", 64), strings.Repeat("ä", 64)},
	} {
		if got, err := CleanName(row.in); got != row.want || err != nil {
			t.Errorf("%q: %q, %v; want %q", row.in, got, err, row.want)
		}
	}
	for _, in := range []string{
		"", "   ", strings.Repeat("a", 65), "#7", "a\x00b", "a\nb", "a\x1b[31m", "\u202eevil", "a\u200bb", "a\u200db", "a\u2066b",
		"a\ufeffb", "a\u00adb", "a\u2028b", "\xff\xfe", "a\u3164b", "a\ufe0fb", "a\ue000b", "\u2800",
	} {
		_, err := CleanName(in)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: error %v", in, err)
		}
	}
}

func TestNameKey(t *testing.T) {
	for _, row := range [][2]string{{"Ann", "aNN"}, {"STRASSE", "straße"}, {"Иван", "ИВАН"}, {"ＡＮＮ", "ann"}, {"ﬁre", "FIRE"}} {
		if nameKey(row[0]) != nameKey(row[1]) {
			t.Errorf("%q and %q are different names", row[0], row[1])
		}
	}
	if nameKey("Ann") == nameKey("Anne") {
		t.Error("different names are the same")
	}
}

func FuzzCleanName(f *testing.F) {
	for _, seed := range []string{"Ann", " Ка\u0438\u0306 ", "\u202e", "🎮", "a\u0300\u0301", "\xff", "ǅ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		clean, err := CleanName(in)
		if err != nil {
			return
		}
		if n := utf8.RuneCountInString(clean); n < 1 || n > maxName {
			t.Errorf("%q has %d characters", clean, n)
		}
		if again, err := CleanName(clean); again != clean || err != nil {
			t.Errorf("%q cleans to %q and then to %q, %v", in, clean, again, err)
		}
		if nameKey(clean) != nameKey(strings.TrimSpace(in)) {
			t.Errorf("%q and %q differ in their key", in, clean)
		}
	})
}

func TestCheckPassword(t *testing.T) {
	for _, password := range []string{
		"correct battery staple", "8 chars!", strings.Repeat("x1", 32), strings.Repeat("long and good ", 18), "пароль не из списка", "Ann likes mods",
	} {
		if err := checkPassword("Ann Lee", password); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
	for _, password := range []string{
		"", "short", "7chars!", strings.Repeat("x1", 257), "password1", "PASSWORD1", "Qwerty123", "12345678", "abcdefghij", "hgfedcba", "aaaaaaaaaaaa",
		"йцукенгш", "ann lee1", "Ann Lee 1990", "!!ANN LEE!!",
	} {
		if err := checkPassword("Ann Lee", password); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is accepted", password)
		} else if password != "" && strings.Contains(err.Error(), password) {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}

func TestCommonPasswordsList(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(commonPasswords, "\n"), "\n")
	seen := map[string]bool{}
	for _, line := range lines {
		if line != strings.ToLower(strings.TrimSpace(line)) || len([]rune(line)) < minPassword || seen[line] {
			t.Errorf("line %q is not in lower case, is too short to matter, or comes twice", line)
		}
		seen[line] = true
	}
}

func TestThrottle(t *testing.T) {
	c := newClock()
	th := newThrottle(c.Now, freeTries, tryStep, "for this name")
	at := func(ip string) place { return place{"ann", netip.MustParsePrefix(ip + "/32")} }
	owner := at("192.0.2.1")
	if err := th.take(owner); err != nil {
		t.Fatal(err)
	}
	th.succeed(owner)
	for i := range freeTries {
		if err := th.take(at("198.51.100." + string(rune('0'+i%10)))); err != nil {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	err := th.take(at("203.0.113.7"))
	wantKind(t, err, fault.TooMany)
	var f *fault.Error
	if errors.As(err, &f); f.RetryAfter != tryStep {
		t.Errorf("wait %v, want %v", f.RetryAfter, tryStep)
	}
	// The owner's place is not a stranger's.
	if err := th.take(owner); err != nil {
		t.Errorf("the owner is kept out: %v", err)
	}
	if err := th.take(place{"bob", at("203.0.113.7").from}); err != nil {
		t.Errorf("another name: %v", err)
	}
	c.add(tryStep)
	if err := th.take(at("203.0.113.7")); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	wantKind(t, th.take(at("203.0.113.7")), fault.TooMany)
	c.add(-time.Hour) // the clock was set back
	err = th.take(at("203.0.113.7"))
	wantKind(t, err, fault.TooMany)
	if errors.As(err, &f); f.RetryAfter > tryStep {
		t.Errorf("wait %v after the clock was set back, want %v", f.RetryAfter, tryStep)
	}
	c.add(tryStep)
	if err := th.take(at("203.0.113.7")); err != nil {
		t.Errorf("the clock was set back: %v", err)
	}
	c.add(2 * time.Hour)
	for range freeTries {
		if err := th.take(at("203.0.113.7")); err != nil {
			t.Fatal(err)
		}
		th.giveBack(at("203.0.113.7"))
	}
}

func TestLRU(t *testing.T) {
	l := newLRU[int, string](2)
	l.put(1, "a")
	l.put(2, "b")
	l.get(1)
	l.put(3, "c")
	if _, ok := l.get(2); ok {
		t.Error("what was unused for longest is still there")
	}
	if v, ok := l.get(1); v != "a" || !ok {
		t.Error("what was used last is gone")
	}
	if len(l.items) != 2 || l.order.Len() != 2 {
		t.Errorf("%d items, %d in order", len(l.items), l.order.Len())
	}
}

func TestTokens(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		key, token := newKey(), newToken()
		if len(key) != 3+43 || !strings.HasPrefix(key, "qm_") || strings.Trim(key[3:], "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			t.Fatalf("key %q", key)
		}
		if len(token) != 43 || seen[key] || seen[token] {
			t.Fatalf("token %q", token)
		}
		seen[key], seen[token] = true, true
	}
	if first, again := csrfToken("a"), csrfToken("a"); first == csrfToken("b") || first != again {
		t.Error("the CSRF token does not follow from the session")
	}
}

func TestPrincipal(t *testing.T) {
	admin := Principal{AccountID: 1, Roles: []Role{RoleAdmin}, Via: ViaSession}
	key := Principal{AccountID: 1, Roles: []Role{RoleAdmin}, Via: ViaKey, Scopes: []string{ScopeModsWrite}}
	adminKey := Principal{AccountID: 1, Roles: []Role{RoleAdmin}, Via: ViaKey, Scopes: []string{ScopeAdmin}}
	demoted := Principal{AccountID: 1, Via: ViaKey, Scopes: []string{ScopeAdmin, ScopeModsRead}}
	moderator := Principal{AccountID: 2, Roles: []Role{RoleModerator}, Via: ViaSession}
	for _, row := range []struct {
		name                           string
		p                              Principal
		read, write, admin, self, isAd bool
	}{
		{"guest", Principal{}, false, false, false, false, false},
		{"guest with leftovers", Principal{AccountID: 1, Roles: []Role{RoleAdmin}}, false, false, false, false, false},
		{"player", Principal{AccountID: 3, Via: ViaSession}, true, false, false, true, false},
		{"moderator", moderator, true, true, false, true, false},
		{"admin", admin, true, true, true, true, true},
		{"admin's key for writing", key, false, true, false, false, false},
		{"admin's key", adminKey, false, false, true, true, true},
		{"key of a former admin", demoted, true, false, false, false, false},
		{"command line", From(Local(t.Context(), "root")), true, true, true, true, true},
	} {
		got := []bool{row.p.May(ScopeModsRead), row.p.May(ScopeModsWrite), row.p.May(ScopeAdmin), row.p.May(SignedIn), row.p.Is(RoleAdmin)}
		want := []bool{row.read, row.write, row.admin, row.self, row.isAd}
		for i, what := range []string{"mods:read", "mods:write", "admin", "account", "is admin"} {
			if got[i] != want[i] {
				t.Errorf("%s, %s: %v", row.name, what, got[i])
			}
		}
	}
	if !admin.Is(RoleModerator) || !moderator.Is(RolePlayer) || moderator.Is(RoleAnalyst) || (Principal{}).Is(RolePlayer) {
		t.Error("roles do not include each other as they should")
	}
}
