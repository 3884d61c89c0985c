package demosink

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// listen opens the stream of events in somebody's name and returns what reads
// the next one.
func (x *desk) listen(who string) (next func() string) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	x.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", x.http.URL+"/api/v1/events?topics=demos", nil)
	if err != nil {
		x.t.Fatal(err)
	}
	if who != "guest" {
		req.Header.Set("X-API-Key", x.keys[who])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	read := func(prefix string) string {
		x.t.Helper()
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), prefix); ok {
				return rest
			}
		}
		x.t.Fatalf("the events of %s ended: %v", who, lines.Err())
		return ""
	}
	read(": connected")
	return func() string {
		x.t.Helper()
		if topic := read("event: "); topic != "demos.live" {
			x.t.Errorf("%s hears of %s", who, topic)
		}
		return read("data: ")
	}
}

// TestLiveEvents tells players of their own recordings, and the staff of all.
func TestLiveEvents(t *testing.T) {
	x := newDesk(t, lite(t))
	all := map[string]func() string{}
	for _, who := range actors[1:] {
		all[who] = x.listen(who)
	}
	theirs, his := x.r.open(x.game["owner"]), x.r.open(x.game["player"])
	x.r.want("GET", "/close_session?api_key="+x.game["player"], "", 200, closedText)
	opened := func(id string) string { return `{"id":"` + id + `","state":"open"}` }
	closed := func(id string) string { return `{"id":"` + id + `","state":"closed"}` }
	for who, want := range map[string][]string{
		"owner": {opened(theirs)}, "player": {opened(his), closed(his)},
		"analyst": {opened(theirs), opened(his), closed(his)}, "moderator": {opened(theirs), opened(his), closed(his)}, "admin": {opened(theirs), opened(his), closed(his)},
	} {
		for _, w := range want {
			if got := all[who](); got != w {
				t.Errorf("%s hears %s, want %s", who, got, w)
			}
		}
	}
	x.r.want("GET", "/close_session?api_key="+x.game["owner"], "", 200, closedText)
	if got := all["owner"](); got != closed(theirs) { // and nothing of the other's
		t.Errorf("the owner hears %s", got)
	}
}
