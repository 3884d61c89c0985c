package workshop

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestState_FileVanishes(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.offer(vector)
		r.get(vector, time.Minute)
		if err := os.Remove(filepath.Join(r.dir, "blobs", "mods", vector.File())); err != nil {
			t.Fatal(err)
		}
		r.expect("/"+vector.File(), 404, "File not found")
		if w := r.get(vector, time.Minute); w.Code != 200 {
			t.Errorf("afterwards: %d %q", w.Code, w.Header().Get("X-Reason"))
		}
		if r.source.count() != 2 {
			t.Errorf("fetched %d times, want 2", r.source.count())
		}
	})
}

// A damaged file is never served, and is fetched anew.
func TestR5_DamagedFile(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, path string, data []byte){
		"bit flip": func(t *testing.T, path string, data []byte) {
			data[len(data)/2] ^= 1
			overwrite(t, path, data)
		},
		"bit flip with the old time": func(t *testing.T, path string, data []byte) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/2] ^= 1
			overwrite(t, path, data)
			if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		},
		"truncation": func(t *testing.T, path string, data []byte) { overwrite(t, path, data[:10]) },
		"empty":      func(t *testing.T, path string, _ []byte) { overwrite(t, path, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, r *rig) {
				good := r.offer(vector)
				r.get(vector, time.Minute)
				path := filepath.Join(r.dir, "blobs", "mods", vector.File())
				damage(t, path, append([]byte(nil), good...))
				for range 20 {
					w := r.do("GET", "/"+vector.File(), nil)
					if w.Code == 200 && w.Body.String() != string(good) {
						t.Fatal("wrong bytes were served")
					}
					pass(second)
				}
				if w := r.expect("/"+vector.File(), 200, ""); w.Body.String() != string(good) {
					t.Error("not healed")
				}
				if keys := fmt.Sprint(r.keys()); keys != "[mods/m5f3f7c0_1348957670.zip quarantine/m5f3f7c0_1348957670.zip]" {
					t.Errorf("stored: %s", keys)
				}
			})
		})
	}
}

// A file that was only touched is served again after a check.
func TestState_TouchedFile(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.offer(vector)
		r.get(vector, time.Minute)
		path := filepath.Join(r.dir, "blobs", "mods", vector.File())
		if err := os.Chtimes(path, time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
		r.expect("/"+vector.File(), 202, "Downloading")
		pass(second)
		r.expect("/"+vector.File(), 200, "")
		if r.source.count() != 1 {
			t.Error("fetched anew")
		}
	})
}

func overwrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// What is stored is ready also while Steam cannot say what is current.
func TestState_StoredWhileSteamIsDown(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.keep(vector, 1, 1, -1, nil)
		r.steam.mu.Lock()
		r.steam.down, r.steam.breaker = os.ErrDeadlineExceeded, true
		r.steam.mu.Unlock()
		if _, err := r.Add(t.Context(), vectorItem, 0); err != nil {
			t.Fatal(err)
		}
		for range 30 {
			pass(10 * second)
			if m, err := r.Get(t.Context(), vectorItem); err != nil || m.State != Ready {
				t.Fatalf("%v %q, %v", m.State, m.Reason, err)
			}
		}
	})
}
