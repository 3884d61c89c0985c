package faults

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Game servers upload recordings in pieces while the program is killed at
// random moments. After each start the offset is at least what was told
// before, the upload goes on from there, and in the end each recording is
// there once, as it was sent, with nothing of the pieces left.
func TestR1_KilledWhileUploading(t *testing.T) {
	t.Parallel()
	random := seed(t)
	p := install(t, "[workshop]\nenabled = false\n")
	p.admin()
	p.start()
	uploads := make([]*uploading, 4)
	for i := range uploads {
		uploads[i] = beginUpload(t, p, random, 30<<20+random.IntN(8<<20))
	}
	died := 0
	for ; died < 200 && !done(uploads); died++ {
		var sending sync.WaitGroup
		for _, u := range uploads {
			if u.Demo == "" {
				sending.Go(u.send)
			}
		}
		time.Sleep(time.Duration(500+random.IntN(1500)) * time.Millisecond)
		p.kill()
		sending.Wait()
		if took := p.start(); took > readyWithin() {
			t.Errorf("ready after %s", took)
		}
		for _, u := range uploads {
			u.resume()
		}
		if t.Failed() {
			return
		}
	}
	var kept int
	for _, u := range uploads {
		u.check()
		kept += u.resumed
	}
	// A copy that was cut off by a kill goes later, and has another name.
	for files, want := range map[string]int{filepath.Join(p.data, "uploads", "*"): 0, p.blob("demoblobs/*.dem"): len(uploads)} {
		if all, err := filepath.Glob(files); err != nil || len(all) != want {
			t.Errorf("%d files are %s, want %d: %v", len(all), files, want, err)
		}
	}
	figures(t, "%d kills under %d uploads, which went on behind their beginning %d times: 0 bytes below an offset lost", died, len(uploads), kept)
}

// uploading is a recording that is sent in pieces.
type uploading struct {
	t       *testing.T
	program *program
	content []byte
	told    int64 // the largest offset that was told
	resumed int   // how often it went on behind its beginning

	ID     string
	Offset int64
	Demo   string
}

func beginUpload(t *testing.T, p *program, random *rand.Rand, size int) *uploading {
	t.Helper()
	u := &uploading{t: t, program: p, content: make([]byte, size)}
	for i := range u.content {
		u.content[i] = byte(random.Uint32())
	}
	copy(u.content, "HL2DEMO\x00\x03\x00\x00\x00\x18\x00\x00\x00")
	hash := sha256.Sum256(u.content)
	p.must(http.StatusCreated, "POST", "/api/v1/demos/uploads", map[string]any{"name": "a.dem", "size": size, "sha256": hex.EncodeToString(hash[:])}, u)
	return u
}

func done(all []*uploading) bool {
	for _, u := range all {
		if u.Demo == "" {
			return false
		}
	}
	return true
}

// send sends the rest, at some 7 MiB/s, until it is there or the connection
// ends. What is told meanwhile is remembered.
func (u *uploading) send() {
	body := &slowly{r: bytes.NewReader(u.content[u.Offset:])}
	req, err := http.NewRequest("PATCH", u.program.url("/api/v1/demos/uploads/"+u.ID), body)
	if err != nil {
		u.t.Error(err)
		return
	}
	req.ContentLength = int64(len(u.content)) - u.Offset
	req.Header.Set("Authorization", "Bearer "+u.program.key)
	req.Header.Set("Upload-Offset", strconv.FormatInt(u.Offset, 10))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		res, err := client.Do(req)
		if err != nil {
			return // killed
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(res.Body)
			u.t.Errorf("PATCH at %d: %d %s", u.Offset, res.StatusCode, text)
		}
	}()
	for {
		var now uploading
		if status, err := u.program.call("GET", "/api/v1/demos/uploads/"+u.ID, nil, &now); err == nil && status == http.StatusOK {
			u.told = max(u.told, now.Offset)
		}
		select {
		case <-ended:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// slowly is a body that takes its time.
type slowly struct{ r io.Reader }

// Read implements io.Reader.
func (s *slowly) Read(p []byte) (int, error) {
	time.Sleep(4 * time.Millisecond)
	return s.r.Read(p[:min(len(p), 32<<10)])
}

// resume asks how far the upload is.
func (u *uploading) resume() {
	u.t.Helper()
	now := u.now()
	if now.Offset == int64(len(u.content)) { // whole when it was killed: it is finished by itself
		eventually(u.t, 20*time.Second, "the upload is made a recording", func() bool { now = u.now(); return now.Demo != "" })
	}
	if now.Offset < u.told {
		u.t.Errorf("the offset is %d; %d was told before", now.Offset, u.told)
	}
	if now.Demo == "" && now.Offset > 0 {
		u.resumed++
	}
	u.Offset, u.Demo, u.told = now.Offset, now.Demo, max(u.told, now.Offset)
}

func (u *uploading) now() (now uploading) {
	u.t.Helper()
	u.program.must(http.StatusOK, "GET", "/api/v1/demos/uploads/"+u.ID, nil, &now)
	return now
}

// check compares the recording, and brings it again.
func (u *uploading) check() {
	u.t.Helper()
	got, err := os.ReadFile(u.program.blob("demoblobs/" + u.Demo + ".dem"))
	if err != nil || !bytes.Equal(got, u.content) {
		u.t.Errorf("the recording %s has %d bytes and is not what was sent, %d bytes: %v", u.Demo, len(got), len(u.content), err)
	}
	hash := sha256.Sum256(u.content)
	var again uploading
	u.program.must(http.StatusCreated, "POST", "/api/v1/demos/uploads", map[string]any{"name": "b.dem", "size": len(u.content), "sha256": hex.EncodeToString(hash[:])}, &again)
	if again.Demo != u.Demo {
		u.t.Errorf("sent again it is %q, not %s", again.Demo, u.Demo)
	}
}
