package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/serverlist"
)

const (
	metaFew     = 50   // servers on the list
	metaMany    = 5000 // on the long one
	metaPlayers = 40_000
	metaProofs  = 64 // players whose proofs are checked

	metaPassword = "correct horse battery"
	metaConfig   = `
[metaserver]
auto_verify = true
max_servers_per_user = 0
max_servers_per_ip = 0
online_window = "24h"
proof_ttl = "1h"
matches_per_hour = 0
`
)

// metas is a metaserver and what is needed to ask it.
type metas struct {
	passwords []string // by server, of the list
	proofs    []string // by player, once they have signed in
	turn      int      // the next player to sign in
}

// metaServers are the daemons with a list, by subject.
func metaServers(subject string) (servers int, ok bool) {
	switch subject {
	case "meta":
		return metaFew, true
	case "meta-of-5000":
		return metaMany, true
	}
	return 0, false
}

// meta is the daemon with players and game servers that are on the list.
func (b *bench) meta(ctx context.Context, subject, dir, address string, servers int) (*exec.Cmd, error) {
	cmd, err := b.daemon(ctx, dir, address, b.files, metaConfig)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if err := os.RemoveAll(data); err != nil { // of a run before
		return nil, err
	}
	m := &metas{}
	b.metas[subject] = m
	return cmd, m.fill(ctx, filepath.Join(dir, "config.toml"), data, servers)
}

// metaEmpty is the same server with nothing to do.
func (b *bench) metaEmpty(ctx context.Context, address string) (*exec.Cmd, error) {
	path, err := b.program(ctx, "meta", "./bench/meta")
	if err != nil {
		return nil, err
	}
	return exec.Command(path, "empty", address), nil
}

// fill makes the players and the servers before the daemon runs.
func (m *metas) fill(ctx context.Context, file, data string, servers int) (err error) {
	loaded, err := config.Load(config.Options{File: file, DataDir: data})
	if err != nil {
		return err
	}
	state, err := daemon.OpenState(ctx, daemon.Options{Loaded: loaded, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	owner, err := state.Accounts.RegisterPerson(ctx, accounts.NewPerson{Email: metaMail(1), Name: "player1", Password: metaPassword}, netip.Addr{})
	if err != nil {
		return err
	}
	if err := copyPlayers(ctx, state.DB); err != nil {
		return err
	}
	meta, err := state.Metaserver(nil)
	if err != nil {
		return err
	}
	list := meta.Servers()
	m.passwords = make([]string, servers)
	var g errgroup.Group
	for from := range 64 { // they share their commits
		g.Go(func() error {
			for i := from; i < servers; i += 64 {
				if m.passwords[i], err = announceServer(ctx, list, owner.ID, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func metaMail(player int) string { return fmt.Sprintf("player%d@example.com", player) }

// copyPlayers makes many accounts of the first: to hash the password of each
// would take minutes.
func copyPlayers(ctx context.Context, d *db.DB) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		for i := 2; i <= metaPlayers; i++ {
			name, mail := fmt.Sprint("player", i), metaMail(i)
			if _, err := tx.Exec(ctx, `INSERT INTO accounts_account (id, name, name_key, password, created_at, last_login_at)
				SELECT $1, $2, $2, password, created_at, last_login_at FROM accounts_account WHERE id = 1`, i, name); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO accounts_email (account_id, address, address_key, lang, verified_at)
				SELECT $1, $2, $2, lang, verified_at FROM accounts_email WHERE account_id = 1`, i, mail); err != nil {
				return err
			}
		}
		return nil
	})
}

// metaServer is what the number of a server says of itself.
func metaServer(i int) serverlist.Status {
	return serverlist.Status{
		Details: serverlist.Details{
			HostName: fmt.Sprintf("10.0.%d.%d", i/250, 1+i%250), Port: 11235, Name: fmt.Sprintf("^900Server %d", i),
			Description: "A place to play", GameType: "RTSS", MaxPlayers: 42,
		},
		Map: "eden2", Players: int64(i % 42),
	}
}

// announceServer registers a server and puts it on the list.
func announceServer(ctx context.Context, list *serverlist.Service, owner int64, i int) (password string, err error) {
	st := metaServer(i)
	v, password, err := list.Add(ctx, owner, st.Details, serverlist.ExtrasChange{}, netip.Addr{})
	if err != nil {
		return "", err
	}
	credential, err := list.Authenticate(ctx, strconv.FormatInt(v.ID, 10), password)
	if err != nil {
		return "", err
	}
	_, err = list.Heartbeat(ctx, credential, st)
	return strconv.FormatInt(v.ID, 10) + ":" + password, err
}

// request is one as it goes over the wire.
func request(method, path, basic string, body any, fields ...string) (string, error) {
	text := []byte{}
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return "", err
		}
		fields = append(fields, "Content-Type: application/json", "Content-Length: "+strconv.Itoa(len(text)))
	} else if method == http.MethodPost {
		fields = append(fields, "Content-Length: 0")
	}
	if basic != "" {
		fields = append(fields, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(basic)))
	}
	head := append([]string{method + " " + path + " HTTP/1.1", "Host: 127.0.0.1"}, fields...)
	return strings.Join(head, "\r\n") + "\r\n\r\n" + string(text), nil
}

// wrkRequests is wrk with whole requests in turn, shared out among its
// threads.
func (b *bench) wrkRequests(ctx context.Context, conns int, url string, requests []string) (loadResult, error) {
	var script strings.Builder
	script.WriteString("local requests = {\n")
	for _, r := range requests {
		fmt.Fprintf(&script, "%q,\n", r)
	}
	script.WriteString(`}
local threads = 0
function setup(thread)
  thread:set("turn", threads)
  threads = threads + 1
end
function request()
  turn = turn + 2
  return requests[(turn - 2) % #requests + 1]
end
`)
	file := filepath.Join(b.dir, "requests.lua")
	if err := os.WriteFile(file, []byte(script.String()), 0o644); err != nil {
		return loadResult{}, err
	}
	return b.wrk(ctx, conns, url, "-s", file)
}
