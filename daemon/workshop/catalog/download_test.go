package catalog

import (
	"net/http"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// A damaged archive is told of once; then the mod is not there.
func TestDownload_DamagedOnce(t *testing.T) {
	x := newDownloads(t, dbtest.SQLite(t), nil)
	x.lib.put(t, 7, 100, "x", zipOf(t, "a"))
	x.lib.damaged[7] = fault.New(fault.Invalid, "gone")
	x.expect("/download/7", 404, bodyDamaged)
	x.expect("/download/7", 404, bodyAbsent)
	x.counted(map[string]int64{countDownload: 2, countDamaged: 1, countNotFound: 1})
}

// Ids that no item has are not found, and Steam is not asked about them.
func TestDownload_Ids(t *testing.T) {
	x := newDownloads(t, dbtest.SQLite(t), nil)
	x.lib.down = fault.New(fault.Unavailable, "must not be asked")
	for _, id := range []string{"0", "-1", "-5", "9223372036854775807", "9223372036854775808", "99999999999999999999999999", "-99999999999999999999"} {
		x.expect("/download/steam/"+id, 404, bodyNotFound)
		x.expect("/download/"+id, 404, bodyAbsent)
		x.expect("/download/"+id+"/", 404, bodyAbsent)
	}
	x.counted(map[string]int64{countDownloadSteam: 7, countDownload: 14, countNotFound: 21})
	const wrong = `{"message":"mod_id: value is not a valid integer","error_id":422,"detail":[{"loc":["path","mod_id"],` +
		`"msg":"value is not a valid integer","type":"value_error"}]}`
	for _, id := range []string{"abc", "1.5", "0x10", "1e3", "%5B1%5D", "--1", "steam"} {
		x.expect("/download/"+id, 422, wrong)
		x.expect("/download/steam/"+id, 422, wrong)
	}
	x.expect("/download/steam/1/2", 404, `{"detail":"Not Found"}`)
	x.counted(map[string]int64{countDownloadSteam: 7, countDownload: 14, countNotFound: 21})
}

// A repeat after failures is put off: a minute, doubled by each of them, an
// hour at most; after a success nothing is held against the mod.
func TestDownload_Backoff(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const id = 42
		x := newDownloads(t, d, nil)
		x.lib.steam[id] = Details{ID: id, Updated: 5}
		for i, want := range []time.Duration{2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
			x.Ended(id, x.clock.Now(), fault.New(fault.Unavailable, "Timeout"))
			f, ok, err := x.store.failure(t.Context(), id)
			if err != nil || !ok || f.RetryAt.Sub(f.LastAt) != want || f.Attempts != i+1 || f.Permanent || f.Reason != "Timeout" {
				t.Errorf("after %d: %+v %v", i+1, f, err)
			}
			x.lib.stock = map[int64]Stock{}
			x.expect("/download/steam/42", 202, bodyAgain)
			if got := x.lib.wanted[len(x.lib.wanted)-1]; !got.notBefore.Equal(f.RetryAt) || got.version != 5 {
				t.Errorf("after %d: %+v, want not before %v", i+1, got, f.RetryAt)
			}
		}
		x.Ended(id, x.clock.Now(), nil)
		x.lib.stock = map[int64]Stock{}
		x.expect("/download/steam/42", 202, bodyQueued)
		if got := x.lib.wanted[len(x.lib.wanted)-1]; !got.notBefore.IsZero() {
			t.Errorf("put off until %v", got.notBefore)
		}
	})
}

// A verdict on an item holds for an hour, also over a restart.
func TestDownload_PermanentForAnHour(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newDownloads(t, d, nil)
		x.Ended(9, x.clock.Now(), fault.New(fault.NotFound, "Access Denied"))
		f, ok, err := x.store.failure(t.Context(), 9)
		if err != nil || !ok || !f.Permanent || f.RetryAt.Sub(f.LastAt) != time.Hour {
			t.Fatalf("%+v %v", f, err)
		}
		x = newDownloads(t, d, nil)
		x.lib.steam[9] = Details{ID: 9, Updated: 5}
		x.expect("/download/steam/9", 404, `{"message":"this mod was not found","error_id":2,"reason":"Access Denied"}`)
		f.LastAt, f.RetryAt = f.LastAt.Add(-time.Hour), f.RetryAt.Add(-time.Hour-time.Second)
		if err := x.store.putFailure(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		x.expect("/download/steam/9", 202, bodyAgain)
	})
}

// Requests for what is not here cost; who spends too much is told to wait.
func TestDownload_Limiter(t *testing.T) {
	left := 2
	x := newDownloads(t, dbtest.SQLite(t), func(o *Options) {
		o.Admit = func(*http.Request) (bool, time.Duration) {
			left--
			return left >= 0, 1500 * time.Millisecond
		}
	})
	x.lib.put(t, 1, 5, "stored", zipOf(t, "a"))
	x.expect("/download/steam/2", 404, bodyNotFound)
	x.lib.steam[3] = Details{ID: 3, Updated: 5}
	x.expect("/download/steam/3", 202, bodyQueued)
	w := x.expect("/download/steam/4", 429, `{"message":"too many requests for mods that are not here","error_id":429}`)
	if got := w.Header().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %q", got)
	}
	x.expect("/download/steam/3", 202, bodyProcessing) // looking after one's own costs nothing
	x.expect("/download/steam/0", 404, bodyNotFound)
	if w := x.do(http.MethodGet, "/download/steam/1"); w.Code != 200 {
		t.Errorf("what is here: %d", w.Code)
	}
}

func TestDownload_UpdateSteam(t *testing.T) {
	x := newDownloads(t, dbtest.SQLite(t), nil)
	x.lib.put(t, 1, 5, "stored", zipOf(t, "a"))
	x.expect("/update/steam/1", 200, `{"message":"the mod is up to date","error_id":0,"updating":false}`)
	x.lib.steam[1] = Details{ID: 1, Updated: 6}
	x.expect("/update/steam/1", 202, bodyUpdating)
	x.expect("/update/steam/1/", 202, bodyProcessing)
	x.lib.steam[2] = Details{ID: 2, Updated: 6}
	x.expect("/update/steam/2", 404, `{"message":"the mod is not on the server","error_id":2}`)
	x.expect("/info/queue/size", 200, "1")
	x.counted(map[string]int64{countUpdateSteam: 4, countUpdating: 1, countQueueSize: 1})
	if len(x.lib.wanted) != 1 || len(x.timings()) != 0 {
		t.Errorf("%v %v", x.lib.wanted, x.timings())
	}
}

// What is here says nothing of what Steam has.
func TestDownload_UpdateSteamWithoutSteam(t *testing.T) {
	x := newDownloads(t, dbtest.SQLite(t), nil)
	x.lib.put(t, 1, 5, "stored", zipOf(t, "a"))
	x.lib.down = fault.New(fault.Unavailable, "Steam cannot be asked").WithRetryAfter(time.Minute)
	w := x.expect("/update/steam/1", 503, `{"message":"steam is not reachable","error_id":4}`)
	if got := w.Header().Get("Retry-After"); got != "60" {
		t.Errorf("Retry-After %q", got)
	}
	x.lib.down = nil
	delete(x.lib.steam, 1) // gone: nothing newer will come
	x.expect("/update/steam/1", 200, `{"message":"the mod is up to date","error_id":0,"updating":false}`)
	if len(x.lib.wanted) != 0 {
		t.Errorf("%v", x.lib.wanted)
	}
}
