package steamtest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// serveFile answers GET /ugc/<id>/<sha1>/.
func (s *Steam) serveFile(w http.ResponseWriter, r *http.Request) {
	it, ok := s.logDownload(r)
	if !s.wait(r, s.settings().delay) {
		return
	}
	switch {
	case !ok:
		http.NotFound(w, r)
	case it.File != None:
		s.fail(w, r, it.File, it.Content)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Unix(it.Updated, 0), bytes.NewReader(it.Content))
	}
}

func (s *Steam) logDownload(r *http.Request) (Item, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var it Item
	if parts := strings.Split(r.URL.Path, "/"); len(parts) > 2 && parts[1] == "ugc" {
		id, _ := strconv.ParseUint(parts[2], 10, 64)
		it = s.items[id]
	}
	// A link to content that was replaced is dead, as it is at Steam.
	ok := it.ID != 0 && strings.HasSuffix(s.fileURL(it), r.URL.Path)
	if len(s.downloads) >= maxLog {
		s.downloads = append([]Download(nil), s.downloads[maxLog/2:]...)
	}
	s.downloads = append(s.downloads, Download{Time: time.Now(), ID: it.ID, Path: r.URL.Path, Header: r.Header.Clone()})
	return it, ok
}

// serveTrap stands for a service inside the network.
func (s *Steam) serveTrap(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	s.trapped++
	s.mu.Unlock()
	_, _ = io.WriteString(w, "secret of the inner network")
}

// Zip packs files, by name, into a zip archive that is the same for the same
// files. It is what the content of an item is made of.
func Zip(files map[string]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := z.CreateHeader(&zip.FileHeader{
			Name: name, Method: zip.Deflate, Modified: time.Date(2012, 9, 29, 22, 27, 50, 0, time.UTC),
		})
		if err != nil {
			panic(fmt.Sprintf("steamtest: zip entry %q: %v", name, err)) // a bytes.Buffer does not fail
		}
		_, _ = io.WriteString(f, files[name])
	}
	_ = z.Close()
	return b.Bytes()
}
