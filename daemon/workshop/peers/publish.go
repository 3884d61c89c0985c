package peers

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"sync"
	"time"
)

// publishFor is how long a published index is handed out before it is made
// anew: anybody may ask for it, as often as the limits allow.
const publishFor = 5 * time.Second

// Published is the index of what is served here, as it goes over the wire.
type Published struct {
	Body      []byte
	ETag      string // in quotes
	Signature string
	KeyID     string
}

// publication is the last index that was made.
type publication struct {
	mu     sync.Mutex
	made   time.Time
	latest Published
}

// Publish returns the signed index of what is served here, at most a few
// seconds old.
func (s *Service) Publish(ctx context.Context) (Published, error) {
	key, err := s.key(ctx)
	if err != nil {
		return Published{}, err
	}
	p := &s.publish
	p.mu.Lock()
	defer p.mu.Unlock()
	now := s.clock.Now()
	if age := now.Sub(p.made); p.latest.Body != nil && age >= 0 && age < publishFor {
		return p.latest, nil
	}
	var entries []Entry
	s.o.Stock(func(e Entry) bool {
		entries = append(entries, e)
		return ctx.Err() == nil
	})
	if err := ctx.Err(); err != nil {
		return Published{}, err
	}
	body := newIndex(entries).Encode()
	sum := sha256.Sum256(body)
	p.latest = Published{
		Body: body, ETag: `"` + hex.EncodeToString(sum[:16]) + `"`,
		Signature: base64.StdEncoding.EncodeToString(ed25519.Sign(key.private, body)), KeyID: KeyID(key.public),
	}
	p.made = now
	return p.latest, nil
}
