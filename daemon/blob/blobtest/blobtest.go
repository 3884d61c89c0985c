// Package blobtest says what every blob.Store must do, as tests.
package blobtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

var ctx = context.Background()

// Run tests the stores that open returns, each empty and for one test.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	tests := []struct {
		name string
		test func(t *testing.T, s blob.Store)
	}{
		{"commit", testCommit},
		{"abort", testAbort},
		{"replace", testReplace},
		{"absent", testAbsent},
		{"bad keys", testBadKeys},
		{"delete", testDelete},
		{"rename", testRename},
		{"list", testList},
		{"sweep", testSweep},
		{"seek", testSeek},
		{"cancelled", testCancelled},
		{"replace while reading", testReplaceWhileReading},
		{"free", testFree},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

// put stores a blob.
func put(t testing.TB, s blob.Store, key string, content []byte) blob.Info {
	t.Helper()
	info, err := tryPut(s, key, content)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func tryPut(s blob.Store, key string, content []byte) (info blob.Info, err error) {
	w, err := s.Create(ctx, key)
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, w.Abort()) }()
	if _, err := w.Write(content); err != nil {
		return info, err
	}
	return w.Commit(ctx)
}

func tryGet(s blob.Store, key string) (content []byte, info blob.Info, err error) {
	o, err := s.Open(ctx, key)
	if err != nil {
		return nil, info, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	content, err = io.ReadAll(o)
	return content, o.Info, err
}

func wantContent(t testing.TB, s blob.Store, key string, want []byte) {
	t.Helper()
	got, info, err := tryGet(s, key)
	if err != nil || !bytes.Equal(got, want) || info.Size != int64(len(want)) || info.Key != key {
		t.Errorf("Open(%s) = %d bytes, %+v, %v; want the %d bytes that were stored", key, len(got), info, err, len(want))
	}
}

func wantAbsent(t testing.TB, s blob.Store, key string) {
	t.Helper()
	if _, _, err := tryGet(s, key); !fault.Is(err, fault.NotFound) {
		t.Errorf("Open(%s) = %v, want not found", key, err)
	}
	if _, err := s.Stat(ctx, key); !fault.Is(err, fault.NotFound) {
		t.Errorf("Stat(%s) = %v, want not found", key, err)
	}
}

func list(t testing.TB, s blob.Store, prefix string) []string {
	t.Helper()
	var keys []string
	for info, err := range s.List(ctx, prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

func testCommit(t *testing.T, s blob.Store) {
	big := make([]byte, 1<<20+7)
	rand.Read(big)
	for key, content := range map[string][]byte{"a": []byte("content"), "mods/m706d242_1348957670.zip": big, "empty": nil, "a.b/c-d/e_f": []byte("x")} {
		before := time.Now().Add(-time.Minute)
		info := put(t, s, key, content)
		wantContent(t, s, key, content)
		got, err := s.Stat(ctx, key)
		if diff := cmp.Diff(info, got); err != nil || diff != "" {
			t.Errorf("Stat(%s): %v (-Commit +Stat):\n%s", key, err, diff)
		}
		if info.Key != key || info.Size != int64(len(content)) || info.ModTime.Before(before) {
			t.Errorf("Commit(%s) = %+v", key, info)
		}
	}
}

func testAbort(t *testing.T, s blob.Store) {
	w, err := s.Create(ctx, "dir/key")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("content")); err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, s, "dir/key")
	for range 2 {
		if err := w.Abort(); err != nil {
			t.Errorf("Abort = %v", err)
		}
	}
	wantAbsent(t, s, "dir/key")
	if _, err := w.Commit(ctx); err == nil {
		t.Error("Commit after Abort succeeds")
	}
	if _, err := w.Write([]byte("more")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Write after Abort = %v", err)
	}
	if keys := list(t, s, ""); keys != nil {
		t.Errorf("the store lists %q", keys)
	}
}

func testReplace(t *testing.T, s blob.Store) {
	put(t, s, "key", []byte("old content"))
	old, err := s.Open(ctx, "key")
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	w, err := s.Create(ctx, "key")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, "key", []byte("old content"))
	if _, err := w.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort after Commit = %v", err)
	}
	wantContent(t, s, "key", []byte("new"))
	if content, err := io.ReadAll(old); err != nil || string(content) != "old content" {
		t.Errorf("the open blob holds %q, %v", content, err)
	}
}

