package a2s

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRequests(t *testing.T) {
	given := Challenge{0x29, 0xf9, 0xd5, 0x3c}
	for _, tt := range []struct {
		want string
		r    Request
	}{
		{"ffffffff54536f7572636520456e67696e6520517565727900", Request{RequestInfo, NoChallenge}},
		{"ffffffff54536f7572636520456e67696e652051756572790029f9d53c", Request{RequestInfo, given}},
		{"ffffffff55ffffffff", Request{RequestPlayers, NoChallenge}},
		{"ffffffff554ba1d522", Request{RequestPlayers, Challenge{0x4b, 0xa1, 0xd5, 0x22}}},
		{"ffffffff56ffffffff", Request{RequestRules, NoChallenge}},
		{"ffffffff57", Request{RequestChallenge, NoChallenge}},
		{"ffffffff69", Request{RequestPing, NoChallenge}},
	} {
		got := AppendRequest(nil, tt.r)
		if want := unhex(t, tt.want); !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", tt.r, got, want)
		}
		// source-server-query sends four bytes behind the challenge.
		for _, more := range []string{"", "\xff\xff\xff\xff"} {
			back, err := DecodeRequest(append(unhex(t, tt.want), more...))
			if err != nil || back != tt.r {
				t.Errorf("%s: %s, %v", tt.want, back, err)
			}
		}
	}
}

func TestSmallReplies(t *testing.T) {
	c, err := DecodeChallenge(unhex(t, "ffffffff4129f9d53c"))
	if want := (Challenge{0x29, 0xf9, 0xd5, 0x3c}); err != nil || c != want {
		t.Error(c, err)
	}
	if got := AppendChallenge(nil, c); !bytes.Equal(got, unhex(t, "ffffffff4129f9d53c")) {
		t.Errorf("%x", got)
	}
	for text, want := range map[string]string{"ffffffff6a00": "", "ffffffff6a30303000": "000", "ffffffff6a303030": "000"} {
		if got, err := DecodePing(unhex(t, text)); err != nil || got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	if got := AppendPing(nil, "000"); !bytes.Equal(got, unhex(t, "ffffffff6a30303000")) {
		t.Errorf("%x", got)
	}
}

func TestPlayersBytes(t *testing.T) {
	const wire = "ffffffff440200416e6e00fbffffff0000724200000c00000000000000"
	players := []Player{{Name: "Ann", Score: -5, Duration: 60.5}, {Score: 12}}
	got, err := DecodePlayers(unhex(t, wire))
	if diff := cmp.Diff(Players{ResponseType: 0x44, Count: 2, NamedCount: 1, Players: players}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if b := AppendPlayers(nil, players); !bytes.Equal(b, unhex(t, wire)) {
		t.Errorf("%x", b)
	}
	if b := AppendPlayers(nil, make([]Player, 300)); b[5] != 255 {
		t.Errorf("%d players", b[5])
	}
}

func TestRulesText(t *testing.T) {
	b := []byte("\xff\xff\xff\xff\x45\x05\x00a\x001\x00\x00lost\x00a\x002\x00\xe9\x00\x01\xff\x00cut\x00")
	r, err := DecodeRules(b)
	if err != nil {
		t.Fatal(err)
	}
	want := []Rule{
		{"a", "1", []byte("a"), []byte("1")}, {"a", "2", []byte("a"), []byte("2")}, {"\ufffd", "\x01\ufffd", []byte{0xe9}, []byte{1, 0xff}},
	}
	if diff := cmp.Diff(want, r.List); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"a": "2", "\ufffd": "\x01\ufffd"}, r.Map()); diff != "" {
		t.Error(diff)
	}
	if r.Count != 5 || !r.Truncated {
		t.Errorf("%d, truncated %v", r.Count, r.Truncated)
	}
}

