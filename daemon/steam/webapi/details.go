package webapi

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
)

// FileDetails is what Steam says of one Workshop item. Only ID and Result
// are set when Result is not ResultOK.
type FileDetails struct {
	ID     uint64
	Result int // Steam EResult; ResultNone when Steam said nothing usable
	// AppID is the app the item is made for (consumer_app_id).
	AppID uint32
	// Updated is time_updated in Unix seconds, the version of the content.
	Updated int64
	Created int64 // time_created in Unix seconds; 0 when not stated
	Title   string
	// Description is what the author wrote, in Steam's BBCode with its line
	// breaks; empty when Steam did not say. It is cut after 16,000 runes,
	// twice what Steam accepts.
	Description string
	// Size is the size of the file at URL in bytes, 0 when not stated. For
	// an item without URL it is the size of its content.
	Size int64
	// URL is where the file of a legacy item is downloaded; empty for an
	// item whose content lives in a depot.
	URL string
	// Manifest is hcontent_file, the handle of the content, in decimal;
	// empty when there is none.
	Manifest string
	Filename string
	Creator  string // SteamID64 in decimal
	// Visibility is 0 public, 1 friends only, 2 private, 3 unlisted.
	Visibility int
	Banned     bool
	BanReason  string
	Preview    string // http or https URL of a picture; empty when there is none
	// Tags are the item's tags in Steam's order. nil means that the answer
	// did not mention them, which is not the same as having none.
	Tags []string
	// Type is Steam's EWorkshopFileType: 0 an item, 2 a collection. Only a
	// call with a key states it.
	Type int
	// Children are the items that this one needs, of a collection its
	// entries, in the order of the page. nil means not told: only a call
	// with a key says what an item needs.
	Children []Child
	// Screenshots are the URLs of the further pictures of the page, in its
	// order. nil means not told: only a call with a key names them.
	Screenshots []string
	// Problem says why Result is ResultNone, for logs.
	Problem string
}

// Class sorts the result.
func (f FileDetails) Class() Class { return Classify(f.Result) }

// FileDetails asks for 1 to MaxIDs items and returns one answer per distinct
// id, in the order asked. An id that Steam left out, or described in a way
// that cannot be used, has Result ResultNone. Answers for ids that were not
// asked for are ignored.
//
// Errors concern the whole call: *StatusError, ErrBreakerOpen, ErrBudget,
// ErrNonsense, or a failed connection. After any of them but ErrBudget,
// State tells when to try again.
func (c *Client) FileDetails(ctx context.Context, ids []uint64) ([]FileDetails, error) {
	ids, err := distinct(ids)
	if err != nil {
		return nil, err
	}
	count := strconv.Itoa(len(ids))
	var params query
	if c.details.method == "GET" {
		params.add("key", c.key)
		params.addIDs(ids)
		params.add("itemcount", count)
		if c.key != "" {
			params.add("includetags", "true")
			params.add("includechildren", "true")
			params.add("includeadditionalpreviews", "true")
		}
	} else {
		params.add("itemcount", count)
		params.addIDs(ids)
	}
	var out []FileDetails
	err = c.call(ctx, c.details, params, func(body []byte) (limited bool, err error) {
		out, err = decodeDetails(body, ids)
		return slices.ContainsFunc(out, func(f FileDetails) bool { return f.Class() == RateLimited }), err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// query is a parameter list in a fixed order.
type query string

// add appends one parameter, unless its value is empty.
func (q *query) add(name, value string) {
	if value == "" {
		return
	}
	if *q != "" {
		*q += "&"
	}
	*q += query(url.QueryEscape(name) + "=" + url.QueryEscape(value))
}

// addIDs appends publishedfileids[0], [1] and so on.
func (q *query) addIDs(ids []uint64) {
	for i, id := range ids {
		q.add("publishedfileids["+strconv.Itoa(i)+"]", strconv.FormatUint(id, 10))
	}
}

// distinct returns ids without repetitions, in order.
func distinct(ids []uint64) ([]uint64, error) {
	out := make([]uint64, 0, len(ids))
	seen := make(map[uint64]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	if len(out) == 0 || len(out) > MaxIDs {
		return nil, fmt.Errorf("webapi: %d ids in one call, want 1 to %d", len(out), MaxIDs)
	}
	return out, nil
}