func testAbsent(t *testing.T, s blob.Store) {
	put(t, s, "dir/key", []byte("x"))
	for _, key := range []string{"absent", "dir", "dir/other", "dir/key/below", "no/such/folder"} {
		wantAbsent(t, s, key)
		if err := s.Rename(ctx, key, "to"); !fault.Is(err, fault.NotFound) {
			t.Errorf("Rename(%s) = %v, want not found", key, err)
		}
		if err := s.Delete(ctx, key); err != nil {
			t.Errorf("Delete(%s) = %v", key, err)
		}
	}
	wantContent(t, s, "dir/key", []byte("x"))
}

// BadKeys are keys that no store may accept.
var BadKeys = []string{
	"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "./a", "a/.", "a/..", ".a", "a/.hidden", "a.", "a./b",
	"A", "a b", "a\\b", "a:b", "c:", "c:/a", "a\x00", "ä", "a*", "a?", "con", "nul", "a/aux", "prn.txt", "com1", "lpt9.zip", "nul.tar.gz",
	string(bytes.Repeat([]byte("a"), 201)),
}

func testBadKeys(t *testing.T, s blob.Store) {
	put(t, s, "good", []byte("x"))
	for _, key := range BadKeys {
		check := func(op string, err error) {
			t.Helper()
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s(%q) = %v, want invalid", op, key, err)
			}
		}
		_, err := s.Create(ctx, key)
		check("Create", err)
		_, err = s.Open(ctx, key)
		check("Open", err)
		_, err = s.Stat(ctx, key)
		check("Stat", err)
		check("Delete", s.Delete(ctx, key))
		check("Rename from", s.Rename(ctx, key, "to"))
		check("Rename to", s.Rename(ctx, "good", key))
	}
	for _, key := range []string{"a", "0", "a.b", "a-b_c.d", "a/b/c", "-", "_", "com", "com10", "console", "nul-1", string(bytes.Repeat([]byte("a"), 200))} {
		put(t, s, key, []byte("x"))
		if err := s.Delete(ctx, key); err != nil {
			t.Errorf("Delete(%q) = %v", key, err)
		}
	}
	wantContent(t, s, "good", []byte("x"))
}

func testDelete(t *testing.T, s blob.Store) {
	put(t, s, "dir/key", []byte("content"))
	o, err := s.Open(ctx, "dir/key")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if err := s.Delete(ctx, "dir/key"); err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, s, "dir/key")
	if content, err := io.ReadAll(o); err != nil || string(content) != "content" {
		t.Errorf("the open blob holds %q, %v", content, err)
	}
	put(t, s, "dir/key", []byte("again"))
	wantContent(t, s, "dir/key", []byte("again"))
}

