package webapi

import (
	"errors"
	"net/netip"
	"net/url"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

func TestGameServers(t *testing.T) {
	fake := steamtest.New(t)
	fake.RequireKey(secret)
	fake.PutServers("169.254.189.228:41928", "203.0.113.9:27015")
	c := New(Options{BaseURL: fake.URL(), Key: secret})
	for address, want := range map[string]bool{"169.254.189.228:41928": true, "169.254.189.228:1": false} {
		if got, err := c.FakeServer(t.Context(), 440, netip.MustParseAddrPort(address)); got != want || err != nil {
			t.Errorf("%s: %t %v", address, got, err)
		}
	}
	for address, want := range map[string]bool{"203.0.113.9:27015": true, "203.0.113.9:27016": false} {
		if got, err := c.ServerAt(t.Context(), netip.MustParseAddrPort(address)); got != want || err != nil {
			t.Errorf("%s: %t %v", address, got, err)
		}
	}
	for _, call := range fake.Calls() {
		q, err := url.ParseQuery(call.RawQuery)
		if err != nil {
			t.Fatal(err)
		}
		switch call.Path {
		case "/IGameServersService/QueryByFakeIP/v1/":
			if q.Get("fake_ip") != "2852044260" || q.Get("app_id") != "440" || q.Get("query_type") != "1" || q.Get("fake_port") == "" {
				t.Errorf("%s", call.RawQuery)
			}
		case "/IGameServersService/GetServerList/v1/":
			if got := q.Get("filter"); got != `\gameaddr\203.0.113.9:27015` && got != `\gameaddr\203.0.113.9:27016` {
				t.Errorf("%s", got)
			}
		default:
			t.Errorf("%s was asked", call.Path)
		}
	}
	if _, err := New(Options{BaseURL: fake.URL()}).ServerAt(t.Context(), netip.MustParseAddrPort("203.0.113.9:27015")); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
}

func TestServerAnswers(t *testing.T) {
	for body, want := range map[string]bool{
		`{"response":{}}`: false, `{"response":{"servers":[]}}`: false, `{"response":{"servers":null}}`: false,
		`{"response":{"servers":[{"addr":"203.0.113.9:27015"}]}}`: true,
	} {
		if got, err := has([]byte(body), "servers"); got != want || err != nil {
			t.Errorf("%s: %t %v", body, got, err)
		}
	}
	for _, body := range []string{"", "<html>", "[]", "{}", `{"response":7}`} {
		if _, err := has([]byte(body), "servers"); !errors.Is(err, ErrNonsense) {
			t.Errorf("%s: %v", body, err)
		}
	}
}
