package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestTally(t *testing.T) {
	f := openTestFile(t, testContent(2000))
	tests := []struct {
		name, method, rng string
		status            int
		length, bytes     int64
		whole             bool
	}{
		{"all of it", "GET", "", 200, 2000, 2000, true},
		{"the head alone", "HEAD", "", 200, 2000, 0, false},
		{"the beginning", "GET", "bytes=0-99", 206, 100, 100, true},
		{"the rest", "GET", "bytes=100-", 206, 1900, 1900, false},
		{"nothing", "GET", "bytes=5000-", 416, 32, 32, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", nil)
			if tt.rng != "" {
				r.Header.Set("Range", tt.rng)
			}
			w := &Tally{ResponseWriter: httptest.NewRecorder()}
			ServeFile(w, r, f)
			if w.Status != tt.status || w.Length != tt.length || w.Bytes != tt.bytes || w.Whole() != tt.whole || w.Err != nil {
				t.Errorf("%d, %d of %d bytes, whole %v, %v", w.Status, w.Bytes, w.Length, w.Whole(), w.Err)
			}
		})
	}
	cut := &Tally{ResponseWriter: httptest.NewRecorder()}
	cut.Header().Set("Content-Length", "10")
	cut.WriteHeader(http.StatusOK)
	if _, err := cut.Write([]byte("123")); err != nil || cut.Whole() {
		t.Errorf("%v, whole %v", err, cut.Whole())
	}
}
