package webapi

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/quartermasterd/quartermaster/daemon/steam/lenient"
)

// CollectionDetails is what a Workshop collection holds.
type CollectionDetails struct {
	ID       uint64
	Result   int // Steam EResult; ResultNone when Steam said nothing usable
	Children []Child
}

// Child is one entry of a collection.
type Child struct {
	ID uint64
	// Type is Steam's EWorkshopFileType: 0 an item, 2 another collection.
	Type int
}

// Class sorts the result.
func (d CollectionDetails) Class() Class { return Classify(d.Result) }

// Collection asks what 1 to MaxIDs collections hold and returns one answer
// per distinct id, in the order asked. It needs no key. Errors are those of
// FileDetails.
func (c *Client) Collection(ctx context.Context, ids []uint64) ([]CollectionDetails, error) {
	ids, err := distinct(ids)
	if err != nil {
		return nil, err
	}
	var params query
	params.add("collectioncount", strconv.Itoa(len(ids)))
	params.addIDs(ids)
	var out []CollectionDetails
	err = c.call(ctx, c.coll, params, func(body []byte) (limited bool, err error) {
		out, err = decodeCollections(body, ids)
		return slices.ContainsFunc(out, func(d CollectionDetails) bool { return d.Class() == RateLimited }), err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// decodeCollections reads the answer of GetCollectionDetails.
func decodeCollections(body []byte, ids []uint64) ([]CollectionDetails, error) {
	var answer struct {
		Response struct {
			Details lenient.Array `json:"collectiondetails"`
		} `json:"response"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrNonsense, jsonProblem(err))
	}
	out := make([]CollectionDetails, len(ids))
	place := make(map[uint64]*CollectionDetails, len(ids))
	for i, id := range ids {
		out[i].ID = id
		place[id] = &out[i]
	}
	for _, raw := range answer.Response.Details {
		var w struct {
			ID       lenient.Number `json:"publishedfileid"`
			Result   lenient.Number `json:"result"`
			Children children       `json:"children"`
		}
		if json.Unmarshal(raw, &w) != nil || !w.ID.Set || w.Result.N > 1<<15 {
			continue
		}
		if at := place[w.ID.N]; at != nil && at.Result == ResultNone {
			at.Result, at.Children = int(w.Result.N), w.Children
		}
	}
	return out, nil
}

// children reads the entries of a collection and leaves out unreadable ones.
type children []Child

func (v *children) UnmarshalJSON(b []byte) error {
	var list []struct {
		ID   lenient.Number `json:"publishedfileid"`
		Type lenient.Number `json:"filetype"`
	}
	*v = nil
	// An element of another shape is left at its zero value, without an id.
	_ = json.Unmarshal(b, &list)
	for _, w := range list {
		if w.ID.Set && w.Type.N < 1<<15 {
			*v = append(*v, Child{ID: w.ID.N, Type: int(w.Type.N)})
		}
	}
	return nil
}
