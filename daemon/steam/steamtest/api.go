package steamtest

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

func (s *Steam) apiMux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /IPublishedFileService/GetDetails/v1/", s.method(s.getDetails))
	mux.HandleFunc("POST /ISteamRemoteStorage/GetPublishedFileDetails/v1/", s.method(s.getPublishedFileDetails))
	mux.HandleFunc("POST /ISteamRemoteStorage/GetCollectionDetails/v1/", s.method(s.getCollectionDetails))
	mux.HandleFunc("GET /ISteamUser/GetPlayerSummaries/v2/", s.method(s.getPlayerSummaries))
	mux.HandleFunc("GET /IGameServersService/QueryByFakeIP/v1/", s.method(s.queryByFakeIP))
	mux.HandleFunc("GET /IGameServersService/GetServerList/v1/", s.method(s.getServerList))
	return mux
}

// method logs a call, applies the fault in force and answers with what answer
// returns, or with 403 when it returns nil.
func (s *Steam) method(answer func(Call) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		form, _ := url.ParseQuery(string(body))
		if r.Method == http.MethodGet {
			form = r.URL.Query()
		}
		call := Call{
			Time: time.Now(), Method: r.Method, Path: r.URL.Path, RawQuery: r.URL.RawQuery,
			Form: string(body), Key: form.Get("key"), IDs: idsOf(form), Header: r.Header.Clone(),
		}
		fault := s.logCall(call)
		if !s.wait(r, s.settings().delay) {
			return
		}
		if fault != None {
			s.fail(w, r, fault, []byte(`{"response":{}}`))
			return
		}
		content := answer(call)
		if content == nil {
			http.Error(w, "<html><head><title>Forbidden</title></head><body><h1>Forbidden</h1></body></html>", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		_ = json.NewEncoder(w).Encode(map[string]any{"response": content})
	}
}

func (s *Steam) logCall(c Call) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callCount++
	if len(s.calls) >= maxLog {
		s.calls = append([]Call(nil), s.calls[maxLog/2:]...)
	}
	s.calls = append(s.calls, c)
	if s.faultsLeft == 0 {
		return None
	}
	if s.faultsLeft > 0 {
		s.faultsLeft--
	}
	return s.fault
}

// idsOf reads publishedfileids[0], [1] … up to the first one missing.
func idsOf(form url.Values) []uint64 {
	var ids []uint64
	for i := 0; ; i++ {
		id, err := strconv.ParseUint(form.Get("publishedfileids["+strconv.Itoa(i)+"]"), 10, 64)
		if err != nil {
			return ids
		}
		ids = append(ids, id)
	}
}

// getDetails answers as IPublishedFileService does: file_size is quoted, the
// app is consumer_appid, and a UGC item has no file_url at all.
func (s *Steam) getDetails(c Call) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != "" && c.Key != s.key {
		return nil
	}
	list := []any{}
	for _, id := range c.IDs {
		it, object, full := s.object(id)
		if full {
			object["creator_appid"], object["consumer_appid"] = it.App, it.App
			object["file_size"] = strconv.FormatInt(it.stated(), 10)
			object["banned"] = it.Banned
			object["file_type"] = 0
			object["file_description"] = it.Description
			it.addPage(object, c)
			if u := s.fileURL(it); u != "" {
				object["file_url"] = u
			}
		}
		if object != nil {
			list = append(list, object)
		}
	}
	return map[string]any{"publishedfiledetails": list}
}

// getPublishedFileDetails answers as ISteamRemoteStorage does: file_size is a
// number, the app is consumer_app_id, and a UGC item has an empty file_url.
func (s *Steam) getPublishedFileDetails(c Call) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.noKeyless {
		return nil
	}
	list := []any{}
	for _, id := range c.IDs {
		it, object, full := s.object(id)
		if full {
			object["creator_app_id"], object["consumer_app_id"] = it.App, it.App
			object["file_size"] = it.stated()
			object["file_url"] = s.fileURL(it)
			object["description"] = it.Description
			object["banned"] = 0
			if it.Banned {
				object["banned"] = 1
			}
		}
		if object != nil {
			list = append(list, object)
		}
	}
	return map[string]any{"result": 1, "resultcount": len(list), "publishedfiledetails": list}
}

// object builds what both calls have in common. full is false when nothing
// is to be added; object is nil when the item is to be left out.
func (s *Steam) object(id uint64) (it Item, object map[string]any, full bool) {
	it, known := s.items[id]
	object = map[string]any{"publishedfileid": strconv.FormatUint(id, 10)}
	switch {
	case !known:
		object["result"] = 9
		return it, object, false
	case it.Omit:
		return it, nil, false
	case it.Malformed:
		object["result"], object["time_updated"], object["title"] = "yes", []int{1}, 7
		return it, object, false
	case it.Result != 1:
		object["result"] = it.Result
		return it, object, false
	}
	tags := []any{}
	for _, t := range it.Tags {
		tags = append(tags, map[string]any{"tag": t})
	}
	object["result"], object["title"] = 1, it.Title
	object["creator"], object["filename"] = strconv.FormatUint(it.Creator, 10), it.Filename
	object["hcontent_file"] = strconv.FormatUint(it.Manifest, 10)
	object["time_created"], object["time_updated"] = cmp.Or(it.Created, it.Updated), it.Updated
	object["visibility"], object["ban_reason"] = it.Visibility, it.BanReason
	if !it.Untold {
		object["tags"] = tags
	}
	object["preview_url"] = it.Preview
	return it, object, true
}

// asks reports whether the call sets a parameter to true.
func (c Call) asks(name string) bool {
	q, err := url.ParseQuery(c.RawQuery)
	return err == nil && q.Get(name) == "true"
}

// addPage adds what a call with a key may also ask for.
func (it Item) addPage(object map[string]any, c Call) {
	if c.asks("includechildren") {
		object["num_children"] = len(it.Children)
		if len(it.Children) > 0 { // an empty list is left out
			list := make([]any, len(it.Children))
			for i, id := range it.Children {
				list[i] = map[string]any{"publishedfileid": strconv.FormatUint(id, 10), "sortorder": i + 1, "file_type": 0}
			}
			object["children"] = list
		}
	}
	if c.asks("includeadditionalpreviews") {
		list := make([]any, len(it.Screenshots))
		for i, u := range it.Screenshots {
			list[i] = map[string]any{"previewid": strconv.Itoa(i + 1), "sortorder": i, "url": u, "preview_type": 0}
		}
		object["previews"] = list
	}
}

func (it Item) stated() int64 {
	if it.Size != 0 {
		return it.Size
	}
	return int64(len(it.Content))
}

func (s *Steam) getCollectionDetails(c Call) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []any{}
	for _, id := range c.IDs {
		object := map[string]any{"publishedfileid": strconv.FormatUint(id, 10), "result": 9}
		if ids, ok := s.collections[id]; ok {
			children := []any{}
			for i, child := range ids {
				kind := 0
				if _, nested := s.collections[child]; nested {
					kind = 2
				}
				children = append(children, map[string]any{
					"publishedfileid": strconv.FormatUint(child, 10), "sortorder": i + 1, "filetype": kind,
				})
			}
			object["result"], object["children"] = 1, children
		}
		list = append(list, object)
	}
	return map[string]any{"result": 1, "resultcount": len(list), "collectiondetails": list}
}
