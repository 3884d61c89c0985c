package radar

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Running is one mod that a server says it runs.
type Running struct {
	ID      uint64
	Version int64 // 0: it does not say which
}

// List is what the API says of a server. Fields that are nil stay as they are,
// but for Mods and Collections of a server that the API named, which are
// replaced.
type List struct {
	Mods        []Running
	Collections []uint64
	Webhook     *string
	Secret      *string
}

// Servers returns how all servers stand, in the order of their names.
func (s *Service) Servers(ctx context.Context) ([]Server, error) {
	views, now, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Server, 0, len(views))
	for _, v := range views {
		server, _ := compare(v, now)
		list = append(list, server)
	}
	return list, nil
}

// server returns how one server stands.
func (s *Service) server(ctx context.Context, name string) (Server, error) {
	list, err := s.Servers(ctx)
	if err != nil {
		return Server{}, err
	}
	i := slices.IndexFunc(list, func(x Server) bool { return x.Name == name })
	if i < 0 {
		return Server{}, noServer(name)
	}
	return list[i], nil
}

func noServer(name string) error {
	return fault.New(fault.NotFound, "There is no game server %q", clip(name)).
		WithHint("name it in the configuration under [[workshop.servers]], or by PUT /api/v1/mods/servers/{name}")
}

func clip(text string) string { return text[:min(len(text), 64)] }

// configuredServer returns the configuration of a server, if it has one.
func (s *Service) configuredServer(name string) (c config.Server, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok = s.config[name]
	return c, ok
}

// Put makes a server, or replaces its list. Of a server in the configuration
// it only says which mods run beside those that are configured; anything else
// is fault.Conflict. Other errors are fault.Invalid and, with too many
// servers, fault.TooMany.
func (s *Service) Put(ctx context.Context, name string, list List) (Server, error) {
	_, configured := s.configuredServer(name)
	switch {
	case !config.ValidServerName(name):
		return Server{}, fault.New(fault.Invalid, "%q is not a name for a server", clip(name)).
			WithHint("use up to 64 letters, digits, \".\", \"_\" and \"-\"")
	case configured && (len(list.Collections) > 0 || list.Webhook != nil || list.Secret != nil):
		return Server{}, fault.New(fault.Conflict, "The collections and the webhook of %s are set in the configuration", name).
			WithHint("change them there under [[workshop.servers]]; only mods can be reported here")
	case list.Webhook != nil && *list.Webhook != "":
		if err := checkAddress(*list.Webhook); err != nil {
			return Server{}, err
		}
	}
	err := s.change(ctx, "server.put", name, fmt.Sprintf("%d mods, %d collections", len(list.Mods), len(list.Collections)),
		func(tx *db.Tx, st *state) error {
			if st.Revision == 0 || st.Configured && !configured {
				if err := room(ctx, tx, configured); err != nil {
					return err
				}
				*st = *(&state{Name: name, CreatedAt: tx.Now.UnixMicro(), Revision: st.Revision}).clone()
			}
			st.Configured = configured
			list.apply(st, tx.Now)
			return nil
		})
	if err != nil {
		return Server{}, err
	}
	return s.server(ctx, name)
}

