package steam

import (
	"encoding/json"
	"errors"
	"strconv"
	"testing"
)

// The vectors are those of Valve's documentation and of ids seen in the wild.
var vectors = []struct {
	number uint64
	hex    string
	steam3 string
	steam2 string
	valid  bool
}{
	{76561197960265729, "0110000100000001", "[U:1:1]", "STEAM_0:1:0", true},
	{76561197960287930, "01100001000056BA", "[U:1:22202]", "STEAM_0:0:11101", true},
	{76561198049561074, "01100001055289F2", "[U:1:89295346]", "STEAM_0:0:44647673", true},
	{76561202255233023, "01100001FFFFFFFF", "[U:1:4294967295]", "STEAM_0:1:2147483647", true},
	{76561202301376826, "0110000202C0193A", "[U:1:46143802:2]", "STEAM_0:0:23071901", true},
	{148618792087489010, "02100001055289F2", "[U:2:89295346]", "STEAM_2:0:44647673", true},
	{103582791429521412, "0170000000000004", "[g:1:4]", "", true},
	{103582791518816755, "01700000055289F3", "[g:1:89295347]", "", true},
	{85568392920039468, "013000000000002C", "[G:1:44]", "", true},
	{90178913460028417, "0140613E77040401", "[A:1:1996751873:24894]", "", true},
	{110338190870577156, "0188000000000004", "[c:1:4]", "", true},
	{109212290963746873, "0184000000003039", "[L:1:12345]", "", true},
	{76561197960265728, "0110000100000000", "[U:1:0]", "STEAM_0:0:0", false},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		id := ID(v.number)
		if n, err := strconv.ParseUint(v.hex, 16, 64); err != nil || n != v.number {
			t.Fatalf("%s is not %d", v.hex, v.number)
		}
		if id.Steam3() != v.steam3 || id.Steam2(false) != v.steam2 || id.Valid() != v.valid {
			t.Errorf("%d: %s %s %v", v.number, id.Steam3(), id.Steam2(false), id.Valid())
		}
		forms := []string{id.Decimal(), "0x" + v.hex, v.steam3, " " + v.steam3 + "\n"}
		if id.Type() == Individual && id.Instance() == InstanceDesktop {
			forms = append(forms, v.steam2, id.Steam2(true), "steam_"+v.steam2[6:])
		}
		if id.URL(true) != "" {
			forms = append(forms, id.URL(true), id.URL(false), id.URL(true)+"/?l=english", "www."+id.URL(true)[8:], "http"+id.URL(false)[5:]+"/")
		}
		for _, form := range forms {
			if got, err := Parse(form); err != nil || got != id {
				t.Errorf("Parse(%q) = %d, %v; want %d", form, got, err, id)
			}
		}
	}
}

func TestSteam2Universes(t *testing.T) {
	zero, err := Parse("STEAM_0:0:11101")
	one, err1 := Parse("STEAM_1:0:11101")
	if err != nil || err1 != nil || zero != one || zero.Steam2(true) != "STEAM_1:0:11101" {
		t.Errorf("%v %v, %v %v", zero, one, err, err1)
	}
	if !ID(76561198006409530).SameAccount(76561202301376826) || ID(76561198006409530) == 76561202301376826 ||
		ID(76561198006409530).SameAccount(76561198006409531) {
		t.Error("SameAccount ignores more or less than the instance")
	}
}

func TestWords(t *testing.T) {
	for text, kind := range map[string]Type{"UNKNOWN": Invalid, "STEAM_ID_PENDING": Pending} {
		id, err := Parse(text)
		if err != nil || id.Type() != kind || id.String() != text || id.Valid() {
			t.Errorf("%s: %v %v %s", text, id.Type(), err, id)
		}
	}
	if got := ID(103582791429521412).String(); got != "[g:1:4]" {
		t.Errorf("a clan is written %s", got)
	}
}

func TestTypes(t *testing.T) {
	for kind, want := range []string{
		"TYPE_INVALID", "TYPE_INDIVIDUAL", "TYPE_MULTISEAT", "TYPE_GAME_SERVER", "TYPE_ANON_GAME_SERVER", "TYPE_PENDING",
		"TYPE_CONTENT_SERVER", "TYPE_CLAN", "TYPE_CHAT", "TYPE_P2P_SUPER_SEEDER", "TYPE_ANON_USER",
	} {
		if got := Type(kind).Name(); got != want {
			t.Errorf("%d: %s", kind, got)
		}
	}
	for letter, want := range map[byte]Type{
		'I': Invalid, 'U': Individual, 'M': Multiseat, 'G': GameServer, 'A': AnonGameServer, 'P': Pending, 'C': ContentServer,
		'g': Clan, 'T': Chat, 'c': Chat, 'L': Chat, 'a': AnonUser,
	} {
		id, err := Parse("[" + string(letter) + ":1:7]")
		if err != nil || id.Type() != want || id.Account() != 7 {
			t.Errorf("%c: %v %v", letter, id.Type(), err)
		}
	}
	if Type(11).Name() != "" || New(Public, P2PSuperSeeder, 0, 1).Steam3() != "" || New(Public, Type(12), 0, 1).Steam3() != "" {
		t.Error("a type without a letter has a Steam3 form")
	}
}

