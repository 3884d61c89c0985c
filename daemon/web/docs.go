package web

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/swaggest/swgui/v5/static"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

//go:embed viewer
var viewerFiles embed.FS

// registerViewer serves Swagger UI on our document. The page around it is
// ours: the library's own has inline scripts and styles, which our policy for
// all pages forbids. What Swagger UI itself does while it runs keeps to it.
func (s *Server) registerViewer() {
	page := viewerAsset(viewerFiles, "viewer/index.html", "text/html; charset=utf-8", "no-cache")
	s.handle("GET /docs", page, ownOperation("get-docs", "/docs", "A viewer of this document")).open()
	s.handle("GET /schema", page, ownOperation("get-schema", "/schema", "The same viewer")).open()
	for _, path := range []string{"/redoc", "/docs/oauth2-redirect"} { // where FastAPI, which some clients come from, has pages as well
		s.handle("GET "+path, page).open()
	}
	for _, f := range []struct {
		files             fs.FS
		file, path, media string
	}{
		{viewerFiles, "viewer/viewer.js", "viewer.js", "text/javascript; charset=utf-8"},
		{static.FS, "swagger-ui-bundle.js.gz", "swagger-ui-bundle.js", "text/javascript; charset=utf-8"},
		{static.FS, "swagger-ui.css.gz", "swagger-ui.css", "text/css; charset=utf-8"},
		{static.FS, "favicon-32x32.png", "favicon-32x32.png", "image/png"},
	} {
		s.handle("GET /docs/"+f.path, viewerAsset(f.files, f.file, f.media, "public, max-age=3600")).open()
	}
}

// viewerAsset serves one embedded file; a file ending in .gz goes out
// compressed to those who accept that, which all browsers do.
func viewerAsset(files fs.FS, name, mediaType, cacheControl string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := fs.ReadFile(files, name)
		if err != nil {
			WriteError(w, r, err)
			return
		}
		h := w.Header()
		if strings.HasSuffix(name, ".gz") {
			h.Set("Vary", "Accept-Encoding")
			if AcceptsGzip(r.Header.Values("Accept-Encoding")) {
				h.Set("Content-Encoding", "gzip")
			} else if body, err = gunzip(body); err != nil {
				WriteError(w, r, fault.Wrap(err, fault.Internal, "The viewer cannot be unpacked"))
				return
			}
		}
		h.Set("Content-Type", mediaType)
		h.Set("Cache-Control", cacheControl)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	})
}

// AcceptsGzip reports whether Accept-Encoding headers (RFC 9110 §12.5.3) name
// gzip.
func AcceptsGzip(accept []string) bool {
	for _, line := range accept {
		for part := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") && quality(params) > 0 {
				return true
			}
		}
	}
	return false
}

func gunzip(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z) // an embedded file: its size is known to be small
}
