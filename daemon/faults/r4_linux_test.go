package faults

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A stream fills the disk. Its player is told so, what came is stored, the
// database goes on, and recordings are taken again when there is room.
func TestR4_DiskFullWhileStreaming(t *testing.T) {
	t.Parallel()
	p := install(t, "[workshop]\nenabled = false\n")
	p.data = filepath.Join(smallDisk(t, "48m"), "data")
	p.start()
	s := &streaming{program: p, key: strings.TrimSpace(p.run("", "key", "create", "76561198000000001", "--kind", "demos")), number: 1}
	s.open(t)
	conn, reader := s.dial(t)
	closing := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(reader)
		closing <- b
	}()
	header := []byte{0x82, 0xFE, streamBlock >> 8, 0, 0, 0, 0, 0}
	for offset := int64(0); ; offset += streamBlock {
		if _, err := conn.Write(append(header, s.block(offset)...)); err != nil {
			break
		}
		if offset > 16<<30 {
			t.Fatal("the disk does not fill")
		}
		if len(closing) > 0 {
			break
		}
	}
	if told := string(<-closing); !strings.Contains(told, "\x03\xF5The disk of the server is full") { // 1013
		t.Errorf("the player was told %q", told)
	}
	status, body, err := get(p.url("/session_id?api_key=" + s.key + "&fake_ip=1&map=m"))
	if err != nil || status != http.StatusForbidden && status != http.StatusInsufficientStorage {
		t.Errorf("another session: %d %s %v", status, body, err)
	}
	size, _ := s.check(t, time.Now())
	if size < 16<<20 {
		t.Errorf("%d bytes are stored", size)
	}
	status, body, err = get(p.url("/session_id?api_key=" + s.key + "&fake_ip=1&map=m"))
	if err != nil || status != http.StatusInsufficientStorage {
		t.Errorf("a session on a full disk: %d %s %v", status, body, err)
	}
	if err := os.Remove(p.blob("demoblobs/" + s.id + ".dem")); err != nil {
		t.Fatal(err)
	}
	took := eventually(t, 30*time.Second, "recordings are taken again", func() bool {
		status, _, err := get(p.url("/session_id?api_key=" + s.key + "&fake_ip=1&map=m"))
		return err == nil && status == http.StatusOK
	})
	figures(t, "%d MiB stored of the stream that filled the disk, recordings again after %s", size>>20, took.Round(100*time.Millisecond))
}
