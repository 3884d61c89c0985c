package workshop

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// noNetwork is what a machine without internet has.
type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("dial tcp: lookup api.steampowered.com: no such host")
}

// TestOffline: a first start without internet is no reason for a warning, and
// the page says what is to be done in words for such a machine.
func TestOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := webapi.New(webapi.Options{HTTP: &http.Client{Transport: noNetwork{}}})
		d := startDetails(t, client)
		d.Ask(probeItem)
		time.Sleep(10 * time.Second)
		d.mu.Lock()
		quiet := d.log.String()
		d.mu.Unlock()
		if strings.Contains(quiet, "WARN") || !strings.Contains(quiet, "level=INFO msg=\"Steam cannot be asked") {
			t.Errorf("the log of a start without internet:\n%s", quiet)
		}
		d.Ask(99)
		time.Sleep(2 * time.Minute)
		d.finish(t)
		if n := strings.Count(d.log.String(), "WARN"); n != 1 {
			t.Errorf("%d warnings when something is wanted from Steam:\n%s", n, d.log.String())
		}
		state := client.State()
		state.BreakerOpen = true
		got := steamProblems(Status{Steam: state, DailyLimit: 1000})
		if len(got) != 1 || got[0].Text != "Steam cannot be reached: dial tcp: lookup api.steampowered.com: no such host" ||
			!strings.Contains(got[0].Hint, "without internet") || strings.Contains(got[0].Hint, "api_key") {
			t.Errorf("the problem: %+v", got)
		}
	})
	refused := steamProblems(Status{Steam: webapi.State{BreakerOpen: true, LastError: "Steam answered 403 Forbidden"}, DailyLimit: 1000})
	if len(refused) != 1 || refused[0].Text != "Steam does not answer as it should: Steam answered 403 Forbidden" || !strings.Contains(refused[0].Hint, "steam.api_key") {
		t.Errorf("the problem of a refusal: %+v", refused)
	}
}
