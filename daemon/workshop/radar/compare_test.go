package radar

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const hour = time.Hour

func TestAssumed(t *testing.T) {
	t.Parallel()
	servers := []config.Server{{Name: "a", IDs: []config.Item{1, 2}}}
	each(t, servers, func(t *testing.T, r *rig) {
		r.tick(0)
		// Unknown is never called current.
		r.expect("a", "1 unknown 0 0 ", "2 unknown 0 0 ")
		if diff := cmp.Diff([]uint64{1, 2}, r.library.ids); diff != "" {
			t.Error(diff)
		}
		r.publish(1, at(-hour))
		r.tick(time.Minute)
		r.expect("a", "1 current -1h0m0s -1h0m0s assumed", "2 unknown 0 0 ")

		// Steam answers late about 2: published before it was first seen.
		r.publish(2, at(-2*hour))
		r.publish(1, at(hour))
		r.tick(2 * hour)
		outdated := "1 outdated -1h0m0s 1h0m0s assumed since 1h0m0s noticed 2h1m0s"
		r.expect("a", outdated, "2 current -2h0m0s -2h0m0s assumed")

		// Nothing of it is lost in a restart of the daemon.
		r.restart(servers)
		r.tick(time.Minute)
		r.expect("a", outdated, "2 current -2h0m0s -2h0m0s assumed")

		// since stays with the first version that is lacked.
		r.publish(1, at(2*hour))
		r.tick(time.Minute)
		r.expect("a", "1 outdated -1h0m0s 2h0m0s assumed since 1h0m0s noticed 2h1m0s", "2 current -2h0m0s -2h0m0s assumed")

		if _, err := r.Restarted(t.Context(), "a", nil); err != nil {
			t.Fatal(err)
		}
		r.expect("a", "1 current 2h0m0s 2h0m0s assumed", "2 current -2h0m0s -2h0m0s assumed")

		// Published before the restart, learned of after it.
		r.publish(1, at(2*hour+time.Minute))
		r.tick(time.Minute)
		r.expect("a", "1 current 2h1m0s 2h1m0s assumed", "2 current -2h0m0s -2h0m0s assumed")
		// Published after it.
		r.publish(1, at(3*hour))
		r.tick(hour)
		r.expect("a", "1 outdated 2h1m0s 3h0m0s assumed since 3h0m0s noticed 3h4m0s", "2 current -2h0m0s -2h0m0s assumed")
	})
}

// Until Steam answers for the first time, a new version may come out.
func TestAssumed_NothingKnownBefore(t *testing.T) {
	t.Parallel()
	each(t, []config.Server{{Name: "a", IDs: []config.Item{1}}}, func(t *testing.T, r *rig) {
		r.tick(0)
		r.publish(1, at(hour))
		r.tick(2 * hour)
		r.expect("a", "1 outdated 0 1h0m0s  since 1h0m0s noticed 2h0m0s")
	})
}

func TestGone(t *testing.T) {
	t.Parallel()
	each(t, []config.Server{{Name: "a", IDs: []config.Item{1}, Webhook: "http://hook.example/"}}, func(t *testing.T, r *rig) {
		r.tick(0)
		r.publish(1, at(-hour))
		r.tick(time.Minute)
		r.say(1, Steam{Gone: true})
		r.tick(time.Minute)
		r.expect("a", "1 gone -1h0m0s -1h0m0s assumed")
		if server, err := r.server(t.Context(), "a"); err != nil || server.Mods[0].Title != "mod 1" || server.Outdated != 0 {
			t.Errorf("%+v, %v", server, err)
		}
		r.tick(time.Minute)
		r.expectTold()
		r.publish(1, at(-hour)) // unbanned
		r.tick(time.Minute)
		r.expect("a", "1 current -1h0m0s -1h0m0s assumed")
	})
}

