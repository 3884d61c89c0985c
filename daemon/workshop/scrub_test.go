package workshop

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A disk that changes bytes and nothing else is found out by reading.
func TestR5_ScrubFindsSilentDamage(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		good := r.offer(vector)
		r.get(vector, time.Minute)
		path := filepath.Join(r.dir, "blobs", "mods", vector.File())
		rotten := append([]byte(nil), good...)
		rotten[len(rotten)/2] ^= 1
		overwrite(t, path, rotten)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		v := r.index.get(vector).Version
		v.Print = fingerprintOf(info) // the file system noticed nothing
		v.VerifiedAt = time.Now().Add(90*time.Minute - scrubAfter)
		v.UpdatedAt = v.UpdatedAt.Add(time.Microsecond)
		r.index.put(v)
		if w := r.do("GET", "/"+vector.File(), nil); w.Body.String() != string(rotten) {
			t.Fatal("the damage is not silent, the test proves nothing")
		}
		pass(time.Hour)
		if r.source.count() != 1 {
			t.Error("read again too early")
		}
		pass(2 * time.Hour)
		if w := r.expect("/"+vector.File(), 200, ""); w.Body.String() != string(good) {
			t.Error("not healed")
		}
	})
}

// Without an API key Steam is asked once at the start, so that a refusal is
// in the log before a client waits.
func TestProbe_OnlyWithoutKey(t *testing.T) {
	t.Parallel()
	for _, keyless := range []bool{true, false} {
		inBubble(t, nil, func(t *testing.T, r *rig) {
			r.stop()
			r.steam.mu.Lock()
			r.steam.keyless, r.steam.calls = keyless, nil
			r.steam.mu.Unlock()
			r.start()
			pass(time.Minute)
			r.steam.mu.Lock()
			defer r.steam.mu.Unlock()
			if got := len(r.steam.calls) == 1; got != keyless {
				t.Errorf("keyless %v: Steam was asked %v", keyless, r.steam.calls)
			}
		})
	}
}