// TestEncodersRoundTrip takes the encoders' word only for what the vectors
// have proven of the decoders.
func TestEncodersRoundTrip(t *testing.T) {
	cp, mp := 311, 400
	infos := map[string]Info{
		"source": {ResponseType: ReplyInfo, Protocol: 17, ServerName: "n", Map: "m", Folder: "f", Game: "g", AppID: 440, AppIDRaw: 440, PlayerCount: 200,
			MaxPlayers: 255, BotCount: 1, ServerType: 'd', Platform: 'w', PasswordProtected: true, VACEnabled: true, Version: "1"},
		"rust": {ResponseType: ReplyInfo, AppID: 252490, AppIDRaw: 55882, EDF: 0xf1, Port: 1, SteamID: math.MaxUint64, SpectatorPort: 2,
			SpectatorName: "TV", Keywords: []string{"cp311", "mp400"}, KeywordPlayers: &cp, KeywordMaxPlayers: &mp, GameID: 252490},
		"ship": {ResponseType: ReplyInfo, AppID: 2400, AppIDRaw: 2400, Ship: &Ship{Mode: 4, Witnesses: 2, Duration: 3}, Version: "1.0"},
		"goldsource": {ResponseType: ReplyGoldSource, ServerName: "n", Protocol: 47, VACEnabled: true, BotCount: 3,
			GoldSource: &GoldSource{Address: "10.0.0.1:27015", IsMod: true, Mod: &Mod{URL: "u", Download: "d", Version: 1, Size: 2, ServerOnly: true, OwnDLL: true}}},
		"goldsource without mod": {ResponseType: ReplyGoldSource, GoldSource: &GoldSource{IsMod: true}},
	}
	for name, i := range infos {
		got, err := DecodeInfo(AppendInfo(nil, i))
		if diff := cmp.Diff(i, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Error(name, diff, err)
		}
	}
	players := []Player{{Name: "a\ufffd", Score: math.MinInt32, Ship: &ShipPlayer{1, -2}}, {Name: "b", Ship: &ShipPlayer{3, 4}}}
	if got, err := DecodePlayers(AppendPlayers(nil, players)); err != nil || !cmp.Equal(players, got.Players) {
		t.Error(got, err)
	}
	rules := []Rule{{"a", "\ufffd", []byte("a"), []byte{0xff}}, {Name: "b", Value: "c", RawName: []byte("b"), RawValue: []byte("c")}}
	if got, err := DecodeRules(AppendRules(nil, rules)); err != nil || !cmp.Equal(rules, got.List) {
		t.Error(got, err)
	}
}

