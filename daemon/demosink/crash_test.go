package demosink

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
)

// moment is what the database held after so many changes of the disk.
type moment struct {
	at   int
	row  Session
	must int64 // bytes that may not be lost any more
}

// TestPowerCut streams and closes a recording on a disk that remembers what
// was made durable, and starts anew on every disk that a power cut could have
// left, with the row as it was then.
func TestPowerCut(t *testing.T) {
	ctx := context.Background()
	root := t.TempDir()
	rec, err := durabletest.NewRecorder(durable.Disk, root)
	if err != nil {
		t.Fatal(err)
	}
	d := lite(t)
	s := crashService(t, d, rec, root)
	data := demo(5000)
	var moments []moment
	var id SessionID
	note := func(must int64) {
		row, err := s.store.session(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		moments = append(moments, moment{rec.Changes(), row, must})
	}
	sess, err := s.Open(ctx, Caller{Account: 1, SteamID: aliceID}, Opening{Map: "pl_pier"})
	id = sess.ID
	check(t, err)
	note(0)
	st, err := s.Attach(ctx, 1, string(id))
	check(t, err)
	note(0)
	for _, to := range []int{1500, 4000} {
		check(t, st.write(data[st.size:to]))
		s.syncer.flush(ctx)
		note(int64(to))
	}
	check(t, st.write(data[4000:]))
	s.detach(st, false)
	note(5000)
	check(t, s.store.setLate(ctx, id, lateValue, time.Now()))
	check(t, s.store.closed(ctx, id, true, time.Now()))
	note(5000)
	check(t, s.finalise(ctx, id))
	note(5000)

	states := 0
	for state := range rec.CrashStates(1, 2) {
		for i, m := range moments {
			// What was acknowledged at m is on every disk from then on, until
			// the row changes again.
			if state.At < m.at || i+1 < len(moments) && state.At > moments[i+1].at {
				continue
			}
			states++
			revive(t, rec, state, m, data)
		}
	}
	if states < 30 {
		t.Errorf("only %d states were tried", states)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// crashService is a loaded service in a directory, with nothing running.
func crashService(t *testing.T, d *db.DB, fsys durable.FS, root string) *Service {
	t.Helper()
	store, err := blob.OpenDisk(fsys, filepath.Join(root, "blobs"))
	check(t, err)
	s, err := New(Options{Config: config.Default().Demos, DB: d, Blobs: store, DataDir: root, FS: fsys, Accounts: directory{}})
	check(t, err)
	check(t, s.Load(context.Background()))
	t.Cleanup(func() {
		s.finish.drain()
		_ = s.spool.release()
		_ = store.Close()
	})
	return s
}

// revive starts on a disk after a power cut, closes what is open, and looks
// at the blob.
func revive(t *testing.T, rec *durabletest.Recorder, state durabletest.State, m moment, data []byte) {
	t.Helper()
	ctx := context.Background()
	root := filepath.Join(t.TempDir(), "disk")
	check(t, rec.Rewrite(root, state))
	check(t, os.MkdirAll(filepath.Join(root, "spool"), 0o750))
	check(t, os.WriteFile(filepath.Join(root, "spool", spoolOwner), []byte(m.row.Owner), 0o600))
	d := lite(t)
	check(t, store{d}.insert(ctx, m.row))
	s := crashService(t, d, durable.Disk, root)
	if m.row.Active {
		if err := s.Close(ctx, 1, nil); err != nil {
			t.Errorf("%v: close: %v", state, err)
		}
	}
	eventually(t, "the recording is finished", func() bool {
		row, err := s.store.session(ctx, m.row.ID)
		return err == nil && !row.Active && (row.Owner == "" || m.row.Owner == "")
	})
	s.finish.wg.Wait()
	o, err := s.blobs.Open(ctx, m.row.ID.DemoKey())
	if err != nil {
		if m.must > 0 {
			t.Errorf("%v, row at %d: %v", state, m.at, err)
		}
		return
	}
	defer o.Close()
	got := make([]byte, o.Info.Size)
	if _, err := o.ReadAt(got, 0); err != nil && o.Info.Size > 0 {
		t.Fatal(err)
	}
	want := data
	if m.row.Late != nil {
		want = withLate(data)
	}
	if int64(len(got)) < m.must || !bytes.Equal(got[:m.must], want[:m.must]) {
		t.Errorf("%v, row at %d: the blob has %d bytes, differs at %d, must have %d", state, m.at, len(got), differAt(got, want), m.must)
	}
	if m.row.Owner == "" {
		if ok, err := s.spool.has(m.row.ID); ok || err != nil {
			t.Errorf("%v: the spool of a stored recording is still there: %v", state, err)
		}
	}
}

// TestFailures fails the n-th call of the disk, for every n, while a
// recording is finished: it is finished later, whole.
func TestFailures(t *testing.T) {
	for _, op := range []durabletest.Op{durabletest.Create, durabletest.Write, durabletest.Sync, durabletest.Rename, durabletest.SyncDir, durabletest.Remove, durabletest.Open} {
		t.Run(string(op), func(t *testing.T) {
			for n := 1; ; n++ {
				if !failOnce(t, op, n) {
					return
				}
			}
		})
	}
}

// failOnce reports whether there was an n-th call.
func failOnce(t *testing.T, op durabletest.Op, n int) bool {
	t.Helper()
	ctx := context.Background()
	root := t.TempDir()
	faulty := durabletest.NewFaulty(durable.Disk)
	s := crashService(t, lite(t), faulty, root)
	sess, err := s.Open(ctx, Caller{Account: 1}, Opening{})
	check(t, err)
	st, err := s.Attach(ctx, 1, string(sess.ID))
	check(t, err)
	data := demo(3000)
	check(t, st.write(data))
	s.detach(st, false)
	check(t, s.store.setLate(ctx, sess.ID, lateValue, time.Now()))
	check(t, s.store.closed(ctx, sess.ID, true, time.Now()))
	faulty.Fail(op, n, syscall.EIO, false)
	err = s.finalise(ctx, sess.ID)
	hit := faulty.Hits() > 0
	faulty.Heal()
	if err != nil {
		check(t, s.finalise(ctx, sess.ID))
	}
	check(t, s.sweepSpool(ctx))
	got, err := os.ReadFile(filepath.Join(root, "blobs", "demoblobs", string(sess.ID)+".dem"))
	if err != nil || !bytes.Equal(got, withLate(data)) {
		t.Errorf("%s %d: %d bytes, differ at %d, %v", op, n, len(got), differAt(got, withLate(data)), err)
	}
	row, err := s.store.session(ctx, sess.ID)
	if err != nil || row.Owner != "" || row.Size != 3000 {
		t.Errorf("%s %d: %+v %v", op, n, row, err)
	}
	if _, err := os.Stat(s.spool.path(sess.ID)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s %d: the spool: %v", op, n, err)
	}
	return hit
}

// TestFullDisk fills the disk in the middle of a stream: the client is told,
// and what was stored stays.
func TestFullDisk(t *testing.T) {
	for name, c := range map[string]struct {
		op   durabletest.Op
		err  error
		want websocket.StatusCode
	}{
		"no space":     {durabletest.Write, syscall.ENOSPC, websocket.StatusTryAgainLater},
		"broken disk":  {durabletest.Write, syscall.EIO, websocket.StatusInternalError},
		"failing sync": {durabletest.Sync, syscall.EIO, websocket.StatusInternalError},
	} {
		t.Run(name, func(t *testing.T) {
			faulty := durabletest.NewFaulty(durable.Disk)
			r := newRig(t, lite(t), func(o *Options) { o.FS = faulty })
			id := r.open(alice)
			c1 := r.dial(alice, id)
			data := demo(8000)
			send(t, c1, data[:4000])
			eventually(t, "the bytes are durable", func() bool { return r.row(id).Received == 4000 })
			faulty.Fail(c.op, 1, c.err, false)
			if c.op == durabletest.Write {
				faulty.Short()
			}
			send(t, c1, data[4000:])
			if ce := reads(t, c1); ce.Code != c.want {
				t.Errorf("close %v, want %d", ce, c.want)
			}
			faulty.Heal()
			r.idle(id)
			if got := r.row(id).Received; got < 4000 || got > 8000 {
				t.Errorf("received %d", got)
			}
			r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
			eventually(t, "the recording is finished", func() bool { return r.row(id).Owner == "" })
			if got := r.blob(id); len(got) < 4000 || !bytes.Equal(got, data[:len(got)]) {
				t.Errorf("%d bytes, differ at %d", len(got), differAt(got, data))
			}
		})
	}
}

// TestFloor refuses new recordings when the disk is almost full.
func TestFloor(t *testing.T) {
	r := newRig(t, lite(t), func(o *Options) { o.MinFree = 1 << 62 })
	r.want("GET", "/session_id?api_key=MB-alice&fake_ip=1&map=m", "", 507, "The disk of the server is almost full")
}
