package workshop

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"

	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// inRoot runs a test with one operator's folder.
func inRoot(t *testing.T, test func(t *testing.T, r *rig, root string)) {
	t.Helper()
	root := t.TempDir()
	inBubble(t, func(c *config.Workshop) { c.Roots = []string{root} }, func(t *testing.T, r *rig) { test(t, r, root) })
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	now := time.Now() // the test's
	if err := os.Chtimes(path, now, now); err != nil {
		t.Fatal(err)
	}
}

func TestFolder_IsPackedOnce(t *testing.T) {
	t.Parallel()
	inRoot(t, func(t *testing.T, r *rig, root string) {
		write(t, filepath.Join(root, "M5F3F7C0_100", "lua", "a.lua"), "print(1)")
		write(t, filepath.Join(root, "M5F3F7C0_100", ".modinfo"), "name")
		r.steam.put(vectorItem, vectorVersion, nil)
		pass(2 * time.Minute) // a scan finds the odd spelling
		r.expect("/m5f3f7c0_100.zip", 202, "Found mod folder, zipping it up now")
		r.expect("/m5f3f7c0_100.zip", 202, "Found mod folder, zipping it up now")
		pass(30 * second)
		w := r.expect("/m5f3f7c0_100.zip", 200, "")
		if !strings.HasPrefix(w.Body.String(), "PK\x03\x04") {
			t.Error("that is no zip")
		}
		st := r.index.get(Name{vectorItem, 100})
		if st.Source != "folder" || !st.ours() || st.VerifiedAt.IsZero() || len(st.SHA256) != 32 {
			t.Errorf("%+v", st.Version)
		}
		if r.steam.count() != 0 || r.source.count() != 0 {
			t.Error("Steam was asked about what lies in a folder")
		}
	})
}

// The rows of allow and deny come first, that of the app does not apply to
// what lies on disk.
func TestFolder_Policy(t *testing.T) {
	t.Parallel()
	inRoot(t, func(t *testing.T, r *rig, root string) {
		write(t, filepath.Join(root, "md15a_1", "a.lua"), "print(1)")
		write(t, filepath.Join(root, "mbad_5", "a.lua"), "print(1)")
		r.steam.put(0xbad, 5, nil)
		r.steam.items[0xbad] = withApp(r.steam.items[0xbad], 4000)
		pass(2 * time.Minute)
		r.expect("/md15a_1.zip", 403, "Denied - not serving that mod")
		r.expect("/mbad_5.zip", 202, "Found mod folder, zipping it up now")
		pass(30 * second)
		r.expect("/mbad_5.zip", 200, "")
	})
}

// The tag is that of the content from the first answer on, however long before
// the check in the background comes to the file.
func TestRoot_TagNeverChanges(t *testing.T) {
	t.Parallel()
	inRoot(t, func(t *testing.T, r *rig, root string) {
		data := steamtest.Zip(map[string]string{"a.lua": "1"})
		write(t, filepath.Join(root, vector.File()), string(data))
		pass(time.Second)
		r.get(vector, 3*second) // found by looking for it
		sum := sha256.Sum256(data)
		for _, after := range []time.Duration{0, 3 * time.Minute} {
			pass(after)
			if checked := !r.index.get(vector).VerifiedAt.IsZero(); checked != (after > 0) {
				t.Fatalf("after %s: checked is %v", after, checked)
			}
			for _, method := range []string{"HEAD", "GET"} {
				h := r.do(method, "/"+vector.File(), nil).Header()
				if h.Get("ETag") != `"`+hex.EncodeToString(sum[:16])+`"` || h.Get("Repr-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" {
					t.Errorf("%s after %s: ETag %s, Repr-Digest %s", method, after, h.Get("ETag"), h.Get("Repr-Digest"))
				}
			}
		}
	})
}

// Many who ask at once for a zip that nobody has read get one and the same
// answer.
func TestRoot_FirstAnswersAgree(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, vector.File()), string(steamtest.Zip(map[string]string{"a.lua": "1"})))
	r := newRig(t, func(c *config.Workshop) { c.Roots = []string{root} })
	if err := r.roots.Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	tags := make(chan string, 50)
	for range cap(tags) {
		go func() { tags <- r.do("HEAD", "/"+vector.File(), nil).Header().Get("ETag") }()
	}
	first := <-tags
	for range cap(tags) - 1 {
		if tag := <-tags; tag != first || len(tag) != 34 {
			t.Errorf("tags %s and %s", first, tag)
		}
	}
}

