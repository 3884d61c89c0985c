package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	metaConns = 32
	logins    = "logins/s"
	listP99   = "list p99 ms"
	online    = "/v1/server/list/online"
)

// metaCell sends the same requests to the metaserver and to an empty handler
// of the same server. check, which may be nil, looks at the metaserver before
// and after.
func metaCell(name, about string, requests func(context.Context, *bench) ([]string, error), check func(context.Context, *bench) error, goals ...goal) cell {
	return cell{
		name: name, about: about + "; 32 connections, wrk", subjects: []string{"empty", "daemon"}, goals: goals,
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			all, err := requests(ctx, b)
			if err != nil {
				return sample{}, err
			}
			if subject == "empty" {
				return b.metaLoad(ctx, "meta-empty", all)
			}
			if check == nil {
				return b.metaLoad(ctx, "meta", all)
			}
			if err := check(ctx, b); err != nil {
				return sample{}, err
			}
			s, err := b.metaLoad(ctx, "meta", all)
			if err != nil {
				return s, err
			}
			return s, check(ctx, b)
		},
	}
}

func (b *bench) metaLoad(ctx context.Context, server string, requests []string) (sample, error) {
	s, err := loaded(ctx, b, server, func(p *process) (loadResult, error) { return b.wrkRequests(ctx, metaConns, p.url, requests) })
	return keep(s, err, perSecond, p99, perRequest)
}

func metaVerify(valid bool) cell {
	return metaCell(fmt.Sprintf("meta-verify-%t", valid), fmt.Sprintf("game servers check proofs of 64 players that are %t", valid),
		func(ctx context.Context, b *bench) ([]string, error) {
			m, err := b.proofs(ctx)
			if err != nil {
				return nil, err
			}
			requests := make([]string, len(m.proofs))
			for i, text := range m.proofs {
				user := i + 1
				if !valid {
					user = (i+1)%metaProofs + 1
				}
				if requests[i], err = request(http.MethodPost, "/v1/user/verify-user-proof", "", map[string]any{"user_id": user, "user_proof": text}); err != nil {
					return nil, err
				}
			}
			return requests, nil
		},
		checkProofs, least(perSecond, "empty", 0.4))
}

// proofs signs some players in, at the first time.
func (b *bench) proofs(ctx context.Context) (*metas, error) {
	p, err := b.server(ctx, "meta")
	if err != nil {
		return nil, err
	}
	m := b.metas["meta"]
	for i := len(m.proofs); i < metaProofs; i++ {
		var v struct{ Proof string }
		if err := p.wire(ctx, http.MethodPost, "/v1/user/login", i+1, nil, &v); err != nil {
			return nil, err
		}
		m.proofs = append(m.proofs, v.Proof)
	}
	return m, nil
}

// wire asks the metaserver as a player.
func (p *process) wire(ctx context.Context, method, path string, player int, in, out any) error {
	var body strings.Builder
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body.String()))
	if err != nil {
		return err
	}
	r.SetBasicAuth(metaMail(player), metaPassword)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, res.Status)
	}
	return json.NewDecoder(res.Body).Decode(out)
}

// checkProofs sees to it that a true proof is told from a false one, and that
// the moment in which it was checked is read back at once.
func checkProofs(ctx context.Context, b *bench) error {
	p, m := b.servers["meta"], b.metas["meta"]
	for i, want := range []bool{true, false} {
		var got bool
		question := map[string]any{"user_id": 1 + i, "user_proof": m.proofs[0]}
		asked := time.Now().UTC().Add(-time.Millisecond)
		if err := p.wire(ctx, http.MethodPost, "/v1/user/verify-user-proof", 1, question, &got); err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("a proof that is %t is answered with %t", want, got)
		}
		if !want {
			continue
		}
		var user struct {
			LastOnline string `json:"last_online"`
		}
		if err := p.wire(ctx, http.MethodGet, "/v1/user/by-id?user_id=1", 1, nil, &user); err != nil {
			return err
		}
		at, err := time.Parse("2006-01-02T15:04:05", user.LastOnline)
		if err != nil || at.Before(asked) {
			return fmt.Errorf("checked at %s, read back as %q: %w", asked, user.LastOnline, err)
		}
	}
	return nil
}

