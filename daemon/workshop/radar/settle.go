package radar

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// errVanished says that a server of the API was deleted meanwhile.
var errVanished = errors.New("the server was deleted")

// settle compares every server with Steam, writes down what changed and tells
// who is to be told.
func (s *Service) settle(ctx context.Context) error {
	views := s.views()
	var failed error
	for _, v := range views {
		now := s.clock.Now()
		server, st := compare(v, now)
		send := s.gathered(v, server, now)
		if send || !st.same(v.state) {
			err := s.write(ctx, v, now, send)
			if err != nil && !errors.Is(err, errVanished) {
				failed = errors.Join(failed, err)
			}
		}
		s.publish(server)
	}
	s.forget(views)
	return failed
}

// gathered reports whether a change of the server's outdated mods is to be
// told now: some time after it was noticed, since an author often changes
// several of his mods.
func (s *Service) gathered(v view, server Server, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.webhook == "" || maps.Equal(server.outdated(v.state.Told), v.state.Told) {
		delete(s.changedAt, v.name)
		return false
	}
	at, ok := s.changedAt[v.name]
	if !ok {
		s.changedAt[v.name] = now
		return false
	}
	return now.Sub(at) >= gatherFor
}

// write compares once more, with what is stored, and writes down what came of
// it. With send, the message is put on its way in the same transaction that
// notes that it was, so that it is neither lost nor sent for another time.
func (s *Service) write(ctx context.Context, v view, now time.Time, send bool) error {
	sent := false
	st, err := s.store.change(ctx, v.name, func(tx *db.Tx, st *state) error {
		sent = false
		if !v.configured {
			if st.Revision == 0 || st.Configured {
				return errVanished
			}
			v.sets, v.webhook, v.secret = st.Collections, st.Webhook, st.Secret
		}
		v.state = st.clone()
		server, next := compare(v, now)
		if told := server.outdated(st.Told); send && !maps.Equal(told, st.Told) {
			next.Told, sent = told, true
			if err := putDelivery(ctx, tx, newDelivery(server, st.Told, told)); err != nil {
				return err
			}
		}
		*st = *next
		return nil
	})
	if err != nil {
		return err
	}
	s.keepWritten(st)
	if sent {
		signal(s.due)
	}
	if send {
		s.mu.Lock()
		delete(s.changedAt, v.name)
		s.mu.Unlock()
	}
	return nil
}

// newDelivery is the message that follows when what a webhook was told of
// changes from one set of outdated mods to another.
func newDelivery(server Server, from, to map[uint64]int64) delivery {
	d := delivery{id: rand.Text(), server: server.Name, event: eventOutdated}
	if len(to) == 0 {
		d.event = eventCurrent
	}
	for _, m := range server.Mods {
		_, was := from[m.ID]
		if m.State == Outdated || d.event == eventCurrent && was {
			d.mods = append(d.mods, newMessageMod(m))
		}
	}
	return d
}

// summary is what listeners were told of a server.
type summary struct{ outdated map[uint64]int64 }

// serverEvent says that the outdated mods of a server changed.
type serverEvent struct {
	Server   string   `json:"server"`
	Outdated int      `json:"outdated"`
	Mods     []string `json:"mods"` // ids of those
}

// publish tells listeners, the metrics and the log of what is new.
func (s *Service) publish(server Server) {
	now := server.outdated(nil)
	s.mu.Lock()
	old, known := s.published[server.Name]
	s.published[server.Name] = summary{now}
	s.mu.Unlock()
	s.metrics.outdated.WithLabelValues(server.Name).Set(float64(server.Outdated))
	s.metrics.mods.WithLabelValues(server.Name).Set(float64(len(server.Mods)))
	if known && maps.Equal(old.outdated, now) {
		return
	}
	e := serverEvent{Server: server.Name, Outdated: server.Outdated, Mods: []string{}}
	for _, id := range slices.Sorted(maps.Keys(now)) {
		e.Mods = append(e.Mods, strconv.FormatUint(id, 10))
	}
	if s.hub != nil {
		s.hub.Publish(web.Event{Topic: "mods.servers", Data: e})
	}
	if len(now) > 0 || known {
		s.log.Info("the outdated mods of a game server changed", "server", server.Name, "outdated", len(now))
	}
}

// forget drops what is kept of servers that are none any more.
func (s *Service) forget(views []view) {
	names := map[string]bool{}
	for _, v := range views {
		names[v.name] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.published {
		if names[name] {
			continue
		}
		delete(s.published, name)
		delete(s.changedAt, name)
		s.metrics.outdated.DeleteLabelValues(name)
		s.metrics.mods.DeleteLabelValues(name)
		if s.hub != nil {
			s.hub.Publish(web.Event{Topic: "mods.servers", Data: serverEvent{Server: name, Mods: []string{}}})
		}
	}
}
