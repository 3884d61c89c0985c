package webapi

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/steam"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

const gabe, other = steam.ID(76561197960287930), steam.ID(76561197960287931)

func TestPlayerSummaries(t *testing.T) {
	fake := steamtest.New(t)
	fake.RequireKey(secret)
	fake.PutPlayers(
		steamtest.Player{ID: uint64(gabe), Persona: "Rab\u202eScuttle\n", SetUp: true},
		steamtest.Player{ID: uint64(other), Persona: "fresh"},
	)
	c := New(Options{BaseURL: fake.URL(), Key: secret})
	got, err := c.PlayerSummaries(t.Context(), []steam.ID{gabe, other, 76561197960287932, gabe})
	want := []PlayerSummary{{gabe, "RabScuttle", true}, {other, "fresh", false}}
	if err != nil || !cmp.Equal(want, got) {
		t.Fatalf("%+v, %v", got, err)
	}
	call := fake.Calls()[0]
	q, err := url.ParseQuery(call.RawQuery)
	if err != nil || call.Method != "GET" || call.Path != "/ISteamUser/GetPlayerSummaries/v2/" || q.Get("key") != secret ||
		q.Get("steamids") != "76561197960287930,76561197960287931,76561197960287932" {
		t.Errorf("%s %s?%s", call.Method, call.Path, call.RawQuery)
	}
	if _, err := c.PlayerSummaries(t.Context(), nil); err == nil {
		t.Error("a call about nobody")
	}
	if _, err := New(Options{BaseURL: fake.URL()}).PlayerSummaries(t.Context(), []steam.ID{gabe}); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	fake.RequireKey("another")
	if _, err := c.PlayerSummaries(t.Context(), []steam.ID{gabe}); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("%v", err)
	}
}

func TestDecodePlayers(t *testing.T) {
	wanted := map[steam.ID]bool{gabe: true}
	for body, want := range map[string][]PlayerSummary{
		`{"response":{"players":[]}}`: {},
		`{"response":{}}`:             {},
		`{"response":{"players":[{"steamid":76561197960287930,"profilestate":"1"}]}}`:                                  {{gabe, "", true}},
		`{"response":{"players":[{"steamid":"76561197960287930","personaname":7,"profilestate":0}]}}`:                  {{gabe, "", false}},
		`{"response":{"players":[7,null,{"steamid":[]},{"steamid":"76561197960287931"}]}}`:                             {},
		`{"response":{"players":[{"steamid":"76561197960287930","personaname":"a"},{"steamid":"76561197960287930"}]}}`: {{gabe, "a", false}},
	} {
		got, err := decodePlayers([]byte(body), wanted)
		if err != nil || !cmp.Equal(want, got) {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	for _, body := range []string{"", "null", "[]", "{}", `{"response":7}`, `{"response":{"players":{}}}`, "<html>"} {
		if _, err := decodePlayers([]byte(body), wanted); !errors.Is(err, ErrNonsense) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func FuzzDecodePlayers(f *testing.F) {
	f.Add([]byte(`{"response":{"players":[{"steamid":"76561197960287930","personaname":"a","profilestate":1}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decodePlayers(body, map[steam.ID]bool{gabe: true})
		if err == nil && len(got) > 1 {
			t.Errorf("%d answers about one person", len(got))
		}
	})
}