// A zip in the operator's folder is served as it lies there, in place.
func TestRoot_ZipsAreServedInPlace(t *testing.T) {
	t.Parallel()
	inRoot(t, func(t *testing.T, r *rig, root string) {
		good := string(steamtest.Zip(map[string]string{"a.lua": "1"}))
		write(t, filepath.Join(root, vector.File()), good)
		write(t, filepath.Join(root, "m77_5.zip"), "<html>503</html>")
		write(t, filepath.Join(root, "log.txt"), "secret")
		pass(3 * time.Minute)
		if w := r.expect("/"+vector.File(), 200, ""); w.Body.String() != good {
			t.Error("other bytes are served")
		}
		if w := r.get(Name{0x77, 5}, 10*second); w.Code == 200 {
			t.Error("a page of HTML is served as a zip")
		}
		if len(r.keys()) != 0 {
			t.Errorf("copied: %v", r.keys())
		}
		// Replaced by the operator: the new bytes, under another tag.
		tag := r.do("HEAD", "/"+vector.File(), nil).Header().Get("ETag")
		other := string(steamtest.Zip(map[string]string{"b.lua": "22"}))
		write(t, filepath.Join(root, vector.File()), other)
		pass(time.Minute)
		w := r.get(vector, time.Minute)
		if w.Body.String() != other || w.Header().Get("ETag") == tag {
			t.Errorf("%d, tag %s, was %s", w.Code, w.Header().Get("ETag"), tag)
		}
		// Taken away by the operator.
		if err := os.Remove(filepath.Join(root, vector.File())); err != nil {
			t.Fatal(err)
		}
		if w := r.do("GET", "/"+vector.File(), nil); w.Code == 200 {
			t.Error("served after removal")
		}
		pass(2 * time.Minute)
		if r.index.get(vector) != nil {
			t.Error("still in the index")
		}
	})
}

// What was learned of the operator's files is there again after a restart,
// and a root that is no longer configured is forgotten.
func TestRoot_Restart(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)))
		d, dir := dbtest.SQLite(t), t.TempDir()
		write(t, filepath.Join(root, vector.File()), string(steamtest.Zip(map[string]string{"a.lua": "1"})))
		with := func(c *config.Workshop) { c.Roots = []string{root} }
		one := newRigOn(t, d, dir, with)
		one.start()
		pass(3 * time.Minute)
		tag := one.expect("/"+vector.File(), 200, "").Header().Get("ETag")
		one.stop()
		two := newRigOn(t, d, dir, with)
		if err := two.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if again := two.expect("/"+vector.File(), 200, "").Header().Get("ETag"); again != tag {
			t.Errorf("the tag changed from %s to %s", tag, again)
		}
		three := newRigOn(t, d, dir, nil)
		three.start()
		pass(time.Minute)
		if three.index.get(vector) != nil {
			t.Error("a zip in a folder that is not ours any more is in the index")
		}
		three.stop()
	})
}

// However long the game writes into a folder, the client is asked to come
// back, and no attempt counts as failed.
func TestFolder_WrittenForLong(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.source.fail(modzip.ErrBeingWritten)
		r.steam.put(vectorItem, vectorVersion, nil)
		for range 30 * 60 {
			r.expect("/"+vector.File(), 202, "Downloading")
			pass(second)
		}
		jobs, err := r.Jobs(t.Context())
		if err != nil || len(jobs) != 1 || jobs[0].Attempts != 0 || jobs[0].State.Moving() != true {
			t.Errorf("jobs %+v, %v", jobs, err)
		}
	})
}

// A command that works beside the daemon does not repeat what the daemon has
// said of the folders.
func TestRoot_ProblemsAreTheDaemons(t *testing.T) {
	t.Parallel()
	absent := filepath.Join(t.TempDir(), "absent")
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *config.Workshop) { c.Roots = []string{absent} })
		r.offer(vector)
		if _, err := r.Fetch(t.Context(), vector, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := r.VerifyVersion(t.Context(), vector); err != nil {
			t.Fatal(err)
		}
		if log := r.log.String(); strings.Contains(log, "root_missing") {
			t.Errorf("a command logged\n%s", log)
		}
		r = newRig(t, func(c *config.Workshop) { c.Roots = []string{absent} })
		r.start()
		pass(5 * time.Minute)
		if log := r.log.String(); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "root_missing") {
			t.Errorf("the daemon logged\n%s", log)
		}
	})
}

// A folder that cannot be packed is refused as soon as that is known, and is
// packed once somebody mended it. The queue names what is in the way.
func TestFolders_RefusedAtOnce(t *testing.T) {
	t.Parallel()
	root, outside := t.TempDir(), t.TempDir()
	put(t, filepath.Join(outside, "secret"), []byte("x"))
	n := Name{0x5f3f7c0, 100}
	put(t, filepath.Join(root, n.String(), "a"), []byte("y"))
	link(t, filepath.Join(outside, "secret"), filepath.Join(root, n.String(), "secret"))
	inBubble(t, func(c *config.Workshop) { c.Roots = []string{root} }, func(t *testing.T, r *rig) {
		r.expect("/"+n.File(), 202, "Found mod folder, zipping it up now")
		pass(5 * time.Second)
		r.expect("/"+n.File(), 404, "Denied - could not be fetched")
		jobs, err := r.Jobs(t.Context())
		if err != nil || len(jobs) != 1 || !strings.Contains(jobs[0].Error, `"secret" is a link`) {
			t.Errorf("%+v, %v", jobs, err)
		}
		if err := os.Remove(filepath.Join(root, n.String(), "secret")); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if w := r.get(n, time.Minute); w.Code != 200 {
			t.Errorf("mended: %d %q", w.Code, w.Header().Get("X-Reason"))
		}
	})
}