// metaList is the list in one of its forms: plain, gzip or 304.
func metaList(servers int, form string) cell {
	server := "meta"
	if servers == metaMany {
		server = "meta-of-5000"
	}
	c := cell{
		name: fmt.Sprintf("meta-list-%d-%s", servers, form), about: fmt.Sprintf("the list of %d servers, %s; 32 connections, wrk", servers, form),
		subjects: []string{"empty", "same-bytes", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			p, err := b.server(ctx, server)
			if err != nil {
				return sample{}, err
			}
			ask, length, err := listRequest(ctx, p, servers, form)
			if err != nil {
				return sample{}, err
			}
			at := server
			if subject != "daemon" {
				at = "meta-empty"
			}
			if subject == "same-bytes" {
				if ask, err = request(http.MethodGet, "/bytes/"+strconv.Itoa(length), "", nil); err != nil {
					return sample{}, err
				}
			}
			return b.metaLoad(ctx, at, []string{ask})
		},
		goals: []goal{least(perSecond, "empty", 0.5)},
	}
	if servers == metaMany && form != "304" { // more than a megabyte, or a tenth of it
		c.goals = []goal{least(perSecond, "same-bytes", 0.8)}
	}
	return c
}

// listRequest returns the request for the list and the length of the answer,
// after a look at whether the answer is what it should be.
func listRequest(ctx context.Context, p *process, servers int, form string) (text string, length int, err error) {
	_, body, err := p.get(ctx, online)
	var all []json.RawMessage
	if err == nil {
		err = json.Unmarshal([]byte(body), &all)
	}
	if err != nil || len(all) != servers {
		return "", 0, fmt.Errorf("%d servers on the list instead of %d: %w", len(all), servers, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, p.url+online, nil)
	if err != nil {
		return "", 0, err
	}
	r.Header.Set("Accept-Encoding", "identity")
	if form == "gzip" {
		r.Header.Set("Accept-Encoding", "gzip")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", 0, err
	}
	if err := res.Body.Close(); err != nil {
		return "", 0, err
	}
	if got := res.Header.Get("Content-Encoding"); (got == "gzip") != (form == "gzip") {
		return "", 0, fmt.Errorf("the list comes as %q", got)
	}
	fields := "Accept-Encoding: " + r.Header.Get("Accept-Encoding")
	length = int(res.ContentLength)
	if form == "304" {
		fields, length = "If-None-Match: "+res.Header.Get("ETag"), 0
	}
	text, err = request(http.MethodGet, online, "", nil, fields)
	return text, length, err
}

// metaHeartbeat is also compared with rows that are committed.
func metaHeartbeat() cell {
	var next atomic.Int64
	next.Store(1 << 40) // store-commit has those before
	c := metaCell("meta-heartbeat", "50 game servers report, acknowledged when it is synced to disk",
		func(ctx context.Context, b *bench) ([]string, error) {
			if _, err := b.server(ctx, "meta"); err != nil {
				return nil, err
			}
			all := b.metas["meta"].passwords
			requests := make([]string, len(all))
			for i, credential := range all {
				st := metaServer(i)
				var err error
				if requests[i], err = request(http.MethodPost, "/v1/server/update", credential, map[string]any{
					"host_name": st.HostName, "port": st.Port, "display_name": st.Name, "description": st.Description, "game_type": st.GameType,
					"max_player_count": st.MaxPlayers, "current_map": st.Map, "current_player_count": (i + 1) % 42,
				}); err != nil {
					return nil, err
				}
			}
			return requests, nil
		},
		nil,
		goal{Metric: perSecond, Target: 9000, Comment: "this or the next"}, least(perSecond, "store-commit", 0.5))
	c.subjects = append([]string{"store-commit"}, c.subjects...)
	run := c.run
	c.run = func(ctx context.Context, b *bench, subject string) (sample, error) {
		if subject != "store-commit" {
			return run(ctx, b, subject)
		}
		store, err := b.store(ctx, "daemon")
		if err != nil {
			return sample{}, err
		}
		s, err := insertAll(ctx, b.settings.duration, store, &next)
		s.Values = map[string]float64{perSecond: s.Values[rowsPerSec]}
		return s, err
	}
	return c
}

// metaMatch reports matches of 64 players that are new every time.
func metaMatch() cell {
	return metaCell("meta-match", "50 game servers report matches of 64 players, acknowledged when it is synced to disk",
		func(ctx context.Context, b *bench) ([]string, error) {
			if _, err := b.server(ctx, "meta"); err != nil {
				return nil, err
			}
			random := rand.New(rand.NewPCG(1, 1))
			var requests []string
			for _, credential := range b.metas["meta"].passwords {
				for range 4 {
					text, err := request(http.MethodPost, "/v1/server/match-update", credential, match(random))
					if err != nil {
						return nil, err
					}
					requests = append(requests, text)
				}
			}
			return requests, nil
		},
		nil, least(perSecond, "", 100), most(p99, "", 1000))
}

// match is a result between two teams of 32.
func match(random *rand.Rand) map[string]any {
	const size = 32
	players := random.Perm(1000)
	var teams []any
	for id, race := range []string{"human", "beast"} {
		var field []any
		for _, p := range players[id*size : (id+1)*size] {
			field = append(field, map[string]any{"user_id": 1 + p})
		}
		teams = append(teams, map[string]any{"id": id, "race": race, "field_players": field, "commander": 1 + players[id*size]})
	}
	return map[string]any{"teams": teams, "winner": random.IntN(2)}
}

// listRate is how often a second the list is asked for while players sign in.
const listRate = 200

// metaLogin signs players in who were not seen for long, while others ask for
// the list. The same list is asked for beside the bare loop.
func metaLogin() cell {
	return cell{
		name: "meta-login", about: "32 connections sign players in while others ask for the list 200 times a second; a bare argon2id loop beside the same list; the list alone",
		subjects: []string{"argon2id", "list-alone", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			p, err := b.server(ctx, "meta")
			if err != nil {
				return sample{}, err
			}
			type outcome struct {
				loadResult
				err error
			}
			done := make(chan outcome, 1)
			go func() {
				r, err := b.load(ctx, b.settings.duration, p.url+online, "open", "-rate", strconv.Itoa(listRate))
				done <- outcome{r, err}
			}()
			s := sample{Values: map[string]float64{}}
			switch subject {
			case "argon2id":
				s, err = b.bareHashes(ctx)
			case "daemon":
				s, err = b.signIn(ctx)
			}
			list := <-done
			s.Values[listP99], s.Errors = list.P99, s.Errors+list.Errors
			if s.First == "" {
				s.First = list.First
			}
			return s, errors.Join(err, list.err)
		},
		goals: []goal{least(logins, "argon2id", 0.95), most(listP99, "list-alone", 3)},
	}
}

func (b *bench) bareHashes(ctx context.Context) (sample, error) {
	s := sample{Values: map[string]float64{}}
	path, err := b.program(ctx, "meta", "./bench/meta")
	if err != nil {
		return s, err
	}
	cmd := exec.CommandContext(ctx, path, "argon2id", b.settings.duration.String())
	var out strings.Builder
	cmd.Stdout = &out
	u, err := timed(cmd)
	if err != nil {
		return s, err
	}
	var r loadResult
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		return s, err
	}
	s.CPU, s.PSS, s.Values[logins] = u.cpu, u.pss, float64(r.Requests)/r.Seconds
	return s, nil
}

// signIn takes players who did not sign in within the last minute: what was
// right a moment ago is not hashed again.
func (b *bench) signIn(ctx context.Context) (sample, error) {
	m, requests := b.metas["meta"], []string{}
	for range int(max(1, b.settings.duration.Seconds())) * 500 {
		m.turn = m.turn%(metaPlayers-1000) + 1
		text, err := request(http.MethodPost, "/v1/user/login", metaMail(1000+m.turn)+":"+metaPassword, nil)
		if err != nil {
			return sample{Values: map[string]float64{}}, err
		}
		requests = append(requests, text)
	}
	s, err := b.metaLoad(ctx, "meta", requests)
	if err != nil {
		return sample{Values: map[string]float64{}}, err
	}
	select {
	case <-ctx.Done():
		return sample{Values: map[string]float64{}}, ctx.Err()
	case <-time.After(2 * time.Second): // the last in the queue are hashed although wrk has gone
	}
	s.Values = map[string]float64{logins: s.Values[perSecond], p99: s.Values[p99]}
	return s, nil
}
