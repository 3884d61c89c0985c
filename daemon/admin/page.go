package admin

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// page serves the embedded user interface: static files below /app/static/
// and the one HTML document at every other address below /app/. Each file is
// read, hashed and compressed once, when it is first asked for.
//
// The document names its files below /app/static/<edition>/, where the edition
// is a checksum over all of them, so that browsers keep them for good; what
// they import is relative and stays below it. The same files without the
// edition are asked about each time.
type page struct {
	files   fs.FS
	edition func() (string, error)
	mu      sync.Mutex
	assets  map[string]*asset
}

const (
	document   = "index.html"
	staticPath = "/app/static/"
)

// asset is one file ready to be sent.
type asset struct {
	contentType, etag string
	plain, gzipped    []byte // gzipped is nil when it would not be smaller
}

func newPage(files fs.FS) *page {
	return &page{
		files: files, assets: map[string]*asset{},
		edition: sync.OnceValues(func() (string, error) { return editionOf(files) }),
	}
}

// editionOf hashes the names and contents of all files.
func editionOf(files fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		fmt.Fprintf(h, "%s %d\n", name, len(text))
		h.Write(text)
		return err
	})
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9]), err
}

// document sends the HTML document; the script in it reads the address.
func (p *page) document(w http.ResponseWriter, r *http.Request) {
	p.serve(w, r, document, http.StatusOK)
}

// unknown sends the document for an address that nobody has; the script in it
// says so in the reader's language.
func (p *page) unknown(w http.ResponseWriter, r *http.Request) {
	p.serve(w, r, document, http.StatusNotFound)
}

// static sends a file below /app/static/, with or without the edition.
func (p *page) static(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, staticPath)
	first, rest, _ := strings.Cut(name, "/")
	edition, err := p.edition()
	if err != nil {
		web.WriteError(w, r, err)
		return
	}
	if first == edition {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		name = rest
	}
	p.serve(w, r, name, http.StatusOK)
}

func (p *page) serve(w http.ResponseWriter, r *http.Request, name string, status int) {
	a, err := p.asset(name)
	if err != nil {
		web.WriteError(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache") // kept, but asked about each time
	}
	body, etag := a.plain, `"`+a.etag+`"`
	if a.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			body, etag = a.gzipped, `"`+a.etag+`-gzip"`
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("ETag", etag)
	if status == http.StatusOK && web.NoneMatch(r.Header.Get("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body) // the client is gone if this fails
	}
}

func (p *page) asset(name string) (*asset, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, ok := p.assets[name]; ok {
		return a, nil
	}
	if !fs.ValidPath(name) {
		return nil, fault.New(fault.NotFound, "There is no such file")
	}
	text, err := fs.ReadFile(p.files, name)
	if err != nil { // absent, or a folder
		return nil, fault.Wrap(err, fault.NotFound, "There is no such file")
	}
	if name == document {
		edition, err := p.edition()
		if err != nil {
			return nil, err
		}
		text = bytes.ReplaceAll(text, []byte(`"`+staticPath), []byte(`"`+staticPath+edition+`/`))
	}
	a := &asset{plain: text, contentType: contentType(name)}
	sum := sha256.Sum256(text)
	a.etag = base64.RawURLEncoding.EncodeToString(sum[:12])
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	if b.Len() < len(text)*9/10 {
		a.gzipped = b.Bytes()
	}
	p.assets[name] = a
	return a, nil
}

// contentType does not ask the system's table, which differs between
// machines, for the types the page consists of.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json":
		return "application/json"
	case ".svg":
		return "image/svg+xml"
	case ".webmanifest":
		return "application/manifest+json"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if coding == "gzip" {
			return strings.ReplaceAll(params, " ", "") != "q=0"
		}
	}
	return false
}