// A report goes over the folder, and the folder over the guess.
func TestBasis(t *testing.T) {
	t.Parallel()
	each(t, []config.Server{{Name: "a", IDs: []config.Item{1, 2, 3}, Folder: "/mods"}}, func(t *testing.T, r *rig) {
		folder := r.library.folders["/mods"]
		folder.versions = map[uint64]int64{1: at(-3 * hour), 2: at(-hour), 9: at(-hour)}
		for id := range uint64(3) {
			r.library.steam[id+1] = Steam{Version: at(-hour), CheckedAt: start}
		}
		r.tick(0)
		r.expect("a", "1 outdated -3h0m0s -1h0m0s folder since -1h0m0s noticed 0s", "2 current -1h0m0s -1h0m0s folder",
			"3 current -1h0m0s -1h0m0s assumed")
		if _, err := r.Put(t.Context(), "a", List{Mods: []Running{{1, at(-hour)}, {2, at(-2 * hour)}}}); err != nil {
			t.Fatal(err)
		}
		r.expect("a", "1 current -1h0m0s -1h0m0s reported", "2 outdated -2h0m0s -1h0m0s reported since -1h0m0s noticed 0s",
			"3 current -1h0m0s -1h0m0s assumed")
		// A restart ends what was reported; it did not help 1.
		r.tick(time.Minute)
		if _, err := r.Restarted(t.Context(), "a", nil); err != nil {
			t.Fatal(err)
		}
		r.expect("a", "1 outdated -3h0m0s -1h0m0s folder since -1h0m0s noticed 1m0s tried", "2 current -1h0m0s -1h0m0s folder",
			"3 current -1h0m0s -1h0m0s assumed")
		if _, err := r.Restarted(t.Context(), "a", []Running{{1, at(-hour)}, {77, 5}}); err != nil {
			t.Fatal(err)
		}
		r.expect("a", "1 current -1h0m0s -1h0m0s reported", "2 current -1h0m0s -1h0m0s folder", "3 current -1h0m0s -1h0m0s assumed")
	})
}

// A folder alone is the list, and what cannot be read now is not forgotten.
func TestFolderList(t *testing.T) {
	t.Parallel()
	servers := []config.Server{{Name: "a", Folder: "/mods", Webhook: "http://hook.example/"}}
	each(t, servers, func(t *testing.T, r *rig) {
		folder := r.library.folders["/mods"]
		folder.versions = map[uint64]int64{1: at(-3 * hour), 2: at(-hour)}
		r.library.steam[1] = Steam{Version: at(-hour), CheckedAt: start}
		r.library.steam[2] = Steam{Version: at(-hour), CheckedAt: start}
		r.tick(0)
		r.tick(gatherFor)
		want := []string{"1 outdated -3h0m0s -1h0m0s folder since -1h0m0s noticed 0s", "2 current -1h0m0s -1h0m0s folder"}
		r.expect("a", want...)
		r.expectTold("a mods.outdated 1")

		folder.versions, folder.whole = nil, false
		r.tick(time.Minute)
		r.expect("a", want...)
		r.restart(servers)
		r.tick(time.Minute)
		r.expect("a", want...)
		if p := r.Problems(); len(p) != 1 || p[0].Code != "server_folder_unreadable" {
			t.Errorf("problems %v", p)
		}
		r.tick(time.Minute)
		r.expectTold()

		// The server updates one and drops the other.
		folder.versions, folder.whole = map[uint64]int64{1: at(-hour)}, true
		r.tick(time.Minute)
		r.expect("a", "1 current -1h0m0s -1h0m0s folder")
		r.tick(time.Minute)
		r.expectTold("a mods.current 1")
	})
}

