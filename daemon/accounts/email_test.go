package accounts

import (
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestNormalEmail(t *testing.T) {
	for _, row := range []struct{ in, want string }{
		{"foo@example.com", "foo@example.com"},
		{"  foo@example.com\t", "foo@example.com"},
		{"Foo@EXAMPLE.com", "Foo@example.com"},
		{"Ann Lee <ann.lee@example.com>", "ann.lee@example.com"},
		{"<ann@example.com>", "ann@example.com"},
		{"a+tag_1!#$%&'*/=?^`{|}~-@sub.example.co.uk", "a+tag_1!#$%&'*/=?^`{|}~-@sub.example.co.uk"},
		{"дядя.фёдор@example.com", "дядя.фёдор@example.com"},
		{"иван@ПОЧТА.рф", "иван@почта.рф"},
		{"ann@bücher.example.com", "ann@bücher.example.com"},
		{strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64) + "@example.com"},
		{"a@1.example.com", "a@1.example.com"},
	} {
		got, err := NormalEmail(row.in)
		if err != nil || got != row.want {
			t.Errorf("NormalEmail(%q) = %q, %v, want %q", row.in, got, err, row.want)
		}
	}
	for _, in := range []string{
		"", "foo", "foo@", "@example.com", "foo@bar", "a@b@c", ".foo@example.com", "foo.@example.com", "fo..o@example.com",
		`"foo bar"@example.com`, `"foo"@example.com`, "foo bar@example.com", "foo@exa mple.com", "foo@example..com", "foo@.example.com",
		"foo@example.com.", "foo@-example.com", "foo@example-.com", "foo@exam_ple.com", "foo@1.2.3.4", "foo@[1.2.3.4]", "foo@[IPv6:::1]",
		"foo@example.123", "foo@host.local", "foo@localhost", "foo@x.localhost", "foo@x.test", "foo@x.invalid", "foo@x.onion", "foo@x.arpa",
		"foo@example.com\nBcc: all@example.com", "fo\ro@example.com", "foo\x00@example.com", "foo@example.com, bar@example.com",
		"a <foo@example.com> b", "<<foo@example.com>>", "foo@example.com>", "f\u200boo@example.com", "f\u202eoo@example.com", "\xff@example.com",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("a", 64) + ".com",
		strings.Repeat("a", 60) + "@" + strings.Repeat(strings.Repeat("b", 60)+".", 4) + "com",
		strings.Repeat("a", 1<<20),
	} {
		if got, err := NormalEmail(in); !fault.Is(err, fault.Invalid) {
			t.Errorf("NormalEmail(%.80q) = %q, %v", in, got, err)
		} else if len(in) > 3 && strings.Contains(err.Error(), in) {
			t.Errorf("the error repeats %q", in)
		}
	}
}

func TestEmailKeyIsOneForOneMailbox(t *testing.T) {
	for _, pair := range [][2]string{
		{"foo@example.com", "FOO@EXAMPLE.COM"},
		{"straße@example.com", "STRASSE@example.com"},
		{"ann@bücher.example.com", "Ann@xn--bcher-kva.example.com"},
		{"e\u0301va@example.com", "Éva@example.com"},
	} {
		a, errA := NormalEmail(pair[0])
		b, errB := NormalEmail(pair[1])
		if errA != nil || errB != nil || emailKey(a) != emailKey(b) {
			t.Errorf("%q, %q: %q, %q (%v, %v)", pair[0], pair[1], emailKey(a), emailKey(b), errA, errB)
		}
	}
	if emailKey("a.b@example.com") == emailKey("ab@example.com") {
		t.Error("dots are dropped")
	}
}

func FuzzNormalEmail(f *testing.F) {
	for _, seed := range []string{"foo@example.com", "Ann <a@b.co>", "иван@почта.рф", "a@b@c.de", "\"x\"@y.zz", "a@xn--bcher-kva.de", "<@>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once, err := NormalEmail(text)
		if err != nil {
			return
		}
		twice, err := NormalEmail(once)
		if err != nil || twice != once {
			t.Errorf("%q becomes %q and then %q, %v", text, once, twice, err)
		}
		if strings.ContainsAny(once, "\r\n\x00<>\" ") || strings.Count(once, "@") != 1 {
			t.Errorf("%q", once)
		}
		if emailKey(once) == "" {
			t.Errorf("%q has no key", once)
		}
	})
}