func TestRejected(t *testing.T) {
	for _, text := range []string{
		"STEAM_9:0:1", "STEAM_0:2:1", "STEAM_0:0:2147483648", "[U:1:4294967296]", "[Z:1:1]", "", "76561197960265729x",
		"STEAM_0:1", "STEAM_0:1:1:1", "[U:1]", "[U:1:1", "[U:1:1:1048576]", "[U:1:1:1:1]", "[U:-1:1]", "[U:1:+1]", "[]", "[::]", "[UU:1:1]",
		"22202", "0x", "0xZZ", "18446744073709551616", "http://evil.example/x/profiles/76561197960287930",
		"https://steamcommunity.com.evil.example/profiles/76561197960287930", "https://user@steamcommunity.com/profiles/76561197960287930",
		"ftp://steamcommunity.com/profiles/76561197960287930", "https://steamcommunity.com/profiles/[T:1:4]",
		"https://steamcommunity.com/profiles/[g:1:4]", "https://steamcommunity.com/gid/76561197960287930", "https://steamcommunity.com/profiles/",
		"https://steamcommunity.com/profiles/1/2", "https://steamcommunity.com/", "hello", "steam_", "https://steamcommunity.com/app/440",
	} {
		if id, err := Parse(text); !errors.Is(err, ErrSteamID) {
			t.Errorf("Parse(%q) = %d, %v", text, id, err)
		}
	}
}

func TestVanity(t *testing.T) {
	for text, want := range map[string]VanityError{
		"https://steamcommunity.com/id/gabelogannewell":  {"gabelogannewell", 1},
		"steamcommunity.com/id/1234/":                    {"1234", 1},
		"https://steamcommunity.com/groups/valve":        {"valve", 2},
		"https://steamcommunity.com/games/440?l=english": {"440", 3},
	} {
		var v *VanityError
		if _, err := Parse(text); !errors.As(err, &v) || *v != want || !errors.Is(err, ErrSteamID) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestFromSteam2(t *testing.T) {
	if id, err := FromSteam2(44647673, 1, Clan, Unspecified); err != nil || id != 103582791518816755 {
		t.Errorf("%d, %v", id, err)
	}
	for _, c := range []struct {
		z, y     uint32
		kind     Type
		universe Universe
	}{{1 << 31, 0, Individual, Public}, {1, 2, Individual, Public}, {1, 1, 11, Public}, {1, 1, Individual, 6}} {
		if _, err := FromSteam2(c.z, c.y, c.kind, c.universe); !errors.Is(err, ErrSteamID) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if id, err := ParseAccount("22202"); err != nil || id != 76561197960287930 || !id.Person() {
		t.Errorf("%d, %v", id, err)
	}
	if _, err := ParseAccount("4294967296"); !errors.Is(err, ErrSteamID) {
		t.Error(err)
	}
	if New(Beta, Individual, 1, 5).Person() || ID(103582791429521412).Person() {
		t.Error("not a person of the public universe")
	}
}

func TestJSON(t *testing.T) {
	text, err := json.Marshal(map[string]ID{"id": 76561197960287930})
	if err != nil || string(text) != `{"id":"76561197960287930"}` {
		t.Errorf("%s, %v", text, err)
	}
	var got map[string]ID
	if err := json.Unmarshal([]byte(`{"id":"[U:1:22202]"}`), &got); err != nil || got["id"] != 76561197960287930 {
		t.Errorf("%v, %v", got, err)
	}
	if err := json.Unmarshal([]byte(`{"id":"x"}`), &got); !errors.Is(err, ErrSteamID) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.steam3)
		f.Add(ID(v.number).Decimal())
	}
	f.Add("STEAM_0:1:2147483647")
	f.Add("https://steamcommunity.com/profiles/[U:1:22202]/")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrSteamID) {
				t.Fatal(err)
			}
			return
		}
		if form := id.Steam3(); form != "" && id.Universe() <= RC {
			again, err := Parse(form)
			if err != nil || again.Account() != id.Account() || again.Type() != id.Type() || again.Universe() != id.Universe() {
				t.Fatalf("%q → %s → %v %v", text, form, again, err)
			}
		}
	})
}
