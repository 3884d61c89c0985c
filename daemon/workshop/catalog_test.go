package workshop

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/workshop/catalog"
)

const (
	vectorPath = "/download/steam/99874752"
	vectorOnly = "/download/99874752"
	vectorAsk  = "/condition/mod/%5B99874752%5D"
)

// tells asks the face of the catalogue and compares status and body.
func (r *rig) tells(path string, status int, body string) {
	r.t.Helper()
	w := r.ask(path)
	if w.Code != status || w.Body.String() != body {
		r.t.Errorf("GET %s: %d %s, want %d %s", path, w.Code, w.Body, status, body)
	}
}

// sends asks for an archive and compares it.
func (r *rig) sends(path string, data []byte) {
	r.t.Helper()
	if w := r.ask(path); w.Code != 200 || !bytes.Equal(w.Body.Bytes(), data) {
		r.t.Errorf("GET %s: %d, %d bytes, want 200 and %d bytes", path, w.Code, w.Body.Len(), len(data))
	}
}

// A restart finds every mod in the state in which it was.
func TestCatalog_Restart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)))
		d, dir := dbtest.SQLite(t), t.TempDir()
		r := newRigWith(t, d, dir, func(o *Options) { o.Quiet = false })
		data := r.offer(vector)
		r.source.block = make(chan struct{})
		r.start()
		synctest.Wait()
		r.tells(vectorPath, 202, queuedBody)
		pass(time.Second)
		r.tells(vectorAsk, 200, `{"99874752":2}`)
		r.stop() // killed while it fetches

		again := func(block bool) {
			r = newRigWith(t, d, dir, func(o *Options) { o.Quiet = false })
			r.offer(vector)
			if block {
				r.source.block = make(chan struct{})
			}
			r.start()
			synctest.Wait()
		}
		again(true)
		r.tells(vectorAsk, 200, `{"99874752":2}`)
		r.tells(vectorPath, 202, processBody)
		close(r.source.block)
		pass(5 * time.Second)
		r.sends(vectorOnly, data)
		r.stop()

		again(false)
		pass(5 * time.Second)
		r.tells(vectorAsk, 200, `{"99874752":0}`)
		r.sends(vectorPath, data)
		r.says("/info/mod/99874752", `{"result":{"condition":0,"downloads":2}}`)
		r.stop()

		// One that failed is gone, and a repeat says so also then.
		again(false)
		const bad = 5001
		r.steam.put(bad, 7, func(d *webapi.FileDetails) { d.URL = "" })
		r.tells("/download/steam/5001", 202, queuedBody)
		pass(5 * time.Second)
		r.tells("/condition/mod/%5B5001%5D", 200, `{}`)
		r.stop()
		again(false)
		r.steam.put(bad, 7, func(d *webapi.FileDetails) { d.URL = "" })
		r.tells("/download/steam/5001", 404, `{"message":"this mod was not found","error_id":2,"reason":"not there"}`)
		r.stop()
	})
}

// However many ask for a new mod at once, Steam is asked once, one job is
// begun and the bytes come once; and what is then sent is counted exactly.
func TestCatalog_ThousandClients(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		const clients = 1000
		data := r.offer(vector)
		var first, others atomic.Int64
		all := func(path string, judge func(*httptest.ResponseRecorder)) {
			var wg sync.WaitGroup
			for range clients {
				wg.Go(func() {
					judge(r.ask(path))
				})
			}
			wg.Wait()
		}
		asked := r.steam.count()
		r.source.block = make(chan struct{})
		all(vectorPath, func(w *httptest.ResponseRecorder) {
			switch w.Body.String() {
			case queuedBody:
				first.Add(1)
			case processBody:
				others.Add(1)
			default:
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
		if first.Load() != 1 || others.Load() != clients-1 || r.steam.count() != asked+1 {
			t.Errorf("%d began a job, %d found one, Steam was asked %d times", first.Load(), others.Load(), r.steam.count()-asked)
		}
		close(r.source.block)
		pass(5 * time.Second)
		if n := r.source.count(); n != 1 {
			t.Errorf("fetched %d times", n)
		}
		all(vectorPath, func(w *httptest.ResponseRecorder) {
			if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), data) {
				t.Errorf("%d", w.Code)
			}
		})
		r.says("/info/mod/99874752", `{"result":{"downloads":`+strconv.Itoa(clients)+`}}`)
		r.says("/info/game/4920", `{"result":{"mods_downloads":`+strconv.Itoa(clients)+`}}`)
		r.says("/statistics/info/all", `{"mods":1,"mods_sent_count":`+strconv.Itoa(clients)+`}`)
	})
}