// room refuses one more server when there are too many.
func room(ctx context.Context, tx *db.Tx, configured bool) error {
	var n int64
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM workshop_radar_server WHERE configured = $1`, false).Scan(&n); err != nil {
		return err
	}
	if n >= maxServers && !configured {
		return fault.New(fault.TooMany, "There are %d servers already", maxServers).WithHint("delete some that are no more")
	}
	return nil
}

// apply changes a state as the API says.
func (l List) apply(st *state, now time.Time) {
	for id, m := range st.Mods {
		m.Listed, m.Reported = false, 0
		st.Mods[id] = m
	}
	st.report(l.Mods, true, now)
	st.Collections = slices.Sorted(slices.Values(l.Collections))
	st.Collections = slices.Compact(st.Collections)
	if l.Secret != nil {
		st.Secret = *l.Secret
	}
	if l.Webhook != nil {
		if *l.Webhook != st.Webhook {
			st.Error, st.FailingSince = "", 0
		}
		st.Webhook = *l.Webhook
	}
}

// report takes in what a server says it runs. With listed, these mods are
// its list.
func (s *state) report(mods []Running, listed bool, now time.Time) {
	for _, r := range mods {
		m, ok := s.Mods[r.ID]
		if !ok {
			if !listed {
				continue
			}
			m.SeenAt = now.UnixMicro()
		}
		m.Listed = m.Listed || listed
		m.Reported = r.Version
		s.Mods[r.ID] = m
	}
}

// Delete forgets a server that the API named. It returns fault.NotFound, and
// fault.Conflict for one in the configuration.
func (s *Service) Delete(ctx context.Context, name string) error {
	if _, ok := s.configuredServer(name); ok {
		return fault.New(fault.Conflict, "%s is in the configuration", name).
			WithHint("remove its [[workshop.servers]] there, and reload")
	}
	err := s.store.db.Write(ctx, func(tx *db.Tx) error {
		st, err := findState(ctx, tx, name)
		if err != nil {
			return err
		}
		if st == nil || st.Configured {
			return noServer(name)
		}
		if err := removeState(ctx, tx, name); err != nil {
			return err
		}
		return s.note(ctx, tx, "server.delete", name, "")
	})
	if err != nil {
		return err
	}
	s.keep(name, nil)
	signal(s.wake)
	return nil
}

// Restarted notes that a server was started just now, and with mods which
// versions it runs. What it reported before holds no longer; where nothing
// says which version it runs, it is taken to run what is current now.
func (s *Service) Restarted(ctx context.Context, name string, mods []Running) (Server, error) {
	if _, _, err := s.current(ctx); err != nil {
		return Server{}, err
	}
	v, ok := s.view(name)
	if !ok {
		return Server{}, noServer(name)
	}
	err := s.change(ctx, "server.restarted", name, "", func(tx *db.Tx, st *state) error {
		if st.Revision == 0 && !v.configured {
			return noServer(name)
		}
		st.Configured = v.configured
		st.RestartedAt = tx.Now.UnixMicro()
		for id, m := range st.Mods {
			m.Reported = 0
			if said := v.steam[id]; !said.Gone {
				m.Assumed = max(m.Assumed, said.Version)
			}
			st.Mods[id] = m
		}
		ids, _ := v.list() // also mods that no daemon has seen in it yet
		for _, id := range ids {
			if _, ok := st.Mods[id]; !ok {
				st.Mods[id] = mod{SeenAt: tx.Now.UnixMicro(), Assumed: v.steam[id].Version}
			}
		}
		st.report(mods, false, tx.Now)
		return nil
	})
	if err != nil {
		return Server{}, err
	}
	return s.server(ctx, name)
}

// change changes the state of a server for a person, and notes it.
func (s *Service) change(ctx context.Context, action, name, detail string, fn func(tx *db.Tx, st *state) error) error {
	st, err := s.store.change(ctx, name, func(tx *db.Tx, st *state) error {
		if err := fn(tx, st); err != nil {
			return err
		}
		return s.note(ctx, tx, action, name, detail)
	})
	if err != nil {
		return err
	}
	s.keepWritten(st)
	if s.running.Load() {
		s.working.Lock()
		err = s.watch(ctx) // so that the answer knows new mods
		s.working.Unlock()
		signal(s.wake)
	}
	return err
}

func (s *Service) note(ctx context.Context, tx *db.Tx, action, target, detail string) error {
	if s.audit == nil {
		return nil
	}
	return s.audit(ctx, tx, action, target, detail)
}

// TestWebhook sends a message to the webhook of a server now, once. It
// returns fault.NotFound, fault.Conflict if it has no webhook, and
// fault.Unavailable if the message did not arrive.
func (s *Service) TestWebhook(ctx context.Context, name string) error {
	if _, _, err := s.current(ctx); err != nil {
		return err
	}
	v, ok := s.view(name)
	switch {
	case !ok:
		return noServer(name)
	case v.webhook == "":
		return fault.New(fault.Conflict, "%s has no webhook", name).WithHint("set one in the configuration, or by PUT /api/v1/mods/servers/%s", name)
	}
	d := delivery{id: rand.Text(), server: name, event: eventTest}
	if err := s.hooks.send(ctx, v.webhook, v.secret, d.message(s.clock.Now())); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The message did not arrive: %s", fault.Public(err))
	}
	return nil
}

// Problem is something about a server that its operator should know.
type Problem struct{ Code, Text, Hint string }

// troubleAfter is how long a webhook may fail before it is a problem.
const troubleAfter = 5 * time.Minute

// Problems returns what is wrong at the moment.
func (s *Service) Problems() (list []Problem) {
	now := s.clock.Now()
	for _, v := range s.views() {
		since := db.Time(v.state.FailingSince)
		if v.webhook != "" && !since.IsZero() && now.Sub(since) >= troubleAfter {
			list = append(list, Problem{
				Code: "webhook_failing",
				Text: fmt.Sprintf("the webhook of the game server %s was not told since %s: %s", v.name, since.Format(time.RFC3339), v.state.Error),
				Hint: "check its address; POST /api/v1/mods/servers/" + v.name + "/webhook-test tries it",
			})
		}
		if v.config.Folder != "" && !v.files.whole && s.running.Load() {
			list = append(list, Problem{
				Code: "server_folder_unreadable",
				Text: fmt.Sprintf("the folder %s of the game server %s cannot be read in full, so its versions are those last seen", v.config.Folder, v.name),
				Hint: "let the account that runs the daemon read it, and check that it is where the server keeps its mods",
			})
		}
		if v.config.Mapcycle != "" && !v.files.cycleOK && s.running.Load() {
			list = append(list, Problem{
				Code: "server_mapcycle_unreadable",
				Text: fmt.Sprintf("the map cycle %s of the game server %s cannot be read", v.config.Mapcycle, v.name),
				Hint: "correct the file, or the mapcycle of the server in the configuration",
			})
		}
	}
	return list
}
