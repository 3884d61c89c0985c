package faults

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// wire asks the metaserver as a game does: JSON in and out, HTTP Basic.
func (p *program) wire(path string, body any, name, password string) (status int, answer []byte, err error) {
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			return 0, nil, err
		}
	}
	req, err := http.NewRequest(http.MethodPost, p.url(path), &text)
	if err != nil {
		return 0, nil, err
	}
	if name != "" {
		req.SetBasicAuth(name, password)
	}
	res, err := keepAlive.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

var keepAlive = &http.Client{Timeout: 20 * time.Second}

// proved is what a player gets when he signs in.
type proved struct {
	ID     int64  `json:"id"`
	Short  string `json:"proof"`
	Signed string `json:"signed_proof"`

	mail string
	at   time.Time // when it was asked for
}

const r18Password = "correct horse battery"

func (p *program) prove(t *testing.T, path, mail string, body any) (v proved) {
	t.Helper()
	began := time.Now()
	name := mail
	if body != nil {
		name = ""
	}
	status, answer, err := p.wire(path, body, name, r18Password)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s %v", path, status, answer, err)
	}
	if err := json.Unmarshal(answer, &v); err != nil {
		t.Fatal(err)
	}
	v.mail, v.at = mail, began
	return v
}

// accepts reports whether the metaserver takes a proof.
func (p *program) accepts(user int64, text, server, password string) (bool, error) {
	status, answer, err := p.wire("/v1/user/verify-user-proof", map[string]any{"user_id": user, "user_proof": text}, server, password)
	if err != nil || status != http.StatusOK {
		return false, fmt.Errorf("%d %s %w", status, answer, err)
	}
	return string(answer) == "true", nil
}

// TestR18_Proofs: proofs are valid for as long as was promised while keys are
// replaced under load and after a kill, and for nobody but whom they are for.
func TestR18_Proofs(t *testing.T) {
	p := install(t, "[metaserver]\nauto_verify = true\nproof_ttl = \"1m\"\n")
	p.start()
	p.admin()
	var players []proved
	for i := range 4 {
		mail := fmt.Sprintf("player%d@example.com", i)
		players = append(players, p.prove(t, "/v1/user/register", mail,
			map[string]any{"username": mail, "display_name": fmt.Sprintf("player%d", i), "password": r18Password}))
	}
	issued, checked := rotateUnderLoad(t, p, players)
	p.kill()
	p.start()
	lost := 0
	for _, v := range issued {
		for _, text := range []string{v.Short, v.Signed} {
			ok, err := p.accepts(v.ID, text, "", "")
			if err != nil {
				t.Fatal(err)
			}
			if !ok && time.Since(v.at) < time.Minute {
				lost++
			}
		}
	}
	if lost > 0 {
		t.Errorf("%d proofs that were still valid are refused after a kill", lost)
	}
	forged := forgeries(t, p, players)
	boundTo(t, p, players[0])
	closed(t, p, players[1])
	if long() {
		expires(t, p, players[2])
	}
	p.run("", "proof-keys", "rotate", "--revoke")
	eventually(t, 10*time.Second, "revoked keys are refused", func() bool {
		ok, err := p.accepts(players[0].ID, issued[len(issued)-1].Short, "", "")
		return err == nil && !ok
	})
	figures(t, "%d proofs made and %d checked during 6 rotations, 0 lost, also after a kill; %d forged and bound elsewhere, 0 accepted", len(issued), checked, forged)
}

// rotateUnderLoad signs players in and checks all their proofs all the time,
// while the keys are replaced.
func rotateUnderLoad(t *testing.T, p *program, players []proved) (issued []proved, checked int64) {
	var mu sync.Mutex
	var count atomic.Int64
	stop := make(chan struct{})
	var work sync.WaitGroup
	for _, player := range players {
		work.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				status, answer, err := p.wire("/v1/user/login", nil, player.mail, r18Password)
				v := proved{mail: player.mail, at: time.Now()}
				if err != nil || status != http.StatusOK || json.Unmarshal(answer, &v) != nil {
					t.Errorf("login: %d %s %v", status, answer, err)
					return
				}
				mu.Lock()
				issued = append(issued, v)
				older := issued[i%len(issued)]
				mu.Unlock()
				for _, text := range []string{v.Short, v.Signed, older.Short} {
					who := v.ID
					if text == older.Short {
						who = older.ID
					}
					if ok, err := p.accepts(who, text, "", ""); err != nil || !ok && time.Since(older.at) < time.Minute {
						t.Errorf("a valid proof is refused: %v", err)
						return
					}
					count.Add(1)
				}
			}
		})
	}
	for range 6 {
		p.run("", "proof-keys", "rotate")
	}
	close(stop)
	work.Wait()
	return issued, count.Load()
}