// Downloads of the game-client face count for the mod as well.
func TestCatalog_GameClientsCount(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.offer(vector)
		r.get(vector, time.Minute)
		r.do(http.MethodHead, "/"+vector.File(), nil)
		r.do(http.MethodGet, "/"+vector.File(), map[string]string{"Range": "bytes=5-"})
		r.do(http.MethodGet, "/"+vector.File(), map[string]string{"Range": "bytes=0-5"})
		r.says("/info/mod/99874752", `{"result":{"downloads":2}}`)
		r.says("/info/game/4920", `{"result":{"mods_downloads":2}}`)
	})
}

// An update that fails leaves what is here, and its failure is on record.
func TestCatalog_FailedUpdate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)))
		r := newRigWith(t, dbtest.SQLite(t), t.TempDir(), func(o *Options) {
			o.Quiet = false
			o.Config.Monitor.Requested = 0 // or the prefetch may be there first
		})
		r.start()
		synctest.Wait()
		old := r.offer(vector)
		r.tells(vectorPath, 202, queuedBody)
		pass(5 * time.Second)
		r.sends(vectorOnly, old)
		newer := Name{vector.Item, vector.Version + 60}
		data := r.offer(newer)
		r.source.fail(fault.New(fault.Unavailable, "the line is dead"))
		r.sends(vectorPath, old) // Steam's answer holds for a minute
		pass(time.Minute)
		r.tells(vectorPath, 202, updateBody)
		r.tells(vectorAsk, 200, `{"99874752":2}`) // who sees less downloads, and would get the old version
		r.tells(vectorPath, 202, processBody)
		r.sends(vectorOnly, old)
		pass(5 * time.Minute) // five attempts
		r.sends(vectorOnly, old)
		r.says("/info/mod/99874752", `{"result":{"condition":0,"date_update":"2012-09-29 22:27:50"}}`)

		// The repeat is put off by two minutes from the last failure.
		r.source.fail(nil)
		r.tells(vectorPath, 202, `{"message":"request added to queue","error_id":0,"unsuccessful_attempts":true,"updating":true}`)
		pass(3 * time.Minute)
		r.sends(vectorPath, data)
		r.source.put(Name{vector.Item, vector.Version + 120}, data)
		r.steam.put(uint64(vector.Item), vector.Version+120, func(d *webapi.FileDetails) { d.Size = int64(len(data)) })
		pass(time.Minute)
		r.tells(vectorPath, 202, updateBody) // nothing is held against it any more
	})
}

// What is larger than we accept will not be smaller in a minute: clients that
// poll see at once that it failed, and are told why.
func TestCatalog_TooLarge(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.offer(vector)
		r.source.fail(fault.New(fault.TooLarge, "The item is larger than 2GiB"))
		r.tells(vectorPath, 202, queuedBody)
		pass(2 * time.Second)
		r.tells(vectorAsk, 200, `{}`)
		r.tells(vectorPath, 404, `{"message":"this mod was not found","error_id":2,"reason":"The item is larger than 2GiB"}`)
	})
}

// The archive is taken away: that is said once, and mended when Steam may be
// asked.
func TestCatalog_Damage(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		data := r.offer(vector)
		r.tells(vectorPath, 202, queuedBody)
		pass(5 * time.Second)
		r.sends(vectorOnly, data)
		path := filepath.Join(r.dir, "blobs", filepath.FromSlash(blobKey(vector)))
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		r.tells(vectorOnly, 404, `{"message":"the mod is damaged","error_id":2}`)
		r.tells(vectorOnly, 404, `{"message":"the mod is not on the server","error_id":1}`)
		r.tells(vectorAsk, 200, `{}`)
		r.tells(vectorPath, 202, queuedBody)
		pass(5 * time.Second)
		r.sends(vectorPath, data)

		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		r.tells(vectorPath, 202, queuedBody) // mended at once
		pass(5 * time.Second)
		r.sends(vectorOnly, data)

		// Other bytes under its name are never sent; what is sound comes anew.
		if err := os.WriteFile(path, bytes.Repeat([]byte("x"), len(data)), 0o600); err != nil {
			t.Fatal(err)
		}
		r.tells(vectorOnly, 202, `{"message":"this mod is still loading","error_id":3}`)
		r.tells(vectorAsk, 200, `{"99874752":2}`)
		pass(10 * time.Second)
		r.sends(vectorOnly, data)
		if got, want := r.ask("/statistics/day").Body.String(), `"type":"damaged_mod","count":3`; !strings.Contains(got, want) {
			t.Errorf("statistics: %s, want %s", got, want)
		}
	})
}

