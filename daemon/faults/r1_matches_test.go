package faults

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

// reporting is a game server that reports matches of four players for as long
// as it lives, and again those of which it does not know whether they came.
type reporting struct {
	*testing.T
	*program
	id, password string
	players      []int64

	mu    sync.Mutex
	known int // reports that were acknowledged
	doubt []string
	next  int
}

// TestR1_MatchesSurviveKills: a match that was acknowledged is there after a
// kill at any moment, whole, and one that is reported again counts once.
func TestR1_MatchesSurviveKills(t *testing.T) {
	t.Parallel()
	random := seed(t)
	p := install(t, "[metaserver]\nauto_verify = true\nmatches_per_hour = 0\n")
	p.start()
	p.admin()
	r := &reporting{T: t, program: p}
	r.register()
	n := kills(t)
	for i := range n {
		r.untilKilled(time.Duration(20+random.Int64N(300)) * time.Millisecond)
		p.start()
		r.verify(random)
		if t.Failed() {
			t.Fatalf("after kill %d of %d", i+1, n)
		}
	}
	figures(t, "%d kills, %d matches acknowledged, 0 lost, 0 in part, 0 counted twice", n, r.known)
	if r.known < n {
		t.Error("too little was acknowledged to prove anything")
	}
}

func (r *reporting) register() {
	r.Helper()
	for i := range 4 {
		mail := fmt.Sprintf("player%d@example.com", i)
		v := r.prove(r.T, "/v1/user/register", mail, map[string]any{"username": mail, "display_name": fmt.Sprintf("player%d", i), "password": r18Password})
		r.players = append(r.players, v.ID)
	}
	status, answer, err := r.wire("/v1/server/register", map[string]any{"host_name": "10.0.0.67", "port": 11235, "display_name": "Unnamed",
		"description": "", "game_type": "RTSS", "max_player_count": 42}, "player0@example.com", r18Password)
	var login struct{ Username, Password string }
	if err != nil || status != http.StatusOK || json.Unmarshal(answer, &login) != nil {
		r.Fatalf("%d %s %v", status, answer, err)
	}
	r.id, r.password = login.Username, login.Password
}

// report sends one match and reports whether it was acknowledged.
func (r *reporting) report(key string) bool {
	side := func(id int, race string, players ...int64) map[string]any {
		field := []map[string]any{}
		for _, p := range players {
			field = append(field, map[string]any{"user_id": p})
		}
		return map[string]any{"id": id, "race": race, "field_players": field, "commander": -9}
	}
	status, answer, err := r.wire("/v1/server/match-update", map[string]any{"match_id": key, "winner": len(key) % 2, "teams": []any{
		side(0, "beast", r.players[0], r.players[1]), side(1, "human", r.players[2], r.players[3])}}, r.id, r.password)
	if err == nil && status != http.StatusOK && status != http.StatusServiceUnavailable {
		r.Errorf("%s: %d %s", key, status, answer)
	}
	return err == nil && status == http.StatusOK
}

// untilKilled reports from several connections until the program is killed.
func (r *reporting) untilKilled(after time.Duration) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r.mu.Lock()
				r.next++
				key := fmt.Sprint("match ", r.next)
				r.mu.Unlock()
				ok := r.report(key)
				r.mu.Lock()
				if ok {
					r.known++
				} else {
					r.doubt = append(r.doubt, key)
				}
				r.mu.Unlock()
				if !ok {
					return
				}
			}
		})
	}
	time.Sleep(after)
	r.kill()
	close(stop)
	wg.Wait()
}

// verify looks whether nothing is lost, then sends again what is in doubt, and
// some that is not.
func (r *reporting) verify(random *rand.Rand) {
	r.Helper()
	if total := r.total(); total < r.known || total > r.known+len(r.doubt) {
		r.Errorf("%d matches, of which %d were acknowledged and %d are in doubt", total, r.known, len(r.doubt))
	}
	r.doubt = append(r.doubt, fmt.Sprint("match ", 1+random.IntN(r.next)))
	for _, key := range r.doubt {
		if !r.report(key) {
			r.Errorf("%s is not taken again", key)
		}
	}
	r.known, r.doubt = r.next, nil // all that were ever sent
	if total := r.total(); total != r.known {
		r.Errorf("%d matches, where %d were sent", total, r.known)
	}
}

// total is the number of matches, after looking whether all are whole: every
// player is in all of them, and his last rating is the one he has.
func (r *reporting) total() int {
	r.Helper()
	var list struct{ Total int }
	r.must(http.StatusOK, "GET", "/api/v1/matches?limit=1", nil, &list)
	for _, player := range r.players {
		var stats struct {
			Servers []struct {
				PlayedField int `json:"played_field"`
				Rating      float64
			}
		}
		var history struct {
			Total   int
			Matches []struct {
				Rating struct{ After float64 }
			}
		}
		r.must(http.StatusOK, "GET", fmt.Sprintf("/api/v1/players/%d/stats", player), nil, &stats)
		r.must(http.StatusOK, "GET", fmt.Sprintf("/api/v1/players/%d/matches?limit=1", player), nil, &history)
		if list.Total == 0 {
			continue
		}
		if len(stats.Servers) != 1 || stats.Servers[0].PlayedField != list.Total || history.Total != list.Total ||
			stats.Servers[0].Rating != history.Matches[0].Rating.After {
			r.Errorf("of %d matches player %d has %+v and %+v", list.Total, player, stats.Servers, history)
		}
	}
	return list.Total
}
