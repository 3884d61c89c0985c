package proof

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// Parts of a short proof in bytes.
const (
	headSize  = 5 // expiry and key number
	macSize   = 27
	shortSize = headSize + macSize
)

// ShortLength is how long a short proof is.
const ShortLength = 2 * shortSize

// Short returns a short proof of a user that ends at expiry, a whole second.
func (r *Ring) Short(user int64, expiry time.Time) string {
	var raw [shortSize]byte
	k := r.Current()
	binary.BigEndian.PutUint32(raw[:], uint32(expiry.Unix()))
	raw[4] = k.Number
	sum := k.mac(user, [headSize]byte(raw[:headSize]))
	copy(raw[headSize:], sum[:macSize])
	return hex.EncodeToString(raw[:])
}

// mac is what only we can compute of a user and the head of his proof.
func (k *Key) mac(user int64, head [headSize]byte) (sum [sha256.Size]byte) {
	const label = "proof-v2\x00"
	var message [len(label) + 8 + headSize]byte
	copy(message[:], label)
	binary.BigEndian.PutUint64(message[len(label):], uint64(user))
	copy(message[len(label)+8:], head[:])
	h := hmac.New(sha256.New, k.Secret)
	h.Write(message[:])
	h.Sum(sum[:0])
	return sum
}

// CheckShort reports whether text is a short proof of the user that has not
// ended. known is false when it names a key that is not in the ring.
func (r *Ring) CheckShort(text string, user int64, now time.Time) (valid, known bool) {
	var raw [shortSize]byte
	if !decodeLower(raw[:], text) {
		return false, true
	}
	head := [headSize]byte(raw[:headSize])
	if !now.Before(time.Unix(int64(binary.BigEndian.Uint32(head[:])), 0)) {
		return false, true
	}
	k := r.byNumber(head[4])
	if k == nil {
		return false, false
	}
	sum := k.mac(user, head)
	return hmac.Equal(sum[:macSize], raw[headSize:]), true
}

// decodeLower reads hexadecimal digits in lower case, exactly as many as fit.
func decodeLower(into []byte, text string) bool {
	if len(text) != 2*len(into) {
		return false
	}
	for i := range into {
		high, ok1 := digit(text[2*i])
		low, ok2 := digit(text[2*i+1])
		if !ok1 || !ok2 {
			return false
		}
		into[i] = high<<4 | low
	}
	return true
}

func digit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