func testRename(t *testing.T, s blob.Store) {
	put(t, s, "from", []byte("content"))
	put(t, s, "dir/taken", []byte("old"))
	for _, step := range [][2]string{{"from", "new/folder/to"}, {"new/folder/to", "dir/taken"}, {"dir/taken", "dir/same-folder"}} {
		if err := s.Rename(ctx, step[0], step[1]); err != nil {
			t.Fatal(err)
		}
		wantAbsent(t, s, step[0])
		wantContent(t, s, step[1], []byte("content"))
	}
	if diff := cmp.Diff([]string{"dir/same-folder"}, list(t, s, "")); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func testList(t *testing.T, s blob.Store) {
	for _, key := range []string{"mods/b", "mods/a.zip", "mods/sub/c", "modsx", "other/d", "z"} {
		put(t, s, key, []byte(key))
	}
	tests := []struct {
		prefix string
		want   []string
	}{
		{"", []string{"mods/a.zip", "mods/b", "mods/sub/c", "modsx", "other/d", "z"}},
		{"mods", []string{"mods/a.zip", "mods/b", "mods/sub/c", "modsx"}},
		{"mods/", []string{"mods/a.zip", "mods/b", "mods/sub/c"}},
		{"mods/s", []string{"mods/sub/c"}},
		{"mods/a.zip", []string{"mods/a.zip"}},
		{"absent/", nil}, {"y", nil}, {"../", nil}, {"/", nil}, {"z/", nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, list(t, s, tt.prefix)); diff != "" {
			t.Errorf("List(%q) (-want +got):\n%s", tt.prefix, diff)
		}
	}
	for info, err := range s.List(ctx, "") {
		if err != nil || info.Size != int64(len(info.Key)) || info.ModTime.IsZero() {
			t.Errorf("first: %+v, %v", info, err)
		}
		break // must end the walk
	}
}

// A writer's own file is not a blob, and Sweep leaves it alone while the
// writer lives, however old.
func testSweep(t *testing.T, s blob.Store) {
	put(t, s, "dir/kept", []byte("content"))
	w, err := s.Create(ctx, "dir/unfinished")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("content")); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Sweep(ctx, time.Now().Add(time.Hour)); err != nil || n != 0 {
		t.Errorf("Sweep = %d, %v", n, err)
	}
	if diff := cmp.Diff([]string{"dir/kept"}, list(t, s, "")); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if _, err := w.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, "dir/unfinished", []byte("content"))
	wantContent(t, s, "dir/kept", []byte("content"))
}

func testSeek(t *testing.T, s blob.Store) {
	put(t, s, "key", []byte("0123456789"))
	o, err := s.Open(ctx, "key")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if _, err := o.Seek(7, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(o); err != nil || string(content) != "789" {
		t.Errorf("from 7: %q, %v", content, err)
	}
	b := make([]byte, 2)
	if _, err := o.ReadAt(b, 3); err != nil || string(b) != "34" {
		t.Errorf("at 3: %q, %v", b, err)
	}
}

func testCancelled(t *testing.T, s blob.Store) {
	put(t, s, "key", []byte("old"))
	cancelled, cancel := context.WithCancel(ctx)
	w, err := s.Create(cancelled, "key")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Write([]byte("more")); !errors.Is(err, context.Canceled) {
		t.Errorf("Write = %v, want cancelled", err)
	}
	if _, err := w.Commit(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit of half a blob = %v, want cancelled", err)
	}
	if _, err := s.Open(cancelled, "key"); !errors.Is(err, context.Canceled) {
		t.Errorf("Open = %v, want cancelled", err)
	}
	for _, err := range s.List(cancelled, "") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("List = %v, want cancelled", err)
		}
	}
	wantContent(t, s, "key", []byte("old"))
}

// Readers see one version, whole, while writers replace it.
func testReplaceWhileReading(t *testing.T, s blob.Store) {
	version := func(n int) []byte { return bytes.Repeat([]byte{byte(n)}, 10000+n) }
	put(t, s, "key", version(0))
	stop := make(chan struct{})
	var readers, writers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				content, info, err := tryGet(s, "key")
				if err != nil || len(content) == 0 || !bytes.Equal(content, version(int(content[0]))) || info.Size != int64(len(content)) {
					t.Errorf("read %d bytes, %+v, %v", len(content), info, err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for w := range 2 {
		writers.Go(func() {
			for i := range 20 {
				if _, err := tryPut(s, "key", version(1+w*100+i)); err != nil {
					t.Error(fmt.Errorf("writer %d: %w", w, err))
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}

func testFree(t *testing.T, s blob.Store) {
	if n, err := s.Free(ctx); err != nil || n <= 0 {
		t.Errorf("Free = %d, %v", n, err)
	}
}
