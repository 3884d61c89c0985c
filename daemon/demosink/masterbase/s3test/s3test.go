// Package s3test is a small S3 on the loopback that serves objects out of
// memory to who signs with the right key: enough to read from, no more.
package s3test

import (
	"bytes"
	"encoding/xml"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// The keys that are let in.
const (
	AccessKey = "reader"
	SecretKey = "a secret of the bucket"
)

// Server holds buckets. It is safe for concurrent use.
type Server struct {
	http *httptest.Server

	mu      sync.Mutex
	buckets map[string]map[string][]byte
	cut     map[string]int // of how many bytes an answer ends
}

// Start starts a server without buckets.
func Start() *Server {
	s := &Server{buckets: map[string]map[string][]byte{}, cut: map[string]int{}}
	s.http = httptest.NewServer(s)
	return s
}

// Close ends it.
func (s *Server) Close() { s.http.Close() }

// URL is its address, http://127.0.0.1:port.
func (s *Server) URL() string { return s.http.URL }

// Put stores an object, and makes its bucket. A key of "" makes the bucket
// only.
func (s *Server) Put(bucket, key string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[bucket] == nil {
		s.buckets[bucket] = map[string][]byte{}
	}
	if key != "" {
		s.buckets[bucket][key] = content
	}
}

// Cut makes answers with an object break off after n bytes.
func (s *Server) Cut(bucket, key string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut[bucket+"/"+key] = n
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.mu.Lock()
	objects, ok := s.buckets[bucket]
	content, found := objects[key]
	n, cut := s.cut[bucket+"/"+key]
	s.mu.Unlock()
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed")
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="+AccessKey+"/"):
		refuse(w, http.StatusForbidden, "InvalidAccessKeyId")
	case !ok:
		refuse(w, http.StatusNotFound, "NoSuchBucket")
	case key == "" && r.URL.Query().Get("list-type") == "2":
		s.list(w, bucket, r.URL.Query())
	case key == "":
		w.WriteHeader(http.StatusOK)
	case !found:
		refuse(w, http.StatusNotFound, "NoSuchKey")
	case cut:
		w.Header().Set("Last-Modified", time.Unix(0, 0).UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write(content[:n])
		panic(http.ErrAbortHandler)
	default:
		w.Header().Set("ETag", `"0"`)
		http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(content))
	}
}

// pageSize is how many objects one answer lists.
const pageSize = 3

// list answers ListObjectsV2: the objects behind a token, a few at a time. The
// token is the last key that was listed.
func (s *Server) list(w http.ResponseWriter, bucket string, query url.Values) {
	type object struct {
		Key          string
		Size         int
		LastModified string
		ETag         string
	}
	type answer struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Name, Prefix          string
		IsTruncated           bool
		NextContinuationToken string
		Contents              []object
	}
	a := answer{Name: bucket, Prefix: query.Get("prefix")}
	s.mu.Lock()
	for _, key := range slices.Sorted(maps.Keys(s.buckets[bucket])) {
		if !strings.HasPrefix(key, a.Prefix) || key <= query.Get("continuation-token") {
			continue
		}
		if a.IsTruncated = len(a.Contents) == pageSize; a.IsTruncated {
			break
		}
		a.NextContinuationToken = key
		a.Contents = append(a.Contents, object{key, len(s.buckets[bucket][key]), time.Unix(1, 0).UTC().Format(time.RFC3339), `"0"`})
	}
	s.mu.Unlock()
	if !a.IsTruncated {
		a.NextContinuationToken = ""
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(a) // the client went away
}

func refuse(w http.ResponseWriter, status int, code string) {
	type answer struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(answer{Code: code, Message: code}) // the client went away
}
