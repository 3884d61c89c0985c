package serverlist

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Page is one state of the list of servers. It does not change, but for its
// compressed form, which is made when it is first wanted.
type Page struct {
	// Body is a JSON array of the listed servers by id, in the form that
	// Options.Wire gives each.
	Body []byte
	// ETag is a strong entity tag of Body, in quotes (RFC 9110 §8.8.3), and
	// GzipETag one of its compressed form.
	ETag, GzipETag string

	servers []Server  // the listed ones, by id
	made    time.Time // by the clock of the service
	version uint64    // of the board
	expires time.Time // when the first of them drops out; zero: none can

	mu sync.Mutex
	gz []byte
}

// newPage makes the state in which these servers are listed.
func newPage(servers []Server, wires [][]byte, now time.Time, version uint64, window time.Duration) *Page {
	size := 2
	for _, w := range wires {
		size += len(w) + 1
	}
	body := make([]byte, 0, size)
	body = append(body, '[')
	for i, w := range wires {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, w...)
	}
	body = append(body, ']')
	sum := sha256.Sum256(body)
	tag := hex.EncodeToString(sum[:16])
	p := &Page{
		Body: body, ETag: `"` + tag + `"`, GzipETag: `"` + tag + `-gzip"`,
		servers: servers, made: now, version: version,
	}
	for i := range servers {
		if end := servers[i].Updated.Add(window); p.expires.IsZero() || end.Before(p.expires) {
			p.expires = end
		}
	}
	return p
}

// live reports whether nobody has dropped out of the window since the page
// was made.
func (p *Page) live(now time.Time) bool { return p.expires.IsZero() || now.Before(p.expires) }

// smallBody is how long a body is that is compressed whenever it is wanted.
const smallBody = 64 << 10

// Gzip returns the compressed body. ok is false for a long body when another
// was compressed a moment ago: lists that change all the time are then sent
// as they are rather than compressed all the time.
func (b *board) gzip(p *Page) (body []byte, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gz != nil {
		return p.gz, true
	}
	if len(p.Body) > smallBody && !b.mayCompress() {
		return nil, false
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err == nil {
		_, err = w.Write(p.Body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil { // a buffer takes everything
		return nil, false
	}
	p.gz = out.Bytes()
	return p.gz, true
}