// What our own rules keep out is not found, whatever Steam says.
func TestCatalog_Rules(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.steam.put(0xd15a, 7, nil)
		r.tells("/download/steam/53594", 404, `{"message":"this mod was not found","error_id":2,"reason":"Denied - not serving that mod"}`)
		r.steam.put(8, 7, func(d *webapi.FileDetails) { d.AppID = 294100 })
		r.tells("/download/steam/8", 404, `{"message":"this mod was not found","error_id":2,"reason":"Denied - wrong app_id"}`)
		r.steam.put(9, 7, func(d *webapi.FileDetails) { d.Banned = true })
		r.tells("/download/steam/9", 404, `{"message":"this mod was not found","error_id":2}`)
		r.tells("/download/steam/18446744073709551615", 404, `{"message":"this mod was not found","error_id":2}`)
		before := r.steam.count()
		for range 5 {
			r.tells("/download/steam/10", 404, `{"message":"this mod was not found","error_id":2}`)
		}
		if n := r.steam.count() - before; n != 1 {
			t.Errorf("Steam was asked %d times about one item", n)
		}
		r.steam.set(errSteamDown)
		r.tells("/download/steam/11", 503, `{"message":"steam is not reachable","error_id":4}`)
	})
}

// Nothing can be fetched: that is said before a job is begun.
func TestCatalog_NotReady(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *config.Workshop) {}, func(t *testing.T, r *rig) {
		r.offer(vector)
		sources := r.sources
		r.sources = nil
		if w := r.ask(vectorPath); w.Code != 503 || w.Header().Get("Retry-After") != "5" ||
			w.Body.String() != `{"message":"the server is not ready to process requests","error_id":1}` {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		r.sources = sources
		r.tells(vectorPath, 202, queuedBody)
	})
}

// Of those who want a version, in whatever process, exactly one begins the
// job; it is in the database when Want returns.
func TestCatalog_Want(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		a, b := newRigOn(t, d, t.TempDir(), nil), newRigOn(t, d, t.TempDir(), nil)
		var began atomic.Int64
		var wg sync.WaitGroup
		asked, later := time.Now().Truncate(time.Microsecond), time.Now().Add(time.Hour).Truncate(time.Microsecond)
		for i := range 20 {
			r := a
			if i%2 == 1 {
				r = b
			}
			wg.Go(func() {
				ok, err := r.shelf.Want(t.Context(), int64(vector.Item), vector.Version, asked, later)
				if err != nil {
					t.Error(err)
				}
				if ok {
					began.Add(1)
				}
			})
		}
		wg.Wait()
		jobs, err := a.Jobs(t.Context())
		if err != nil || began.Load() != 1 || len(jobs) != 1 {
			t.Fatalf("%d began it, jobs %v, %v", began.Load(), jobs, err)
		}
		if j := jobs[0]; j.Name != vector || j.State != Queued || !j.Boost || !j.CreatedAt.Equal(asked) || !j.RetryAt.Equal(later) {
			t.Errorf("%+v", j)
		}
		if _, ok := a.claim(t.Context(), 0); ok {
			t.Error("it is begun before its time")
		}
		if _, err := a.Cancel(t.Context(), jobs[0].ID); err != nil {
			t.Fatal(err)
		}
		if ok, err := a.shelf.Want(t.Context(), int64(vector.Item), vector.Version, asked, time.Time{}); !ok || err != nil {
			t.Errorf("after it was cancelled: %v %v", ok, err)
		}
		if _, err := a.shelf.Want(t.Context(), 0xd15a, 5, asked, time.Time{}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("denied: %v", err)
		}
	})
}

// Details of many items are read at once, whatever memory holds.
func TestCatalog_Each(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for id := range ItemID(1200) {
		n := Name{id + 1, 5}
		err := r.store.db.Write(t.Context(), func(tx *db.Tx) error {
			item := Item{FileDetails: webapi.FileDetails{ID: uint64(n.Item), Result: webapi.ResultOK, Title: n.String(), AppID: 4920}}
			_, err := putVersion(t.Context(), tx, Version{Name: n, State: Ready, Key: blobKey(n), Size: 3})
			return errors.Join(err, putItem(t.Context(), tx, item))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := r.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id := range ItemID(1200) { // forgotten
		r.records.items.remove(id + 1)
	}
	seen := 0
	r.shelf.Each(func(id int64, st catalog.Stock) {
		d, ok := r.shelf.Details(id)
		if !ok || d.Name != (Name{ItemID(id), 5}).String() || !st.Stored || st.Version != 5 || st.Bytes != 3 {
			t.Errorf("%d: %+v %+v", id, d, st)
		}
		seen++
	})
	if seen != 1200 {
		t.Errorf("told of %d", seen)
	}
	if d, ok := r.shelf.Details(7); !ok || d.App != 4920 {
		t.Errorf("%+v %v", d, ok)
	}
}