func TestNamesThatLookAlikeAreTheSame(t *testing.T) {
	for _, pair := range [][2]string{
		{"paypal", "раура\u04cf"}, // Cyrillic throughout, with a palochka
		{"HOPE", "НОРЕ"},          // Cyrillic capitals
		{"NIKH", "ΝΙΚΗ"},          // Greek capitals
		{"nikh", "νικη"},          // and small ones
		{"Cocoa", "сосоа"},        //
		{"Ëve", "Ёvе"},            // a mark stays a mark
		{"AXE", "аxе"},            //
		{"Ｆｏｏ", "foo"},            // full width
		{"mars", "мarѕ"},          //
		{"admin", "аdmın"},        // a Cyrillic a and a dotless i
		{"  Root ", "root"},       //
		{"Ὀ", "о\u0313"},          // a Greek letter with its mark
		{"Маша", "МАША"},          //
	} {
		if nameKey(pair[0]) != nameKey(pair[1]) || nameKey(pair[1]) != nameKey(pair[0]) {
			t.Errorf("%q has the key %q, %q %q", pair[0], nameKey(pair[0]), pair[1], nameKey(pair[1]))
		}
	}
	for _, pair := range [][2]string{{"Nick", "Vick"}, {"Bill", "Bili"}, {"Eva", "Ëva"}, {"Маша", "Паша"}, {"Вова", "Гога"}, {"foo", "foo2"}} {
		if nameKey(pair[0]) == nameKey(pair[1]) {
			t.Errorf("%q and %q are the same: %q", pair[0], pair[1], nameKey(pair[0]))
		}
	}
}

func TestCheckNewName(t *testing.T) {
	for _, name := range []string{"Ann", "  Ann  ", "Иван", "Иван [RU]", "Ωmega", "λ-Freeman", "xX_Яна_Xx", "Νίκος", "a@b", "^mUnnamed ^900DRX", strings.Repeat("x", 64)} {
		if _, err := checkNewName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"", " ", "\n", "a\u202eb", "a\u200bb", strings.Repeat("x", 65), "#1", "foo@example.com", "Foo <foo@example.com>", "76561197960287930",
		"аdmin", "Αdmin", "pаypаl", "Rооt",
	} {
		if got, err := checkNewName(name); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is taken as %q, %v", name, got, err)
		}
	}
}

func FuzzNameKey(f *testing.F) {
	for _, seed := range []string{"Ann", "Ёvе", "ΝΙΚΗ", "Ｆｏｏ", "ﬃ", "İ", "ß", "Ὀ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		clean, err := CleanName(name)
		if err != nil {
			return
		}
		if key := nameKey(clean); nameKey(key) != key {
			t.Errorf("the key of %q is %q, whose key is %q", clean, key, nameKey(key))
		}
	})
}

func TestLegacyPassword(t *testing.T) {
	const salt, key = "0011223344556677", "8709d1e1bbeb478b680e1a9e560a4ae13c92f271ec9df8835d338b02e898e9e6"
	stored, err := LegacyPassword(salt, key)
	if err != nil {
		t.Fatal(err)
	}
	h := newHasher()
	h.cost = argon{memory: 8, time: 1, threads: 1}
	match, stale, err := h.verify(t.Context(), stored, "12345678")
	if !match || !stale || err != nil {
		t.Errorf("the right password: %v, %v, %v", match, stale, err)
	}
	if match, _, err := h.verify(t.Context(), stored, "12345679"); match || err != nil {
		t.Errorf("a wrong one: %v, %v", match, err)
	}
	for _, bad := range [][2]string{{"", key}, {salt, ""}, {salt + "00", key}, {salt, key[2:]}, {"zz11223344556677", key}, {salt, strings.Replace(key, "8", "$", 1)}} {
		if _, err := LegacyPassword(bad[0], bad[1]); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestParseDomains(t *testing.T) {
	found := map[string]struct{}{}
	text := "\ufeffMailinator.com\r\n\n# comment.example\n@Trash.Example.ORG\n*.wild.example\nnot a domain\nпочта.рф\nlocalhost\n"
	if err := parseDomains(strings.NewReader(text), found); err != nil {
		t.Fatal(err)
	}
	want := []string{"mailinator.com", "trash.example.org", "wild.example", "xn--80a1acny.xn--p1ai"}
	if len(found) != len(want) {
		t.Errorf("%v", found)
	}
	b := &blocklist{}
	if b.has("mailinator.com") {
		t.Error("nothing was loaded")
	}
	b.domains.Store(&found)
	for domain, listed := range map[string]bool{
		"mailinator.com": true, "mx.mailinator.com": true, "a.b.trash.example.org": true, "example.org": false,
		"notmailinator.com": false, "com": false, "": false, "xn--80a1acny.xn--p1ai": true,
	} {
		if b.has(domain) != listed {
			t.Errorf("%s: %v", domain, !listed)
		}
	}
	for _, want := range want {
		if _, ok := found[want]; !ok {
			t.Errorf("%s is missing", want)
		}
	}
}
