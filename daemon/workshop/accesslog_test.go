package workshop

import (
	"fmt"
	"strings"
	"testing"
)

func TestAccessLog(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.offer(vector)
		r.get(vector, 10*second)
		header := map[string]string{
			"User-Agent": "game/1", "Range": "bytes=0-3", "Cookie": "qm_session=secret1", "Authorization": "Bearer secret2", "X-Test": "seen",
		}
		for range 5 {
			r.do("GET", "/"+vector.File(), header)
		}
		log := r.log.String()
		for _, part := range []string{
			"component=ns2", "ip=127.0.0.1", "status=206", "reason=OK", "bytes=4", "item=m5f3f7c0", "version=1348957670", "title=mod",
			"source=steam-url", "complete=true", `range="bytes=0-3"`, "user_agent=game/1", "header.X-Test=seen",
		} {
			if !strings.Contains(log, part) {
				t.Errorf("no %s in the log", part)
			}
		}
		if strings.Contains(log, "secret") {
			t.Error("a secret is in the log")
		}
		if n := strings.Count(log, "header.X-Test"); n != 1 {
			t.Errorf("the same headers were logged %d times", n)
		}
		for i := range 300 {
			r.do("GET", "/", map[string]string{"User-Agent": fmt.Sprint("agent", i)})
		}
		if n := len(r.face.log.agents); n != 200 {
			t.Errorf("%d agents are remembered, want 200", n)
		}
		pass(second)
		before := strings.Count(r.log.String(), "status=404")
		for range 2000 {
			r.do("GET", "/", nil)
		}
		pass(10 * second)
		log = r.log.String()
		if n := strings.Count(log, "status=404") - before; n != 500 || !strings.Contains(log, "requests=1500") {
			t.Errorf("%d lines for 2000 requests in a second", n)
		}
	})
}

// A User-Agent is worth another line when it sends other headers, not when it
// asks for something else.
func TestAccessLog_HeadersThatDiffer(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		for i, tt := range []struct {
			header map[string]string
			lines  int
		}{
			{map[string]string{"Accept": "*/*", "Range": "bytes=0-3"}, 1},
			{map[string]string{"Accept": "*/*", "Range": "bytes=4-7"}, 1},
			{map[string]string{"Accept": "*/*", "Range": "bytes=0-3", "Cookie": "a=1", "Authorization": "Basic x"}, 1},
			{map[string]string{"Accept": "*/*"}, 2},
			{map[string]string{"Accept": "text/html"}, 3},
			{map[string]string{"Accept": "*/*", "Range": "bytes=0-3"}, 3},
			{map[string]string{"Accept": "image/png"}, 3}, // three are enough
		} {
			tt.header["User-Agent"] = "game/1"
			r.do("GET", fmt.Sprintf("/m%d_5.zip", i+1), tt.header)
			if n := strings.Count(r.log.String(), "request headers"); n != tt.lines {
				t.Errorf("after %v: %d lines, want %d", tt.header, n, tt.lines)
			}
		}
		r.do("GET", "/m1_5.zip", map[string]string{"User-Agent": "game/2", "Accept": "*/*"})
		if n := strings.Count(r.log.String(), "request headers"); n != 4 {
			t.Errorf("%d lines after another agent, want 4", n)
		}
	})
}
