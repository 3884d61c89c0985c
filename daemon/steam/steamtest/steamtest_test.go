package steamtest

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// details asks one of the two calls and returns the objects of the answer.
func details(t *testing.T, resp *http.Response, err error) []map[string]any {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Response struct {
			Details []map[string]any `json:"publishedfiledetails"`
		} `json:"response"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp.Status, err)
	}
	return answer.Response.Details
}

func keyed(t *testing.T, s *Steam, query string) []map[string]any {
	t.Helper()
	resp, err := http.Get(s.URL() + "/IPublishedFileService/GetDetails/v1/?" + query)
	return details(t, resp, err)
}

func keyless(t *testing.T, s *Steam, form url.Values) []map[string]any {
	t.Helper()
	resp, err := http.PostForm(s.URL()+"/ISteamRemoteStorage/GetPublishedFileDetails/v1/", form)
	return details(t, resp, err)
}

// TestShapes: what distinguishes the two calls, and a bad result, on the wire.
func TestShapes(t *testing.T) {
	s := New(t)
	s.Put(Item{ID: 1, Updated: 100, Title: "legacy", Content: []byte("abc"), Banned: true},
		Item{ID: 2, Updated: 200, UGC: true, Manifest: 77, Size: 9}, Item{ID: 3, Result: 15})

	got := keyed(t, s, "key=k&publishedfileids%5B0%5D=1&publishedfileids%5B1%5D=2&publishedfileids%5B2%5D=3&publishedfileids%5B3%5D=4&itemcount=4")
	if len(got) != 4 {
		t.Fatalf("%d objects", len(got))
	}
	for _, c := range []struct {
		object map[string]any
		name   string
		want   any
	}{
		{got[0], "publishedfileid", "1"}, {got[0], "file_size", "3"}, {got[0], "consumer_appid", 4920.0}, {got[0], "consumer_app_id", nil},
		{got[0], "time_updated", 100.0}, {got[0], "banned", true}, {got[0], "file_url", s.FileURL(1)},
		{got[1], "file_url", nil}, {got[1], "hcontent_file", "77"},
	} {
		if c.object[c.name] != c.want {
			t.Errorf("GetDetails: %s = %v, want %v", c.name, c.object[c.name], c.want)
		}
	}
	want := []map[string]any{{"publishedfileid": "3", "result": 15.0}, {"publishedfileid": "4", "result": 9.0}}
	if diff := cmp.Diff(want, got[2:]); diff != "" {
		t.Errorf("bad results hold more than id and result:\n%s", diff)
	}

	got = keyless(t, s, url.Values{"itemcount": {"2"}, "publishedfileids[0]": {"1"}, "publishedfileids[1]": {"2"}})
	for _, c := range []struct {
		object map[string]any
		name   string
		want   any
	}{
		{got[0], "file_size", 3.0}, {got[0], "consumer_app_id", 4920.0}, {got[0], "consumer_appid", nil}, {got[0], "banned", 1.0},
		{got[1], "file_url", ""},
	} {
		if c.object[c.name] != c.want {
			t.Errorf("GetPublishedFileDetails: %s = %v, want %v", c.name, c.object[c.name], c.want)
		}
	}

	calls := s.Calls()
	if s.CallCount() != 2 || calls[0].Key != "k" || !cmp.Equal(calls[0].IDs, []uint64{1, 2, 3, 4}) || calls[1].Method != "POST" {
		t.Errorf("log %+v", calls)
	}
}

func TestFilesAndFaults(t *testing.T) {
	s := New(t)
	content := Zip(map[string]string{"a": "1", "b": "2"})
	s.Put(Item{ID: 1, Updated: 100, Content: content})
	get := func(u string) (int, http.Header, []byte, error) {
		client := &http.Client{Timeout: 5 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := client.Get(u)
		if err != nil {
			return 0, nil, nil, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, resp.Header, body, err
	}
	status, _, body, err := get(s.FileURL(1))
	if status != 200 || err != nil || !bytes.Equal(body, content) {
		t.Fatalf("%d, %v", status, err)
	}
	if _, err := zip.NewReader(bytes.NewReader(body), int64(len(body))); err != nil {
		t.Error(err)
	}
	old := s.FileURL(1)
	s.Put(Item{ID: 1, Updated: 101, Content: Zip(nil)})
	if status, _, _, _ := get(old); status != 404 {
		t.Errorf("replaced content: %d", status)
	}

	with := func(f Fault) (int, http.Header, []byte, error) {
		s.Put(Item{ID: 1, Updated: 100, Content: content, File: f})
		return get(s.FileURL(1))
	}
	for f, want := range map[Fault]int{ServerError: 500, Unavailable: 503, TooMany: 429, Forbidden: 403, NotFound: 404} {
		status, h, _, _ := with(f)
		if status != want || (f == TooMany || f == Unavailable) != (h.Get("Retry-After") == "7") {
			t.Errorf("%s: %d, %v", f, status, h)
		}
	}
	for f, place := range map[Fault]string{RedirectLoopback: s.trapURL, RedirectMetadata: "http://169.254.169.254/", RedirectLoop: "/ugc/1/"} {
		if status, h, _, _ := with(f); status != 302 || !strings.HasPrefix(h.Get("Location"), place) {
			t.Errorf("%s: %d to %s", f, status, h.Get("Location"))
		}
	}
	for f, length := range map[Fault]int{Short: len(content) - 1, Long: len(content) + 1, Corrupt: len(content), GzipBomb: 64 << 20, HTML: len(page)} {
		if status, _, body, err := with(f); status != 200 || err != nil || len(body) != length || bytes.Equal(body, content) {
			t.Errorf("%s: %d with %d bytes, %v", f, status, len(body), err)
		}
	}
	if _, _, _, err := with(Truncated); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("truncated: %v", err)
	}
	if _, _, _, err := with(Reset); err == nil {
		t.Error("reset: no error")
	}

	s.FailAPI(Unavailable, 1)
	for _, want := range []int{503, 200} {
		resp, err := http.PostForm(s.URL()+"/ISteamRemoteStorage/GetPublishedFileDetails/v1/", nil)
		if err != nil || resp.StatusCode != want {
			t.Errorf("%v, %v; want %d", resp, err, want)
		}
		resp.Body.Close()
	}
}

func TestCloseEndsHangingAnswers(t *testing.T) {
	s := New(t)
	s.FailAPI(Hang, -1)
	sent, ended := make(chan struct{}), make(chan error, 1)
	trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", s.URL()+"/IPublishedFileService/GetDetails/v1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := http.DefaultClient.Do(req)
		ended <- err
	}()
	<-sent
	s.Close()
	if err := <-ended; err == nil {
		t.Error("an answer came")
	}
}