// forgeries tries what no player was given.
func forgeries(t *testing.T, p *program, players []proved) (tried int) {
	good := p.prove(t, "/v1/user/login", players[0].mail, nil)
	head, rest, _ := strings.Cut(good.Signed, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	enc := base64.RawURLEncoding.EncodeToString
	plain, err := base64.RawURLEncoding.DecodeString(claims)
	if err != nil {
		t.Fatal(err)
	}
	_, mine, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	later := []byte(strings.Replace(string(plain), `"exp":1`, `"exp":2`, 1))
	texts := []string{
		"blerb", "", strings.ToUpper(good.Short), good.Short[:63], good.Short + "0", strings.Repeat("f", 64), "ffffffff" + good.Short[8:],
		"5a3171c5c8d4775288539d018c92ffc82b97ac313b349ee18fa40dfb77ecef14", // the original's way
		head + "." + enc(later) + "." + signature,
		enc([]byte(`{"alg":"none"}`)) + "." + claims + ".", head + "." + claims + ".", head + "." + claims,
		head + "." + claims + "." + enc(ed25519.Sign(mine, []byte(head+"."+claims))), strings.Repeat("A", 60_000),
	}
	for _, text := range texts {
		if ok, err := p.accepts(good.ID, text, "", ""); err != nil || ok {
			t.Errorf("%.80q is accepted: %v", text, err)
		}
	}
	for _, text := range []string{good.Short, good.Signed} {
		if ok, err := p.accepts(players[1].ID, text, "", ""); err != nil || ok {
			t.Errorf("another player's proof is accepted: %v", err)
		}
	}
	return len(texts) + 2
}

// boundTo: a proof for one game server is refused by another.
func boundTo(t *testing.T, p *program, owner proved) {
	var servers [2]struct{ Username, Password string }
	for i := range servers {
		status, answer, err := p.wire("/v1/server/register", map[string]any{
			"host_name": "203.0.113.7", "port": 11235 + i, "display_name": "s", "description": "", "game_type": "RTSS", "max_player_count": 8,
		}, owner.mail, r18Password)
		if err != nil || status != http.StatusOK || json.Unmarshal(answer, &servers[i]) != nil {
			t.Fatalf("%d %s %v", status, answer, err)
		}
	}
	v := p.prove(t, "/v1/user/login?server_id="+servers[0].Username, owner.mail, nil)
	for i, want := range []bool{true, false} {
		if ok, err := p.accepts(v.ID, v.Signed, servers[i].Username, servers[i].Password); err != nil || ok != want {
			t.Errorf("server %d: accepted %t, want %t, %v", i, ok, want, err)
		}
	}
	_, rest, _ := strings.Cut(v.Signed, ".")
	claims, _, _ := strings.Cut(rest, ".")
	plain, err := base64.RawURLEncoding.DecodeString(claims)
	if err != nil || !strings.Contains(string(plain), `"aud":"`+servers[0].Username+`"`) {
		t.Errorf("the claims do not name the server: %s %v", plain, err)
	}
}

// closed: a closed account proves nothing.
func closed(t *testing.T, p *program, player proved) {
	v := p.prove(t, "/v1/user/login", player.mail, nil)
	p.must(http.StatusNoContent, http.MethodPut, fmt.Sprintf("/api/v1/accounts/%d/closed", v.ID), map[string]string{"reason": "cheating"}, nil)
	for _, text := range []string{v.Short, v.Signed} {
		if ok, err := p.accepts(v.ID, text, "", ""); err != nil || ok {
			t.Errorf("the proof of a closed account is accepted: %v", err)
		}
	}
}

// expires asks until a proof ends.
func expires(t *testing.T, p *program, player proved) {
	v := p.prove(t, "/v1/user/login", player.mail, nil)
	made := time.Now()
	lived := eventually(t, 70*time.Second, "the proof ends", func() bool {
		ok, err := p.accepts(v.ID, v.Short, "", "")
		if !ok && time.Since(v.at) < time.Minute {
			t.Fatalf("it ended after %s: %v", time.Since(v.at), err)
		}
		return err == nil && !ok
	})
	if lived > time.Since(made) || lived > 62*time.Second {
		t.Errorf("it was valid for %s", lived)
	}
}
