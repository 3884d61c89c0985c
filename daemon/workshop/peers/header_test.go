package peers

import (
	"net/http"
	"testing"
)

// FuzzHeaders: what a peer writes into its header is read without harm.
func FuzzHeaders(f *testing.F) {
	f.Add("bytes 5-9/10", int64(5), "sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:")
	f.Add("bytes */10", int64(0), "md5=:x:, sha-256=:AA==:")
	f.Add("bytes 0--1/0", int64(0), ",,,")
	f.Fuzz(func(t *testing.T, part string, from int64, digest string) {
		if total, ok := continues(part, from); ok && from >= 0 && total <= from-1 {
			t.Fatalf("%q from %d: total %d", part, from, total)
		}
		if sum, ok := reprDigest(http.Header{"Repr-Digest": {digest}}); ok && len(sum) != 32 {
			t.Fatalf("%q: %x", digest, sum)
		}
	})
}