func TestInfoCuts(t *testing.T) {
	full := AppendInfo(nil, Info{Version: "1", Port: 1, SteamID: 2, SpectatorPort: 3, SpectatorName: "tv", Keywords: []string{"a"}, GameID: 5})
	start := bytes.Index(full, []byte("1\x00\xf1")) + 2 // of the extra data
	for at := range full {
		i, err := DecodeInfo(full[:at])
		switch {
		case at < start && !errors.Is(err, ErrMalformed):
			t.Errorf("cut at %d: %v", at, err)
		case at == start && (err != nil || i.Truncated || i.EDF != 0):
			t.Errorf("without extra data: %+v, %v", i, err)
		case at > start && (err != nil || !i.Truncated):
			t.Errorf("cut at %d: %+v, %v", at, i, err)
		case at > start+3 && i.Port != 1, at > start+11 && i.SteamID != 2:
			t.Errorf("cut at %d: what came before is lost: %+v", at, i)
		}
	}
	i, err := DecodeInfo(append(full, 1, 2, 3))
	if err != nil || i.TrailingBytes != 3 || i.Truncated {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestJSON(t *testing.T) {
	b, err := json.Marshal(Info{ResponseType: 0x49, SteamID: math.MaxUint64, ServerType: 'D', Platform: 0, Ping: 1500 * time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"response_type":73`, `"steam_id":"18446744073709551615"`, `"server_type":"Dedicated"`, `"server_type_raw":68`,
		`"platform":"unknown"`, `"platform_raw":0`, `"password_protected":false`, `"ping_ms":1.5`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
	for d, want := range map[float32]string{1.5: "1.5", -1: "-1", float32(math.NaN()): "null", float32(math.Inf(1)): "null"} {
		b, err := json.Marshal(Player{Duration: d})
		if err != nil || !strings.Contains(string(b), `"duration":`+want+"}") {
			t.Errorf("%s, %v", b, err)
		}
	}
	a := Answer{Info: &Info{}, Errors: map[Part]error{PartPlayers: ErrTimeout}}
	b, err = json.Marshal(a)
	if err != nil || !strings.Contains(string(b), `"players":{"error":{"code":"timeout","message":"no answer in time"}}`) || strings.Contains(string(b), `"rules"`) {
		t.Errorf("%s, %v", b, err)
	}
	b, err = json.Marshal(Rules{List: []Rule{{"a", "\ufffd", []byte("a"), []byte{0xff}}}})
	if err != nil || !strings.Contains(string(b), `"rules":{"a":"`) || !strings.Contains(string(b), `"value_base64":"/w=="`) {
		t.Errorf("%s, %v", b, err)
	}
}

func TestPlatform(t *testing.T) {
	for _, tt := range []struct {
		in, name, os string
		raw          byte
	}{
		{"76", "Linux", "posix", 76}, {"l", "Linux", "posix", 108}, {"L", "Linux", "posix", 76}, {"lInUx", "Linux", "posix", 108},
		{"m", "Mac OS X", "posix", 109}, {"o", "Mac OS X", "posix", 111}, {"mac os x", "Mac OS X", "posix", 111}, {"109", "Mac OS X", "posix", 109},
		{"w", "Windows", "nt", 119}, {"WINDOWS", "Windows", "nt", 119}, {"119", "Windows", "nt", 119},
	} {
		p, err := ParsePlatform(tt.in)
		if err != nil || byte(p) != tt.raw || p.String() != tt.name || p.OSName() != tt.os {
			t.Errorf("%s: %d %s %s, %v", tt.in, p, p, p.OSName(), err)
		}
	}
	for _, bad := range []string{"", "W", "M", "1", "0", "256", "-1", "amiga"} {
		if p, err := ParsePlatform(bad); err == nil {
			t.Errorf("%q is %s", bad, p)
		}
	}
	if !Platform(76).Equal(108) || !Platform(109).Equal(111) || Platform(108).Equal(119) || !Platform(76).Is("linux") || Platform(76).Is("amiga") ||
		Platform(1).Equal(2) || Platform(7).String() != "unknown" || Platform(7).OSName() != "" {
		t.Error("equality of platforms")
	}
}

func TestServerType(t *testing.T) {
	for _, tt := range []struct {
		in, name string
		raw      byte
	}{
		{"68", "Dedicated", 68}, {"d", "Dedicated", 100}, {"D", "Dedicated", 68}, {"DEDICATED", "Dedicated", 100},
		{"l", "Non-Dedicated", 108}, {"non-dedicated", "Non-Dedicated", 108}, {"p", "SourceTV", 112}, {"SourceTV", "SourceTV", 112},
	} {
		s, err := ParseServerType(tt.in)
		if err != nil || byte(s) != tt.raw || s.String() != tt.name {
			t.Errorf("%s: %d %s, %v", tt.in, s, s, err)
		}
	}
	for _, bad := range []string{"", "L", "P", "0", "listen"} {
		if s, err := ParseServerType(bad); err == nil {
			t.Errorf("%q is %s", bad, s)
		}
	}
	if !ServerType(68).Equal(100) || !ServerType(68).Is("d") || ServerType(108).Is("d") || ServerType(0).String() != "unknown" {
		t.Error("equality of server types")
	}
}
