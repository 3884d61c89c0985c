package masterbase_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/demosink/masterbase"
	"github.com/quartermasterd/quartermaster/daemon/demosink/masterbase/s3test"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func read(t *testing.T, f masterbase.File, err error) string {
	t.Helper()
	if err != nil {
		return fault.KindOf(err).String()
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil || int64(len(b)) != f.Size {
		t.Errorf("%d of %d bytes, %v", len(b), f.Size, err)
	}
	return string(b)
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, filepath.Join(dir, "secret.dem"), "secret")
	old := filepath.Join(dir, "old")
	write(t, filepath.Join(old, "demoblobs", "1.dem"), "one")
	write(t, filepath.Join(old, "jsonblobs", "1.json"), "{}")
	write(t, filepath.Join(old, "demoblobs", "3.dem", "xl.meta"), "as MinIO has it")
	if err := os.Symlink(secret, filepath.Join(old, "demoblobs", "2.dem")); err != nil {
		t.Logf("no links here: %v", err)
	}
	f, err := masterbase.OpenFolder(old)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, c := range []struct {
		kind     masterbase.Kind
		id, want string
	}{
		{masterbase.Demos, "1", "one"}, {masterbase.Analyses, "1", "{}"}, {masterbase.Demos, "4", "not_found"}, {masterbase.Analyses, "2", "not_found"},
		{masterbase.Demos, "../../secret", "not_found"}, {masterbase.Demos, "", "not_found"}, {masterbase.Demos, "3", "invalid"},
	} {
		file, err := f.Open(t.Context(), c.kind, c.id)
		if got := read(t, file, err); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.kind, c.id, got, c.want)
		}
	}
	sizes := map[string]int64{}
	if err := f.Demos(t.Context(), func(id string, size int64) { sizes[id] = size }); err != nil || len(sizes) != 1 || sizes["1"] != 3 {
		t.Errorf("sizes %v, %v", sizes, err)
	}
	file, err := f.Open(t.Context(), masterbase.Demos, "2")
	if got := read(t, file, err); got == "secret" {
		t.Error("a link leads out of the folder")
	}
	for _, name := range []string{filepath.Join(dir, "none"), dir} {
		if _, err := masterbase.OpenFolder(name); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBucket(t *testing.T) {
	s3 := s3test.Start()
	defer s3.Close()
	s3.Put("demoblobs", "1.dem", []byte("one"))
	for id := range 8 { // more than a page
		s3.Put("demoblobs", string(rune('2'+id))+".dem", []byte("x"))
	}
	s3.Put("demoblobs", "notes.txt", nil)
	s3.Put("only", "", nil)
	s3.Put("copies", "a/b/demoblobs/1.dem", []byte("copied"))
	s3.Put("copies", "a/b/jsonblobs/1.json", []byte("{}"))
	keys := masterbase.Keys{Access: s3test.AccessKey, Secret: s3test.SecretKey}
	for _, c := range []struct{ address, demo, analysis string }{
		{"s3://?endpoint=" + s3.URL(), "one", "not_found"}, // there is no bucket jsonblobs
		{"s3://demoblobs?endpoint=" + s3.URL() + "&region=eu-central-1", "one", "not_found"},
		{"s3://copies/a/b/?endpoint=" + s3.URL(), "copied", "{}"},
		{"s3://only?endpoint=" + s3.URL(), "not_found", "not_found"},
	} {
		b, err := masterbase.OpenBucket(t.Context(), c.address, keys)
		if err != nil {
			t.Fatalf("%s: %v", c.address, err)
		}
		demo, err := b.Open(t.Context(), masterbase.Demos, "1")
		if got := read(t, demo, err); got != c.demo {
			t.Errorf("%s: %s, want %s", c.address, got, c.demo)
		}
		analysis, err := b.Open(t.Context(), masterbase.Analyses, "1")
		if got := read(t, analysis, err); got != c.analysis {
			t.Errorf("%s: %s, want %s", c.address, got, c.analysis)
		}
		sizes := map[string]int64{}
		if err := b.Demos(t.Context(), func(id string, size int64) { sizes[id] = size }); err != nil {
			t.Errorf("%s: %v", c.address, err)
		}
		if n := len(sizes); c.demo == "not_found" && n != 0 || c.demo == "one" && n != 9 || c.demo == "copied" && (n != 1 || sizes["1"] != 6) {
			t.Errorf("%s: sizes %v", c.address, sizes)
		}
		outside, err := b.Open(t.Context(), masterbase.Demos, "../b/demoblobs/1")
		if got := read(t, outside, err); got != "not_found" {
			t.Errorf("%s: outside: %s", c.address, got)
		}
	}
}

func TestOpenBucket_Refuses(t *testing.T) {
	s3 := s3test.Start()
	defer s3.Close()
	s3.Put("other", "", nil)
	keys := masterbase.Keys{Access: s3test.AccessKey, Secret: s3test.SecretKey}
	for _, c := range []struct {
		address string
		keys    masterbase.Keys
		want    fault.Kind
	}{
		{"http://demoblobs", keys, fault.Invalid},
		{"s3:demoblobs", keys, fault.Invalid},
		{"s3://hush:hush@demoblobs", keys, fault.Invalid},
		{"s3://demoblobs?secret_key=hush", keys, fault.Invalid},
		{"s3://demoblobs?endpoint=hush", keys, fault.Invalid},
		{"s3://demoblobs?endpoint=http://u:hush@host", keys, fault.Invalid},
		{"s3://demoblobs?endpoint=http://host/path", keys, fault.Invalid},
		{"s3://demoblobs?endpoint=%zzhush", keys, fault.Invalid},
		{"s3://?endpoint=" + s3.URL(), keys, fault.NotFound},
		{"s3://none?endpoint=" + s3.URL(), keys, fault.NotFound},
		{"s3://other?endpoint=" + s3.URL(), masterbase.Keys{Access: "x", Secret: "hush"}, fault.Forbidden},
		{"s3://other?endpoint=" + s3.URL(), masterbase.Keys{}, fault.Forbidden},
	} {
		_, err := masterbase.OpenBucket(t.Context(), c.address, c.keys)
		if err == nil || fault.KindOf(err) != c.want || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", c.address, err)
		}
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	want := masterbase.Keys{Access: "a", Secret: "b=c", Session: "d"}
	for _, text := range []string{
		"aws_access_key_id=a\naws_secret_access_key=b=c\naws_session_token=d\n",
		"# mine\r\n[default]\r\n aws_access_key_id = a \r\naws_secret_access_key\t= b=c\r\nregion = x\r\naws_session_token=d\r\n[other]\r\naws_access_key_id = z",
	} {
		if got, err := masterbase.ReadKeys(write(t, filepath.Join(dir, "keys"), text)); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "aws_access_key_id=hush\n", "hush"} {
		if _, err := masterbase.ReadKeys(write(t, filepath.Join(dir, "keys"), text)); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := masterbase.ReadKeys(filepath.Join(dir, "none")); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	for _, c := range []struct {
		environ []string
		want    masterbase.Keys
	}{
		{nil, masterbase.Keys{}},
		{[]string{"MINIO_ACCESS_KEY=m", "MINIO_SECRET_KEY=n"}, masterbase.Keys{Access: "m", Secret: "n"}},
		{[]string{"MINIO_ACCESS_KEY=m", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b=c", "AWS_SESSION_TOKEN=d"}, want},
	} {
		if got := masterbase.KeysFromEnvironment(c.environ); got != c.want {
			t.Errorf("%v: %+v", c.environ, got)
		}
	}
}

func TestOpenPostgres_Refuses(t *testing.T) {
	address := dbtest.PostgresURL(t)
	for at, want := range map[string]fault.Kind{
		"": fault.Invalid, "host=x": fault.Invalid, "postgres://u:hush@host:port/x": fault.Invalid, "mysql://u:hush@host/x": fault.Invalid,
		"postgres://u:hush@127.0.0.1:1/x?connect_timeout=1": fault.Unavailable, address: fault.NotFound,
		strings.Replace(address, "qm_test_", "qm_none_", 1): fault.NotFound,
	} {
		_, err := masterbase.OpenPostgres(t.Context(), at)
		if err == nil || fault.KindOf(err) != want || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, want %s", at, err, want)
		}
	}
}
