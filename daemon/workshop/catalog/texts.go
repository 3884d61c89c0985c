package catalog

import (
	"container/list"
	"context"
	"slices"
	"sync"
)

// maxTexts bounds the bytes of descriptions in memory.
const maxTexts = 32 << 20

// texts are descriptions in the form of JSON strings, those asked for last.
type texts struct {
	mu    sync.Mutex
	max   int
	bytes int
	items map[int64]*list.Element // of text
	used  *list.List              // the last first
	// forgotten counts calls of forget: what was read before one may be old.
	forgotten uint64
}

type text struct {
	item int64
	json []byte
}

func newTexts(limit int) *texts {
	return &texts{max: limit, items: map[int64]*list.Element{}, used: list.New()}
}

// get puts the texts of items into found, nil for those it does not have,
// and returns a mark for put.
func (t *texts) get(items []int64, found [][]byte) (missing []int64, mark uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, id := range items {
		if el := t.items[id]; el != nil {
			t.used.MoveToFront(el)
			found[i] = el.Value.(text).json
		} else {
			missing = append(missing, id)
		}
	}
	return missing, t.forgotten
}

// put keeps a text that was read after get returned mark.
func (t *texts) put(item int64, json []byte, mark uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.forgotten != mark || t.items[item] != nil {
		return
	}
	t.items[item] = t.used.PushFront(text{item, json})
	for t.bytes += textSize(json); t.bytes > t.max; {
		t.drop(t.used.Back())
	}
}

// textSize is roughly what a text takes.
func textSize(json []byte) int { return len(json) + 128 }

func (t *texts) drop(el *list.Element) {
	gone := t.used.Remove(el).(text)
	delete(t.items, gone.item)
	t.bytes -= textSize(gone.json)
}

// forget drops a text because it changed.
func (t *texts) forget(item int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forgotten++
	if el := t.items[item]; el != nil {
		t.drop(el)
	}
}

// describe returns the descriptions of items as JSON strings, in their order.
func (s *Service) describe(ctx context.Context, items []int64) ([][]byte, error) {
	found := make([][]byte, len(items))
	missing, mark := s.texts.get(items, found)
	if len(missing) == 0 {
		return found, nil
	}
	stored, err := s.store.descriptions(ctx, missing)
	if err != nil {
		return nil, err
	}
	for _, id := range missing {
		plain := stored[id]
		if plain == "" { // not filled in yet
			d, _ := s.library.Details(id)
			plain = d.Description
		}
		json := slices.Clip(appendString(nil, plain))
		s.texts.put(id, json, mark)
		for i, item := range items {
			if item == id {
				found[i] = json
			}
		}
	}
	return found, nil
}