func TestLists(t *testing.T) {
	t.Parallel()
	servers := []config.Server{{Name: "a", IDs: []config.Item{1}, Collections: []config.Item{50, 51}, Mapcycle: "/cycle"}}
	each(t, servers, func(t *testing.T, r *rig) {
		ids := func() (ids []uint64) {
			t.Helper()
			server, err := r.server(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range server.Mods {
				ids = append(ids, m.ID)
			}
			return ids
		}
		check := func(want ...uint64) {
			t.Helper()
			if got := ids(); !slices.Equal(got, want) || !slices.Equal(r.library.ids, want) {
				t.Errorf("mods %v, watched %v, want %v", got, r.library.ids, want)
			}
		}
		r.library.cycles["/cycle"] = []uint64{7, 1}
		r.tick(0)
		check(1, 7)
		if !slices.Equal(r.library.sets, []uint64{50, 51}) {
			t.Errorf("watched collections %v", r.library.sets)
		}
		r.Holds(t.Context(), map[uint64][]uint64{50: {3, 1 << 63}})
		r.tick(0)
		check(1, 3, 7, 1<<63)
		r.Holds(t.Context(), map[uint64][]uint64{50: {4}, 51: {}})
		r.tick(0)
		check(1, 4, 7)

		// After a restart without Steam and with a broken file nothing is lost.
		delete(r.library.cycles, "/cycle")
		r.restart(servers)
		r.tick(0)
		check(1, 4, 7)
		if p := r.Problems(); len(p) != 1 || p[0].Code != "server_mapcycle_unreadable" {
			t.Errorf("problems %v", p)
		}
		r.library.cycles["/cycle"] = nil
		r.tick(0)
		check(1, 4)

		// Collections that nobody names any more are forgotten in time.
		r.Holds(t.Context(), map[uint64][]uint64{60: {9}})
		r.tick(collectionKept + hour)
		r.Holds(t.Context(), map[uint64][]uint64{51: {4}})
		if held, err := r.store.collections(t.Context()); err != nil || len(held) != 2 || held[60] != nil {
			t.Errorf("collections %v, %v", held, err)
		}
		r.tick(0)
		check(1, 4)
		watches := r.library.watches
		r.tick(0)
		if r.library.watches != watches {
			t.Error("the library is told what it knows")
		}
	})
}

func TestServersOfTheAPI(t *testing.T) {
	t.Parallel()
	servers := []config.Server{{Name: "conf", IDs: []config.Item{1}}}
	each(t, servers, func(t *testing.T, r *rig) {
		ctx := t.Context()
		r.tick(0)
		hook, other := "http://hook.example/T0KEN", "http://169.254.169.254/latest"
		if _, err := r.Put(ctx, "api", List{Mods: []Running{{ID: 2}, {3, 9}}, Webhook: &hook}); err != nil {
			t.Fatal(err)
		}
		r.expect("api", "2 unknown 0 0 ", "3 unknown "+time.Unix(9, 0).Sub(start).String()+" 0 reported")
		if !slices.Equal(r.library.ids, []uint64{1, 2, 3}) {
			t.Errorf("watched %v", r.library.ids)
		}
		// The list is replaced, the webhook stays.
		server, err := r.Put(ctx, "api", List{Mods: []Running{{ID: 2}}, Collections: []uint64{8, 8}})
		if err != nil || !server.Webhook || server.Configured {
			t.Errorf("%+v, %v", server, err)
		}
		r.tick(0)
		r.restart(servers)
		r.tick(0)
		r.expect("api", "2 unknown 0 0 ")
		r.Holds(ctx, map[uint64][]uint64{8: {}})
		r.tick(0)
		r.expect("api", "2 unknown 0 0 ")
		none := ""
		if server, err = r.Put(ctx, "api", List{Webhook: &none}); err != nil || server.Webhook || len(server.Mods) != 0 {
			t.Errorf("%+v, %v", server, err)
		}

		for name, c := range map[string]struct {
			err  error
			want fault.Kind
		}{
			"delete what is configured": {r.Delete(ctx, "conf"), fault.Conflict},
			"delete what is not":        {r.Delete(ctx, "nobody"), fault.NotFound},
			"delete":                    {r.Delete(ctx, "api"), fault.Internal},
			"delete again":              {r.Delete(ctx, "api"), fault.NotFound},
			"bad name":                  {second(r.Put(ctx, "a b", List{})), fault.Invalid},
			"metadata":                  {second(r.Put(ctx, "x", List{Webhook: &other})), fault.Invalid},
			"configured webhook":        {second(r.Put(ctx, "conf", List{Webhook: &hook})), fault.Conflict},
			"configured collections":    {second(r.Put(ctx, "conf", List{Collections: []uint64{1}})), fault.Conflict},
			"restart of nobody":         {second(r.Restarted(ctx, "nobody", nil)), fault.NotFound},
			"test of nobody":            {r.TestWebhook(ctx, "nobody"), fault.NotFound},
			"test without a webhook":    {r.TestWebhook(ctx, "conf"), fault.Conflict},
		} {
			if c.want == fault.Internal && c.err == nil {
				continue
			}
			if !fault.Is(c.err, c.want) {
				t.Errorf("%s: %v, want %s", name, c.err, c.want)
			}
		}
		r.tick(0)
		if list, err := r.Servers(ctx); err != nil || len(list) != 1 {
			t.Errorf("%v, %v", list, err)
		}
	})
}

// A list is replaced, also by a collection that Steam has not told of. What is
// known of a mod counts again when it comes back with that.
func TestReplacedByACollection(t *testing.T) {
	t.Parallel()
	each(t, nil, func(t *testing.T, r *rig) {
		r.publish(3, at(-hour))
		if _, err := r.Put(t.Context(), "api", List{Mods: []Running{{ID: 2}, {ID: 3}}}); err != nil {
			t.Fatal(err)
		}
		r.tick(0)
		r.publish(3, at(hour))
		r.tick(2 * hour)
		outdated := "3 outdated -1h0m0s 1h0m0s assumed since 1h0m0s noticed 2h0m0s"
		r.expect("api", "2 unknown 0 0 ", outdated)
		server, err := r.Put(t.Context(), "api", List{Collections: []uint64{8}})
		if err != nil || len(server.Mods) != 0 {
			t.Errorf("%+v, %v", server, err)
		}
		for range 3 {
			r.tick(hour)
			r.expect("api")
		}
		if len(r.library.ids) != 0 {
			t.Errorf("watched %v", r.library.ids)
		}
		r.Holds(t.Context(), map[uint64][]uint64{8: {3}})
		r.tick(0)
		r.expect("api", outdated)
	})
}

func second(_ Server, err error) error { return err }

func TestTooManyServers(t *testing.T) {
	t.Parallel()
	each(t, nil, func(t *testing.T, r *rig) {
		for i := range maxServers {
			if _, err := r.Put(t.Context(), "s"+string(rune('0'+i%10))+time.Duration(i).String(), List{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Put(t.Context(), "more", List{}); !fault.Is(err, fault.TooMany) {
			t.Errorf("%v", err)
		}
	})
}

// What another process does is seen with the next poll, and nothing it wrote
// is written over.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	each(t, []config.Server{{Name: "a", IDs: []config.Item{1}}}, func(t *testing.T, r *rig) {
		r.library.steam[1] = Steam{Version: at(-hour), CheckedAt: start}
		r.tick(0)
		one := r.Service
		r.restart([]config.Server{{Name: "a", IDs: []config.Item{1}}})
		r.running.Store(false) // a command
		r.clock.Advance(time.Minute)
		if _, err := r.Restarted(t.Context(), "a", []Running{{1, at(-hour)}}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Put(t.Context(), "b", List{Mods: []Running{{ID: 5}}}); err != nil {
			t.Fatal(err)
		}
		r.Service, r.library.service = one, one
		r.publish(1, at(-time.Minute)) // noticed before the poll
		if err := r.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.tick(0)
		r.expect("a", "1 outdated -1h0m0s -1m0s reported since -1m0s noticed 1m0s tried")
		r.expect("b", "5 unknown 0 0 ")
		if err := r.Delete(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
	})
}

// A command that says that a server was restarted knows mods that no daemon
// has seen.
func TestRestarted_NoDaemon(t *testing.T) {
	t.Parallel()
	servers := []config.Server{{Name: "a", IDs: []config.Item{1}}}
	each(t, servers, func(t *testing.T, r *rig) {
		r.running.Store(false)
		r.library.steam[1] = Steam{Version: at(-hour), CheckedAt: start}
		if _, err := r.Restarted(t.Context(), "a", nil); err != nil {
			t.Fatal(err)
		}
		r.library.steam[1] = Steam{Version: at(hour), CheckedAt: start.Add(hour)}
		r.restart(servers)
		r.tick(2 * hour)
		r.expect("a", "1 outdated -1h0m0s 1h0m0s assumed since 1h0m0s noticed 2h0m0s")
	})
}

// What was written last counts, whoever learns of it last.
func TestKeepWritten(t *testing.T) {
	t.Parallel()
	each(t, nil, func(t *testing.T, r *rig) {
		r.keepWritten(&state{Name: "a", CreatedAt: 1, Revision: 3})
		r.keepWritten(&state{Name: "a", CreatedAt: 1, Revision: 2})
		if got := r.states["a"].Revision; got != 3 {
			t.Errorf("revision %d", got)
		}
		r.keepWritten(&state{Name: "a", CreatedAt: 9, Revision: 1}) // deleted and made anew
		if got := r.states["a"].Revision; got != 1 {
			t.Errorf("revision %d", got)
		}
	})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	each(t, []config.Server{{Name: "a", IDs: []config.Item{1}}}, func(t *testing.T, r *rig) {
		r.library.steam[1] = Steam{Version: at(-hour), CheckedAt: start}
		r.tick(0)
		r.hub.take()
		r.publish(1, at(hour))
		r.tick(2 * hour)
		r.tick(time.Minute)
		events := r.hub.take()
		if len(events) != 1 || events[0].Topic != "mods.servers" {
			t.Fatalf("%v", events)
		}
		if diff := cmp.Diff(serverEvent{"a", 1, []string{"1"}}, events[0].Data); diff != "" {
			t.Error(diff)
		}
	})
}
